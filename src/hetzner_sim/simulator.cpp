#include <algorithm>
#include <boost/json/serialize.hpp>
#include <mutex>
#include <rgrid/hetzner_sim/simulator.hpp>
#include <utility>

#include "adapters/http/head.hpp"
#include "hetzner_sim/context.hpp"
#include "hetzner_sim/control.hpp"
#include "hetzner_sim/damage.hpp"
#include "hetzner_sim/faults.hpp"
#include "hetzner_sim/rate_limit.hpp"
#include "hetzner_sim/routes.hpp"
#include "hetzner_sim/servers.hpp"
#include "hetzner_sim/watching.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::string_view bearer = "Bearer ";

std::string token_of(http::Request const& request) {
    auto const* const header = http::find_header(request.headers, "Authorization");
    if (header == nullptr || !header->starts_with(bearer)) return {};
    return header->substr(bearer.size());
}

Reply reply_of(Refusal const& refusal) {
    return {refusal.status(), error_body(refusal.code(), refusal.message(), refusal.details()), {}};
}

std::string text_of(json::object const& object, std::string_view name) {
    auto const* const value = object.if_contains(name);
    if (value == nullptr) return {};
    if (value->is_string()) return std::string{value->get_string()};
    return value->is_int64() ? std::to_string(value->get_int64()) : std::string{};
}

ServerView view_of(State const& state, Project const& project, ServerRecord const& server) {
    return {server.id,
            server.name,
            project.name,
            std::string{status_text(phase_of(state, project, server))},
            server.offer.key,
            server.labels,
            state.calendar(server.created),
            server.boots,
            server.user_data};
}

}  // namespace

class Simulator::Impl {
public:
    Impl(Settings settings, Clock& clock)
        : clock_(clock), routes_(api_routes()), state_(std::move(settings), clock.steady_now(), clock.now()) {
        for (auto const& access : state_.settings.access) admit(access);
    }

    Answer carry_out(http::Request const& request) {
        Answer answer;
        {
            std::scoped_lock const lock{mutex_};
            refresh();
            answer = answer_api(request);
            look();
        }
        watching_.tell();
        if (listener_) listener_(request, answer.response);
        return answer;
    }

    template <class Change>
    auto with_state(Change change) {
        std::unique_lock lock{mutex_};
        refresh();
        if constexpr (std::is_void_v<decltype(change(state_))>) {
            change(state_);
            refresh();
            lock.unlock();
            watching_.tell();
        } else {
            return change(state_);
        }
    }

    void advance(Duration span) {
        with_state([&](State&) { offset_ += std::max(span, Duration{0}); });
    }

    void admit(Access const& access) {
        static_cast<void>(state_.project(access.project));
        access_[access.token] = access;
    }

    void revoke(std::string const& token) { access_.erase(token); }

    [[nodiscard]] std::vector<ServerView> views() const {
        std::vector<ServerView> views;
        for (auto const& [name, project] : state_.projects)
            for (auto const& [id, server] : project.servers) views.push_back(view_of(state_, project, server));
        std::ranges::sort(views, {}, &ServerView::id);
        return views;
    }

    FaultScript faults_;
    std::map<std::string, std::int64_t> calls_;
    Watching watching_;
    std::function<void(http::Request const&, http::Response const&)> listener_;

private:
    /// Brings everything to the time that it is.
    void refresh() {
        state_.now = std::max(state_.now, clock_.steady_now() + offset_);
        for (auto& [name, project] : state_.projects) hetzner_sim::settle(state_, project);
        look();
    }

    void look() {
        if (watching_.is_set()) watching_.look(views());
    }

    Answer answer_api(http::Request const& request) {
        auto const token = token_of(request);
        auto const access = access_.find(token);
        auto& bucket = buckets_[access == access_.end() ? std::string{} : access->second.project];
        bool const may = !state_.settings.rate_limited || bucket.take(state_.settings.requests_an_hour, state_.now);
        Answer answer;
        auto call = parse_request(request.method, request.target);
        try {
            if (!may)
                throw Refusal{429, "rate_limit_exceeded", rate_limit_text(token, state_.settings.requests_an_hour)};
            if (access == access_.end()) throw Refusal{401, "unauthorized", "unable to authenticate"};
            if (!call || call->path.empty() || call->path.front() != "v1") throw Refusal{404, "not_found", "not found"};
            answer = answer_call(*call, request.body, access->second);
        } catch (Refusal const& refusal) {
            ++calls_["refused"];
            answer = to_answer(reply_of(refusal));
        }
        add_headers(answer.response, bucket);
        return answer;
    }

    /// Carries out a call by somebody who is known; what is to go wrong with it does.
    Answer answer_call(ApiRequest& call, std::string const& body, Access const& access) {
        auto& project = state_.project(access.project);
        auto const& route = routes_.find(call);
        if (access.read_only && call.method != "GET")
            throw Refusal{403, "forbidden", "the token is only allowed to perform GET requests"};
        call.body = parse_body(body);
        ++calls_[route.method + " " + route.pattern];
        auto const fault = faults_.draw(facts_of(project, call, access.token), state_.chance);
        if (fault && !happens_after(*fault)) return damaged(*fault, {}, access.token);
        Context context{state_, project, call, fault ? &*fault : nullptr};
        auto const answer = to_answer(carried_out(context, route));
        return fault ? damaged(*fault, answer, access.token) : answer;
    }

    static Reply carried_out(Context& context, Routes::Route const& route) {
        try {
            return route.handler(context);
        } catch (Refusal const& refusal) {
            return reply_of(refusal);
        }
    }

