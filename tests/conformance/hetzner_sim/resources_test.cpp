#include "api_test.hpp"

namespace rgrid::hetzner_sim {
namespace {

using testing::HasSubstr;

class Resources : public ApiTest {
protected:
    static constexpr auto key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMfT8MVXzm9UbukNyTqo08NvUDudPh8qf348bPo1Ev48";
    static constexpr auto other_key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMfT8MVXzm9UbukNyTqo08NvUDudPh8qf348bPo1Ev49";

    void wait() { cloud.advance(std::chrono::minutes{1}); }

    /// A server that is switched off, with no action running.
    std::int64_t make_stopped_server(std::string const& name) {
        auto const id = make_server(name, R"(, "start_after_create": false)");
        wait();
        return id;
    }

    std::size_t count(std::string const& kinds, std::string const& query = {}) {
        EXPECT_EQ(call("GET", "/" + kinds + query), 200);
        return body.at(kinds).as_array().size();
    }
};

TEST_F(Resources, AnSshKeyIsKnownByItsFingerprint) {
    auto const id =
        make("ssh_key", std::string{R"({"name": "k", "labels": {"a": "b"}, "public_key": ")"} + key + " me\"}");
    EXPECT_EQ(text("/ssh_key/fingerprint"), "49:eb:f7:a5:d9:25:5e:1c:bb:6f:5f:53:b9:bb:a8:a7");
    EXPECT_EQ(count("ssh_keys", "?fingerprint=49:eb:f7:a5:d9:25:5e:1c:bb:6f:5f:53:b9:bb:a8:a7"), 1u);
    EXPECT_EQ(count("ssh_keys", "?fingerprint=00"), 0u);
    EXPECT_EQ(count("ssh_keys", "?label_selector=a%3Db&name=k"), 1u);

    EXPECT_EQ(refusal("POST", "/ssh_keys", std::string{R"({"name": "other", "public_key": ")"} + key + "\"}"),
              "409 uniqueness_error");
    EXPECT_EQ(text("/error/message"), "SSH key with the same fingerprint already exists");
    EXPECT_EQ(refusal("POST", "/ssh_keys", std::string{R"({"name": "k", "public_key": ")"} + other_key + "\"}"),
              "409 uniqueness_error");
    EXPECT_EQ(refusal("POST", "/ssh_keys", R"({"name": "x", "public_key": "rubbish"})"), "422 invalid_input");
    EXPECT_EQ(refusal("POST", "/ssh_keys", std::string{R"({"public_key": ")"} + key + "\"}"), "422 invalid_input");

    EXPECT_EQ(call("PUT", path("ssh_keys", id), R"({"name": "new", "labels": {"c": ""}})"), 200);
    EXPECT_EQ(text("/ssh_key/name"), "new");
    EXPECT_EQ(count("ssh_keys", "?label_selector=a"), 0u);
    EXPECT_EQ(refusal("PUT", path("ssh_keys", id), R"({"labels": {"hetzner.cloud/x": ""}})"), "422 invalid_input");
    EXPECT_EQ(call("DELETE", path("ssh_keys", id)), 204);
    EXPECT_EQ(refusal("GET", path("ssh_keys", id)), "404 not_found");
}

TEST_F(Resources, ANetworkGivesItsServersAddresses) {
    auto const id = make("network", R"({"name": "n", "ip_range": "10.0.0.0/16",
        "subnets": [{"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central"}]})");
    auto const more = ", \"networks\": [" + std::to_string(id) + "]";
    make_server("a", more);
    auto const server = make_server("b", more);
    EXPECT_EQ(call("GET", path("servers", server)), 200);
    EXPECT_EQ(text("/server/private_net/0/ip"), "10.0.1.2");
    EXPECT_EQ(call("GET", path("networks", id)), 200);
    EXPECT_EQ(body.at_pointer("/network/servers").as_array().size(), 2u);
    EXPECT_EQ(text("/network/subnets/0/gateway"), "10.0.0.1");

    EXPECT_EQ(refusal("POST", "/servers",
                      R"({"name": "c", "server_type": "ccx13", "image": "ubuntu-24.04",
              "location": "ash", "networks": [)" +
                          std::to_string(id) + "]}"),
              "422 no_subnet_available");
    EXPECT_EQ(count("servers"), 2u);

