#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <rgrid/hetzner_sim/simulator.hpp>
#include <set>
#include <variant>

namespace rgrid::hetzner_sim {

/// Finds out which servers have begun and ceased to run, and tells who watches: in order, one at a time, and without
/// holding up what goes on meanwhile.
class Watching {
public:
    void set(ServerWatch watch) { watch_ = std::move(watch); }
    [[nodiscard]] bool is_set() const { return watch_.on_running && watch_.on_ended; }

    /// All servers as they are now.
    void look(std::vector<ServerView> const& servers);

    void tell();

private:
    using Event = std::variant<ServerView, std::int64_t>;

    ServerWatch watch_;
    std::mutex telling_;
    std::mutex mutex_;
    std::set<std::int64_t> running_;
    std::deque<Event> events_;
};

}  // namespace rgrid::hetzner_sim
