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
    create_refused,  ///< The provider has made nothing; `code` says on what ground.
    create_accepted,
    boot_finished,    ///< A server's worker has registered, `took` after it was ordered; 0 if that is not known.
    boot_failed,      ///< A server was given up before its worker registered.
    delete_finished,  ///< A server was gone `took` after its delete.
    worker_lost,      ///< A silent worker was given up.
    server_unfinished,  ///< The provider made a server of the offer and could not finish it.
    worker_aged,        ///< A worker was told to go for its age.
};
BOOST_DESCRIBE_ENUM(ObservationKind, create_sent, create_refused, create_accepted, boot_finished, boot_failed,
                    delete_finished, worker_lost, server_unfinished, worker_aged)

struct Observation {
    ObservationKind kind = ObservationKind::create_sent;
    Instant at;  ///< Of the look that it follows from.
    PoolName pool;
    ServerName server;
    OfferKey offer;
    Duration took{0};
    std::string message;  ///< The provider's words.
    Errc code = Errc::capacity;  ///< `create_refused`.
    Duration retry_after{0};     ///< `create_refused`: what the provider asked for.
    Instant learned{};           ///< When it became known; pauses count from then on.
};
BOOST_DESCRIBE_STRUCT(Observation, (), (kind, at, pool, server, offer, took, message, code, retry_after, learned))

namespace detail {

inline constexpr std::size_t remembered = 16;
inline constexpr std::size_t remembered_offers = 64;

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

/// The longest that a pause of creates lasts.
inline Duration longest_pause(PlacementParams const& placement) {
    return std::max<Duration>(placement.create_pause * 3, std::chrono::hours{1});
}

/// Which of the tries of its round the last one was, from 1.
inline int try_of_round(PlacementParams const& placement, int tries) {
    return (std::max(tries, 1) - 1) % std::max(placement.create_tries, 1) + 1;
}

/// How long creates of a pool pause after they were refused so often in a row on this ground.
inline Duration pause_after(PlacementParams const& placement, Errc code, int tries, Duration retry_after) {
    auto const pause = placement.create_pause;
    auto own = pause * std::clamp(tries, 1, 3);
    if (code == Errc::denied) own = std::max<Duration>(pause / 5, std::chrono::seconds{1});
    if (code == Errc::retry_later) {
        auto const in_round = try_of_round(placement, tries);
        own = in_round == placement.create_tries ? pause : doubled(placement.retry_pause, in_round, 1024);
    }
    return std::clamp(std::max(own, retry_after), Duration{0}, longest_pause(placement));
}

}  // namespace detail

/// Whether a refusal on this ground holds for every offer, so that trying another one would be pointless.
[[nodiscard]] constexpr bool holds_for_every_offer(Errc code) {
    return code != Errc::capacity;
}

/// How long a pause counts on that is over and was not lifted by a create.
inline constexpr Duration pause_remembered{std::chrono::minutes{15}};

/// The pause of a pool's creates, or null. One that is over and was not lifted by a create counts on for a while, so
/// that one create is tried; one that cannot have been meant so (the calendar was set back) does not.
[[nodiscard]] inline CreatePause const* pause_of(Memory const& memory, PoolName const& pool, Instant now,
                                                 PlacementParams const& placement) {
    auto const found = std::find_if(memory.pauses.begin(), memory.pauses.end(),
                                    [&](CreatePause const& pause) { return pause.pool == pool; });
    if (found == memory.pauses.end()) return nullptr;
    auto const most = detail::longest_pause(placement);
    return found->until > now + most || now > found->until + pause_remembered ? nullptr : &*found;
}

/// Whether creates pause for no other reason than that the account may have no more servers. Then it is the end of an
/// old worker that makes the room for a new one. That is tried with one worker, and with the next only when a create
/// has gone through: the limit may have been lowered, or others may have taken the room.
[[nodiscard]] inline bool waits_for_room(CreatePause const& pause) {
    return pause.code == Errc::quota && !pause.room_made;
}

