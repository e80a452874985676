#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace rgrid {

/// A name that cannot be mistaken for another kind of name. Ordered, so that containers of them are deterministic.
template <class Tag>
struct Name {
    std::string value;

    Name() = default;
    explicit Name(std::string text) : value(std::move(text)) {}

    [[nodiscard]] bool empty() const noexcept { return value.empty(); }
    friend bool operator==(Name const&, Name const&) = default;
    friend auto operator<=>(Name const&, Name const&) = default;
};

/// A number that cannot be mistaken for another kind of number. Zero means "none".
template <class Tag>
struct Number {
    std::int64_t value = 0;

    Number() = default;
    explicit constexpr Number(std::int64_t number) : value(number) {}

    friend constexpr bool operator==(Number, Number) = default;
    friend constexpr auto operator<=>(Number, Number) = default;
};

using FleetId = Name<struct FleetTag>;      ///< All pools of one controller; in every label and server name.
using PoolName = Name<struct PoolTag>;      ///< Workers of one kind.
using ServerName = Name<struct ServerTag>;  ///< Our name of a server: fleet, pool and a number never used again.
using ServerId = Name<struct ServerIdTag>;  ///< The provider's name of a server.
using WorkerId = Name<struct WorkerTag>;    ///< The agent; a server that carries one worker lends it its name.
using StoreId = Name<struct StoreTag>;      ///< Identity of one store, made when the store is.

using JobId = Number<struct JobTag>;
using Generation = Number<struct GenerationTag>;    ///< Of one store: one more each time it was adopted, from 1.
using LeaseEpoch = Number<struct LeaseEpochTag>;    ///< Of one job: grows with each claim. The fence.
using Incarnation = Number<struct IncarnationTag>;  ///< Of one worker: grows with each registration.
using LeaderEpoch = Number<struct LeaderEpochTag>;  ///< Of the fleet's leadership: grows with each change.
using BeatCount = Number<struct BeatCountTag>;      ///< Of one incarnation: one more at each heartbeat.

}  // namespace rgrid
