// A loop on a clock that you own: the controller runs for an hour of its time in a moment of yours.
//
// Store and cloud are in memory; the worker is a few calls. `Controller::pass()` says when it wants to be called next,
// so it fits any event loop; here the loop is: advance the clock to that point, call again.

#include <iostream>
#include <rgrid/adapters/memory/cloud.hpp>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/control/controller.hpp>

namespace {

/// Prints what an operator would read.
class Printer final : public rgrid::EventSink {
public:
    explicit Printer(rgrid::Clock& clock) : clock_(clock), start_(clock.steady_now()) {}
    void emit(rgrid::Event const& event) override {
        if (event.severity == rgrid::Severity::debug) return;
        std::cout << "[" << rgrid::to_rough_text(clock_.steady_now() - start_) << "] " << event.text << "\n";
    }

private:
    rgrid::Clock& clock_;
    rgrid::SteadyInstant start_;
};

}  // namespace

int main() {
    using namespace rgrid;

    memory::ManualClock clock;
    memory::Store store{clock};
    memory::Cloud cloud{clock, FleetId{"demo"}};
    Printer events{clock};
    InlineExecutor executor;

    PlannerParams params;
    params.pools[PoolName{"default"}];
    Controller controller{{cloud, store, store, clock, events},
                          Planner{params},
                          {.fleet = FleetId{"demo"}, .candidate = "tutorial"},
                          executor};

    JobSpec spec;
    spec.command = {"true"};
    if (!store.submit({}, std::vector<JobSpec>(5, spec))) return 1;

    // One worker boots on each server, takes all the jobs it can, finishes them at once and goes on saying that it
    // lives.
    std::map<std::string, Incarnation> workers;
    auto const end = clock.steady_now() + 1h;
    while (clock.steady_now() < end) {
        auto const report = controller.pass();
        auto const servers = cloud.list({}).value();
        for (auto const& server : servers) {
            WorkerId const worker{server.name.value};
            if (!workers.contains(worker.value)) {
                if (server.age < 40s) continue;  // Still booting.
                auto const registered = store.register_worker({}, {worker, server.name, server.pool, 2, "tutorial"});
                if (registered) workers[worker.value] = registered->incarnation;
                continue;
            }
            auto const incarnation = workers[worker.value];
            auto const leases = store.claim({}, worker, incarnation, {}, 2);
            for (auto const& lease : leases ? *leases : std::vector<Lease>{}) {
                Completion done;
                done.job = lease.job;
                done.epoch = lease.epoch;
                done.outcome = Outcome::succeeded;
                static_cast<void>(store.complete({}, worker, incarnation, {done}));
            }
            static_cast<void>(store.beat({}, worker, incarnation, {}, false));
        }
        clock.advance(std::max(Duration{1}, report.next_pass - clock.steady_now()));
    }
    auto const counts = store.counts({}).value();
    std::cout << counts.succeeded << " of " << counts.accepted << " jobs succeeded; " << cloud.list({}).value().size()
              << " servers are left\n";
}
