#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <rgrid/adapters/gateway/gateway.hpp>
#include <rgrid/base/text.hpp>
#include <utility>

#include "adapters/gateway/answers.hpp"
#include "adapters/gateway/codes.hpp"
#include "adapters/gateway/proofs.hpp"
#include "adapters/gateway/routes.hpp"
#include "adapters/gateway/spool.hpp"
#include "adapters/gateway/waiting.hpp"
#include "adapters/gateway/wire.hpp"
#include "adapters/http/work_threads.hpp"

namespace rgrid::gateway {

namespace {

constexpr Bytes small_body{64 * 1024};
constexpr Bytes log_body{256 * 1024};

/// A worker that has shown its token.
struct Caller {
    WorkerId worker;
    Identity identity;
};

Bytes most_in(Operation operation, GatewaySettings const& settings) {
    switch (operation) {
        case Operation::complete: return settings.max_report;
        case Operation::log: return log_body;
        default: return small_body;
    }
}

Error too_many_files() { return fail(Errc::retry_later, "too many files are on their way; try again", 1s); }

wire::Stored to_wire(StoredFile const& file) { return {file.key, file.size, file.sha256}; }

}  // namespace

class Gateway::Impl {
public:
    Impl(GatewayPorts ports, GatewaySettings const& settings, std::unique_ptr<Spool> spool, std::string agent)
        : ports_(std::move(ports)),
          settings_(settings),
          proofs_(settings.secret),
          spool_(std::move(spool)),
          agent_sha256_(std::move(agent)),
          waiting_(ports_.clock, ports_.wake, settings.poll),
          file_threads_(
              [this](http::Request const& request, http::Reply reply) {
                  answer(request, *route_of(request), std::move(reply));
              },
              settings.file_handlers, settings.max_files) {
        if (!ports_.file_guard) ports_.file_guard = guard_by_lease(ports_.jobs);
    }

    [[nodiscard]] std::string const& agent_sha256() const { return agent_sha256_; }

    /// Before a body is read: what nobody may send at all, and how much of the rest.
    http::Admission admit(http::Request const& head) const {
        auto const route = route_of(head);
        if (!route) return refuse(route.error());
        if (route->to == Route::To::file && !known_key(route->name))
            return refuse(fail(Errc::rejected, "a file's key is UTF-8 text"));
        if (route->to == Route::To::file) {
            auto const problem = proofs_.link_problem(head.method, route->name, route->target, ports_.clock.now());
            if (!problem.empty()) return refuse(fail(Errc::denied, "\"" + printable(route->name) + "\": " + problem));
            if (files_on_their_way_.use_count() > settings_.max_files) return refuse(too_many_files());
            if (head.method == "PUT") return {{}, settings_.max_file, spool_->folder(), files_on_their_way_};
            return {{}, Bytes{0}, {}, files_on_their_way_};
        }
        if (route->to != Route::To::worker) return {{}, Bytes{0}, {}};
        if (token_in(head).empty()) {
            auto refusal = error_response(fail(Errc::denied, "worker \"" + printable(route->name) +
                                                                 "\" shows no token; expected the header "
                                                                 "\"Authorization: Bearer TOKEN\""));
            refusal.status = 401;
            refusal.headers.push_back({"WWW-Authenticate", "Bearer"});
            return {std::move(refusal), {}, {}};
        }
        return {{}, most_in(route->operation, settings_), {}};
    }

    void handle(http::Request request, http::Reply reply) {
        auto const route = route_of(request);
        if (!route) return reply(error_response(route.error()));
        if (!needs_files(*route)) return answer(request, *route, std::move(reply));
        // Whoever waits for a file must not keep others from the store.
        if (!file_threads_.submit(request, reply)) reply(error_response(too_many_files()));
    }

private:
    static http::Admission refuse(Error const& error) { return {error_response(error), {}, {}}; }

    void answer(http::Request const& request, Route const& route, http::Reply reply) {
        switch (route.to) {
            case Route::To::health:
                return reply(value_response(wire::Health{"ok", oldest_agent_protocol, agent_protocol}));
            case Route::To::agent: return reply(agent(route.name));
            case Route::To::file: return file(request, route.name, std::move(reply));
            case Route::To::worker: return worker(request, route, std::move(reply));
        }
    }

    static bool known_key(std::string const& key) { return is_utf8(key); }

