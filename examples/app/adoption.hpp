#pragma once

#include <boost/describe/class.hpp>
#include <optional>
#include <rgrid/model/server.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <string>
#include <vector>

#include "app/proofs.hpp"

/// What an operator has to know before a store is adopted, pure.
namespace rgrid::app {

/// What was looked at.
struct AdoptionScene {
    FleetId fleet;
    FleetRecord record;
    JobCounts jobs;
    std::vector<Server> servers;  ///< That the provider lists.
    Proofs proofs;
};

/// Servers that another store has made.
struct ForeignServers {
    StoreId store;
    Generation generation;  ///< The latest among them.
    std::vector<ServerName> servers;

    friend bool operator==(ForeignServers const&, ForeignServers const&) = default;
};
BOOST_DESCRIBE_STRUCT(ForeignServers, (), (store, generation, servers))

/// What was found and what the adoption will make of it.
struct AdoptionPlan {
    FleetId fleet;
    StoreId store;  ///< As it is.
    Generation generation;
    std::string frozen;  ///< Why the store stands still; empty if it does not.
    StoreId adopt_as;    ///< Its identity from then on.

    std::vector<ServerName> known;      ///< Servers of that identity for which an intent stands.
    std::vector<ServerName> unknown;    ///< And without one.
    std::vector<ServerName> missing;    ///< Standing intents whose server is not listed.
    std::vector<ForeignServers> others; ///< Of other stores, which adopting does not change.

    std::int64_t waiting = 0;
    std::int64_t running = 0;
    /// They have not ended here, but their outputs prove that they succeeded. None if another identity is taken over:
    /// outputs are of that store's jobs, whose numbers mean other jobs here.
    std::vector<JobId> proven;
    std::vector<std::string> unproven;  ///< Receipts that prove nothing, each with why.

    Generation latest;              ///< Seen on servers and outputs; the new generation is greater.
    std::int64_t next_number = 0;   ///< Of the next server, at least.
    JobId last_job;                 ///< The greatest number seen; the next job gets a greater one.
};
BOOST_DESCRIBE_STRUCT(AdoptionPlan, (),
                      (fleet, store, generation, frozen, adopt_as, known, unknown, missing, others, waiting, running,
                       proven, unproven, latest, next_number, last_job))

/// @param adopt_as  The identity to take over; none: the store keeps its own. Refused (`rejected`, with the stores that
///                  there are) unless it is its own or that of a listed server.
[[nodiscard]] Result<AdoptionPlan> plan_adoption(AdoptionScene const& scene, std::optional<StoreId> const& adopt_as);

/// What FleetStore::adopt is asked for.
[[nodiscard]] Adoption to_adoption(AdoptionPlan const& plan, Proofs const& proofs);

/// What was found, a line each.
[[nodiscard]] std::vector<std::string> found_text(AdoptionPlan const& plan);

/// What follows from an adoption, a line each.
[[nodiscard]] std::vector<std::string> consequences_text(AdoptionPlan const& plan);

}  // namespace rgrid::app
