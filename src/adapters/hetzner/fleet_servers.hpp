#pragma once

#include <map>
#include <mutex>
#include <rgrid/base/id.hpp>
#include <rgrid/model/server.hpp>
#include <set>
#include <string>
#include <vector>

#include "adapters/hetzner/action_poller.hpp"
#include "adapters/hetzner/objects.hpp"

namespace rgrid::hetzner {

/// What one provider has seen of its fleet's servers, so that none of them can go unnoticed and none that the provider
/// could not finish is waited for. Thread safety: all methods from any thread.
class FleetServers {
public:
    /// Remembers a server of the fleet, and how the port calls it. `now`: by the provider's clock.
    Server see(ApiServer const& server, Instant now, SteadyInstant at);

    /// The server's actions are known.
    void track(SteadyInstant at, Id server, std::vector<ApiAction> const& actions);

    /// Those that were seen and are not among `listed`.
    [[nodiscard]] std::vector<Id> missing(std::set<Id> const& listed) const;

    /// The server as it was seen last, with the age it has at `at`; an empty name if it was never seen.
    [[nodiscard]] Server last_seen(Id id, SteadyInstant at) const;

    [[nodiscard]] bool is_known(Id id) const;

    /// It is gone, or not the fleet's any more.
    void forget(Id id);

    /// Of those that are still being made, the ones whose actions nobody has asked about: at most `most`.
    [[nodiscard]] std::vector<Id> unfollowed(std::size_t most) const;

    [[nodiscard]] std::vector<std::vector<Id>> actions_due(SteadyInstant at);
    void heard(std::vector<Id> const& asked, std::vector<ApiAction> const& actions);

    /// Something else that an operator should know; the last few are kept.
    void note(std::string text);

    /// Of those that the provider could not finish, each with its name, and what was noted.
    [[nodiscard]] std::vector<std::string> problems() const;

    /// Whether a server of the fleet had this primary IP.
    [[nodiscard]] bool had_address(Id address) const;

    [[nodiscard]] std::size_t count() const;

private:
    struct Seen {
        ApiServer server;
        Instant now;
        SteadyInstant at;
    };

    [[nodiscard]] Server shown(Seen const& seen, Instant now) const;

    mutable std::mutex mutex_;
    std::map<Id, Seen> seen_;
    std::set<Id> addresses_;
    ActionPoller actions_;
    std::vector<std::string> notes_;
};

}  // namespace rgrid::hetzner
