#pragma once

#include <rgrid/model/intent.hpp>
#include <rgrid/model/job.hpp>
#include <rgrid/model/server.hpp>
#include <rgrid/model/worker.hpp>
#include <utility>

/// Values for tests, said in words: `a_job().slots(2).priority(5)`. A builder converts to what it builds.
namespace rgrid::testing {

class JobBuilder {
public:
    JobBuilder() {
        spec_.name = "job";
        spec_.command = {"true"};
    }

    JobBuilder command(std::vector<std::string> command) && { return set(&JobSpec::command, std::move(command)); }
    JobBuilder name(std::string name) && { return set(&JobSpec::name, std::move(name)); }
    JobBuilder pool(std::string pool) && { return set(&JobSpec::pool, PoolName{std::move(pool)}); }
    JobBuilder slots(int slots) && { return set(&JobSpec::slots, slots); }
    JobBuilder priority(int priority) && { return set(&JobSpec::priority, priority); }
    JobBuilder timeout(Duration timeout) && { return set(&JobSpec::timeout, timeout); }
    JobBuilder delay(Duration delay) && { return set(&JobSpec::delay, delay); }
    JobBuilder max_attempts(int attempts) && { return set(&JobSpec::max_attempts, attempts); }
    JobBuilder max_losses(int losses) && { return set(&JobSpec::max_losses, losses); }
    JobBuilder retry_delay(Duration delay) && { return set(&JobSpec::retry_delay, delay); }
    JobBuilder key(std::string key) && { return set(&JobSpec::submit_key, std::move(key)); }
    JobBuilder owner(std::string owner) && { return set(&JobSpec::owner, std::move(owner)); }
    JobBuilder batch(std::string batch) && { return set(&JobSpec::batch, std::move(batch)); }
    JobBuilder env(std::string name, std::string value) && {
        spec_.env[std::move(name)] = std::move(value);
        return std::move(*this);
    }
    JobBuilder input(InputFile input) && {
        spec_.inputs.push_back(std::move(input));
        return std::move(*this);
    }
    JobBuilder output(std::string glob) && {
        spec_.outputs.push_back(std::move(glob));
        return std::move(*this);
    }

    operator JobSpec() const { return spec_; }

private:
    template <class Member>
    JobBuilder set(Member JobSpec::*member, Member value) {
        spec_.*member = std::move(value);
        return std::move(*this);
    }

    JobSpec spec_;
};

class ServerBuilder {
public:
    explicit ServerBuilder(std::string const& name) {
        server_.name = ServerName{name};
        server_.id = ServerId{"id-" + name};
        server_.pool = PoolName{"default"};
        server_.offer = {"local", "here"};
        server_.status = ServerStatus::running;
    }

    ServerBuilder pool(std::string pool) && { return set(&Server::pool, PoolName{std::move(pool)}); }
    ServerBuilder offer(OfferKey offer) && { return set(&Server::offer, std::move(offer)); }
    ServerBuilder status(ServerStatus status) && { return set(&Server::status, status); }
    ServerBuilder age(Duration age) && { return set(&Server::age, age); }
    ServerBuilder generation(std::int64_t generation) && {
        return set(&Server::generation, Generation{generation});
    }
    ServerBuilder store(std::string store) && { return set(&Server::store, StoreId{std::move(store)}); }

    operator Server() const { return server_; }

private:
    template <class Member>
    ServerBuilder set(Member Server::*member, Member value) {
        server_.*member = std::move(value);
        return std::move(*this);
    }

    Server server_;
};

/// A worker that carries its server's name.
class SessionBuilder {
public:
    explicit SessionBuilder(std::string const& name) {
        session_.worker = WorkerId{name};
        session_.server = ServerName{name};
        session_.pool = PoolName{"default"};
        session_.incarnation = Incarnation{1};
        session_.beat = BeatCount{1};
        session_.slots = 2;
    }

    SessionBuilder pool(std::string pool) && { return set(&Session::pool, PoolName{std::move(pool)}); }
    SessionBuilder slots(int slots) && { return set(&Session::slots, slots); }
    SessionBuilder busy(int slots, Duration longest_left = std::chrono::minutes{10}) && {
        session_.busy_slots = slots;
        session_.longest_left = longest_left;
        return std::move(*this);
    }
    SessionBuilder idle_for(Duration idle) && { return set(&Session::idle, idle); }
    SessionBuilder silent_for(Duration silence) && { return set(&Session::silence, silence); }
    SessionBuilder seen(Incarnation incarnation, BeatCount beat) && {
        session_.incarnation = incarnation;
        session_.beat = beat;
        return std::move(*this);
    }
    SessionBuilder draining_for(Duration span) && {
        session_.state = SessionState::draining;
        session_.draining_for = span;
        return std::move(*this);
    }
    SessionBuilder closed() && { return set(&Session::state, SessionState::closed); }

    operator Session() const { return session_; }

private:
    template <class Member>
    SessionBuilder set(Member Session::*member, Member value) {
        session_.*member = std::move(value);
        return std::move(*this);
    }

    Session session_;
};

/// An intent whose server the provider has confirmed.
class IntentBuilder {
public:
    explicit IntentBuilder(std::string const& name) {
        intent_.server = ServerName{name};
        intent_.server_id = ServerId{"id-" + name};
        intent_.pool = PoolName{"default"};
        intent_.offer = {"local", "here"};
        intent_.price = Money{6'400'000, Currency::EUR};
        intent_.period = std::chrono::hours{1};
        intent_.epoch = LeaderEpoch{1};
        intent_.create = CreateState::created;
        intent_.listed = true;
    }

    IntentBuilder pool(std::string pool) && { return set(&Intent::pool, PoolName{std::move(pool)}); }
    IntentBuilder offer(OfferKey offer) && { return set(&Intent::offer, std::move(offer)); }
    IntentBuilder epoch(std::int64_t epoch) && { return set(&Intent::epoch, LeaderEpoch{epoch}); }
    IntentBuilder age(Duration age) && { return set(&Intent::age, age); }
    IntentBuilder reason(Reason reason) && { return set(&Intent::reason, reason); }
    IntentBuilder running_from(Duration age) && { return set(&Intent::running_from, std::optional{age}); }
    IntentBuilder boot(BootReport report) && { return set(&Intent::boot, std::optional{std::move(report)}); }
    IntentBuilder create(CreateState state) && {
        if (state != CreateState::created) intent_.server_id.reset();
        return set(&Intent::create, state);
    }
    IntentBuilder removed(Reason reason = Reason::paid_period_ends, Duration age = Duration{0}) && {
        intent_.remove = true;
        intent_.remove_reason = reason;
        return set(&Intent::remove_age, age);
    }

    operator Intent() const { return intent_; }

private:
    template <class Member>
    IntentBuilder set(Member Intent::*member, Member value) {
        intent_.*member = std::move(value);
        return std::move(*this);
    }

    Intent intent_;
};

[[nodiscard]] inline JobBuilder a_job() {
    return {};
}
[[nodiscard]] inline ServerBuilder a_server(std::string const& name) {
    return ServerBuilder{name};
}
[[nodiscard]] inline SessionBuilder a_session(std::string const& name) {
    return SessionBuilder{name};
}
[[nodiscard]] inline IntentBuilder an_intent(std::string const& name) {
    return IntentBuilder{name};
}

}  // namespace rgrid::testing
