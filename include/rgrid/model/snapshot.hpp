#pragma once

#include <boost/describe/class.hpp>
#include <optional>
#include <rgrid/base/id.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/model/demand.hpp>
#include <rgrid/model/intent.hpp>
#include <rgrid/model/memory.hpp>
#include <rgrid/model/offer.hpp>
#include <rgrid/model/server.hpp>
#include <rgrid/model/worker.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// What one source said. `value` is absent when it could not be read: unknown, which is neither empty nor zero.
template <class T>
struct Look {
    std::optional<T> value;
    Duration age{0};      ///< Since it was read, by our steady clock.
    Duration watched{0};  ///< How long looks at it have been uninterrupted; zero after a gap or a clock that disagrees.
    std::string problem;  ///< Why `value` is absent.

    friend bool operator==(Look const&, Look const&) = default;
};
BOOST_DESCRIBE_STRUCT(Look<std::vector<Server>>, (), (value, age, watched, problem))
BOOST_DESCRIBE_STRUCT(Look<std::vector<Session>>, (), (value, age, watched, problem))
BOOST_DESCRIBE_STRUCT(Look<std::vector<Offer>>, (), (value, age, watched, problem))
BOOST_DESCRIBE_STRUCT(Look<Demand>, (), (value, age, watched, problem))

/// An operator's wish that nothing is created or deleted, in one pool or (empty name) in the fleet.
struct Hold {
    PoolName pool;
    Instant since;

    friend bool operator==(Hold const&, Hold const&) = default;
};
BOOST_DESCRIBE_STRUCT(Hold, (), (pool, since))

/// Everything a decision may look at.
struct Snapshot {
    Instant now;
    FleetId fleet;
    StoreId store;
    Generation generation;
    std::string frozen;  ///< Why the store stands still until it is adopted; empty if it does not.
    LeaderEpoch epoch;
    std::int64_t next_number = 1;  ///< Of the next server name.
    Look<std::vector<Server>> servers;
    Look<std::vector<Session>> sessions;
    Look<Demand> demand;
    Look<std::vector<Offer>> offers;
    std::vector<Intent> intents;        ///< Ordered by server name.
    std::vector<ServerName> in_flight;  ///< Servers for which a step is under way: no further step for them.
    std::vector<Hold> holds;
    bool mass_loss_released = false;  ///< An operator has said that the losses are real.
    Memory memory;
    Money spent_this_month;  ///< From the ledger, finished and standing servers.

    friend bool operator==(Snapshot const&, Snapshot const&) = default;
};
BOOST_DESCRIBE_STRUCT(Snapshot, (),
                      (now, fleet, store, generation, frozen, epoch, next_number, servers, sessions, demand, offers, intents, in_flight,
                       holds, mass_loss_released, memory, spent_this_month))

}  // namespace rgrid
