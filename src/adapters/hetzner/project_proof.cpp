#include "adapters/hetzner/project_proof.hpp"

#include <algorithm>
#include <utility>

#include "adapters/hetzner/labels.hpp"

namespace rgrid::hetzner {

namespace {

constexpr Duration look_again = 2s;  ///< Several steps that are refused together need no look each.
constexpr Duration marks_again = 10min;
constexpr int most_numbers = 3;  ///< Asked for one by one; a listing shows all but the youngest.

}  // namespace

ProjectProof::ProjectProof(Api& api, Belongings& belongings, FleetServers const& servers, FleetId fleet, Clock& clock)
    : api_(api), belongings_(belongings), servers_(servers), fleet_(std::move(fleet)), clock_(clock) {}

void ProjectProof::expect(std::vector<Id> const& servers) {
    std::scoped_lock const lock{mutex_};
    expected_.insert(servers.begin(), servers.end());
    if (expected_.empty()) return;
    proven_ = false;
    at_start_ = true;
}

void ProjectProof::token_changes() {
    auto const nothing_seen = servers_.count() == 0;
    std::scoped_lock const lock{mutex_};
    ++token_;
    proven_ = nothing_seen && expected_.empty();
    denial_.reset();
}

std::int64_t ProjectProof::token() const {
    std::scoped_lock const lock{mutex_};
    return token_;
}

std::optional<Result<>> ProjectProof::answer() const {
    std::scoped_lock const lock{mutex_};
    if (proven_) return Result<>{};
    if (denial_ && clock_.steady_now() < next_look_) return Result<>{*denial_};
    return std::nullopt;
}

Result<> ProjectProof::prove(Call const& call) {
    if (auto const known = answer()) return *known;
    auto const turn = turns_.enter(call, clock_, "the look whether the token is of the fleet's project");
    if (!turn) return turn.error();
    if (auto const known = answer()) return *known;
    auto const asked = token();
    auto const seen = look(call);
    if (!seen) return seen.error();
    auto refusal = denial();
    std::scoped_lock const lock{mutex_};
    if (token_ != asked) return fail(Errc::retry_later, "the token was changed while it was looked what it shows");
    if (*seen) {
        proven_ = true;
        at_start_ = false;
        expected_.clear();
        return {};
    }
    denial_ = std::move(refusal);
    next_look_ = clock_.steady_now() + look_again;
    return *denial_;
}

Result<bool> ProjectProof::look(Call const& call) {
    auto const server = sees_known_server(call, known());
    if (!server || *server) return server;
    // The last servers may have gone since they were seen; what was made beside them stays.
    auto const marks = belongings_.marks(call);
    if (!marks) return marks.error();
    std::scoped_lock const lock{mutex_};
    return std::ranges::any_of(*marks, [&](std::string const& mark) { return at_start_ || marks_.contains(mark); });
}

Result<bool> ProjectProof::sees_known_server(Call const& call, std::set<Id> const& known) {
    auto const listed = api_.servers(call, selector_of(fleet_));
    if (!listed) return listed.error().error;
    if (std::ranges::any_of(listed->value, [&](ApiServer const& server) {
            return known.contains(server.id) && is_of(server.labels, fleet_);
        }))
        return true;
    int asked = 0;
    for (auto id = known.rbegin(); id != known.rend() && asked < most_numbers; ++id, ++asked) {
        auto const there = api_.server(call, *id, Urgency::listing);
        if (there && is_of(there->value.labels, fleet_)) return true;
        if (!there && there.error().code != "not_found") return there.error().error;
    }
    return false;
}

std::set<Id> ProjectProof::known() const {
    auto known = servers_.missing({});
    std::scoped_lock const lock{mutex_};
    known.insert(known.end(), expected_.begin(), expected_.end());
    return {known.begin(), known.end()};
}

Error ProjectProof::denial() const {
    auto const number = known().size();
    auto const servers = number == 1 ? std::string{"the one known server"}
                                     : "any of the " + std::to_string(number) + " known servers";
    return fail(Errc::denied, "the Hetzner API token is good, but does not show " + servers + " of fleet " +
                                  fleet_.value +
                                  ": is this another project's token? Nothing is ordered, deleted or believed to be "
                                  "gone until one of them is seen; if they are all gone, end rgridd and start it with "
                                  "--servers-are-gone");
}

void ProjectProof::remember(Call const& call) {
    auto const asked = token();
    {
        std::scoped_lock const lock{mutex_};
        auto const now = clock_.steady_now();
        if (now < next_marks_) return;
        next_marks_ = now + marks_again;
    }
    auto const marks = belongings_.marks(call);
    std::scoped_lock const lock{mutex_};
    if (marks && token_ == asked && proven_) marks_ = *marks;
}

}  // namespace rgrid::hetzner
