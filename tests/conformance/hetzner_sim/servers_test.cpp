#include "api_test.hpp"

namespace rgrid::hetzner_sim {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Times that are easy to count with: 10 s to make, 4 s off, 4 s to start, 5 s to delete.
Settings slow_settings() {
    Settings settings;
    settings.access = {{std::string(64, 't')}};
    settings.times = {10s, 8s, 5s, 3s, 1s};
    return settings;
}

std::string order(std::string const& name, std::string const& more = {}) {
    return R"({"name": ")" + name + R"(", "server_type": "cx23", "image": "ubuntu-24.04")" + more + "}";
}

class Servers : public ApiTest {
protected:
    Servers() : ApiTest(slow_settings()) {}

    std::string status_of(std::int64_t id) {
        return call("GET", path("servers", id)) == 200 ? text("/server/status") : std::to_string(404);
    }

    std::string action_status(std::int64_t id) {
        EXPECT_EQ(call("GET", path("actions", id)), 200);
        return text("/action/status");
    }

    std::int64_t number(std::string const& pointer) { return body.at_pointer(pointer).as_int64(); }
    std::string field() { return text("/error/details/fields/0/name"); }

    /// Makes a server and waits until it runs.
    std::int64_t running_server(std::string const& name) {
        auto const id = make_server(name);
        clock.advance(18s);
        return id;
    }

