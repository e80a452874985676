#include <functional>
#include <future>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/testing/builders.hpp>

#include "support.hpp"

namespace rgrid::gateway {
namespace {

using testing::a_job;

/// A store that is asked for the fleet.
class ScriptedFleet final : public FleetStore {
public:
    ScriptedFleet(FleetStore& behind, Clock& clock) : behind_(behind), clock_(clock) {}

    std::optional<Error> problem;
    std::function<void()> on_load = [] {};

    Result<FleetRecord> load(Call const& call) override {
        on_load();
        if (problem) return *problem;
        if (call.deadline - clock_.steady_now() < 100ms) return fail(Errc::retry_later, "no answer in time");
        return behind_.load(call);
    }
    Result<Leadership> lead(Call const& call, std::string const& candidate, Duration ttl) override {
        return behind_.lead(call, candidate, ttl);
    }
    Result<> resign(Call const& call, std::string const& candidate) override { return behind_.resign(call, candidate); }
    Result<> write(Call const& call, LeaderEpoch epoch, FleetWrite const& write) override {
        return behind_.write(call, epoch, write);
    }
    Result<> hold(Call const& call, PoolName const& pool, bool held) override { return behind_.hold(call, pool, held); }
    Result<> freeze(Call const& call, std::string const& why) override { return behind_.freeze(call, why); }
    Result<Adopted> adopt(Call const& call, Adoption const& adoption) override { return behind_.adopt(call, adoption); }
    Result<> report_boot(Call const& call, ServerName const& server, BootReport const& report) override {
        return behind_.report_boot(call, server, report);
    }
    Result<std::vector<ServerBill>> bills(Call const& call, Instant since) override { return behind_.bills(call, since); }

private:
    FleetStore& behind_;
    Clock& clock_;
};

/// A fleet of two workers, "f-default-1" and "f-default-2", behind a gateway that knows them by their intents.
class TokenTest : public ::testing::Test {
protected:
    TokenTest() {
        epoch_ = store_.lead(some_time(), "test", 1h)->epoch;
        FleetWrite write;
        for (auto const& worker : {mine, other}) write.intents.push_back(intent(worker, hash_of(token_of(worker))));
        write.next_number = 3;
        store_.write(some_time(), epoch_, write).value();
        // An attempt that no gateway handed out is what a thief would name.
        store_.register_worker(some_time(), registration(other)).value();
    }

    static Intent intent(std::string const& worker, std::string hash) {
        Intent made;
        made.server = ServerName{worker};
        made.pool = PoolName{"default"};
        made.token_hash = std::move(hash);
        return made;
    }

    static Registration registration(std::string const& worker) {
        return {WorkerId{worker}, ServerName{worker}, PoolName{"default"}, 1, "1"};
    }

    Source source(std::string const& token_owner) { return Source{served_.link(token_of(token_owner))}; }
    JobId submit(JobSpec const& spec) { return store_.submit(some_time(), {spec}).value().at(0).value().job; }
    JobState state_of(JobId job) { return store_.look(some_time(), {.jobs = {job}}).value().at(0).state; }
    static http::Request post(std::string const& worker, std::string const& operation, std::string body) {
        return {.method = "POST",
                .target = "/v1/workers/" + worker + "/" + operation,
                .headers = {{"Authorization", "Bearer " + token_of(worker).reveal()}},
                .body = std::move(body)};
    }
    bool is_frozen() { return !store_.load(some_time())->frozen.empty(); }

