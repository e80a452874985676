#include <gtest/gtest.h>

#include <algorithm>
#include <boost/describe/enum_to_string.hpp>
#include <map>
#include <ostream>
#include <rgrid/sim/world.hpp>
#include <set>

// Whoever makes a call may die right before or right after its effect, and any call may fail in every way: the fleet
// must survive each of these by name, not only those that chance brings.

namespace rgrid::sim {
namespace {

enum class Caller { controller, agent, user, boot_script, nobody };

struct Made {
    PortCall call;
    Caller by;
    char const* why_not = "";  ///< ... it has no case here.
};

/// Every call there is. Whoever adds one to `port_calls` has to say here who makes it.
std::vector<Made> const& who_calls() {
    constexpr auto operators = "an operator's; the world makes it in the operator's place, and it cannot fail there";
    constexpr auto looks = "a person's look: nothing follows from it";
    constexpr auto files = "moves files: attempts are modelled without inputs and outputs";
    static std::vector<Made> const all{
        {calls::cloud_offers, Caller::controller},
        {calls::cloud_list, Caller::controller},
        {calls::cloud_find, Caller::controller},
        {calls::cloud_create, Caller::controller},
        {calls::cloud_destroy, Caller::controller},
        {calls::queue_demand, Caller::controller},
        {calls::queue_sessions, Caller::controller},
        {calls::queue_close, Caller::controller},
        {calls::queue_tend, Caller::controller},
        {calls::fleet_lead, Caller::controller},
        {calls::fleet_resign, Caller::controller},
        {calls::fleet_load, Caller::controller},
        {calls::fleet_write, Caller::controller},
        {calls::fleet_hold, Caller::nobody, operators},
        {calls::fleet_freeze, Caller::controller},
        {calls::fleet_adopt, Caller::nobody, operators},
        {calls::fleet_bills, Caller::nobody, looks},
        {calls::work_register, Caller::agent},
        {calls::work_beat, Caller::agent},
        {calls::work_claim, Caller::agent},
        {calls::work_complete, Caller::agent},
        {calls::work_append_log, Caller::nobody, "of the threads around the agent's machine: logs are not modelled"},
        {calls::jobs_submit, Caller::user},
        {calls::jobs_look, Caller::nobody, looks},
        {calls::jobs_counts, Caller::nobody, looks},
        {calls::jobs_cancel, Caller::user},
        {calls::jobs_retry, Caller::user},
        {calls::jobs_read_log, Caller::nobody, looks},
        {calls::executor_run, Caller::nobody, "starts processes: attempts are modelled by the time they take"},
        {calls::files_put, Caller::nobody, files},
        {calls::files_get, Caller::nobody, files},
        {calls::files_find, Caller::nobody, files},
        {calls::files_remove, Caller::nobody, files},
        {calls::files_list, Caller::nobody, files},
        {calls::fleet_report_boot, Caller::boot_script},
    };
    return all;
}

bool is_call(PortCall const& one, PortCall const& other) { return one.number == other.number; }

/// Jobs of every kind.
std::vector<Work> batch(Duration at) {
    std::vector<Work> work;
    auto const add = [&](Duration runs, Ending ending, Duration delay = Duration{0}) {
        Work each;
        each.at = at;
        each.runs = runs;
        each.ending = ending;
        each.spec.timeout = 40min;
        each.spec.max_losses = 3;
        each.spec.delay = delay;
        work.push_back(std::move(each));
    };
    for (auto const runs : {1min, 3min, 8min, 15min, 15min, 20min}) add(runs, Ending::succeeds);
    add(2min, Ending::fails);
    add(2min, Ending::always_fails);
    add(2min, Ending::succeeds, 6min);
    add(1min, Ending::kills_worker);
    return work;
}

WorldSettings busy_settings(int controllers) {
    auto settings = quiet_world();
    settings.controllers = controllers;
    settings.boot.tells = true;
    settings.params.pools.at(PoolName{"default"}).health.listing_lag = 10s;
    settings.calm_after = 4h;
    settings.ends_after = 16h;
    for (int hour = 0; hour < 3; ++hour)
        for (auto& work : batch(hour * 1h + 1min)) settings.work.push_back(std::move(work));
    return settings;
}

/// Brings about what `call` is made for, where a busy fleet alone does not.
void provoke(World& world, PortCall const& call) {
    if (is_call(call, calls::cloud_find))
        for (int i = 0; i < 6; ++i) world.scene().faults.order("CloudProvider.create", Fault::timed_out_before);
    if (is_call(call, calls::fleet_resign))
        for (int i = 1; i <= 10; ++i) world.at(i * 20min, [](World& then) { then.foreign_store(1, 5min); });
    if (is_call(call, calls::fleet_freeze))
        // An agent would tell the store as well as a controller does; so none runs when it goes back.
        for (int i = 0; i < 8; ++i) {
            world.at(i * 30min, [](World& then) { then.back_up_store(); });
            world.at(i * 30min + 10s, [](World& then) { then.submit(batch(Duration{0})); });
            world.at(i * 30min + 70s, [](World& then) { then.kill_agents(1); });
            world.at(i * 30min + 75s, [](World& then) { then.restore_store(5min); });
        }
    if (is_call(call, calls::fleet_report_boot)) world.agents().fail_boots(2);
    if (is_call(call, calls::jobs_cancel))
        for (int i = 1; i <= 5; ++i) world.at(i * 30min, [](World& then) { then.users().cancel(3); });
    if (is_call(call, calls::jobs_retry))
        for (int i = 1; i <= 5; ++i) world.at(i * 30min, [](World& then) { then.users().retry_all(); });
}

std::string all_lines(Report const& report) {
    std::string text = "the last plan:\n" + report.plan + "the last of its log:\n";
    for (auto const& line : report.last_lines) text += "  " + line + "\n";
    return text;
}

std::string name_of(PortCall const& call) {
    std::string name = call.name;
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
}

std::string nth_text(int nth) {
    return nth == 1 ? "1st" : nth == 2 ? "2nd" : nth == 3 ? "3rd" : std::to_string(nth) + "th";
}

// ---- crashes ---------------------------------------------------------------------------------------------------

struct Crash {
    Made made;
    bool after;
    int nth;