    http::Response answer_to(std::string const& method, std::string const& target, std::string const& token) {
        http::Request request;
        request.method = method;
        request.target = target;
        request.headers = {{"authorization", "Bearer " + token}};
        return cloud.answer(request);
    }
};

TEST_F(Servers, GoThroughTheirLifeByTheClock) {
    ASSERT_EQ(call("POST", "/servers", order("w1", R"(, "location": "nbg1", "labels": {"a": "b"})")), 201);
    auto const id = number("/server/id");
    auto const create = number("/action/id");
    auto const start = number("/next_actions/0/id");
    EXPECT_EQ(text("/server/status"), "initializing");
    EXPECT_EQ(text("/server/location/name"), "nbg1");
    EXPECT_EQ(text("/server/labels/a"), "b");
    EXPECT_EQ(text("/action/command"), "create_server");
    EXPECT_EQ(text("/next_actions/0/command"), "start_server");
    EXPECT_EQ(number("/action/resources/0/id"), id);

    clock.advance(5s);
    EXPECT_EQ(action_status(create), "running");
    EXPECT_EQ(number("/action/progress"), 50);
    clock.advance(5s);
    EXPECT_EQ(action_status(create), "success");
    EXPECT_EQ(action_status(start), "running");
    EXPECT_EQ(status_of(id), "off");
    clock.advance(4s);
    EXPECT_EQ(status_of(id), "starting");
    EXPECT_TRUE(body.at_pointer("/server/locked").as_bool());
    clock.advance(4s);
    EXPECT_EQ(status_of(id), "running");
    EXPECT_FALSE(body.at_pointer("/server/locked").as_bool());
    EXPECT_EQ(action_status(start), "success");

    ASSERT_EQ(call("DELETE", path("servers", id)), 200);
    EXPECT_EQ(text("/action/command"), "delete_server");
    auto const destroy = number("/action/id");
    EXPECT_EQ(status_of(id), "deleting");
    clock.advance(5s);
    EXPECT_EQ(status_of(id), "404");
    EXPECT_EQ(action_status(destroy), "success");
    EXPECT_EQ(refusal("DELETE", path("servers", id)), "404 not_found");
}

TEST_F(Servers, ATakenNameIsFreeOnceItsServerIsGone) {
    auto const id = make_server("w1");
    EXPECT_EQ(refusal("POST", "/servers", order("w1")), "409 uniqueness_error");
    EXPECT_EQ(text("/error/message"), "server name is already used");
    EXPECT_TRUE(body.at_pointer("/error/details").is_object());

    call("DELETE", path("servers", id));
    EXPECT_EQ(refusal("POST", "/servers", order("w1")), "409 uniqueness_error") << "while it is being deleted";
    clock.advance(5s);
    EXPECT_EQ(refusal("POST", "/servers", order("w1")), "");
}

TEST_F(Servers, OneThatIsBeingMadeCanBeDeletedUnlessTheCloudLocksIt) {
    auto const id = make_server("w1");
    EXPECT_EQ(refusal("DELETE", path("servers", id)), "");
    EXPECT_EQ(refusal("DELETE", path("servers", id)), "423 locked") << "it is being deleted";

    auto settings = slow_settings();
    settings.deletes_while_creating = false;
    Simulator strict{settings, clock};
    http::Request request{"POST", "/v1/servers", {{"Authorization", "Bearer " + std::string(64, 't')}}, order("w1")};
    auto const made = json::parse(strict.answer(request).body).at_pointer("/server/id").as_int64();
    request = {"DELETE", "/v1/servers/" + std::to_string(made), request.headers};
    EXPECT_EQ(strict.answer(request).status, 423);
    clock.advance(18s);
    EXPECT_EQ(strict.answer(request).status, 200);
}

TEST_F(Servers, PowerIsSwitchedByActionsThatLock) {
    auto const id = running_server("w1");

    EXPECT_EQ(call("POST", path("servers", id, "/actions/poweroff")), 201);
    EXPECT_EQ(text("/action/command"), "stop_server");
    EXPECT_EQ(status_of(id), "stopping");
    EXPECT_EQ(refusal("POST", path("servers", id, "/actions/poweron")), "423 locked");
    EXPECT_EQ(refusal("DELETE", path("servers", id)), "423 locked");
    clock.advance(3s);
    EXPECT_EQ(status_of(id), "off");

    EXPECT_EQ(call("POST", path("servers", id, "/actions/poweron")), 201);
    clock.advance(3s);
    EXPECT_EQ(status_of(id), "running");
    for (auto const* const command : {"reboot", "reset"}) {
        EXPECT_EQ(call("POST", path("servers", id, std::string{"/actions/"} + command)), 201);
        clock.advance(3s);
        EXPECT_EQ(status_of(id), "running") << command;
    }
    EXPECT_EQ(call("POST", path("servers", id, "/actions/shutdown")), 201);
    clock.advance(3s);
    EXPECT_EQ(status_of(id), "off");
}

TEST_F(Servers, AProtectedOneIsNotDeleted) {
    auto const id = running_server("w1");
    EXPECT_EQ(call("POST", path("servers", id, "/actions/change_protection"), R"({"delete": true, "rebuild": true})"),
              201);
    clock.advance(1s);

    EXPECT_EQ(refusal("DELETE", path("servers", id)), "423 protected");
    EXPECT_EQ(status_of(id), "running");
}

TEST_F(Servers, AreRenamedAndGetAllTheirLabelsAnew) {
    auto const id = make_server("w1", R"(, "labels": {"a": "b", "c": "d"})");
    make_server("w2");

    EXPECT_EQ(call("PUT", path("servers", id), R"({"name": "w3", "labels": {"e": "f"}})"), 200);
    EXPECT_EQ(text("/server/name"), "w3");
    EXPECT_EQ(json::serialize(body.at_pointer("/server/labels")), R"({"e":"f"})");
    EXPECT_EQ(refusal("PUT", path("servers", id), R"({"name": "w2"})"), "409 uniqueness_error");
    EXPECT_EQ(refusal("POST", "/servers", order("w1")), "") << "that name is free";
    EXPECT_EQ(refusal("POST", "/servers", order("w3")), "409 uniqueness_error");
}

TEST_F(Servers, AreListedByNameStatusAndLabelsInPages) {
    for (int i = 0; i < 60; ++i)
        make_server("w" + std::to_string(i), R"(, "labels": {"n": ")" + std::to_string(i % 3) + R"("})");
    clock.advance(18s);
    auto const extra = make_server("extra");

    EXPECT_EQ(call("GET", "/servers?per_page=50&page=2&sort=id%3Aasc"), 200);
    EXPECT_EQ(body.at("servers").as_array().size(), 11U);
    EXPECT_EQ(number("/servers/10/id"), extra);
    EXPECT_EQ(number("/meta/pagination/previous_page"), 1);
    EXPECT_TRUE(body.at_pointer("/meta/pagination/next_page").is_null());
    EXPECT_EQ(number("/meta/pagination/total_entries"), 61);
    call("GET", "/servers");
    EXPECT_EQ(body.at("servers").as_array().size(), 25U);
    EXPECT_EQ(number("/meta/pagination/last_page"), 3);
    call("GET", "/servers?per_page=500");
    EXPECT_EQ(body.at("servers").as_array().size(), 50U);
    auto const found = [&](std::string const& query) {
        call("GET", "/servers?" + query);
        return number("/meta/pagination/total_entries");
    };
    EXPECT_EQ(found("label_selector=n+in+%281%2C2%29"), 40);
    EXPECT_EQ(found("label_selector=n%21%3D1"), 41);
    EXPECT_EQ(found("label_selector=%21n"), 1);
    EXPECT_EQ(found("name=w7"), 1);
    EXPECT_EQ(found("name=w"), 0);
    EXPECT_EQ(found("status=initializing&status=off"), 1);
    EXPECT_EQ(refusal("GET", "/servers?label_selector=%28"), "422 invalid_input");
    EXPECT_EQ(refusal("GET", "/servers?page=0"), "422 invalid_input");
    EXPECT_EQ(refusal("GET", "/servers?page=x"), "422 invalid_input");
}

TEST_F(Servers, AreSortedAsAsked) {
    for (auto const* const name : {"b", "c", "a"}) make_server(name);

    call("GET", "/servers?sort=name:desc");
    EXPECT_EQ(text("/servers/0/name"), "c");
    call("GET", "/servers?sort=status&sort=name");
    EXPECT_EQ(text("/servers/0/name"), "a") << "what cannot be sorted by is passed over";
}

TEST_F(Servers, ALinkLeadsToTheNextPage) {
    for (auto const* const name : {"a", "b", "c"}) make_server(name);

    auto const response = answer_to("GET", "/v1/servers?per_page=1&page=2&sort=id:asc", std::string(64, 't'));

    auto const* const link = http::find_header(response.headers, "Link");
    ASSERT_NE(link, nullptr);
    EXPECT_THAT(*link, AllOf(HasSubstr("/v1/servers?page=3&per_page=1&sort=id%3Aasc>; rel=next"),
                             HasSubstr("page=1&per_page=1"), HasSubstr("rel=prev")));
}

TEST_F(Servers, ActionsAreFoundByTheirNumbersOnly) {
    call("POST", "/servers", order("w1"));
    auto const id = number("/server/id");
    auto const create = number("/action/id");
    auto const start = number("/next_actions/0/id");

    EXPECT_EQ(refusal("GET", "/actions"), "422 invalid_input");
    EXPECT_EQ(call("GET", "/actions?id=" + std::to_string(start) + "&id=" + std::to_string(create) +
                              "&page=1&sort=status&sort=id"),
              200);
    EXPECT_EQ(body.at("actions").as_array().size(), 2U);
    EXPECT_EQ(refusal("GET", "/actions/7"), "404 not_found");
    clock.advance(12s);
    EXPECT_EQ(call("GET", path("servers", id, "/actions?status=running")), 200);
    ASSERT_EQ(body.at("actions").as_array().size(), 1U);
    EXPECT_EQ(number("/actions/0/id"), start);
    EXPECT_EQ(call("GET", path("servers", id, "/actions/" + std::to_string(create))), 200);
    EXPECT_EQ(call("GET", "/servers/actions?id=" + std::to_string(create)), 200);
    EXPECT_EQ(body.at("actions").as_array().size(), 1U);
}

struct Mistake {
    std::string more;
    std::string field;
    std::string message = {};
};

TEST_F(Servers, OrdersWithMistakesNameThem) {
    std::vector<Mistake> const mistakes{
        {R"(, "name": "under_score")", "name", "Name must be a valid hostname."},
        {R"(, "name": "-a")", "name"},
        {R"(, "name": "")", "name"},
        {R"(, "name": 7)", "name", "Not a valid string."},
        {R"(, "server_type": "cx1")", "server_type"},
        {R"(, "server_type": ["cx23"])", "server_type"},
        {R"(, "image": "windows")", "image"},
        {R"(, "location": "moon1")", "location"},
        {R"(, "datacenter": "fsn1-dc14")", "datacenter"},
        {R"(, "ssh_keys": ["nobody"])", "ssh_keys"},
        {R"(, "ssh_keys": "k")", "ssh_keys"},
        {R"(, "labels": {"a b": "c"})", "labels"},
        {R"(, "labels": {"a": 1})", "labels"},
        {R"(, "labels": [])", "labels"},
        {R"(, "networks": [77])", "networks"},
        {R"(, "firewalls": [{"firewall": 77}])", "firewalls"},
        {R"(, "firewalls": [{}])", "firewalls.firewall"},
        {R"(, "placement_group": 77)", "placement_group"},
        {R"(, "placement_group": "x")", "placement_group"},
        {R"(, "volumes": [77])", "volumes"},
        {R"(, "start_after_create": "yes")", "start_after_create"},
        {R"(, "public_net": {"enable_ipv4": false, "enable_ipv6": false})", "public_net"},
        {R"(, "public_net": {"enable_ipv4": 1})", "public_net.enable_ipv4"},
        {R"(, "public_net": {"ipv4": 77})", "public_net.ipv4"},
        {R"(, "user_data": ")" + std::string(32'769, 'x') + "\"", "user_data", "Length must be between 0 and 32768."},
    };
    for (auto const& mistake : mistakes) {
        EXPECT_EQ(refusal("POST", "/servers", order("w1", mistake.more)), "422 invalid_input")
            << mistake.more.substr(0, 80);
        EXPECT_EQ(field(), mistake.field) << mistake.more.substr(0, 80);
        if (!mistake.message.empty()) {
            EXPECT_EQ(text("/error/details/fields/0/messages/0"), mistake.message);
        }
    }
    EXPECT_TRUE(cloud.servers().empty());
    EXPECT_EQ(refusal("POST", "/servers", order("w1", R"(, "user_data": ")" + std::string(32'768, 'x') + "\"")), "");
}

