#include <algorithm>
#include <rgrid/sim/cloud.hpp>
#include <utility>

namespace rgrid::sim {

Cloud::Cloud(Clock& clock, FleetId fleet, CloudModel model, std::uint64_t seed, Witness* witness)
    : clock_(clock),
      fleet_(fleet),
      model_(std::move(model)),
      chance_(seed, "cloud"),
      fate_(seed, "unfinished servers"),
      witness_(witness != nullptr ? *witness : nobody_),
      cloud_(clock, std::move(fleet), {model_.offers, Duration{0}, model_.fastest_delete, model_.listing_lag}) {
    cloud_.set_quota(model_.quota);
}

Result<std::vector<Server>> Cloud::list(Call const& call) {
    if (other_project_) return std::vector<Server>{};
    cloud_.set_listing_lag(std::exchange(late_, false) ? model_.listing_lag : Duration{0});
    return cloud_.list(call);
}

Result<Server> Cloud::create(Call const& call, ServerRequest const& request) {
    if (other_project_) return fail(Errc::denied, "this access may not order servers");
    auto const stands_already = stands(request.name);
    bool const unfinished = !stands_already && (fate_.happens(model_.unfinished) || unfinished_next_ > 0);
    auto made = make(call, request, unfinished);
    if (!made || stands_already) return made;
    if (unfinished) unfinished_next_ = std::max(unfinished_next_ - 1, 0);
    note_made(*made, unfinished);
    witness_.on_create(*made);
    if (std::exchange(fail_after_create_, false))
        return fail(Errc::in_doubt, "server \"" + request.name.value + "\" was made and its action failed");
    return made;
}

Result<Server> Cloud::make(Call const& call, ServerRequest const& request, bool unfinished) {
    if (unfinished) cloud_.set_unfinished(model_.unfinished_after);
    auto made = cloud_.create(call, request);
    cloud_.set_unfinished({});
    return made;
}

Result<> Cloud::destroy(Call const& call, ServerId const& id) {
    auto const name = names_.find(id);
    if (name != names_.end() && stands(name->second)) witness_.on_destroy(lives_.at(name->second).server);
    for (auto const& [view, server] : foreign_)
        if (server.id == id) witness_.on_destroy(server);
    auto const takes = chance_.span(model_.fastest_delete, model_.slowest_delete);
    cloud_.set_delete_time(takes);
    auto destroyed = cloud_.destroy(call, id);
    if (destroyed && name != names_.end()) note_gone(name->second, clock_.steady_now() + takes);
    return destroyed;
}

bool Cloud::vanish(ServerName const& name) {
    if (!cloud_.vanish(name)) return false;
    note_gone(name, clock_.steady_now());
    return true;
}

void Cloud::make_foreign(ServerRequest const& request) {
    auto view = cloud_.seen_by(request.fleet);
    auto const made = view->create({}, request);
    if (!made) return;
    foreign_.emplace_back(std::move(view), *made);
}

void Cloud::remove_foreign() {
    for (auto const& [view, server] : foreign_) static_cast<void>(view->destroy({}, server.id));
    foreign_.clear();
}

bool Cloud::stands(ServerName const& name) const {
    auto const found = lives_.find(name);
    return found != lives_.end() && (!found->second.gone || clock_.steady_now() < *found->second.gone);
}

bool Cloud::is_unfinished(ServerName const& name) const {
    auto const found = lives_.find(name);
    return found != lives_.end() && found->second.unfinished;
}

void Cloud::note_made(Server const& server, bool unfinished) {
    lives_[server.name] = {server, clock_.steady_now(), std::nullopt, unfinished};
    names_[server.id] = server.name;
}

void Cloud::note_gone(ServerName const& name, SteadyInstant when) {
    auto const found = lives_.find(name);
    if (found == lives_.end()) return;
    auto& gone = found->second.gone;
    gone = gone ? std::min(*gone, when) : when;
}

}  // namespace rgrid::sim
