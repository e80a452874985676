#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <optional>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/model/offer.hpp>
#include <rgrid/model/reason.hpp>
#include <rgrid/model/worker.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// What a step does. Every action names one server and is harmless when repeated.
enum class Action {
    create_server,  ///< Write the intent, then ask the provider.
    find_server,    ///< Look an in-doubt create up by name and record what is found.
    adopt_server,   ///< Write an intent for a server of ours that none stands for.
    close_worker,   ///< End the worker's session in the queue; nothing else may follow before it is closed.
    delete_server,  ///< Write `remove` into the intent, then ask the provider.
    settle_intent,  ///< Nothing is left of the server: take the intent off and keep the line of the bill.
};
BOOST_DESCRIBE_ENUM(Action, create_server, find_server, adopt_server, close_worker, delete_server, settle_intent)

enum class Unit {
    count,
    milliseconds,
    nanos_EUR,
    nanos_USD,
    utc_milliseconds,  ///< An instant, counted from the beginning of 1970.
};
BOOST_DESCRIBE_ENUM(Unit, count, milliseconds, nanos_EUR, nanos_USD, utc_milliseconds)

/// One number that led to a decision.
struct Fact {
    std::string name;
    std::int64_t value = 0;
    Unit unit = Unit::count;

    friend bool operator==(Fact const&, Fact const&) = default;
};
BOOST_DESCRIBE_STRUCT(Fact, (), (name, value, unit))

/// One thing to do, with what it is based on.
struct Step {
    Action action = Action::create_server;
    PoolName pool;
    ServerName server;
    std::optional<ServerId> server_id;    ///< Where the provider has named it.
    std::optional<WorkerId> worker;       ///< `close_worker`.
    CloseMode mode = CloseMode::if_idle;  ///< `close_worker`.
    BeatMark seen;                        ///< `close_worker`: the last sign of life this is based on.
    OfferKey offer;                       ///< `create_server`, `adopt_server`.
    Reason reason = Reason::queued_jobs;
    std::vector<Fact> facts;
    std::string detail{};  ///< What somebody else said: the end of a boot script's log.

    friend bool operator==(Step const&, Step const&) = default;
};
BOOST_DESCRIBE_STRUCT(Step, (), (action, pool, server, server_id, worker, mode, seen, offer, reason, facts, detail))

/// What was noticed and deliberately not acted on.
enum class FindingKind {
    source_unknown,     ///< A source could not be read: nothing that depends on it is decided.
    not_watching_long,  ///< Silence is not judged yet: our own looks have not been uninterrupted for a beat interval.
    mass_loss,          ///< Too many workers look lost at once: we may be the blind ones.
    held,               ///< An operator holds scaling and deletes.
    at_maximum,         ///< The pool has as many workers as it may have.
    at_spend_cap,       ///< One more server could break the spend cap.
    create_rate,        ///< As many creates as a minute may have.
    boot_failures,      ///< Creates are on hold because servers of this pool keep failing to come up.
    no_offer,           ///< No offer of the pool can be had now.
    creates_paused,     ///< The provider refused a create on a ground that holds for every offer of the pool.
    job_too_big,        ///< A queued job needs more slots than a worker of its pool has.
    unknown_pool,       ///< Jobs or servers name a pool that is not configured.
    duplicate,          ///< The same identity twice in one listing.
    foreign_store,      ///< A server of our fleet was made by another store.
    store_frozen,       ///< The store went back in time: nothing is decided until it is adopted.
    odd_age,            ///< An age no clock can have.
    unknown_worker,     ///< A session that no intent and no server explains.
    drain_staggered,    ///< Another ageing worker has to wait for its turn.
};
BOOST_DESCRIBE_ENUM(FindingKind, source_unknown, not_watching_long, mass_loss, held, at_maximum, at_spend_cap,
                    create_rate, boot_failures, no_offer, creates_paused, job_too_big, unknown_pool, duplicate,
                    foreign_store, store_frozen, odd_age, unknown_worker, drain_staggered)

struct Finding {
    FindingKind kind = FindingKind::source_unknown;
    PoolName pool;        ///< Empty if it concerns no single pool.
    std::string subject;  ///< A server, worker, source or offer; empty if none.
    std::vector<Fact> facts;
    std::string detail;  ///< A provider's own words, where there are some.
    std::optional<Errc> code{};  ///< `creates_paused`: on what ground.

    friend bool operator==(Finding const&, Finding const&) = default;
};
BOOST_DESCRIBE_STRUCT(Finding, (), (kind, pool, subject, facts, detail, code))

/// What to do now, in the order in which it should be tried.
struct Plan {
    std::vector<Step> steps;
    std::vector<Finding> findings;
    Duration next_look{0};  ///< From now: before this, the passage of time alone changes nothing.

    friend bool operator==(Plan const&, Plan const&) = default;
};
BOOST_DESCRIBE_STRUCT(Plan, (), (steps, findings, next_look))

}  // namespace rgrid
