#include "app/reload.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <rgrid/config/json.hpp>
#include <rgrid/policy/policy.hpp>
#include <rgrid/policy/roster.hpp>
#include <set>
#include <string_view>

namespace rgrid::app {

namespace {

using Values = std::map<std::string, std::string>;

/// Every setting that is not made of others, by its path, as it is to be shown.
void flatten(boost::json::value const& json, std::string const& path, Values& into) {
    if (auto const* object = json.if_object()) {
        for (auto const& [name, value] : *object)
            flatten(value, path.empty() ? std::string{name} : path + "." + std::string{name}, into);
    } else if (auto const* text = json.if_string()) {
        into[path] = text->empty() ? "\"\"" : std::string{*text};
    } else {
        into[path] = json.is_null() ? "none" : boost::json::serialize(json);
    }
}

template <class T>
Values values_of(T const& settings) {
    Values values;
    flatten(config::to_json(settings), {}, values);
    return values;
}

/// A setting that has another value now.
struct Change {
    std::string path;
    std::string before = "none";
    std::string after = "none";

    [[nodiscard]] std::string text() const {
        // The place of a store may hold a password.
        return path.ends_with("url") ? path + " is another" : path + " " + before + " -> " + after;
    }
};

std::vector<Change> changes_between(Values const& before, Values const& after) {
    std::set<std::string> paths;
    for (auto const* values : {&before, &after})
        for (auto const& [path, value] : *values) paths.insert(path);
    std::vector<Change> changes;
    for (auto const& path : paths) {
        Change change{path};
        if (auto const found = before.find(path); found != before.end()) change.before = found->second;
        if (auto const found = after.find(path); found != after.end()) change.after = found->second;
        if (change.before != change.after) changes.push_back(std::move(change));
    }
    return changes;
}

std::string counted(std::int64_t count, std::string const& noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

/// What there is of one pool.
struct PoolNow {
    int ready = 0;      ///< Workers that take jobs.
    int booting = 0;    ///< Ordered, and their workers have not registered.
    int reckoning = 0;  ///< Workers that go by what they read when they started.
    std::int64_t queued = 0;
    std::vector<Duration> ages;  ///< Of ready workers' servers.
};

PoolNow look_at(Snapshot const& seen, PoolName const& pool) {
    PoolNow now;
    for (auto const& worker : make_roster(seen).workers) {
        if (worker.pool != pool) continue;
        now.ready += worker.phase == Phase::ready;
        now.booting += worker.phase == Phase::booting || worker.phase == Phase::requested;
        now.reckoning += detail::is_active(worker) || worker.phase == Phase::draining;
        if (worker.phase == Phase::ready && worker.server) now.ages.push_back(worker.server->age);
    }
    if (seen.demand.value)
        for (auto const& group : seen.demand.value->groups)
            if (group.pool == pool) now.queued += group.jobs;
    return now;
}

/// Compares one pool with what it was.
class PoolReload {
public:
    PoolReload(PoolName const& pool, PoolParams const& before, PoolParams& after, Snapshot const* seen)
        : name_(pool.value), before_(before), after_(after) {
        if (seen != nullptr) now_ = look_at(*seen, pool);
    }

    void compare(Reload& into) {
        for (auto const& change : changes_between(values_of(before_), values_of(after_))) {
            auto const text = "pool " + name_ + ": " + change.text();
            if (change.path == "health.lost_after" && must_stay())
                into.kept.push_back(text + ": " + reckon());
            else
                into.effects.push_back(text + ": " + what_follows(change.path));
        }
    }

private:
    /// A worker that cannot be heard of ends its jobs by the limit that it knows: given up earlier, it would still run
    /// what another has begun.
    bool must_stay() {
        if (after_.health.lost_after >= before_.health.lost_after || (now_ && now_->reckoning == 0)) return false;
        after_.health.lost_after = before_.health.lost_after;
        return true;
    }

    [[nodiscard]] std::string reckon() const {
        auto const workers = !now_                  ? "workers that run reckon"
                             : now_->reckoning == 1 ? std::string{"1 worker reckons"}
                                                    : std::to_string(now_->reckoning) + " workers reckon";
        return workers + " with " + to_text(before_.health.lost_after) +
               ", which stays until they are replaced and the configuration is read again";
    }

    [[nodiscard]] std::string what_follows(std::string const& path) const {
        if (path == "scaling.max_workers") return above_maximum();
        if (path == "scaling.min_workers") return below_minimum();
        if (path == "health.max_age") return too_old();
        if (path == "slots" || path.starts_with("placement.offers"))
            return "for servers ordered from now on; those that are there stay as they are";
        if (path == "health.heartbeat") return "for workers that start from now on; those that run keep theirs";
        return "from the next look on";
    }

    [[nodiscard]] std::string above_maximum() const {
        if (!now_) return "workers above that drain, idle ones first";
        auto const workers = now_->ready + now_->booting;
        auto const excess = workers - after_.scaling.max_workers;
        if (excess <= 0) return "it has " + std::to_string(workers) + " now";
        return std::to_string(excess) + " of its " + counted(workers, "worker") + (excess == 1 ? " drains" : " drain") +
               ", booting and idle ones first";
    }

    [[nodiscard]] std::string below_minimum() const {
        if (!now_) return "from the next look on";
        auto const missing = after_.scaling.min_workers - now_->ready - now_->booting;
        return missing <= 0 ? "it has " + std::to_string(now_->ready + now_->booting) + " now"
                            : counted(missing, "worker") + (missing == 1 ? " is ordered" : " are ordered");
    }

    [[nodiscard]] std::string too_old() const {
        if (!now_) return "older workers drain, a few at a time";
        auto const old = std::count_if(now_->ages.begin(), now_->ages.end(),
                                       [&](Duration age) { return age > after_.health.max_age; });
        if (old == 0) return "no worker is older";
        return counted(old, "worker") + (old == 1 ? " is older and drains" : " are older and drain, a few at a time");
    }

    std::string name_;
    PoolParams const& before_;
    PoolParams& after_;
    std::optional<PoolNow> now_;
};

std::string removed_text(PoolName const& pool, Snapshot const* seen) {
    auto text = "pool " + pool.value + " is removed: ";
    if (seen == nullptr)
        return text + "its workers drain; what is queued for it waits until there is such a pool again";
    auto const now = look_at(*seen, pool);
    text += now.ready == 0 ? "it has no worker"
                           : "its " + counted(now.ready, "worker") + (now.ready == 1 ? " drains" : " drain");
    if (now.booting > 0)
        text += ", " + std::to_string(now.booting) + " that " + (now.booting == 1 ? "boots goes" : "boot go");
    if (now.queued > 0)
        text += ", " + counted(now.queued, "queued job") + (now.queued == 1 ? " waits" : " wait") +
                " until there is such a pool again";
    return text;
}

std::string added_text(PoolName const& pool, PoolParams const& params, Snapshot const* seen) {
    auto text = "pool " + pool.value + " is new: at most " + counted(params.scaling.max_workers, "worker") + " of " +
                counted(params.slots, "slot");
    auto const queued = seen == nullptr ? 0 : look_at(*seen, pool).queued;
    if (queued > 0) text += "; " + counted(queued, "job") + (queued == 1 ? " is" : " are") + " queued for it";
    return text;
}

void compare_pools(Settings const& before, Snapshot const* seen, Reload& into) {
    for (auto const& [pool, params] : before.pool)
        if (!into.settings.pool.contains(pool)) into.effects.push_back(removed_text(pool, seen));
    for (auto& [pool, params] : into.settings.pool) {
        auto const known = before.pool.find(pool);
        if (known == before.pool.end())
            into.effects.push_back(added_text(pool, params, seen));
        else
            PoolReload{pool, known->second, params, seen}.compare(into);
    }
}

/// What cannot change while the ports are open stays as it was.
void keep_what_is_open(Settings const& before, Settings& after) {
    after.fleet.name = before.fleet.name;
    after.fleet.decision_log = before.fleet.decision_log;
    after.store = before.store;
    after.files = before.files;
    // A token is to be changed while servers stand.
    auto token = after.cloud.hetzner && before.cloud.hetzner ? after.cloud.hetzner->token : Secret{};
    after.cloud = before.cloud;
    if (!token.empty()) after.cloud.hetzner->token = std::move(token);
    after.gateway = before.gateway;
    after.log.format = before.log.format;
}

bool is_for_agents(std::string_view path) {
    return path == "store.url" || path == "files.url" || path == "store.synchronous" || path == "store.max_log" ||
           path.starts_with("store.postgres");
}

std::string what_follows(std::string_view path) {
    if (path.starts_with("worker.")) return "for workers that start from now on; those that run keep theirs";
    if (path.starts_with("limits.")) return "from the next look on; no server is ended for it";
    if (path == "log.level") return "at once";
    return "from the next look on";
}

/// What is changed outside of the pools. `made`: without a restart.
std::vector<Change> general_changes(Settings const& before, Settings const& after, bool made) {
    auto open = after;
    keep_what_is_open(before, open);
    auto const in_force = values_of(open);
    auto changes = changes_between(values_of(before), values_of(after));
    std::erase_if(changes, [&](Change const& change) {
        auto const found = in_force.find(change.path);
        bool const is_made = (found == in_force.end() ? "none" : found->second) == change.after;
        return change.path.starts_with("pool.") || is_made != made;
    });
    return changes;
}

}  // namespace

std::vector<std::string> waits_for_restart(Settings const& before, Settings const& after) {
    std::vector<std::string> sentences;
    for (auto const& change : general_changes(before, after, false))
        sentences.push_back(change.text() + ": needs a restart" +
                            (is_for_agents(change.path) ? "; workers that start before it go by the new one" : ""));
    return sentences;
}

Reload reload(Settings const& before, Settings const& after, Snapshot const* seen) {
    Reload result;
    result.settings = after;
    keep_what_is_open(before, result.settings);
    result.kept = waits_for_restart(before, after);
    for (auto const& change : general_changes(before, after, true))
        result.effects.push_back(change.text() + ": " + what_follows(change.path));
    if (result.settings.cloud != before.cloud)
        result.effects.push_back("cloud.hetzner.token is another: the provider is shown it from now on");
    compare_pools(before, seen, result);
    return result;
}

bool can_replace(LoadedSettings const& in_force, LoadedSettings const& wanted, Log& log) {
    // The defaults are no answer to a file that somebody has just moved away.
    bool const has_gone = in_force.file && !wanted.file;
    if (wanted.problems.empty() && !has_gone) return true;
    log.say(Severity::error, "the configuration cannot be used; the one before stays in force");
    for (auto const& problem : wanted.problems) log.say(Severity::error, to_text(problem));
    if (has_gone) log.say(Severity::error, *in_force.file + ": there is no such file any more");
    return false;
}

}  // namespace rgrid::app
