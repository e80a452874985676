#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <rgrid/model/lifecycle.hpp>
#include <rgrid/model/plan.hpp>
#include <rgrid/model/snapshot.hpp>
#include <string>
#include <string_view>
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

/// Gives a session ages and slots that arithmetic can rely on.
inline void make_sane(Session& session, Duration look_age, std::vector<Finding>& findings) {
    auto const& subject = session.worker.value;
    session.silence = sane_age(session.silence, subject, "silence", findings) + sane_age(look_age);
    session.idle = sane_age(session.idle, subject, "idle", findings);
    session.draining_for = sane_age(session.draining_for, subject, "draining_for", findings);
    session.longest_left = sane_age(session.longest_left);
    session.slots = std::clamp(session.slots, 0, 1'000'000);
    session.busy_slots = std::clamp(session.busy_slots, 0, 1'000'000);
}

inline void make_sane(Intent& intent, std::vector<Finding>& findings) {
    intent.age = sane_age(intent.age, intent.server.value, "intent_age", findings);
    intent.remove_age = sane_age(intent.remove_age, intent.server.value, "remove_age", findings);
    intent.removed_before = sane_age(intent.removed_before, intent.server.value, "removed_before", findings);
}

}  // namespace detail

/// Whether a server of our fleet was made from another store than this.
[[nodiscard]] inline bool is_foreign(Server const& server, StoreId const& store) {
    return !server.store.empty() && server.store != store;
}

namespace detail {

/// One record of a source and the name it is joined by.
template <class T>
struct Named {
    std::string_view name;
    T const* record;
};

/// The records in the order of their names; those of one name stay in the order they came in.
template <class T, class NameOf>
[[nodiscard]] std::vector<Named<T>> by_name(std::vector<T> const& records, NameOf const& name_of) {
    std::vector<Named<T>> named;
    named.reserve(records.size());
    for (auto const& record : records) named.push_back({name_of(record), &record});
    auto const before = [](Named<T> const& a, Named<T> const& b) { return a.name < b.name; };
    if (!std::is_sorted(named.begin(), named.end(), before)) std::stable_sort(named.begin(), named.end(), before);
    return named;
}

/// Joins the three sources, each in the order of the names.
class RosterJoin {
public:
    explicit RosterJoin(Snapshot const& seen) : seen_(seen) {
        intents_ = by_name(seen.intents, [](Intent const& intent) -> std::string_view { return intent.server.value; });
        if (seen.servers.value)
            servers_ = by_name(*seen.servers.value,
                               [](Server const& server) -> std::string_view { return server.name.value; });
        if (seen.sessions.value) sessions_ = by_name(*seen.sessions.value, works_as);
        in_flight_.reserve(seen.in_flight.size());
        for (auto const& name : seen.in_flight) in_flight_.push_back(name.value);
        std::sort(in_flight_.begin(), in_flight_.end());
        std::erase_if(servers_, [&](Named<Server> const& server) { return is_foreign(*server.record, seen.store); });
    }

    [[nodiscard]] Roster run() && {
        roster_.workers.reserve(std::max({intents_.size(), servers_.size(), sessions_.size()}));
        auto intent = intents_.begin();
        auto server = servers_.begin();
        auto session = sessions_.begin();
        while (true) {
            std::optional<std::string_view> name;
            auto const offer = [&](auto const& at, auto const& end) {
                if (at != end && (!name || at->name < *name)) name = at->name;
            };
            offer(intent, intents_.end());
            offer(server, servers_.end());
            offer(session, sessions_.end());
            if (!name) break;
            auto& view = roster_.workers.emplace_back();
            view.name = ServerName{std::string{*name}};
            for (; intent != intents_.end() && intent->name == *name; ++intent) add(view, *intent->record);
            for (; server != servers_.end() && server->name == *name; ++server) add(view, *server->record);
            for (; session != sessions_.end() && session->name == *name; ++session) add(view, *session->record);
            finish(view);
        }
        return std::move(roster_);
    }

private:
    static std::string_view works_as(Session const& session) {
        return session.server.empty() ? session.worker.value : session.server.value;
    }

    void tell_duplicate(std::string const& subject) {
        roster_.findings.push_back({FindingKind::duplicate, {}, subject, {}, {}});
    }

    void add(WorkerView& view, Intent const& intent) {
        if (view.pool.empty()) view.pool = intent.pool;
        if (view.intent) return tell_duplicate(intent.server.value);
        make_sane(view.intent.emplace(intent), roster_.findings);
    }

    void add(WorkerView& view, Server const& server) {
        if (view.pool.empty()) view.pool = server.pool;
        if (view.server) return tell_duplicate(server.name.value);
        view.server = server;
        view.server->age = sane_age(server.age, server.name.value, "server_age", roster_.findings) +
                           sane_age(seen_.servers.age);
    }

    void add(WorkerView& view, Session const& session) {
        if (view.pool.empty()) view.pool = session.pool;
        if (view.session) return tell_duplicate(session.worker.value);
        make_sane(view.session.emplace(session), seen_.sessions.age, roster_.findings);
        if (!view.intent && !view.server && session.state != SessionState::closed)
            roster_.findings.push_back({FindingKind::unknown_worker, session.pool, session.worker.value, {}, {}});
    }

    void finish(WorkerView& view) const {
        view.in_flight = std::binary_search(in_flight_.begin(), in_flight_.end(), std::string_view{view.name.value});
        view.phase = derive_phase(view.intent ? &*view.intent : nullptr, view.server ? &*view.server : nullptr,
                                  view.session ? &*view.session : nullptr, seen_.servers.value.has_value());
    }

    Snapshot const& seen_;
    std::vector<Named<Intent>> intents_;
    std::vector<Named<Server>> servers_;
    std::vector<Named<Session>> sessions_;
    std::vector<std::string_view> in_flight_;
    Roster roster_;
};

}  // namespace detail

/// Joins intents, servers and sessions. Ages come out as of now: what a source said plus how long ago it said it.
/// Odd input becomes findings: a second entry of the same name is left alone. Servers of another store are left out.
[[nodiscard]] inline Roster make_roster(Snapshot const& seen) {
    return detail::RosterJoin{seen}.run();
}

}  // namespace rgrid
