#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <rgrid/ports/cloud_provider.hpp>
#include <rgrid/ports/file_store.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <rgrid/ports/job_executor.hpp>
#include <rgrid/ports/job_queue.hpp>
#include <rgrid/ports/job_store.hpp>
#include <rgrid/ports/work_source.hpp>
#include <string>
#include <string_view>
#include <type_traits>

/// Ports that fail on purpose: each `Faulty<Port>` passes calls on to a real port and, where its plan says so, fails
/// before the effect or loses the answer after it.
namespace rgrid::sim {

enum class Fault {
    none,
    before,  ///< Nothing happens: `retry_later`.
    after,   ///< It happens and the answer is lost: `in_doubt`; `retry_later` where the call has no effect.
};

/// How often a call fails, each from 0 to 1.
struct FaultRates {
    double before = 0;
    double after = 0;
};

/// How often a call was made and failed.
struct FaultCounts {
    std::int64_t calls = 0;
    std::int64_t before = 0;
    std::int64_t after = 0;
};

/// Decides which call fails. Every call name ("CloudProvider.create") has a stream of chance of its own, so that one
/// more call, or another rate, changes nothing for the calls of other names.
///
/// Thread safety: all methods from any thread; the outcome is reproducible where the order of the calls of one name is.
class FaultPlan {
public:
    explicit FaultPlan(std::uint64_t seed) : seed_(seed) {}

    /// Sets the rates of a call ("JobQueue.tend"), of all calls of a port ("JobQueue") or of all ("").
    void set(std::string const& calls, FaultRates rates) {
        std::scoped_lock const lock{mutex_};
        rates_[calls] = rates;
    }

    /// No call fails by chance from here on; what was ordered with `order` still does.
    void calm() {
        std::scoped_lock const lock{mutex_};
        rates_.clear();
    }

    /// Orders what becomes of the next call of that name that has no order yet.
    void order(std::string const& call, Fault fault) {
        std::scoped_lock const lock{mutex_};
        streams_[call].orders.push_back(fault);
    }

    /// What becomes of this call. Asked once for each call, by the decorators.
    [[nodiscard]] Fault next(std::string const& call) {
        std::scoped_lock const lock{mutex_};
        auto& stream = streams_.try_emplace(call).first->second;
        if (!stream.seeded) stream.chance.seed(seed_ ^ hash(call)), stream.seeded = true;
        // One number a call, whatever the rates are: changing them does not shift what comes later.
        auto const drawn = static_cast<double>(stream.chance() >> 11) * 0x1p-53;
        auto const rates = rates_of(call);
        auto fault = Fault::none;
        if (!stream.orders.empty())
            fault = stream.orders.front(), stream.orders.pop_front();
        else if (drawn < rates.before)
            fault = Fault::before;
        else if (drawn < rates.before + rates.after)
            fault = Fault::after;
        ++stream.counts.calls;
        if (fault == Fault::before) ++stream.counts.before;
        if (fault == Fault::after) ++stream.counts.after;
        return fault;
    }

    [[nodiscard]] FaultCounts counts(std::string const& call) const {
        std::scoped_lock const lock{mutex_};
        auto const found = streams_.find(call);
        return found == streams_.end() ? FaultCounts{} : found->second.counts;
    }

private:
    struct Stream {
        std::mt19937_64 chance;
        bool seeded = false;
        std::deque<Fault> orders;
        FaultCounts counts;
    };

    // FNV-1a: the same on every machine and compiler, unlike std::hash.
    static std::uint64_t hash(std::string_view text) {
        std::uint64_t value = 0xcbf29ce484222325;
        for (unsigned char character : text) value = (value ^ character) * 0x100000001b3;
        return value;
    }

    [[nodiscard]] FaultRates rates_of(std::string const& call) const {
        for (auto const& name : {call, call.substr(0, call.find('.')), std::string{}})
            if (auto const found = rates_.find(name); found != rates_.end()) return found->second;
        return {};
    }

