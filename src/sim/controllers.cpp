#include <algorithm>
#include <deque>
#include <rgrid/control/executor.hpp>
#include <rgrid/sim/controllers.hpp>
#include <rgrid/sim/referee.hpp>
#include <utility>

namespace rgrid::sim {

namespace {

constexpr Duration down_after_a_crash = 20s;

/// Runs steps on stacks of their own, so many at a time.
class FiberExecutor final : public Executor {
public:
    FiberExecutor(Fibers& fibers, int most) : fibers_(fibers), most_(most) {}

    void post(std::function<void()> work) override {
        waiting_.push_back(std::move(work));
        if (running_ < most_) run();
    }

private:
    void run() {
        ++running_;
        fibers_.spawn([this] {
            while (!waiting_.empty()) {
                auto const work = std::move(waiting_.front());
                waiting_.pop_front();
                work();
            }
            --running_;
        });
    }

    Fibers& fibers_;
    int most_;
    int running_ = 0;
    std::deque<std::function<void()>> waiting_;
};

/// What a controller tells is told by it alone while it lives.
class Voice final : public EventSink {
public:
    Voice(Scene& scene, Party const& party) : scene_(scene), party_(party) {}

    void emit(Event const& event) override {
        if (!party_.dead) scene_.tell(party_.name, event.text);
    }

private:
    Scene& scene_;
    Party const& party_;
};

}  // namespace

struct Controllers::Host {
    Host(Scene& scene, std::string const& name, PlannerParams const& params)
        : party(name, scene.timeline, scene.fibers, world_start()),
          to_store(scene.network, party, scene.to_store),
          to_cloud(scene.network, party, scene.to_cloud),
          cloud(scene.cloud, to_cloud),
          queue(scene.store, to_store),
          fleet(scene.store, to_store),
          voice(scene, party),
          executor(scene.fibers, scene.settings.step_threads) {
        auto settings = scene.settings.control;
        settings.candidate = name;
        controller = std::make_unique<Controller>(ControllerPorts{cloud, queue, fleet, party.clock, voice},
                                                  Planner{params}, settings, executor);
    }

    Party party;
    Link to_store;
    Link to_cloud;
    Faulty<CloudProvider> cloud;
    Faulty<JobQueue> queue;
    Faulty<FleetStore> fleet;
    Voice voice;
    FiberExecutor executor;
    std::unique_ptr<Controller> controller;
    int calls = 0;         // Pieces of its work that are under way: a pass.
    bool passing = false;
    bool again = false;    // Something changed during the pass.
    std::int64_t turn = 0;  // Only the last one armed counts.
};

Controllers::Controllers(Scene& scene)
    : scene_(scene), chance_(scene.settings.seed, "controllers"), params_(scene.settings.params) {
    for (int i = 0; i < scene.settings.controllers; ++i) {
        seats_.emplace_back();
        start(seats_.size() - 1);
    }
    scene_.network.crash_points.emplace_back(
        [this](Party& party, PortCall const& call, bool after) { return crashes(party, call, after); });
}

Controllers::~Controllers() = default;

void Controllers::start(std::size_t seat) {
    auto const name = "controller-" + std::to_string(++started_);
    seats_[seat] = std::make_unique<Host>(scene_, name, params_);
    auto& host = *seats_[seat];
    host.controller->on_change([this, &host] {
        if (host.passing)
            host.again = true;
        else
            arm(host, scene_.now() + Duration{1});
    });
    scene_.tell(name, "starts");
    arm(host, scene_.now());
}

void Controllers::arm(Host& host, SteadyInstant when) {
    if (host.party.dead) return;
    scene_.timeline.at(std::max(when, scene_.now()), [this, &host, turn = ++host.turn] {
        if (turn != host.turn || host.party.dead || scene_.over) return;
        if (scene_.now() < host.party.frozen_until) return arm(host, host.party.frozen_until);
        pass(host);
    });
}

void Controllers::pass(Host& host) {
    if (host.passing) {
        host.again = true;
        return;
    }
    host.passing = true;
    host.again = false;
    ++host.calls;
    scene_.fibers.spawn([this, &host] {
        if (!host.party.dead) {
            auto const report = host.controller->pass();
            if (!host.party.dead && !scene_.over) scene_.referee->check_pass(host.party.name, report);
            auto const next = host.party.clock.in_timeline(report.next_pass);
            host.passing = false;
            arm(host, host.again ? scene_.now() + Duration{1} : std::max(next, scene_.now() + Duration{10}));
        }
        host.passing = false;
        --host.calls;
    });
}

void Controllers::kill(Host& host) { host.party.dead = true; }

void Controllers::crash(std::size_t seat, Duration down) {
    if (!seats_[seat]) return;
    scene_.tell(seats_[seat]->party.name, "is killed");
    kill(*seats_[seat]);
    dead_.push_back(std::move(seats_[seat]));
    scene_.timeline.after(down, [this, seat] {
        if (!scene_.over && !seats_[seat]) start(seat);
    });
}

void Controllers::freeze(std::size_t seat, Duration span) {
    if (!seats_[seat]) return;
    scene_.tell(seats_[seat]->party.name, "is frozen for " + to_rough_text(span));
    auto& until = seats_[seat]->party.frozen_until;
    until = std::max(until, scene_.now() + span);
}

void Controllers::cut_from_store(std::size_t seat, Duration span) {
    if (seats_[seat]) seats_[seat]->to_store.cut(scene_.now() + span);
}

void Controllers::cut_from_cloud(std::size_t seat, Duration span) {
    if (seats_[seat]) seats_[seat]->to_cloud.cut(scene_.now() + span);
}

void Controllers::mend_all() {
    for (auto& host : seats_)
        if (host) host->to_store.mend(), host->to_cloud.mend();
}

void Controllers::step_clock(std::size_t seat, Duration span) {
    if (seats_[seat]) seats_[seat]->party.clock.step_calendar(span);
}

void Controllers::crash_at(PortCall const& call, bool after, int nth) {
    crash_points_.add({call, after, nth, down_after_a_crash});
}

bool Controllers::crashes(Party const& party, PortCall const& call, bool after) {
    if (crash_points_.empty()) return false;
    auto const seat = std::find_if(seats_.begin(), seats_.end(),
                                   [&](auto const& host) { return host && &host->party == &party; });
    if (seat == seats_.end()) return false;
    auto const point = crash_points_.reach(call, after);
    if (!point) return false;
    scene_.reach(point->name());
    crash(static_cast<std::size_t>(seat - seats_.begin()), *point->down);
    return true;
}

void Controllers::reconfigure(PlannerParams const& params) {
    params_ = params;
    for (auto& host : seats_)
        if (host) host->controller->set_planner(Planner{params});
}

void Controllers::wake() {
    for (auto& host : seats_) {
        if (!host || chance_.happens(scene_.settings.lost_wakes)) continue;
        if (host->passing)
            host->again = true;
        else
            arm(*host, scene_.now() + chance_.span(1ms, 30ms));
    }
}

void Controllers::end() {
    for (auto& host : seats_)
        if (host) kill(*host);
    scene_.fibers.finish();
}

}  // namespace rgrid::sim