    wait();
    EXPECT_EQ(call("DELETE", path("servers", server)), 200);
    wait();
    EXPECT_EQ(call("GET", path("networks", id)), 200);
    EXPECT_EQ(body.at_pointer("/network/servers").as_array().size(), 1u);
    EXPECT_EQ(call("DELETE", path("networks", id)), 204);
}

TEST_F(Resources, AServerJoinsAndLeavesANetworkLater) {
    auto const server = make_server("a");
    auto const id = make("network", R"({"name": "n", "ip_range": "10.0.0.0/16"})");
    auto const join = path("servers", server, "/actions/attach_to_network");
    auto const in_network = "\"network\": " + std::to_string(id);
    EXPECT_EQ(refusal("POST", join, "{" + in_network + "}"), "423 locked");
    wait();
    EXPECT_EQ(refusal("POST", join, "{" + in_network + "}"), "422 no_subnet_available");
    EXPECT_EQ(
        call("POST", path("networks", id, "/actions/add_subnet"), R"({"type": "cloud", "network_zone": "eu-central"})"),
        201);
    EXPECT_EQ(refusal("POST", join, "{" + in_network + R"(, "ip": "10.0.0.1"})"), "422 ip_not_available");
    EXPECT_EQ(refusal("POST", join, "{" + in_network + R"(, "alias_ips": ["10.9.0.1"]})"), "422 ip_not_available");
    EXPECT_EQ(refusal("POST", join, R"({"network": 1})"), "422 invalid_input");
    EXPECT_EQ(call("POST", join, "{" + in_network + R"(, "ip": "10.0.0.77", "alias_ips": ["10.0.0.78"]})"), 201);
    EXPECT_EQ(text("/action/command"), "attach_to_network");
    wait();
    EXPECT_EQ(call("GET", path("servers", server)), 200);
    EXPECT_EQ(text("/server/private_net/0/ip"), "10.0.0.77");
    EXPECT_EQ(text("/server/private_net/0/alias_ips/0"), "10.0.0.78");

    EXPECT_EQ(refusal("POST", join, "{" + in_network + "}"), "422 server_already_attached");
    auto const overlapping = make("network", R"({"name": "o", "ip_range": "10.0.0.0/8",
        "subnets": [{"type": "cloud", "network_zone": "eu-central"}]})");
    EXPECT_EQ(refusal("POST", join, "{\"network\": " + std::to_string(overlapping) + "}"), "422 networks_overlap");
    EXPECT_EQ(refusal("POST", "/servers",
                      R"({"name": "b", "server_type": "cx23", "image": "debian-12",
              "location": "fsn1", "networks": [)" +
                          std::to_string(id) + "," + std::to_string(overlapping) + "]}"),
              "422 networks_overlap");
    EXPECT_EQ(refusal("POST", path("networks", id, "/actions/add_subnet"),
                      R"({"type": "cloud", "network_zone": "us-east", "ip_range": "10.0.0.128/25"})"),
              "422 invalid_input");
    EXPECT_EQ(refusal("POST", path("networks", id, "/actions/delete_subnet"), R"({"ip_range": "10.0.0.0/24"})"),
              "422 resource_in_use");
    EXPECT_EQ(call("POST", path("servers", server, "/actions/change_alias_ips"),
                   "{" + in_network + R"(, "alias_ips": ["10.0.0.78", "10.0.0.79"]})"),
              201);
    wait();
    EXPECT_EQ(call("POST", path("servers", server, "/actions/detach_from_network"), "{" + in_network + "}"), 201);
    EXPECT_EQ(call("GET", path("servers", server)), 200);
    EXPECT_TRUE(body.at_pointer("/server/private_net").as_array().empty());
    EXPECT_EQ(call("GET", path("networks", id, "/actions")), 200);
}

