#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <rgrid/sim/referee.hpp>
#include <rgrid/sim/world.hpp>

// A referee that sees nothing wrong proves nothing unless each of its checks can see something: each test here makes
// up what must not happen.

namespace rgrid::sim {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RefereeTest : public ::testing::Test {
protected:
    explicit RefereeTest(WorldSettings settings = quiet_world()) : scene_(std::move(settings)) {
        scene_.made = [](Server const&) {};
        scene_.ended = [](ServerName const&) {};
        referee_.allow(scene_.settings.params);
        epoch_ = scene_.store.lead({}, "leader", 100h)->epoch;
    }

    Referee& referee() { return referee_; }

    void pass_time(Duration span) {
        scene_.timeline.after(span, [] {});
        scene_.timeline.step();
    }

    /// A server that was ordered as it should be.
    Server make(std::string const& name) {
        Intent intent;
        intent.server = ServerName{name};
        intent.pool = PoolName{"default"};
        intent.offer = {"local", "here"};
        FleetWrite write;
        write.intents.push_back(intent);
        scene_.store.write({}, epoch_, write).value();
        return make_unasked(name);
    }

    Server make_unasked(std::string const& name) {
        return scene_.cloud
            .create({}, {ServerName{name}, FleetId{"f"}, PoolName{"default"}, {"local", "here"}, StoreId{"store"},
                         scene_.store.truth().load({})->generation, 1})
            .value();
    }

    static Lease lease(std::int64_t job, std::int64_t epoch, int slots = 1) {
        Lease lease;
        lease.job = JobId{job};
        lease.epoch = LeaseEpoch{epoch};
        lease.spec.slots = slots;
        return lease;
    }
    void claim(std::string const& worker, Lease const& lease, int slots = 1) {
        referee_.on_claim(WorkerId{worker}, {lease}, slots);
    }
    void complete(std::string const& worker, std::int64_t job, std::int64_t epoch, Outcome outcome = Outcome::succeeded,
                  Verdict verdict = Verdict::accepted) {
        Completion completion;
        completion.job = JobId{job};
        completion.epoch = LeaseEpoch{epoch};
        completion.outcome = outcome;
        referee_.on_complete(WorkerId{worker}, {completion}, {verdict});
    }
    void close(std::string const& worker, CloseMode mode = CloseMode::if_idle, std::vector<JobId> requeued = {}) {
        referee_.on_close(WorkerId{worker}, mode, {CloseOutcome::closed, std::move(requeued), {}});
    }
    void register_worker(std::string const& worker) {
        Registration registration;
        registration.worker = WorkerId{worker};
        registration.server = ServerName{worker};
        registration.pool = PoolName{"default"};
        referee_.on_register(registration, Incarnation{1});
    }
    void beat(std::string const& worker, SessionState state = SessionState::open) {
        BeatReply reply;
        reply.state = state;
        referee_.on_beat(WorkerId{worker}, reply);
    }

    /// All sources known, nothing in them.
    static PassReport a_pass() {
        PassReport report;
        report.leading = true;
        report.snapshot.emplace();
        report.snapshot->servers.value.emplace();
        report.snapshot->sessions.value.emplace();
        report.snapshot->demand.value.emplace();
        return report;
    }
    static Step step(Action action, Reason reason, std::string const& server = "s") {
        Step step;
        step.action = action;
        step.reason = reason;
        step.server = ServerName{server};
        if (action == Action::close_worker) step.worker = WorkerId{server};
        return step;
    }
    void expect_pass(Step const& planned, PassReport report, std::string const& violation) {
        report.plan.steps = {planned};
        referee_.check_pass("controller", report);
        expect(violation);
    }

    void expect(std::string const& violation) {
        EXPECT_THAT(referee_.violations(), Contains(HasSubstr(violation)));
    }
    void expect_nothing() { EXPECT_THAT(referee_.violations(), IsEmpty()); }

