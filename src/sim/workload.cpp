#include <algorithm>
#include <cmath>
#include <rgrid/sim/chance.hpp>
#include <rgrid/sim/workload.hpp>

namespace rgrid::sim {

namespace {

SyntheticWorkload workload_within_rules(SyntheticWorkload workload) {
    std::apply(
        [&](auto const&... rule) {
            (((workload.*rule.member) = std::clamp(workload.*rule.member, rule.low, rule.high)), ...);
        },
        SyntheticWorkload::rules);
    return workload;
}

/// How much is submitted at a time, compared with the busiest: at most 1.
class WorkloadRhythm {
public:
    explicit WorkloadRhythm(SyntheticWorkload const& workload) : daily_(workload.daily), weekend_(workload.weekend) {}

    [[nodiscard]] double at(Duration time) const {
        constexpr Duration day = 24h;
        constexpr double peak = 14;
        auto const hour = static_cast<double>((time % day).count()) / 3.6e6;
        // Straight lines between the peak and twelve hours later: 1 at the peak, -1 opposite of it.
        auto const from_peak = std::min(std::abs(hour - peak), 24 - std::abs(hour - peak));
        auto const by_hour = (1 + daily_ * (1 - from_peak / 6)) / (1 + daily_);
        auto const weekday = time / day % 7;
        return weekday >= 5 ? by_hour * weekend_ : by_hour;
    }

private:
    double daily_;
    double weekend_;
};

class WorkloadTimes {
public:
    explicit WorkloadTimes(SyntheticWorkload const& workload)
        : workload_(workload),
          rhythm_(workload),
          seed_(static_cast<std::uint64_t>(workload.seed)),
          single_(seed_, "workload.single"),
          burst_(seed_, "workload.burst") {}

    std::vector<Duration> draw() {
        std::vector<Duration> times;
        auto const jobs = static_cast<std::size_t>(workload_.jobs);
        times.reserve(jobs);
        auto const in_bursts = static_cast<std::size_t>(std::llround(workload_.jobs * workload_.burst_share));
        while (times.size() < in_bursts) {
            auto const begin = moment(burst_);
            auto const size = 1 + static_cast<std::size_t>(burst_.exponential(workload_.burst_jobs - 1) + 0.5);
            for (std::size_t i = 0; i < size && times.size() < in_bursts; ++i)
                times.push_back(std::min(begin + burst_.span(Duration{0}, workload_.burst_span), workload_.span));
        }
        while (times.size() < jobs) times.push_back(moment(single_));
        std::sort(times.begin(), times.end());
        return times;
    }

private:
    /// A Poisson process of which the number of events is known: each falls independently, as likely as its time is
    /// busy. A span that is nowhere busy is taken evenly after many tries.
    Duration moment(Chance& chance) {
        Duration at{0};
        for (int tries = 0; tries < 1000; ++tries) {
            at = chance.span(Duration{0}, workload_.span - Duration{1});
            if (chance.happens(rhythm_.at(at))) break;
        }
        return at;
    }

    SyntheticWorkload const& workload_;
    WorkloadRhythm rhythm_;
    std::uint64_t seed_;
    Chance single_;
    Chance burst_;
};

}  // namespace

std::vector<Arrival> synthesize(SyntheticWorkload const& asked) {
    auto const workload = workload_within_rules(asked);
    auto const seed = static_cast<std::uint64_t>(workload.seed);
    Chance runs{seed, "workload.runs"};
    Chance wide{seed, "workload.wide"};
    std::vector<Arrival> arrivals;
    arrivals.reserve(static_cast<std::size_t>(workload.jobs));
    auto const median = static_cast<double>(workload.runs_median.count());
    auto const most = static_cast<double>(workload.runs_most.count());
    for (auto const at : WorkloadTimes{workload}.draw()) {
        Arrival arrival;
        arrival.at = at;
        auto const drawn = runs.lognormal(median, workload.runs_sigma);
        arrival.runs = Duration{std::llround(std::clamp(drawn, 1.0, most))};
        arrival.slots = wide.happens(workload.wide_share) ? workload.wide_slots : 1;
        arrivals.push_back(std::move(arrival));
    }
    return arrivals;
}

}  // namespace rgrid::sim
