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
    /// `retry_later`: it is not known now.
    virtual Result<std::optional<Identity>> find(Call const& call, WorkerId const& worker) = 0;
};

/// The workers that an intent stands for. A worker bears its server's name.
///
/// What was read counts for `keep`; a worker that is not in it is looked for at most once every `retry`. A worker that
/// the store cannot know yet, or whose store stands still, is asked to come again: it may have gone back in time.
class FleetIdentities final : public Identities {
public:
    /// `fleet` and `clock` must outlive this object.
    FleetIdentities(FleetStore& fleet, FleetId name, Clock& clock, Duration keep, Duration retry);
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
