#include <cstdio>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/policy/planner.hpp>

// Opens a store, submits eight jobs and decides once: no worker of two slots is there yet, so four servers are wanted.
int main() {
    using namespace rgrid;
    memory::ManualClock clock;
    memory::Store store{clock};
    JobSpec spec;
    spec.command = {"true"};
    auto const accepted = store.submit({}, std::vector<JobSpec>(8, spec)).value();

    Snapshot seen;
    seen.now = clock.now();
    seen.fleet = FleetId{"consumer"};
    seen.demand.value = store.demand({}).value();
    seen.sessions.value = store.sessions({}).value().sessions;
    seen.servers.value.emplace();
    seen.offers.value = {{.key = {"small", "here"}, .price = {6'400'000, Currency::EUR}, .monthly_cap = {}}};
    Plan const plan = Planner{{.limits = {}, .pools = {{PoolName{"default"}, PoolParams{}}}}}.decide(seen);

    for (auto const& step : plan.steps) std::printf("create %s\n", step.server.value.c_str());
    return accepted.size() == 8 && plan.steps.size() == 4 ? 0 : 1;
}
