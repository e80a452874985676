#include <algorithm>
#include <rgrid/sim/agents.hpp>
#include <rgrid/sim/referee.hpp>
#include <utility>

namespace rgrid::sim {

namespace {

AgentSettings agent_settings(Scene const& scene, Server const& server) {
    AgentSettings settings;
    settings.worker = WorkerId{server.name.value};
    settings.server = server.name;
    settings.pool = server.pool;
    settings.poll = scene.settings.poll;
    if (auto const pool = scene.settings.params.pools.find(server.pool); pool != scene.settings.params.pools.end()) {
        settings.slots = pool->second.slots;
        settings.heartbeat = pool->second.health.heartbeat;
        settings.lost_after = pool->second.health.lost_after;
    }
    return fitted(settings);
}

}  // namespace

struct Agents::Host {
    Host(Scene& scene, Server const& made_server)
        : made(made_server),
          server(made.name),
          worker(made.name.value),
          party(made.name.value, scene.timeline, scene.fibers, world_start()),
          machine(agent_settings(scene, made)),
          link(scene.network, party, scene.to_store),
          work(scene.store, link) {}

    [[nodiscard]] Call call() const { return {party.clock.steady_now() + 20s, {}}; }

    Server made;
    ServerName server;
    WorkerId worker;
    Party party;
    AgentMachine machine;
    Link link;
    Faulty<WorkSource> work;
    std::map<LeaseKey, std::uint64_t> running;  // The attempt's number.
    bool off = false;  // The machine itself is.
    SteadyInstant tick = SteadyInstant::max();
    SteadyInstant forgiven_until;  // It has just thawed and may not know yet what it lost.
};

Agents::Agents(Scene& scene) : scene_(scene), chance_(scene.settings.seed, "agents"), scripts_(scene) {
    scene_.network.crash_points.emplace_back(
        [this](Party& party, PortCall const& call, bool after) { return crashes(party, call, after); });
}

Agents::~Agents() = default;

Agents::Host* Agents::find(ServerName const& name) {
    auto const found = hosts_.find(name);
    return found == hosts_.end() || found->second->party.dead ? nullptr : found->second.get();
}

void Agents::boot(Server const& server) {
    auto const& model = scene_.settings.boot;
    auto const takes = chance_.span(model.fastest, model.slowest);
    if (chance_.happens(model.never)) return scene_.reach("world: a boot that never ends");
    if (scene_.cloud.is_unfinished(server.name)) return scene_.reach("world: a server that cannot be finished");
    scripts_.run(server.name, takes, [this, server] {
        if (scene_.over || !scene_.cloud.stands(server.name) || hosts_.contains(server.name)) return;
        auto& host = *(hosts_[server.name] = std::make_unique<Host>(scene_, server));
        handle(host, agent::Tick{});
    });
}

void Agents::power_off(ServerName const& name) {
    kill(name);
    scripts_.power_off(name);
    if (auto const found = hosts_.find(name); found != hosts_.end()) found->second->off = true;
}

std::vector<ServerName> Agents::alive() const {
    std::vector<ServerName> names;
    for (auto const& [name, host] : hosts_)
        if (!host->party.dead) names.push_back(name);
    return names;
}

void Agents::kill(ServerName const& name) {
    auto* const host = find(name);
    if (host == nullptr) return;
    host->party.dead = true;
    for (auto const& [key, number] : host->running) std::erase(running_[key.first], host);
    host->running.clear();
}

void Agents::crash_at(PortCall const& call, bool after, int nth, std::optional<Duration> down) {
    crash_points_.add({call, after, nth, down});
}

bool Agents::crashes(Party const& party, PortCall const& call, bool after) {
    if (crash_points_.empty()) return false;
    auto const* const host = find(ServerName{party.name});
    if (host == nullptr || &host->party != &party) return false;
    auto const point = crash_points_.reach(call, after);
    if (!point) return false;
    scene_.tell(party.name, "its agent is killed");
    scene_.reach(point->name());
    auto const name = host->server;
    kill(name);
    if (point->down) scene_.timeline.after(*point->down, [this, name] { restart(name); });
    return true;
}

void Agents::restart(ServerName const& name) {
    auto& host = hosts_.at(name);
    if (scene_.over || host->off || !scene_.cloud.stands(name)) return;
    auto next = std::make_unique<Host>(scene_, host->made);
    dead_.push_back(std::exchange(host, std::move(next)));
    scene_.tell(name.value, "its agent is started again");
    scene_.reach("world: an agent was started again");
    handle(*host, agent::Tick{});
}

void Agents::freeze(ServerName const& name, Duration span) {
    auto* const host = find(name);
    if (host == nullptr) return;
    host->party.frozen_until = std::max(host->party.frozen_until, scene_.now() + span);
    // Ending its attempts takes a moment after it thaws; the fence holds meanwhile.
    host->forgiven_until = host->party.frozen_until + 30s;
}

void Agents::cut(ServerName const& name, Duration span) {
    if (auto* const host = find(name)) host->link.cut(scene_.now() + span);
}

void Agents::mend_all() {
    for (auto& [name, host] : hosts_) host->link.mend();
}

void Agents::step_clock(ServerName const& name, Duration span) {
    if (auto* const host = find(name)) host->party.clock.step_calendar(span);
}

void Agents::wake() {
    for (auto& [name, host] : hosts_) {
        if (host->party.dead || chance_.happens(scene_.settings.lost_wakes)) continue;
        auto* const woken = host.get();
        scene_.timeline.after(chance_.span(1ms, 50ms), [this, woken] { handle(*woken, agent::Woken{}); });
    }
}

void Agents::forgive(Duration span) { forgiven_until_ = std::max(forgiven_until_, scene_.now() + span); }

void Agents::handle(Host& host, AgentEvent const& event) {
    if (scene_.over || host.party.dead || host.machine.ended()) return;
    if (scene_.now() < host.party.frozen_until)  // A frozen process is told everything when it thaws.
        return scene_.timeline.at(host.party.frozen_until, [this, &host, event] { handle(host, event); });
    for (auto const& command : host.machine.handle(event, host.party.clock.steady_now()))
        std::visit([&](auto const& it) { carry_out(host, it); }, command);
    arm(host);
}

void Agents::arm(Host& host) {
    if (host.party.dead || host.machine.ended()) return;
    auto const wake = std::max(host.machine.next_wake(), scene_.now() + Duration{1});
    if (wake == host.tick) return;
    host.tick = wake;
    scene_.timeline.at(wake, [this, &host, wake] {
        if (host.tick != wake) return;
        host.tick = SteadyInstant::max();
        handle(host, agent::Tick{});
    });
}

/// Makes a call on a stack of its own, and hands the answer to the machine.
template <class Ask>
void Agents::ask(Host& host, Ask ask) {
    scene_.fibers.spawn([this, &host, ask = std::move(ask)] {
        auto answer = ask(host);
        handle(host, AgentEvent{std::move(answer)});
    });
}

void Agents::carry_out(Host& host, agent::Register const& it) {
    ask(host, [it](Host& from) {
        return agent::RegisterAnswer{from.work.register_worker(from.call(), it.registration)};
    });
}

void Agents::carry_out(Host& host, agent::Beat const& it) {
    ask(host, [it](Host& from) {
        return agent::BeatAnswer{from.work.beat(from.call(), from.worker, it.incarnation, it.acknowledged, it.leaving)};
    });
}

void Agents::carry_out(Host& host, agent::Claim const& it) {
    ask(host, [it](Host& from) {
        return agent::ClaimAnswer{from.work.claim(from.call(), from.worker, it.incarnation, it.acknowledged, it.slots)};
    });
}

void Agents::carry_out(Host& host, agent::Complete const& it) {
    ask(host, [it](Host& from) {
        return agent::CompleteAnswer{from.work.complete(from.call(), from.worker, it.incarnation, it.completions)};
    });
}

void Agents::carry_out(Host& host, agent::Start const& it) {
    LeaseKey const key{it.lease.job, it.lease.epoch};
    std::vector<std::string> others;
    for (auto* const other : running_[key.first]) {
        auto const excused = scene_.now() < std::max(other->forgiven_until, forgiven_until_);
        if (other != &host && !excused) others.push_back(other->server.value);
    }
    scene_.referee->check_start(host.server.value, key.first, others);

    auto const number = ++attempts_;
    host.running[key] = number;
    running_[key.first].push_back(&host);
    // The command says what becomes of it: its time in milliseconds, and how it ends.
    auto const& command = it.lease.spec.command;
    Duration const runs{std::stoll(command.at(1))};
    auto const ending = static_cast<Ending>(std::stoi(command.at(2)));
    if (ending == Ending::kills_worker) {
        scene_.timeline.after(std::min(runs, Duration{30s}), [this, &host, key, number] {
            auto const found = host.running.find(key);
            if (found == host.running.end() || found->second != number) return;
            scene_.tell(host.server.value, "killed by job " + std::to_string(key.first.value));
            kill(host.server);
        });
        return;
    }
    auto const fails = ending == Ending::always_fails || (ending == Ending::fails && it.lease.attempt == 1);
    auto const outcome = fails ? Outcome::failed : Outcome::succeeded;
    auto const timeout = it.lease.spec.timeout;
    bool const in_time = ending != Ending::hangs && runs < timeout;
    scene_.timeline.after(in_time ? runs : timeout, [this, &host, key, number, in_time, outcome] {
        end_attempt(host, key, number, in_time ? outcome : Outcome::timed_out);
    });
}

void Agents::carry_out(Host& host, agent::Stop const& it) {
    auto const found = host.running.find(it.lease);
    if (found == host.running.end()) return;
    auto const takes = chance_.span(Duration{0}, host.machine.settings().kill_grace);
    scene_.timeline.after(takes, [this, &host, key = it.lease, number = found->second] {
        end_attempt(host, key, number, Outcome::cancelled);
    });
}

void Agents::carry_out(Host& host, agent::Exit const& it) {
    scene_.tell(host.server.value, "ends" + (it.exit.message.empty() ? std::string{} : ": " + it.exit.message));
    kill(host.server);
}

void Agents::end_attempt(Host& host, LeaseKey const& key, std::uint64_t number, Outcome outcome) {
    auto const found = host.running.find(key);
    if (scene_.over || host.party.dead || found == host.running.end() || found->second != number) return;
    if (scene_.now() < host.party.frozen_until)
        return scene_.timeline.at(host.party.frozen_until, [this, &host, key, number, outcome] {
            end_attempt(host, key, number, outcome);
        });
    host.running.erase(found);
    std::erase(running_[key.first], &host);
    Completion completion;
    completion.job = key.first;
    completion.epoch = key.second;
    completion.outcome = outcome;
    handle(host, agent::AttemptEnded{completion});
}

}  // namespace rgrid::sim
