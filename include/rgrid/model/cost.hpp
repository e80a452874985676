#pragma once

#include <algorithm>
#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <rgrid/base/id.hpp>
#include <rgrid/base/money.hpp>
#include <rgrid/base/paid_period.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/model/intent.hpp>
#include <rgrid/model/job.hpp>
#include <rgrid/model/server_cost.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// What one server has cost and how much of that was used.
struct ServerCost {
    ServerName server;
    PoolName pool;
    OfferKey offer;
    Instant created;
    std::optional<Instant> deleted;  ///< None while it exists.
    Duration lifetime{0};
    Duration period{0};
    std::int64_t periods = 0;  ///< Paid ones: every started period counts.
    Money cost;
    Money idle;                  ///< The part of `cost` that no job carries.
    Duration slot_time_paid{0};  ///< Paid time, once for each slot.
    Duration slot_time_used{0};  ///< Running time of its jobs' last attempts, once for each slot they held.
    double used_share = 0;       ///< Used of paid slot-time; from 0 to 1.
    std::int64_t jobs = 0;
    Money price{};  ///< Of one paid period, at its creation.
    std::optional<Money> monthly_cap{};
    Money ipv4{};  ///< The part of `cost` that is the public address.

    friend bool operator==(ServerCost const&, ServerCost const&) = default;
};
BOOST_DESCRIBE_STRUCT(ServerCost, (),
                      (server, pool, offer, created, deleted, lifetime, period, periods, cost, idle, slot_time_paid,
                       slot_time_used, used_share, jobs, price, monthly_cap, ipv4))

/// What one job has cost: its part of its server's cost, by slot-time.
struct JobCost {
    JobId job;
    std::string name;
    std::string owner;
    PoolName pool;
    ServerName server;      ///< Where its last attempt ran.
    Duration slot_time{0};  ///< Running time of that attempt, once for each slot it held.
    Money cost;             ///< Zero if no bill names its server.

    friend bool operator==(JobCost const&, JobCost const&) = default;
};
BOOST_DESCRIBE_STRUCT(JobCost, (), (job, name, owner, pool, server, slot_time, cost))

/// Who paid for what. For each currency the jobs' costs and the servers' idle parts add up to `total` exactly.
struct CostReport {
    std::vector<ServerCost> servers;  ///< In the order of the bills.
    std::vector<JobCost> jobs;        ///< In the order given.
    std::vector<Money> total;         ///< One amount for each currency that occurs.
    std::vector<Money> idle;
    Duration slot_time_paid{0};
    Duration slot_time_used{0};
    double used_share = 0;
    std::vector<Money> ipv4{};  ///< The part of `total` that is public addresses; empty if there is none.

    friend bool operator==(CostReport const&, CostReport const&) = default;
};
BOOST_DESCRIBE_STRUCT(CostReport, (), (servers, jobs, total, idle, slot_time_paid, slot_time_used, used_share, ipv4))

/// By what a cost report is summed up.
enum class CostBy { pool, job, worker, owner };
BOOST_DESCRIBE_ENUM(CostBy, pool, job, worker, owner)

/// One line of a summed-up report.
struct CostLine {
    std::string key;  ///< The pool, job, worker or owner; "(idle)" for what no job carries.
    Money cost;
    Duration slot_time{0};  ///< Used by jobs; on the "(idle)" line what was paid and not used.
    std::int64_t jobs = 0;

    friend bool operator==(CostLine const&, CostLine const&) = default;
};
BOOST_DESCRIBE_STRUCT(CostLine, (), (key, cost, slot_time, jobs))

