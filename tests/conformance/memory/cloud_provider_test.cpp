#include <rgrid/adapters/memory/cloud.hpp>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/testing/cloud_provider_conformance.hpp>

namespace rgrid::testing {
namespace {

class CloudInMemory final : public CloudHarness {
public:
    explicit CloudInMemory(memory::CloudSettings settings = {}) : cloud_(clock_, fleet(), std::move(settings)) {}

    FleetId fleet() override { return FleetId{"ours"}; }
    CloudProvider& provider() override { return cloud_; }
    CloudProvider& restarted() override { return *restarted_; }
    FleetId other_fleet() override { return FleetId{"theirs"}; }
    CloudProvider& other_provider() override { return *other_; }

    bool set_quota(std::optional<int> quota) override { return cloud_.set_quota(quota), true; }

    bool wait_until(std::function<bool()> const& condition) override {
        for (int second = 0; second < 60; ++second) {
            if (condition()) return true;
            clock_.advance(1s);
        }
        return condition();
    }

private:
    memory::ManualClock clock_;
    memory::Cloud cloud_;
    std::unique_ptr<memory::Cloud> restarted_ = cloud_.seen_by(fleet());
    std::unique_ptr<memory::Cloud> other_ = cloud_.seen_by(other_fleet());
};

INSTANTIATE_TEST_SUITE_P(Memory, CloudProviderConformance,
                         ::testing::Values(CloudFactory{"prompt", [] { return std::make_unique<CloudInMemory>(); }},
                                           CloudFactory{"slow",
                                                        [] {
                                                            memory::CloudSettings slow;
                                                            slow.boot = 10s;
                                                            slow.delete_time = 5s;
                                                            slow.listing_lag = 3s;
                                                            return std::make_unique<CloudInMemory>(slow);
                                                        }}),
                         FactoryName{});

ServerRequest request(std::string const& name, OfferKey offer = {"local", "here"}) {
    return {ServerName{name}, FleetId{"ours"}, PoolName{"pool"}, std::move(offer), StoreId{"store"}, Generation{1}, 2};
}

TEST(MemoryCloud, listings_lag_behind_and_lookups_do_not) {
    memory::ManualClock clock;
    memory::CloudSettings settings;
    settings.listing_lag = 3s;
    memory::Cloud cloud{clock, FleetId{"ours"}, settings};

    auto const server = cloud.create({}, request("a")).value();
    EXPECT_TRUE(cloud.list({}).value().empty());
    EXPECT_TRUE(cloud.find({}, server.name).value());
    clock.advance(3s);
    EXPECT_EQ(cloud.list({}).value().size(), 1u);

    cloud.destroy({}, server.id).value();
    EXPECT_EQ(cloud.list({}).value().size(), 1u);
    EXPECT_FALSE(cloud.find({}, server.name).value());
    clock.advance(3s);
    EXPECT_TRUE(cloud.list({}).value().empty());
}

TEST(MemoryCloud, refuses_what_it_has_no_capacity_for) {
    memory::ManualClock clock;
    memory::CloudSettings settings;
    settings.offers[0].capacity = 1;
    memory::Cloud cloud{clock, FleetId{"ours"}, settings};
    auto const first = cloud.create({}, request("a")).value();

    auto const refused = cloud.create({}, request("b"));
    EXPECT_EQ(error_of(refused), Errc::capacity);
    EXPECT_EQ(message_of(refused), "offer \"local@here\" has no capacity: 1 of 1 servers exist");
    EXPECT_EQ(cloud.create({}, request("a")).value().id, first.id) << "what is there needs no capacity";

    cloud.set_capacity({"local", "here"}, 2);
    EXPECT_TRUE(cloud.create({}, request("b")));
    cloud.destroy({}, first.id).value();
    EXPECT_TRUE(cloud.create({}, request("c"))) << "what is gone takes none";
}

TEST(MemoryCloud, a_server_that_cannot_be_finished_fails_and_is_there_until_it_is_destroyed) {
    memory::ManualClock clock;
    memory::Cloud cloud{clock, FleetId{"ours"}};
    cloud.set_unfinished(20s);
    auto const server = cloud.create({}, request("a")).value();
    cloud.set_unfinished({});
    cloud.create({}, request("b")).value();
    auto const status = [&](char const* name) { return cloud.find({}, ServerName{name}).value()->status; };

    EXPECT_EQ(status("a"), ServerStatus::starting);
    clock.advance(20s);
    EXPECT_EQ(status("a"), ServerStatus::failed);
    EXPECT_EQ(status("b"), ServerStatus::running) << "only what was made meanwhile";
    clock.advance(24h);
    EXPECT_EQ(status("a"), ServerStatus::failed);
    cloud.destroy({}, server.id).value();
    EXPECT_FALSE(cloud.find({}, server.name).value());
}

TEST(MemoryCloud, a_server_can_vanish) {
    memory::ManualClock clock;
    memory::Cloud cloud{clock, FleetId{"ours"}};
    cloud.create({}, request("a")).value();

    EXPECT_TRUE(cloud.vanish(ServerName{"a"}));
    EXPECT_FALSE(cloud.vanish(ServerName{"a"}));

    EXPECT_TRUE(cloud.list({}).value().empty());
    EXPECT_TRUE(cloud.truth().empty());
    EXPECT_EQ(cloud.created(), 1);
}

TEST(MemoryCloud, a_server_needs_a_name) {
    memory::ManualClock clock;
    memory::Cloud cloud{clock, FleetId{"ours"}};

    EXPECT_EQ(error_of(cloud.create({}, request(""))), Errc::rejected);
}

}  // namespace
}  // namespace rgrid::testing
