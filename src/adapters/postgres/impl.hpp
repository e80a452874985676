#pragma once

#include <rgrid/adapters/postgres/store.hpp>
#include <rgrid/ports/store_rules.hpp>
#include <string>
#include <utility>

#include "adapters/postgres/claimer.hpp"
#include "adapters/postgres/client.hpp"
#include "adapters/postgres/completer.hpp"
#include "adapters/postgres/era.hpp"
#include "adapters/postgres/low_water.hpp"
#include "adapters/postgres/notifier.hpp"

namespace rgrid::postgres {

/// Thrown by work that has found out that the store has gone back in time: what it did is undone, and the store freezes.
struct WentBack {
    Evidence evidence;
};

class Store::Impl {
public:
    Impl(Settings const& settings, FleetId const& fleet, Clock& clock)
        : client_(settings, clock), notifier_(settings, fleet, clock), completer_(client_, clock), low_water_(clock),
          claimer_(client_, clock, low_water_) {}

    [[nodiscard]] Client& client() noexcept { return client_; }
    [[nodiscard]] Settings const& settings() const noexcept { return client_.settings(); }
    [[nodiscard]] Completer& completer() noexcept { return completer_; }
    [[nodiscard]] Claimer& claimer() noexcept { return claimer_; }
    [[nodiscard]] LowWater& low_water() noexcept { return low_water_; }

    template <class T>
    Result<T> read(Call const& call, std::function<Result<T>(Transaction&)> const& work) {
        return client_.transact<T>(call, Effect::reads, work);
    }

    /// A transaction that may find evidence against the store: see WentBack. The store then stands still, unless
    /// it was adopted meanwhile, and the answer says that it does.
    template <class T>
    Result<T> write(Call const& call, std::function<Result<T>(Transaction&)> const& work) {
        std::optional<Evidence> evidence;
        auto answer = client_.transact<T>(call, Effect::writes, [&](Transaction& transaction) -> Result<T> {
            try {
                return work(transaction);
            } catch (WentBack const& found) {
                evidence = found.evidence;
                return stands_still(found.evidence.why);
            }
        });
        if (!evidence) return answer;
        if (auto const frozen = freeze(call, *evidence); !frozen) return frozen.error();
        return answer;
    }

    /// @param why  A sentence or Evidence.
    template <class Why>
    Result<> freeze(Call const& call, Why const& why) {
        auto done = client_.transact<void>(call, Effect::writes, [&](Transaction& transaction) -> Result<> {
            postgres::freeze(transaction, why);
            return {};
        });
        changed();
        return done;
    }

    /// Tells whoever waits that jobs have changed.
    void changed() { notifier_.changed(); }

    /// Tells them that jobs have ended, of which nothing follows for a worker.
    void ended() { notifier_.ended(); }

private:
    Client client_;
    Notifier notifier_;
    Completer completer_;
    LowWater low_water_;
    Claimer claimer_;
};

}  // namespace rgrid::postgres
