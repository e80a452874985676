#pragma once

#include <memory>
#include <optional>
#include <rgrid/base/call.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/base/secret.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <stop_token>
#include <string>

namespace rgrid::gateway {

/// Who a worker is, as the fleet knows it.
struct Identity {
    ServerName server;
    PoolName pool;
    std::string token_hash;  ///< As hash_of() writes it; empty: there is no token that would let it in.
};

/// Knows who may work. Thread safety: all methods from any thread. No method throws.
class Identities {
public:
    virtual ~Identities() = default;

    /// The worker's identity, or nothing if the fleet certainly has no such worker (any more): it is told to exit.
    /// An error: it is not known now; whatever its code, the worker is asked to come again.
    virtual Result<std::optional<Identity>> find(Call const& call, WorkerId const& worker) = 0;
};

/// The workers that an intent stands for. A worker bears its server's name.
///
/// What was read counts for `keep`; a worker that is not in it is looked for at most once every `retry`. A worker that
/// the store cannot know yet, or whose store stands still, is asked to come again: it may have gone back in time.
///
/// One look is for all who wait for one, so it is nobody's: who asked last may leave, and others still get its answer.
class FleetIdentities final : public Identities {
public:
    struct Times {
        Duration keep{10'000};
        Duration retry{1'000};    ///< At most `keep`: otherwise those who are known would be sent away.
        Duration limit{30'000};  ///< How long the store may take.
    };

    /// `fleet` and `clock` must outlive this object. `stop` ends a look.
    FleetIdentities(FleetStore& fleet, FleetId name, Clock& clock, Times const& times, std::stop_token stop = {});
    ~FleetIdentities() override;

    Result<std::optional<Identity>> find(Call const& call, WorkerId const& worker) override;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

/// A new token: 256 bits from the system's source of randomness.
[[nodiscard]] Secret make_token();

/// What is kept of a token: its SHA-256, 64 lower-case hexadecimal digits.
[[nodiscard]] std::string hash_of(Secret const& token);

}  // namespace rgrid::gateway
