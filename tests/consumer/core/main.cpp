#include <cstdio>
#include <rgrid/policy/planner.hpp>

// The core alone: eight jobs are queued and there is no worker of two slots yet, so four servers are wanted.
int main() {
    using namespace rgrid;
    PoolName const pool{"default"};
    Snapshot seen;
    seen.fleet = FleetId{"consumer"};
    seen.demand.value = Demand{.groups = {{.pool = pool, .slots = 1, .jobs = 8, .oldest = 1s}}, .oldest = {}, .next_due = {}};
    seen.servers.value.emplace();
    seen.sessions.value.emplace();
    seen.offers.value = {{.key = {"small", "here"}, .price = {6'400'000, Currency::EUR}, .monthly_cap = {}}};

    Plan const plan = Planner{{.limits = {}, .pools = {{pool, PoolParams{}}}}}.decide(seen);

    for (auto const& step : plan.steps) std::printf("create %s\n", step.server.value.c_str());
    return plan.steps.size() == 4 ? 0 : 1;
}
