#include "scenario.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace rgrid::sim {

// ---- what happens ----------------------------------------------------------------------------------------------

What jobs(int count, Duration run, Ending ending) { return jobs(count, Work{{}, run, ending, {}}); }

What jobs(int count, Work work) {
    return {std::to_string(count) + " jobs of " + to_rough_text(work.runs), [count, work](World& world) {
                world.submit(std::vector<Work>(static_cast<std::size_t>(count), work));
            }};
}

What cancel_everything() {
    return {"a user cancels every job", [](World& world) { world.users().cancel(1'000'000); }};
}

What provider_away(Duration span) {
    return {"the provider is away", [span](World& world) { world.cloud_away(span); }};
}

What store_away(Duration span) {
    return {"the store is away", [span](World& world) { world.store_away(span); }};
}

What controller_away(Duration span) {
    return {"the controller is away", [span](World& world) { world.controllers().crash(0, span); }};
}

What controller_frozen(std::size_t seat, Duration span) {
    return {"a controller is frozen", [=](World& world) { world.controllers().freeze(seat, span); }};
}

What controller_cut_from_store(std::size_t seat, Duration span) {
    return {"a controller is cut off from the store", [=](World& world) {
                world.controllers().cut_from_store(seat, span);
            }};
}

What servers_vanish(double share) {
    return {"servers vanish", [share](World& world) { world.vanish(share); }};
}

What agents_die(double share) {
    return {"agents die", [share](World& world) { world.kill_agents(share); }};
}

What agents_cut_off(double share, Duration span) {
    return {"agents are cut off", [=](World& world) { world.cut_agents(share, span); }};
}

What calendars_jump(Duration span) {
    return {"calendars jump", [span](World& world) {
                for (std::size_t seat = 0; seat < world.controllers().count(); ++seat)
                    world.controllers().step_clock(seat, span);
                world.step_cloud_clock(span);
                world.step_agent_clocks(span);
            }};
}

What store_clock_jumps(Duration span) {
    return {"the store's clock jumps", [span](World& world) { world.step_store_clock(span); }};
}

What deletes_take(Duration fastest, Duration slowest) {
    return {"deletes take long", [=](World& world) { world.cloud().set_delete_time(fastest, slowest); }};
}

What boots_fail(Duration span) {
    return {"no agent comes up", [span](World& world) { world.boots_fail(span); }};
}

What boot_scripts_fail(int count) {
    return {"boot scripts fail", [count](World& world) { world.agents().fail_boots(count); }};
}

What servers_unfinished(int count) {
    return {"servers are not finished", [count](World& world) { world.cloud().leave_unfinished(count); }};
}

What foreign_store(int count, Duration span) {
    return {"another store's servers appear", [=](World& world) { world.foreign_store(count, span); }};
}

What store_backed_up() {
    return {"the store is backed up", [](World& world) { world.back_up_store(); }};
}

What store_restored(Duration notices) {
    return {"the store is restored", [notices](World& world) { world.restore_store(notices); }};
}

std::vector<Happening> every(Duration interval, int times, What const& what) {
    std::vector<Happening> all;
    for (int i = 0; i < times; ++i) all.push_back({interval * i, what});
    return all;
}

// ---- what is expected ------------------------------------------------------------------------------------------

Count const succeeded{"jobs that succeeded", [](Report const& report) { return report.jobs.succeeded; }};
Count const failed{"jobs that failed", [](Report const& report) { return report.jobs.failed; }};
Count const cancelled{"jobs that were cancelled", [](Report const& report) { return report.jobs.cancelled; }};
Count const dead{"jobs that died", [](Report const& report) { return report.jobs.dead; }};
Count const creations{"servers made", [](Report const& report) { return report.creations; }};
Count const create_calls{"servers asked for", [](Report const& report) { return report.create_calls; }};
Count const most_servers{"servers at a time", [](Report const& report) { return report.most_servers; }};
Count const paid_hours{"paid periods", [](Report const& report) { return report.charged_periods; }};
Count const losses{"attempts lost with their workers", [](Report const& report) { return report.losses; }};
Price const cost{"what the provider charges", [](Report const& report) { return report.charged; }};
Price const billed{"what the fleet's bill says", [](Report const& report) { return report.cost; }};
Span const longest_wait{"longest wait for a start", [](Report const& report) { return report.longest_wait; }};
Span const mean_wait{"mean wait for a start", [](Report const& report) { return report.mean_wait; }};
Span const lasted{"time until everything had ended", [](Report const& report) { return report.lasted; }};

Count reached(std::string const& point) {
    return {"times that it came to \"" + point + "\"", [point](Report const& report) {
                auto const found = report.reached.find(point);
                return found == report.reached.end() ? std::int64_t{0} : found->second;
            }};
}

Sight const servers{"servers that stand", [](World& world) {
                        std::int64_t standing = 0;
                        for (auto const& server : world.cloud().truth()) standing += world.cloud().stands(server.name);
                        return standing;
                    }};
