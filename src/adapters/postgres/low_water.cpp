#include "adapters/postgres/low_water.hpp"

#include <algorithm>

namespace rgrid::postgres {

namespace {

constexpr std::int64_t margin = 4000;  // A few batches of jobs that others claim at the same time.
constexpr Duration validity{std::chrono::seconds{1}};

}  // namespace

LowWater::Marks LowWater::marks() {
    std::scoped_lock const lock{mutex_};
    auto const now = clock_.steady_now();
    std::erase_if(marks_, [&](auto const& entry) { return now >= entry.second.made + validity; });
    Marks marks;
    for (auto const& [kind, mark] : marks_) {
        marks.kinds.push_back(kind);
        marks.jobs.push_back(mark.job);
    }
    return marks;
}

void LowWater::claimed(int kind, JobId first) {
    std::scoped_lock const lock{mutex_};
    auto const [entry, is_new] = marks_.try_emplace(kind, Mark{{}, clock_.steady_now()});
    entry->second.job = JobId{std::max<std::int64_t>(0, first.value - margin)};
}

}  // namespace rgrid::postgres
