#include <rgrid/model/cost.hpp>

#include <algorithm>
#include <array>
#include <boost/describe/class.hpp>
#include <boost/describe/enum_from_string.hpp>
#include <cctype>
#include <cstdio>
#include <iostream>
#include <memory>

#include "bill_as_of.hpp"
#include "commands.hpp"
#include "output.hpp"

namespace rgrid::cli {

/// What `rgrid cost --json` prints.
struct CostAnswer {
    Instant since;
    CostReport report;
    std::vector<CostLine> lines;
};
BOOST_DESCRIBE_STRUCT(CostAnswer, (), (since, report, lines))

namespace {

struct CostOptions {
    std::string since = "7d";
    std::string by = "worker";
};

std::string percent(double part) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f %%", part * 100);
    return text.data();
}

std::string sum_text(std::vector<Money> const& amounts) {
    std::string text;
    for (auto const& amount : amounts) text += (text.empty() ? "" : " + ") + to_price_text(amount);
    return text.empty() ? to_price_text(Money{}) : text;
}

CostAnswer answer(Context& context, Duration since, CostBy by) {
    auto const now = context.clock().now();
    CostAnswer result;
    result.since = now - since;
    auto& ports = context.ports();
    auto bills = expect(ports.fleet->bills(context.call(), result.since));
    for (auto& bill : bills) bill = bill_as_of(std::move(bill), now);
    // A server may be older than the question: all jobs that ran on one of these servers count.
    auto earliest = result.since;
    for (auto const& bill : bills) earliest = std::min(earliest, bill.created);
    auto jobs = look_at_all(context, {.finished_since = earliest});
    for (auto& job : look_at_all(context, {.states = {JobState::running}})) jobs.push_back(std::move(job));
    std::map<PoolName, int> slots;
    for (auto const& [name, pool] : context.loaded().settings.pool) slots[name] = pool.slots;
    result.report = divide_cost(bills, jobs, slots, now);
    result.lines = sum_cost(result.report, by);
    return result;
}

void print_servers(CostReport const& report) {
    Table table{{"SERVER", "OFFER", "LIVED", "PAID PERIODS", "COST", "USED", "JOBS"}};
    for (auto const& server : report.servers)
        table.add({server.server.value, to_text(server.offer),
                   span_text(server.lifetime) + (server.deleted ? "" : " so far"),
                   std::to_string(server.periods) + " x " + to_text(server.period), to_price_text(server.cost),
                   percent(server.used_share), std::to_string(server.jobs)});
    table.print();
}

void print_lines(CostAnswer const& result, std::string const& by) {
    std::string heading = by;
    for (char& c : heading) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    Table table{{heading, "COST", "SLOT-TIME", "JOBS"}};
    for (auto const& line : result.lines)
        table.add({line.key.empty() ? "(none)" : tame(line.key), to_price_text(line.cost, 9), span_text(line.slot_time),
                   std::to_string(line.jobs)});
    table.print();
}

int cost(Context& context, CostOptions const& options) {
    auto const since = parse_duration(options.since);
    if (!since)
        quit(exit_wrong_use,
             "--since is '" + options.since + "'; expected a duration with its unit, such as 12h or 7d");
    CostBy by = CostBy::worker;
    if (!boost::describe::enum_from_string(options.by.c_str(), by))
        quit(exit_wrong_use, "--by is '" + options.by + "'; expected pool, job, worker or owner");
    auto const result = answer(context, *since, by);
    if (context.options.json) {
        print_json(result);
        return exit_done;
    }
    if (result.report.servers.empty()) {
        std::cout << "No server was paid for in the last " << to_text(*since) << ".\n";
        return exit_done;
    }
    if (by == CostBy::worker)
        print_servers(result.report);
    else
        print_lines(result, options.by);
    std::cout << "\nTotal since " << to_text(result.since).substr(0, 16) << "Z: " << sum_text(result.report.total)
              << ", of which " << sum_text(result.report.idle) << " for time that no job used; "
              << percent(result.report.used_share) << " of the paid slot-time was used.\n";
    if (!result.report.ipv4.empty())
        std::cout << "Of the total, " << sum_text(result.report.ipv4) << " is for public addresses.\n";
    return exit_done;
}

}  // namespace

void add_cost(Commands const& commands) {
    auto options = std::make_shared<CostOptions>();
    auto* command = commands.add("cost", "Shows what was paid, how much of it was used, and by whom",
                                 [options](Context& context) { return cost(context, *options); });
    command->add_option("--since", options->since, "How far back")->capture_default_str();
    command->add_option("--by", options->by, "pool, job, worker or owner")->capture_default_str();
}

}  // namespace rgrid::cli
