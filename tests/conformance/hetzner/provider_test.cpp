#include <gtest/gtest.h>

#include <rgrid/testing/temp_folder.hpp>
#include <rgrid/testing/threads.hpp>
#include <stop_token>
#include <utility>

#include "../../support/authority.hpp"
#include "support.hpp"

namespace rgrid::hetzner {
namespace {

struct DoubtfulAnswer {
    FaultKind kind;
    bool after;
    int status = 0;
};

TEST_F(HetznerProvider, a_create_that_may_have_happened_is_looked_for_and_never_sent_twice) {
    int number = 0;
    for (auto const& doubt : std::initializer_list<DoubtfulAnswer>{{FaultKind::error, true, 504},
                                                                   {FaultKind::error, true, 500},
                                                                   {FaultKind::html, true, 502},
                                                                   {FaultKind::empty, true, 503},
                                                                   {FaultKind::reset, true},
                                                                   {FaultKind::reset_mid_body, true},
                                                                   {FaultKind::truncated, true},
                                                                   {FaultKind::duplicate_keys, true},
                                                                   {FaultKind::huge_body, true}}) {
        auto const name = "ours-pool-" + std::to_string(++number);
        auto fault = on_create(doubt.kind, doubt.after);
        fault.status = doubt.status;
        if (doubt.kind == FaultKind::error) fault.code = doubt.status == 504 ? "timeout" : "server_error";
        cloud.simulator.inject(fault);
        auto const posts = cloud.calls("POST /servers");

        auto const made = create(name);

        ASSERT_TRUE(made) << static_cast<int>(doubt.kind) << ": " << made.error().message;
        EXPECT_EQ(made->name.value, name);
        EXPECT_EQ(cloud.calls("POST /servers"), posts + 1);
        EXPECT_EQ(cloud.count(name), 1u);
    }
}

TEST_F(HetznerProvider, a_create_without_an_answer_that_nobody_finds_is_in_doubt) {
    int number = 0;
    for (auto const& doubt : std::initializer_list<DoubtfulAnswer>{{FaultKind::error, false, 504},
                                                                   {FaultKind::html, false, 502},
                                                                   {FaultKind::empty, false, 500},
                                                                   {FaultKind::reset, false}}) {
        auto const name = "ours-pool-" + std::to_string(++number);
        auto fault = on_create(doubt.kind);
        fault.status = doubt.status;
        if (doubt.kind == FaultKind::error) fault.code = "timeout";
        cloud.simulator.inject(fault);
        auto const posts = cloud.calls("POST /servers");

        auto const made = create(name);

        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, Errc::in_doubt) << made.error().message;
        EXPECT_EQ(cloud.calls("POST /servers"), posts + 1);
        EXPECT_EQ(provider->find(no_limit, ServerName{name}).value(), std::nullopt);
        EXPECT_EQ(cloud.count(name), 0u);
    }
}

TEST_F(HetznerProvider, a_create_whose_answer_is_slow_is_in_doubt_at_its_deadline_and_found_later) {
    auto fault = on_create(FaultKind::slow, true);
    fault.delay = 5s;
    cloud.simulator.inject(fault);
    provider->offers(no_limit).value();

    auto const made = provider->create(call_within(cloud.clock, 500ms), TestCloud::request("ours-pool-1"));

    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::in_doubt) << made.error().message;
    EXPECT_TRUE(testing::eventually([&] { return provider->find(no_limit, ServerName{"ours-pool-1"}).value().has_value(); }));
    EXPECT_EQ(cloud.count("ours-pool-1"), 1u);
}

TEST_F(HetznerProvider, an_answer_in_drops_and_one_with_unknown_words_are_answers) {
    auto drops = on_create(FaultKind::slow_drip, true);
    drops.pace = Duration{0};
    cloud.simulator.inject(drops);
    EXPECT_TRUE(create("ours-pool-1"));
    cloud.simulator.inject(on_create(FaultKind::unknown_enum, true));
    auto const made = create("ours-pool-2");
    ASSERT_TRUE(made);
    EXPECT_EQ(made->status, ServerStatus::unknown);
}

struct PlainRefusal {
    char const* code;
    char const* message;
    Errc expected;
    char const* told;  ///< What an operator reads among other things.
};

