#pragma once

#include <functional>
#include <map>
#include <memory>
#include <rgrid/sim/scene.hpp>
#include <vector>

namespace rgrid::sim {

/// What runs on a new server until its agent does: a script that may tell the store how far it is, and tells it, again
/// and again, when it has failed.
///
/// Thread safety: none. Lifetime: the scene outlives it.
class BootScripts {
public:
    explicit BootScripts(Scene& scene);
    ~BootScripts();

    /// A server boots, which takes so long; then it is `ready`, or its script has failed.
    void run(ServerName const& server, Duration takes, std::function<void()> ready);

    /// A server is gone, or goes now: its script ends with it.
    void power_off(ServerName const& server);

    /// The scripts of the next so many servers fail.
    void fail_next(int servers) { failing_ = servers; }

private:
    struct Script;

    [[nodiscard]] bool lives(Script const& script) const;
    void boot(Script& script, Duration takes, bool fails, std::function<void()> const& ready);
    void tell(Script& script, BootReport const& report, int tries);

    Scene& scene_;
    Chance chance_;
    std::map<ServerName, std::unique_ptr<Script>> scripts_;
    std::vector<std::unique_ptr<Script>> ended_;  // Some of their calls are still under way.
    int failing_ = 0;
};

}  // namespace rgrid::sim
