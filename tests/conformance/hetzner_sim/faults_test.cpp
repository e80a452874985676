#include "hetzner_sim/faults.hpp"
#include "api_test.hpp"

namespace rgrid::hetzner_sim {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Fault error(std::string code, std::string message = {}) {
    Fault fault;
    fault.code = std::move(code);
    fault.message = std::move(message);
    return fault;
}

Fault fault(FaultKind kind) {
    Fault fault;
    fault.kind = kind;
    return fault;
}

class Faults : public ApiTest {
protected:
    std::string order(std::string const& name) {
        return R"({"name": ")" + name + R"(", "server_type": "cx23", "location": "fsn1", "image": "ubuntu-24.04"})";
    }
    std::string create(std::string const& name = "w1") { return refusal("POST", "/servers", order(name)); }

    Answer carry_out(std::string method, std::string target, std::string content = {}) {
        http::Request request{std::move(method), "/v1" + target, {{"Authorization", "Bearer " + std::string(64, 't')}}};
        request.body = std::move(content);
        return cloud.carry_out(request);
    }

    std::string status_of(std::int64_t id) {
        return call("GET", path("servers", id)) == 200 ? text("/server/status") : "gone";
    }
    std::int64_t number(std::string const& pointer) { return body.at_pointer(pointer).as_int64(); }
};

TEST_F(Faults, ErrorsAreToldWithTheirStatusAndWords) {
    struct Told {
        Fault fault;
        std::string refusal;
        std::string message;
    };
    auto quota = error("resource_limit_exceeded", "server limit reached");
    quota.limit = "server_limit";
    auto read_only = error("token_readonly");
    std::vector<Told> const all{
        {error("resource_unavailable"), "412 resource_unavailable", "error during placement"},
        {error("resource_unavailable", "server location disabled"), "412 resource_unavailable",
         "server location disabled"},
        {error("invalid_input"), "422 invalid_input", "unsupported location for server type"},
        {error("placement_error"), "422 placement_error", "error during placement"},
        {quota, "403 resource_limit_exceeded", "server limit reached"},
        {error("rate_limit_exceeded"), "429 rate_limit_exceeded",
         "Limit of '3600' requests per hour for token '" + std::string(32, 't') + "...' reached."},
        {error("unauthorized"), "401 unauthorized", "unable to authenticate"},
        {read_only, "401 token_readonly", "the token is only allowed to perform GET requests"},
        {error("locked"), "423 locked", "cannot perform operation because resource is locked"},
        {error("conflict"), "409 conflict", "the resource has changed during the request, please retry"},
        {error("server_error"), "500 server_error", "server error"},
        {error("unavailable"), "503 unavailable", "service unavailable"},
        {error("timeout"), "504 timeout", "the request could not be answered in time"},
        {error("robot_unavailable"), "422 robot_unavailable", "robot_unavailable"},
    };
    for (auto const& told : all) {
        cloud.inject(told.fault);
        EXPECT_EQ(create(), told.refusal);
        EXPECT_EQ(text("/error/message"), told.message);
        EXPECT_TRUE(body.at("error").as_object().contains("details"));
    }
    cloud.inject(quota);
    create();
    EXPECT_EQ(text("/error/details/limits/0/name"), "server_limit");
    EXPECT_THAT(cloud.servers(), IsEmpty());
    EXPECT_EQ(create(), "") << "each happened once";
}

TEST_F(Faults, OneThatComesAfterTheEffectLeavesAServer) {
    auto late = error("timeout");
    late.after = true;
    cloud.inject(late);

    EXPECT_EQ(create(), "504 timeout");
    EXPECT_EQ(cloud.servers().size(), 1U);
    EXPECT_EQ(create(), "409 uniqueness_error");
}

TEST_F(Faults, HappenToCallsThatTheyMatch) {
    auto chosen = error("resource_unavailable");
    chosen.method = "POST";
    chosen.path = "/servers";
    chosen.type = "cx*";
    chosen.location = "fsn1";
    chosen.name = "w*";
    chosen.times = 0;
    cloud.inject(chosen);

    EXPECT_EQ(create("w1"), "412 resource_unavailable");
    EXPECT_EQ(create("w2"), "412 resource_unavailable");
    EXPECT_EQ(create("v1"), "");
    EXPECT_EQ(refusal("POST", "/servers",
                      R"({"name": "w1", "server_type": "cx23", "location": "nbg1", "image": "debian-12"})"),
              "");
    EXPECT_EQ(refusal("GET", "/servers?name=w1"), "");
    cloud.clear_faults();
    EXPECT_EQ(create("w2"), "");
}

TEST_F(Faults, OfCallsToAServerKnowIt) {
    auto const id = make_server("w1");
    auto const other = make_server("v1");
    clock.advance(1min);
    auto locked = error("locked");
    locked.path = "/servers/*";
    locked.name = "w1";
    cloud.inject(locked);

    EXPECT_EQ(refusal("DELETE", path("servers", other)), "");
    EXPECT_EQ(refusal("DELETE", path("servers", id)), "423 locked");
    EXPECT_EQ(refusal("DELETE", path("servers", id)), "");
}

TEST_F(Faults, ComeAfterThoseThatAreToGoWell) {
    auto third = error("conflict");
    third.skip = 2;
    third.times = 2;
    cloud.inject(third);

    std::vector<std::string> told;
    for (int i = 0; i < 5; ++i) told.push_back(refusal("GET", "/servers"));

    EXPECT_THAT(told, testing::ElementsAre("", "", "409 conflict", "409 conflict", ""));
    EXPECT_THAT(cloud.faults(), IsEmpty());
}

TEST_F(Faults, ByChanceAreTheSameForTheSameSeed) {
    auto const count = [&](Simulator& simulator) {
        auto sometimes = error("server_error");
        sometimes.chance = 0.25;
        sometimes.times = 0;
        simulator.inject(sometimes);
        http::Request const request{"GET", "/v1/servers", {{"Authorization", "Bearer " + std::string(64, 't')}}};
        int failed = 0;
        for (int i = 0; i < 1000; ++i) failed += simulator.answer(request).status == 500 ? 1 : 0;
        return failed;
    };
    Simulator twin{usual_settings(), clock};

    auto const failed = count(cloud);

    EXPECT_GT(failed, 150);
    EXPECT_LT(failed, 350);
    EXPECT_EQ(count(twin), failed);
}

TEST_F(Faults, PagesAndEmptyAnswersAreNoJson) {
    cloud.inject(fault(FaultKind::html));
    auto const page = carry_out("GET", "/servers").response;
    EXPECT_EQ(page.status, 502);
    EXPECT_EQ(*http::find_header(page.headers, "Content-Type"), "text/html");
    EXPECT_THAT(page.body, HasSubstr("<html>"));

    cloud.inject(fault(FaultKind::empty));
    auto const empty = carry_out("GET", "/servers").response;
    EXPECT_EQ(empty.status, 503);
    EXPECT_EQ(empty.body, "");
}

TEST_F(Faults, OfTheWireComeAfterTheEffectButForAResetThatIsToComeBefore) {
    cloud.inject(fault(FaultKind::reset));
    EXPECT_EQ(carry_out("POST", "/servers", order("w1")).delivery.fault, FaultKind::reset);
    EXPECT_THAT(cloud.servers(), IsEmpty());

    auto late = fault(FaultKind::reset);
    late.after = true;
    cloud.inject(late);
    carry_out("POST", "/servers", order("w1"));
    EXPECT_EQ(cloud.servers().size(), 1U);
    int made = 1;
    for (auto const kind :
         {FaultKind::reset_mid_body, FaultKind::truncated, FaultKind::slow_drip, FaultKind::huge_body}) {
        cloud.inject(fault(kind));
        auto const answer = carry_out("POST", "/servers", order("w" + std::to_string(++made)));
        EXPECT_EQ(answer.delivery.fault, kind);
        EXPECT_EQ(answer.response.status, 201);
    }
    EXPECT_EQ(cloud.servers().size(), 5U);
}

TEST_F(Faults, AnswersWithOddContentAreStillAnswers) {
    make_server("w1");
    cloud.inject(fault(FaultKind::duplicate_keys));
    EXPECT_THAT(carry_out("GET", "/servers").response.body, HasSubstr(R"(,"servers":null})"));
    cloud.inject(fault(FaultKind::unknown_enum));
    EXPECT_THAT(carry_out("GET", "/servers").response.body, HasSubstr(R"("status":"entangled")"));
}

TEST_F(Faults, ACreateThatEndsInAnErrorLeavesAServerThatIsOff) {
    auto failing = fault(FaultKind::action_error);
    failing.code = "server_create_failed";
    failing.message = "no luck";
    cloud.inject(failing);
    ASSERT_EQ(create(), "");
    auto const id = number("/server/id");
    auto const action = number("/action/id");
    auto const start = number("/next_actions/0/id");
    EXPECT_EQ(text("/action/status"), "running");
    clock.advance(1min);

    call("GET", "/actions?id=" + std::to_string(action) + "&id=" + std::to_string(start));
    for (auto const* const index : {"0", "1"}) {
        EXPECT_EQ(text("/actions/" + std::string{index} + "/status"), "error");
        EXPECT_EQ(text("/actions/" + std::string{index} + "/error/code"), "server_create_failed");
    }
    EXPECT_EQ(status_of(id), "off");
    EXPECT_EQ(refusal("DELETE", path("servers", id)), "");
}

TEST_F(Faults, ADeleteThatEndsInAnErrorLeavesTheServer) {
    auto const id = make_server("w1");
    clock.advance(1min);
    cloud.inject(fault(FaultKind::action_error));

    EXPECT_EQ(refusal("DELETE", path("servers", id)), "");
    clock.advance(1min);

    EXPECT_EQ(status_of(id), "running");
    EXPECT_EQ(refusal("DELETE", path("servers", id)), "");
    clock.advance(1min);
    EXPECT_EQ(status_of(id), "gone");
}

TEST_F(Faults, ThingsGetStuck) {
    cloud.inject(fault(FaultKind::action_stuck));
    create("w1");
    auto const id = number("/server/id");
    auto const action = number("/action/id");
    auto const start = number("/next_actions/0/id");
    cloud.inject(fault(FaultKind::server_stuck));
    create("w2");
    auto const stuck = number("/server/id");
    clock.advance(24h);

    EXPECT_EQ(call("GET", path("actions", action)), 200);
    EXPECT_EQ(text("/action/status"), "running");
    EXPECT_EQ(call("GET", path("actions", start)), 200);
    EXPECT_EQ(text("/action/status"), "success");
    EXPECT_EQ(status_of(id), "running") << "only its action does not end";
    EXPECT_EQ(status_of(stuck), "initializing");
    for (auto const server : {id, stuck}) EXPECT_EQ(refusal("DELETE", path("servers", server)), "");
    clock.advance(1min);
    EXPECT_THAT(cloud.servers(), IsEmpty());
}

TEST_F(Faults, AServerThatNeverBootsRunsForTheApiAlone) {
    cloud.inject(fault(FaultKind::never_boots));
    create("w1");
    auto const id = number("/server/id");
    create("w2");
    clock.advance(1min);

    EXPECT_EQ(status_of(id), "running");
    EXPECT_FALSE(cloud.servers().at(0).boots);
    EXPECT_TRUE(cloud.servers().at(1).boots);
}

TEST(FaultPatterns, AStarStandsForAnyText) {
    EXPECT_TRUE(matches_pattern("", "anything"));
    EXPECT_TRUE(matches_pattern("/servers", "/servers"));
    EXPECT_FALSE(matches_pattern("/servers", "/servers/1"));
    EXPECT_TRUE(matches_pattern("/servers/*", "/servers/1/actions/poweroff"));
    EXPECT_TRUE(matches_pattern("*a*b", "xxabab"));
    EXPECT_FALSE(matches_pattern("*a*b", "xxaba"));
    EXPECT_TRUE(matches_pattern("*", ""));
}

}  // namespace
}  // namespace rgrid::hetzner_sim
