#pragma once

/// What every CloudProvider has to do, as tests. Derive from CloudHarness, then
///
///     INSTANTIATE_TEST_SUITE_P(MyCloud, CloudProviderConformance,
///         ::testing::Values(CloudFactory{"plain", [] { return std::make_unique<MyHarness>(); }}), FactoryName{});
///
/// inside namespace rgrid::testing, in one source file of a test program. The suite makes at most five servers at a
/// time and destroys them all. It never sleeps by itself: it asks the harness to wait until a condition holds.

#include <gtest/gtest.h>
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <rgrid/ports/cloud_provider.hpp>
#include <rgrid/testing/factory_name.hpp>
#include <rgrid/testing/printers.hpp>
#include <rgrid/testing/threads.hpp>
#include <set>
#include <string>

namespace rgrid::testing {

/// A cloud without servers, and two fleets' providers on it.
class CloudHarness {
public:
    virtual ~CloudHarness() = default;

    virtual FleetId fleet() = 0;
    virtual CloudProvider& provider() = 0;

    /// Another provider of the same fleet: what a restarted controller has.
    virtual CloudProvider& restarted() = 0;

    /// A provider of another fleet in the same cloud account.
    virtual FleetId other_fleet() = 0;
    virtual CloudProvider& other_provider() = 0;

    /// From now on the account may have so many servers, of all fleets and offers; nothing: as many as the suite needs.
    /// Returns false if that cannot be set; what follows from it is then not tested.
    virtual bool set_quota(std::optional<int> quota) { return static_cast<void>(quota), false; }

    /// Waits, or lets time pass, until `condition` holds; gives up after the longest that a create, a delete or a
    /// listing may take. Returns whether it holds.
    virtual bool wait_until(std::function<bool()> const& condition) = 0;
};

/// How the suite makes clouds; `name` becomes part of the test's name.
struct CloudFactory {
    std::string name;
    std::function<std::unique_ptr<CloudHarness>()> make;

    friend std::ostream& operator<<(std::ostream& out, CloudFactory const& factory) { return out << factory.name; }
};

class CloudProviderConformance : public ::testing::TestWithParam<CloudFactory> {
protected:
    ServerRequest request(std::string const& name) {
        return {ServerName{name}, harness_->fleet(), PoolName{"pool"}, an_offer(), StoreId{"store"}, Generation{1}, 3};
    }

    ServerRequest other_request(std::string const& name) {
        auto wanted = request(name);
        wanted.fleet = harness_->other_fleet();
        return wanted;
    }

    OfferKey an_offer() { return cloud().offers(call).value().at(0).key; }

    std::set<std::string> listed(CloudProvider& provider) {
        std::set<std::string> names;
        for (auto const& server : provider.list(call).value()) names.insert(server.name.value);
        return names;
    }

    bool comes_to_list(std::set<std::string> const& names) {
        return harness_->wait_until([&] { return listed(cloud()) == names; });
    }

    void TearDown() override {
        for (auto* const provider : {&harness_->provider(), &harness_->other_provider()}) {
            EXPECT_TRUE(harness_->wait_until([&] {
                auto const servers = provider->list(call).value();
                for (auto const& server : servers) provider->destroy(call, server.id).value();
                return servers.empty();
            })) << "servers are left";
        }
    }

    CloudProvider& cloud() { return harness_->provider(); }
    CloudHarness& harness() { return *harness_; }

