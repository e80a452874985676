#include <gtest/gtest.h>

#include <utility>

#include "support.hpp"

namespace rgrid::hetzner {
namespace {

/// Whatever follows from a project without any of the fleet's servers would be a mistake.
class AnotherProject : public HetznerProvider {
protected:
    void expect_denied(Provider& denied, ServerId const& known, std::size_t strangers_there = 0) {
        auto const posts = cloud.calls("POST /servers");
        auto const listed = denied.list(no_limit);
        ASSERT_FALSE(listed);
        EXPECT_EQ(listed.error().code, Errc::denied);
        EXPECT_NE(listed.error().message.find("is this another project's token?"), std::string::npos)
            << listed.error().message;
        EXPECT_EQ(denied.create(no_limit, TestCloud::request("ours-pool-9")).error().code, Errc::denied);
        ASSERT_FALSE(denied.find(no_limit, ServerName{"ours-pool-1"}));
        EXPECT_EQ(denied.find(no_limit, ServerName{"ours-pool-1"}).error().code, Errc::denied);
        ASSERT_FALSE(denied.destroy(no_limit, known));
        EXPECT_EQ(denied.destroy(no_limit, known).error().code, Errc::denied);
        EXPECT_EQ(cloud.calls("POST /servers"), posts);
        EXPECT_EQ(in_other_project(), strangers_there);
    }

    std::size_t in_other_project() {
        std::size_t number = 0;
        for (auto const& server : cloud.simulator.servers()) number += server.project == "other";
        return number;
    }

