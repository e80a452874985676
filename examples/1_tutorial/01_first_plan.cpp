// The first plan: a decision is a function of a value. No account, no clock, no input or output.
//
// Two workers of two slots run one job each, and eight jobs are queued. What would RGrid do, and why?

#include <iostream>
#include <rgrid/policy/explain.hpp>
#include <rgrid/policy/planner.hpp>

int main() {
    using namespace rgrid;

    Snapshot seen;  // Everything a decision may look at. What is not filled in is unknown.
    seen.fleet = FleetId{"demo"};
    seen.now = *parse_instant("2026-03-10T12:00:00Z");
    seen.next_number = 3;
    seen.offers.value = {{{"cx23", "fsn1"}, *parse_money("0.0064 EUR"), 1h, {}}};
    seen.demand.value = Demand{{{PoolName{"default"}, 0, 1, 8, 12s}}, {}, {}};
    seen.servers.value.emplace();
    seen.sessions.value.emplace();
    for (auto const* name : {"demo-default-1", "demo-default-2"}) {
        Intent intent;
        intent.server = ServerName{name};
        intent.pool = PoolName{"default"};
        intent.create = CreateState::created;
        intent.period = 1h;
        seen.intents.push_back(intent);

        Server server;
        server.name = intent.server;
        server.id = ServerId{name};
        server.pool = intent.pool;
        server.age = 20min;
        seen.servers.value->push_back(server);

        Session session;
        session.worker = WorkerId{name};
        session.server = intent.server;
        session.pool = intent.pool;
        session.slots = 2;
        session.busy_slots = 1;
        seen.sessions.value->push_back(session);
    }

    PlannerParams params;
    params.pools[PoolName{"default"}];  // One pool, all defaults.

    Plan const plan = Planner{params}.decide(seen);

    for (auto const& sentence : explain(plan)) std::cout << sentence << "\n";
    std::cout << "look again in " << to_text(plan.next_look) << "\n";
}