TEST_F(Resources, NetworksThatCannotBeAreRefused) {
    for (auto const* range : {"10.0.0.1/16", "8.8.8.0/24", "10.0.0.0/25", "rubbish"})
        EXPECT_EQ(refusal("POST", "/networks", std::string{R"({"name": "n", "ip_range": ")"} + range + "\"}"),
                  "422 invalid_input")
            << range;
    for (auto const* subnet :
         {R"({"type": "cloud", "network_zone": "mars"})", R"({"type": "x", "network_zone": "us-east"})",
          R"({"type": "cloud", "network_zone": "us-east", "ip_range": "10.1.0.0/24"})"})
        EXPECT_EQ(refusal("POST", "/networks",
                          std::string{R"({"name": "n", "ip_range": "10.0.0.0/16", "subnets": [)"} + subnet + "]}"),
                  "422 invalid_input")
            << subnet;
    EXPECT_EQ(count("networks"), 0u);
    auto const id = make("network", R"({"name": "n", "ip_range": "10.0.0.0/16"})");
    EXPECT_EQ(refusal("POST", "/networks", R"({"name": "n", "ip_range": "10.0.0.0/16"})"), "409 uniqueness_error");
    EXPECT_EQ(refusal("POST", path("networks", id, "/actions/change_ip_range"), R"({"ip_range": "10.0.0.0/20"})"),
              "422 invalid_input");
    EXPECT_EQ(call("POST", path("networks", id, "/actions/change_ip_range"), R"({"ip_range": "10.0.0.0/12"})"), 201);
    EXPECT_EQ(call("POST", path("networks", id, "/actions/add_route"),
                   R"({"destination": "192.168.0.0/24", "gateway": "10.0.0.5"})"),
              201);
    EXPECT_EQ(call("POST", path("networks", id, "/actions/delete_route"),
                   R"({"destination": "192.168.0.0/24", "gateway": "10.0.0.5"})"),
              201);
    EXPECT_EQ(refusal("POST", path("networks", id, "/actions/delete_route"),
                      R"({"destination": "192.168.0.0/24", "gateway": "10.0.0.5"})"),
              "422 invalid_input");
    EXPECT_EQ(call("POST", path("networks", id, "/actions/change_protection"), R"({"delete": true})"), 201);
    EXPECT_EQ(refusal("DELETE", path("networks", id)), "423 protected");
}

TEST_F(Resources, AFullNetworkTakesNoFurtherServer) {
    auto const id = make("network", R"({"name": "n", "ip_range": "10.0.0.0/16",
        "subnets": [{"type": "cloud", "network_zone": "eu-central"}]})");
    auto const more = ", \"networks\": [" + std::to_string(id) + "]";
    for (int i = 0; i < 100; ++i) make_server("s" + std::to_string(i), more);
    EXPECT_EQ(refusal("POST", "/servers", R"({"name": "x", "server_type": "cx23", "image": "debian-12",
              "location": "fsn1")" + more + "}"),
              "403 resource_limit_exceeded");
}

TEST_F(Resources, AFirewallIsAppliedByLabel) {
    auto const selected = make_server("a", R"(, "labels": {"rgrid/fleet": "f"})");
    auto const id = make("firewall", R"({"name": "f", "rules": [{"direction": "in", "protocol": "tcp", "port": "22",
        "source_ips": ["0.0.0.0/0", "::/0"]}], "apply_to": [{"type": "label_selector",
        "label_selector": {"selector": "rgrid/fleet=f"}}]})");
    EXPECT_EQ(body.at("actions").as_array().size(), 2u);
    EXPECT_EQ(body.at_pointer("/firewall/applied_to/0/applied_to_resources/0/server/id").as_int64(), selected);
    make_server("other");
    EXPECT_TRUE(body.at_pointer("/server/public_net/firewalls").as_array().empty());
    auto const later = make_server("b", R"(, "labels": {"rgrid/fleet": "f"})");
    EXPECT_EQ(body.at_pointer("/server/public_net/firewalls/0/id").as_int64(), id);

    EXPECT_EQ(refusal("DELETE", path("firewalls", id)), "422 resource_in_use");
    EXPECT_EQ(refusal("POST", path("firewalls", id, "/actions/remove_from_resources"),
                      R"({"remove_from": [{"type": "server", "server": {"id": )" + std::to_string(later) + "}}]}"),
              "422 firewall_managed_by_label_selector");
    EXPECT_EQ(call("POST", path("firewalls", id, "/actions/remove_from_resources"),
                   R"({"remove_from": [{"type": "label_selector", "label_selector": {"selector": "rgrid/fleet=f"}}]})"),
              201);
    EXPECT_EQ(call("DELETE", path("firewalls", id)), 204);
}

