#pragma once

/// What every Wake has to do, as tests: derive from WakeHarness, then
///
///     INSTANTIATE_TEST_SUITE_P(MyWake, WakeConformance,
///         ::testing::Values(WakeFactory{"plain", [] { return std::make_unique<MyHarness>(); }}), FactoryName{});
///
/// inside namespace rgrid::testing, in one source file of a test program.

#include <gtest/gtest.h>
#include <functional>
#include <future>
#include <memory>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/wake.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/factory_name.hpp>
#include <rgrid/testing/job_queue/harness.hpp>
#include <rgrid/testing/printers.hpp>
#include <string>

namespace rgrid::testing {

/// A wake under test and the empty store whose changes it tells, both made anew for each test.
class WakeHarness {
public:
    virtual ~WakeHarness() = default;

    virtual Wake& wake() = 0;
    virtual JobPorts ports() = 0;

    /// The clock of the calls; it has to run by itself.
    virtual Clock& clock() = 0;
};

/// How the suite makes wakes; `name` becomes part of the test's name.
struct WakeFactory {
    std::string name;
    std::function<std::unique_ptr<WakeHarness>()> make;

    friend std::ostream& operator<<(std::ostream& out, WakeFactory const& factory) { return out << factory.name; }
};

class WakeConformance : public ::testing::TestWithParam<WakeFactory> {
protected:
    /// Whether a wait that has plenty of time is ended by something.
    bool is_told() { return wake().wait(call_within(harness_->clock(), 1min)); }

    /// Whether a wait comes to its end with nothing to tell.
    bool is_quiet() { return !wake().wait(call_within(harness_->clock(), 60ms)); }

    Wake& wake() { return harness_->wake(); }
    JobPorts ports() { return harness_->ports(); }
    Clock& clock() { return harness_->clock(); }

    JobId submit(JobSpec const& spec = a_job()) { return ports().jobs.submit({}, {spec}).value().at(0).value().job; }

    /// A job that `worker` runs.
    Lease run() {
        incarnation_ = ports()
                           .work.register_worker({}, {worker, ServerName{"w"}, PoolName{"default"}, 1, "1"})
                           .value()
                           .incarnation;
        submit();
        return ports().work.claim({}, worker, incarnation_, {}, 1).value().at(0);
    }

    void complete(Lease const& lease, Outcome outcome) {
        ports().work.complete({}, worker, incarnation_, {Completion{lease.job, lease.epoch, outcome}}).value();
    }

    /// Takes everything that has happened so far as told.
    void catch_up() {
        while (!is_quiet()) {
        }
    }

    BeatMark last_beat() {
        for (auto const& session : ports().queue.sessions({}).value().sessions)
            if (session.worker == worker) return {session.incarnation, session.beat};
        return {};
    }

    WorkerId const worker{"w"};

private:
    std::unique_ptr<WakeHarness> harness_ = GetParam().make();
    Incarnation incarnation_;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WakeConformance);

TEST_P(WakeConformance, tells_of_a_submit_once) {
    EXPECT_TRUE(is_quiet());
    submit();
    EXPECT_TRUE(is_told());
    EXPECT_TRUE(is_quiet());
}

// Or as two, where telling is limited in time: the first at once, the others together.
TEST_P(WakeConformance, several_changes_are_told_as_one) {
    for (int i = 0; i < 5; ++i) submit();
    EXPECT_TRUE(is_told());
    int more = 0;
    while (more < 3 && !is_quiet()) ++more;
    EXPECT_LE(more, 1);
}

TEST_P(WakeConformance, tells_of_a_job_that_has_ended) {
    auto const lease = run();
    catch_up();
    complete(lease, Outcome::succeeded);
    EXPECT_TRUE(is_told());
}

TEST_P(WakeConformance, tells_of_a_cancel_of_a_waiting_or_running_job) {
    auto const waiting = submit(a_job().priority(-1));
    auto const lease = run();
    catch_up();
    ports().jobs.cancel({}, {waiting}).value();
    EXPECT_TRUE(is_told());
    ports().jobs.cancel({}, {lease.job}).value();
    EXPECT_TRUE(is_told());
}

TEST_P(WakeConformance, tells_of_a_job_that_goes_back_to_the_queue) {
    auto const lease = run();
    catch_up();
    complete(lease, Outcome::released);
    EXPECT_TRUE(is_told()) << "given back";

    auto const again = run();
    EXPECT_EQ(again.job, lease.job);
    catch_up();
    ports().queue.close({}, worker, CloseMode::now, last_beat()).value();
    EXPECT_TRUE(is_told()) << "its worker was given up";
}

TEST_P(WakeConformance, tells_of_a_retry) {
    auto const job = submit();
    ports().jobs.cancel({}, {job}).value();
    catch_up();
    ports().jobs.retry({}, {job}).value();
    EXPECT_TRUE(is_told());
}

TEST_P(WakeConformance, wakes_who_is_waiting) {
    auto waiting = std::async(std::launch::async, [&] { return is_told(); });
    submit();
    EXPECT_TRUE(waiting.get());
}

TEST_P(WakeConformance, ends_at_once_when_there_is_no_time) {
    EXPECT_FALSE(wake().wait({clock().steady_now(), {}}));
    EXPECT_FALSE(wake().wait({SteadyInstant::min(), {}}));
}

// Were it not woken, the test would take forever.
TEST_P(WakeConformance, a_stop_ends_a_wait) {
    std::stop_source stop;
    auto waiting = std::async(std::launch::async, [&] {
        return wake().wait({SteadyInstant::max(), stop.get_token()});
    });
    stop.request_stop();
    EXPECT_FALSE(waiting.get());

    EXPECT_FALSE(wake().wait({SteadyInstant::max(), stop.get_token()})) << "stopped before it began";
}

TEST_P(WakeConformance, a_stop_takes_nothing_away) {
    std::stop_source stop;
    auto waiting = std::async(std::launch::async, [&] {
        return wake().wait({SteadyInstant::max(), stop.get_token()});
    });
    stop.request_stop();
    EXPECT_FALSE(waiting.get());

    submit();

    EXPECT_TRUE(is_told());
}

}  // namespace rgrid::testing
