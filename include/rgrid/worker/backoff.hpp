#pragma once

#include <algorithm>
#include <cstdint>
#include <rgrid/base/result.hpp>
#include <rgrid/base/time.hpp>

namespace rgrid {

/// How long to wait before a failed call is repeated: doubling, bounded, never shorter than what the peer asked for.
///
/// The waits are spread by up to a quarter, so that agents which lost their store at the same moment do not come back
/// at the same moment. The spread follows from the seed: the same seed gives the same waits.
class Backoff {
public:
    Backoff(Duration first, Duration most, std::uint64_t seed) : first_(first), most_(most), seed_(seed) {}

    /// The wait after one more failure.
    [[nodiscard]] Duration next(Error const& error) { return std::max(next(), error.retry_after); }

    [[nodiscard]] Duration next() {
        auto wait = first_;
        for (int i = 0; i < failures_ && wait < most_; ++i) wait *= 2;
        wait = std::min(wait, most_);
        ++failures_;
        seed_ = seed_ * 6364136223846793005ULL + 1442695040888963407ULL;
        auto const part = static_cast<std::int64_t>(seed_ >> 56);  // 0 .. 255
        return std::max(Duration{1}, wait * (192 + part / 2) / 256);
    }

    void reset() noexcept { failures_ = 0; }

    [[nodiscard]] bool failing() const noexcept { return failures_ > 0; }

private:
    Duration first_;
    Duration most_;
    std::uint64_t seed_;
    int failures_ = 0;
};

}  // namespace rgrid
