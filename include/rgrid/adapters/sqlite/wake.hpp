#pragma once

#include <memory>
#include <rgrid/adapters/sqlite/settings.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/wake.hpp>

namespace rgrid::sqlite {

/// Notices within some 20 ms that any process has changed the jobs of a store.
///
/// A look costs microseconds and reads nothing as long as nobody has written; heartbeats and logs do not end a wait.
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
