// Your own CloudProvider: five methods. This one rents imaginary boats; yours would call an interface of your provider.
//
// What matters is what the comments in ports/cloud_provider.hpp ask for: a create is idempotent under the name, a
// failed call says whether its effect may have happened, a listing is complete or an error.

#include <iostream>
#include <map>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/control/controller.hpp>

using namespace rgrid;

namespace {

class BoatRental final : public CloudProvider {
public:
    explicit BoatRental(Clock& clock) : clock_(clock) {}

    Result<std::vector<Offer>> offers(Call const&) override {
        return std::vector<Offer>{{{"dinghy", "harbour"}, *parse_money("4.50 EUR"), 1h, {}},
                                  {{"ferry", "harbour"}, *parse_money("90 EUR"), 24h, {}}};
    }

    Result<std::vector<Server>> list(Call const&) override {
        std::vector<Server> servers;
        for (auto const& [name, boat] : boats_) servers.push_back(as_of_now(boat));
        return servers;
    }

    Result<std::optional<Server>> find(Call const&, ServerName const& name) override {
        auto const boat = boats_.find(name);
        return boat == boats_.end() ? std::optional<Server>{} : as_of_now(boat->second);
    }

    Result<Server> create(Call const&, ServerRequest const& request) override {
        if (request.offer.type == "dinghy" && boats_.size() >= 2)
            return fail(Errc::capacity, "no dinghy is left, two are out");
        auto const [boat, is_new] = boats_.try_emplace(request.name);
        if (is_new) {
            auto& [server, since] = boat->second;
            server.id = ServerId{"boat-" + std::to_string(++launched_)};
            server.name = request.name;
            server.pool = request.pool;
            server.offer = request.offer;
            server.store = request.store;
            server.status = ServerStatus::running;
            since = clock_.steady_now();
            std::cout << "  (the harbour launches a " << request.offer.type << " called " << request.name.value
                      << ")\n";
        }
        return as_of_now(boat->second);
    }

    Result<> destroy(Call const&, ServerId const& id) override {
        std::erase_if(boats_, [&](auto const& entry) { return entry.second.first.id == id; });
        return {};
    }

private:
    using Boat = std::pair<Server, SteadyInstant>;

    Server as_of_now(Boat const& boat) const {
        auto server = boat.first;
        server.age = clock_.steady_now() - boat.second;
        return server;
    }

    Clock& clock_;
    std::map<ServerName, Boat> boats_;
    int launched_ = 0;
};

class Printer final : public EventSink {
public:
    void emit(Event const& event) override {
        if (event.severity != Severity::debug) std::cout << event.text << "\n";
    }
};

}  // namespace

int main() {
    memory::ManualClock clock;
    memory::Store store{clock};
    BoatRental harbour{clock};
    Printer events;
    InlineExecutor executor;
    PlannerParams params;
    params.pools[PoolName{"default"}];
    Controller controller{{harbour, store, store, clock, events},
                          Planner{params},
                          {.fleet = FleetId{"sea"}, .candidate = "tutorial"},
                          executor};

    JobSpec spec;
    spec.command = {"row"};
    if (!store.submit({}, std::vector<JobSpec>(6, spec))) return 1;

    // Three boats are wanted, two dinghies are there: the third wish falls through to the next offer.
    for (int pass = 0; pass < 4; ++pass) {
        controller.pass();
        clock.advance(1s);
    }
    for (auto const& boat : harbour.list({}).value())
        std::cout << boat.name.value << " is a " << boat.offer.type << "\n";
}
