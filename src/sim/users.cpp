#include <algorithm>
#include <rgrid/sim/users.hpp>
#include <utility>

namespace rgrid::sim {

Users::Users(Scene& scene, std::function<void()> wake)
    : scene_(scene),
      wake_(std::move(wake)),
      party_("user", scene.timeline, scene.fibers, world_start()),
      link_(scene.network, party_, scene.to_store),
      jobs_(scene.store, link_),
      chance_(scene.settings.seed, "users") {}

Users::~Users() = default;

void Users::submit(std::vector<Work> work) {
    std::vector<JobSpec> specs;
    for (auto& each : work) {
        auto& spec = each.spec;
        spec.command = {"work", std::to_string(each.runs.count()),
                        std::to_string(static_cast<int>(each.ending))};
        spec.env["TOKEN"] = planted_secret;
        spec.submit_key = "key-" + std::to_string(++keys_);
        specs.push_back(std::move(spec));
    }
    ++open_;
    scene_.fibers.spawn([this, specs = std::move(specs)] {
        while (!scene_.over) {
            auto const submitted = jobs_.submit({party_.clock.steady_now() + 20s, {}}, specs);
            if (submitted) {
                for (auto const& each : *submitted)
                    if (each) acknowledged_.insert(each->job);
                wake_();
                break;
            }
            if (submitted.error().code == Errc::in_doubt) scene_.reach("world: a submit in doubt is repeated");
            party_.clock.sleep_until(party_.clock.steady_now() + chance_.span(5s, 30s), {});
        }
        --open_;
    });
}

void Users::cancel(std::size_t count) {
    std::vector<JobId> jobs{acknowledged_.begin(), acknowledged_.end()};
    while (jobs.size() > count) jobs.erase(jobs.begin() + chance_.whole(0, static_cast<std::int64_t>(jobs.size()) - 1));
    if (jobs.empty()) return;
    scene_.fibers.spawn([this, jobs] {
        static_cast<void>(jobs_.cancel({party_.clock.steady_now() + 20s, {}}, jobs));
        wake_();
    });
}

void Users::retry_all() {
    std::vector<JobId> ended;
    for (auto const& view : look())
        if (is_final(view.state) && view.state != JobState::succeeded) ended.push_back(view.job);
    if (ended.empty()) return;
    scene_.fibers.spawn([this, ended] {
        static_cast<void>(jobs_.retry({party_.clock.steady_now() + 20s, {}}, ended));
        wake_();
    });
}

void Users::cut(Duration span) { link_.cut(scene_.now() + span); }

std::vector<JobView> Users::look() {
    JobQuery all;
    all.limit = 1'000'000;
    return scene_.store.truth().look({}, all).value();
}

}  // namespace rgrid::sim
