#pragma once

#include <functional>
#include <rgrid/control/controller.hpp>
#include <rgrid/control/runner.hpp>
#include <stop_token>

#include "app/cloud_report.hpp"
#include "app/gateway_role.hpp"
#include "app/log.hpp"
#include "app/open.hpp"
#include "options.hpp"
#include "reload_request.hpp"

namespace rgridd {

/// The daemon: one controller on the ports that the configuration names.
///
/// This is all that a program of one's own needs to act for a fleet: ports, a planner, a controller, and something that
/// calls pass() - here rgrid::Runner.
class Daemon {
public:
    /// What is given by reference must outlive the daemon. `gateway` may be null.
    Daemon(rgrid::app::LoadedSettings loaded, Options const& options, rgrid::app::Ports& ports, rgrid::app::Log& log,
           rgrid::Clock& clock, rgrid::DecisionLog* decisions, ReloadRequest& reload, rgrid::app::GatewayRole* gateway);
    ~Daemon() {
        reload_.on_request({});
        report_.stop();
    }

    /// One pass, and waits for the steps it started. Returns false if it could not or may not act: another daemon
    /// leads, the store stands still or the listing of servers is not believed.
    bool once();

    /// Prints what a pass would do and why. Returns false if it could not look.
    bool dry_run();

    /// Runs until a stop is requested.
    void run(std::stop_token const& stop);

    /// Runs until there is no work, and then until there is no server. Ends at once where another daemon leads.
    /// Returns false if the fleet's servers are another store's: then nothing was done.
    bool run_until_idle(std::stop_token const& stop);

    /// Lets every worker finish its jobs and deletes its server. Returns false if that took longer than `limit` or was
    /// stopped.
    bool drain(rgrid::Duration limit, std::stop_token const& stop);

    /// Gives leadership up.
    void resign() { controller_.resign(); }

private:
    /// Runs passes until a stop is requested or `after_pass` returns false; reads the configuration in between when
    /// that is asked for. Without `workers` every pool has a maximum of zero.
    void run_passes(bool workers, std::stop_token const& stop,
                    std::function<bool(rgrid::PassReport const&)> const& after_pass);
    /// Reads the configuration again and says what follows from it. One that is wrong changes nothing.
    void read_again();
    /// Whether another daemon leads: then there is nothing to do here.
    bool is_led_by_another(rgrid::PassReport const& report);
    /// Whether a job is queued, scheduled or running; also if that cannot be known.
    bool has_work();
    bool is_gone(rgrid::PassReport const& report) const;

    rgrid::app::LoadedSettings loaded_;
    Options const& options_;
    rgrid::app::Ports& ports_;
    rgrid::app::Log& log_;
    rgrid::Clock& clock_;
    ReloadRequest& reload_;
    rgrid::app::GatewayRole* const gateway_;
    rgrid::PlannerParams params_;
    rgrid::app::CloudReport report_;
    rgrid::ThreadExecutor executor_{4};
    rgrid::Controller controller_;
    rgrid::Runner runner_;
};

}  // namespace rgridd
