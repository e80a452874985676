#pragma once

#include <atomic>
#include <mutex>
#include <rgrid/adapters/postgres/store.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "server.hpp"

namespace rgrid::postgres {

/// Makes the schema in a database that has none.
void make_schema(Settings const& settings);

/// What is wrong with a store: each job is in exactly one state, and what was added up is what is there.
std::string damage(Sql& sql);

/// What a server has said since its log had `from` bytes.
std::string read_log(PostgresServer const& server, std::size_t from = 0);

/// Programs that submit in batches and workers that do the jobs, on one store, until they are told to stop.
class Bustle {
public:
    explicit Bustle(Store& store);

    /// Lets what is under way come to its end.
    void stop();

    /// Nothing of what the store has said may be untrue; to be asked after stop().
    void expect_kept(Sql& sql) const;

    /// Jobs of which the store has said that it has them, and that it has taken their success.
    std::set<JobId> accepted, succeeded;
    std::atomic<int> batches = 0;
    std::atomic<int> reports = 0;
    std::atomic<int> doubts = 0;  ///< Batches of which nobody knows whether they were taken.

private:
    static constexpr std::size_t batch = 20;

    Call brief() { return call_within(clock_, std::chrono::seconds{10}); }

    template <class T>
    bool rested(Result<T> const& answer, std::stop_token const& stop);
    void submit(std::stop_token const& stop);
    void work(std::stop_token const& stop, WorkerId const& worker);

    Store& store_;
    SystemClock clock_;
    std::mutex mutex_;
    std::vector<std::jthread> threads_;
};

}  // namespace rgrid::postgres
