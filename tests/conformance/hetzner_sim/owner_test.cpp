#include "api_test.hpp"

namespace rgrid::hetzner_sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// What the owner of the simulator may ask, beside what the API offers.
class Owner : public ApiTest {
protected:
    http::Response ask(std::string method, std::string target, std::string content = {}) {
        http::Request request;
        request.method = std::move(method);
        request.target = "/_sim/" + std::move(target);
        request.body = std::move(content);
        auto response = cloud.answer(request);
        body = json::parse(response.body);
        return response;
    }
};

TEST_F(Owner, IsBilledByTheStartedHourWithTheAddressAsAnItemOfItsOwn) {
    auto const id = make_server("w1");
    clock.advance(59min);
    call("DELETE", path("servers", id));
    clock.advance(30s);
    make_server("w2");
    clock.advance(1h + 1ms);

    auto const ledger = cloud.ledger();

    ASSERT_EQ(ledger.items.size(), 4U);
    auto const& first = ledger.items[0];
    EXPECT_EQ(first.kind, BillKind::server);
    EXPECT_EQ(first.name, "w1");
    EXPECT_EQ(first.hours, 1);
    EXPECT_EQ(first.cost, first.hourly);
    EXPECT_EQ(*first.gone - first.created, 59min + 1s) << "until it is gone, not until somebody looks";
    EXPECT_EQ(ledger.items[1].kind, BillKind::primary_ipv4);
    EXPECT_EQ(ledger.items[1].cost, Money{800'000});
    EXPECT_EQ(ledger.items[1].gone, first.gone);
    EXPECT_EQ(ledger.items[2].hours, 2);
    EXPECT_FALSE(ledger.items[2].gone);
    EXPECT_EQ(ledger.total, (first.hourly + Money{800'000}) * 3);
}

TEST_F(Owner, PaysInAMonthNoMoreThanTheMonthlyPrice) {
    make_server("w1");
    clock.advance(24h * 31);  // The clock begins with January.

    auto const items = cloud.ledger().items;

    EXPECT_EQ(items[0].hours, 744);
    EXPECT_EQ(items[0].cost, items[0].monthly);
    EXPECT_EQ(items[1].cost, Money{500'000'000});
}

TEST_F(Owner, KnowsAServersPriceFromWhenItWasOrdered) {
    auto settings = usual_settings();
    auto const hourly = settings.catalogue.type("cx33")->at("nbg1")->hourly;
    http::Request const request{"POST",
                                "/v1/servers",
                                {{"Authorization", "Bearer " + std::string(64, 't')}},
                                R"({"name": "w", "server_type": "cx33", "location": "nbg1", "image": "debian-12",
                                    "public_net": {"enable_ipv4": false}})"};
    EXPECT_EQ(cloud.answer(request).status, 201);

    EXPECT_EQ(cloud.ledger().total, hourly) << "IPv6 costs nothing";
}

TEST_F(Owner, ReadsTheBillAsJson) {
    make_server("w1");

    EXPECT_EQ(ask("GET", "ledger").status, 200);
    EXPECT_EQ(text("/items/0/name"), "w1");
    EXPECT_EQ(text("/items/1/kind"), "primary_ipv4");
    EXPECT_THAT(text("/total"), HasSubstr(" EUR"));
}

TEST_F(Owner, LetsTheCloudsTimePassAlone) {
    auto const id = make_server("w1");
    EXPECT_EQ(ask("POST", "advance", R"({"span": "2h"})").status, 200);
    EXPECT_EQ(text("/now"), "2026-01-01T02:00:00.000Z");

    call("GET", path("servers", id));
    EXPECT_EQ(text("/server/status"), "running");
    EXPECT_EQ(text("/server/created"), "2026-01-01T00:00:00Z");
    EXPECT_EQ(to_text(clock.now()), "2026-01-01T00:00:00.000Z");
}

TEST_F(Owner, InjectsFaultsAndTakesThemBack) {
    EXPECT_EQ(
        ask("POST", "faults", R"({"kind": "error", "code": "conflict", "path": "/locations", "times": 3})").status,
        200);
    EXPECT_EQ(refusal("GET", "/locations"), "409 conflict");
    ask("GET", "faults");
    EXPECT_EQ(body.at_pointer("/faults/0/times").as_int64(), 2);
    EXPECT_EQ(ask("DELETE", "faults").status, 200);
    EXPECT_EQ(refusal("GET", "/locations"), "");

    EXPECT_EQ(ask("POST", "faults", R"({"kind": "explosion"})").status, 422);
    EXPECT_EQ(ask("POST", "faults", R"({"kin": "error"})").status, 422);
    EXPECT_THAT(text("/error/message"), HasSubstr("kin"));
    EXPECT_EQ(ask("POST", "faults", "{").status, 400);
}

TEST_F(Owner, ChangesStockLimitsTimesAndTokens) {
    auto const order = [&](std::string const& name) {
        return refusal("POST", "/servers", R"({"name": ")" + name + R"(", "server_type": "cx23", "location": "fsn1",
                                              "image": "ubuntu-24.04"})");
    };
    ask("POST", "stock", R"({"type": "cx23", "location": "fsn1", "stock": 0})");
    EXPECT_EQ(order("w1"), "412 resource_unavailable");
    ask("POST", "stock", R"({"type": "cx23", "location": "fsn1"})");
    ask("POST", "limits", R"({"servers": 1})");
    ask("POST", "times", R"({"create": "1h"})");
    EXPECT_EQ(order("w1"), "");
    EXPECT_EQ(order("w2"), "403 resource_limit_exceeded");
    clock.advance(59min);
    ask("GET", "servers");
    EXPECT_EQ(text("/servers/0/status"), "initializing");
    EXPECT_EQ(body.at("created").as_int64(), 1);
    EXPECT_EQ(ask("POST", "vanish", R"({"name": "w1"})").status, 200);
    EXPECT_EQ(ask("POST", "vanish", R"({"name": "w1"})").status, 404);

    ask("POST", "tokens", R"({"token": "new"})");
    ask("DELETE", "tokens", R"({"token": ")" + std::string(64, 't') + "\"}");
    EXPECT_EQ(refusal("GET", "/servers"), "401 unauthorized");
    http::Request const request{"GET", "/v1/servers", {{"Authorization", "Bearer new"}}};
    EXPECT_EQ(cloud.answer(request).status, 200);
    EXPECT_EQ(ask("GET", "nothing").status, 404);
}

TEST_F(Owner, SeesWhatWasCalled) {
    auto const id = make_server("w1");
    call("GET", path("servers", id));
    call("GET", path("servers", id));
    call("GET", "/nothing");

    auto const calls = cloud.calls();

    EXPECT_EQ(calls.at("POST /servers"), 1);
    EXPECT_EQ(calls.at("GET /servers/{id}"), 2);
    EXPECT_EQ(calls.at("refused"), 1);
}

TEST_F(Owner, IsToldWhenServersRunAndWhenNoMore) {
    std::vector<std::string> told;
    cloud.watch({[&](ServerView const& server) { told.push_back("+" + server.name); },
                 [&](std::int64_t) { told.emplace_back("-"); }});
    auto const id = make_server("w1");
    EXPECT_THAT(told, testing::IsEmpty());
    clock.advance(2s);
    cloud.settle();
    EXPECT_THAT(told, ElementsAre("+w1"));

    call("POST", path("servers", id, "/actions/poweroff"));
    clock.advance(1s);
    call("POST", path("servers", id, "/actions/poweron"));
    clock.advance(1s);
    call("DELETE", path("servers", id));
    EXPECT_THAT(told, ElementsAre("+w1", "-", "+w1", "-"));
    Fault never;
    never.kind = FaultKind::never_boots;
    cloud.inject(never);
    make_server("w2");
    clock.advance(1min);
    cloud.settle();
    EXPECT_EQ(told.size(), 4U);
}

class FewRequests : public ApiTest {
protected:
    static Settings few() {
        auto settings = usual_settings();
        settings.rate_limited = true;
        settings.requests_an_hour = 3'600;
        return settings;
    }
    FewRequests() : ApiTest(few()) {}

    http::Response look(std::string const& token = std::string(64, 't')) {
        http::Request const request{"GET", "/v1/servers", {{"Authorization", "Bearer " + token}}};
        return cloud.answer(request);
    }
    static std::string header(http::Response const& response, std::string const& name) {
        auto const* const value = http::find_header(response.headers, name);
        return value == nullptr ? "" : *value;
    }
};

TEST_F(FewRequests, RunOutAndComeBackOneASecond) {
    auto const first = look();
    auto const midnight = std::chrono::floor<std::chrono::seconds>(clock.now()).time_since_epoch().count();
    EXPECT_EQ(header(first, "RateLimit-Limit"), "3600");
    EXPECT_EQ(header(first, "RateLimit-Remaining"), "3599");
    EXPECT_EQ(header(first, "RateLimit-Reset"), std::to_string(midnight + 1)) << "when the bucket is full again";
    for (int i = 1; i < 3600; ++i) EXPECT_EQ(look().status, 200);

    auto const refused = look();
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(header(refused, "RateLimit-Remaining"), "0");
    EXPECT_EQ(header(refused, "RateLimit-Reset"), std::to_string(midnight + 3600));
    EXPECT_THAT(refused.body, HasSubstr(std::string(32, 't') + "...' reached."));
    EXPECT_EQ(look("stranger").status, 401) << "a budget of its own";
    clock.advance(2s);
    EXPECT_EQ(look().status, 200);
    EXPECT_EQ(look().status, 200);
    EXPECT_EQ(look().status, 429);
}

}  // namespace
}  // namespace rgrid::hetzner_sim
