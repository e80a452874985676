#pragma once

#include "hetzner_sim/records.hpp"

namespace rgrid::hetzner_sim {

struct Reference;
struct Context;

struct SshKey : Resource {
    std::string public_key;
    std::string fingerprint;
};

/// Refused with 422 if there is no such key.
SshKey const& needed_ssh_key(Context& context, Reference const& reference);

}  // namespace rgrid::hetzner_sim
