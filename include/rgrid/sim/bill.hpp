#pragma once

#include <rgrid/model/server_cost.hpp>

namespace rgrid::sim {

/// The simulated provider bills as the ledger counts.
using rgrid::next_month;
using rgrid::server_cost;

}  // namespace rgrid::sim
