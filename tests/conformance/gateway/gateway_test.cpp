#include <algorithm>
#include <array>
#include <random>
#include <rgrid/testing/builders.hpp>
#include <thread>

#include "support.hpp"

namespace rgrid::gateway {
namespace {

using testing::a_job;

class GatewayTest : public ::testing::Test {
protected:
    GatewayTest() {
        scripted_.behind = &store_;
        identities_.tell(worker, {ServerName{"w"}, PoolName{"default"}, hash_of(token_of("w"))});
    }

    GatewayPorts ports() {
        GatewayPorts made{scripted_, store_, files_, identities_, clock_};
        made.on_boot_log = [this](WorkerId const& who, std::string const& text) -> Result<> {
            if (text.empty()) return fail(Errc::retry_later, "not kept");
            boot_log_ = who.value + ": " + text;
            return {};
        };
        made.agent_settings = [](WorkerId const&, PoolName const& pool) -> Result<std::string> {
            return R"({"pool":")" + pool.value + R"("})";
        };
        return made;
    }

    static GatewaySettings settings() {
        GatewaySettings made;
        made.poll = 10ms;
        return made;
    }

    Incarnation enlist(Source& source) {
        return source.register_worker(some_time(), {worker, ServerName{"w"}, PoolName{"default"}, 4, "1"})->incarnation;
    }

    http::Request post(std::string const& operation, std::string body) const {
        return {.method = "POST",
                .target = "/v1/workers/w/" + operation,
                .headers = {{"Authorization", "Bearer " + token_of("w").reveal()}},
                .body = std::move(body)};
    }