    mutable std::mutex mutex_;
    std::uint64_t seed_;
    std::map<std::string, FaultRates> rates_;
    std::map<std::string, Stream> streams_;
};

namespace detail {

[[nodiscard]] inline Error injected(Errc code, char const* call) {
    return fail(code, std::string{call} +
                          (code == Errc::in_doubt ? ": its answer was lost on purpose" : ": it failed on purpose"));
}

/// A call that changes something.
template <class Action>
auto act(FaultPlan& plan, char const* call, Action const& action) -> decltype(action()) {
    auto const fault = plan.next(call);
    if (fault == Fault::before) return injected(Errc::retry_later, call);
    auto result = action();
    if (fault == Fault::after) return injected(Errc::in_doubt, call);
    return result;
}

/// A call that only looks: whichever way it fails, nothing has happened.
template <class Action>
auto look(FaultPlan& plan, char const* call, Action const& action) -> decltype(action()) {
    auto const fault = plan.next(call);
    if (fault == Fault::before) return injected(Errc::retry_later, call);
    auto result = action();
    if (fault == Fault::after) return injected(Errc::retry_later, call);
    return result;
}

/// A call of which the port promises that an error means "nothing was done": its answer cannot be lost.
template <class Action>
auto start(FaultPlan& plan, char const* call, Action const& action) -> decltype(action()) {
    if (plan.next(call) == Fault::before) return injected(Errc::retry_later, call);
    return action();
}

}  // namespace detail

/// A port that fails as `plan` says. Both arguments outlive it.
template <class Port>
class Faulty;

template <>
class Faulty<CloudProvider> final : public CloudProvider {
public:
    Faulty(CloudProvider& port, FaultPlan& plan) : port_(port), plan_(plan) {}

    Result<std::vector<Offer>> offers(Call const& call) override {
        return detail::look(plan_, "CloudProvider.offers", [&] { return port_.offers(call); });
    }
    Result<std::vector<Server>> list(Call const& call) override {
        return detail::look(plan_, "CloudProvider.list", [&] { return port_.list(call); });
    }
    Result<std::optional<Server>> find(Call const& call, ServerName const& name) override {
        return detail::look(plan_, "CloudProvider.find", [&] { return port_.find(call, name); });
    }
    Result<Server> create(Call const& call, ServerRequest const& request) override {
        return detail::act(plan_, "CloudProvider.create", [&] { return port_.create(call, request); });
    }
    Result<> destroy(Call const& call, ServerId const& id) override {
        return detail::act(plan_, "CloudProvider.destroy", [&] { return port_.destroy(call, id); });
    }

private:
    CloudProvider& port_;
    FaultPlan& plan_;
};

template <>
class Faulty<JobQueue> final : public JobQueue {
public:
    Faulty(JobQueue& port, FaultPlan& plan) : port_(port), plan_(plan) {}

    Result<Demand> demand(Call const& call) override {
        return detail::look(plan_, "JobQueue.demand", [&] { return port_.demand(call); });
    }
    Result<SessionList> sessions(Call const& call) override {
        return detail::look(plan_, "JobQueue.sessions", [&] { return port_.sessions(call); });
    }
    Result<CloseReport> close(Call const& call, WorkerId const& worker, CloseMode mode, BeatMark const& seen) override {
        return detail::act(plan_, "JobQueue.close", [&] { return port_.close(call, worker, mode, seen); });
    }
    Result<TendReport> tend(Call const& call, std::vector<ServerName> const& settled) override {
        return detail::act(plan_, "JobQueue.tend", [&] { return port_.tend(call, settled); });
    }

private:
    JobQueue& port_;
    FaultPlan& plan_;
};

template <>
class Faulty<FleetStore> final : public FleetStore {
public:
    Faulty(FleetStore& port, FaultPlan& plan) : port_(port), plan_(plan) {}

    Result<Leadership> lead(Call const& call, std::string const& candidate, Duration ttl) override {
        return detail::act(plan_, "FleetStore.lead", [&] { return port_.lead(call, candidate, ttl); });
    }
    Result<> resign(Call const& call, std::string const& candidate) override {
        return detail::act(plan_, "FleetStore.resign", [&] { return port_.resign(call, candidate); });
    }
    Result<FleetRecord> load(Call const& call) override {
        return detail::look(plan_, "FleetStore.load", [&] { return port_.load(call); });
    }
    Result<> write(Call const& call, LeaderEpoch epoch, FleetWrite const& write) override {
        return detail::act(plan_, "FleetStore.write", [&] { return port_.write(call, epoch, write); });
    }
    Result<> hold(Call const& call, PoolName const& pool, bool held) override {
        return detail::act(plan_, "FleetStore.hold", [&] { return port_.hold(call, pool, held); });
    }
    Result<> freeze(Call const& call, std::string const& why) override {
        return detail::act(plan_, "FleetStore.freeze", [&] { return port_.freeze(call, why); });
    }
    Result<Adopted> adopt(Call const& call, Adoption const& adoption) override {
        return detail::act(plan_, "FleetStore.adopt", [&] { return port_.adopt(call, adoption); });
    }
    Result<std::vector<ServerBill>> bills(Call const& call, Instant since) override {
        return detail::look(plan_, "FleetStore.bills", [&] { return port_.bills(call, since); });
    }

private:
    FleetStore& port_;
    FaultPlan& plan_;
};

template <>
class Faulty<WorkSource> final : public WorkSource {
public:
    Faulty(WorkSource& port, FaultPlan& plan) : port_(port), plan_(plan) {}