    /// Of a fleet of the same name there.
    std::unique_ptr<Provider> namesake() {
        auto settings = cloud.provider_settings;
        settings.token = Secret{foreign_token};
        return Provider::open(settings, FleetId{"ours"}, cloud.boot, cloud.clock).value();
    }
};

TEST_F(AnotherProject, sees_none_of_the_servers_that_boot_and_is_not_believed) {
    auto const first = create("ours-pool-1").value();
    create("ours-pool-2").value();
    provider->use_token(Secret{foreign_token}).value();
    expect_denied(*provider, first.id);
    provider->use_token(Secret{good_token}).value();
    EXPECT_EQ(provider->list(no_limit).value().size(), 2u);
    EXPECT_TRUE(create("ours-pool-3"));
}

TEST_F(AnotherProject, sees_none_of_the_servers_that_are_deleted_and_is_not_believed) {
    cloud.simulator.set_times({.destroy = 1h});
    auto const made = create("ours-pool-1").value();
    provider->destroy(no_limit, made.id).value();
    ASSERT_EQ(provider->list(no_limit).value().size(), 1u);
    provider->use_token(Secret{foreign_token}).value();
    expect_denied(*provider, made.id);
    provider->use_token(Secret{good_token}).value();
    EXPECT_EQ(provider->list(no_limit).value().size(), 1u);
    cloud.simulator.advance(2h);
    EXPECT_TRUE(provider->list(no_limit).value().empty());
}

TEST_F(AnotherProject, is_another_one_though_a_fleet_of_the_same_name_was_there) {
    auto const other = namesake();
    auto const theirs = other->create(no_limit, TestCloud::request("ours-pool-7")).value();
    auto const made = create("ours-pool-1").value();
    ASSERT_EQ(provider->list(no_limit).value().size(), 1u);
    provider->use_token(Secret{foreign_token}).value();
    expect_denied(*provider, made.id, 1);
    other->destroy(no_limit, theirs.id).value();
    cloud.clock.leap(10s);
    expect_denied(*provider, made.id);  // Their network and firewall are left.
    provider->use_token(Secret{good_token}).value();
}

TEST_F(AnotherProject, is_any_project_to_an_empty_fleet) {
    ASSERT_TRUE(provider->list(no_limit).value().empty());
    provider->use_token(Secret{foreign_token}).value();
    EXPECT_TRUE(provider->list(no_limit).value().empty());
    provider->use_token(Secret{good_token}).value();
}

TEST_F(AnotherProject, is_not_the_one_in_which_the_last_server_went_while_the_token_changed) {
    create("ours-pool-1").value();
    ASSERT_EQ(provider->list(no_limit).value().size(), 1u);
    cloud.simulator.admit({reading_token});
    ASSERT_TRUE(cloud.simulator.vanish("ours-pool-1"));
    provider->use_token(Secret{reading_token}).value();
    EXPECT_TRUE(provider->list(no_limit).value().empty()) << "the fleet's network is there";
}

TEST_F(AnotherProject, does_not_begin_with_the_same_token) {
    auto const made = create("ours-pool-1").value();
    provider->remove_belongings(no_limit);
    ASSERT_EQ(provider->list(no_limit).value().size(), 1u);
    provider->use_token(Secret{good_token}).value();
    ASSERT_TRUE(cloud.simulator.vanish("ours-pool-1"));
    EXPECT_TRUE(provider->list(no_limit).value().empty());
    EXPECT_TRUE(provider->destroy(no_limit, made.id));
}

TEST_F(AnotherProject, is_seen_by_its_server_if_a_listing_lacks_it) {
    auto const made = create("ours-pool-1").value();
    SystemClock clock;
    auto const server = server_between(
        [&](http::Request request, http::Reply reply) {
            if (request.target.starts_with("/v1/servers?label_selector=")) request.target = "/v1/servers?name=none";
            reply(cloud.simulator.answer(request));
        },
        clock);
    cloud.provider_settings.url = url_of(*server);
    auto const late = cloud.provider();
    late->expect({made.id});
    EXPECT_EQ(late->find(no_limit, made.name).value()->id, made.id);
}

TEST_F(AnotherProject, is_not_believed_at_a_start_for_which_servers_are_known) {
    auto const made = create("ours-pool-1").value();
    cloud.provider_settings.token = Secret{foreign_token};
    auto const started = cloud.provider();
    started->expect({made.id});
    expect_denied(*started, made.id);
    started->use_token(Secret{good_token}).value();
    EXPECT_EQ(started->list(no_limit).value().size(), 1u);
}

TEST_F(AnotherProject, is_not_one_that_shows_something_of_the_fleet_at_a_start) {
    auto const made = create("ours-pool-1").value();
    ASSERT_TRUE(cloud.simulator.vanish("ours-pool-1"));
    auto const started = cloud.provider();
    started->expect({made.id});
    EXPECT_TRUE(started->list(no_limit).value().empty());
    EXPECT_TRUE(provider->list(no_limit).value().empty());

    EXPECT_TRUE(provider->remove_belongings(no_limit));
    auto const later = cloud.provider();
    later->expect({made.id});
    expect_denied(*later, made.id);
}

TEST_F(AnotherProject, does_not_get_into_a_listing_that_has_begun) {
    create("ours-pool-1").value();
    SystemClock clock;
    Provider* changing = nullptr;
    auto const server = server_between(
        [&](http::Request const& request, http::Reply reply) {
            // After the listing, which is the good project's; what is asked by its number is the other one's.
            bool const is_number = request.target.starts_with("/v1/servers/") && !request.target.ends_with("/actions");
            if (changing != nullptr && is_number) std::exchange(changing, nullptr)->use_token(Secret{foreign_token}).value();
            reply(cloud.simulator.answer(request));
        },
        clock);
    cloud.provider_settings.url = url_of(*server);
    auto const late = cloud.provider();
    ASSERT_EQ(late->list(no_limit).value().size(), 1u);
    ASSERT_TRUE(cloud.simulator.vanish("ours-pool-1"));
    changing = late.get();

    auto const listed = late->list(no_limit);

    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code, Errc::retry_later) << listed.error().message;
    EXPECT_EQ(late->list(no_limit).error().code, Errc::denied);
}

}  // namespace
}  // namespace rgrid::hetzner
