#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <rgrid/adapters/http/server.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/wake.hpp>
#include <thread>

namespace rgrid::gateway {

/// Agents that wait for a job, without a thread for each. A round asks the store for them in turn, whenever something
/// has changed and every `poll`; a pool for which several in a row got nothing has to wait for the next round.
class WaitingClaims {
public:
    /// Asks the store once. Nothing: there is no job, and the agent waits on.
    using Ask = std::function<std::optional<http::Response>(std::stop_token const&)>;

    /// `clock` and `wake` (may be null) must outlive this object.
    WaitingClaims(Clock& clock, Wake* wake, Duration poll);
    ~WaitingClaims();

    /// `none` is the answer when `until` has come.
    void add(PoolName const& pool, SteadyInstant until, Ask ask, http::Response none, http::Reply reply);

private:
    struct Waiting {
        SteadyInstant until;
        Ask ask;
        http::Response none;
        http::Reply reply;
    };
    using Queue = std::deque<Waiting>;

    void run(std::stop_token const& stop);
    void round(std::stop_token const& stop);
    void ask_for_pool(PoolName const& pool, std::size_t count, std::stop_token const& stop);
    std::optional<Waiting> take(PoolName const& pool);
    void put_back(PoolName const& pool, Waiting waiting);

    Clock& clock_;
    Wake* const wake_;
    Duration const poll_;
    std::mutex mutex_;
    std::map<PoolName, Queue> pools_;
    std::jthread thread_;
};

}  // namespace rgrid::gateway
