#pragma once

#include <rgrid/control/controller.hpp>
#include <rgrid/control/runner.hpp>
#include <stop_token>

#include "app/log.hpp"
#include "app/open.hpp"
#include "options.hpp"

namespace rgridd {

/// The daemon: one controller on the ports that the configuration names.
///
/// This is all that a program of one's own needs to act for a fleet: ports, a planner, a controller, and something that
/// calls pass() - here rgrid::Runner.
class Daemon {
public:
    /// All three must outlive the daemon.
    Daemon(rgrid::app::LoadedSettings const& loaded, rgrid::app::Ports& ports, rgrid::app::Log& log,
           rgrid::Clock& clock, rgrid::DecisionLog* decisions, bool eager);

    /// One pass, and waits for the steps it started. Returns false if it could not look or another daemon leads.
    bool once();

    /// Prints what a pass would do and why. Returns false if it could not look.
    bool dry_run();

    /// Runs until a stop is requested.
    void run(std::stop_token const& stop);

    /// Runs until there is no work, and then until there is no server. Ends at once where another daemon leads.
    void run_until_idle(std::stop_token const& stop);

    /// Lets every worker finish its jobs and deletes its server. Returns false if that took longer than `limit` or was
    /// stopped.
    bool drain(rgrid::Duration limit, std::stop_token const& stop);

    /// Gives leadership up.
    void resign() { controller_.resign(); }

private:
    /// Whether another daemon leads: then there is nothing to do here.
    bool is_led_by_another(rgrid::PassReport const& report);
    /// Whether a job is queued, scheduled or running; also if that cannot be known.
    bool has_work();
    bool is_gone(rgrid::PassReport const& report) const;

    rgrid::app::Ports& ports_;
    rgrid::app::Log& log_;
    rgrid::Clock& clock_;
    rgrid::PlannerParams params_;
    rgrid::ThreadExecutor executor_{4};
    rgrid::Controller controller_;
};

}  // namespace rgridd
