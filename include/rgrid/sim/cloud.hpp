#pragma once

#include <map>
#include <memory>
#include <optional>
#include <rgrid/adapters/memory/cloud.hpp>
#include <rgrid/sim/chance.hpp>
#include <rgrid/sim/witness.hpp>
#include <utility>

namespace rgrid::sim {

/// What a server was and what it really cost.
struct ServerLife {
    Server server;
    SteadyInstant created;              ///< By the cloud's clock.
    std::optional<SteadyInstant> gone;  ///< No longer billed from then on; none while it stands.
    bool unfinished = false;            ///< The cloud cannot finish it: it never runs.
};

struct CloudModel {
    std::vector<memory::CloudOffer> offers{memory::CloudOffer{}};
    Duration fastest_delete = 2s;
    Duration slowest_delete = 8s;
    Duration listing_lag = 5s;  ///< Of listings that are late; others are not.
    std::optional<int> quota;   ///< At most so many servers of all kinds; further creates are refused.
    double unfinished = 0;      ///< The share of servers that the cloud cannot finish.
    Duration unfinished_after = 20s;  ///< That is how long it takes to say so.
};

/// The cloud of a simulated fleet: the memory cloud, with a witness, and what real clouds do beside what they are
/// asked.
///
/// Thread safety: none. Lifetime: clock and witness outlive it.
class Cloud final : public CloudProvider {
public:
    Cloud(Clock& clock, FleetId fleet, CloudModel model, std::uint64_t seed = 1, Witness* witness = nullptr);

    Result<std::vector<Offer>> offers(Call const& call) override { return cloud_.offers(call); }
    Result<std::vector<Server>> list(Call const& call) override;
    Result<std::optional<Server>> find(Call const& call, ServerName const& name) override {
        return cloud_.find(call, name);
    }
    Result<Server> create(Call const& call, ServerRequest const& request) override;
    Result<> destroy(Call const& call, ServerId const& id) override;

    /// The next listing shows the world as it was a listing lag ago.
    void list_late() { late_ = true; }

    /// The next create makes a server and then fails, as an action that ends in an error does.
    void fail_after_create() { fail_after_create_ = true; }

    /// The next so many servers cannot be finished.
    void leave_unfinished(int servers) { unfinished_next_ = servers; }

    /// From now on every server is finished.
    void finish_all() {
        model_.unfinished = 0;
        unfinished_next_ = 0;
    }

    /// The same cloud as another fleet sees it, without what this one does beside what it is asked.
    [[nodiscard]] std::unique_ptr<CloudProvider> seen_by(FleetId fleet) const {
        return cloud_.seen_by(std::move(fleet));
    }

    bool vanish(ServerName const& name);
    void set_capacity(OfferKey const& offer, std::optional<int> capacity) { cloud_.set_capacity(offer, capacity); }
    void set_quota(std::optional<int> quota) { cloud_.set_quota(quota); }
    void set_delete_time(Duration fastest, Duration slowest) {
        model_.fastest_delete = fastest;
        model_.slowest_delete = slowest;
    }

    /// Somebody else makes a server: of another fleet, or of this fleet from another store.
    void make_foreign(ServerRequest const& request);
    /// ... and takes all such servers away.
    void remove_foreign();

    /// From now on we have the access of another project, to look only: its listing is valid, and without any of ours.
    void show_other_project(bool other) { other_project_ = other; }
    [[nodiscard]] bool shows_other_project() const { return other_project_; }

    [[nodiscard]] std::vector<Server> truth() const { return cloud_.truth(); }
    [[nodiscard]] bool stands(ServerName const& name) const;
    [[nodiscard]] bool is_unfinished(ServerName const& name) const;
    [[nodiscard]] std::map<ServerName, ServerLife> const& lives() const { return lives_; }

private:
    [[nodiscard]] Result<Server> make(Call const& call, ServerRequest const& request, bool unfinished);
    void note_made(Server const& server, bool unfinished);
    void note_gone(ServerName const& name, SteadyInstant when);

    Clock& clock_;
    FleetId fleet_;
    CloudModel model_;
    Chance chance_;
    Chance fate_;
    Witness nobody_;
    Witness& witness_;
    memory::Cloud cloud_;
    std::map<ServerName, ServerLife> lives_;
    std::map<ServerId, ServerName> names_;
    std::vector<std::pair<std::unique_ptr<memory::Cloud>, Server>> foreign_;
    bool late_ = false;
    bool fail_after_create_ = false;
    int unfinished_next_ = 0;
    bool other_project_ = false;
};

}  // namespace rgrid::sim