TEST_F(HetznerProvider, a_refusal_is_certain_and_says_what_it_means) {
    for (auto const& refusal : std::initializer_list<PlainRefusal>{
             {"resource_unavailable", "error during placement", Errc::capacity, "cx23 in nbg1 is sold out"},
             {"placement_error", "", Errc::capacity, "cx23 in nbg1 is sold out"},
             {"resource_limit_exceeded", "server limit exceeded", Errc::quota, "lower max_workers"},
             {"rate_limit_exceeded", "", Errc::retry_later, "API budget used up"},
             {"maintenance", "", Errc::retry_later, "maintenance"},
             {"conflict", "", Errc::retry_later, "conflict"},
             {"locked", "", Errc::retry_later, "locked"},
             {"unauthorized", "", Errc::denied, "Hetzner rejected the API token"},
             {"token_readonly", "", Errc::denied, "read-only"},
             {"invalid_input", "invalid input in field 'user_data'", Errc::rejected, "user_data"},
             {"not_found", "", Errc::rejected, "not_found"}}) {
        cloud.simulator.inject(refusal_with(refusal.code, refusal.message));
        auto const posts = cloud.calls("POST /servers");

        auto const made = create("ours-pool-1");

        ASSERT_FALSE(made) << refusal.code;
        EXPECT_EQ(made.error().code, refusal.expected) << made.error().message;
        EXPECT_NE(made.error().message.find(refusal.told), std::string::npos) << made.error().message;
        EXPECT_EQ(cloud.calls("POST /servers"), posts + 1) << refusal.code << ": whoever decides may try again, not we";
        EXPECT_EQ(cloud.count("ours-pool-1"), 0u);
    }
}

TEST_F(HetznerProvider, a_name_that_a_stranger_has_is_refused_and_the_stranger_untouched) {
    auto const made = create("theirs-pool-1");
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::rejected);
    EXPECT_EQ(made.error().message, "the name theirs-pool-1 is taken by a server that is not this fleet's");
}

TEST_F(HetznerProvider, a_server_of_another_store_is_not_adopted) {
    create("ours-pool-1").value();
    auto wanted = TestCloud::request("ours-pool-1");
    wanted.store = StoreId{"other"};
    auto const made = provider->create(no_limit, wanted);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::rejected);
    EXPECT_NE(made.error().message.find("another store"), std::string::npos) << made.error().message;
}

TEST_F(HetznerProvider, a_stranger_is_not_deleted) {
    auto const theirs = strangers->list(no_limit).value().at(0);
    auto const destroyed = provider->destroy(no_limit, theirs.id);
    ASSERT_FALSE(destroyed);
    EXPECT_EQ(destroyed.error().code, Errc::rejected);
    EXPECT_EQ(cloud.calls("DELETE /servers/{id}"), 0);
}

TEST_F(HetznerProvider, what_was_never_seen_and_cannot_be_looked_at_is_not_deleted) {
    auto const theirs = strangers->list(no_limit).value().at(0);
    Fault fault;
    fault.kind = FaultKind::html;
    fault.method = "GET";
    fault.path = "/servers/*";
    fault.times = 0;
    cloud.simulator.inject(fault);

    auto const destroyed = provider->destroy(no_limit, theirs.id);

    ASSERT_FALSE(destroyed);
    EXPECT_EQ(destroyed.error().code, Errc::retry_later) << destroyed.error().message;
    EXPECT_EQ(cloud.calls("DELETE /servers/{id}"), 0) << "it may be anybody's";
}

TEST_F(HetznerProvider, deletes_go_through_whatever_else_fails) {
    auto const id = create("ours-pool-1")->id;
    Fault fault;
    fault.kind = FaultKind::html;
    fault.method = "GET";
    fault.times = 0;
    cloud.simulator.inject(fault);
    EXPECT_TRUE(provider->destroy(no_limit, id)) << "it was seen as ours";
    cloud.simulator.clear_faults();
    cloud.clock.leap(10s);
    EXPECT_EQ(cloud.count("ours-pool-1"), 0u);
}

TEST_F(HetznerProvider, a_delete_is_repeated_until_it_is_certain) {
    int number = 0;
    for (auto const& doubt : std::initializer_list<DoubtfulAnswer>{{FaultKind::error, true, 504},
                                                                   {FaultKind::error, false, 423},
                                                                   {FaultKind::error, false, 409},
                                                                   {FaultKind::error, false, 429},
                                                                   {FaultKind::html, false, 502},
                                                                   {FaultKind::reset, true},
                                                                   {FaultKind::reset, false},
                                                                   {FaultKind::truncated, true}}) {
        auto const made = create("ours-pool-" + std::to_string(++number)).value();
        Fault fault;
        fault.kind = doubt.kind;
        fault.method = "DELETE";
        fault.after = doubt.after;
        fault.status = doubt.status;
        if (doubt.kind == FaultKind::error)
            fault.code = doubt.status == 504   ? "timeout"
                         : doubt.status == 423 ? "locked"
                         : doubt.status == 409 ? "conflict"
                                               : "rate_limit_exceeded";
        fault.times = 2;
        cloud.simulator.inject(fault);

        EXPECT_TRUE(provider->destroy(no_limit, made.id)) << static_cast<int>(doubt.kind) << doubt.status;

        cloud.simulator.clear_faults();
        cloud.clock.leap(10s);
        EXPECT_EQ(cloud.count(made.name.value), 0u);
    }
}