    [[nodiscard]] Call call_of(http::Request const& request, std::stop_token stop) const {
        auto span = settings_.call_time;
        std::int64_t asked = 0;
        if (auto const* text = http::find_header(request.headers, wire::call_time)) {
            std::from_chars(text->data(), text->data() + text->size(), asked);
            if (asked > 0 && asked < std::chrono::milliseconds{std::chrono::hours{24}}.count())
                span = std::min<Duration>(span, std::chrono::milliseconds{asked});
        }
        return call_within(ports_.clock, span, std::move(stop));
    }

    [[nodiscard]] http::Response agent(std::string const& sha256) const {
        if (agent_sha256_.empty() || sha256 != agent_sha256_)
            return error_response(fail(Errc::not_found, "there is no agent with the SHA-256 \"" + printable(sha256) + "\""));
        return {200, {{"Content-Type", "application/octet-stream"}}, {}, settings_.agent};
    }

    // ------------------------------------------------------------------------------------------------ files

    void file(http::Request const& request, std::string const& key, http::Reply reply) {
        auto const call = call_within(ports_.clock, settings_.file_time, reply.stop());
        if (request.method == "PUT") {
            auto const stored = ports_.files.put(call, key, request.body_file);
            return reply(stored ? value_response(to_wire(*stored)) : error_response(stored.error()));
        }
        auto const path = spool_->new_path();
        auto const got = ports_.files.get(call, key, path);
        if (!got) return reply(error_response(got.error()));
        reply(http::Response{200,
                             {{"Content-Type", "application/octet-stream"},
                              {wire::file_size, std::to_string(got->size)},
                              {wire::file_sha256, got->sha256}},
                             {},
                             path});
        std::error_code stays;
        std::filesystem::remove(path, stays);
    }

    http::Response link(Call const& call, Caller const& caller, wire::File const& file, FileWish::Act act,
                        char const* method) {
        if (auto const may = ports_.file_guard(call, caller.worker, {act, file.key, file.job, file.epoch}); !may)
            return error_response(may.error());
        return value_response(wire::Link{proofs_.link(method, file.key, ports_.clock.now() + settings_.link_time)});
    }

    http::Response look_at_file(Call const& call, Caller const& caller, FileWish::Act act, wire::File const& file) {
        using Act = FileWish::Act;
        if (auto const may = ports_.file_guard(call, caller.worker, {act, file.key, file.job, file.epoch}); !may)
            return error_response(may.error());
        if (act == Act::remove) {
            auto const removed = ports_.files.remove(call, file.key);
            return removed ? value_response(wire::Nothing{}) : error_response(removed.error());
        }
        if (act == Act::list) {
            auto listed = ports_.files.list(call, file.key);
            return listed ? value_response(wire::Keys{std::move(*listed)}) : error_response(listed.error());
        }
        auto const found = ports_.files.find(call, file.key);
        if (!found) return error_response(found.error());
        return value_response(wire::Found{*found ? std::optional{to_wire(**found)} : std::nullopt});
    }

    // ------------------------------------------------------------------------------------------------ workers

    Result<Caller> authenticate(Call const& call, http::Request const& request, WorkerId const& worker) {
        auto identity = ports_.identities.find(call, worker);
        if (!identity) return fail(Errc::retry_later, identity.error().message, identity.error().retry_after);
        if (!*identity)
            return fail(Errc::fenced, "worker \"" + printable(worker.value) + "\" is not one of this fleet's, or not any more");
        auto const& expected = (*identity)->token_hash;
        if (expected.empty() || !same_in_constant_time(hash_of(Secret{token_in(request)}), expected))
            return fail(Errc::denied, "worker \"" + worker.value + "\" shows a token that is not its own");
        return Caller{worker, std::move(**identity)};
    }

    void worker(http::Request const& request, Route const& route, http::Reply reply) {
        auto const call = call_of(request, reply.stop());
        auto const caller = authenticate(call, request, WorkerId{route.name});
        if (!caller) return reply(error_response(caller.error()));
        if (route.operation == Operation::claim) return claim(call, *caller, request, std::move(reply));
        reply(answer_at_once(call, *caller, route.operation, request));
    }

    http::Response answer_at_once(Call const& call, Caller const& caller, Operation operation,
                                  http::Request const& request) {
        switch (operation) {
            case Operation::register_worker: return register_worker(call, caller, request);
            case Operation::beat: return beat(call, caller, request);
            case Operation::complete: return complete(call, caller, request);
            case Operation::log: return log(call, caller, request);
            case Operation::boot_log: return boot_log(caller, request);
            case Operation::settings: return agent_settings(caller);
            case Operation::claim: break;
            default: return files(call, caller, operation, request);
        }
        return error_response(fail(Errc::bug, "a claim is not answered at once"));
    }