    Scene scene_;
    Referee& referee_ = *scene_.referee;
    LeaderEpoch epoch_;
};

// ---- servers ---------------------------------------------------------------------------------------------------

TEST_F(RefereeTest, a_server_that_is_ordered_and_deleted_as_it_should_be_is_fine) {
    auto const server = make("f-default-1");
    register_worker("f-default-1");
    close("f-default-1");
    scene_.cloud.destroy({}, server.id).value();
    expect_nothing();
    EXPECT_EQ(referee().most_servers(), 1);
}

TEST_F(RefereeTest, a_name_that_is_used_again_is_seen) {
    auto const server = make("f-default-1");
    referee().on_create(server);
    expect("I9: the name f-default-1 is used again");
}

TEST_F(RefereeTest, a_name_may_come_again_only_after_a_store_went_back_and_no_server_was_left_that_tells_of_it) {
    auto const server = make("f-default-1");
    referee().begin_anew();
    referee().on_create(server);
    expect("I9: the name f-default-1 is used again");
    auto const seen = referee().violations().size();

    scene_.cloud.vanish(server.name);
    referee().begin_anew();
    referee().on_create(server);
    EXPECT_EQ(referee().violations().size(), seen);
}

TEST_F(RefereeTest, a_server_without_an_intent_is_seen) {
    make_unasked("f-default-1");
    expect("I4: f-default-1 was made and no intent stands for it");
}

TEST_F(RefereeTest, what_was_asked_for_when_the_store_went_back_may_still_come_for_a_while) {
    referee().begin_anew();
    pass_time(30s);
    referee().begin_anew();
    make_unasked("f-default-1");
    expect_nothing();
    pass_time(1min);
    make_unasked("f-default-2");
    expect("I4: f-default-2 was made");
}

TEST_F(RefereeTest, more_servers_than_the_pool_may_have_are_seen) {
    for (int i = 1; i <= 6; ++i) make("f-default-" + std::to_string(i));
    expect_nothing();
    make("f-default-7");
    expect("I5: 7 servers of pool default, its maximum is 6");
}

TEST_F(RefereeTest, a_lower_maximum_counts_once_steps_under_way_have_ended) {
    auto params = scene_.settings.params;
    params.pools.at(PoolName{"default"}).scaling.max_workers = 1;
    referee().allow(params);
    make("f-default-1");
    make("f-default-2");
    expect_nothing();
    pass_time(3min + 1s);
    make("f-default-3");
    expect("I5: 3 servers of pool default, its maximum is 1");
}

TEST_F(RefereeTest, more_servers_than_the_fleet_may_have_are_seen) {
    scene_.settings.params.limits.max_workers = 1;
    make("f-default-1");
    expect_nothing();
    make("f-default-2");
    expect("I5: 2 servers, the fleet's maximum is 1");
}

TEST_F(RefereeTest, a_fleet_that_costs_more_than_its_cap_is_seen) {
    scene_.settings.params.limits.spend_per_hour = scene_.settings.cloud.offers.front().offer.price;
    make("f-default-1");
    expect_nothing();
    make("f-default-2");
    expect("I8: all servers together cost");
}

TEST_F(RefereeTest, anothers_server_that_is_told_to_go_is_seen) {
    auto server = make("f-default-1");
    server.store = StoreId{"another"};
    referee().on_destroy(server);
    expect("I7: f-default-1, which is another's, was told to go");
}

TEST_F(RefereeTest, a_server_that_nobody_made_and_is_told_to_go_is_seen) {
    auto server = make("f-default-1");
    server.name = ServerName{"theirs"};
    referee().on_destroy(server);
    expect("I7: theirs");
}

TEST_F(RefereeTest, a_server_that_is_told_to_go_while_its_worker_is_open_is_seen) {
    auto const server = make("f-default-1");
    Registration registration;
    registration.worker = WorkerId{"f-default-1"};
    registration.server = server.name;
    registration.pool = PoolName{"default"};
    scene_.store.register_worker({}, registration).value();
    expect_nothing();
    scene_.cloud.destroy({}, server.id).value();
    expect("I6: f-default-1 was told to go while its worker's session was open");
}

// ---- the fleet's books -----------------------------------------------------------------------------------------

TEST_F(RefereeTest, two_leaders_in_one_epoch_are_seen) {
    referee().on_lead("second", {true, epoch_, "second", 1min});
    expect("I11: second leads in epoch");
}

TEST_F(RefereeTest, a_leader_of_an_epoch_that_is_over_is_seen) {
    referee().on_lead("second", {true, LeaderEpoch{epoch_.value + 2}, "second", 1min});
    expect_nothing();
    referee().on_lead("third", {true, LeaderEpoch{epoch_.value + 1}, "third", 1min});
    expect("I11: third leads in epoch");
}

TEST_F(RefereeTest, who_does_not_lead_may_ask) {
    referee().on_lead("second", {false, epoch_, "leader", 1min});
    expect_nothing();
}

TEST_F(RefereeTest, a_write_of_an_epoch_that_is_over_is_seen) {
    referee().on_write(LeaderEpoch{epoch_.value - 1}, {});
    expect("I11: a write of epoch");
}

TEST_F(RefereeTest, a_busy_worker_that_is_given_up_as_silent_too_early_is_seen) {
    register_worker("w");
    auto const lost_after = scene_.settings.params.pools.at(PoolName{"default"}).health.lost_after;
    auto report = a_pass();
    report.plan.steps = {step(Action::close_worker, Reason::silent, "w")};
    referee().check_pass("controller", report);
    pass_time(lost_after - 10s);
    close("w", CloseMode::now, {JobId{1}});
    expect("I6: busy worker w was given up as silent, and was heard of");
    EXPECT_EQ(referee().losses(), 1);
}

TEST_F(RefereeTest, a_busy_worker_that_is_given_up_in_time_is_fine) {
    register_worker("w");
    auto report = a_pass();
    report.plan.steps = {step(Action::close_worker, Reason::silent, "w")};
    referee().check_pass("controller", report);
    pass_time(scene_.settings.params.pools.at(PoolName{"default"}).health.lost_after);
    close("w", CloseMode::now, {JobId{1}});
    expect_nothing();
}

TEST_F(RefereeTest, a_busy_worker_whose_server_stands_and_is_given_up_as_vanished_is_seen) {
    make("w");
    register_worker("w");
    auto report = a_pass();
    report.plan.steps = {step(Action::close_worker, Reason::server_vanished, "w")};
    referee().check_pass("controller", report);
    close("w", CloseMode::now, {JobId{1}});
    expect("I12: busy worker w was given up as vanished, and its server stands");
}

TEST_F(RefereeTest, a_busy_worker_that_is_given_up_to_save_money_is_seen) {
    for (auto const reason : {Reason::paid_period_ends, Reason::above_maximum, Reason::too_old}) {
        auto const worker = "w" + std::to_string(static_cast<int>(reason));
        register_worker(worker);
        auto report = a_pass();
        report.plan.steps = {step(Action::close_worker, reason, worker)};
        referee().check_pass("controller", report);
        close(worker, CloseMode::now, {JobId{1}});
        expect("I6: busy worker " + worker + " was given up because of");
    }
}

// ---- jobs ------------------------------------------------------------------------------------------------------

TEST_F(RefereeTest, a_job_that_goes_its_way_is_fine) {
    register_worker("w");
    claim("w", lease(1, 1));
    beat("w");
    complete("w", 1, 1, Outcome::failed);
    complete("w", 1, 1, Outcome::failed);  // Reported twice, since the first answer was lost.
    claim("w", lease(1, 2));
    close("w", CloseMode::now, {JobId{1}});
    claim("v", lease(1, 3));
    complete("w", 1, 2, Outcome::succeeded, Verdict::fenced);
    complete("v", 1, 3);
    expect_nothing();
}

TEST_F(RefereeTest, a_sign_of_life_after_the_end_is_seen) {
    close("w");
    beat("w", SessionState::closed);
    expect_nothing();
    beat("w");
    expect("I17: a beat of w was taken after it was closed");
    claim("w", lease(1, 1));
    expect("I17: w claimed after it was closed");
    register_worker("w");
    expect("I17: w registered after it was closed");
}

TEST_F(RefereeTest, a_claim_by_who_left_is_seen) {
    beat("w", SessionState::closed);
    claim("w", lease(1, 1));
    expect("I17: w claimed after it was closed");
}

TEST_F(RefereeTest, a_job_that_two_hold_is_seen) {
    claim("w", lease(1, 1));
    claim("v", lease(1, 2));
    expect("I3: job 1 was claimed by v while w holds it");
}

TEST_F(RefereeTest, an_epoch_that_comes_twice_is_seen) {
    claim("w", lease(1, 2));
    complete("w", 1, 2, Outcome::failed);
    claim("w", lease(1, 2));
    expect("I3: job 1 was claimed in an epoch that is over");
}

TEST_F(RefereeTest, a_job_that_is_claimed_after_it_has_succeeded_is_seen) {
    claim("w", lease(1, 1));
    complete("w", 1, 1);
    claim("w", lease(1, 2));
    expect("I15: job 1 was claimed after it had succeeded");
    complete("w", 1, 2, Outcome::failed);
    expect("I15: job 1 ended again after it had succeeded");
}

TEST_F(RefereeTest, a_claim_of_more_than_there_are_slots_for_is_seen) {
    claim("w", lease(1, 1, 2), 2);
    expect_nothing();
    claim("w", lease(2, 1, 3), 2);
    expect("I14: w claimed more than it has slots for");
}

TEST_F(RefereeTest, a_completion_of_an_epoch_that_is_over_and_is_accepted_is_seen) {
    claim("w", lease(1, 1));
    complete("w", 1, 1, Outcome::failed);
    claim("v", lease(1, 2));
    complete("w", 1, 1, Outcome::succeeded, Verdict::accepted_late);
    expect("I2: a completion of job 1 in an epoch that is over was accepted");
}

TEST_F(RefereeTest, a_second_and_other_completion_of_an_epoch_is_seen) {
    claim("w", lease(1, 1));
    complete("w", 1, 1, Outcome::failed);
    complete("w", 1, 1, Outcome::succeeded);
    expect("I2: a second completion of job 1 by w was accepted");
}

TEST_F(RefereeTest, a_good_job_that_is_refused_is_seen) {
    referee().on_submit({JobSpec{}}, {Result<Submitted>{fail(Errc::rejected, "no")}});
    expect("a good job was refused: no");
}

TEST_F(RefereeTest, an_accepted_job_that_the_store_does_not_know_is_seen) {
    referee().check();
    expect_nothing();
    Submitted submitted;
    submitted.job = JobId{1};
    referee().on_submit({JobSpec{}}, {Result<Submitted>{submitted}});
    referee().check();
    expect("I1: 1 jobs were accepted, the store knows 0 and counts 0");
}

TEST_F(RefereeTest, a_job_that_runs_twice_at_a_time_is_seen) {
    referee().check_start("w", JobId{1}, {});
    expect_nothing();
    referee().check_start("w", JobId{1}, {"v"});
    expect("I3: job 1 runs on w and on v");
}

TEST_F(RefereeTest, a_secret_that_is_told_is_seen_and_not_repeated) {
    scene_.tell("w", std::string{"TOKEN="} + planted_secret);
    expect("I16: w told a secret");
    for (auto const& line : scene_.lines) EXPECT_THAT(line, ::testing::Not(HasSubstr(planted_secret)));
}

TEST_F(RefereeTest, what_piles_up_without_end_is_seen) {
    for (int i = 0; i < 100'001; ++i) scene_.timeline.after(1h, [] {});
    referee().check();
    expect("I14: more than 100,000 things wait to happen");
}

// ---- passes ----------------------------------------------------------------------------------------------------

TEST_F(RefereeTest, steps_that_follow_from_what_is_known_are_fine) {
    auto report = a_pass();
    report.plan.steps = {step(Action::create_server, Reason::queued_jobs),
                         step(Action::delete_server, Reason::unknown_server),
                         step(Action::close_worker, Reason::silent)};
    referee().check_pass("controller", report);
    expect_nothing();
    EXPECT_EQ(referee().passes(), 1);
}

TEST_F(RefereeTest, steps_that_follow_from_unknown_servers_are_seen) {
    auto report = a_pass();
    report.snapshot->servers.value.reset();
    expect_pass(step(Action::create_server, Reason::queued_jobs, "a"), report,
                "I12: create_server of a because of queued_jobs though the servers are unknown");
    expect_pass(step(Action::delete_server, Reason::unknown_server, "b"), report,
                "I12: delete_server of b because of unknown_server though the servers are unknown");
    expect_pass(step(Action::settle_intent, Reason::server_vanished, "c"), report,
                "I12: settle_intent of c because of server_vanished though the servers are unknown");
}

TEST_F(RefereeTest, what_is_known_without_a_listing_may_be_done_without_one) {
    auto report = a_pass();
    report.snapshot->servers.value.reset();
    report.plan.steps = {step(Action::delete_server, Reason::worker_closed),
                         step(Action::settle_intent, Reason::create_refused)};
    referee().check_pass("controller", report);
    expect_nothing();
}

TEST_F(RefereeTest, steps_that_follow_from_unknown_workers_are_seen) {
    auto report = a_pass();
    report.snapshot->sessions.value.reset();
    expect_pass(step(Action::close_worker, Reason::silent, "a"), report,
                "I12: close_worker of a because of silent though the workers are unknown");
    expect_pass(step(Action::create_server, Reason::queued_jobs, "b"), report,
                "I12: create_server of b because of queued_jobs though the workers are unknown");
}

TEST_F(RefereeTest, a_server_that_is_given_up_for_a_boot_that_goes_well_is_seen) {
    make("f-default-1");
    expect_pass(step(Action::close_worker, Reason::boot_failed, "f-default-1"), a_pass(),
                "I6: f-default-1 was given up for a failed boot, and its boot has not failed");
    expect_pass(step(Action::close_worker, Reason::provider_failed, "f-default-1"), a_pass(),
                "I6: f-default-1 was given up as unfinished, and the provider finishes it");
}

TEST_F(RefereeTest, a_server_that_is_given_up_because_it_can_never_be_a_worker_is_fine) {
    scene_.cloud.leave_unfinished(1);
    make("f-default-1");
    scene_.failed_boots.insert(ServerName{"f-default-2"});
    auto report = a_pass();
    report.plan.steps = {step(Action::close_worker, Reason::provider_failed, "f-default-1"),
                         step(Action::close_worker, Reason::boot_failed, "f-default-2")};
    referee().check_pass("controller", report);
    expect_nothing();
}

TEST_F(RefereeTest, a_server_that_can_never_be_a_worker_and_stays_is_seen) {
    for (bool const by_script : {false, true}) {
        auto const name = by_script ? "f-default-1" : "f-default-2";
        auto report = a_pass();
        Intent intent;
        intent.server = ServerName{name};
        intent.create = CreateState::created;
        if (by_script) intent.boot = BootReport{"", "docker", "", {}};
        report.snapshot->intents = {intent};
        Server server;
        server.name = intent.server;
        server.status = by_script ? ServerStatus::running : ServerStatus::failed;
        report.snapshot->servers.value = {server};
        auto ended = report;
        ended.plan.steps = {step(Action::close_worker, Reason::server_vanished, name)};

        referee().check_pass("controller", report);
        pass_time(20min);
        referee().check_pass("controller", ended);
        referee().check_pass("controller", report);
        pass_time(20min);
        referee().check_pass("controller", report);
        EXPECT_EQ(referee().violations().size(), by_script ? 1u : 0u);
        pass_time(1s);
        referee().check_pass("controller", report);
        expect(std::string{"I13: "} + name + " can never be a worker, and nothing was done about it for 20m");
    }
}

TEST_F(RefereeTest, steps_that_follow_from_an_unknown_queue_are_seen) {
    auto report = a_pass();
    report.snapshot->demand.value.reset();
    expect_pass(step(Action::create_server, Reason::queued_jobs, "a"), report,
                "I12: create_server of a because of queued_jobs though the queue is unknown");
    expect_pass(step(Action::close_worker, Reason::paid_period_ends, "b"), report,
                "I12: close_worker of b because of paid_period_ends though the queue is unknown");
}

TEST_F(RefereeTest, a_step_while_the_store_stands_still_is_seen) {
    auto report = a_pass();
    report.snapshot->frozen = "it went back in time";
    expect_pass(step(Action::create_server, Reason::queued_jobs, "a"), report,
                "I11: create_server of a because of queued_jobs though the store stands still");
}

TEST_F(RefereeTest, an_endless_plan_is_seen) {
    auto report = a_pass();
    report.plan.steps.assign(1001, step(Action::adopt_server, Reason::unknown_server));
    referee().check_pass("controller", report);
    expect("I14: a plan of more than 1,000 steps");
}

TEST_F(RefereeTest, a_server_that_nobody_ever_knows_is_seen) {
    auto report = a_pass();
    report.snapshot->servers.value->push_back(make("f-default-1"));
    for (int i = 1; i < 200; ++i) referee().check_pass("controller", report);
    expect_nothing();
    referee().check_pass("controller", report);
    expect("I4: f-default-1 is billed and nobody knows it");
}

TEST_F(RefereeTest, a_life_that_runs_backwards_is_seen) {
    auto const server = make("f-default-1");
    auto report = a_pass();
    auto& seen = *report.snapshot;
    seen.store = server.store;
    seen.generation = server.generation;
    seen.servers.value->push_back(server);
    Intent intent;
    intent.server = server.name;
    intent.create = CreateState::created;
    intent.remove = true;
    seen.intents = {intent};
    referee().check_pass("controller", report);
    referee().check_pass("former leader", report);
    seen.intents.front().remove = false;
    referee().check_pass("slower controller", report);
    ++seen.epoch.value;
    referee().check_pass("former leader", report);
    --seen.epoch.value;
    expect_nothing();
    referee().check_pass("controller", report);
    expect("I15: f-default-1 went from deleting to booting");
}

// ---- the end ---------------------------------------------------------------------------------------------------

TEST_F(RefereeTest, a_server_that_is_on_no_bill_is_seen) {
    make("f-default-1");
    pass_time(10min);
    referee().check_bill();
    expect("I4: f-default-1 stood for 10m 00s and is on no bill");
}

TEST_F(RefereeTest, a_bill_with_other_periods_than_the_server_stood_is_seen) {
    auto const server = make("f-default-1");
    pass_time(150min);
    ServerBill bill;
    bill.server = server.name;
    bill.period = 1h;
    bill.created = world_start();
    bill.lifetime = 130min;
    FleetWrite write;
    write.bills = {bill};
    scene_.store.write({}, epoch_, write).value();
    referee().check_bill();
    expect_nothing();

    write.bills.front().lifetime = 30min;
    scene_.store.write({}, epoch_, write).value();
    referee().check_bill();
    expect("the bill has 1 periods of f-default-1, which stood for 3");
}

TEST(RefereeOfTheEnd, jobs_and_servers_that_are_left_are_seen) {
    auto settings = quiet_world();
    settings.work.push_back({1min, 10h, Ending::succeeds, {}});
    settings.work.front().spec.timeout = 20h;
    settings.calm_after = 1h;
    settings.ends_after = 2h;
    auto const report = World{settings}.run();
    EXPECT_THAT(report.violations,
                Contains(AllOf(HasSubstr("I13: in the end 1 jobs have not ended, 1 servers and 1 intents are left"))));
    EXPECT_THAT(report.last_lines, Contains(HasSubstr("VIOLATION I13")));
}

TEST(RefereeOfTheEnd, an_acknowledged_job_that_is_forgotten_is_seen) {
    auto settings = quiet_world();
    settings.work.push_back({1min, 1min, Ending::succeeds, {}});
    settings.calm_after = 1h;
    World world{settings};
    world.at(30s, [](World& then) { then.back_up_store(); });
    // Without telling the referee of it.
    world.at(59min, [](World& then) { then.scene().store.restore(); });
    EXPECT_THAT(world.run().violations, Contains(HasSubstr("I1: 1 jobs were accepted, the store knows 0")));
}

TEST(RefereeOfTheEnd, a_job_that_its_user_still_counts_on_is_seen) {
    auto settings = quiet_world();
    settings.work.push_back({1min, 1min, Ending::succeeds, {}});
    settings.calm_after = 6h;
    World world{settings};
    world.at(30s, [](World& then) { then.back_up_store(); });
    // The user is not told of it, and nobody is left who could say that the store went back.
    world.at(5h, [](World& then) {
        then.scene().store.restore();
        then.scene().referee->begin_anew();
        then.controllers().crash(0, 1s);
    });
    EXPECT_THAT(world.run().violations, Contains(HasSubstr("I1: job 1 was acknowledged and is unknown")));
}

}  // namespace
}  // namespace rgrid::sim
