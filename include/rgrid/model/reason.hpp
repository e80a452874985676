#pragma once

#include <boost/describe/enum.hpp>

namespace rgrid {

/// Why a step is taken or deliberately not taken.
enum class Reason {
    // Creating.
    queued_jobs,      ///< Enough jobs are queued for the free slots not to suffice.
    waited_too_long,  ///< Fewer than the threshold are queued, but the oldest has waited longer than its target.
    minimum_workers,  ///< The pool keeps this many workers.
    replacement,      ///< An ageing worker is replaced before it goes.
    // Ending a worker.
    paid_period_ends,  ///< Idle, not needed, and the next paid period is about to begin.
    silent,            ///< No heartbeat for longer than the limit.
    server_vanished,   ///< The provider no longer lists its server.
    never_came_up,     ///< No worker registered within the boot limit.
    boot_failed,       ///< Its boot script has said that it failed.
    provider_failed,   ///< The provider could not finish its server.
    too_old,           ///< Older than the pool allows.
    drain_overdue,     ///< Still busy after its drain limit.
    pool_removed,      ///< Its pool is no longer configured.
    above_maximum,     ///< More workers than the pool may have.
    operator_request,
    // Book-keeping.
    worker_closed,    ///< Its session is closed: the server can be deleted.
    delete_again,     ///< The provider still lists it after a delete.
    create_in_doubt,  ///< The create call may or may not have made a server.
    create_refused,   ///< The provider refused; nothing exists.
    create_expired,   ///< The create did not make a server in time.
    server_gone,      ///< The provider no longer lists it and nothing is left to do.
    unknown_server,   ///< Carries our label but no intent stands for it.
};
BOOST_DESCRIBE_ENUM(Reason, queued_jobs, waited_too_long, minimum_workers, replacement, paid_period_ends, silent,
                    server_vanished, never_came_up, boot_failed, provider_failed, too_old, drain_overdue, pool_removed,
                    above_maximum, operator_request, worker_closed, delete_again, create_in_doubt, create_refused,
                    create_expired, server_gone, unknown_server)

}  // namespace rgrid