    template <class T>
    static Result<T> body_of(http::Request const& request) {
        auto body = config::from_json_text<T>(request.body);
        if (body) return body;
        auto error = body.error();
        error.message = "POST " + printable(request.target.substr(0, 200)) + ": " + error.message;
        return error;
    }

    http::Response register_worker(Call const& call, Caller const& caller, http::Request const& request) {
        auto const body = body_of<wire::Register>(request);
        if (!body) return error_response(body.error());
        auto const& worker = caller.worker;
        auto const& identity = caller.identity;
        auto const differs = [&](char const* what, std::string const& found, std::string const& expected) {
            return error_response(fail(Errc::denied, "worker \"" + worker.value + "\" registers with the " + what + " \"" +
                                                         printable(found) + "\"; its own is \"" + expected + "\""));
        };
        // A name that is missing is the store's to refuse.
        if (!body->server.empty() && body->server != identity.server)
            return differs("server", body->server.value, identity.server.value);
        if (!body->pool.empty() && body->pool != identity.pool)
            return differs("pool", body->pool.value, identity.pool.value);
        auto const registered = ports_.work.register_worker(
            call, {worker, body->server, body->pool, body->slots, body->version, body->protocol});
        if (!registered) return error_response(registered.error());
        return value_response(wire::Registered{registered->incarnation, proofs_.of(worker, registered->incarnation)});
    }

    http::Response beat(Call const& call, Caller const& caller, http::Request const& request) {
        auto const body = body_of<wire::Beat>(request);
        if (!body) return error_response(body.error());
        auto const& worker = caller.worker;
        auto const incarnation = proofs_.proven(worker, body->run);
        auto const said = ports_.work.beat(call, worker, incarnation,
                                           proofs_.proven(worker, incarnation, body->acknowledged), body->leaving);
        if (!said) return error_response(said.error());
        wire::BeatReply reply{said->state, {said->beat, proofs_.of(worker, incarnation, said->beat)}, {}, said->cancel,
                              said->frozen};
        for (auto const& [job, epoch] : said->held) reply.held.push_back({job, epoch, proofs_.of(worker, job, epoch)});
        return value_response(reply);
    }

    http::Response claimed(WorkerId const& worker, std::vector<Lease> leases) const {
        wire::ClaimReply reply;
        for (auto& lease : leases) {
            auto proof = proofs_.of(worker, lease.job, lease.epoch);
            reply.leases.push_back({std::move(lease), std::move(proof)});
        }
        return value_response(reply);
    }

    void claim(Call const& call, Caller const& caller, http::Request const& request, http::Reply reply) {
        auto const body = body_of<wire::Claim>(request);
        if (!body) return reply(error_response(body.error()));
        auto const worker = caller.worker;
        auto const incarnation = proofs_.proven(worker, body->run);
        auto const acknowledged = proofs_.proven(worker, incarnation, body->acknowledged);
        auto const until = ports_.clock.steady_now() + std::clamp(body->wait, Duration{0}, settings_.claim_wait);
        auto ask = [=, this, slots = body->slots](Call const& within) -> std::optional<http::Response> {
            auto leases = ports_.work.claim(within, worker, incarnation, acknowledged, slots);
            if (!leases) return error_response(leases.error());
            if (leases->empty()) return std::nullopt;
            return claimed(worker, std::move(*leases));
        };
        if (auto answer = ask(call)) return reply(std::move(*answer));
        if (until <= ports_.clock.steady_now()) return reply(claimed(worker, {}));
        waiting_.add(
            caller.identity.pool, until,
            [=, this](std::stop_token const& stop) { return ask(call_within(ports_.clock, settings_.call_time, stop)); },
            claimed(worker, {}), std::move(reply));
    }

    http::Response complete(Call const& call, Caller const& caller, http::Request const& request) {
        auto body = body_of<wire::Complete>(request);
        if (!body) return error_response(body.error());
        auto const& worker = caller.worker;
        std::vector<Completion> completions;
        for (auto& ended : body->ended) {
            auto const epoch = proofs_.proven(worker, ended.completion.job, ended.completion.epoch, ended.proof);
            completions.push_back(std::move(ended.completion));
            completions.back().epoch = epoch;
        }
        auto verdicts = ports_.work.complete(call, worker, proofs_.proven(worker, body->run), completions);
        return verdicts ? value_response(wire::CompleteReply{std::move(*verdicts)}) : error_response(verdicts.error());
    }

