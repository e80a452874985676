#include <gtest/gtest.h>

#include <rgrid/sim/cloud.hpp>
#include <rgrid/sim/network.hpp>
#include <rgrid/sim/store.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/printers.hpp>

namespace rgrid::sim {
namespace {

using testing::a_job;
using testing::error_of;
using testing::message_of;

/// One party, one peer that takes 10 ms each way, and a store behind it.
class LinkTest : public ::testing::Test {
protected:
    struct Answer {
        std::optional<Errc> error;
        Duration took{0};
        std::int64_t jobs = 0;  ///< In the store when the answer came.
    };

    /// Submits a job, with 10 s to do so.
    Answer submit() {
        Answer answer;
        auto const begin = timeline_.now();
        fibers_.spawn([&] {
            answer.error = error_of(jobs_.submit({party_.clock.steady_now() + 10s, {}}, {a_job()}));
            answer.took = timeline_.now() - begin;
            answer.jobs = accepted();
        });
        while (!timeline_.empty()) timeline_.step();
        return answer;
    }

    std::int64_t accepted() { return store_.truth().counts({}).value().accepted; }
    void order(Fault fault) { faults_.order("JobStore.submit", fault); }

    Timeline timeline_;
    Fibers fibers_{timeline_};
    FaultPlan faults_{1};
    Network network_{timeline_, fibers_, faults_, Chance{1, "network"}, nullptr, {}, {}};
    Peer peer_{10ms, 10ms, {}, true, {}};
    Party party_{"user", timeline_, fibers_, Instant{}};
    PartyClock store_clock_{timeline_, fibers_, Instant{}};
    Store store_{store_clock_};
    Link link_{network_, party_, peer_};
    Faulty<JobStore> jobs_{store_, link_};
};

constexpr auto nothing = std::optional<Errc>{};

TEST_F(LinkTest, a_call_takes_its_way_there_and_back) {
    auto const answer = submit();
    EXPECT_EQ(answer.error, nothing);
    EXPECT_EQ(answer.took, 20ms);
    EXPECT_EQ(answer.jobs, 1);
}

TEST_F(LinkTest, each_fault_takes_its_time_and_has_its_effect_or_not) {
    struct Case {
        Fault fault;
        std::optional<Errc> error;
        Duration took;
        std::int64_t jobs;
    };
    for (auto const& [fault, error, took, jobs] : {
             Case{Fault::refused, Errc::retry_later, 10ms, 0},
             Case{Fault::throttled, Errc::retry_later, 10ms, 0},
             Case{Fault::truncated, Errc::retry_later, 10ms, 0},
             Case{Fault::timed_out_before, Errc::in_doubt, 10s, 0},
             Case{Fault::timed_out_after, Errc::in_doubt, 10s, 1},
             Case{Fault::answer_lost, Errc::in_doubt, 20ms, 1},
             Case{Fault::slow, nothing, 7s + 10ms, 1},
             Case{Fault::stale, nothing, 20ms, 1},
         }) {
        auto const before = accepted();
        peer_.throttled_until = {};
        order(fault);
        auto const answer = submit();
        SCOPED_TRACE(boost::describe::enum_to_string(fault, ""));
        EXPECT_EQ(answer.error, error);
        EXPECT_EQ(answer.took, took);
        EXPECT_EQ(answer.jobs, before + jobs);
        EXPECT_EQ(network_.met[calls::jobs_submit.number][static_cast<std::size_t>(fault)], 1);
    }
}

TEST_F(LinkTest, a_throttled_peer_refuses_all_calls_for_a_while) {
    order(Fault::throttled);
    EXPECT_EQ(submit().error, Errc::retry_later);
    EXPECT_EQ(submit().error, Errc::retry_later) << "though nothing was ordered";
    timeline_.after(1min, [] {});
    timeline_.step();
    EXPECT_EQ(submit().error, nothing);
}

TEST_F(LinkTest, a_peer_that_is_away_refuses_or_hangs) {
    peer_.away_until = timeline_.now() + 1min;
    auto const refused = submit();
    EXPECT_EQ(refused.error, Errc::retry_later);
    EXPECT_EQ(refused.took, 10ms);

    peer_.refuses = false;
    auto const hung = submit();
    EXPECT_EQ(hung.error, Errc::in_doubt);
    EXPECT_EQ(hung.took, 10s);
    EXPECT_EQ(accepted(), 0);

    peer_.away_until = {};
    EXPECT_EQ(submit().error, nothing);
}

TEST_F(LinkTest, nothing_gets_through_where_it_is_cut) {
    link_.cut(timeline_.now() + 1min);
    auto const answer = submit();
    EXPECT_EQ(answer.error, Errc::in_doubt);
    EXPECT_EQ(answer.took, 10s);
    EXPECT_EQ(answer.jobs, 0);

    link_.mend();
    EXPECT_EQ(submit().error, nothing);
}

TEST_F(LinkTest, an_answer_can_be_cut_off) {
    timeline_.after(5ms, [this] { link_.cut(timeline_.now() + 1min); });
    auto const answer = submit();
    EXPECT_EQ(answer.error, Errc::in_doubt);
    EXPECT_EQ(answer.took, 10s);
    EXPECT_EQ(answer.jobs, 1);
}

TEST_F(LinkTest, a_call_without_a_deadline_ends_all_the_same) {
    order(Fault::timed_out_before);
    std::optional<Errc> error;
    auto const begin = timeline_.now();
    fibers_.spawn([&] { error = error_of(jobs_.submit({}, {a_job()})); });
    while (!timeline_.empty()) timeline_.step();
    EXPECT_EQ(error, Errc::in_doubt);
    EXPECT_EQ(timeline_.now(), begin + 60s);
}

TEST_F(LinkTest, a_frozen_party_learns_what_came_of_it_when_it_thaws) {
    timeline_.after(15ms, [this] { party_.frozen_until = timeline_.now() + 5min; });
    auto const answer = submit();
    EXPECT_EQ(answer.error, nothing);
    EXPECT_EQ(answer.took, 5min + 15ms);
    EXPECT_EQ(answer.jobs, 1);
}

TEST_F(LinkTest, a_frozen_party_calls_when_it_thaws) {
    party_.frozen_until = timeline_.now() + 5min;
    auto const answer = submit();
    EXPECT_EQ(answer.took, 5min + 20ms);
    EXPECT_EQ(answer.jobs, 1);
}

TEST_F(LinkTest, no_call_of_a_dead_party_has_an_effect) {
    party_.dead = true;
    auto const answer = submit();
    EXPECT_EQ(answer.error, Errc::retry_later);
    EXPECT_EQ(answer.took, Duration{0});
    EXPECT_EQ(answer.jobs, 0);
}

TEST_F(LinkTest, a_request_that_has_left_when_its_party_dies_may_or_may_not_arrive) {
    int arrived = 0;
    for (int i = 0; i < 100; ++i) {
        auto const before = accepted();
        party_.dead = false;
        timeline_.after(5ms, [this] { party_.dead = true; });
        EXPECT_EQ(submit().error, Errc::retry_later);
        arrived += static_cast<int>(accepted() - before);
    }
    EXPECT_GT(arrived, 20);
    EXPECT_LT(arrived, 80);
}

TEST_F(LinkTest, a_party_can_be_killed_before_and_after_the_effect) {
    for (bool const when : {false, true}) {
        auto const before = accepted();
        party_.dead = false;
        int asked = 0;
        network_.crash_points = {[&](Party& party, PortCall const& call, bool after) {
            ++asked;
            EXPECT_EQ(std::string{call.name}, "JobStore.submit");
            if (after != when) return false;
            return party.dead = true;
        }};
        auto const answer = submit();
        EXPECT_EQ(answer.error, Errc::retry_later);
        EXPECT_EQ(answer.jobs - before, when ? 1 : 0);
        EXPECT_EQ(asked, when ? 2 : 1);
    }
}

TEST_F(LinkTest, a_stale_listing_is_as_old_as_the_listing_lag) {
    PartyClock cloud_clock{timeline_, fibers_, Instant{}};
    Cloud cloud{cloud_clock, FleetId{"f"}, CloudModel{}};
    network_.cloud = &cloud;
    Faulty<CloudProvider> provider{cloud, link_};
    faults_.order("CloudProvider.list", Fault::stale);
    std::size_t stale = 9, fresh = 9;
    fibers_.spawn([&] {
        static_cast<void>(provider.create({}, {ServerName{"f-1"}, FleetId{"f"}, PoolName{"default"}, {"local", "here"},
                                               StoreId{"store"}, Generation{1}, 1}));
        stale = provider.list({}).value().size();
        fresh = provider.list({}).value().size();
    });
    while (!timeline_.empty()) timeline_.step();
    EXPECT_EQ(stale, 0u);
    EXPECT_EQ(fresh, 1u);
}

}  // namespace
}  // namespace rgrid::sim
