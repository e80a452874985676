#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <rgrid/model/plan.hpp>
#include <rgrid/model/snapshot.hpp>
#include <rgrid/policy/learn.hpp>
#include <rgrid/policy/params.hpp>
#include <rgrid/sim/bill.hpp>
#include <string>
#include <vector>

namespace rgrid::sim {

/// A job on a worker.
struct ReplayAttempt {
    std::size_t job = 0;
    std::int64_t number = 0;
    Duration began{0};
    Duration ends{0};
};

/// An ordered server and its worker.
struct ReplayWorker {
    std::int64_t number = 0;  ///< Of its name: the greater, the younger.
    std::string name;
    std::size_t pool = 0;
    Offer offer;
    Duration created{0};
    std::optional<Duration> came_up;
    Duration idle_since{0};
    std::optional<Duration> draining_since;
    std::optional<Duration> remove_first;  ///< When its delete was asked for at first, and last.
    std::optional<Duration> remove_asked;
    std::vector<ReplayAttempt> running;
    int busy = 0;  ///< Slots.

    [[nodiscard]] Duration last_end() const {
        Duration last{0};
        for (auto const& attempt : running) last = std::max(last, attempt.ends);
        return last;
    }
};

/// Records of one kind in the order of their servers' names, each beside its worker.
template <class T>
class ReplayRows {
public:
    explicit ReplayRows(std::vector<T>& records) : records_(records) {}

    T& add(ReplayWorker& worker, T record) {
        auto const at = place(worker);
        workers_.insert(workers_.begin() + at, &worker);
        return *records_.insert(records_.begin() + at, std::move(record));
    }

    [[nodiscard]] T* find(ReplayWorker const& worker) {
        auto const at = place(worker);
        return at < std::ssize(workers_) && workers_[static_cast<std::size_t>(at)] == &worker
                   ? &records_[static_cast<std::size_t>(at)]
                   : nullptr;
    }

    void erase(ReplayWorker const& worker) {
        if (find(worker) == nullptr) return;
        auto const at = place(worker);
        workers_.erase(workers_.begin() + at);
        records_.erase(records_.begin() + at);
    }

    template <class Visit>
    void each(Visit visit) {
        for (std::size_t i = 0; i < workers_.size(); ++i) visit(*workers_[i], records_[i]);
    }

private:
    [[nodiscard]] std::ptrdiff_t place(ReplayWorker const& worker) const {
        return std::lower_bound(workers_.begin(), workers_.end(), worker.name,
                                [](ReplayWorker const* a, std::string const& name) { return a->name < name; }) -
               workers_.begin();
    }

    std::vector<T>& records_;
    std::vector<ReplayWorker*> workers_;
};

/// The fleet as a snapshot shows it, kept up to date by what happens to it. Times are spans since the beginning.
class ReplayFleet {
public:
    ReplayFleet(PlannerParams const& params, std::vector<Offer> const& offers, Instant start);
    ReplayFleet(ReplayFleet const&) = delete;
    ReplayFleet& operator=(ReplayFleet const&) = delete;

    /// The snapshot with all ages as of `now`; the demand is the caller's.
    Snapshot& look(Duration now);

    [[nodiscard]] ReplayWorker* find(std::int64_t number);

    /// A server that is there at once, or an order that the provider has refused.
    ReplayWorker& create(Duration now, std::int64_t number, Step const& step, std::size_t pool, Offer const& offer,
                         bool refused);
    void come_up(Duration now, ReplayWorker& worker, int slots);
    void drain(Duration now, ReplayWorker& worker);
    void close(ReplayWorker& worker);

    /// Returns whether it is the first time that the delete is asked for.
    bool remove(Duration now, ReplayWorker& worker, Reason reason);
    void gone(Duration now, ReplayWorker& worker);
    void settle(ReplayWorker const& worker);

    void learn_from(Duration now, ObservationKind kind, ReplayWorker const& worker, Duration took = Duration{0});

    [[nodiscard]] bool takes_jobs(ReplayWorker const& worker);
    [[nodiscard]] bool is_closed(ReplayWorker const& worker);
    [[nodiscard]] bool has_server(ReplayWorker const& worker) { return servers_.find(worker) != nullptr; }
    [[nodiscard]] std::int64_t servers() const { return std::ssize(*seen_.servers.value); }
    [[nodiscard]] std::int64_t servers_of(OfferKey const& offer) const;

    /// What stands for a pool, down to the last settled order.
    [[nodiscard]] int intents_of(std::size_t pool) const { return intents_of_pool_[pool]; }

    template <class Visit>
    void each_server(Visit visit) {
        servers_.each([&](ReplayWorker const& worker, Server const&) { visit(worker); });
    }

private:
    void count_spent(Duration now);
    [[nodiscard]] Money spent_since(Instant month, ReplayWorker const& worker, Duration lifetime) const;

    PlannerParams const& params_;
    Instant start_;
    std::vector<PoolName> pools_;
    Snapshot seen_;
    ReplayRows<Intent> intents_;
    ReplayRows<Server> servers_;
    ReplayRows<Session> sessions_;
    std::map<std::int64_t, ReplayWorker> workers_;
    std::vector<int> intents_of_pool_;
    Instant month_;
    Money spent_by_gone_;  // This month, by servers that are gone.
};

}  // namespace rgrid::sim