    Call const call{};

private:
    std::unique_ptr<CloudHarness> harness_ = GetParam().make();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CloudProviderConformance);

TEST_P(CloudProviderConformance, offers_can_be_paid_for) {
    auto const offers = cloud().offers(call).value();

    ASSERT_FALSE(offers.empty());
    std::set<OfferKey> keys;
    for (auto const& offer : offers) {
        EXPECT_TRUE(keys.insert(offer.key).second) << to_text(offer.key) << " is there twice";
        EXPECT_FALSE(offer.key.type.empty());
        EXPECT_GE(offer.price, Money{});
        EXPECT_GT(offer.period, Duration{0});
    }
}

TEST_P(CloudProviderConformance, a_cloud_without_servers_lists_none) {
    EXPECT_TRUE(cloud().list(call).value().empty());
    EXPECT_EQ(cloud().find(call, ServerName{"none"}).value(), std::nullopt);
}

TEST_P(CloudProviderConformance, a_created_server_is_what_was_asked_for) {
    auto const wanted = request("conf-1");

    auto const made = cloud().create(call, wanted).value();

    EXPECT_FALSE(made.id.empty());
    EXPECT_EQ(made.name, wanted.name);
    EXPECT_EQ(made.pool, wanted.pool);
    EXPECT_EQ(made.offer, wanted.offer);
    EXPECT_EQ(made.store, wanted.store);
    EXPECT_EQ(made.generation, wanted.generation);
    EXPECT_TRUE(made.status == ServerStatus::starting || made.status == ServerStatus::running);
    auto const found = cloud().find(call, wanted.name).value();
    ASSERT_TRUE(found) << "found at once, however long listings lag";
    EXPECT_EQ(found->id, made.id);
    ASSERT_TRUE(comes_to_list({"conf-1"}));
    auto const server = cloud().list(call).value().at(0);
    EXPECT_EQ(server.id, made.id);
    EXPECT_EQ(server.pool, wanted.pool);
    EXPECT_EQ(server.offer, wanted.offer);
    EXPECT_EQ(server.store, wanted.store);
    EXPECT_EQ(server.generation, wanted.generation);
}

TEST_P(CloudProviderConformance, a_server_comes_to_run) {
    cloud().create(call, request("conf-1")).value();

    EXPECT_TRUE(harness().wait_until(
        [&] { return cloud().find(call, ServerName{"conf-1"}).value()->status == ServerStatus::running; }));
}

TEST_P(CloudProviderConformance, ages_grow_with_time) {
    auto const made = cloud().create(call, request("conf-1")).value();
    EXPECT_GE(made.age, Duration{0});
    EXPECT_TRUE(harness().wait_until([&] { return cloud().find(call, made.name).value()->age > made.age; }));
}

// The controller has crashed after its create, or its answer was lost: asking again must not cost twice.
TEST_P(CloudProviderConformance, creating_again_makes_no_second_server) {
    auto const first = cloud().create(call, request("conf-1")).value();
    auto const second = harness().restarted().create(call, request("conf-1")).value();

    EXPECT_EQ(second.id, first.id);
    EXPECT_TRUE(comes_to_list({"conf-1"}));
    EXPECT_EQ(cloud().list(call)->size(), 1u);
}

TEST_P(CloudProviderConformance, creates_of_one_name_at_once_make_one_server) {
    std::vector<ServerId> ids(4);

    at_once(ids.size(), [&](std::size_t i) {
        auto& provider = i % 2 == 0 ? cloud() : harness().restarted();
        ids[i] = provider.create(call, request("conf-1")).value().id;
    });

    for (auto const& id : ids) EXPECT_EQ(id, ids[0]);
    EXPECT_TRUE(comes_to_list({"conf-1"}));
    EXPECT_EQ(cloud().list(call)->size(), 1u);
}

TEST_P(CloudProviderConformance, lists_all_servers_after_a_restart) {
    std::set<std::string> names;
    for (int i = 1; i <= 5; ++i) {
        names.insert("conf-" + std::to_string(i));
        cloud().create(call, request("conf-" + std::to_string(i))).value();
    }

    EXPECT_TRUE(comes_to_list(names));
    EXPECT_EQ(listed(harness().restarted()), names);
}

TEST_P(CloudProviderConformance, a_destroyed_server_goes_within_a_bound) {
    auto const kept = cloud().create(call, request("conf-1")).value();
    auto const gone = cloud().create(call, request("conf-2")).value();
    ASSERT_TRUE(comes_to_list({"conf-1", "conf-2"}));

    EXPECT_TRUE(cloud().destroy(call, gone.id).has_value());
    EXPECT_TRUE(harness().restarted().destroy(call, gone.id).has_value()) << "asked again";

    EXPECT_TRUE(comes_to_list({"conf-1"}));
    EXPECT_EQ(cloud().find(call, gone.name).value(), std::nullopt);
    EXPECT_TRUE(cloud().destroy(call, gone.id).has_value()) << "not found is success";
    EXPECT_EQ(cloud().find(call, kept.name).value()->id, kept.id);
}

TEST_P(CloudProviderConformance, destroying_what_never_was_is_done) {
    EXPECT_TRUE(cloud().destroy(call, ServerId{"never-was"}).has_value());
}

TEST_P(CloudProviderConformance, ids_are_never_used_again) {
    auto const first = cloud().create(call, request("conf-1")).value();
    ASSERT_TRUE(comes_to_list({"conf-1"}));
    cloud().destroy(call, first.id).value();
    ASSERT_TRUE(comes_to_list({}));

    auto const second = cloud().create(call, request("conf-1")).value();

    EXPECT_NE(second.id, first.id);
    cloud().destroy(call, first.id).value();
    EXPECT_EQ(cloud().find(call, second.name).value()->id, second.id) << "a late delete harms nobody";
}

TEST_P(CloudProviderConformance, another_fleets_servers_are_not_there) {
    auto const mine = cloud().create(call, request("conf-1")).value();
    auto const theirs = harness().other_provider().create(call, other_request("conf-2")).value();
    ASSERT_TRUE(harness().wait_until([&] { return listed(harness().other_provider()).contains("conf-2"); }));

    EXPECT_TRUE(comes_to_list({"conf-1"}));
    EXPECT_EQ(cloud().find(call, theirs.name).value(), std::nullopt);
    static_cast<void>(cloud().destroy(call, theirs.id));
    EXPECT_EQ(harness().other_provider().find(call, theirs.name).value()->status != ServerStatus::deleting, true);
    EXPECT_EQ(error_of(cloud().create(call, request("conf-2"))), Errc::rejected) << "the name is taken";
    EXPECT_EQ(listed(harness().other_provider()), (std::set<std::string>{"conf-2"}));
    EXPECT_EQ(cloud().find(call, mine.name).value()->id, mine.id);
}

TEST_P(CloudProviderConformance, an_offer_that_is_not_there_is_rejected) {
    auto wanted = request("conf-1");
    wanted.offer = {"no-such-type", "nowhere"};

    auto const made = cloud().create(call, wanted);

    EXPECT_EQ(error_of(made), Errc::rejected);
    EXPECT_NE(message_of(made).find("no-such-type@nowhere"), std::string::npos) << message_of(made);
    EXPECT_EQ(cloud().find(call, wanted.name).value(), std::nullopt);
}

// Told apart from a lack of capacity, so that nobody goes on to the next offer, which is dearer and refused as well.
TEST_P(CloudProviderConformance, a_limit_of_the_account_holds_for_every_offer) {
    if (!harness().set_quota(1)) GTEST_SKIP() << "this cloud has no such limit that could be set";
    auto const first = cloud().create(call, request("conf-1")).value();

    for (auto const& offer : cloud().offers(call).value()) {
        auto wanted = request("conf-2");
        wanted.offer = offer.key;
        EXPECT_EQ(error_of(cloud().create(call, wanted)), Errc::quota) << to_text(offer.key);
    }

    EXPECT_EQ(cloud().find(call, ServerName{"conf-2"}).value(), std::nullopt);
    EXPECT_EQ(cloud().find(call, first.name).value()->id, first.id);
    harness().set_quota({});
    EXPECT_TRUE(cloud().create(call, request("conf-2")).has_value());
}

TEST_P(CloudProviderConformance, a_server_of_another_fleet_is_never_made) {
    EXPECT_EQ(error_of(cloud().create(call, other_request("conf-1"))), Errc::rejected);
    EXPECT_EQ(cloud().find(call, ServerName{"conf-1"}).value(), std::nullopt);
}

}  // namespace rgrid::testing
