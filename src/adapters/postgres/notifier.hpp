#pragma once

#include <memory>
#include <rgrid/adapters/postgres/settings.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/ports/clock.hpp>
#include <string>

namespace rgrid::postgres {

/// The channel on which the changes of a fleet's jobs are told.
[[nodiscard]] std::string channel_of(FleetId const& fleet);

/// Tells waiting programs, each a StoreWake, that jobs have changed: at once after the first change and then at most
/// every `Settings::notify_interval`, on a connection and a thread of its own, so that no transaction waits for it.
/// Ends of jobs, of which nothing follows for a worker, are told with the next change or 50 ms later.
/// Harmless when the server is away; does nothing when `Settings::listen` is off.
class Notifier {
public:
    Notifier(Settings const& settings, FleetId const& fleet, Clock& clock);
    ~Notifier();
    Notifier(Notifier const&) = delete;
    Notifier& operator=(Notifier const&) = delete;

    /// To be called after a commit. Costs next to nothing. Thread safety: any thread.
    void changed();
    void ended();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::postgres