TEST_F(HetznerProvider, a_listing_is_whole_or_an_error) {
    for (int i = 1; i <= 5; ++i) create("ours-pool-" + std::to_string(i)).value();
    for (auto const kind : {FaultKind::html, FaultKind::reset, FaultKind::truncated, FaultKind::reset_mid_body,
                            FaultKind::duplicate_keys, FaultKind::huge_body, FaultKind::empty}) {
        Fault fault;
        fault.kind = kind;
        fault.path = "/servers";
        fault.times = 1;
        cloud.simulator.inject(fault);
        auto const once = provider->list(no_limit);
        if (once) {
            EXPECT_EQ(once->size(), 5u) << static_cast<int>(kind);
        } else {
            EXPECT_EQ(once.error().code, Errc::retry_later) << once.error().message;
        }
        cloud.simulator.clear_faults();
        EXPECT_EQ(provider->list(no_limit).value().size(), 5u);
    }
}

TEST_F(HetznerProvider, a_server_that_a_listing_passes_over_is_asked_for_by_its_number) {
    auto const first = create("ours-pool-1").value();
    auto const second = create("ours-pool-2").value();
    ASSERT_EQ(provider->list(no_limit).value().size(), 2u);
    ASSERT_TRUE(cloud.simulator.vanish("ours-pool-1"));

    Fault fault;
    fault.kind = FaultKind::html;
    fault.path = "/servers/*";
    fault.times = 0;
    cloud.simulator.inject(fault);
    auto const unclear = provider->list(no_limit).value();
    ASSERT_EQ(unclear.size(), 2u) << "nobody said that it is gone";
    EXPECT_EQ(unclear[0].id, first.id);

    cloud.simulator.clear_faults();
    auto const clear = provider->list(no_limit).value();
    ASSERT_EQ(clear.size(), 1u);
    EXPECT_EQ(clear[0].id, second.id);
}

TEST_F(HetznerProvider, a_create_that_the_provider_cannot_finish_is_known_as_failed) {
    auto fault = on_create(FaultKind::action_error);
    fault.code = "action_failed";
    fault.message = "no hypervisor";
    cloud.simulator.inject(fault);
    create("ours-pool-1").value();
    auto const status = [&] {
        cloud.clock.leap(5s);
        auto const servers = provider->list(no_limit).value();
        return servers.empty() ? ServerStatus::unknown : servers[0].status;
    };
    EXPECT_TRUE(testing::eventually([&] { return status() == ServerStatus::failed; }));
    ASSERT_EQ(provider->problems().size(), 1u);
    EXPECT_NE(provider->problems()[0].find("ours-pool-1"), std::string::npos) << provider->problems()[0];

    auto const restarted = cloud.provider();
    EXPECT_EQ(restarted->list(no_limit).value().at(0).status, ServerStatus::failed) << "also for who was not there";
}

TEST_F(HetznerProvider, ages_are_the_providers) {
    auto const made = create("ours-pool-1").value();
    cloud.simulator.advance(70min);
    auto const age = provider->list(no_limit).value().at(0).age;
    EXPECT_GE(age, 70min);
    EXPECT_LT(age, 71min);
    EXPECT_LT(made.age, 1min);
}

TEST_F(HetznerProvider, the_fleets_network_and_firewall_are_made_once_and_given_to_each_server) {
    for (int i = 1; i <= 3; ++i) create("ours-pool-" + std::to_string(i)).value();
    EXPECT_EQ(cloud.calls("POST /networks"), 2) << "one of each fleet";
    EXPECT_EQ(cloud.calls("POST /firewalls"), 2);
    auto const other = cloud.provider();
    other->create(no_limit, TestCloud::request("ours-pool-4")).value();
    EXPECT_EQ(cloud.calls("POST /networks"), 2) << "found by their names";
    EXPECT_EQ(cloud.calls("POST /firewalls"), 2);
}

TEST_F(HetznerProvider, a_network_that_cannot_be_made_refuses_the_server_for_certain) {
    for (auto const kind : {FaultKind::html, FaultKind::reset}) {
        Fault fault;
        fault.kind = kind;
        fault.method = "POST";
        fault.path = "/networks";
        cloud.simulator.inject(fault);
        auto const anew = cloud.provider(FleetId{kind == FaultKind::html ? "anew" : "later"});
        auto const made = anew->create(no_limit, TestCloud::request("anew-pool-1", kind == FaultKind::html ? "anew" : "later"));
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, Errc::retry_later) << made.error().message;
        EXPECT_EQ(cloud.count("anew-pool-1"), 0u);
    }
}

TEST_F(HetznerProvider, what_was_made_for_the_fleet_can_be_removed) {
    auto const made = create("ours-pool-1").value();
    provider->destroy(no_limit, made.id).value();
    cloud.clock.leap(10s);
    EXPECT_TRUE(provider->remove_belongings(no_limit));
    EXPECT_EQ(cloud.calls("DELETE /networks/{id}"), 1);
    EXPECT_EQ(cloud.calls("DELETE /firewalls/{id}"), 1);
    EXPECT_TRUE(provider->leftovers(no_limit).value().empty());
}