    [[nodiscard]] std::string point() const {
        return std::string{"crash "} + (after ? "after " : "before ") + made.call.name;
    }
};

/// What GoogleTest shows beside the case's name.
void PrintTo(Crash const& crash, std::ostream* out) { *out << crash.point() << ", call " << crash.nth; }

struct CrashName {
    std::string operator()(::testing::TestParamInfo<Crash> const& info) const {
        auto const& crash = info.param;
        return name_of(crash.made.call) + (crash.after ? "_after_" : "_before_") + nth_text(crash.nth);
    }
};

std::vector<Crash> crashes_of(Caller caller) {
    std::vector<Crash> crashes;
    for (auto const& made : who_calls()) {
        if (made.by != caller) continue;
        for (bool const after : {false, true})
            for (int const nth : {1, 2, 5}) crashes.push_back({made, after, nth});
    }
    return crashes;
}

void expect_survived(Report const& report, Crash const& crash) {
    EXPECT_EQ(report.violations, std::vector<std::string>{}) << all_lines(report);
    EXPECT_GT(report.reached.count(crash.point()), 0u) << "never reached: " << crash.point() << ", call "
                                                       << crash.nth;
}

class ControllerCrash : public ::testing::TestWithParam<Crash> {
protected:
    static void run(int controllers) {
        World world{busy_settings(controllers)};
        provoke(world, GetParam().made.call);
        world.controllers().crash_at(GetParam().made.call, GetParam().after, GetParam().nth);
        expect_survived(world.run(), GetParam());
    }
};

TEST_P(ControllerCrash, another_goes_on_where_it_died) { run(1); }

TEST_P(ControllerCrash, a_second_one_takes_over) { run(2); }

INSTANTIATE_TEST_SUITE_P(Matrix, ControllerCrash, ::testing::ValuesIn(crashes_of(Caller::controller)), CrashName{});

class AgentCrash : public ::testing::TestWithParam<Crash> {
protected:
    static Report run(std::optional<Duration> down) {
        World world{busy_settings(1)};
        world.agents().crash_at(GetParam().made.call, GetParam().after, GetParam().nth, down);
        auto report = world.run();
        expect_survived(report, GetParam());
        return report;
    }
};

TEST_P(AgentCrash, it_is_started_again_at_once) {
    EXPECT_EQ(run(50ms).reached.count("world: an agent was started again"), 1u);
}

TEST_P(AgentCrash, it_is_started_again_after_a_while) { run(10s); }

TEST_P(AgentCrash, it_is_started_again_after_it_was_given_up) { run(10min); }

TEST_P(AgentCrash, it_never_comes_back) { run({}); }

INSTANTIATE_TEST_SUITE_P(Matrix, AgentCrash, ::testing::ValuesIn(crashes_of(Caller::agent)), CrashName{});

// ---- faults ----------------------------------------------------------------------------------------------------

struct FaultyCall {
    Made made;
    Fault fault;
    int nth;
};

void PrintTo(FaultyCall const& call, std::ostream* out) {
    *out << call.made.call.name << " " << boost::describe::enum_to_string(call.fault, "") << ", call " << call.nth;
}

struct FaultName {
    std::string operator()(::testing::TestParamInfo<FaultyCall> const& info) const {
        auto const& it = info.param;
        return name_of(it.made.call) + "_" + boost::describe::enum_to_string(it.fault, "") + "_" + nth_text(it.nth);
    }
};

std::vector<FaultyCall> faulty_calls() {
    std::vector<FaultyCall> all;
    for (auto const& made : who_calls()) {
        if (made.by == Caller::nobody) continue;
        for (std::size_t kind = 1; kind < fault_kinds; ++kind) {
            auto const fault = static_cast<Fault>(kind);
            if ((fault == Fault::stale || fault == Fault::truncated) && !made.call.lists) continue;
            for (int const nth : {1, 3}) all.push_back({made, fault, nth});
        }
    }
    return all;
}

class FaultMatrix : public ::testing::TestWithParam<FaultyCall> {};

// Three in a row, so that whatever is done about the first meets it again.
TEST_P(FaultMatrix, is_survived) {
    auto const& [made, fault, nth] = GetParam();
    World world{busy_settings(1)};
    provoke(world, made.call);
    for (int i = 1; i < nth; ++i) world.scene().faults.order(made.call.name, Fault::none);
    for (int i = 0; i < 3; ++i) world.scene().faults.order(made.call.name, fault);

    auto const report = world.run();

    EXPECT_EQ(report.violations, std::vector<std::string>{}) << all_lines(report);
    auto const point = std::string{"fault: "} + made.call.name + " " + boost::describe::enum_to_string(fault, "");
    EXPECT_GT(report.reached.count(point), 0u) << "never reached: " << point;
}

INSTANTIATE_TEST_SUITE_P(Calls, FaultMatrix, ::testing::ValuesIn(faulty_calls()), FaultName{});

// ---- the matrix itself -----------------------------------------------------------------------------------------

TEST(Matrix, every_call_is_in_it_or_says_why_not) {
    std::set<std::size_t> numbers;
    for (auto const& made : who_calls()) {
        EXPECT_TRUE(numbers.insert(made.call.number).second) << made.call.name << " is there twice";
        EXPECT_EQ(made.by == Caller::nobody, made.why_not != std::string{}) << made.call.name;
    }
    for (auto const& call : port_calls) EXPECT_TRUE(numbers.contains(call.number)) << call.name << " is missing";
}

TEST(Matrix, nobody_makes_a_call_that_is_left_out) {
    std::map<std::string, std::int64_t> calls;
    for (auto const& provoked : who_calls()) {
        World world{busy_settings(2)};
        provoke(world, provoked.call);
        static_cast<void>(world.run());
        for (auto const& call : port_calls) calls[call.name] += world.scene().faults.calls(call.name);
    }

    for (auto const& made : who_calls())
        EXPECT_EQ(calls[made.call.name] == 0, made.by == Caller::nobody) << made.call.name << ": " << made.why_not;
}

}  // namespace
}  // namespace rgrid::sim
