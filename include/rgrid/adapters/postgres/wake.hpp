#pragma once

#include <memory>
#include <rgrid/adapters/postgres/settings.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/wake.hpp>

namespace rgrid::postgres {

/// Notices that any process on any machine has changed the jobs of a store: mostly within some milliseconds, since the
/// server tells.
///
/// It has a connection of its own, made again when it was lost; then it tells once, since something may have been
/// missed. As long as there is no connection, or with `Settings::listen` off, it tells every `Settings::poll`, so that
/// whoever waits looks for themselves. A change that comes right after another one may be told twice.
/// Thread safety: one waiting thread at a time.
class StoreWake final : public Wake {
public:
    /// A server that cannot be reached now is no error: it is tried again. Errors: `rejected` (an address that cannot
    /// be read). `clock` must outlive it.
    static Result<std::unique_ptr<StoreWake>> open(Settings const& settings, FleetId const& fleet, Clock& clock);

    ~StoreWake() override;
    StoreWake(StoreWake const&) = delete;
    StoreWake& operator=(StoreWake const&) = delete;

    bool wait(Call const& call) override;

private:
    class Impl;
    explicit StoreWake(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::postgres
