#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <rgrid/base/field.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <tuple>
#include <vector>

namespace rgrid::sim {

/// One job of a workload: when it is submitted, how long it runs once it has started, how many slots it takes.
struct Arrival {
    Duration at{0};  ///< Since the workload's beginning.
    Duration runs{0};
    int slots = 1;
    std::string job_class;  ///< The kind of job; the pool it goes to where a pool has that name.

    friend bool operator==(Arrival const&, Arrival const&) = default;
};
BOOST_DESCRIBE_STRUCT(Arrival, (), (at, runs, slots, job_class))

/// What a made-up workload is like. Its first day is a Monday.
struct SyntheticWorkload {
    std::int64_t seed = 1;
    int jobs = 40'000;
    Duration span = 672h;
    double daily = 0.8;
    double weekend = 0.3;
    double burst_share = 0.3;
    double burst_jobs = 30;
    Duration burst_span = 2min;
    Duration runs_median = 3min;
    double runs_sigma = 1.2;
    Duration runs_most = 12h;
    double wide_share = 0.05;
    int wide_slots = 2;

    static constexpr auto rules = std::tuple{
        field(&SyntheticWorkload::seed, "Which of all such workloads; the same seed gives the same jobs everywhere.", 0,
              std::int64_t{9'223'372'036'854'775'807}),
        field(&SyntheticWorkload::jobs, "How many jobs.", 1, 10'000'000),
        field(&SyntheticWorkload::span, "All are submitted within this time.", 1s, 87'600h),
        field(&SyntheticWorkload::daily,
              "How much more than the mean is submitted at 14:00 and less at 02:00; 0: at all hours alike.", 0.0, 1.0),
        field(&SyntheticWorkload::weekend, "What is submitted on a day of the weekend, as a share of a weekday's.", 0.0,
              1.0),
        field(&SyntheticWorkload::burst_share, "The share of the jobs that come in bursts; the others come singly.",
              0.0, 1.0),
        field(&SyntheticWorkload::burst_jobs, "How many jobs a burst has, in the mean.", 1.0, 1'000'000.0),
        field(&SyntheticWorkload::burst_span, "A burst is submitted within this time.", 0s, 24h),
        field(&SyntheticWorkload::runs_median, "Half of the jobs run longer than this.", 1ms, 8760h),
        field(&SyntheticWorkload::runs_sigma, "How far run times spread (lognormal); 0: all are alike.", 0.0, 5.0),
        field(&SyntheticWorkload::runs_most, "No job runs longer.", 1ms, 8760h),
        field(&SyntheticWorkload::wide_share, "The share of the jobs that take more than one slot.", 0.0, 1.0),
        field(&SyntheticWorkload::wide_slots, "How many slots those take.", 1, 1024)};

    friend bool operator==(SyntheticWorkload const&, SyntheticWorkload const&) = default;
};
BOOST_DESCRIBE_STRUCT(SyntheticWorkload, (),
                      (seed, jobs, span, daily, weekend, burst_share, burst_jobs, burst_span, runs_median, runs_sigma,
                       runs_most, wide_share, wide_slots))

/// The jobs of such a workload in the order of their submission: exactly `jobs` of them. Values outside of the rules'
/// ranges are taken as the nearest inside. Pure.
[[nodiscard]] std::vector<Arrival> synthesize(SyntheticWorkload const& workload);

}  // namespace rgrid::sim
