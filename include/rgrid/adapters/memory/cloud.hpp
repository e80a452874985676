#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/cloud_provider.hpp>
#include <vector>

namespace rgrid::memory {

/// What can be rented of a memory cloud.
struct CloudOffer {
    Offer offer{{"local", "here"}, Money{6'400'000, Currency::EUR}};
    std::optional<int> capacity;  ///< At most this many servers at a time; further creates are refused.
};

struct CloudSettings {
    std::vector<CloudOffer> offers{CloudOffer{}};
    Duration boot{0};         ///< How long a server is `starting`.
    Duration delete_time{0};  ///< How long a destroyed server is still there, as `deleting`.
    Duration listing_lag{0};  ///< Listings show the world as it was this long ago.
};

/// A cloud on a clock, as one fleet sees it. Servers are records: nothing runs on them.
///
/// Thread safety: all methods from any thread. Lifetime: `clock` outlives all views.
class Cloud final : public CloudProvider {
public:
    Cloud(Clock& clock, FleetId fleet, CloudSettings settings = {});
    ~Cloud() override;

    /// The same cloud as another fleet sees it. Server names and capacity are common to all.
    [[nodiscard]] std::unique_ptr<Cloud> seen_by(FleetId fleet) const;

    Result<std::vector<Offer>> offers(Call const& call) override;
    Result<std::vector<Server>> list(Call const& call) override;
    Result<std::optional<Server>> find(Call const& call, ServerName const& name) override;
    Result<Server> create(Call const& call, ServerRequest const& request) override;
    Result<> destroy(Call const& call, ServerId const& id) override;

    /// Takes a server away, as a cloud does that has lost a machine. Returns whether it was there.
    bool vanish(ServerName const& name);

    /// Changes what can be had from now on; standing servers stay. Nothing: no bound.
    void set_capacity(OfferKey const& offer, std::optional<int> capacity);

    /// How many servers of all fleets and offers there may be; further creates are refused as `quota`. Nothing: no
    /// bound.
    void set_quota(std::optional<int> quota);

    /// Servers that are made from now on cannot be finished: they are `starting` for so long, and `failed` from then on.
    /// Nothing: they can.
    void set_unfinished(std::optional<Duration> after);

    /// From now on listings show the world as it was this long ago; at most the settings' lag.
    void set_listing_lag(Duration lag);

    /// How long servers that are destroyed from now on are still there.
    void set_delete_time(Duration delete_time);

    /// The servers of all fleets as they are now, without lag, ordered by name.
    [[nodiscard]] std::vector<Server> truth() const;

    /// How many servers were ever made, of all fleets.
    [[nodiscard]] std::int64_t created() const;

private:
    struct World;

    Cloud(std::shared_ptr<World> world, FleetId fleet);

    std::shared_ptr<World> world_;
    FleetId fleet_;
};

}  // namespace rgrid::memory