TEST_F(Servers, WhatIsNoObjectIsNoOrder) {
    EXPECT_EQ(refusal("POST", "/servers", "{"), "400 json_error");
    EXPECT_EQ(refusal("POST", "/servers", "[]"), "422 invalid_input");
    EXPECT_EQ(refusal("POST", "/servers", ""), "422 invalid_input");
    EXPECT_EQ(refusal("PATCH", "/servers"), "405 method_not_allowed");
    EXPECT_EQ(refusal("GET", "/nothing"), "404 not_found");
    EXPECT_EQ(refusal("GET", "/servers/abc"), "404 not_found");
}

TEST_F(Servers, ATypeIsOrderedWhereItIsMadeAndWhileItIs) {
    auto const told = [&](std::string const& more) {
        auto const refused = refusal("POST", "/servers", order("w1", more));
        return refused + " " + text("/error/message");
    };
    EXPECT_EQ(told(R"(, "location": "ash")"), "422 invalid_input unsupported location for server type");
    EXPECT_EQ(told(R"(, "server_type": "cx22")"), "422 invalid_input server type 104 is deprecated");
    EXPECT_EQ(call("GET", "/images?name=ubuntu-24.04&architecture=x86"), 200);
    auto const x86 = std::to_string(number("/images/0/id"));
    EXPECT_EQ(told(R"(, "server_type": "cax11", "image": )" + x86),
              "422 invalid_input image and server type have different architectures");

    EXPECT_EQ(call("POST", "/servers", order("arm", R"(, "server_type": "cax11")")), 201) << "a name fits to the type";
    EXPECT_EQ(text("/server/image/architecture"), "arm");
    EXPECT_EQ(call("POST", "/servers", order("by-number", R"(, "server_type": "114", "image": )" + x86)), 201);
}