TEST_F(Resources, AFirewallThatSelectsANewServerHoldsItLockedForAWhile) {
    make("firewall", R"({"name": "f", "apply_to": [{"type": "label_selector", "label_selector": {"selector": "x"}}]})");
    auto const id = make_server("a", R"(, "labels": {"x": ""})");
    cloud.advance(std::chrono::milliseconds{2'100});
    EXPECT_EQ(call("GET", path("servers", id)), 200);
    EXPECT_EQ(text("/server/status"), "running");
    EXPECT_EQ(refusal("DELETE", path("servers", id)), "423 locked");
    cloud.advance(std::chrono::milliseconds{200});
    EXPECT_EQ(call("DELETE", path("servers", id)), 200);
}

TEST_F(Resources, AFirewallIsAppliedByName) {
    auto const server = make_server("a");
    auto const id = make("firewall", R"({"name": "f"})");
    auto const target = R"([{"type": "server", "server": {"id": )" + std::to_string(server) + "}}]}";
    EXPECT_EQ(call("POST", path("firewalls", id, "/actions/apply_to_resources"), R"({"apply_to": )" + target), 201);
    EXPECT_EQ(refusal("POST", path("firewalls", id, "/actions/apply_to_resources"), R"({"apply_to": )" + target),
              "422 firewall_already_applied");
    EXPECT_EQ(call("GET", path("servers", server)), 200);
    EXPECT_EQ(body.at_pointer("/server/public_net/firewalls/0/id").as_int64(), id);
    EXPECT_EQ(call("POST", path("firewalls", id, "/actions/set_rules"),
                   R"({"rules": [{"direction": "out", "protocol": "icmp", "destination_ips": ["10.0.0.0/8"]}]})"),
              201);
    EXPECT_EQ(call("GET", path("firewalls", id)), 200);
    EXPECT_EQ(text("/firewall/rules/0/protocol"), "icmp");
    EXPECT_EQ(call("GET", path("firewalls", id, "/actions")), 200);
    wait();
    EXPECT_EQ(call("DELETE", path("servers", server)), 200);
    wait();
    EXPECT_EQ(call("DELETE", path("firewalls", id)), 204);
}

TEST_F(Resources, AServerHasFiveFirewallsAndAPublicAddress) {
    std::string firewalls;
    for (int i = 0; i < 6; ++i) {
        auto const id = make("firewall", R"({"name": "f)" + std::to_string(i) + "\"}");
        firewalls += (i > 0 ? "," : "") + ("{\"firewall\": " + std::to_string(id) + "}");
        auto const refused = refusal("POST", "/servers",
                                     R"({"name": "s)" + std::to_string(i) + R"(", "location": "fsn1",
            "server_type": "cx23", "image": "debian-12", "firewalls": [)" +
                                         firewalls + "]}");
        EXPECT_EQ(refused, i < 5 ? "" : "403 resource_limit_exceeded");
    }
    EXPECT_EQ(call("GET", "/servers?name=s4"), 200);
    auto const full = body.at_pointer("/servers/0/id").as_int64();
    auto const network = make("network", R"({"name": "n", "ip_range": "10.0.0.0/16",
        "subnets": [{"type": "cloud", "network_zone": "eu-central"}]})");
    auto const inside = make_server("inside", R"(, "public_net": {"enable_ipv4": false, "enable_ipv6": false},
        "networks": [)" + std::to_string(network) +
                                                  "]");
    auto apply_to = [](std::int64_t server) {
        return R"({"name": "new", "apply_to": [{"type": "server", "server": {"id": )" + std::to_string(server) + "}}]}";
    };
    EXPECT_EQ(refusal("POST", "/firewalls", apply_to(inside)), "422 private_net_only_server");
    EXPECT_EQ(refusal("POST", "/firewalls", apply_to(full)), "403 resource_limit_exceeded");
}

TEST_F(Resources, FirewallRulesThatCannotBeAreRefused) {
    for (auto const* rule : {R"({"direction": "up", "protocol": "tcp", "port": "1", "source_ips": ["::/0"]})",
                             R"({"direction": "in", "protocol": "http", "port": "1", "source_ips": ["::/0"]})",
                             R"({"direction": "in", "protocol": "tcp", "source_ips": ["::/0"]})",
                             R"({"direction": "in", "protocol": "tcp", "port": "0", "source_ips": ["::/0"]})",
                             R"({"direction": "in", "protocol": "tcp", "port": "9-8", "source_ips": ["::/0"]})",
                             R"({"direction": "in", "protocol": "icmp", "port": "1", "source_ips": ["::/0"]})",
                             R"({"direction": "in", "protocol": "icmp"})",
                             R"({"direction": "in", "protocol": "icmp", "source_ips": ["10.0.0.1/8"]})"})
        EXPECT_EQ(refusal("POST", "/firewalls", std::string{R"({"name": "f", "rules": [)"} + rule + "]}"),
                  "422 invalid_input")
            << rule;
    EXPECT_EQ(
        refusal("POST", "/firewalls",
                R"({"name": "f", "apply_to": [{"type": "label_selector", "label_selector": {"selector": ","}}]})"),
        "422 invalid_input");
    EXPECT_EQ(refusal("POST", "/firewalls", R"({"name": "f", "apply_to": [{"type": "server", "server": {"id": 1}}]})"),
              "422 firewall_resource_not_found");
    EXPECT_EQ(count("firewalls"), 0u);
}