TEST_F(HetznerProvider, what_others_made_is_not_removed_even_if_a_listing_has_it) {
    auto const made = create("ours-pool-1").value();
    provider->destroy(no_limit, made.id).value();
    cloud.clock.leap(10s);
    for (auto const& [kind, body] : std::initializer_list<std::pair<std::string, std::string>>{
             {"networks", R"({"name":"somebodys","ip_range":"10.9.0.0/16"})"},
             {"firewalls", R"({"name":"somebodys"})"},
             {"ssh_keys", R"({"name":"somebodys","public_key":"ssh-ed25519 )"
                          R"(AAAAC3NzaC1lZDI1NTE5AAAAII2J5lyVnCHdzFxgfJ50SqqJhxY5gk4TyTSZoKIy9Vhn"})"}})
        ASSERT_EQ(ask(cloud, "POST", kind, body).status, 201) << kind;
    SystemClock clock;
    auto const server = server_between(
        [&](http::Request request, http::Reply reply) {
            request.target.resize(std::min(request.target.find("?label_selector="), request.target.size()));
            reply(cloud.simulator.answer(request));
        },
        clock);
    cloud.provider_settings.url = url_of(*server);

    EXPECT_TRUE(cloud.provider()->remove_belongings(no_limit));

    EXPECT_EQ(cloud.calls("DELETE /networks/{id}"), 1) << "ours";
    EXPECT_EQ(cloud.calls("DELETE /firewalls/{id}"), 1) << "ours";
    EXPECT_EQ(cloud.calls("DELETE /ssh_keys/{id}"), 0);
    for (auto const* const kind : {"networks", "firewalls", "ssh_keys"})
        EXPECT_NE(ask(cloud, "GET", kind).body.find("somebodys"), std::string::npos) << kind;
}

TEST_F(HetznerProvider, a_network_of_somebody_else_under_our_name_is_not_used) {
    auto const theirs = ask(cloud, "POST", "networks",
                            R"({"name":"rgrid-ours-eu-central","ip_range":"10.9.0.0/16","subnets":[{"type":"cloud",)"
                            R"("ip_range":"10.9.0.0/24","network_zone":"eu-central"}]})");
    ASSERT_EQ(theirs.status, 201) << theirs.body;
    auto const posts = cloud.calls("POST /servers");

    auto const made = create("ours-pool-1");

    ASSERT_FALSE(made) << "no server of ours comes into a network in which others are";
    EXPECT_EQ(made.error().code, Errc::rejected);
    EXPECT_EQ(made.error().message,
              "the network \"rgrid-ours-eu-central\" has not the label rgrid/fleet=ours, so it is somebody else's; "
              "rename it, or name a network in the settings");
    EXPECT_EQ(cloud.calls("POST /servers"), posts);
}

TEST_F(HetznerProvider, a_firewall_of_somebody_else_under_our_name_is_neither_used_nor_changed) {
    auto const theirs = ask(cloud, "POST", "firewalls",
                            R"({"name":"rgrid-ours-firewall","rules":[{"direction":"in","protocol":"tcp","port":"443",)"
                            R"("source_ips":["0.0.0.0/0"]}]})");
    ASSERT_EQ(theirs.status, 201) << theirs.body;
    auto const posts = cloud.calls("POST /servers");

    auto const made = create("ours-pool-1");

    EXPECT_EQ(cloud.calls("POST /firewalls/{id}/actions/set_rules"), 0);
    EXPECT_NE(ask(cloud, "GET", "firewalls?name=rgrid-ours-firewall").body.find(R"("port":"443")"), std::string::npos);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::rejected);
    EXPECT_EQ(made.error().message,
              "the firewall \"rgrid-ours-firewall\" has not the label rgrid/fleet=ours, so it is somebody else's; "
              "rename it, or name a firewall in the settings");
    EXPECT_EQ(cloud.calls("POST /servers"), posts);
}

TEST_F(HetznerProvider, the_ssh_key_is_uploaded_once_and_found_under_any_name) {
    testing::TempFolder const folder;
    cloud.provider_settings.ssh_key = folder.write(
        "key.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII2J5lyVnCHdzFxgfJ50SqqJhxY5gk4TyTSZoKIy9Vhn me@home\n");
    auto const first = cloud.provider();
    first->create(no_limit, TestCloud::request("ours-pool-1")).value();
    auto const others = cloud.provider(FleetId{"theirs"});
    auto const theirs = others->create(no_limit, TestCloud::request("theirs-pool-2", "theirs")).value();
    EXPECT_EQ(cloud.calls("POST /ssh_keys"), 1);
    others->destroy(no_limit, theirs.id).value();
}

