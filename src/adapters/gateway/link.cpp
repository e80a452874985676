#include "adapters/gateway/link.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "adapters/gateway/target.hpp"

namespace rgrid::gateway {

namespace {

/// The attempt in `outputs/<job>/<epoch>...`; zeros if there is none.
Memory::Attempt attempt_in(std::string_view key) {
    constexpr std::string_view outputs = "outputs/";
    if (!key.starts_with(outputs)) return {};
    Memory::Attempt attempt;
    auto const* const end = key.data() + key.size();
    auto const job = std::from_chars(key.data() + outputs.size(), end, attempt.first.value);
    if (job.ec != std::errc{} || job.ptr == end || *job.ptr != '/') return {};
    auto const epoch = std::from_chars(job.ptr + 1, end, attempt.second.value);
    return epoch.ec == std::errc{} ? attempt : Memory::Attempt{};
}

}  // namespace

void Memory::keep(WorkerId const& worker, wire::Registered const& registered) {
    std::scoped_lock const lock{mutex_};
    auto& life = lives_[worker];
    life.incarnations[registered.incarnation] = registered.proof;
    // An agent speaks of its latest runs only.
    while (life.incarnations.size() > 16) life.incarnations.erase(life.incarnations.begin());
}

void Memory::keep(WorkerId const& worker, Incarnation incarnation, wire::Beats const& beats) {
    std::scoped_lock const lock{mutex_};
    auto& all = lives_[worker].beats;
    all[incarnation] = beats;
    while (all.size() > 16) all.erase(all.begin());
}

void Memory::keep(WorkerId const& worker, JobId job, LeaseEpoch epoch, std::string proof) {
    std::scoped_lock const lock{mutex_};
    auto& life = lives_[worker];
    auto const [attempt, is_new] = life.attempts.try_emplace({job, epoch});
    attempt->second.proof = std::move(proof);
    if (is_new) attempt->second.number = ++life.told;
}

void Memory::keep_inputs(WorkerId const& worker, Lease const& lease) {
    std::scoped_lock const lock{mutex_};
    auto& life = lives_[worker];
    Attempt const attempt{lease.job, lease.epoch};
    for (auto const& input : lease.spec.inputs) {
        auto const key = "inputs/" + input.sha256;
        life.users[key].insert(attempt);
        life.attempts[attempt].inputs.insert(key);
    }
}

std::int64_t Memory::told(WorkerId const& worker) const {
    std::scoped_lock const lock{mutex_};
    auto const life = lives_.find(worker);
    return life == lives_.end() ? 0 : life->second.told;
}

void Memory::is_over(WorkerId const& worker, Attempt const& attempt) {
    std::scoped_lock const lock{mutex_};
    auto& life = lives_[worker];
    if (auto const told = life.attempts.find(attempt); told != life.attempts.end()) life.is_over(attempt, told->second);
}

void Memory::only_holds(WorkerId const& worker, std::vector<Attempt> const& held, std::int64_t told) {
    std::set<Attempt> const still{held.begin(), held.end()};
    std::scoped_lock const lock{mutex_};
    auto& life = lives_[worker];
    std::vector<Attempt> gone;
    for (auto const& [attempt, known] : life.attempts)
        if (!known.over && known.number <= told && !still.contains(attempt)) gone.push_back(attempt);
    for (auto const& attempt : gone) life.is_over(attempt, life.attempts.at(attempt));
}

void Memory::Life::is_over(Attempt const& attempt, Told& known) {
    constexpr std::size_t most_over = 1000;
    if (std::exchange(known.over, true)) return;
    for (auto const& key : known.inputs) {
        auto const found = users.find(key);
        found->second.erase(attempt);
        if (found->second.empty()) users.erase(found);
    }
    known.inputs.clear();
    over.push_back(attempt);
    while (over.size() > most_over) {
        attempts.erase(over.front());
        over.pop_front();
    }
}

wire::Run Memory::run(WorkerId const& worker, Incarnation incarnation) const {
    std::scoped_lock const lock{mutex_};
    auto const life = lives_.find(worker);
    if (life == lives_.end()) return {incarnation, {}};
    auto const proof = life->second.incarnations.find(incarnation);
    return {incarnation, proof == life->second.incarnations.end() ? std::string{} : proof->second};
}

wire::Beats Memory::beats(WorkerId const& worker, Incarnation incarnation, BeatCount count) const {
    std::scoped_lock const lock{mutex_};
    auto const life = lives_.find(worker);
    if (life == lives_.end()) return {};
    auto const last = life->second.beats.find(incarnation);
    return last != life->second.beats.end() && last->second.count == count ? last->second : wire::Beats{};
}

wire::HeldLease Memory::lease(WorkerId const& worker, JobId job, LeaseEpoch epoch) const {
    std::scoped_lock const lock{mutex_};
    auto const life = lives_.find(worker);
    if (life == lives_.end()) return {job, epoch, {}};
    auto const told = life->second.attempts.find({job, epoch});
    return {job, epoch, told == life->second.attempts.end() ? std::string{} : told->second.proof};
}

Memory::Attempt Memory::attempt_for(WorkerId const& worker, std::string const& key) const {
    if (auto const attempt = attempt_in(key); attempt != Attempt{}) return attempt;
    std::scoped_lock const lock{mutex_};
    auto const life = lives_.find(worker);
    if (life == lives_.end()) return {};
    auto const users = life->second.users.find(key);
    // The youngest is the likeliest to be held still.
    return users == life->second.users.end() ? Attempt{} : *users->second.rbegin();
}

std::vector<http::Header> Link::headers(Call const& call) const {
    std::vector<http::Header> all{{"Authorization", wire::bearer + settings_.token.reveal()},
                                  {"Content-Type", "application/json"}};
    if (call.deadline != SteadyInstant::max()) {
        auto const left = std::chrono::floor<std::chrono::milliseconds>(call.deadline - clock_.steady_now()).count();
        all.push_back({wire::call_time, std::to_string(std::max<std::int64_t>(left, 1))});
    }
    return all;
}

Result<std::string> Link::post(Call const& call, WorkerId const& worker, char const* operation, std::string body,
                               bool may_have_effect) {
    http::Request request;
    request.method = "POST";
    request.target = "/v1/workers/" + percent_encoded(worker.value) + "/" + operation;
    request.headers = headers(call);
    request.body = std::move(body);
    request.repeatable = !may_have_effect;
    auto response = client_->send(call, request);
    if (!response) {
        // The client cannot know that this request changes nothing.
        auto error = response.error();
        if (error.code == Errc::in_doubt && !may_have_effect) error.code = Errc::retry_later;
        return error;
    }
    if (response->status != 200) return error_in(*response, "POST " + request.target, may_have_effect);
    return std::move(response->body);
}

Result<http::Response> Link::get_file(Call const& call, std::string const& target, std::string const& path) {
    http::Request request;
    request.target = target;
    auto response = client_->download(call, request, path);
    if (response && response->status != 200)
        return error_in(*response, "GET " + target.substr(0, target.find('?')), false);
    return response;
}

Result<http::Response> Link::put_file(Call const& call, std::string const& target, std::string const& path) {
    http::Request request;
    request.method = "PUT";
    request.target = target;
    request.body_file = path;
    request.repeatable = true;
    auto response = client_->send(call, request);
    if (response && response->status != 200)
        return error_in(*response, "PUT " + target.substr(0, target.find('?')), true);
    return response;
}

Result<std::shared_ptr<Link>> make_link(ClientSettings const& settings, Clock& clock) {
    if (settings.token.empty()) return fail(Errc::rejected, "the worker's token is empty; expected the one its server was given");
    if (!http::is_sendable({"Authorization", settings.token.reveal()}))
        return fail(Errc::rejected, "the worker's token holds control characters; expected one line of text");
    http::ClientSettings client;
    client.url = settings.url;
    client.ca_file = settings.ca_file;
    auto made = http::Client::make(client, clock);
    if (!made) return made.error();
    return std::make_shared<Link>(std::move(*made), settings, clock);
}

}  // namespace rgrid::gateway