TEST_F(Servers, OneWithoutAKeyGetsAPassword) {
    call("POST", "/servers", order("w1"));
    EXPECT_FALSE(text("/root_password").empty());

    auto const key = make("ssh_key", R"({"name": "k", "public_key": "ssh-ed25519 )"
                                     R"(AAAAC3NzaC1lZDI1NTE5AAAAIDe1DGzM1VAtVVTPrSAsPRWWYZvhyl/ql48bKRlnaXmS"})");
    for (auto const& reference : std::vector{std::to_string(key), std::string{"\"k\""}}) {
        call("POST", "/servers",
             order("w-" + std::to_string(reference.size()), R"(, "ssh_keys": [)" + reference + "]"));
        EXPECT_TRUE(body.at("root_password").is_null());
    }
}

TEST_F(Servers, OneWithoutPublicAddressesShowsNone) {
    auto const network =
        make("network", R"({"name": "n", "ip_range": "10.0.0.0/16", "subnets": [)"
                        R"({"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"}]})");
    EXPECT_EQ(call("POST", "/servers",
                   order("w1", R"(, "networks": [)" + std::to_string(network) +
                                   R"(], "public_net": {"enable_ipv4": false, "enable_ipv6": false})")),
              201);

    EXPECT_TRUE(body.at_pointer("/server/public_net/ipv4").is_null());
    EXPECT_TRUE(body.at_pointer("/server/public_net/ipv6").is_null());
    EXPECT_EQ(number("/server/private_net/0/network"), network);
}