TEST_F(HetznerProvider, user_data_that_is_too_large_is_refused_before_anything_is_asked_for) {
    cloud.boot = [](ServerRequest const&) { return Result<std::string>{std::string(32'769, 'x')}; };
    auto const made = cloud.provider()->create(no_limit, TestCloud::request("ours-pool-1"));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::rejected);
    EXPECT_NE(made.error().message.find("32769"), std::string::npos) << made.error().message;
    cloud.boot = [](ServerRequest const&) { return Result<std::string>{fail(Errc::rejected, "no gateway")}; };
    EXPECT_EQ(cloud.provider()->create(no_limit, TestCloud::request("ours-pool-1")).error().message, "no gateway");
}

TEST_F(HetznerProvider, a_server_is_not_ordered_when_the_time_for_it_is_over) {
    cloud.provider_settings.network = "none";
    cloud.provider_settings.firewall = "none";
    std::stop_source stop;
    auto const posts = cloud.calls("POST /servers");
    auto const expect_over = [&](std::function<void()> const& meanwhile) {
        cloud.boot = [meanwhile](ServerRequest const&) {
            meanwhile();
            return Result<std::string>{"#cloud-config\n"};
        };
        auto const call = call_within(cloud.clock, 30s, stop.get_token());
        auto const made = cloud.provider()->create(call, TestCloud::request("ours-pool-1"));
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, Errc::retry_later);
        EXPECT_EQ(made.error().message, "the time to make the server ours-pool-1 is over")
            << "and not that nobody could be reached";
    };

    expect_over([&] { cloud.clock.leap(1min); });
    expect_over([&] { stop.request_stop(); });

    EXPECT_EQ(cloud.calls("POST /servers"), posts);
}

TEST_F(HetznerProvider, no_text_tells_the_token) {
    auto const tells = [](std::string const& text) { return text.find(good_token.substr(0, 16)) != std::string::npos; };
    cloud.simulator.inject(refusal_with(
        "rate_limit_exceeded", "Limit of '3600' requests per hour for token '" + good_token.substr(0, 32) + "...' reached."));
    auto const limited = create("ours-pool-1");
    EXPECT_FALSE(tells(limited.error().message));
    EXPECT_NE(limited.error().message.find("***"), std::string::npos) << limited.error().message;
    auto wanted = TestCloud::request("ours-pool-1");
    wanted.token = Secret{"the worker's own secret"};
    cloud.simulator.inject(refusal_with("invalid_input", "bad user_data: the worker's own secret"));
    EXPECT_EQ(provider->create(no_limit, wanted).error().message.find("own secret"), std::string::npos);
}

// What was asked with it may be answered when another one is in use.
TEST_F(HetznerProvider, no_text_tells_the_token_that_was_in_use_before) {
    cloud.simulator.admit({reading_token});
    provider->use_token(Secret{reading_token}).value();
    cloud.simulator.inject(refusal_with("rate_limit_exceeded", "token '" + good_token.substr(0, 32) + "...', token '" +
                                                                   reading_token.substr(0, 32) + "...'"));

    auto const limited = create("ours-pool-1");

    ASSERT_FALSE(limited);
    auto const& text = limited.error().message;
    EXPECT_NE(text.find("token '***...', token '***...'"), std::string::npos) << "both are secret";
    for (auto const& token : {good_token, reading_token}) EXPECT_EQ(text.find(token.substr(0, 16)), std::string::npos);
}

TEST_F(HetznerProvider, a_revoked_token_is_told_and_a_new_one_taken) {
    create("ours-pool-1").value();
    cloud.simulator.admit({reading_token});
    cloud.simulator.revoke(good_token);

    auto const listed = provider->list(no_limit);
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code, Errc::denied);
    EXPECT_EQ(create("ours-pool-2").error().code, Errc::denied);

    EXPECT_EQ(provider->use_token(Secret{}).error().code, Errc::rejected);
    EXPECT_TRUE(provider->use_token(Secret{reading_token}));
    EXPECT_EQ(provider->list(no_limit).value().size(), 1u);
    EXPECT_TRUE(create("ours-pool-2"));
}

TEST_F(HetznerProvider, a_look_that_hangs_does_not_hold_up_a_listing) {
    create("ours-pool-1").value();
    create("ours-pool-2").value();
    ASSERT_EQ(provider->list(no_limit).value().size(), 2u);
    ASSERT_TRUE(cloud.simulator.vanish("ours-pool-1"));
    cloud.clock.leap(10s);
    Fault slow;
    slow.kind = FaultKind::slow;
    slow.delay = 5s;
    slow.times = 0;
    for (auto const* const path : {"/servers/*", "/actions", "/networks", "/firewalls"})
        slow.path = path, cloud.simulator.inject(slow);
    auto const call = call_within(cloud.clock, 4s);

    auto const listed = provider->list(call);

    EXPECT_LT(cloud.clock.steady_now(), call.deadline) << "there is time left for what the pass does next";
    EXPECT_EQ(listed.value().size(), 2u) << "nobody said that it is gone";
}

class HetznerGroup : public HetznerProvider {
protected:
    HetznerGroup() {
        EXPECT_EQ(ask(cloud, "POST", "placement_groups", R"({"name":"spread","type":"spread"})").status, 201);
        cloud.provider_settings.placement_group = "spread";
        grouped = cloud.provider();
        grouped->offers(no_limit).value();
    }