    std::string const mine = "f-default-1";
    std::string const other = "f-default-2";
    SystemClock clock_;
    memory::ManualClock store_clock_;
    memory::Store store_{store_clock_};
    memory::Files files_;
    LeaderEpoch epoch_;
    memory::ManualClock identity_clock_;
    FleetIdentities identities_{store_, FleetId{"f"}, identity_clock_, {.keep = 10s, .retry = 1s}};
    Served served_{{store_, store_, files_, identities_, clock_}, {}};
};

TEST_F(TokenTest, a_worker_gets_in_with_its_own_token_only) {
    EXPECT_TRUE(source(mine).register_worker(some_time(), registration(mine)));

    auto const with_others = source(other).register_worker(some_time(), registration(mine));
    EXPECT_EQ(with_others.error().code, Errc::denied);
    EXPECT_EQ(with_others.error().message.find("token-of"), std::string::npos) << with_others.error().message;
    EXPECT_EQ(source("nobody").beat(some_time(), WorkerId{mine}, Incarnation{1}, {}, false).error().code, Errc::denied);
}

TEST_F(TokenTest, a_request_without_a_token_is_refused_before_its_body_is_read) {
    auto const answer = served_.ask({.method = "POST", .target = "/v1/workers/" + mine + "/beat", .body = "{}"}).value();

    EXPECT_EQ(answer.status, 401);
    EXPECT_NE(answer.body.find("Authorization"), std::string::npos) << answer.body;
}

TEST_F(TokenTest, a_worker_that_has_no_token_gets_in_with_none) {
    FleetWrite write;
    write.intents.push_back(intent(mine, ""));
    store_.write(some_time(), epoch_, write).value();

    EXPECT_EQ(source(mine).register_worker(some_time(), registration(mine)).error().code, Errc::denied);
}

TEST_F(TokenTest, an_unknown_worker_is_told_to_exit_and_is_not_made) {
    auto stranger = source("stranger");

    EXPECT_EQ(stranger.beat(some_time(), WorkerId{"stranger"}, Incarnation{1}, {}, false).error().code, Errc::fenced);
    EXPECT_EQ(store_.sessions(some_time())->sessions.size(), 1u);
}

// The controller writes the intent first, but this gateway may have looked before.
TEST_F(TokenTest, a_worker_that_came_later_is_looked_for_though_not_without_end) {
    auto const late = std::string{"f-default-3"};
    ASSERT_TRUE(source(mine).register_worker(some_time(), registration(mine)));
    identity_clock_.advance(2s);
    EXPECT_EQ(source(late).register_worker(some_time(), registration(late)).error().code, Errc::retry_later)
        << "a store that went back in time tells nobody to exit";
    FleetWrite write;
    write.intents.push_back(intent(late, hash_of(token_of(late))));
    write.next_number = 4;
    store_.write(some_time(), epoch_, write).value();

    identity_clock_.advance(500ms);
    auto const too_soon = source(late).register_worker(some_time(), registration(late));
    EXPECT_EQ(too_soon.error().code, Errc::retry_later);
    EXPECT_GT(too_soon.error().retry_after, Duration{0});
    identity_clock_.advance(1s);
    EXPECT_TRUE(source(late).register_worker(some_time(), registration(late)));
}

// One look is for all: whoever asked for it must not decide how long it may take.
TEST_F(TokenTest, a_stranger_in_a_hurry_harms_nobody) {
    ScriptedFleet fleet{store_, clock_};
    FleetIdentities identities{fleet, FleetId{"f"}, clock_, {}};
    Served served{{store_, store_, files_, identities, clock_}, {}};
    auto hurried = post("stranger", "beat", "{}");
    hurried.headers.push_back({"Rgrid-Call-Time", "1"});

    EXPECT_EQ(served.ask(hurried)->status, 410);
    EXPECT_TRUE(Source{served.link(token_of(mine))}.register_worker(some_time(), registration(mine)));
}

// Behind many workers a look takes long, and all of them beat meanwhile.
TEST_F(TokenTest, a_look_that_takes_long_holds_up_nobody_who_is_known) {
    ScriptedFleet fleet{store_, identity_clock_};
    FleetIdentities identities{fleet, FleetId{"f"}, identity_clock_, {.keep = 10s, .retry = 1s}};
    auto const find = [&](std::string const& worker) { return identities.find(some_time(), WorkerId{worker}); };
    ASSERT_TRUE(find(mine).value());
    std::promise<void> looking, go_on;
    fleet.on_load = [&] { looking.set_value(), go_on.get_future().wait(); };

    identity_clock_.advance(8s);
    auto first = std::async(std::launch::async, [&] { return find(mine); });
    looking.get_future().wait();
    EXPECT_TRUE(find(other).value()) << "while the look goes on";
    identity_clock_.advance(3s);
    auto late = std::async(std::launch::async, [&] { return find(other); });
    go_on.set_value();
    EXPECT_TRUE(first.get().value());
    EXPECT_TRUE(late.get().value()) << "what is known was too old, but not what the look showed";
}

TEST_F(TokenTest, what_a_gateway_knows_of_workers_is_void_when_it_could_not_look_for_too_long) {
    ScriptedFleet fleet{store_, identity_clock_};
    FleetIdentities identities{fleet, FleetId{"f"}, identity_clock_, {.keep = 10s, .retry = 1s}};
    auto const find = [&] { return identities.find(some_time(), WorkerId{mine}); };
    ASSERT_TRUE(find().value());
    fleet.problem = fail(Errc::retry_later, "no connection");

    identity_clock_.advance(9s);
    EXPECT_TRUE(find().value());
    identity_clock_.advance(2s);
    EXPECT_EQ(find().error().code, Errc::retry_later);
}

// A new agent ends at a verdict, and a store that cannot be asked gives none.
TEST_F(TokenTest, a_worker_comes_again_whatever_keeps_the_gateway_from_knowing_it) {
    ScriptedFleet fleet{store_, clock_};
    FleetIdentities identities{fleet, FleetId{"f"}, clock_, {.keep = 0s, .retry = 0s}};
    Served served{{store_, store_, files_, identities, clock_}, {}};
    Source worker{served.link(token_of(mine))};

    for (auto code : {Errc::denied, Errc::rejected, Errc::fenced, Errc::in_doubt, Errc::bug}) {
        fleet.problem = fail(code, "password authentication failed");
        auto const answer = worker.register_worker(some_time(), registration(mine));
        EXPECT_EQ(answer.error().code, Errc::retry_later);
        EXPECT_EQ(answer.error().message, "password authentication failed");
    }
    fleet.problem.reset();
    EXPECT_TRUE(worker.register_worker(some_time(), registration(mine)));
}

TEST_F(TokenTest, a_token_is_void_when_its_server_is_settled) {
    auto worker = source(mine);
    auto const incarnation = worker.register_worker(some_time(), registration(mine))->incarnation;
    FleetWrite write;
    write.settled = {ServerName{mine}};
    store_.write(some_time(), epoch_, write).value();
    identity_clock_.advance(11s);

    EXPECT_EQ(worker.beat(some_time(), WorkerId{mine}, incarnation, {}, false).error().code, Errc::fenced);
}

TEST_F(TokenTest, a_worker_whose_session_was_closed_is_told_to_exit_but_may_report) {
    auto const job = submit(a_job());
    auto worker = source(mine);
    auto const incarnation = worker.register_worker(some_time(), registration(mine))->incarnation;
    auto const lease = worker.claim(some_time(), WorkerId{mine}, incarnation, {}, 1)->at(0);
    store_.close(some_time(), WorkerId{mine}, CloseMode::now, {incarnation, BeatCount{0}}).value();

    EXPECT_EQ(worker.beat(some_time(), WorkerId{mine}, incarnation, {}, false).error().code, Errc::fenced);
    EXPECT_EQ(worker.register_worker(some_time(), registration(mine)).error().code, Errc::fenced);
    EXPECT_EQ(
        worker.complete(some_time(), WorkerId{mine}, incarnation, {{lease.job, lease.epoch, Outcome::succeeded}}).value(),
        std::vector{Verdict::accepted_late});
    EXPECT_EQ(state_of(job), JobState::succeeded);
}

TEST_F(TokenTest, a_stolen_token_registers_nobody_but_its_worker) {
    auto thief = source(mine);
    auto const as = [&](std::string const& server, std::string const& pool) {
        return thief.register_worker(some_time(), {WorkerId{mine}, ServerName{server}, PoolName{pool}, 1, "1"});
    };

    EXPECT_EQ(as(other, "default").error().code, Errc::denied);
    EXPECT_EQ(as(mine, "secret-pool").error().code, Errc::denied);
    EXPECT_EQ(thief.register_worker(some_time(), registration(other)).error().code, Errc::denied);
    EXPECT_EQ(store_.sessions(some_time())->sessions.size(), 1u);
}

TEST_F(TokenTest, a_stolen_token_ends_and_writes_nothing_of_another_worker) {
    auto const job = submit(a_job());
    auto const lease = store_.claim(some_time(), WorkerId{other}, Incarnation{1}, {}, 1)->at(0);
    auto thief = source(mine);
    auto const incarnation = thief.register_worker(some_time(), registration(mine))->incarnation;

    for (auto const& worker : {mine, other}) {
        auto const reported =
            thief.complete(some_time(), WorkerId{worker}, incarnation, {{lease.job, lease.epoch, Outcome::succeeded}});
        if (worker == mine) EXPECT_EQ(reported.value(), std::vector{Verdict::fenced});
        else EXPECT_EQ(reported.error().code, Errc::denied);
    }
    EXPECT_FALSE(thief.append_log(some_time(), WorkerId{mine}, incarnation, {job, lease.epoch, 0, "forged"}));
    EXPECT_EQ(state_of(job), JobState::running);
    EXPECT_EQ(store_.read_log(some_time(), job, lease.epoch, 0)->text, "");
    EXPECT_FALSE(is_frozen());
}

// A store that hears of greater numbers than its own stands still, for it must have gone back in time.
TEST_F(TokenTest, a_stolen_token_does_not_make_the_fleet_stand_still) {
    auto const job = submit(a_job());
    auto thief = source(mine);
    auto const incarnation = thief.register_worker(some_time(), registration(mine))->incarnation;
    WorkerId const worker{mine};
    Incarnation const greater{incarnation.value + 1000};

    static_cast<void>(thief.beat(some_time(), worker, greater, {}, false));
    static_cast<void>(thief.claim(some_time(), worker, greater, {}, 1));
    static_cast<void>(thief.append_log(some_time(), worker, incarnation, {JobId{77}, LeaseEpoch{5}, 0, "x"}));
    auto const verdicts = thief.complete(some_time(), worker, greater,
                                         {{JobId{999}, LeaseEpoch{7}, Outcome::succeeded},
                                          {job, LeaseEpoch{1'000'000}, Outcome::succeeded}});

    EXPECT_EQ(verdicts.value(), (std::vector{Verdict::unknown, Verdict::fenced}));
    EXPECT_FALSE(is_frozen());
    EXPECT_EQ(state_of(job), JobState::queued);
}

// What a client of one's own would send, with a run that a gateway has signed.
TEST_F(TokenTest, a_count_of_beats_that_was_made_up_does_not_make_the_fleet_stand_still) {
    auto const run =
        served_.ask(post(mine, "register", R"({"server":")" + mine + R"(","pool":"default","slots":1,"version":"1","protocol":1})"))
            ->body;
    auto const forged = R"({"run":)" + run + R"(,"acknowledged":{"count":99,"proof":"made up"})";

    EXPECT_EQ(served_.ask(post(mine, "beat", forged + "}"))->status, 200);
    EXPECT_EQ(served_.ask(post(mine, "claim", forged + R"(,"slots":1,"wait":"0s"})"))->status, 200);
    EXPECT_FALSE(is_frozen());
}

// ... but an agent that was told so by a gateway is believed.
TEST_F(TokenTest, a_worker_that_knows_more_than_a_store_of_the_past_makes_it_stand_still) {
    ScriptedStore front;
    front.behind = &store_;
    Served served{{front, store_, files_, identities_, clock_}, {}};
    Source worker{served.link(token_of(mine))};
    auto const incarnation = worker.register_worker(some_time(), registration(mine))->incarnation;

    auto const past = store_.copy();
    auto const reply = worker.beat(some_time(), WorkerId{mine}, incarnation, {}, false).value();
    front.behind = past.get();
    EXPECT_TRUE(worker.beat(some_time(), WorkerId{mine}, incarnation, reply.beat, false)->frozen);

    EXPECT_NE(past->load(some_time())->frozen, "");
}

TEST_F(TokenTest, nobody_unknown_is_told_to_exit_by_a_store_that_stands_still) {
    store_.freeze(some_time(), "a test wants it so").value();

    auto const answer = source("f-default-9").beat(some_time(), WorkerId{"f-default-9"}, Incarnation{1}, {}, false);

    EXPECT_EQ(answer.error().code, Errc::retry_later);
    EXPECT_NE(answer.error().message.find("a test wants it so"), std::string::npos) << answer.error().message;
}

TEST_F(TokenTest, a_worker_touches_only_the_files_of_jobs_that_it_holds) {
    testing::TempFolder folder;
    std::string const sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    files_.put(some_time(), "inputs/" + sha256, folder.write("in", "hello")).value();
    files_.put(some_time(), "outputs/77/1/secret", folder.write("secret", "secret")).value();
    JobSpec spec = a_job();
    spec.inputs = {{"in", sha256, 5}};
    submit(spec);
    auto const link = served_.link(token_of(mine));
    Source work{link};
    Files files{link, WorkerId{mine}};
    auto const incarnation = work.register_worker(some_time(), registration(mine))->incarnation;

    EXPECT_EQ(files.get(some_time(), "inputs/" + sha256, folder / "early").error().code, Errc::denied)
        << "before it has claimed the job";
    auto const lease = work.claim(some_time(), WorkerId{mine}, incarnation, {}, 1)->at(0);
    auto const outputs = "outputs/" + std::to_string(lease.job.value) + "/" + std::to_string(lease.epoch.value);
    EXPECT_TRUE(files.get(some_time(), "inputs/" + sha256, folder / "got"));
    EXPECT_EQ(folder.read("got"), "hello");
    EXPECT_TRUE(files.put(some_time(), outputs + "/out", folder / "got"));
    EXPECT_TRUE(files.put(some_time(), outputs + ".json", folder / "got"));
    EXPECT_EQ(files.list(some_time(), outputs + "/").value(), std::vector{outputs + "/out"});
    EXPECT_TRUE(files.remove(some_time(), outputs + "/out"));

    for (auto const& key : {std::string{"outputs/77/1/secret"}, outputs + "0/out", "outputs/" + std::to_string(lease.job.value) + "/999/x",
                            std::string{"inputs/"} + std::string(64, 'a'), std::string{"elsewhere"}}) {
        EXPECT_EQ(files.put(some_time(), key, folder / "got").error().code, Errc::denied) << key;
        EXPECT_EQ(files.get(some_time(), key, folder / "never").error().code, Errc::denied) << key;
        EXPECT_EQ(files.find(some_time(), key).error().code, Errc::denied) << key;
        EXPECT_EQ(files.remove(some_time(), key).error().code, Errc::denied) << key;
        EXPECT_EQ(files.list(some_time(), key).error().code, Errc::denied) << key;
    }
    EXPECT_EQ(files.put(some_time(), "inputs/" + sha256, folder / "got").error().code, Errc::denied);
    EXPECT_EQ(files.remove(some_time(), "inputs/" + sha256).error().code, Errc::denied);
    EXPECT_FALSE(folder.has("never"));

    work.complete(some_time(), WorkerId{mine}, incarnation, {{lease.job, lease.epoch, Outcome::succeeded}}).value();
    EXPECT_EQ(files.get(some_time(), outputs + ".json", folder / "late").error().code, Errc::denied)
        << "after it has reported";
}

/// A worker that runs two jobs with one input.
class SharedInputTest : public TokenTest {
protected:
    SharedInputTest() {
        scripted_.behind = &store_;
        files_.put(some_time(), key_, folder_.write("in", "hello")).value();
        incarnation_ =
            work_.register_worker(some_time(), {me_, ServerName{mine}, PoolName{"default"}, 3, "1"})->incarnation;
        for (auto const& job : {next(), next()}) leases_.push_back(job);
    }