TEST_F(Resources, APlacementGroupHoldsTenServers) {
    auto const id = make("placement_group", R"({"name": "g", "type": "spread"})");
    auto const more = ", \"placement_group\": " + std::to_string(id);
    auto const first = make_server("s0", more);
    for (int i = 1; i < 10; ++i) make_server("s" + std::to_string(i), more);
    EXPECT_EQ(body.at_pointer("/server/placement_group/id").as_int64(), id);
    EXPECT_EQ(refusal("POST", "/servers", R"({"name": "x", "server_type": "cx23", "image": "debian-12",
              "location": "fsn1")" + more + "}"),
              "412 resource_unavailable");
    EXPECT_EQ(refusal("DELETE", path("placement_groups", id)), "422 resource_in_use");
    wait();
    EXPECT_EQ(call("DELETE", path("servers", first)), 200);
    wait();
    EXPECT_EQ(call("GET", path("placement_groups", id)), 200);
    EXPECT_EQ(body.at_pointer("/placement_group/servers").as_array().size(), 9u);
    make_server("x", more);
    EXPECT_EQ(refusal("POST", "/placement_groups", R"({"name": "h", "type": "pack"})"), "422 invalid_input");
    for (int i = 1; i < 50; ++i)
        make("placement_group", R"({"type": "spread", "name": "g)" + std::to_string(i) + "\"}");
    EXPECT_EQ(refusal("POST", "/placement_groups", R"({"name": "h", "type": "spread"})"),
              "403 resource_limit_exceeded");
}

TEST_F(Resources, AStoppedServerChangesItsPlacementGroup) {
    auto const id = make("placement_group", R"({"name": "g", "type": "spread"})");
    auto const group = "{\"placement_group\": " + std::to_string(id) + "}";
    auto const running = make_server("a");
    wait();
    EXPECT_EQ(refusal("POST", path("servers", running, "/actions/add_to_placement_group"), group),
              "422 server_not_stopped");
    auto const stopped = make_stopped_server("b");
    EXPECT_EQ(call("POST", path("servers", stopped, "/actions/add_to_placement_group"), group), 201);
    wait();
    EXPECT_EQ(refusal("POST", path("servers", stopped, "/actions/add_to_placement_group"), group),
              "422 already_in_placement_group");
    EXPECT_EQ(call("POST", path("servers", stopped, "/actions/remove_from_placement_group")), 201);
    EXPECT_EQ(call("DELETE", path("placement_groups", id)), 204);
}

TEST_F(Resources, PrimaryIpsOfAServerGoWithIt) {
    auto const server = make_server("a");
    EXPECT_EQ(count("primary_ips"), 2u);
    EXPECT_EQ(body.at_pointer("/primary_ips/0/assignee_id").as_int64(), server);
    EXPECT_TRUE(body.at_pointer("/primary_ips/0/auto_delete").as_bool());
    auto const id = body.at_pointer("/primary_ips/0/id").as_int64();
    EXPECT_EQ(refusal("DELETE", path("primary_ips", id)), "422 must_be_unassigned");
    wait();
    EXPECT_EQ(call("DELETE", path("servers", server)), 200);
    wait();
    EXPECT_EQ(count("primary_ips"), 0u);
}

