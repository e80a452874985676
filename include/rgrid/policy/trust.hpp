#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <rgrid/model/plan.hpp>
#include <rgrid/model/server_name.hpp>
#include <rgrid/model/snapshot.hpp>
#include <rgrid/policy/params.hpp>
#include <rgrid/policy/policy.hpp>
#include <rgrid/policy/roster.hpp>
#include <string>
#include <utility>
#include <vector>

namespace rgrid {

/// The greatest counts that one process has seen of a store.
struct StoreMark {
    StoreId store;
    Generation generation;
    LeaderEpoch epoch;
    std::int64_t next_number = 0;

    friend bool operator==(StoreMark const&, StoreMark const&) = default;
};

namespace detail {

/// "server a", "servers a and b", "servers a, b, c and 4 more".
[[nodiscard]] inline std::string servers_text(std::vector<ServerName> names) {
    constexpr std::size_t named = 3;
    std::sort(names.begin(), names.end());
    std::string text = names.size() == 1 ? "server " : "servers ";
    for (std::size_t i = 0; i < std::min(names.size(), named); ++i) {
        if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
        text += names[i].value;
    }
    if (names.size() > named) text += " and " + std::to_string(names.size() - named) + " more";
    return text;
}

template <class Matches>
[[nodiscard]] std::vector<ServerName> names_of(Snapshot const& seen, Matches matches) {
    std::vector<ServerName> names;
    if (!seen.servers.value) return names;
    for (auto const& server : *seen.servers.value)
        if (matches(server)) names.push_back(server.name);
    return names;
}

}  // namespace detail

/// Who else has made servers of this fleet, as a sentence that names both stores, the servers and what to do; empty if
/// nobody has. Two stores must never act for one fleet: each would end what the other has ordered.
[[nodiscard]] inline std::string foreign_servers(Snapshot const& seen) {
    if (!seen.servers.value) return {};
    StoreId other;
    for (auto const& server : *seen.servers.value)
        if (is_foreign(server, seen.store) && (other.empty() || server.store < other)) other = server.store;
    if (other.empty()) return {};
    auto const names = detail::names_of(seen, [&](Server const& server) { return server.store == other; });
    return detail::servers_text(names) + " of fleet " + seen.fleet.value + (names.size() == 1 ? " was" : " were") +
           " made from store " + other.value + ", but this is store " + seen.store.value +
           "; if that store is gone, 'rgrid store adopt --store " + other.value +
           "' takes its servers over; otherwise give this fleet another name";
}

/// The proof that the store has forgotten what it once knew, as a sentence; empty if there is none. `known` is what
/// this process has seen of the store before.
///
/// The snapshot's counts must have been read after its listing: a server that was ordered in between proves nothing.
[[nodiscard]] inline std::string why_went_back(Snapshot const& seen, StoreMark const& known) {
    auto const count_fell = [](char const* what, std::int64_t before, std::int64_t now) {
        return std::string{what} + " was " + std::to_string(before) + " and is " + std::to_string(now) + " now";
    };
    if (known.store == seen.store) {
        if (seen.generation < known.generation)
            return count_fell("its generation", known.generation.value, seen.generation.value);
        if (seen.generation == known.generation && seen.epoch < known.epoch)
            return count_fell("its leader epoch", known.epoch.value, seen.epoch.value);
        if (seen.generation == known.generation && seen.next_number < known.next_number)
            return count_fell("the number of its next server", known.next_number, seen.next_number);
    }
    auto const later = detail::names_of(seen, [&](Server const& server) {
        return server.store == seen.store && server.generation > seen.generation;
    });
    if (!later.empty())
        return detail::servers_text(later) + (later.size() == 1 ? " was" : " were") +
               " made in a later generation than its " + std::to_string(seen.generation.value);
    // What an earlier generation handed out proves nothing: that it was forgotten is known.
    auto const unreserved = detail::names_of(seen, [&](Server const& server) {
        auto const number = number_of(server.name, server.pool, seen.fleet);
        return server.store == seen.store && std::max(server.generation, Generation{1}) == seen.generation && number &&
               *number >= seen.next_number;
    });
    if (!unreserved.empty())
        return detail::servers_text(unreserved) + (unreserved.size() == 1 ? " exists" : " exist") +
               ", but the next number to be given to a server is " + std::to_string(seen.next_number);
    return {};
}

/// Why nothing at all may be done about a fleet.
struct Standstill {
    Finding finding;
    Duration next_look{0};  ///< From now: before this, the passage of time alone changes nothing.
};

/// A listing that lacks every server that is known to stand (it was listed, or its worker has registered), although
/// their workers work, is another project's: with its access everything would look vanished, and each server would be
/// ordered again. Nothing if the listing is believed.
///
/// A server that is really gone takes its worker with it: once none of them was heard of for `lost_after`, the listing
/// is believed.
[[nodiscard]] inline std::optional<Standstill> distrusted_listing(Snapshot const& seen, Roster const& roster,
                                                                  PlannerParams const& params) {
    if (!seen.servers.value) return std::nullopt;
    std::int64_t known = 0;
    std::int64_t heard = 0;
    Duration within{0};
    Duration left{0};
    for (auto const& worker : roster.workers) {
        if (!worker.intent || worker.intent->remove) continue;
        // One that was made a moment ago may be missing from any listing.
        auto const& health = health_of(params, worker.pool);
        auto const age_in_listing = worker.intent->age - detail::sane_age(seen.servers.age);
        auto const may_lag = age_in_listing <= std::max(health.create_settle, health.listing_lag);
        if (!worker.intent->listed && (!worker.session || may_lag)) continue;
        if (worker.server) return std::nullopt;
        ++known;
        auto const limit = health.lost_after;
        if (!worker.session || worker.session->state == SessionState::closed || worker.session->silence > limit)
            continue;
        ++heard;
        within = std::max(within, limit);
        left = std::max(left, limit - worker.session->silence);
    }
    if (heard == 0) return std::nullopt;
    auto const listing =
        known == 1 ? std::string{"the only known server, though its worker was"}
                   : "all " + std::to_string(known) + " known servers, though " + std::to_string(heard) +
                         " of their workers " + (heard == 1 ? "was" : "were");
    return Standstill{{FindingKind::source_unknown,
                       {},
                       "listing of the servers",
                       {detail::count_fact("known", known), detail::count_fact("heard", heard),
                        detail::duration_fact("within", within)},
                       "it lacks " + listing + " heard of within " + to_text(within) +
                           ": is this another project's token?"},
                      left + Duration{1}};
}

/// Whether a fleet may be acted for at all: not while its servers are another store's, while its store stands still
/// because it went back in time, or while the listing is not believed. Nothing if it may.
[[nodiscard]] inline std::optional<Standstill> standstill(Snapshot const& seen, Roster const& roster,
                                                          PlannerParams const& params) {
    constexpr Duration until_it_changes = std::chrono::minutes{10};
    if (auto why = foreign_servers(seen); !why.empty())
        return Standstill{{FindingKind::foreign_store, {}, {}, {}, std::move(why)}, until_it_changes};
    if (!seen.frozen.empty())
        return Standstill{{FindingKind::store_frozen, {}, {}, {}, seen.frozen}, until_it_changes};
    return distrusted_listing(seen, roster, params);
}

}  // namespace rgrid
