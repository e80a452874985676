#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <vector>

namespace rgrid {

enum class Severity { debug, info, warning, error };
BOOST_DESCRIBE_ENUM(Severity, debug, info, warning, error)

/// What the outside is told of.
enum class EventKind {
    server_create,    ///< A create was asked for.
    server_created,   ///< The provider has made the server.
    server_refused,   ///< The provider refused a create.
    server_in_doubt,  ///< A create call failed and may have made a server.
    server_adopted,
    worker_ready,    ///< A worker registered.
    worker_drain,    ///< A worker claims nothing more.
    worker_closed,   ///< A worker was let go.
    worker_lost,     ///< A worker was given up and its jobs were requeued.
    server_delete,   ///< A delete was asked for.
    server_deleted,  ///< The provider no longer lists the server.
    step_failed,     ///< A step did not succeed; it is decided anew.
    leading,         ///< This controller acts from here on.
    watching,        ///< Another controller leads; this one only looks.
    source_unknown,  ///< A source cannot be read.
    source_known,    ///< ... and can be read again.
    finding,         ///< Something was noticed and deliberately not acted on; told once until it changes.
};
BOOST_DESCRIBE_ENUM(EventKind, server_create, server_created, server_refused, server_in_doubt, server_adopted,
                    worker_ready, worker_drain, worker_closed, worker_lost, server_delete, server_deleted, step_failed,
                    leading, watching, source_unknown, source_known, finding)

/// One line for an operator, with its parts for machines.
struct Event {
    Instant at;
    Severity severity = Severity::info;
    EventKind kind = EventKind::finding;
    PoolName pool;
    ServerName server;
    std::vector<JobId> jobs;  ///< Those it concerns, such as the requeued jobs of a lost worker.
    std::string text;         ///< A sentence.
};
BOOST_DESCRIBE_STRUCT(Event, (), (at, severity, kind, pool, server, jobs, text))

}  // namespace rgrid
