#include "hetzner_sim/state.hpp"

#include <utility>

namespace rgrid::hetzner_sim {

State::State(Settings with, SteadyInstant steady, Instant calendar_now)
    : settings(std::move(with)),
      now(steady),
      began_steady(steady),
      began(calendar_now + settings.clock_ahead),
      chance(settings.seed, "hetzner") {}

Project& State::project(std::string const& name) {
    auto const [found, made] = projects.try_emplace(name);
    if (!made) return found->second;
    auto& project = found->second;
    project.name = name;
    project.cloud.set_quota(settings.server_limit);
    for (auto const& type : settings.catalogue.types)
        for (auto const& at : type.locations)
            project.cloud.set_stock({type.name, at.location}, stock_of({type.name, at.location}));
    return project;
}

std::optional<int> State::stock_of(OfferKey const& offer) const {
    auto const found = settings.stock.find(offer);
    return found == settings.stock.end() ? std::nullopt : std::optional{found->second};
}

}  // namespace rgrid::hetzner_sim
