#pragma once

#include <rgrid/base/id.hpp>
#include <rgrid/base/secret.hpp>
#include <rgrid/base/time.hpp>
#include <string>

#include "adapters/gateway/target.hpp"
#include "adapters/gateway/wire.hpp"

namespace rgrid::gateway {

/// Signs what a gateway tells an agent, and knows its own signature again.
///
/// A store that hears of an epoch greater than its own freezes, for it must have gone back in time. So whoever has a
/// worker's token could make the fleet stand still with a number out of the air. What comes without a proof is
/// therefore passed on as a number of no generation: the store then answers as to anybody who makes things up.
class Proofs {
public:
    explicit Proofs(Secret secret) : secret_(std::move(secret)) {}

    [[nodiscard]] std::string of(WorkerId const& worker, Incarnation incarnation) const;
    [[nodiscard]] std::string of(WorkerId const& worker, Incarnation incarnation, BeatCount beats) const;
    [[nodiscard]] std::string of(WorkerId const& worker, JobId job, LeaseEpoch epoch) const;

    [[nodiscard]] Incarnation proven(WorkerId const& worker, wire::Run const& run) const;
    [[nodiscard]] BeatCount proven(WorkerId const& worker, Incarnation incarnation, wire::Beats const& beats) const;
    [[nodiscard]] LeaseEpoch proven(WorkerId const& worker, JobId job, LeaseEpoch epoch,
                                    std::string const& proof) const;

    /// The target of an object, for one method until a time.
    [[nodiscard]] std::string link(std::string const& method, std::string const& key, Instant until) const;

    /// Why that target may not be used now; empty if it may.
    [[nodiscard]] std::string link_problem(std::string const& method, std::string const& key, Target const& target,
                                           Instant now) const;

private:
    [[nodiscard]] std::string link_signature(std::string const& method, std::string const& key,
                                             std::string const& until) const;

    Secret const secret_;
};

}  // namespace rgrid::gateway
