#pragma once

#include <map>
#include <memory>
#include <optional>
#include <rgrid/sim/boot_scripts.hpp>
#include <rgrid/sim/crash_points.hpp>
#include <rgrid/sim/scene.hpp>
#include <rgrid/worker/machine.hpp>
#include <vector>

namespace rgrid::sim {

/// The machines of a simulated fleet: each boots, runs the agent's real state machine and pretends to run jobs.
///
/// Thread safety: none. Lifetime: the scene outlives it.
class Agents {
public:
    explicit Agents(Scene& scene);
    ~Agents();

    /// A server was made.
    void boot(Server const& server);

    /// The boot scripts of the next so many servers fail.
    void fail_boots(int servers) { scripts_.fail_next(servers); }

    /// A server is gone, or goes now: whatever runs on it ends.
    void power_off(ServerName const& name);

    /// The names of agents that run, ordered.
    [[nodiscard]] std::vector<ServerName> alive() const;

    void kill(ServerName const& name);

    /// Kills whichever makes this call for the `nth` time from now, before or after its effect. Its server stands: a
    /// new agent starts there after `down`, as one that is looked after does, or never.
    void crash_at(PortCall const& call, bool after, int nth, std::optional<Duration> down);

    void freeze(ServerName const& name, Duration span);
    void cut(ServerName const& name, Duration span);
    void mend_all();
    void step_clock(ServerName const& name, Duration span);

    /// Tells every agent that there may be something to do; some wakes do not arrive.
    void wake();

    /// For a moment the store takes leases back that their workers have not been told of.
    void forgive(Duration span);

private:
    struct Host;

    [[nodiscard]] Host* find(ServerName const& name);
    [[nodiscard]] bool crashes(Party const& party, PortCall const& call, bool after);
    void restart(ServerName const& name);
    void handle(Host& host, AgentEvent const& event);
    void arm(Host& host);
    void carry_out(Host& host, agent::Register const& it);
    void carry_out(Host& host, agent::Beat const& it);
    void carry_out(Host& host, agent::Claim const& it);
    void carry_out(Host& host, agent::CancelClaim const&) { static_cast<void>(host); }
    void carry_out(Host& host, agent::Discard const&) { static_cast<void>(host); }
    void carry_out(Host& host, agent::Start const& it);
    void carry_out(Host& host, agent::Stop const& it);
    void carry_out(Host& host, agent::Complete const& it);
    void carry_out(Host& host, agent::Exit const& it);
    void end_attempt(Host& host, LeaseKey const& key, std::uint64_t number, Outcome outcome);
    template <class Ask>
    void ask(Host& host, Ask ask);

    Scene& scene_;
    Chance chance_;
    BootScripts scripts_;
    std::map<ServerName, std::unique_ptr<Host>> hosts_;
    std::vector<std::unique_ptr<Host>> dead_;  // Replaced; some of their calls are still under way.
    CrashPoints crash_points_;
    std::map<JobId, std::vector<Host*>> running_;
    std::uint64_t attempts_ = 0;
    SteadyInstant forgiven_until_;
};

}  // namespace rgrid::sim