    Result<Server> create_in_group() { return grouped->create(no_limit, TestCloud::request("ours-pool-1")); }

    std::unique_ptr<Provider> grouped;
};

TEST_F(HetznerGroup, that_is_full_makes_no_offer_sold_out) {
    for (auto const* const code : {"resource_unavailable", "placement_error"}) {
        cloud.simulator.inject(refusal_with(code));
        auto const posts = cloud.calls("POST /servers");
        auto const made = create_in_group();
        ASSERT_TRUE(made) << made.error().message;
        EXPECT_EQ(cloud.calls("POST /servers"), posts + 2);
        EXPECT_EQ(cloud.count("ours-pool-1"), 1u);
        EXPECT_EQ(grouped->problems().back(),
                  "the server ours-pool-1 was made outside of the placement group spread, in which Hetzner had no place "
                  "for it");
        grouped->destroy(no_limit, made->id).value();
        cloud.clock.leap(10s);
    }
}

TEST_F(HetznerGroup, is_not_to_blame_if_it_is_sold_out_without_it) {
    auto refusal = refusal_with("resource_unavailable");
    refusal.times = 2;
    cloud.simulator.inject(refusal);
    auto const posts = cloud.calls("POST /servers");
    EXPECT_EQ(create_in_group().error().code, Errc::capacity);
    EXPECT_EQ(cloud.calls("POST /servers"), posts + 2);
    EXPECT_TRUE(grouped->problems().empty());
}

TEST_F(HetznerGroup, is_no_reason_to_repeat_a_create_that_may_have_happened) {
    auto doubt = on_create(FaultKind::error, true);
    doubt.code = "timeout";
    cloud.simulator.inject(doubt);
    cloud.simulator.inject(refusal_with("resource_limit_exceeded"));
    auto const posts = cloud.calls("POST /servers");
    EXPECT_TRUE(create_in_group());
    EXPECT_EQ(cloud.calls("POST /servers"), posts + 1);
    EXPECT_EQ(grouped->create(no_limit, TestCloud::request("ours-pool-2")).error().code, Errc::quota);
    EXPECT_EQ(cloud.calls("POST /servers"), posts + 2) << "without the group there is no more room in the project";
}

TEST_F(HetznerProvider, speaks_tls_with_the_authorities_that_are_configured) {
    testing::TempFolder const folder;
    testing::Authority authority{folder, "authority"};
    auto const files = authority.issue("server");
    auto const server = hetzner_sim::Server::start(cloud.simulator, {0, files.certificate, files.key}).value();
    cloud.provider_settings.url = server->url();
    ASSERT_TRUE(server->url().starts_with("https://"));

    auto const stranger = cloud.provider()->list(call_within(cloud.clock, 5s));
    ASSERT_FALSE(stranger) << "nobody vouches for it";
    EXPECT_TRUE(stranger.error().message.starts_with("Cannot reach localhost")) << stranger.error().message;

    cloud.provider_settings.ca = authority.file();
    auto const trusting = cloud.provider();
    auto const made = trusting->create(no_limit, TestCloud::request("ours-pool-1")).value();
    EXPECT_EQ(trusting->list(no_limit).value().at(0).id, made.id);
    EXPECT_TRUE(trusting->destroy(no_limit, made.id));
}

TEST_F(HetznerProvider, a_check_says_what_is_wrong_and_makes_nothing) {
    auto const bad = [](std::vector<Check> const& checks) {
        std::vector<std::string> texts;
        for (auto const& check : checks)
            if (!check.good) texts.push_back(check.subject + ": " + check.text);
        return texts;
    };
    EXPECT_TRUE(bad(provider->check(no_limit)).empty()) << bad(provider->check(no_limit))[0];

    cloud.provider_settings.types = {"cx22", "cx23"};
    cloud.provider_settings.locations = {"nbg1", "mars"};
    cloud.provider_settings.network = "missing";
    auto const odd = bad(cloud.provider()->check(no_limit));
    ASSERT_EQ(odd.size(), 3u);
    EXPECT_EQ(odd[0], "type cx22: the server type cx22 is no longer orderable; use cx23");
    EXPECT_EQ(odd[1], "location mars: there is no such location");
    EXPECT_NE(odd[2].find("\"missing\""), std::string::npos) << odd[2];

    cloud.provider_settings.token = Secret{reading_token};
    auto const reading = bad(cloud.provider()->check(no_limit));
    ASSERT_FALSE(reading.empty());
    EXPECT_NE(reading[0].find("read-only"), std::string::npos) << reading[0];

    cloud.provider_settings.token = Secret{"wrong"};
    auto const wrong = bad(cloud.provider()->check(no_limit));
    ASSERT_EQ(wrong.size(), 1u);
    EXPECT_NE(wrong[0].find("rejected the API token"), std::string::npos) << wrong[0];
    EXPECT_EQ(cloud.calls("POST /servers"), 1) << "that of the stranger";
}

