#include "delete_servers.hpp"

#include <algorithm>
#include <array>
#include <boost/describe/class.hpp>
#include <iostream>
#include <set>
#include <string_view>

#include "app/cloud.hpp"
#include "confirm.hpp"
#include "output.hpp"

namespace rgrid::cli {

/// What `rgrid servers delete --json` prints.
struct ServersDeleted {
    FleetId fleet;
    std::vector<ServerName> deleted;
    std::vector<ServerName> left;        ///< Still listed when the time was up.
    std::vector<std::string> problems;   ///< Why the last deletes of these failed, as far as they did.
    std::vector<std::string> unclear;    ///< What may be servers or may cost, each with why.
    std::vector<std::string> kept;       ///< Why what was made for the fleet beside its servers could not be deleted.
};
BOOST_DESCRIBE_STRUCT(ServersDeleted, (), (fleet, deleted, left, problems, unclear, kept))

namespace {

using Servers = std::vector<Server>;

constexpr Duration look_again = 300ms;
constexpr Duration ask_again = 10s;
constexpr Duration belongings_again = 2s;

/// A configuration with mistakes elsewhere must not keep anybody from stopping the bill. To list and to delete takes to
/// know where the servers are; a key that is unknown may be meant to say that.
bool concerns_cloud(config::Problem const& problem) {
    constexpr std::array<std::string_view, 12> elsewhere{
        "fleet", "store", "files", "worker", "gateway", "pool", "limits", "log", "cloud.boot", "cloud.process.boot_delay",
        "cloud.process.stop_grace", "cloud.process.offers"};
    return std::ranges::none_of(elsewhere, [&](std::string_view section) {
        return problem.path.starts_with(section) &&
               (problem.path.size() == section.size() || problem.path[section.size()] == '.' ||
                problem.path[section.size()] == '[');
    });
}

app::Settings settings_for_cloud(Context& context) {
    auto const loaded = app::load_settings(context.options.source, app::process_environment());
    for (auto const& problem : loaded.problems)
        if (concerns_cloud(problem))
            quit(exit_wrong_use, "the configuration does not say who provides the servers:\n  " +
                                     config::to_text(loaded.problems, "\n  "));
    for (auto const& problem : loaded.problems)
        std::cerr << "rgrid: passed over, for it does not concern the provider: " << config::to_text(problem) << "\n";
    return loaded.settings;
}

void print_servers(Context& context, Servers const& servers, CloudProvider& cloud, std::ostream& to) {
    // Without prices the list is still worth having.
    auto const asked = cloud.offers(context.call());
    auto const offers = asked ? *asked : std::vector<Offer>{};
    Table table{{"SERVER", "POOL", "OFFER", "STATUS", "AGE", "PRICE"}};
    for (auto const& server : servers) {
        auto const offer =
            std::ranges::find_if(offers, [&](Offer const& known) { return known.key == server.offer; });
        table.add({server.name.value, server.pool.value, to_text(server.offer), enum_name(server.status),
                   to_rough_text(server.age),
                   offer == offers.end() ? "" : to_price_text(offer->price) + " per " + to_text(offer->period)});
    }
    table.print(to);
}

/// Deletes until the provider lists nothing more, or the time is up.
class Deletion {
public:
    Deletion(Context& context, CloudProvider& cloud, Duration limit)
        : context_(context), cloud_(cloud), until_(context.clock().steady_now() + limit) {}

    void run(Servers listed) {
        while (true) {
            for (auto const& server : listed) seen_.insert(server.name);
            left_ = std::move(listed);
            auto const now = context_.clock().steady_now();
            if (left_.empty() || now >= until_) break;
            if (now >= next_ask_) ask(now);
            line_.show(std::to_string(seen_.size() - left_.size()) + " of " + std::to_string(seen_.size()) +
                       " servers are gone");
            context_.clock().sleep_until(context_.clock().steady_now() + look_again, {});
            listed = look();
        }
        line_.clear();
    }

    [[nodiscard]] ServersDeleted report(FleetId const& fleet) const {
        ServersDeleted report{fleet, {}, {}, {}, {}, {}};
        std::set<ServerName> left;
        for (auto const& server : left_) left.insert(server.name);
        for (auto const& name : seen_) (left.contains(name) ? report.left : report.deleted).push_back(name);
        report.problems = problems_;
        return report;
    }

private:
    void ask(SteadyInstant now) {
        next_ask_ = now + ask_again;
        problems_.clear();
        for (auto const& server : left_)
            if (auto const asked = cloud_.destroy(context_.call(), server.id); !asked)
                problems_.push_back(server.name.value + ": " + asked.error().message);
    }

    /// Not to know what is left is to have it all left.
    Servers look() {
        auto listed = cloud_.list(context_.call());
        if (listed) {
            // One that has come since the last delete was asked for has somebody who orders servers.
            for (auto const& server : *listed)
                if (!seen_.contains(server.name)) next_ask_ = {};
            return std::move(*listed);
        }
        line_.show("the servers cannot be listed: " + listed.error().message);
        return left_;
    }

