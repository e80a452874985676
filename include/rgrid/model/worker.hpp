#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <optional>
#include <rgrid/base/id.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// May the worker claim jobs?
enum class SessionState {
    open,
    draining,  ///< Claims nothing more; finishes what it holds.
    closed,    ///< Final: claims, beats and registrations are refused from here on.
};
BOOST_DESCRIBE_ENUM(SessionState, open, draining, closed)

/// A worker as the queue knows it: who it is, when it was last heard of, what it holds.
struct Session {
    WorkerId worker;
    ServerName server;
    PoolName pool;
    Incarnation incarnation;
    SessionState state = SessionState::open;
    int slots = 1;
    int busy_slots = 0;   ///< Slots of the leases it holds.
    BeatCount beat;       ///< Of this incarnation.
    Duration silence{0};  ///< Since its last beat, by the store's clock.
    Duration idle{0};     ///< Since it last held a lease (or registered), by the store's clock; zero if it holds one.
    Duration longest_left{0};  ///< The longest time one of its leases may still run; zero if it holds none.
    Duration draining_for{0};  ///< Since it began to drain, by the store's clock; zero if it does not.
    Duration age{0};           ///< Since it first registered, by the store's clock.
    std::string version;       ///< The agent's.

    friend bool operator==(Session const&, Session const&) = default;
};
BOOST_DESCRIBE_STRUCT(Session, (),
                      (worker, server, pool, incarnation, state, slots, busy_slots, beat, silence, idle, longest_left,
                       draining_for, age, version))

/// The last sign of life a decision was based on.
struct BeatMark {
    Incarnation incarnation;
    BeatCount beat;

    friend bool operator==(BeatMark const&, BeatMark const&) = default;
};
BOOST_DESCRIBE_STRUCT(BeatMark, (), (incarnation, beat))

/// How a session is to end.
enum class CloseMode {
    if_idle,  ///< Close if it holds no lease; otherwise change nothing.
    drain,    ///< No more claims; closed at once if it holds no lease.
    now,      ///< Close and requeue its jobs, charging each a loss.
};
BOOST_DESCRIBE_ENUM(CloseMode, if_idle, drain, now)

/// What a close came to.
enum class CloseOutcome {
    closed,    ///< Closed now or before.
    draining,  ///< It still holds leases and claims nothing more.
    busy,      ///< `if_idle`: it holds a lease; nothing was changed.
    changed,   ///< `now`: it has been heard of since; nothing was changed.
};
BOOST_DESCRIBE_ENUM(CloseOutcome, closed, draining, busy, changed)

struct CloseReport {
    CloseOutcome outcome = CloseOutcome::closed;
    std::vector<JobId> requeued;  ///< `now`: given back to the queue.
    std::vector<JobId> dead;      ///< `now`: lost their last allowed worker.

    friend bool operator==(CloseReport const&, CloseReport const&) = default;
};
BOOST_DESCRIBE_STRUCT(CloseReport, (), (outcome, requeued, dead))

}  // namespace rgrid
