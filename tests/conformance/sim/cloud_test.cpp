#include "virtual_time.hpp"

#include <mutex>
#include <rgrid/sim/cloud.hpp>
#include <rgrid/testing/cloud_provider_conformance.hpp>

namespace rgrid::testing {
namespace {

/// The suite calls from many threads, and a model of a world is for one: its calls take turns.
class TakingTurns final : public CloudProvider {
public:
    TakingTurns(CloudProvider& cloud, std::mutex& mutex) : cloud_(cloud), mutex_(mutex) {}

    Result<std::vector<Offer>> offers(Call const& call) override {
        std::scoped_lock const turn{mutex_};
        return cloud_.offers(call);
    }
    Result<std::vector<Server>> list(Call const& call) override {
        std::scoped_lock const turn{mutex_};
        return cloud_.list(call);
    }
    Result<std::optional<Server>> find(Call const& call, ServerName const& name) override {
        std::scoped_lock const turn{mutex_};
        return cloud_.find(call, name);
    }
    Result<Server> create(Call const& call, ServerRequest const& request) override {
        std::scoped_lock const turn{mutex_};
        return cloud_.create(call, request);
    }
    Result<> destroy(Call const& call, ServerId const& id) override {
        std::scoped_lock const turn{mutex_};
        return cloud_.destroy(call, id);
    }

private:
    CloudProvider& cloud_;
    std::mutex& mutex_;
};

class SimulatedCloud final : public CloudHarness {
public:
    explicit SimulatedCloud(sim::CloudModel model) : cloud_(time_.clock(), fleet(), std::move(model)) {}

    FleetId fleet() override { return FleetId{"ours"}; }
    CloudProvider& provider() override { return ours_; }
    CloudProvider& restarted() override { return restarted_; }
    FleetId other_fleet() override { return FleetId{"theirs"}; }
    CloudProvider& other_provider() override { return theirs_; }

    bool set_quota(std::optional<int> quota) override { return cloud_.set_quota(quota), true; }

    bool wait_until(std::function<bool()> const& condition) override {
        for (int second = 0; second < 60; ++second) {
            if (condition()) return true;
            time_.advance(1s);
        }
        return condition();
    }

private:
    VirtualTime time_;
    std::mutex mutex_;
    sim::Cloud cloud_;
    std::unique_ptr<CloudProvider> other_ = cloud_.seen_by(other_fleet());
    TakingTurns ours_{cloud_, mutex_};
    TakingTurns restarted_{cloud_, mutex_};
    TakingTurns theirs_{*other_, mutex_};
};

sim::CloudModel prompt() {
    sim::CloudModel model;
    model.fastest_delete = model.slowest_delete = Duration{0};
    return model;
}

INSTANTIATE_TEST_SUITE_P(
    Simulated, CloudProviderConformance,
    ::testing::Values(CloudFactory{"prompt", [] { return std::make_unique<SimulatedCloud>(prompt()); }},
                      CloudFactory{"slow", [] { return std::make_unique<SimulatedCloud>(sim::CloudModel{}); }}),
    FactoryName{});

}  // namespace
}  // namespace rgrid::testing