namespace detail {

inline void pause_creates(Memory& memory, Observation const& seen, PlacementParams const& placement) {
    auto const known = pause_of(memory, seen.pool, seen.at, placement);
    auto next = known != nullptr ? *known : CreatePause{seen.pool, seen.code, {}, 0, {}};
    auto const from = std::max(seen.at, seen.learned);
    // What was asked for together is refused together: that counts once, on the ground that pauses longest.
    bool const one_wave = known != nullptr && seen.at < known->until;
    if (seen.code == next.code) {
        next.message = seen.message;
        if (!one_wave) next.until = from + pause_after(placement, seen.code, ++next.tries, seen.retry_after);
    } else {
        auto const until = from + pause_after(placement, seen.code, 1, seen.retry_after);
        if (!one_wave || until > next.until) next = {seen.pool, seen.code, until, 1, seen.message};
    }
    auto const at = std::lower_bound(memory.pauses.begin(), memory.pauses.end(), seen.pool,
                                     [](CreatePause const& pause, PoolName const& name) { return pause.pool < name; });
    if (at != memory.pauses.end() && at->pool == seen.pool)
        *at = std::move(next);
    else
        memory.pauses.insert(at, std::move(next));
}

/// A create that was asked for with others that were refused says nothing about the next one.
inline void end_pause(Memory& memory, Observation const& seen, PlacementParams const& placement) {
    auto const* pause = pause_of(memory, seen.pool, seen.at, placement);
    if (pause != nullptr && seen.at < pause->until) return;
    std::erase_if(memory.pauses, [&](CreatePause const& known) { return known.pool == seen.pool; });
}

/// Where a server has gone there is room for another: the creates that pause for want of it are tried at once.
inline void make_room(Memory& memory, Instant at) {
    for (auto& pause : memory.pauses)
        if (pause.code == Errc::quota) pause.until = std::min(pause.until, at);
}

inline void refuse_offer(Memory& memory, Observation const& seen, PlacementParams const& placement, bool unfinished) {
    auto& refusal = refusal_for(memory, seen.offer);
    refusal.message = seen.message;
    refusal.unfinished = refusal.unfinished || unfinished;
    // What was asked for together is refused together: that is one refusal.
    if (remaining(seen.at, refusal.until, placement.refusal_memory * 16) > Duration{0}) return;
    ++refusal.count;
    refusal.until = seen.at + doubled(placement.refusal_memory, refusal.count, 16);
}

inline void remember_boot(Memory& memory, OfferKey const& offer, Duration took) {
    auto& boots = memory.offer_boots;
    auto const found =
        std::find_if(boots.begin(), boots.end(), [&](OfferBoots const& known) { return known.offer == offer; });
    auto record = found == boots.end() ? OfferBoots{offer, {}} : *found;
    if (found != boots.end()) boots.erase(found);
    remember(record.times, took);
    boots.push_back(std::move(record));
    if (boots.size() > remembered_offers) boots.erase(boots.begin());
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
        case ObservationKind::create_refused:
            if (holds_for_every_offer(seen.code))
                detail::pause_creates(memory, seen, pool.placement);
            else
                detail::refuse_offer(memory, seen, pool.placement, false);
            break;
        case ObservationKind::server_unfinished:
            detail::refuse_offer(memory, seen, pool.placement, true);
            break;
        case ObservationKind::create_accepted:
            std::erase_if(memory.refusals, [&](Refusal const& refusal) {
                return refusal.offer == seen.offer && !refusal.unfinished;
            });
            detail::end_pause(memory, seen, pool.placement);
            break;
        case ObservationKind::boot_finished: {
            auto& boots = detail::boots_of(memory, seen.pool);
            if (std::find(boots.came_up.begin(), boots.came_up.end(), seen.server) != boots.came_up.end()) break;
            boots.failures = 0;
            if (seen.took > Duration{0}) {
                detail::remember(boots.boot_times, seen.took);
                detail::remember_boot(memory, seen.offer, seen.took);
            }
            std::erase_if(memory.refusals, [&](Refusal const& refusal) {
                return refusal.offer == seen.offer && refusal.unfinished;
            });
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
            detail::make_room(memory, seen.at);
            break;
        case ObservationKind::worker_lost:
            detail::remember(memory.recent_losses, seen.at);
            break;
        case ObservationKind::worker_aged:
            for (auto& pause : memory.pauses)
                if (pause.pool == seen.pool) pause.room_made = true;
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

/// Between which times half of the last boots were done; with fewer than five, all of them.
struct BootRange {
    Duration low{0};
    Duration high{0};

    friend bool operator==(BootRange const&, BootRange const&) = default;
};

/// How long a server takes from its order until its worker registers: by the last boots of its offer, whichever pool
/// they were for; before the first of those by the pool's; nothing before the first of all.
[[nodiscard]] inline std::optional<BootRange> boot_range(Memory const& memory, PoolName const& pool,
                                                         OfferKey const& offer) {
    std::vector<Duration> times;
    for (auto const& known : memory.offer_boots)
        if (known.offer == offer) times = known.times;
    if (times.empty())
        for (auto const& known : memory.boots)
            if (known.pool == pool) times = known.boot_times;
    if (times.empty()) return std::nullopt;
    std::sort(times.begin(), times.end());
    auto const quarter = (times.size() - 1) / 4;
    return BootRange{times[quarter], times[times.size() - 1 - quarter]};
}

}  // namespace rgrid
