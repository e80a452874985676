#pragma once

#include <rgrid/adapters/hetzner/cloud_init.hpp>
#include <rgrid/base/result.hpp>

namespace rgrid::hetzner {

/// Whether all of it can be written into YAML, shell and units as it is, and is what it claims to be. Errors:
/// `rejected`, naming what cannot be used.
[[nodiscard]] Result<> check_spec(BootSpec const& spec);

}  // namespace rgrid::hetzner