TEST_F(HetznerProvider, the_catalogue_is_read_once_in_ten_minutes_and_an_old_one_does_when_it_cannot_be) {
    provider->offers(no_limit).value();
    auto const reads = cloud.calls("GET /server_types");
    provider->offers(no_limit).value();
    EXPECT_EQ(cloud.calls("GET /server_types"), reads);
    cloud.clock.leap(11min);
    Fault fault;
    fault.kind = FaultKind::html;
    fault.path = "/pricing";
    fault.times = 0;
    cloud.simulator.inject(fault);
    EXPECT_FALSE(provider->offers(no_limit).value().empty());
    cloud.simulator.clear_faults();
    cloud.clock.leap(2min);
    provider->offers(no_limit).value();
    EXPECT_GT(cloud.calls("GET /server_types"), reads);
}

TEST_F(HetznerProvider, pages_are_read_without_a_gap) {
    for (int i = 1; i <= 120; ++i) create("ours-pool-" + std::to_string(i)).value();
    auto const before = cloud.calls("GET /servers");
    EXPECT_EQ(cloud.provider()->list(no_limit).value().size(), 120u);
    EXPECT_EQ(cloud.calls("GET /servers"), before + 4) << "three pages, and the first once more";
    EXPECT_EQ(cloud.calls("POST /networks"), 3) << "a network has room for a hundred; theirs is one of the three";
}

TEST_F(HetznerProvider, strangers_are_not_shown_even_if_a_listing_has_them) {
    create("ours-pool-1").value();
    SystemClock clock;
    auto const server = server_between(
        [&](http::Request request, http::Reply reply) {
            if (request.target.starts_with("/v1/servers?label_selector=")) request.target = "/v1/servers";
            reply(cloud.simulator.answer(request));
        },
        clock);
    cloud.provider_settings.url = url_of(*server);

    auto const listed = cloud.provider()->list(no_limit).value();

    ASSERT_EQ(listed.size(), 1u);
    EXPECT_EQ(listed[0].name.value, "ours-pool-1");
}

// Behind the first page everything moves forward when somebody deletes what is on it.
TEST_F(HetznerProvider, a_server_that_moves_to_a_page_that_was_read_is_seen_all_the_same) {
    for (int i = 1; i <= 60; ++i) create("ours-pool-" + std::to_string(i)).value();
    int pages = 0;
    SystemClock clock;
    auto const server = server_between(
        [&](http::Request request, http::Reply reply) {
            bool const is_page = request.target.starts_with("/v1/servers?");
            auto answer = cloud.simulator.answer(request);
            if (is_page && ++pages == 1) cloud.simulator.vanish("ours-pool-1");
            reply(std::move(answer));
        },
        clock);
    cloud.provider_settings.url = url_of(*server);

    auto const listed = cloud.provider()->list(no_limit).value();

    std::set<std::string> names;
    for (auto const& each : listed) names.insert(each.name.value);
    for (int i = 2; i <= 60; ++i) EXPECT_TRUE(names.contains("ours-pool-" + std::to_string(i))) << i;
}

TEST_F(HetznerProvider, what_costs_without_a_server_is_found) {
    auto const make = [&](std::string const& what, std::string const& body) {
        auto const answer = ask(cloud, "POST", what, body);
        ASSERT_EQ(answer.status, 201) << answer.body;
    };
    for (std::string const fleet : {"ours", "theirs"}) {
        auto const labels = R"("labels":{"rgrid/fleet":")" + fleet + R"("})";
        make("volumes", R"({"name":"v-)" + fleet + R"(","size":10,"location":"nbg1",)" + labels + "}");
        make("primary_ips", R"({"name":"p-)" + fleet +
                                R"(","type":"ipv4","assignee_type":"server","location":"nbg1","auto_delete":false,)" + labels +
                                "}");
    }
    cloud.simulator.advance(2h);

    auto const left = provider->leftovers(no_limit).value();

    ASSERT_EQ(left.size(), 2u);
    EXPECT_EQ(left[0].kind, "primary IP");
    EXPECT_EQ(left[0].name, "p-ours");
    EXPECT_EQ(left[1].kind, "volume");
    EXPECT_EQ(left[1].name, "v-ours");
    EXPECT_GE(left[1].age, 2h - 2s);
    EXPECT_LT(left[1].age, 3h);
}

TEST_F(HetznerProvider, how_busy_a_server_is_can_be_asked) {
    auto const made = create("ours-pool-1").value();
    cloud.simulator.advance(30min);
    provider->list(no_limit).value();
    auto const samples = provider->cpu(no_limit, made.id, 10min).value();
    EXPECT_FALSE(samples.empty());
    EXPECT_EQ(provider->cpu(no_limit, ServerId{"none"}, 10min).error().code, Errc::not_found);
}

