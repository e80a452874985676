#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <set>
#include <string>
#include <vector>

#include "adapters/hetzner/api.hpp"
#include "adapters/hetzner/belongings.hpp"
#include "adapters/hetzner/fleet_servers.hpp"
#include "adapters/hetzner/turn.hpp"

namespace rgrid::hetzner {

/// Whether the token in use opens the project that the fleet's servers are in. Another project's is as good as ours for
/// every call, and shows a project in which each of our servers is gone.
///
/// It is open after a change of token, and at a start for which servers are known, until one of them is seen, or else a
/// network, firewall or key of the fleet's own. Without known servers there is nothing to prove. Thread safety: all
/// methods from any thread.
class ProjectProof {
public:
    ProjectProof(Api& api, Belongings& belongings, FleetServers const& servers, FleetId fleet, Clock& clock);

    /// Servers of the fleet that were known before this start.
    void expect(std::vector<Id> const& servers);

    /// To be called before the first call with another token.
    void token_changes();

    /// Which token is in use: what was asked between two different numbers may be of two projects.
    [[nodiscard]] std::int64_t token() const;

    /// Looks, if it is open. Errors: `denied` (nothing is seen of what is known), or as of the calls that look.
    Result<> prove(Call const& call);

    /// After a listing that is believed: what else of the fleet could be a proof one day. Read at most every 10 minutes.
    void remember(Call const& call);

private:
    Result<bool> look(Call const& call);
    Result<bool> sees_known_server(Call const& call, std::set<Id> const& known);
    [[nodiscard]] std::set<Id> known() const;
    [[nodiscard]] Error denial() const;
    [[nodiscard]] std::optional<Result<>> answer() const;

    Api& api_;
    Belongings& belongings_;
    FleetServers const& servers_;
    FleetId const fleet_;
    Clock& clock_;
    TurnTaking turns_;
    mutable std::mutex mutex_;
    std::int64_t token_ = 1;
    bool proven_ = true;
    bool at_start_ = false;  ///< Nothing was ever seen.
    std::set<Id> expected_;
    std::set<std::string> marks_;
    SteadyInstant next_marks_ = SteadyInstant::min();
    std::optional<Error> denial_;
    SteadyInstant next_look_ = SteadyInstant::min();
};

}  // namespace rgrid::hetzner
