#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <rgrid/model/lifecycle.hpp>
#include <rgrid/model/plan.hpp>
#include <rgrid/model/snapshot.hpp>
#include <string>
#include <utility>
#include <vector>

namespace rgrid {

/// All that is known of one worker and its server, joined by the server's name.
struct WorkerView {
    ServerName name;
    PoolName pool;
    Phase phase = Phase::gone;
    std::optional<Intent> intent;
    std::optional<Server> server;
    std::optional<Session> session;
    bool in_flight = false;  ///< A step for it is under way.

    [[nodiscard]] bool is_busy() const { return session && session->busy_slots > 0; }
    [[nodiscard]] int free_slots() const { return session ? std::max(0, session->slots - session->busy_slots) : 0; }
};

/// What the ports said, joined and made sane.
struct Roster {
    std::vector<WorkerView> workers;  ///< Ordered by name.
    std::vector<Finding> findings;    ///< What did not fit.
};

namespace detail {

/// No clock that is right tells a greater age, and sums of such ages stay far from any integer's end.
inline constexpr Duration greatest_age = std::chrono::hours{24 * 365 * 100};

[[nodiscard]] inline Duration sane_age(Duration age) {
    return std::clamp(age, Duration{0}, greatest_age);
}

/// The age, or zero and a finding if it is one no clock can have.
[[nodiscard]] inline Duration sane_age(Duration age, std::string const& subject, char const* name,
                                       std::vector<Finding>& findings) {
    if (age == sane_age(age)) return age;
    findings.push_back({FindingKind::odd_age, {}, subject, {{name, age.count(), Unit::milliseconds}}, {}});
    return Duration{0};
}

/// A session with ages and slots that arithmetic can rely on.
[[nodiscard]] inline Session sane_session(Session session, Duration look_age, std::vector<Finding>& findings) {
    auto const& subject = session.worker.value;
    session.silence = sane_age(session.silence, subject, "silence", findings) + sane_age(look_age);
    session.idle = sane_age(session.idle, subject, "idle", findings);
    session.draining_for = sane_age(session.draining_for, subject, "draining_for", findings);
    session.longest_left = sane_age(session.longest_left);
    session.slots = std::clamp(session.slots, 0, 1'000'000);
    session.busy_slots = std::clamp(session.busy_slots, 0, 1'000'000);
    return session;
}

[[nodiscard]] inline Intent sane_intent(Intent intent, std::vector<Finding>& findings) {
    intent.age = sane_age(intent.age, intent.server.value, "intent_age", findings);
    intent.remove_age = sane_age(intent.remove_age, intent.server.value, "remove_age", findings);
    return intent;
}

}  // namespace detail

/// Whether a server of our fleet was made from another store than this.
[[nodiscard]] inline bool is_foreign(Server const& server, StoreId const& store) {
    return !server.store.empty() && server.store != store;
}

/// Joins intents, servers and sessions. Ages come out as of now: what a source said plus how long ago it said it.
/// Odd input becomes findings: a second entry of the same name is left alone. Servers of another store are left out.
[[nodiscard]] inline Roster make_roster(Snapshot const& seen) {
    Roster roster;
    std::map<ServerName, WorkerView> rows;
    auto const row = [&](ServerName const& name, PoolName const& pool) -> WorkerView& {
        auto& view = rows[name];
        view.name = name;
        if (view.pool.empty()) view.pool = pool;
        return view;
    };
    auto const duplicate = [&](std::string subject) {
        roster.findings.push_back({FindingKind::duplicate, {}, std::move(subject), {}, {}});
    };
    for (auto const& intent : seen.intents) {
        auto& view = row(intent.server, intent.pool);
        if (view.intent)
            duplicate(intent.server.value);
        else
            view.intent = detail::sane_intent(intent, roster.findings);
    }
    for (auto const& server : seen.servers.value.value_or(std::vector<Server>{})) {
        if (is_foreign(server, seen.store)) continue;
        auto& view = row(server.name, server.pool);
        if (view.server) {
            duplicate(server.name.value);
            continue;
        }
        view.server = server;
        view.server->age = detail::sane_age(server.age, server.name.value, "server_age", roster.findings) +
                           detail::sane_age(seen.servers.age);
    }
    for (auto const& session : seen.sessions.value.value_or(std::vector<Session>{})) {
        auto const name = session.server.empty() ? ServerName{session.worker.value} : session.server;
        auto& view = row(name, session.pool);
        if (view.session) {
            duplicate(session.worker.value);
            continue;
        }
        view.session = detail::sane_session(session, seen.sessions.age, roster.findings);
        if (!view.intent && !view.server && session.state != SessionState::closed)
            roster.findings.push_back({FindingKind::unknown_worker, session.pool, session.worker.value, {}, {}});
    }
    for (auto& [name, view] : rows) {
        view.in_flight = std::find(seen.in_flight.begin(), seen.in_flight.end(), name) != seen.in_flight.end();
        view.phase = derive_phase(view.intent ? &*view.intent : nullptr, view.server ? &*view.server : nullptr,
                                  view.session ? &*view.session : nullptr, seen.servers.value.has_value());
        roster.workers.push_back(std::move(view));
    }
    return roster;
}

}  // namespace rgrid