TEST_F(Servers, OneIsNotStartedIfNobodyWantsIt) {
    EXPECT_EQ(call("POST", "/servers", order("w1", R"(, "start_after_create": false)")), 201);
    EXPECT_TRUE(body.at("next_actions").as_array().empty());
    auto const id = number("/server/id");

    clock.advance(1h);
    EXPECT_EQ(status_of(id), "off");
}

TEST_F(Servers, LimitsAndStockAreRefusedEachWithItsCode) {
    auto const limit = [&] { return text("/error/details/limits/0/name"); };
    cloud.set_stock({"cx23", "fsn1"}, 0);
    EXPECT_EQ(refusal("POST", "/servers", order("w1", R"(, "location": "fsn1")")), "412 resource_unavailable");
    EXPECT_EQ(text("/error/message"), "error during placement");
    EXPECT_EQ(refusal("POST", "/servers", order("w1", R"(, "location": "nbg1")")), "");

    cloud.set_core_limit(3);
    EXPECT_EQ(refusal("POST", "/servers", order("w2", R"(, "location": "nbg1")")), "403 resource_limit_exceeded");
    EXPECT_EQ(limit(), "core_limit");
    cloud.set_core_limit(std::nullopt);
    cloud.set_server_limit(1);
    EXPECT_EQ(refusal("POST", "/servers", order("w2", R"(, "location": "fsn1")")), "403 resource_limit_exceeded")
        << "a quota is told before the stock";
    EXPECT_EQ(text("/error/message"), "server limit exceeded");
    cloud.set_server_limit(5);
    cloud.set_primary_ip_limit(3);
    EXPECT_EQ(refusal("POST", "/servers", order("w2", R"(, "location": "nbg1")")), "403 resource_limit_exceeded");
    EXPECT_EQ(text("/error/message"), "Primary IP limit exceeded");
    EXPECT_EQ(limit(), "primary_ip_limit");
    EXPECT_EQ(cloud.servers().size(), 1U);
}

TEST_F(Servers, AMachineThatIsLostIsGoneWithoutADelete) {
    auto const id = running_server("w1");

    EXPECT_TRUE(cloud.vanish("w1"));
    EXPECT_FALSE(cloud.vanish("w1"));

    EXPECT_EQ(status_of(id), "404");
}

TEST_F(Servers, EachTokenOpensItsProject) {
    make_server("w1");
    cloud.admit({"other", "another"});
    cloud.admit({"looks", "default", true});

    EXPECT_EQ(json::parse(answer_to("GET", "/v1/servers", "other").body).at("servers").as_array().size(), 0U);
    EXPECT_EQ(json::parse(answer_to("GET", "/v1/servers", "looks").body).at("servers").as_array().size(), 1U);
    auto const refused = answer_to("POST", "/v1/servers", "looks");
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(json::parse(refused.body).at_pointer("/error/code"), "forbidden");

    cloud.revoke("looks");
    for (auto const* const token : {"looks", "nobody's", ""}) {
        auto const unknown = answer_to("GET", "/v1/servers", token);
        EXPECT_EQ(unknown.status, 401);
        EXPECT_EQ(unknown.body,
                  R"({"error":{"code":"unauthorized","message":"unable to authenticate","details":null}})");
        ASSERT_NE(http::find_header(unknown.headers, "X-Correlation-Id"), nullptr);
    }
}

TEST_F(Servers, TheCalendarIsTheClouds) {
    auto settings = slow_settings();
    settings.clock_ahead = 7min;
    Simulator ahead{settings, clock};
    http::Request const request{
        "POST", "/v1/servers", {{"Authorization", "Bearer " + std::string(64, 't')}}, order("w1")};

    auto const response = ahead.answer(request);

    EXPECT_EQ(json::parse(response.body).at_pointer("/server/created"), "2026-01-01T00:07:00Z");
    EXPECT_EQ(*http::find_header(response.headers, "Date"), "Thu, 01 Jan 2026 00:07:00 GMT");
}

}  // namespace
}  // namespace rgrid::hetzner_sim