TEST_F(Resources, APrimaryIpOfItsOwnOutlivesItsServerAndIsBilled) {
    auto const id =
        make("primary_ip", R"({"name": "ip", "type": "ipv4", "location": "fsn1", "assignee_type": "server"})");
    EXPECT_EQ(text("/primary_ip/assignee_type"), "unassigned");
    auto const wanted = R"(, "public_net": {"enable_ipv6": false, "ipv4": )" + std::to_string(id) + "}";
    auto const server = make_server("a", wanted);
    EXPECT_EQ(body.at_pointer("/server/public_net/ipv4/id").as_int64(), id);
    EXPECT_EQ(refusal("POST", "/servers", R"({"name": "x", "server_type": "cx23", "image": "debian-12",
              "location": "fsn1")" + wanted + "}"),
              "422 primary_ip_assigned");
    wait();
    EXPECT_EQ(call("DELETE", path("servers", server)), 200);
    wait();
    EXPECT_EQ(call("GET", path("primary_ips", id)), 200);
    EXPECT_TRUE(body.at_pointer("/primary_ip/assignee_id").is_null());
    cloud.advance(std::chrono::hours{3});
    EXPECT_EQ(call("DELETE", path("primary_ips", id)), 204);
    cloud.advance(std::chrono::hours{3});
    Money addresses;
    for (auto const& item : cloud.ledger().items)
        if (item.kind == BillKind::primary_ipv4) addresses += item.cost;
    EXPECT_EQ(addresses, Money{4 * 800'000});
}

TEST_F(Resources, APrimaryIpIsAssignedToAStoppedServer) {
    auto const id = make("primary_ip", R"({"name": "ip", "type": "ipv4", "location": "fsn1"})");
    auto const running = make_server("a");
    auto const stopped = make_stopped_server("b");
    auto assignment = [](std::int64_t server) {
        return R"({"assignee_type": "server", "assignee_id": )" + std::to_string(server) + "}";
    };
    EXPECT_EQ(refusal("POST", path("primary_ips", id, "/actions/assign"), assignment(running)),
              "422 server_not_stopped");
    EXPECT_EQ(refusal("POST", path("primary_ips", id, "/actions/assign"), assignment(stopped)), "422 server_has_ipv4");
    EXPECT_EQ(call("GET", path("servers", stopped)), 200);
    auto const old = body.at_pointer("/server/public_net/ipv4/id").as_int64();
    EXPECT_EQ(call("POST", path("primary_ips", old, "/actions/unassign")), 201);
    wait();
    EXPECT_EQ(call("POST", path("primary_ips", id, "/actions/assign"), assignment(stopped)), 201);
    wait();
    EXPECT_EQ(refusal("POST", path("primary_ips", id, "/actions/assign"), assignment(stopped)),
              "422 primary_ip_already_assigned");
    EXPECT_EQ(call("GET", path("servers", stopped)), 200);
    EXPECT_EQ(body.at_pointer("/server/public_net/ipv4/id").as_int64(), id);
    EXPECT_EQ(call("POST", path("primary_ips", old, "/actions/change_protection"), R"({"delete": true})"), 422);
    EXPECT_EQ(call("PUT", path("primary_ips", old), R"({"auto_delete": false})"), 200);
    EXPECT_EQ(call("POST", path("primary_ips", old, "/actions/change_protection"), R"({"delete": true})"), 201);
    EXPECT_EQ(refusal("DELETE", path("primary_ips", old)), "423 protected");
    EXPECT_EQ(call("POST", path("primary_ips", old, "/actions/change_protection"), R"({"delete": false})"), 201);
    EXPECT_EQ(call("DELETE", path("primary_ips", old)), 204);
    EXPECT_EQ(call("PUT", path("primary_ips", id), R"({"auto_delete": true, "name": "new"})"), 200);
    EXPECT_EQ(call("POST", path("primary_ips", id, "/actions/change_dns_ptr"), R"({"ip": "10.0.0.1", "dns_ptr": "x"})"),
              422);
}

TEST_F(Resources, APrimaryIpFitsOnlyToServersOfItsLocationAndOfItsVersion) {
    auto const here = make("primary_ip", R"({"name": "a", "type": "ipv4", "location": "fsn1"})");
    auto const elsewhere = make("primary_ip", R"({"name": "b", "type": "ipv4", "location": "hel1"})");
    auto refusal_with = [&](std::string const& version, std::int64_t id) {
        return refusal("POST", "/servers",
                       R"({"name": "x", "server_type": "cx23", "image": "debian-12",
                       "location": "fsn1", "public_net": {")" +
                           version + "\": " + std::to_string(id) + "}}");
    };
    EXPECT_EQ(refusal_with("ipv6", here), "412 primary_ip_version_mismatch");
    EXPECT_EQ(refusal_with("ipv4", elsewhere), "422 primary_ip_datacenter_mismatch");
    EXPECT_EQ(refusal_with("ipv4", 1), "422 invalid_input");
    auto const server = make_server("s", R"(, "start_after_create": false, "public_net": {"enable_ipv4": false})");
    wait();
    EXPECT_EQ(refusal("POST", path("primary_ips", elsewhere, "/actions/assign"),
                      R"({"assignee_type": "server", "assignee_id": )" + std::to_string(server) + "}"),
              "422 primary_ip_datacenter_mismatch");
    EXPECT_EQ(call("PUT", path("primary_ips", here), R"({"name": "renamed"})"), 200);
    EXPECT_EQ(cloud.ledger().items.front().name, "renamed");
}

class FewPrimaryIps : public Resources {
protected:
    FewPrimaryIps() { cloud.set_primary_ip_limit(3); }
};

TEST_F(FewPrimaryIps, AreCountedForServersToo) {
    make_server("a");
    EXPECT_EQ(refusal("POST", "/servers", R"({"name": "b", "server_type": "cx23", "image": "debian-12"})"),
              "403 resource_limit_exceeded");
    EXPECT_EQ(text("/error/message"), "Primary IP limit exceeded");
    EXPECT_EQ(text("/error/details/limits/0/name"), "primary_ip_limit");
    make_server("b", R"(, "public_net": {"enable_ipv4": false})");
    EXPECT_EQ(refusal("POST", "/primary_ips", R"({"name": "ip", "type": "ipv4", "location": "fsn1"})"),
              "403 resource_limit_exceeded");
}

TEST_F(Resources, VolumesAreListedMadeAndDeleted) {
    EXPECT_EQ(count("volumes", "?label_selector=x"), 0u);
    auto const server = make_server("a");
    wait();
    auto const id = make("volume", R"({"name": "v", "size": 10, "server": )" + std::to_string(server) + "}");
    EXPECT_EQ(body.at("next_actions").as_array().size(), 1u);
    EXPECT_EQ(call("GET", path("servers", server)), 200);
    EXPECT_EQ(body.at_pointer("/server/volumes/0").as_int64(), id);
    EXPECT_EQ(refusal("DELETE", path("volumes", id)), "423 locked");
    auto const to_server = "{\"server\": " + std::to_string(server) + "}";
    EXPECT_EQ(refusal("POST", path("volumes", id, "/actions/attach"), to_server), "423 locked");
    wait();
    EXPECT_EQ(refusal("POST", path("volumes", id, "/actions/attach"), to_server), "422 volume_already_attached");
    auto const elsewhere = make("volume", R"({"name": "w", "size": 20, "location": "hel1"})");
    EXPECT_EQ(refusal("POST", path("volumes", elsewhere, "/actions/attach"), to_server), "422 invalid_input");
    EXPECT_EQ(refusal("POST", path("volumes", elsewhere, "/actions/resize"), R"({"size": 10})"), "422 invalid_input");
    EXPECT_EQ(call("POST", path("volumes", elsewhere, "/actions/resize"), R"({"size": 30})"), 201);
    EXPECT_EQ(call("POST", path("volumes", elsewhere, "/actions/change_protection"), R"({"delete": true})"), 201);
    EXPECT_EQ(refusal("DELETE", path("volumes", elsewhere)), "423 protected");
    EXPECT_EQ(call("POST", path("volumes", id, "/actions/detach")), 201);
    EXPECT_EQ(call("DELETE", path("volumes", id)), 204);
    EXPECT_EQ(refusal("POST", "/volumes", R"({"name": "v", "size": 1, "location": "fsn1"})"), "422 invalid_input");
}

TEST_F(Resources, MeasurementsAreTextsAndFew) {
    auto const id = make_server("a");
    cloud.advance(std::chrono::hours{24 * 20});
    auto const asked =
        path("servers", id, "/metrics?start=2026-01-01T00:00:00%2B00:00&end=2026-01-20T00:00:00.000001Z");
    EXPECT_EQ(call("GET", asked + "&type=cpu"), 200);
    auto const& values = body.at_pointer("/metrics/time_series/cpu/values").as_array();
    EXPECT_LE(values.size(), 200u);
    EXPECT_GE(values.size(), 190u);
    EXPECT_TRUE(values[0].at(0).is_double());
    EXPECT_TRUE(values[0].at(1).is_string());
    EXPECT_EQ(call("GET", asked + "&type=disk,network&step=1"), 200);
    EXPECT_LE(body.at_pointer("/metrics/time_series/network.0.pps.in/values").as_array().size(), 500u);
    EXPECT_EQ(call("GET", asked + "&type=disk&type=cpu"), 200);
    EXPECT_EQ(body.at_pointer("/metrics/time_series").as_object().size(), 5u);
    EXPECT_EQ(refusal("GET", asked), "422 invalid_input");
    EXPECT_EQ(
        refusal("GET", path("servers", id, "/metrics?type=cpu&start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z")),
        "422 invalid_input");
    EXPECT_EQ(refusal("GET", asked + "&type=memory"), "422 invalid_input");
    EXPECT_EQ(refusal("GET", path("servers", id, "/metrics?type=cpu&start=x&end=y")), "422 invalid_input");
    EXPECT_EQ(refusal("GET", "/servers/1/metrics?type=cpu"), "404 not_found");
    cloud.advance(std::chrono::hours{24 * 60});
    EXPECT_EQ(call("GET", asked + "&type=cpu"), 200);
    EXPECT_TRUE(body.at_pointer("/metrics/time_series/cpu/values").as_array().empty());
}

TEST_F(Resources, TheCatalogueIsToldAsTheApiTellsIt) {
    EXPECT_EQ(count("locations"), 6u);
    EXPECT_EQ(call("GET", "/locations/4"), 200);
    EXPECT_EQ(text("/location/network_zone"), "us-east");
    EXPECT_EQ(count("server_types", "?per_page=50&sort=id%3Aasc"), standard_catalogue().types.size());
    EXPECT_EQ(count("server_types", "?name=cx23"), 1u);
    EXPECT_EQ(text("/server_types/0/prices/0/price_hourly/net"), "0.0088000000");
    EXPECT_EQ(text("/server_types/0/prices/0/price_hourly/gross"), "0.0104720000000000");
    EXPECT_TRUE(body.at_pointer("/server_types/0/locations/0/available").as_bool());
    cloud.set_stock({"cx23", "fsn1"}, 0);
    EXPECT_EQ(count("server_types", "?name=cx23"), 1u);
    EXPECT_FALSE(body.at_pointer("/server_types/0/locations/0/available").as_bool());
    EXPECT_TRUE(body.at_pointer("/server_types/0/locations/1/available").as_bool());
    EXPECT_EQ(count("server_types", "?name=cx22"), 1u);
    EXPECT_FALSE(body.at_pointer("/server_types/0/locations/0/available").as_bool());
    EXPECT_TRUE(body.at_pointer("/server_types/0/deprecated").as_bool());
    EXPECT_EQ(call("GET", "/pricing"), 200);
    EXPECT_EQ(text("/pricing/primary_ips/0/prices/0/price_hourly/net"), "0.0008000000");
    EXPECT_EQ(refusal("GET", "/server_types/999"), "404 not_found");
}

TEST_F(Resources, ImagesAreToldForBothArchitectures) {
    EXPECT_EQ(count("images", "?name=ubuntu-24.04"), 2u);
    EXPECT_EQ(text("/images/0/architecture"), "x86");
    EXPECT_EQ(count("images", "?name=ubuntu-24.04&architecture=arm"), 1u);
    EXPECT_EQ(count("images", "?name=ubuntu-20.04"), 0u);
    EXPECT_EQ(count("images", "?name=ubuntu-20.04&include_deprecated=True"), 2u);
    EXPECT_EQ(text("/images/0/deprecated"), text("/images/0/deprecation/announced"));
    EXPECT_EQ(count("images", "?type=snapshot"), 0u);
    EXPECT_EQ(count("images", "?type=app&type=system&per_page=50"), count("images", "?per_page=50"));
    EXPECT_EQ(call("GET", "/images/161547269"), 200);
    EXPECT_EQ(refusal("GET", "/images?label_selector=%2C"), "422 invalid_input");
}

TEST_F(Resources, DatacentersAreGone) {
    EXPECT_EQ(refusal("GET", "/datacenters"), "410 deprecated_api_endpoint");
    EXPECT_THAT(text("/error/details/announcement"), HasSubstr("https://"));
}

class WithDatacenters : public ApiTest {
protected:
    static Settings legacy() {
        auto settings = usual_settings();
        settings.legacy_datacenter = true;
        return settings;
    }
    WithDatacenters() : ApiTest(legacy()) {}
};

TEST_F(WithDatacenters, TheyAreToldAsTheyWere) {
    EXPECT_EQ(call("GET", "/datacenters"), 200);
    EXPECT_EQ(call("GET", "/datacenters/4"), 200);
    EXPECT_EQ(text("/datacenter/name"), "fsn1-dc14");
    make_server("a");
    EXPECT_EQ(text("/server/datacenter/name"), "fsn1-dc14");
    make("primary_ip", R"({"name": "ip", "type": "ipv6", "location": "1"})");
    EXPECT_EQ(text("/primary_ip/datacenter/name"), "fsn1-dc14");
    make("primary_ip", R"({"name": "other", "type": "ipv4", "datacenter": "hel1-dc2"})");
    EXPECT_EQ(text("/primary_ip/location/name"), "hel1");
    EXPECT_EQ(refusal("POST", "/primary_ips", R"({"name": "x", "type": "ipv4", "datacenter": "mars-dc1"})"),
              "422 invalid_input");
}

}  // namespace
}  // namespace rgrid::hetzner_sim
