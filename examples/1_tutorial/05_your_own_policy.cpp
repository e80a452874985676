// Your own policy: a stage of the decision replaced by another of the same name. This one looks ahead: it knows that a
// class of thirty submits its homework at ten, and has workers ready by then.
//
// A policy is a function from a draft to a draft. It sees what earlier stages decided; the limits still come after it.

#include <iostream>
#include <rgrid/policy/explain.hpp>
#include <rgrid/policy/planner.hpp>

using namespace rgrid;

namespace {

class HomeworkAtTen final : public Policy {
public:
    explicit HomeworkAtTen(PlannerParams params) : usual_(std::move(params)) {}

    std::string_view name() const override { return "scaling"; }

    Draft revise(Snapshot const& seen, Draft draft) const override {
        draft = usual_.revise(seen, std::move(draft));
        auto const midnight = std::chrono::floor<std::chrono::days>(seen.now);
        auto const ten = midnight + 10h;
        if (seen.now > ten) return draft;
        if (seen.now < ten - 5min) {
            draft.look_in(ten - 5min - seen.now);  // Nothing changes before, but then it does.
            return draft;
        }
        auto const coming = std::count_if(draft.roster.workers.begin(), draft.roster.workers.end(),
                                          [](auto const& worker) { return detail::is_active(worker); });
        std::vector<Fact> const facts{{"workers", coming, Unit::count}, {"minimum", 6, Unit::count}};
        for (auto have = coming + static_cast<std::int64_t>(draft.wanted.size()); have < 6; ++have)
            draft.wanted.push_back({PoolName{"default"}, Reason::minimum_workers, facts, {}});
        return draft;
    }

private:
    ScalingPolicy usual_;
};

}  // namespace

int main() {
    PlannerParams params;
    params.pools[PoolName{"default"}];
    Planner planner{params};
    if (!planner.replace(std::make_shared<HomeworkAtTen>(params))) return 1;
    std::cout << "stages:";
    for (auto const& stage : planner.stages()) std::cout << " " << stage;
    std::cout << "\n";

    Snapshot seen;
    seen.fleet = FleetId{"school"};
    seen.offers.value = {{{"cx23", "fsn1"}, *parse_money("0.0064 EUR"), 1h, {}}};
    seen.demand.value.emplace();
    seen.servers.value.emplace();
    seen.sessions.value.emplace();
    for (auto const* time : {"2026-03-10T09:30:00Z", "2026-03-10T09:56:00Z"}) {
        seen.now = *parse_instant(time);
        auto const plan = planner.decide(seen);
        std::cout << time << "\n";
        for (auto const& sentence : explain(plan)) std::cout << "  " << sentence << "\n";
        std::cout << "  look again in " << to_text(plan.next_look) << "\n";
    }
}
