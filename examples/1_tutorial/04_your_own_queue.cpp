// Your own JobQueue: four methods over a queue that is not RGrid's. Here: a print shop that keeps its orders in a list
// and knows itself which printer prints what.
//
// RGrid then never sees a job. It asks how much is waiting and who is alive, and says whose session ends.

#include <iostream>
#include <map>
#include <rgrid/adapters/memory/cloud.hpp>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/control/controller.hpp>

using namespace rgrid;

namespace {

class PrintShop final : public JobQueue {
public:
    explicit PrintShop(Clock& clock) : clock_(clock) {}

    void order(int posters) { waiting_ += posters; }
    int waiting() const { return waiting_; }

    /// A printer that stands on a server says hello, and from then on prints one poster a call.
    void print_on(ServerName const& server) {
        auto& printer = printers_[server];
        if (printer.state == SessionState::closed) return;
        printer.last_seen = clock_.steady_now();
        ++printer.beats;
        printer.printing = waiting_ > 0 && printer.state == SessionState::open;
        if (printer.printing) --waiting_;
    }

    Result<Demand> demand(Call const&) override {
        Demand demand;
        if (waiting_ > 0) demand.groups.push_back({PoolName{"default"}, 0, 1, waiting_, 5min});
        return demand;
    }

    Result<SessionList> sessions(Call const&) override {
        SessionList list;
        list.store_now = Instant{clock_.steady_now().time_since_epoch()};
        for (auto const& [server, printer] : printers_) {
            Session session;
            session.worker = WorkerId{server.value};
            session.server = server;
            session.pool = PoolName{"default"};
            session.incarnation = Incarnation{1};
            session.state = printer.state;
            session.slots = 1;
            session.busy_slots = printer.printing ? 1 : 0;
            session.beat = BeatCount{printer.beats};
            session.silence = clock_.steady_now() - printer.last_seen;
            list.sessions.push_back(session);
        }
        return list;
    }

    /// Closing is final, and "if idle" and "close" are one step: that is all the fencing this queue needs.
    Result<CloseReport> close(Call const&, WorkerId const& worker, CloseMode mode, BeatMark const& seen) override {
        auto& printer = printers_[ServerName{worker.value}];
        if (mode == CloseMode::now && printer.beats != seen.beat.value)
            return CloseReport{CloseOutcome::changed, {}, {}};
        if (mode == CloseMode::if_idle && printer.printing) return CloseReport{CloseOutcome::busy, {}, {}};
        if (mode == CloseMode::now && printer.printing) ++waiting_;
        if (mode == CloseMode::drain && printer.printing) {
            printer.state = SessionState::draining;
            return CloseReport{CloseOutcome::draining, {}, {}};
        }
        printer.state = SessionState::closed;
        printer.printing = false;
        return CloseReport{};
    }

    Result<TendReport> tend(Call const&, std::vector<ServerName> const& settled) override {
        for (auto const& server : settled) printers_.erase(server);
        return TendReport{};
    }

private:
    struct Printer {
        SessionState state = SessionState::open;
        bool printing = false;
        std::int64_t beats = 0;
        SteadyInstant last_seen;
    };

    Clock& clock_;
    int waiting_ = 0;
    std::map<ServerName, Printer> printers_;
};

class Log final : public EventSink {
public:
    void emit(Event const& event) override {
        if (event.severity != Severity::debug) std::cout << event.text << "\n";
    }
};

}  // namespace

int main() {
    memory::ManualClock clock;
    memory::Store store{clock};  // Still keeps the fleet: intents, the bill, who leads.
    memory::Cloud cloud{clock, FleetId{"shop"}};
    PrintShop shop{clock};
    Log events;
    InlineExecutor executor;
    PlannerParams params;
    params.pools[PoolName{"default"}].slots = 1;
    params.pools[PoolName{"default"}].scaling.max_workers = 3;
    Controller controller{{cloud, shop, store, clock, events},
                          Planner{params},
                          {.fleet = FleetId{"shop"}, .candidate = "tutorial"},
                          executor};

    shop.order(40);
    auto const end = clock.steady_now() + 1h;
    while (clock.steady_now() < end) {
        auto const report = controller.pass();
        for (auto const& server : cloud.list({}).value())
            if (server.age >= 1min) shop.print_on(server.name);
        clock.advance(std::max(Duration{1}, report.next_pass - clock.steady_now()));
    }
    std::cout << shop.waiting() << " posters wait, " << cloud.list({}).value().size() << " servers are left\n";
}