    JobSpec spec() const {
        JobSpec made = a_job();
        made.inputs = {{"in", sha256_, 5}};
        return made;
    }
    Lease next() {
        submit(spec());
        return work_.claim(some_time(), me_, incarnation_, {}, 1)->at(0);
    }
    Result<BeatReply> beat() { return work_.beat(some_time(), me_, incarnation_, {}, false); }
    Result<> get_input() {
        auto const got = Files{link_, me_}.get(some_time(), key_, folder_ / ("got" + std::to_string(++number_)));
        if (!got) return got.error();
        return {};
    }
    static std::vector<Completion> ended(Lease const& lease, Outcome outcome) {
        return {{lease.job, lease.epoch, outcome}};
    }

    std::string const sha256_ = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    std::string const key_ = "inputs/" + sha256_;
    WorkerId const me_{mine};
    testing::TempFolder folder_;
    ScriptedStore scripted_;
    Served scripted_served_{{scripted_, store_, files_, identities_, clock_}, {}};
    std::shared_ptr<Link> const link_ = scripted_served_.link(token_of(mine));
    Source work_{link_};
    Incarnation incarnation_;
    std::vector<Lease> leases_;
    int number_ = 0;
};

TEST_F(SharedInputTest, is_there_for_the_other_job_when_one_has_ended) {
    work_.complete(some_time(), me_, incarnation_, ended(leases_[1], Outcome::succeeded)).value();
    EXPECT_TRUE(get_input());

    work_.complete(some_time(), me_, incarnation_, ended(leases_[0], Outcome::succeeded)).value();
    EXPECT_EQ(get_input().error().code, Errc::denied);
}

TEST_F(SharedInputTest, is_there_for_the_other_job_when_one_was_lost) {
    store_.complete(some_time(), me_, incarnation_, ended(leases_[1], Outcome::failed)).value();
    ASSERT_EQ(beat()->held.size(), 1u);

    EXPECT_TRUE(get_input());
}

// One that was put back to a time before this worker came.
TEST_F(SharedInputTest, is_there_while_the_store_stands_still_and_says_nothing_is_held) {
    memory::Store past{store_clock_};
    past.freeze(some_time(), "a test wants it so").value();
    scripted_.behind = &past;
    auto const reply = beat().value();
    scripted_.behind = &store_;
    ASSERT_TRUE(reply.frozen && reply.held.empty());

    EXPECT_TRUE(get_input());
}

TEST_F(SharedInputTest, is_there_for_a_job_that_was_claimed_while_a_beat_was_answered) {
    for (auto const& lease : leases_)
        work_.complete(some_time(), me_, incarnation_, ended(lease, Outcome::succeeded)).value();
    submit(spec());
    scripted_.after_beat = [&] { EXPECT_EQ(work_.claim(some_time(), me_, incarnation_, {}, 1)->size(), 1u); };
    ASSERT_TRUE(beat()->held.empty());

    EXPECT_TRUE(get_input());
}

TEST_F(SharedInputTest, a_lost_job_may_still_be_reported_and_say_its_last_words) {
    work_.complete(some_time(), me_, incarnation_, ended(leases_[1], Outcome::succeeded)).value();
    ASSERT_EQ(beat()->held.size(), 1u);

    EXPECT_EQ(work_.complete(some_time(), me_, incarnation_, ended(leases_[1], Outcome::succeeded)).value(),
              std::vector{Verdict::accepted});
    EXPECT_TRUE(work_.append_log(some_time(), me_, incarnation_, {leases_[1].job, leases_[1].epoch, 0, "the end"}));
}

TEST(Token, is_another_each_time_and_can_be_sent) {
    auto const one = make_token();
    auto const two = make_token();

    EXPECT_NE(one, two);
    EXPECT_GE(one.reveal().size(), 43u);
    EXPECT_TRUE(http::is_sendable({"Authorization", "Bearer " + one.reveal()}));
    EXPECT_EQ(hash_of(Secret{"hello"}), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
}

}  // namespace
}  // namespace rgrid::gateway
