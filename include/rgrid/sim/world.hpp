#pragma once

#include <rgrid/sim/agents.hpp>
#include <rgrid/sim/controllers.hpp>
#include <rgrid/sim/referee.hpp>
#include <rgrid/sim/scene.hpp>
#include <rgrid/sim/users.hpp>

namespace rgrid::sim {

/// One fleet and all who can harm it, in one thread and in virtual time, from one seed. The controllers, planners and
/// agents are the real ones; clouds, storage and the running of jobs are models.
///
/// Nothing but the settings and what `at` was told decides what happens. Thread safety: none; run it once.
class World {
public:
    explicit World(WorldSettings settings);
    ~World();

    /// `what` happens this long after the start.
    void at(Duration since_start, std::function<void(World&)> what);

    /// Runs until everything has come to its end, something is wrong, or time is up.
    [[nodiscard]] Report run();

    // What may happen. Each lasts as long as it says, at most until the world is calm where it is swarm().

    void submit(std::vector<Work> work) { users_.submit(std::move(work)); }
    void store_away(Duration span, bool refuses = true);
    void cloud_away(Duration span, bool refuses = true);
    void throttle_cloud(Duration span);
    /// That share of the servers disappears, as if their machines were lost.
    void vanish(double share);
    /// No agent comes up on a server that is made in this time.
    void boots_fail(Duration span);
    void kill_agents(double share);
    void freeze_agents(double share, Duration span);
    void cut_agents(double share, Duration span);
    void step_store_clock(Duration span);
    void step_cloud_clock(Duration span);
    void step_agent_clocks(Duration span);
    void foreign_fleet(int servers);
    /// Servers of this fleet made from another store, for a while.
    void foreign_store(int servers, Duration span);
    void other_project(Duration span);
    void back_up_store();
    /// Restores the last backup; an operator adopts what is left after `notices`.
    void restore_store(Duration notices);
    /// An operator freezes the store and adopts it.
    void stand_still(Duration span);
    void reconfigure(PlannerParams const& params);

    [[nodiscard]] Scene& scene() { return scene_; }
    [[nodiscard]] Agents& agents() { return agents_; }
    [[nodiscard]] Controllers& controllers() { return controllers_; }
    [[nodiscard]] Users& users() { return users_; }
    [[nodiscard]] Cloud& cloud() { return scene_.cloud; }

private:
    [[nodiscard]] std::vector<ServerName> some(std::vector<ServerName> of, double share);
    void adopt();
    void become_calm();
    [[nodiscard]] bool is_over();
    void check_end();
    void write_report(Report& report);

    Scene scene_;
    Chance chance_;
    Agents agents_;
    Controllers controllers_;
    Users users_;
    bool calm_ = false;
};

}  // namespace rgrid::sim
