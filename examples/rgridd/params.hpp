#pragma once

#include <rgrid/policy/params.hpp>

#include "app/settings.hpp"

namespace rgridd {

/// What the planner has to know, from the configuration. `eager` orders workers for a single job already.
[[nodiscard]] inline rgrid::PlannerParams planner_params(rgrid::app::Settings const& settings, bool eager) {
    rgrid::PlannerParams params{settings.limits, settings.pool};
    if (eager)
        for (auto& [name, pool] : params.pools) pool.scaling.min_queued = 1;
    return params;
}

/// The same fleet on its way out: no pool may have a worker, so each goes as soon as it has finished its jobs.
[[nodiscard]] inline rgrid::PlannerParams without_workers(rgrid::PlannerParams params) {
    for (auto& [name, pool] : params.pools) {
        pool.scaling.min_workers = 0;
        pool.scaling.max_workers = 0;
    }
    return params;
}

}  // namespace rgridd