namespace detail {

inline void add_amount(std::vector<Money>& sums, Money amount) {
    auto const same = std::find_if(sums.begin(), sums.end(), [&](Money m) { return m.currency == amount.currency; });
    if (same == sums.end())
        sums.push_back(amount);
    else
        *same += amount;
}

[[nodiscard]] constexpr double part_of(Duration part, Duration whole) {
    return whole <= Duration{0} ? 0.0 : static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

/// The running time of a job's last attempt, so far if it still runs; zero if it never ran. At most its server's
/// `lifetime`, which steady clocks have measured: the calendar may have been set meanwhile.
[[nodiscard]] inline Duration ran(JobView const& job, Instant now, Duration lifetime) {
    if (!job.started || (!job.finished && job.state != JobState::running)) return Duration{0};
    return std::clamp(job.finished.value_or(now) - *job.started, Duration{0}, std::max(lifetime, Duration{0}));
}

}  // namespace detail

/// Divides the bills among the jobs that ran on their servers.
///
/// A job carries its part of its server's cost by slot-time; what is left (idle and boot time, attempts that were
/// repeated elsewhere, the remainder of rounding) is the server's `idle` part. `slots` says what a worker of each pool
/// offers; where it names no pool, or jobs used more than it says, the slot-time used counts as the whole. `now` ends
/// the time of jobs that still run.
[[nodiscard]] inline CostReport divide_cost(std::vector<ServerBill> const& bills, std::vector<JobView> const& jobs,
                                            std::map<PoolName, int> const& slots, Instant now) {
    CostReport report;
    std::map<std::string, std::size_t> server_of;
    for (auto const& bill : bills) {
        ServerCost server{bill.server, bill.pool, bill.offer, bill.created, bill.deleted, bill.lifetime, bill.period};
        server.periods = paid_periods(bill.lifetime, bill.period);
        server.cost = server_cost(bill);
        server.price = bill.price;
        server.monthly_cap = bill.monthly_cap;
        server.ipv4 = share(server.cost, bill.ipv4.nanos, bill.price.nanos);
        auto const known = slots.find(bill.pool);
        server.slot_time_paid = bill.period * server.periods * (known == slots.end() ? 1 : known->second);
        server_of[bill.server.value] = report.servers.size();
        report.servers.push_back(std::move(server));
    }
    for (auto const& view : jobs) {
        auto const found = server_of.find(view.worker.value);
        bool const known = found != server_of.end();
        auto const lifetime = known ? report.servers[found->second].lifetime : Duration::max();
        auto const slot_time = detail::ran(view, now, lifetime) * view.spec.slots;
        if (slot_time <= Duration{0}) continue;
        report.jobs.push_back(JobCost{view.job, view.spec.name, view.spec.owner, view.spec.pool,
                                      ServerName{view.worker.value}, slot_time, Money{}});
        if (known) {
            report.servers[found->second].slot_time_used += slot_time;
            ++report.servers[found->second].jobs;
        }
    }
    for (auto& server : report.servers) {
        server.slot_time_paid = std::max(server.slot_time_paid, server.slot_time_used);
        server.used_share = detail::part_of(server.slot_time_used, server.slot_time_paid);
        server.idle = server.cost;
        report.slot_time_paid += server.slot_time_paid;
        report.slot_time_used += server.slot_time_used;
        detail::add_amount(report.total, server.cost);
        if (server.ipv4.nanos != 0) detail::add_amount(report.ipv4, server.ipv4);
    }
    for (auto& job : report.jobs) {
        auto const found = server_of.find(job.server.value);
        if (found == server_of.end()) continue;
        auto& server = report.servers[found->second];
        job.cost = share(server.cost, job.slot_time.count(), server.slot_time_paid.count());
        server.idle = server.idle - job.cost;
    }
    for (auto const& server : report.servers) detail::add_amount(report.idle, server.idle);
    report.used_share = detail::part_of(report.slot_time_used, report.slot_time_paid);
    return report;
}

/// Sums a report up, the dearest line first. For each currency the lines add up to the report's total exactly.
[[nodiscard]] inline std::vector<CostLine> sum_cost(CostReport const& report, CostBy by) {
    std::map<std::pair<Currency, std::string>, CostLine> sums;
    auto const add = [&](std::string const& key, Money cost, Duration slot_time, std::int64_t jobs) {
        auto& line = sums[{cost.currency, key}];
        line.key = key;
        line.cost += cost;
        line.slot_time += slot_time;
        line.jobs += jobs;
    };
    if (by == CostBy::pool || by == CostBy::worker) {
        for (auto const& server : report.servers)
            add(by == CostBy::pool ? server.pool.value : server.server.value, server.cost, server.slot_time_used,
                server.jobs);
    } else {
        for (auto const& job : report.jobs)
            add(by == CostBy::job ? std::to_string(job.job.value) : job.owner, job.cost, job.slot_time, 1);
        for (auto const& server : report.servers)
            add("(idle)", server.idle, server.slot_time_paid - server.slot_time_used, 0);
    }
    std::vector<CostLine> lines;
    for (auto& [key, line] : sums) lines.push_back(std::move(line));
    std::stable_sort(lines.begin(), lines.end(), [](auto const& a, auto const& b) { return a.cost > b.cost; });
    return lines;
}

}  // namespace rgrid