TEST(HetznerManners, a_listing_that_has_begun_is_read_to_its_end_however_little_is_left) {
    hetzner_sim::Settings settings;
    settings.rate_limited = true;
    settings.requests_an_hour = 400;
    TestCloud cloud{settings};
    auto const provider = cloud.provider();
    for (int i = 1; i <= 60; ++i) provider->create(no_limit, TestCloud::request("ours-pool-" + std::to_string(i))).value();
    auto const remaining = [&] {
        auto const answer = ask(cloud, "GET", "locations");
        return std::stoi(*http::find_header(answer.headers, "RateLimit-Remaining"));
    };
    while (remaining() > 30) {}
    cloud.clock.leap(10s);

    auto const listed = provider->list(call_within(cloud.clock, 20s));

    ASSERT_TRUE(listed) << listed.error().message;
    EXPECT_EQ(listed->size(), 60u);
}

TEST(HetznerManners, a_small_budget_is_kept_to_and_its_rest_is_for_deletes) {
    hetzner_sim::Settings settings;
    settings.rate_limited = true;
    settings.requests_an_hour = 40;
    TestCloud cloud{settings};
    auto const provider = cloud.provider();
    auto const soon = [&] { return call_within(cloud.clock, 20s); };
    auto const made = provider->create(soon(), TestCloud::request("ours-pool-1")).value();
    std::optional<Error> stopped;
    for (int i = 2; i < 60 && !stopped; ++i)
        if (auto const more = provider->create(soon(), TestCloud::request("ours-pool-" + std::to_string(i))); !more)
            stopped = more.error();
    ASSERT_TRUE(stopped);
    EXPECT_EQ(stopped->code, Errc::retry_later);
    EXPECT_GT(stopped->retry_after, 0s);
    EXPECT_NE(stopped->message.find("API budget used up"), std::string::npos) << stopped->message;
    EXPECT_TRUE(provider->destroy(soon(), made.id)) << "the last requests are for deletes";
}

TEST(HetznerOpen, what_cannot_be_used_is_named) {
    HastyClock clock;
    auto const message = [&](ProviderSettings const& settings, char const* fleet = "ours") {
        auto const opened = Provider::open(settings, FleetId{fleet}, {}, clock);
        return opened ? std::string{"it opened"} : opened.error().message;
    };
    ProviderSettings settings;
    EXPECT_NE(message(settings).find("HETZNER_API_TOKEN"), std::string::npos) << message(settings);
    settings.token = Secret{"two words"};
    EXPECT_NE(message(settings).find("spaces"), std::string::npos);
    EXPECT_EQ(message(settings).find("two words"), std::string::npos);
    settings.token = Secret{good_token};
    EXPECT_EQ(message(settings), "it opened");
    settings.url = "http://192.0.2.1/v1";
    EXPECT_NE(message(settings), "it opened") << "plain http to anywhere but this machine";
    settings.url = "https://api.hetzner.cloud/v1?x=1";
    EXPECT_NE(message(settings).find("URL"), std::string::npos) << message(settings);
    settings = {};
    settings.token = Secret{good_token};
    settings.ssh_key = "/no/such/key";
    EXPECT_NE(message(settings).find("/no/such/key"), std::string::npos);
    settings.ssh_key.clear();
    EXPECT_NE(message(settings, "no_host").find("no_host"), std::string::npos);
}

TEST(HetznerOpen, the_token_goes_in_the_clear_to_this_machine_only) {
    HastyClock clock;
    ProviderSettings settings;
    settings.token = Secret{good_token};
    auto const open = [&](std::string const& url) {
        settings.url = url;
        return Provider::open(settings, FleetId{"ours"}, {}, clock);
    };
    for (std::string const host : {"192.0.2.1", "192.0.2.1:8080", "api.example.org", "[2001:db8::1]:80", "128.0.0.1"}) {
        auto const opened = open("http://" + host + "/v1");
        ASSERT_FALSE(opened) << host;
        EXPECT_EQ(opened.error().code, Errc::rejected);
        EXPECT_EQ(opened.error().message, "the URL of the Hetzner API begins with http://, and " + host +
                                              " is not this machine; expected https://");
    }
    for (auto const* const url : {"http://127.0.0.1:8080/v1", "http://localhost:8080/v1", "http://[::1]:8080/v1",
                                  "https://192.0.2.1/v1"})
        EXPECT_TRUE(open(url)) << url;
}

TEST(HetznerOpen, a_cloud_that_is_away_is_said_to_be_away) {
    auto cloud = std::make_unique<TestCloud>();
    auto const provider = cloud->provider();
    cloud->server.reset();
    auto const made = provider->create(call_within(cloud->clock, 20s), TestCloud::request("ours-pool-1"));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::retry_later);
    EXPECT_TRUE(made.error().message.starts_with("Cannot reach 127.0.0.1")) << made.error().message;
    EXPECT_EQ(provider->check(call_within(cloud->clock, 20s)).size(), 1u);
}

}  // namespace
}  // namespace rgrid::hetzner
