#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>
#include <map>
#include <rgrid/base/field.hpp>
#include <rgrid/base/money.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/model/offer.hpp>
#include <rgrid/policy/planner.hpp>
#include <rgrid/sim/workload.hpp>
#include <string>
#include <tuple>
#include <vector>

namespace rgrid::sim {

/// The world in which a workload is replayed: a cloud that does what it is asked, in its time.
struct ReplaySettings {
    std::int64_t seed = 1;
    Instant start{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1}};
    Duration boot_median = 60s;
    double boot_sigma = 0.25;
    Duration delete_time = 10s;
    std::map<std::string, int> capacity;

    static constexpr auto rules = std::tuple{
        field(&ReplaySettings::seed, "Which of all such worlds; the same seed gives the same boot times.", 0,
              std::int64_t{9'223'372'036'854'775'807}),
        field(&ReplaySettings::start, "The calendar's time when the workload begins."),
        field(&ReplaySettings::boot_median, "Half of the workers take longer from their order to their first job.", 0s,
              24h),
        field(&ReplaySettings::boot_sigma, "How far boot times spread (lognormal); 0: all are alike.", 0.0, 5.0),
        field(&ReplaySettings::delete_time, "How long a server is still paid for after its delete.", 0s, 24h),
        field(&ReplaySettings::capacity,
              "The most servers there are of an offer, by \"type@location\"; one that is not named has no limit.")};

    friend bool operator==(ReplaySettings const&, ReplaySettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(ReplaySettings, (), (seed, start, boot_median, boot_sigma, delete_time, capacity))

/// What a workload would have cost and how long its jobs would have waited.
struct ReplayReport {
    std::int64_t jobs = 0;     ///< That ran to their end.
    std::int64_t not_run = 0;  ///< That did not; `notes` says why.
    double server_hours = 0;   ///< Paid ones: every started period counts in full.
    Money cost;
    double wait_mean_s = 0;  ///< From a job's submission to its first start.
    double wait_p50_s = 0;   ///< So many seconds or less have half of the jobs waited.
    double wait_p95_s = 0;
    double wait_p99_s = 0;
    double wait_max_s = 0;
    std::int64_t creations = 0;     ///< Servers.
    std::int64_t most_servers = 0;  ///< At a time.
    double used_share = 0;          ///< Of the paid slot-time, the part in which jobs ran to their end; from 0 to 1.
    double days = 0;                ///< From the beginning until the fleet was at its minimum again.
    std::int64_t decisions = 0;
    std::vector<std::string> notes;  ///< What a reader should know before they trust the numbers; sentences.

    friend bool operator==(ReplayReport const&, ReplayReport const&) = default;
};
BOOST_DESCRIBE_STRUCT(ReplayReport, (),
                      (jobs, not_run, server_hours, cost, wait_mean_s, wait_p50_s, wait_p95_s, wait_p99_s, wait_max_s,
                       creations, most_servers, used_share, days, decisions, notes))

/// Replays a workload under a policy: the planner decides as it does for a real fleet, the fleet and its queue are a
/// model in memory. It shows what a configuration costs, not whether it survives faults: every call succeeds, nobody
/// falls silent, each worker starts what fits at once.
///
/// Decides when the plan asks for a look and when something has happened that can matter to the built-in stages, until
/// nothing more is to be done in that instant. A job goes to the pool that has the name of its class, otherwise to
/// "default", otherwise to the first. Goes on after the last job until the fleet is at its minimum, so that its last
/// paid periods are on the bill.
///
/// The arrivals need not be sorted. Same arguments, same report; takes seconds for tens of thousands of jobs. Errors:
/// `rejected` if there is no pool, an arrival has a negative time or no slots, or the offers have two currencies.
[[nodiscard]] Result<ReplayReport> replay(PlannerParams const& params, std::vector<Offer> const& offers,
                                          std::vector<Arrival> const& arrivals, ReplaySettings const& settings = {});

/// The same with a planner in which stages may have been replaced. Since nobody knows what matters to those, it decides
/// at each instant at which anything happens, which takes longer.
[[nodiscard]] Result<ReplayReport> replay(Planner const& planner, std::vector<Offer> const& offers,
                                          std::vector<Arrival> const& arrivals, ReplaySettings const& settings = {});

}  // namespace rgrid::sim
