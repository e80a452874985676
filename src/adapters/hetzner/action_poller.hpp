#pragma once

#include <map>
#include <rgrid/base/time.hpp>
#include <string>
#include <vector>

#include "adapters/hetzner/objects.hpp"

namespace rgrid::hetzner {

/// Which actions are waited for, and when they are asked about next: all of them together, 25 in a request, first after
/// a second and then less and less often, and never more than one request a second. Knows no clock; one caller at a time.
class ActionPoller {
public:
    static constexpr std::size_t batch = 25;

    void track(SteadyInstant now, Id server, std::vector<ApiAction> const& actions);

    /// The actions to ask about now, in batches; empty if it is too early or there are none. They count as asked.
    [[nodiscard]] std::vector<std::vector<Id>> due(SteadyInstant now);

    /// What was answered about `asked`. One that is missing three times is no longer waited for.
    void heard(std::vector<Id> const& asked, std::vector<ApiAction> const& actions);

    /// The server is gone.
    void forget(Id server);

    [[nodiscard]] bool is_tracked(Id server) const;

    /// Whether something of the server's making is still running.
    [[nodiscard]] bool is_busy(Id server) const;

    /// Why the provider could not finish the server; empty if it could, or may still.
    [[nodiscard]] std::string failure_of(Id server) const;

private:
    struct Watch {
        std::map<Id, int> running;  ///< How often each was missing.
        std::string failure;
    };

    void take(Watch& watch, ApiAction const& action);

    std::map<Id, Watch> servers_;
    SteadyInstant next_{};
    Duration pause_{1000};
};

}  // namespace rgrid::hetzner
