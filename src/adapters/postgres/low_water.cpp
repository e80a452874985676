#include "adapters/postgres/low_water.hpp"

#include <algorithm>

namespace rgrid::postgres {

namespace {

constexpr std::int64_t margin = 4000;  // A few batches of jobs that others claim at the same time.
constexpr Duration look_from_start{std::chrono::seconds{1}};

}  // namespace

LowWater::Marks LowWater::marks() {
    std::scoped_lock const lock{mutex_};
    auto const now = clock_.steady_now();
    if (now >= from_start_) {
        from_start_ = now + look_from_start;
        return {};
    }
    Marks marks;
    for (auto const& [kind, job] : marks_) {
        marks.kinds.push_back(kind);
        marks.jobs.push_back(job);
    }
    return marks;
}

void LowWater::claimed(int kind, JobId first) {
    std::scoped_lock const lock{mutex_};
    marks_[kind] = JobId{std::max<std::int64_t>(0, first.value - margin)};
}

}  // namespace rgrid::postgres