    [[nodiscard]] CallFacts facts_of(Project const& project, ApiRequest const& call, std::string const& token) const {
        CallFacts facts{call.method, {}, {}, {}, {}, token};
        for (std::size_t i = 1; i < call.path.size(); ++i) facts.path += "/" + call.path[i];
        if (facts.path == "/servers") {
            facts.type = text_of(call.body, "server_type");
            facts.location = text_of(call.body, "location");
            facts.name = call.first("name").value_or(text_of(call.body, "name"));
        } else if (facts.path.starts_with("/servers/")) {
            auto const id = parse_number(call.path[2]);
            auto const server = id ? project.servers.find(*id) : project.servers.end();
            if (server == project.servers.end()) return facts;
            facts.type = server->second.offer.key.type;
            facts.location = server->second.offer.key.location;
            facts.name = server->second.name;
        }
        return facts;
    }

    Answer damaged(Fault const& fault, Answer answer, std::string_view token) const {
        return hetzner_sim::damaged(fault, std::move(answer), token, state_.settings.requests_an_hour);
    }

    void add_headers(http::Response& response, RequestBucket const& bucket) {
        auto const an_hour = state_.settings.requests_an_hour;
        auto const calendar = state_.calendar(state_.now);
        auto const limits = bucket.headers(an_hour, state_.now, calendar);
        response.headers.insert(response.headers.end(), limits.begin(), limits.end());
        response.headers.push_back({"X-Correlation-Id", correlation_id(state_.chance)});
        response.headers.push_back({"Date", http::date_text(calendar)});
    }

    static std::string correlation_id(sim::Chance& chance) {
        constexpr std::string_view digits = "0123456789abcdef";
        std::string id;
        for (auto number = chance.next(); id.size() < 16; number >>= 4) id += digits[number & 15];
        return id;
    }

    Clock& clock_;
    Duration offset_{0};
    Routes routes_;
    std::mutex mutex_;
    State state_;
    std::map<std::string, Access> access_;
    std::map<std::string, RequestBucket> buckets_;
};

Simulator::Simulator(Settings settings, Clock& clock) : impl_(std::make_unique<Impl>(std::move(settings), clock)) {}
Simulator::~Simulator() = default;

Answer Simulator::carry_out(http::Request const& request) {
    if (is_control(request.target)) return {control(*this, request), {}};
    return impl_->carry_out(request);
}

void Simulator::settle() {
    impl_->with_state([](State&) {});
}

Instant Simulator::now() const {
    return impl_->with_state([](State& state) { return state.calendar(state.now); });
}

void Simulator::advance(Duration span) {
    impl_->advance(span);
}

void Simulator::inject(Fault fault) {
    impl_->with_state([&](State&) { impl_->faults_.add(std::move(fault)); });
}

void Simulator::clear_faults() {
    impl_->with_state([&](State&) { impl_->faults_.clear(); });
}

std::vector<Fault> Simulator::faults() const {
    return impl_->with_state([&](State&) { return impl_->faults_.left(); });
}

void Simulator::set_stock(OfferKey const& offer, std::optional<int> stock) {
    impl_->with_state([&](State& state) {
        state.settings.stock.erase(offer);
        if (stock) state.settings.stock[offer] = *stock;
        for (auto& [name, project] : state.projects)
            if (project.cloud.stock().contains(offer)) project.cloud.set_stock(offer, stock);
    });
}

void Simulator::set_server_limit(std::optional<int> limit) {
    impl_->with_state([&](State& state) {
        state.settings.server_limit = limit;
        for (auto& [name, project] : state.projects) project.cloud.set_quota(limit);
    });
}

void Simulator::set_primary_ip_limit(std::optional<int> limit) {
    impl_->with_state([&](State& state) { state.settings.primary_ip_limit = limit; });
}

void Simulator::set_core_limit(std::optional<int> limit) {
    impl_->with_state([&](State& state) { state.settings.core_limit = limit; });
}

void Simulator::set_rate_limited(bool limited) {
    impl_->with_state([&](State& state) { state.settings.rate_limited = limited; });
}

void Simulator::set_times(Times const& times) {
    impl_->with_state([&](State& state) { state.settings.times = times; });
}

void Simulator::admit(Access access) {
    impl_->with_state([&](State&) { impl_->admit(access); });
}

void Simulator::revoke(std::string const& token) {
    impl_->with_state([&](State&) { impl_->revoke(token); });
}

bool Simulator::vanish(std::string const& server, std::string const& project) {
    bool const there = impl_->with_state([&](State& state) {
        auto const found = state.projects.find(project);
        if (found == state.projects.end()) return false;
        auto const* const machine = found->second.cloud.find(server, state.now);
        return machine != nullptr && found->second.cloud.vanish(machine->number, state.now);
    });
    settle();
    return there;
}

Ledger Simulator::ledger() {
    return impl_->with_state([](State& state) { return state.ledger.ledger(state.calendar(state.now)); });
}

std::vector<ServerView> Simulator::servers() {
    return impl_->with_state([&](State&) { return impl_->views(); });
}

std::int64_t Simulator::servers_created() const {
    return impl_->with_state([](State& state) {
        std::int64_t created = 0;
        for (auto const& [name, project] : state.projects) created += project.cloud.created();
        return created;
    });
}

std::map<std::string, std::int64_t> Simulator::calls() const {
    return impl_->with_state([&](State&) { return impl_->calls_; });
}

void Simulator::watch(ServerWatch watch) {
    impl_->watching_.set(std::move(watch));
}

void Simulator::listen(std::function<void(http::Request const&, http::Response const&)> listener) {
    impl_->listener_ = std::move(listener);
}

}  // namespace rgrid::hetzner_sim