Sight const agents{"agents that run", [](World& world) { return std::ssize(world.agents().alive()); }};
Sight const queued{"jobs that wait", [](World& world) { return world.scene().store.truth().counts({})->queued; }};
Sight const running{"jobs that run", [](World& world) { return world.scene().store.truth().counts({})->running; }};

std::string detail::text_of(std::int64_t value) { return std::to_string(value); }
std::string detail::text_of(Duration value) { return to_text(value); }
std::string detail::text_of(Money value) { return to_text(value); }

std::vector<Look> at_every(Duration interval, Duration from, Duration to, Expects<World&> const& expects) {
    std::vector<Look> looks;
    for (auto when = from; when <= to; when += interval) looks.push_back({when, expects});
    return looks;
}

// ---- a scenario ------------------------------------------------------------------------------------------------

WorldSettings fleet_of(int most_workers, int slots) {
    auto fleet = quiet_world();
    auto& pool = fleet.params.pools.at(PoolName{"default"});
    pool.slots = slots;
    pool.scaling.max_workers = most_workers;
    // A scenario says when its troubles end; nothing is tidied up behind its back before it is over.
    fleet.calm_after = 10min;
    return fleet;
}

namespace {

struct Run {
    Report report;
    std::string differences;
};

Run run(Scenario const& scenario, std::uint64_t seed) {
    auto settings = scenario.fleet;
    settings.seed = seed;
    settings.keep_log = true;
    auto& end = settings.calm_after;
    for (auto const& happening : scenario.happens) end = std::max(end, happening.at + 1min);
    for (auto const& look : scenario.sees) end = std::max(end, look.at + 1min);
    World world{settings};
    Run run;
    auto const note = [&](std::string const& words, std::optional<std::string> const& difference) {
        if (difference) run.differences += "  \"" + words + "\"\n    " + *difference + "\n";
    };
    for (auto const& [when, what] : scenario.happens)
        world.at(when, [&what = what](World& then) {
            then.scene().tell("scenario", what.words);
            what.happens(then);
        });
    std::size_t seen = 0;
    for (auto const& [when, expects] : scenario.sees)
        world.at(when, [&, when = when, &expects = expects](World& then) {
            ++seen;
            if (auto const difference = expects.differs(then))
                note(expects.words, "after " + to_rough_text(when) + ", " + *difference);
        });
    run.report = world.run();
    for (auto const& violation : run.report.violations) run.differences += "  violation " + violation + "\n";
    for (auto const& expects : scenario.expects) note(expects.words, expects.differs(run.report));
    if (seen < scenario.sees.size())
        run.differences += "  it ended after " + to_rough_text(run.report.lasted) + ", before all was seen\n";
    return run;
}

constexpr std::size_t shown_lines = 40;

std::string tell(Run const& run, std::string const& name, std::uint64_t seed) {
    if (run.differences.empty()) return {};
    auto const& lines = run.report.last_lines;
    auto text = "scenario " + name + ", seed " + std::to_string(seed) + ":\n" + run.differences;
    text += "the end of its log:\n";
    auto const shown = std::getenv("RGRID_LOG") != nullptr ? lines.size() : std::min(shown_lines, lines.size());
    for (auto line = lines.end() - static_cast<std::ptrdiff_t>(shown); line != lines.end(); ++line)
        text += "  " + *line + "\n";
    if (!run.report.violations.empty()) text += "the last plan:\n" + run.report.plan;
    return text + "again, with its whole log: RGRID_SEED=" + std::to_string(seed) +
           " RGRID_LOG=1 test_sim_scenarios --gtest_filter='*." + name + "'\n";
}

constexpr std::uint64_t usual_seeds = 5;

std::pair<std::uint64_t, std::uint64_t> seeds() {
    auto const given = [](char const* variable) -> std::uint64_t {
        auto const* const text = std::getenv(variable);
        return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
    };
    if (auto const only = given("RGRID_SEED"); only > 0) return {only, only};
    auto const wanted = given("RGRID_SCENARIO_SEEDS");
    return {1, wanted > 0 ? wanted : usual_seeds};
}

}  // namespace

std::string play_once(Scenario const& scenario, std::string const& name, std::uint64_t seed) {
    return tell(run(scenario, seed), name, seed);
}

void play(Scenario const& scenario) {
    std::string const name = testing::UnitTest::GetInstance()->current_test_info()->name();
    auto const [first, last] = seeds();
    for (auto seed = first; seed <= last; ++seed) {
        auto const once = run(scenario, seed);
        if (auto const text = tell(once, name, seed); !text.empty()) ADD_FAILURE() << text << scenario.story;
        if (std::getenv("RGRID_LOG") != nullptr && once.differences.empty())
            for (auto const& line : once.report.last_lines) std::puts(line.c_str());
        if (seed == first) {
            EXPECT_EQ(run(scenario, seed).report.digest, once.report.digest) << "the same seed ran differently";
        }
    }
}

}  // namespace rgrid::sim