    Result<Registered> register_worker(Call const& call, Registration const& registration) override {
        return detail::act(plan_, "WorkSource.register_worker",
                           [&] { return port_.register_worker(call, registration); });
    }
    Result<BeatReply> beat(Call const& call, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                           bool leaving) override {
        return detail::act(plan_, "WorkSource.beat",
                           [&] { return port_.beat(call, worker, incarnation, acknowledged, leaving); });
    }
    Result<std::vector<Lease>> claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                     BeatCount acknowledged, int slots) override {
        return detail::act(plan_, "WorkSource.claim",
                           [&] { return port_.claim(call, worker, incarnation, acknowledged, slots); });
    }
    Result<std::vector<Verdict>> complete(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                          std::vector<Completion> const& completions) override {
        return detail::act(plan_, "WorkSource.complete",
                           [&] { return port_.complete(call, worker, incarnation, completions); });
    }
    Result<> append_log(Call const& call, WorkerId const& worker, Incarnation incarnation,
                        LogChunk const& chunk) override {
        return detail::act(plan_, "WorkSource.append_log",
                           [&] { return port_.append_log(call, worker, incarnation, chunk); });
    }

private:
    WorkSource& port_;
    FaultPlan& plan_;
};

template <>
class Faulty<JobStore> final : public JobStore {
public:
    Faulty(JobStore& port, FaultPlan& plan) : port_(port), plan_(plan) {}

    Result<std::vector<Result<Submitted>>> submit(Call const& call, std::vector<JobSpec> const& specs) override {
        return detail::act(plan_, "JobStore.submit", [&] { return port_.submit(call, specs); });
    }
    Result<std::vector<JobView>> look(Call const& call, JobQuery const& query) override {
        return detail::look(plan_, "JobStore.look", [&] { return port_.look(call, query); });
    }
    Result<JobCounts> counts(Call const& call) override {
        return detail::look(plan_, "JobStore.counts", [&] { return port_.counts(call); });
    }
    Result<std::vector<Result<JobState>>> cancel(Call const& call, std::vector<JobId> const& jobs) override {
        return detail::act(plan_, "JobStore.cancel", [&] { return port_.cancel(call, jobs); });
    }
    Result<std::vector<Result<JobState>>> retry(Call const& call, std::vector<JobId> const& jobs) override {
        return detail::act(plan_, "JobStore.retry", [&] { return port_.retry(call, jobs); });
    }
    Result<LogPage> read_log(Call const& call, JobId job, LeaseEpoch epoch, std::int64_t from) override {
        return detail::look(plan_, "JobStore.read_log", [&] { return port_.read_log(call, job, epoch, from); });
    }

private:
    JobStore& port_;
    FaultPlan& plan_;
};

template <>
class Faulty<JobExecutor> final : public JobExecutor {
public:
    Faulty(JobExecutor& port, FaultPlan& plan) : port_(port), plan_(plan) {}

    Result<ExecutionReport> run(Call const& call, Execution const& execution, LogSink const& log) override {
        return detail::start(plan_, "JobExecutor.run", [&] { return port_.run(call, execution, log); });
    }

private:
    JobExecutor& port_;
    FaultPlan& plan_;
};

template <>
class Faulty<FileStore> final : public FileStore {
public:
    Faulty(FileStore& port, FaultPlan& plan) : port_(port), plan_(plan) {}

    Result<StoredFile> put(Call const& call, std::string const& key, std::string const& local_path) override {
        return detail::act(plan_, "FileStore.put", [&] { return port_.put(call, key, local_path); });
    }
    Result<StoredFile> get(Call const& call, std::string const& key, std::string const& local_path) override {
        return detail::start(plan_, "FileStore.get", [&] { return port_.get(call, key, local_path); });
    }
    Result<std::optional<StoredFile>> find(Call const& call, std::string const& key) override {
        return detail::look(plan_, "FileStore.find", [&] { return port_.find(call, key); });
    }
    Result<> remove(Call const& call, std::string const& key) override {
        return detail::act(plan_, "FileStore.remove", [&] { return port_.remove(call, key); });
    }
    Result<std::vector<std::string>> list(Call const& call, std::string const& prefix) override {
        return detail::look(plan_, "FileStore.list", [&] { return port_.list(call, prefix); });
    }

private:
    FileStore& port_;
    FaultPlan& plan_;
};

// A method added to a port breaks the build here until the call has a name above.
template <class... Ports>
inline constexpr bool all_named = (!std::is_abstract_v<Faulty<Ports>> && ...);
static_assert(all_named<CloudProvider, JobQueue, FleetStore, WorkSource, JobStore, JobExecutor, FileStore>);

}  // namespace rgrid::sim
