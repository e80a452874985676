#pragma once

#include <algorithm>
#include <cstdint>
#include <rgrid/base/id.hpp>

namespace rgrid {

/// Lease epochs, incarnations and leader epochs are counts, and each generation of a store counts in a range of its
/// own: (generation - 1) * 10^9 + 1, 2, 3, ... So a number says which generation handed it out, numbers of a later
/// generation are always greater, and what the store forgot when it went back in time can never be handed out again.
inline constexpr std::int64_t counts_of_a_generation = 1'000'000'000;

/// Which generation handed out `count`; zero for zero, which is never handed out.
[[nodiscard]] constexpr Generation generation_of(std::int64_t count) {
    return Generation{count <= 0 ? 0 : (count - 1) / counts_of_a_generation + 1};
}

/// The count that `current` hands out after `last`, which may be of an earlier generation or zero.
[[nodiscard]] constexpr std::int64_t next_count(std::int64_t last, Generation current) {
    return std::max(last + 1, (current.value - 1) * counts_of_a_generation + 1);
}

/// The incarnation after `last`, of a store that may be frozen. That of a frozen one is of the next generation already:
/// the lost time may have handed out all of the present one, and the adoption must not hand it out again.
[[nodiscard]] constexpr Incarnation next_incarnation(Incarnation last, Generation current, bool frozen) {
    return Incarnation{next_count(last.value, Generation{current.value + (frozen ? 1 : 0)})};
}

/// Whether somebody who names `told` of something that the store knows as `known` remembers what the store has
/// forgotten, which may be a whole later generation. What an earlier one handed out proves nothing: that it was
/// forgotten is known.
[[nodiscard]] constexpr bool remembers_more(std::int64_t told, std::int64_t known, Generation current) {
    return told > known && generation_of(told) >= current;
}

}  // namespace rgrid
