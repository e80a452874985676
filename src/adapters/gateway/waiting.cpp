#include "adapters/gateway/waiting.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace rgrid::gateway {

namespace {

/// One that drains gets nothing while others would, so a single empty answer says little of the pool.
constexpr int empty_in_a_row = 8;

}  // namespace

WaitingClaims::WaitingClaims(Clock& clock, Wake* wake, Duration poll)
    : clock_(clock), wake_(wake), poll_(poll), thread_([this](std::stop_token const& stop) { run(stop); }) {}

WaitingClaims::~WaitingClaims() {
    thread_.request_stop();
    thread_.join();
    for (auto& [pool, queue] : pools_)
        for (auto& waiting : queue) waiting.reply(std::move(waiting.none));
}

void WaitingClaims::add(PoolName const& pool, SteadyInstant until, Ask ask, http::Response none, http::Reply reply) {
    put_back(pool, {until, std::move(ask), std::move(none), std::move(reply)});
}

void WaitingClaims::run(std::stop_token const& stop) {
    while (!stop.stop_requested()) {
        auto const next = clock_.steady_now() + poll_;
        // One that cannot wait must not spin.
        bool const woken = wake_ != nullptr && wake_->wait({next, stop});
        if (!woken) clock_.sleep_until(next, stop);
        if (!stop.stop_requested()) round(stop);
    }
}

void WaitingClaims::round(std::stop_token const& stop) {
    std::vector<std::pair<PoolName, std::size_t>> pools;
    {
        std::scoped_lock const lock{mutex_};
        std::erase_if(pools_, [](auto const& pool) { return pool.second.empty(); });
        for (auto const& [pool, queue] : pools_) pools.emplace_back(pool, queue.size());
    }
    for (auto const& [pool, count] : pools) ask_for_pool(pool, count, stop);
}

void WaitingClaims::ask_for_pool(PoolName const& pool, std::size_t count, std::stop_token const& stop) {
    int empty = 0;
    std::vector<Waiting> passed_over;
    for (std::size_t i = 0; i < count && !stop.stop_requested(); ++i) {
        auto waiting = take(pool);
        if (!waiting) break;
        // Whoever has gone would get jobs that it never hears of.
        if (waiting->reply.stop().stop_requested() || clock_.steady_now() >= waiting->until) {
            waiting->reply(std::move(waiting->none));
        } else if (empty >= empty_in_a_row) {
            passed_over.push_back(std::move(*waiting));
        } else if (auto answer = waiting->ask(waiting->reply.stop())) {
            waiting->reply(std::move(*answer));
            empty = 0;
        } else {
            ++empty;
            put_back(pool, std::move(*waiting));
        }
    }
    // They come first in the next round.
    std::scoped_lock const lock{mutex_};
    auto& queue = pools_[pool];
    for (auto waiting = passed_over.rbegin(); waiting != passed_over.rend(); ++waiting)
        queue.push_front(std::move(*waiting));
}

std::optional<WaitingClaims::Waiting> WaitingClaims::take(PoolName const& pool) {
    std::scoped_lock const lock{mutex_};
    auto& queue = pools_[pool];
    if (queue.empty()) return std::nullopt;
    auto first = std::move(queue.front());
    queue.pop_front();
    return first;
}

void WaitingClaims::put_back(PoolName const& pool, Waiting waiting) {
    std::scoped_lock const lock{mutex_};
    pools_[pool].push_back(std::move(waiting));
}

}  // namespace rgrid::gateway
