#include <rgrid/testing/cloud_provider_conformance.hpp>

#include "support.hpp"

namespace rgrid::testing {
namespace {

class HetznerHarness final : public CloudHarness {
public:
    explicit HetznerHarness(hetzner_sim::Settings settings = {}) : cloud_(std::move(settings)) {}

    FleetId fleet() override { return FleetId{"ours"}; }
    CloudProvider& provider() override { return *provider_; }
    CloudProvider& restarted() override { return *restarted_; }
    FleetId other_fleet() override { return FleetId{"theirs"}; }
    CloudProvider& other_provider() override { return *other_; }

    bool set_quota(std::optional<int> quota) override { return cloud_.simulator.set_server_limit(quota), true; }

    bool wait_until(std::function<bool()> const& condition) override {
        for (int second = 0; second < 60; ++second) {
            if (condition()) return true;
            cloud_.clock.leap(1s);
        }
        return condition();
    }

private:
    hetzner::TestCloud cloud_;
    std::unique_ptr<hetzner::Provider> provider_ = cloud_.provider();
    std::unique_ptr<hetzner::Provider> restarted_ = cloud_.provider();
    std::unique_ptr<hetzner::Provider> other_ = cloud_.provider(FleetId{"theirs"});
};

std::unique_ptr<CloudHarness> slow_cloud() {
    hetzner_sim::Settings settings;
    settings.times.create = 10s;
    settings.times.start = 5s;
    settings.times.destroy = 5s;
    settings.clock_ahead = 90min;
    return std::make_unique<HetznerHarness>(settings);
}

INSTANTIATE_TEST_SUITE_P(
    Hetzner, CloudProviderConformance,
    ::testing::Values(CloudFactory{"prompt", [] { return std::make_unique<HetznerHarness>(); }},
                      CloudFactory{"slow_and_ahead", slow_cloud}),
    FactoryName{});

}  // namespace
}  // namespace rgrid::testing
