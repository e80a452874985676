#pragma once

#include <algorithm>
#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <optional>
#include <rgrid/model/memory.hpp>
#include <rgrid/policy/params.hpp>
#include <string>
#include <utility>
#include <vector>

namespace rgrid {

/// Something that happened and is worth remembering.
enum class ObservationKind {
    create_sent,     ///< A create was asked for.
    create_refused,  ///< The provider has no capacity for the offer.
    create_accepted,
    boot_finished,    ///< A server's worker has registered, `took` after it was ordered.
    boot_failed,      ///< A server was given up before its worker registered.
    delete_finished,  ///< A server was gone `took` after its delete.
    worker_lost,      ///< A silent worker was given up.
};
BOOST_DESCRIBE_ENUM(ObservationKind, create_sent, create_refused, create_accepted, boot_finished, boot_failed,
                    delete_finished, worker_lost)

struct Observation {
    ObservationKind kind = ObservationKind::create_sent;
    Instant at;
    PoolName pool;
    ServerName server;
    OfferKey offer;
    Duration took{0};
    std::string message;  ///< The provider's words.
};
BOOST_DESCRIBE_STRUCT(Observation, (), (kind, at, pool, server, offer, took, message))

namespace detail {

inline constexpr std::size_t remembered = 16;

template <class T>
void remember(std::vector<T>& values, T value) {
    values.push_back(std::move(value));
    if (values.size() > remembered) values.erase(values.begin());
}

inline Refusal& refusal_for(Memory& memory, OfferKey const& offer) {
    auto const at = std::lower_bound(memory.refusals.begin(), memory.refusals.end(), offer,
                                     [](Refusal const& refusal, OfferKey const& key) { return refusal.offer < key; });
    if (at != memory.refusals.end() && at->offer == offer) return *at;
    return *memory.refusals.insert(at, Refusal{offer, {}, 0, {}});
}

inline BootRecord& boots_of(Memory& memory, PoolName const& pool) {
    auto const at = std::lower_bound(memory.boots.begin(), memory.boots.end(), pool,
                                     [](BootRecord const& record, PoolName const& name) { return record.pool < name; });
    if (at != memory.boots.end() && at->pool == pool) return *at;
    return *memory.boots.insert(at, BootRecord{pool, 0, {}, {}, {}});
}

/// `base` doubled for each repetition after the first, at most `most` times `base`.
inline Duration doubled(Duration base, int repetitions, int most) {
    auto factor = 1;
    for (int i = 1; i < repetitions && factor < most; ++i) factor *= 2;
    return base * std::min(factor, most);
}

/// How long until a remembered instant. One further away than can have been meant was written before the calendar was
/// set back: it no longer binds.
inline Duration remaining(Instant now, Instant until, Duration most) {
    return until <= now || until > now + most ? Duration{0} : until - now;
}

}  // namespace detail

/// What is remembered after one more observation. Pure; the result is bounded whatever is observed.
[[nodiscard]] inline Memory learn(Memory memory, Observation const& seen, PoolParams const& pool) {
    switch (seen.kind) {
        case ObservationKind::create_sent:
            std::erase_if(memory.recent_creates,
                          [&](Instant at) { return at > seen.at || seen.at - at >= std::chrono::minutes{1}; });
            if (memory.recent_creates.size() < 10'000) memory.recent_creates.push_back(seen.at);
            break;
        case ObservationKind::create_refused: {
            auto& refusal = detail::refusal_for(memory, seen.offer);
            refusal.message = seen.message;
            // What was asked for together is refused together: that is one refusal.
            if (detail::remaining(seen.at, refusal.until, pool.placement.refusal_memory * 16) > Duration{0}) break;
            ++refusal.count;
            refusal.until = seen.at + detail::doubled(pool.placement.refusal_memory, refusal.count, 16);
            break;
        }
        case ObservationKind::create_accepted:
            std::erase_if(memory.refusals, [&](Refusal const& refusal) { return refusal.offer == seen.offer; });
            break;
        case ObservationKind::boot_finished: {
            auto& boots = detail::boots_of(memory, seen.pool);
            if (std::find(boots.came_up.begin(), boots.came_up.end(), seen.server) != boots.came_up.end()) break;
            boots.failures = 0;
            detail::remember(boots.boot_times, seen.took);
            boots.came_up.push_back(seen.server);
            if (boots.came_up.size() > 10'000) boots.came_up.erase(boots.came_up.begin());
            break;
        }
        case ObservationKind::boot_failed: {
            auto& boots = detail::boots_of(memory, seen.pool);
            auto const interval = pool.health.probe_interval;
            // Servers that were ordered together fail together: only the failure of a probe puts the next one off.
            if (boots.failures >= pool.health.boot_failures &&
                detail::remaining(seen.at, boots.next_probe, interval * 8) > Duration{0})
                break;
            ++boots.failures;
            auto const over = boots.failures - pool.health.boot_failures + 1;
            if (over > 0) boots.next_probe = seen.at + detail::doubled(interval, over, 8);
            break;
        }
        case ObservationKind::delete_finished:
            detail::remember(memory.delete_times, seen.took);
            break;
        case ObservationKind::worker_lost:
            detail::remember(memory.recent_losses, seen.at);
            break;
    }
    return memory;
}

/// The typical boot time of a pool: the median of its last boots; nothing before the first.
[[nodiscard]] inline std::optional<Duration> typical_boot(Memory const& memory, PoolName const& pool) {
    auto const record = std::find_if(memory.boots.begin(), memory.boots.end(),
                                     [&](BootRecord const& boot) { return boot.pool == pool; });
    if (record == memory.boots.end() || record->boot_times.empty()) return std::nullopt;
    auto times = record->boot_times;
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

}  // namespace rgrid
