#pragma once

#include <algorithm>
#include <rgrid/model/plan.hpp>
#include <rgrid/model/snapshot.hpp>

namespace rgrid {

/// What the world looks like once a plan has been carried out and everything has gone well, with no time passed:
/// creates are made and listed, looked-up servers exist, closed sessions are closed, deleted servers gone from the
/// listing.
class WorldAfter {
public:
    explicit WorldAfter(Snapshot seen) : seen_(std::move(seen)) {}

    Snapshot after(Plan const& plan) && {
        for (auto const& step : plan.steps) carry_out(step);
        return std::move(seen_);
    }

private:
    void carry_out(Step const& step) {
        switch (step.action) {
            case Action::create_server:
                seen_.memory.recent_creates.push_back(seen_.now);
                seen_.next_number = std::max(seen_.next_number, number_of(step.server)) + 1;
                order(step);
                list(step);
                return;
            case Action::adopt_server:
                order(step);
                return;
            case Action::find_server:
                intent_of(step).create = CreateState::created;
                intent_of(step).listed = true;
                intent_of(step).server_id = ServerId{"id-" + step.server.value};
                if (!is_listed(step.server)) list(step);
                return;
            case Action::close_worker:
                close(step);
                return;
            case Action::delete_server:
                intent_of(step).remove = true;
                if (seen_.servers.value)
                    std::erase_if(*seen_.servers.value,
                                  [&](Server const& server) { return server.name == step.server; });
                return;
            case Action::settle_intent:
                std::erase_if(seen_.intents, [&](Intent const& intent) { return intent.server == step.server; });
                return;
        }
    }

    void order(Step const& step) {
        Intent intent;
        intent.server = step.server;
        intent.pool = step.pool;
        intent.offer = step.offer;
        intent.epoch = seen_.epoch;
        intent.create = CreateState::created;
        intent.listed = true;
        intent.server_id = ServerId{"id-" + step.server.value};
        for (auto const& offer : seen_.offers.value.value_or(std::vector<Offer>{}))
            if (offer.key == step.offer) intent.price = offer.price, intent.period = offer.period;
        seen_.intents.push_back(std::move(intent));
    }

    void list(Step const& step) {
        if (!seen_.servers.value) return;
        Server server;
        server.id = ServerId{"id-" + step.server.value};
        server.name = step.server;
        server.pool = step.pool;
        server.offer = step.offer;
        server.status = ServerStatus::starting;
        server.store = seen_.store;
        seen_.servers.value->push_back(std::move(server));
    }

    void close(Step const& step) {
        if (!seen_.sessions.value) return;
        auto& sessions = *seen_.sessions.value;
        auto found = std::find_if(sessions.begin(), sessions.end(),
                                  [&](Session const& session) { return session.worker == step.worker; });
        if (found == sessions.end()) {
            Session tombstone;
            tombstone.worker = *step.worker;
            tombstone.server = step.server;
            tombstone.pool = step.pool;
            found = sessions.insert(sessions.end(), std::move(tombstone));
        }
        if (step.mode == CloseMode::now && step.reason == Reason::silent)
            seen_.memory.recent_losses.push_back(seen_.now);
        auto const busy = found->busy_slots > 0;
        if (busy && step.mode == CloseMode::if_idle) return;
        found->state = busy && step.mode == CloseMode::drain ? SessionState::draining : SessionState::closed;
        if (found->state == SessionState::closed) found->busy_slots = 0;
    }

    [[nodiscard]] bool is_listed(ServerName const& name) const {
        auto const& servers = seen_.servers.value;
        return servers &&
               std::any_of(servers->begin(), servers->end(), [&](Server const& server) { return server.name == name; });
    }

    Intent& intent_of(Step const& step) {
        return *std::find_if(seen_.intents.begin(), seen_.intents.end(),
                             [&](Intent const& intent) { return intent.server == step.server; });
    }

    static std::int64_t number_of(ServerName const& name) {
        return std::stoll(name.value.substr(name.value.rfind('-') + 1));
    }

    Snapshot seen_;
};

[[nodiscard]] inline Snapshot carry_out(Snapshot seen, Plan const& plan) {
    return WorldAfter{std::move(seen)}.after(plan);
}

}  // namespace rgrid
