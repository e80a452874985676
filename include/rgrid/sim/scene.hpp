#pragma once

#include <deque>
#include <map>
#include <rgrid/sim/network.hpp>
#include <rgrid/sim/settings.hpp>
#include <rgrid/sim/store.hpp>
#include <set>
#include <string>

namespace rgrid::sim {

class Referee;

/// What everybody in a world shares.
struct Scene {
    explicit Scene(WorldSettings world_settings);
    ~Scene();

    [[nodiscard]] SteadyInstant now() const { return timeline.now(); }
    [[nodiscard]] Duration elapsed() const { return timeline.now() - start; }

    /// Notes that a point was reached.
    void reach(std::string const& point) { ++reached[point]; }

    /// Adds a line to the log.
    void tell(std::string const& who, std::string const& what);

    WorldSettings settings;
    Timeline timeline;
    SteadyInstant start = timeline.now();
    Fibers fibers{timeline};
    FaultPlan faults;
    Network network;
    Peer to_store{1ms, 20ms, {}, true, {}};
    Peer to_cloud{50ms, 400ms, {}, true, {}};
    PartyClock store_clock;
    PartyClock cloud_clock;
    std::unique_ptr<Referee> referee;
    Store store;
    Cloud cloud;
    SteadyInstant store_stepped;  ///< When the store's clock was last stepped.
    std::set<ServerName> failed_boots;  ///< Servers whose boot script has failed: no agent ever comes up there.
    bool over = false;  ///< Nothing begins any more.
    std::function<void(Server const&)> made;       ///< Told of each new server.
    std::function<void(ServerName const&)> ended;  ///< ... and of each that is told to go.
    std::function<void()> expired;                 ///< The store has taken back leases that looked overrun.

    std::map<std::string, std::int64_t> reached;
    std::deque<std::string> lines;
    std::uint64_t digest = 0xcbf29ce484222325;
};

/// What every job's environment holds and no line of a log may.
inline constexpr char const* planted_secret = "s3cr3t-of-a-user";

/// The calendar when a world begins.
[[nodiscard]] Instant world_start();

}  // namespace rgrid::sim
