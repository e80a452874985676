#include "support.hpp"

namespace rgrid::gateway {

namespace {

SystemClock& system_clock() {
    static SystemClock clock;
    return clock;
}

}  // namespace

Call some_time() { return call_within(system_clock(), 10s); }

bool eventually(std::function<bool()> const& condition) {
    auto const until = system_clock().steady_now() + 10s;
    while (!condition()) {
        if (system_clock().steady_now() > until) return false;
        system_clock().sleep_until(system_clock().steady_now() + 2ms, {});
    }
    return true;
}

Secret token_of(std::string const& worker) { return Secret{"token-of-" + worker}; }

void ToldIdentities::tell(WorkerId const& worker, Identity identity) {
    std::scoped_lock const lock{mutex_};
    known_[worker] = std::move(identity);
}

void ToldIdentities::forget(WorkerId const& worker) {
    std::scoped_lock const lock{mutex_};
    known_.erase(worker);
}

Result<std::optional<Identity>> ToldIdentities::find(Call const&, WorkerId const& worker) {
    std::scoped_lock const lock{mutex_};
    auto const found = known_.find(worker);
    return found == known_.end() ? std::nullopt : std::optional{found->second};
}

Served::Served(GatewayPorts ports, GatewaySettings settings) : clock_(ports.clock) {
    settings.listen = "127.0.0.1:0";
    settings.folder = folder_ / "spool";
    if (settings.secret.empty()) settings.secret = Secret{"a secret of some length"};
    gateway_ = Gateway::make(std::move(ports), settings).value();
    server_ = http::Server::start(server_settings(settings), gateway_->service(), clock_).value();
}

std::string Served::url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

std::shared_ptr<Link> Served::link(Secret const& token, Duration claim_wait) const {
    return make_link({.url = url(), .token = token, .claim_wait = claim_wait}, clock_).value();
}

Result<http::Response> Served::ask(http::Request const& request) const {
    return http::Client::make({.url = url()}, clock_).value()->send(some_time(), request);
}

Source& WorkersThroughGateway::source(WorkerId const& worker) {
    std::scoped_lock const lock{mutex_};
    auto& source = sources_[worker];
    if (!source) source = std::make_unique<Source>(served_.link(token_of(worker.value)));
    return *source;
}

Result<Registered> WorkersThroughGateway::register_worker(Call const& call, Registration const& registration) {
    auto const& [worker, server, pool, slots, version, protocol] = registration;
    identities_.tell(worker, {server, pool, hash_of(token_of(worker.value))});
    return source(worker).register_worker(call, registration);
}

Result<BeatReply> WorkersThroughGateway::beat(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                              BeatCount acknowledged, bool leaving) {
    return source(worker).beat(call, worker, incarnation, acknowledged, leaving);
}

Result<std::vector<Lease>> WorkersThroughGateway::claim(Call const& call, WorkerId const& worker,
                                                        Incarnation incarnation, BeatCount acknowledged, int slots) {
    return source(worker).claim(call, worker, incarnation, acknowledged, slots);
}

Result<std::vector<Verdict>> WorkersThroughGateway::complete(Call const& call, WorkerId const& worker,
                                                             Incarnation incarnation,
                                                             std::vector<Completion> const& completions) {
    return source(worker).complete(call, worker, incarnation, completions);
}

Result<> WorkersThroughGateway::append_log(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                           LogChunk const& chunk) {
    return source(worker).append_log(call, worker, incarnation, chunk);
}

}  // namespace rgrid::gateway
