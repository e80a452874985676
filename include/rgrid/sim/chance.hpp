#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <rgrid/base/time.hpp>
#include <string_view>

namespace rgrid::sim {

/// Random numbers for one purpose. The same seed and purpose give the same numbers on every machine and compiler,
/// which the distributions of the standard library do not promise; another purpose gives numbers that have nothing to
/// do with them, so that one more draw in one place changes nothing in another.
///
/// xoshiro256** (Blackman and Vigna, 2018), seeded by SplitMix64. Thread safety: none.
class Chance {
public:
    explicit Chance(std::uint64_t seed, std::string_view purpose = {}) {
        auto state = seed ^ hash(purpose);
        for (auto& word : state_) word = split_mix(state);
    }

    std::uint64_t next() {
        auto const result = std::rotl(state_[1] * 5, 7) * 9;
        auto const shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    /// At least 0 and less than 1.
    double real() { return static_cast<double>(next() >> 11) * 0x1p-53; }

    bool happens(double probability) { return real() < probability; }

    /// From `low` to `high`, both included; `low` if `high` is less.
    std::int64_t whole(std::int64_t low, std::int64_t high) {
        if (high <= low) return low;
        // Unsigned, since the width of the widest range is no signed number.
        auto const first = static_cast<std::uint64_t>(low);
        auto const range = static_cast<std::uint64_t>(high) - first + 1;
        return static_cast<std::int64_t>(first + (range == 0 ? next() : next() % range));
    }

    Duration span(Duration low, Duration high) { return Duration{whole(low.count(), high.count())}; }

    double exponential(double mean) { return -mean * std::log1p(-real()); }

    /// Box and Muller; mean 0, deviation 1.
    double normal() { return std::sqrt(-2 * std::log1p(-real())) * std::cos(6.283185307179586 * real()); }

    double lognormal(double median, double sigma) { return median * std::exp(sigma * normal()); }

private:
    // FNV-1a: the same on every machine, unlike std::hash.
    static std::uint64_t hash(std::string_view text) {
        std::uint64_t value = 0xcbf29ce484222325;
        for (char const character : text) value = (value ^ static_cast<unsigned char>(character)) * 0x100000001b3;
        return value;
    }

    static std::uint64_t split_mix(std::uint64_t& state) {
        auto value = state += 0x9e3779b97f4a7c15;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }

    std::array<std::uint64_t, 4> state_{};
};

}  // namespace rgrid::sim