    Context& context_;
    CloudProvider& cloud_;
    SteadyInstant until_;
    SteadyInstant next_ask_{};
    std::set<ServerName> seen_;
    Servers left_;
    std::vector<std::string> problems_;
    LiveLine line_;
};

/// One fleet's servers, as they are before anything is deleted.
void show(Context& context, app::Settings const& settings, FleetId const& fleet, Servers const& servers,
          CloudProvider& cloud, std::ostream& to) {
    to << "Fleet " << fleet.value << " has ";
    if (!servers.empty()) {
        to << servers.size() << (servers.size() == 1 ? " server:\n" : " servers:\n");
        return print_servers(context, servers, cloud, to);
    }
    to << "no servers";
    std::string others;
    for (auto const& other : app::fleets_in_cloud(settings, context.clock()))
        others += (others.empty() ? "" : ", ") + other.value;
    to << (others.empty() ? "" : "; there are servers of: " + others) << ".\n" << std::flush;
}

/// Once there are no servers: what they used may be in use for some seconds longer.
std::vector<std::string> remove_belongings(Context& context, app::Settings const& settings, FleetId const& fleet,
                                           SteadyInstant until) {
    for (;;) {
        auto const removed = app::remove_belongings(context.call(), settings, fleet, context.clock());
        if (removed) return {};
        if (context.clock().steady_now() + belongings_again >= until) return {removed.error().message};
        context.clock().sleep_until(context.clock().steady_now() + belongings_again, {});
    }
}

bool is_done(ServersDeleted const& report) {
    return report.left.empty() && report.unclear.empty() && report.kept.empty();
}

int say(ServersDeleted const& report) {
    if (!report.deleted.empty() || !report.left.empty())
        std::cout << "Deleted " << report.deleted.size() << (report.deleted.size() == 1 ? " server" : " servers")
                  << " of fleet " << report.fleet.value << ".\n";
    for (auto const& problem : report.problems) std::cerr << "rgrid: " << tame(problem, 1000) << "\n";
    for (auto const& problem : report.unclear)
        std::cerr << "rgrid: this may be a server that runs, or something else that costs: " << tame(problem, 1000) << "\n";
    for (auto const& problem : report.kept)
        std::cerr << "rgrid: what was made for the fleet beside its servers could not all be deleted: "
                  << tame(problem, 1000) << "\n";
    if (report.left.empty()) return is_done(report) ? exit_done : exit_failed;
    std::string names;
    for (auto const& name : report.left) names += (names.empty() ? "" : ", ") + name.value;
    quit(exit_failed, std::to_string(report.left.size()) + " of them " + (report.left.size() == 1 ? "is" : "are") +
                          " still there: " + names +
                          "; if new ones keep coming, a daemon orders them: end it and try again");
}

}  // namespace

int delete_servers(Context& context, DeleteServersOptions const& options) {
    if (!options.provider_only)
        quit(exit_wrong_use,
             "servers are deleted by the daemon once their workers are let go ('rgrid workers delete', 'rgridd "
             "--drain'); to delete them behind its back, with whatever runs on them, say --provider-only");
    auto const limit = parse_duration(options.limit);
    if (!limit)
        quit(exit_wrong_use, "--limit is '" + options.limit + "'; expected a duration with its unit, such as 10m");
    if (!app::is_label(options.fleet))
        quit(exit_wrong_use, "--fleet is '" + options.fleet +
                                 "'; expected a fleet's name: at most 40 small letters, digits and dashes");
    FleetId const fleet{options.fleet};
    auto const settings = settings_for_cloud(context);
    auto const cloud = expect(app::open_cloud_alone(settings, fleet, context.clock()));
    auto servers = expect(cloud->list(context.call()));
    // With --json standard output is for one document, but nobody is asked about servers that were not shown.
    if (!context.options.json)
        show(context, settings, fleet, servers, *cloud, std::cout);
    else if (!options.yes)
        show(context, settings, fleet, servers, *cloud, std::cerr);
    if (!servers.empty()) {
        std::cerr << "A daemon that runs for this fleet orders new servers for its jobs: end it first.\n";
        confirm(options.yes, "Delete all of them, with whatever runs on them?");
    }
    auto const until = context.clock().steady_now() + *limit;
    Deletion deletion{context, *cloud, *limit};
    deletion.run(std::move(servers));
    auto report = deletion.report(fleet);
    if (options.belongings && report.left.empty())
        report.kept = remove_belongings(context, settings, fleet, until);
    report.unclear = app::cloud_problems(call_within(context.clock(), 30s), *cloud);
    if (!context.options.json) return say(report);
    print_json(report);
    return is_done(report) ? exit_done : exit_failed;
}

}  // namespace rgrid::cli
