#include <algorithm>
#include <boost/describe/enum_to_string.hpp>
#include <rgrid/model/cost.hpp>
#include <rgrid/policy/explain.hpp>
#include <rgrid/sim/bill.hpp>
#include <rgrid/sim/world.hpp>
#include <utility>

namespace rgrid::sim {

namespace {

/// Everything that can be done is done, and the last paid periods of idle workers run out.
constexpr Duration looks_for_the_end = 1min;

}  // namespace

World::World(WorldSettings settings)
    : scene_(std::move(settings)),
      chance_(scene_.settings.seed, "world"),
      agents_(scene_),
      controllers_(scene_),
      users_(scene_, [this] { agents_.wake(), controllers_.wake(); }) {
    scene_.referee->allow(scene_.settings.params);
    scene_.made = [this](Server const& server) {
        scene_.tell("cloud", "made " + server.name.value);
        agents_.boot(server);
    };
    scene_.ended = [this](ServerName const& name) {
        scene_.tell("cloud", "ends " + name.value);
        agents_.power_off(name);
    };
    // A lease may look overrun to a store whose clock was stepped. Its worker learns of it at its next beat, and the
    // fence holds meanwhile.
    scene_.expired = [this] { agents_.forgive(2min); };
    std::map<Duration, std::vector<Work>> batches;
    for (auto& work : scene_.settings.work) batches[work.at].push_back(work);
    for (auto& [when, batch] : batches) at(when, [jobs = batch](World& world) { world.submit(jobs); });
    at(scene_.settings.calm_after, [](World& world) { world.become_calm(); });
}

World::~World() {
    scene_.over = true;
    controllers_.end();
}

void World::at(Duration since_start, std::function<void(World&)> what) {
    scene_.timeline.at(scene_.start + since_start, [this, what = std::move(what)] {
        if (!scene_.over) what(*this);
    });
}

Report World::run() {
    auto next_look = scene_.start + scene_.settings.calm_after;
    auto& referee = *scene_.referee;
    bool ended = false;
    while (!scene_.timeline.empty() && referee.violations().empty() && !ended) {
        if (scene_.elapsed() > scene_.settings.ends_after) break;
        scene_.timeline.step();
        referee.check();
        if (calm_ && scene_.now() >= next_look) {
            next_look = scene_.now() + looks_for_the_end;
            ended = is_over();
        }
    }
    Report report;
    report.lasted = scene_.elapsed();
    report.events = scene_.timeline.count();
    if (referee.violations().empty()) check_end();
    scene_.over = true;
    write_report(report);
    controllers_.end();
    return report;
}

void World::write_report(Report& report) {
    auto& referee = *scene_.referee;
    report.violations = referee.violations();
    report.last_lines.assign(scene_.lines.begin(), scene_.lines.end());
    report.digest = scene_.digest;
    report.plan = referee.last_plan();
    report.reached = scene_.reached;
    for (auto const& call : port_calls)
        for (std::size_t kind = 1; kind < fault_kinds; ++kind)
            if (auto const times = scene_.network.met[call.number][kind]; times > 0)
                report.reached["fault: " + std::string{call.name} + " " +
                               boost::describe::enum_to_string(static_cast<Fault>(kind), "?")] += times;
    report.jobs = scene_.store.truth().counts({}).value();
    report.passes = referee.passes();
    report.creations = static_cast<std::int64_t>(scene_.cloud.lives().size());
    report.most_servers = referee.most_servers();
    report.losses = referee.losses();
    for (auto const& bill : scene_.store.truth().bills({}, Instant{}).value()) {
        auto const periods = paid_periods(bill.lifetime, bill.period);
        report.paid_periods += periods;
        report.cost += bill.price * periods;
    }
    report.create_calls = scene_.faults.calls("CloudProvider.create");
    for (auto const& [name, life] : scene_.cloud.lives())
        for (auto const& [offer, capacity] : scene_.settings.cloud.offers) {
            if (offer.key != life.server.offer) continue;
            auto const stood = life.gone.value_or(scene_.now()) - life.created;
            report.charged_periods += paid_periods(stood, offer.period);
            report.charged += server_cost(offer, world_start() + (life.created - scene_.start), stood);
        }
    Duration sum{0};
    std::int64_t started = 0;
    for (auto const& job : users_.look()) {
        if (!job.started) continue;
        ++started;
        sum += *job.started - job.submitted;
        report.longest_wait = std::max(report.longest_wait, *job.started - job.submitted);
    }
    if (started > 0) report.mean_wait = sum / started;
}

// ---- the end ---------------------------------------------------------------------------------------------------

void World::become_calm() {
    calm_ = true;
    scene_.faults.calm();
    scene_.to_store.away_until = scene_.to_cloud.away_until = {};
    scene_.to_cloud.throttled_until = {};
    agents_.mend_all();
    controllers_.mend_all();
    scene_.cloud.remove_foreign();
    scene_.cloud.show_other_project(false);
    scene_.cloud.set_quota({});
    scene_.cloud.finish_all();
    scene_.settings.boot.fails = 0;
    for (auto const& offer : scene_.settings.cloud.offers) scene_.cloud.set_capacity(offer.offer.key, {});
    scene_.tell("world", "is calm");
}

bool World::is_over() {
    if (!users_.is_done()) return false;
    auto const counts = scene_.store.truth().counts({}).value();
    if (counts.scheduled + counts.queued + counts.running > 0) return false;
    int wanted = 0;
    for (auto const& [name, pool] : scene_.settings.params.pools) wanted += pool.scaling.min_workers;
    int standing = 0;
    for (auto const& server : scene_.cloud.truth()) {
        if (!scene_.cloud.stands(server.name)) continue;
        // What can never be a worker is none of those that are kept.
        if (scene_.failed_boots.contains(server.name) || scene_.cloud.is_unfinished(server.name)) return false;
        ++standing;
    }
    auto const record = scene_.store.truth().load({}).value();
    return standing == wanted && static_cast<int>(record.intents.size()) == wanted && record.frozen.empty();
}

void World::check_end() {
    auto& referee = *scene_.referee;
    if (!is_over()) {
        auto const counts = scene_.store.truth().counts({}).value();
        auto const record = scene_.store.truth().load({}).value();
        referee.violate("I13: in the end " + std::to_string(counts.scheduled + counts.queued + counts.running) +
                        " jobs have not ended, " + std::to_string(scene_.cloud.truth().size()) + " servers and " +
                        std::to_string(record.intents.size()) + " intents are left" +
                        (users_.is_done() ? "" : ", a submit is still being repeated") +
                        (record.frozen.empty() ? "" : ", and the store stands still: " + record.frozen));
    }
    std::set<JobId> known;
    for (auto const& job : users_.look()) known.insert(job.job);
    for (auto const& job : users_.acknowledged())
        if (!known.contains(job))
            referee.violate("I1: job " + std::to_string(job.value) + " was acknowledged and is unknown");
    referee.check_bill();
}

// ---- what may happen -------------------------------------------------------------------------------------------

std::vector<ServerName> World::some(std::vector<ServerName> of, double share) {
    auto const wanted = static_cast<std::size_t>(static_cast<double>(of.size()) * share + 0.999);
    while (of.size() > wanted)
        of.erase(of.begin() + chance_.whole(0, static_cast<std::int64_t>(of.size()) - 1));
    return of;
}

void World::store_away(Duration span, bool refuses) {
    scene_.tell("world", "the store is away for " + to_rough_text(span));
    scene_.to_store.away_until = scene_.now() + span;
    scene_.to_store.refuses = refuses;
}

void World::cloud_away(Duration span, bool refuses) {
    scene_.tell("world", "the cloud is away for " + to_rough_text(span));
    scene_.to_cloud.away_until = scene_.now() + span;
    scene_.to_cloud.refuses = refuses;
}

void World::throttle_cloud(Duration span) { scene_.to_cloud.throttled_until = scene_.now() + span; }

void World::vanish(double share) {
    std::vector<ServerName> standing;
    for (auto const& server : scene_.cloud.truth())
        if (scene_.cloud.stands(server.name)) standing.push_back(server.name);
    for (auto const& name : some(std::move(standing), share)) {
        scene_.tell("world", name.value + " vanishes");
        scene_.cloud.vanish(name);
        agents_.power_off(name);
    }
}

void World::boots_fail(Duration span) {
    scene_.tell("world", "no agent comes up for " + to_rough_text(span));
    auto& never = scene_.settings.boot.never;
    at(scene_.elapsed() + span, [usually = never](World& world) { world.scene().settings.boot.never = usually; });
    never = 1;
}

void World::kill_agents(double share) {
    for (auto const& name : some(agents_.alive(), share)) {
        scene_.tell("world", "the agent of " + name.value + " is killed");
        agents_.kill(name);
    }
}

void World::freeze_agents(double share, Duration span) {
    for (auto const& name : some(agents_.alive(), share)) {
        scene_.tell("world", "the agent of " + name.value + " is frozen for " + to_rough_text(span));
        agents_.freeze(name, span);
    }
}

void World::cut_agents(double share, Duration span) {
    for (auto const& name : some(agents_.alive(), share)) {
        scene_.tell("world", name.value + " is cut off for " + to_rough_text(span));
        agents_.cut(name, span);
    }
}

void World::step_store_clock(Duration span) {
    scene_.tell("world", "the store's clock is stepped by " + to_rough_text(span));
    scene_.store_stepped = scene_.now();
    scene_.store_clock.step_steady(span);
    scene_.store_clock.step_calendar(span);
}

void World::step_cloud_clock(Duration span) {
    scene_.tell("world", "the cloud's calendar is stepped by " + to_rough_text(span));
    scene_.cloud_clock.step_calendar(span);
}

void World::step_agent_clocks(Duration span) {
    for (auto const& name : agents_.alive()) agents_.step_clock(name, span);
}

void World::foreign_fleet(int servers) {
    for (int i = 0; i < servers; ++i)
        scene_.cloud.make_foreign({ServerName{"other-default-" + std::to_string(i + 1)}, FleetId{"other"},
                                   PoolName{"default"}, scene_.settings.cloud.offers.front().offer.key,
                                   StoreId{"other"}, Generation{1}, 1});
}

void World::foreign_store(int servers, Duration span) {
    scene_.tell("world", "another store's servers stand for " + to_rough_text(span));
    for (int i = 0; i < servers; ++i)
        scene_.cloud.make_foreign({ServerName{"f-default-x" + std::to_string(i + 1)}, scene_.settings.control.fleet,
                                   PoolName{"default"}, scene_.settings.cloud.offers.front().offer.key,
                                   StoreId{"another"}, Generation{1}, 1});
    at(scene_.elapsed() + span, [](World& world) { world.cloud().remove_foreign(); });
}

void World::other_project(Duration span) {
    scene_.tell("world", "another project's servers are listed for " + to_rough_text(span));
    scene_.cloud.show_other_project(true);
    at(scene_.elapsed() + span, [](World& world) { world.cloud().show_other_project(false); });
}

void World::back_up_store() { scene_.store.back_up(); }

void World::restore_store(Duration notices) {
    if (!scene_.store.restore()) return;
    scene_.tell("world", "the store is restored");
    scene_.reach("world: the store was restored");
    users_.forget();
    scene_.referee->begin_anew();
    agents_.forgive(notices + 10min);
    at(scene_.elapsed() + notices, [](World& world) { world.adopt(); });
}

void World::stand_still(Duration span) {
    scene_.store.freeze({}, "an operator wants it to").value();
    scene_.tell("world", "the store stands still for " + to_rough_text(span));
    at(scene_.elapsed() + span, [](World& world) { world.adopt(); });
}

/// What an operator does with `rgrid store adopt`: everything seen anywhere bounds what is numbered from now on.
void World::adopt() {
    auto& store = scene_.store.truth();
    auto const record = store.load({}).value();
    Adoption adoption;
    adoption.store = record.store;
    adoption.above = record.generation;
    adoption.next_number = record.next_number;
    for (auto const& server : scene_.cloud.truth()) {
        adoption.above = std::max(adoption.above, server.generation);
        auto const digits = server.name.value.find_last_not_of("0123456789") + 1;
        if (digits < server.name.value.size() && scene_.cloud.stands(server.name))
            adoption.next_number = std::max<std::int64_t>(adoption.next_number,
                                                          std::stoll(server.name.value.substr(digits)) + 1);
    }
    for (auto const& job : users_.look()) adoption.last_job = std::max(adoption.last_job, job.job);
    adoption.last_job.value += 1000;
    scene_.store.adopt({}, adoption).value();
    scene_.tell("world", "the store is adopted");
    scene_.reach("world: the store was adopted");
    scene_.referee->begin_anew();
    // Whoever held a job is told so at its next beat; the fence holds meanwhile.
    agents_.forgive(5min);
    // A controller may remember a later generation than any server shows: then the operator has to do it again.
    at(scene_.elapsed() + 3min, [](World& world) {
        if (!world.scene().store.truth().load({}).value().frozen.empty()) world.adopt();
    });
}

void World::reconfigure(PlannerParams const& params) {
    scene_.tell("world", "the configuration changes");
    scene_.settings.params = params;
    scene_.referee->allow(params);
    controllers_.reconfigure(params);
}

}  // namespace rgrid::sim