    http::Response log(Call const& call, Caller const& caller, http::Request const& request) {
        auto const body = body_of<wire::Log>(request);
        if (!body) return error_response(body.error());
        auto text = from_base64(body->base64);
        if (!text)
            return error_response(fail(Errc::rejected, "base64: found " + std::to_string(body->base64.size()) +
                                                           " characters that are no base64"));
        auto const& [job, epoch, proof] = body->lease;
        LogChunk const chunk{job, proofs_.proven(caller.worker, job, epoch, proof), body->number, std::move(*text)};
        auto const written =
            ports_.work.append_log(call, caller.worker, proofs_.proven(caller.worker, body->run), chunk);
        return written ? value_response(wire::Nothing{}) : error_response(written.error());
    }

    http::Response boot_log(Caller const& caller, http::Request const& request) {
        if (!ports_.on_boot_log) return value_response(wire::Nothing{});
        auto const taken = ports_.on_boot_log(caller.worker, request.body);
        return taken ? value_response(wire::Nothing{}) : error_response(taken.error());
    }

    http::Response agent_settings(Caller const& caller) {
        if (!ports_.agent_settings) return error_response(fail(Errc::not_found, "this gateway has no settings for agents"));
        auto text = ports_.agent_settings(caller.worker, caller.identity.pool);
        if (!text) return error_response(text.error());
        return {200, {{"Content-Type", "application/json"}}, std::move(*text), {}};
    }

    http::Response files(Call const& call, Caller const& caller, Operation operation, http::Request const& request) {
        using Act = FileWish::Act;
        auto const body = body_of<wire::File>(request);
        if (!body) return error_response(body.error());
        if (operation == Operation::read_file) return link(call, caller, *body, Act::read, "GET");
        if (operation == Operation::write_file) return link(call, caller, *body, Act::write, "PUT");
        auto const act = operation == Operation::find_file     ? Act::find
                         : operation == Operation::remove_file ? Act::remove
                                                               : Act::list;
        return look_at_file(call, caller, act, *body);
    }

    GatewayPorts ports_;
    GatewaySettings const settings_;
    Proofs const proofs_;
    std::unique_ptr<Spool> const spool_;
    std::string const agent_sha256_;
    std::shared_ptr<void const> const files_on_their_way_ = std::make_shared<int>();  ///< Each of them holds it too.
    WaitingClaims waiting_;
    http::WorkThreads file_threads_;
};

Gateway::Gateway(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Gateway::~Gateway() = default;

Result<std::unique_ptr<Gateway>> Gateway::make(GatewayPorts ports, GatewaySettings const& settings) {
    if (settings.secret.reveal().size() < 16)
        return fail(Errc::rejected, "gateway.secret: found one of " + std::to_string(settings.secret.reveal().size()) +
                                        " characters, expected at least 16");
    auto spool = Spool::make(settings.folder);
    if (!spool) return spool.error();
    std::string agent;
    if (!settings.agent.empty()) {
        auto const digest = digest_of_file(settings.agent);
        if (!digest)
            return fail(Errc::rejected, "the agent's file \"" + settings.agent + "\" cannot be read");
        agent = *digest;
    }
    return std::unique_ptr<Gateway>{
        new Gateway{std::make_unique<Impl>(std::move(ports), settings, std::move(*spool), std::move(agent))}};
}

http::Service Gateway::service() {
    http::Service service;
    service.handler = [impl = impl_.get()](http::Request request, http::Reply reply) {
        impl->handle(std::move(request), std::move(reply));
    };
    service.admit = [impl = impl_.get()](http::Request const& head) { return impl->admit(head); };
    return service;
}

std::string const& Gateway::agent_sha256() const { return impl_->agent_sha256(); }

http::ServerSettings server_settings(GatewaySettings const& settings) {
    http::ServerSettings server;
    server.listen = settings.listen;
    server.certificate = settings.certificate;
    server.key = settings.key;
    server.max_connections = settings.max_connections;
    server.max_connections_per_peer = settings.max_connections_per_peer;
    server.handlers = settings.handlers;
    return server;
}

}  // namespace rgrid::gateway