    WorkerId const worker{"w"};
    SystemClock clock_;
    memory::Store store_{clock_};
    memory::Files files_;
    ScriptedStore scripted_;
    ToldIdentities identities_;
    std::string boot_log_;
    testing::TempFolder folder_;
};

TEST_F(GatewayTest, an_error_comes_through_as_the_store_says_it) {
    Served served{ports(), settings()};
    Source source{served.link(token_of("w"))};

    for (auto code : {Errc::retry_later, Errc::capacity, Errc::quota, Errc::rejected, Errc::not_found, Errc::in_doubt,
                      Errc::denied, Errc::fenced, Errc::bug}) {
        scripted_.problem = fail(code, "a \"sentence\" with ümlauts", 1500ms);
        auto const found = source.beat(some_time(), worker, Incarnation{1}, {}, false).error();
        EXPECT_EQ(found.code, code);
        EXPECT_EQ(found.message, scripted_.problem->message);
        EXPECT_EQ(found.retry_after, Duration{1500ms});
    }
}

TEST_F(GatewayTest, an_agent_that_waits_gets_a_job_as_soon_as_there_is_one) {
    Served served{ports(), settings()};
    Source source{served.link(token_of("w"), 10s)};
    auto const incarnation = enlist(source);
    std::vector<Lease> leases;
    std::jthread agent{[&] { leases = source.claim(some_time(), worker, incarnation, {}, 1).value(); }};
    ASSERT_TRUE(eventually([&] { return scripted_.claims > 1; })) << "it waits";

    auto const job = store_.submit(some_time(), {a_job()}).value().at(0).value().job;
    agent.join();

    ASSERT_EQ(leases.size(), 1u);
    EXPECT_EQ(leases[0].job, job);
}

TEST_F(GatewayTest, an_agent_that_waits_too_long_gets_nothing) {
    auto brief = settings();
    brief.claim_wait = 30ms;
    Served served{ports(), brief};
    Source source{served.link(token_of("w"), 10s)};
    auto const incarnation = enlist(source);

    EXPECT_TRUE(source.claim(some_time(), worker, incarnation, {}, 1).value().empty());
}

// Jobs given to it would wait for the next beat to be noticed.
TEST_F(GatewayTest, an_agent_that_has_gone_while_it_waited_gets_no_job) {
    auto patient = settings();
    patient.claim_wait = 5min;
    Served served{ports(), patient};
    Source source{served.link(token_of("w"), 5min)};
    auto const incarnation = enlist(source);
    std::stop_source gone;
    std::jthread agent{[&] {
        auto const call = call_within(clock_, 10min, gone.get_token());
        EXPECT_FALSE(source.claim(call, worker, incarnation, {}, 1));
    }};
    ASSERT_TRUE(eventually([&] { return scripted_.claims > 1; }));
    gone.request_stop();
    agent.join();
    ASSERT_TRUE(eventually([&] { return served.server().statistics().open_requests == 0; })) << "nobody waits any more";

    store_.submit(some_time(), {a_job()}).value();

    EXPECT_EQ(store_.counts(some_time())->queued, 1);
}

TEST_F(GatewayTest, what_waits_is_answered_when_the_gateway_ends) {
    auto served = std::make_unique<Served>(ports(), settings());
    Source source{served->link(token_of("w"), 10s)};
    auto const incarnation = enlist(source);
    std::optional<Result<std::vector<Lease>>> answer;
    std::jthread agent{[&] { answer = source.claim(some_time(), worker, incarnation, {}, 1); }};
    ASSERT_TRUE(eventually([&] { return scripted_.claims > 1; }));

    served.reset();
    agent.join();

    ASSERT_TRUE(*answer) << answer->error().message;
    EXPECT_TRUE((*answer)->empty());
}

TEST_F(GatewayTest, says_what_is_wrong_with_a_request_and_what_was_expected) {
    Served served{ports(), settings()};
    auto const refusal = [&](http::Request const& request) { return served.ask(request)->body; };

    EXPECT_NE(refusal(post("beat", R"({"run":{"incarnation":"x"}})")).find("run.incarnation"), std::string::npos);
    EXPECT_NE(refusal(post("beat", R"({"unknown":1})")).find("unknown"), std::string::npos);
    EXPECT_NE(refusal(post("beat", "{")).find("/v1/workers/w/beat"), std::string::npos);
    EXPECT_NE(refusal({.target = "/v1/workers/w/beat"}).find("expected POST"), std::string::npos);
    EXPECT_NE(refusal({.target = "/v2/health"}).find("v1"), std::string::npos);
    EXPECT_NE(refusal(post("dance", "{}")).find("expected /v1/health"), std::string::npos);
    EXPECT_EQ(served.ask(post("log", R"({"base64":"?"})"))->status, 400);
}

TEST_F(GatewayTest, a_link_to_a_file_opens_nothing_else_and_not_for_ever) {
    auto lenient = ports();
    lenient.file_guard = [](auto&&...) { return Result<>{}; };
    auto brief = settings();
    brief.link_time = 0s;
    Served served{lenient, brief};
    files_.put(some_time(), "a", folder_.write("in", "hello")).value();
    auto body = served.ask(post("read-file", R"({"key":"a"})"))->body;
    auto const target = body.substr(11, body.rfind('"') - 11);
    ASSERT_TRUE(target.starts_with("/v1/files/a?until=")) << body;

    EXPECT_EQ(served.ask({.target = target})->body, "hello");
    EXPECT_EQ(served.ask({.method = "PUT", .target = target, .body = "other"})->status, 403);
    auto other = target;
    EXPECT_EQ(served.ask({.target = other.replace(10, 1, "b")})->status, 403);
    other = target;
    EXPECT_EQ(served.ask({.target = other.replace(18, 1, "9")})->status, 403);
    EXPECT_EQ(served.ask({.target = "/v1/files/a"})->status, 403);
    ASSERT_TRUE(eventually([&] { return served.ask({.target = target})->status == 403; })) << "it expires";
    EXPECT_NE(served.ask({.target = target})->body.find("expired"), std::string::npos);
}

TEST_F(GatewayTest, takes_files_and_reports_of_no_more_than_its_limits) {
    auto lenient = ports();
    lenient.file_guard = [](auto&&...) { return Result<>{}; };
    auto small = settings();
    small.max_file = Bytes{1000};
    small.max_report = Bytes{64 * 1024};
    Served served{lenient, small};
    Files files{served.link(token_of("w")), worker};

    EXPECT_TRUE(files.put(some_time(), "small", folder_.write("small", std::string(1000, 'x'))));
    EXPECT_EQ(files.put(some_time(), "large", folder_.write("large", std::string(1001, 'x'))).error().code,
              Errc::rejected);
    EXPECT_EQ(files.find(some_time(), "large").value(), std::nullopt);
    EXPECT_EQ(served.ask(post("complete", std::string(70'000, ' ')))->status, 413);
}

// With nothing but curl.
TEST_F(GatewayTest, a_new_server_finds_its_agent_its_settings_and_somebody_to_tell) {
    auto offering = settings();
    offering.agent = folder_.write("agent", "hello");
    Served served{ports(), offering};
    std::string const sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    EXPECT_EQ(served.gateway().agent_sha256(), sha256);
    EXPECT_EQ(served.ask({.target = "/v1/agent/" + sha256})->body, "hello");
    EXPECT_EQ(served.ask({.target = "/v1/agent/" + std::string(64, 'a')})->status, 404);
    EXPECT_EQ(served.ask({.target = "/v1/agent/"})->status, 404);
    EXPECT_EQ(read_settings(some_time(), *served.link(token_of("w")), worker).value(), R"({"pool":"default"})");
    EXPECT_EQ(served.ask(post("boot-log", "came up\n"))->status, 200);
    EXPECT_EQ(boot_log_, "w: came up\n");
    EXPECT_EQ(served.ask(post("boot-log", ""))->status, 503) << "what was not kept is told again";
    EXPECT_EQ(served.ask(post("boot-log", std::string(64 * 1024 + 1, 'x')))->status, 413);
    EXPECT_EQ(served.ask({.target = "/v1/health"})->status, 200);
}

TEST_F(GatewayTest, whoever_waits_for_a_file_keeps_nobody_from_the_store) {
    StuckFiles stuck{files_};
    GatewayPorts const behind{.work = scripted_,
                              .jobs = store_,
                              .files = stuck,
                              .identities = identities_,
                              .clock = clock_,
                              .file_guard = [](auto&&...) { return Result<>{}; }};
    auto few = settings();
    few.handlers = 2;
    few.file_handlers = 1;
    Served served{behind, few};
    Source source{served.link(token_of("w"))};
    auto const incarnation = enlist(source);
    files_.put(some_time(), "a", folder_.write("in", "hello")).value();
    std::vector<std::jthread> agents;
    for (int i = 0; i < 6; ++i)
        agents.emplace_back([&, i] {
            Files files{served.link(token_of("w")), worker};
            if (i % 2 == 0) EXPECT_TRUE(files.find(some_time(), "a"));
            else EXPECT_TRUE(files.get(some_time(), "a", folder_ / ("out" + std::to_string(i))));
        });
    ASSERT_TRUE(eventually([&] { return stuck.waiting() == 1 && served.server().statistics().open_requests == 6; }));

    EXPECT_TRUE(source.beat(some_time(), worker, incarnation, {}, false));
    stuck.let_go();
}

TEST_F(GatewayTest, only_so_many_files_are_on_their_way) {
    StuckFiles stuck{files_};
    GatewayPorts const behind{.work = scripted_,
                              .jobs = store_,
                              .files = stuck,
                              .identities = identities_,
                              .clock = clock_,
                              .file_guard = [](auto&&...) { return Result<>{}; }};
    auto few = settings();
    few.max_files = 2;
    Served served{behind, few};
    auto const path = folder_.write("in", "hello");
    std::vector<std::jthread> agents;
    for (auto const* key : {"a", "b"})
        agents.emplace_back([&, key] {
            EXPECT_TRUE((Files{served.link(token_of("w")), worker}.put(some_time(), key, path)));
        });
    ASSERT_TRUE(eventually([&] { return stuck.waiting() == 2; }));

    Files third{served.link(token_of("w")), worker};
    auto const refused = third.put(some_time(), "c", path);
    EXPECT_EQ(refused.error().code, Errc::retry_later);
    EXPECT_NE(refused.error().message.find("too many files"), std::string::npos) << refused.error().message;
    EXPECT_GT(refused.error().retry_after, Duration{0});
    stuck.let_go();
    agents.clear();
    EXPECT_TRUE(eventually([&] { return third.put(some_time(), "c", path).has_value(); }));
}

TEST_F(GatewayTest, cannot_be_made_of_what_cannot_work) {
    auto const problem = [&](GatewaySettings const& wrong) { return Gateway::make(ports(), wrong).error().message; };
    auto good = settings();
    good.secret = Secret{"a secret of some length"};
    good.folder = folder_ / "spool";

    auto wrong = good;
    wrong.secret = Secret{"short"};
    EXPECT_NE(problem(wrong).find("gateway.secret"), std::string::npos);
    EXPECT_EQ(problem(wrong).find("short"), std::string::npos);
    wrong = good;
    wrong.agent = folder_ / "none";
    EXPECT_NE(problem(wrong).find(wrong.agent), std::string::npos);
    wrong = good;
    wrong.folder = folder_.write("file", "") + "/spool";
    EXPECT_NE(problem(wrong).find(wrong.folder), std::string::npos);
    EXPECT_EQ(make_link({.url = "https://localhost"}, clock_).error().code, Errc::rejected) << "no token";
}

TEST_F(GatewayTest, a_gateway_that_is_not_there_may_be_asked_again) {
    auto const link = Served{ports(), settings()}.link(token_of("w"));

    EXPECT_EQ((Source{link}.claim(some_time(), worker, Incarnation{1}, {}, 1).error().code), Errc::retry_later);
}

TEST_F(GatewayTest, a_claim_waits_for_no_longer_than_half_of_its_call) {
    Served served{ports(), settings()};
    Source source{served.link(token_of("w"), 10s)};
    auto const incarnation = enlist(source);

    auto const none = source.claim(call_within(clock_, 1s), worker, incarnation, {}, 1);

    ASSERT_TRUE(none) << none.error().message;
    EXPECT_TRUE(none->empty());
}

// Whatever is sent, the gateway answers, says why, and goes on.
TEST_F(GatewayTest, garbage_is_answered_and_harms_nobody) {
    Served served{ports(), settings()};
    Source source{served.link(token_of("w"))};
    auto const incarnation = enlist(source);
    auto const client = http::Client::make({.url = served.url()}, clock_).value();
    constexpr std::array operations{"register", "beat",       "claim",     "complete",    "log",
                                    "boot-log", "read-file", "write-file", "find-file", "remove-file", "list-files"};
    std::array const bodies{std::string{R"({"run":{"incarnation":1,"proof":"x"},"acknowledged":{"count":2,"proof":"y"}})"},
                            std::string{R"({"run":{"incarnation":1,"proof":""},"ended":[{"completion":{"job":1}}]})"},
                            std::string{R"({"key":"outputs/1/1/x","job":1,"epoch":1})"},
                            std::string{R"({"server":"w","pool":"default","slots":1,"protocol":1})"}};
    std::mt19937 random{20'240'501};

    for (int i = 0; i < 600; ++i) {
        auto body = bodies[random() % bodies.size()];
        for (auto changes = random() % 6; changes > 0; --changes) {
            auto const at = random() % body.size();
            if (random() % 2 == 0) body[at] = static_cast<char>(random() % 256);
            else body.insert(at, body.substr(random() % body.size(), random() % 8));
        }
        auto const answer = client->send(some_time(), post(operations[random() % operations.size()], body)).value();
        ASSERT_TRUE(answer.status == 200 || answer.status >= 400) << body;
        ASSERT_NE(answer.status, 500) << body << "\n" << answer.body;
    }

    auto const again = enlist(source);
    EXPECT_GT(again, incarnation);
    EXPECT_TRUE(source.beat(some_time(), worker, again, {}, false));
    EXPECT_TRUE(store_.load(some_time())->frozen.empty());
}

}  // namespace
}  // namespace rgrid::gateway
