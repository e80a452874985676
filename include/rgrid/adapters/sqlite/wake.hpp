#pragma once

#include <memory>
#include <rgrid/adapters/sqlite/settings.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/wake.hpp>

namespace rgrid::sqlite {

/// Notices that any process has changed the jobs of a store: mostly within two milliseconds, since the kernel tells
/// when its journal is written, and within some 20 ms where it has no watch left.
///
/// A look costs microseconds and reads nothing as long as nobody has written; heartbeats and logs do not end a wait. A
/// store's file that is deleted, replaced or put back ends it once, so that the next call tells: see Store::lost().
/// Thread safety: one waiting thread at a time.
class StoreWake final : public Wake {
public:
    /// The store must exist already. Errors: as Store::open. `clock` must outlive it.
    static Result<std::unique_ptr<StoreWake>> open(Settings const& settings, Clock& clock);

    ~StoreWake() override;

    bool wait(Call const& call) override;

private:
    class Impl;
    explicit StoreWake(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::sqlite
