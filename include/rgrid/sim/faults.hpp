#pragma once

#include <array>
#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <rgrid/base/assert.hpp>
#include <rgrid/ports/cloud_provider.hpp>
#include <rgrid/ports/file_store.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <rgrid/ports/job_executor.hpp>
#include <rgrid/ports/job_queue.hpp>
#include <rgrid/ports/job_store.hpp>
#include <rgrid/ports/work_source.hpp>
#include <rgrid/sim/chance.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// Ports that fail on purpose: each `Faulty<Port>` passes calls on to a port over a `Way`, on which a call may be
/// delayed, lost before its effect, or lose its answer after it.
namespace rgrid::sim {

/// What may become of a call.
enum class Fault {
    none,
    refused,           ///< Nothing happens, and the caller is told so: `retry_later`.
    timed_out_before,  ///< Nothing happens, and the caller cannot know: at its deadline it gives up.
    timed_out_after,   ///< It happens, and the caller gives up at its deadline.
    answer_lost,       ///< It happens and the connection breaks: `in_doubt`; `retry_later` if it only looks.
    stale,             ///< Listings: what was true a moment ago, within the provider's listing lag.
    truncated,         ///< Listings: a page is missing, which is an error and not a shorter list.
    throttled,         ///< Refused, as are all further calls for a while.
    slow,              ///< It takes nearly as long as its deadline allows.
};
BOOST_DESCRIBE_ENUM(Fault, none, refused, timed_out_before, timed_out_after, answer_lost, stale, truncated, throttled,
                    slow)
inline constexpr std::size_t fault_kinds = 9;

enum class CallKind {
    look,   ///< Whichever way it fails, nothing has happened.
    act,    ///< A lost answer leaves its effect in doubt.
    start,  ///< The port promises that an error means "nothing was done": its answer cannot be lost.
};

/// One method of a port.
struct PortCall {
    std::size_t number;  ///< Its place in `port_calls`.
    char const* name;    ///< "CloudProvider.create"
    CallKind kind;
    bool lists = false;  ///< It reads a listing that may lag behind or break off.
};

namespace calls {
inline constexpr PortCall cloud_offers{0, "CloudProvider.offers", CallKind::look};
inline constexpr PortCall cloud_list{1, "CloudProvider.list", CallKind::look, true};
inline constexpr PortCall cloud_find{2, "CloudProvider.find", CallKind::look};
inline constexpr PortCall cloud_create{3, "CloudProvider.create", CallKind::act};
inline constexpr PortCall cloud_destroy{4, "CloudProvider.destroy", CallKind::act};
inline constexpr PortCall queue_demand{5, "JobQueue.demand", CallKind::look};
inline constexpr PortCall queue_sessions{6, "JobQueue.sessions", CallKind::look};
inline constexpr PortCall queue_close{7, "JobQueue.close", CallKind::act};
inline constexpr PortCall queue_tend{8, "JobQueue.tend", CallKind::act};
inline constexpr PortCall fleet_lead{9, "FleetStore.lead", CallKind::act};
inline constexpr PortCall fleet_resign{10, "FleetStore.resign", CallKind::act};
inline constexpr PortCall fleet_load{11, "FleetStore.load", CallKind::look};
inline constexpr PortCall fleet_write{12, "FleetStore.write", CallKind::act};
inline constexpr PortCall fleet_hold{13, "FleetStore.hold", CallKind::act};
inline constexpr PortCall fleet_freeze{14, "FleetStore.freeze", CallKind::act};
inline constexpr PortCall fleet_adopt{15, "FleetStore.adopt", CallKind::act};
inline constexpr PortCall fleet_bills{16, "FleetStore.bills", CallKind::look};
inline constexpr PortCall work_register{17, "WorkSource.register_worker", CallKind::act};
inline constexpr PortCall work_beat{18, "WorkSource.beat", CallKind::act};
inline constexpr PortCall work_claim{19, "WorkSource.claim", CallKind::act};
inline constexpr PortCall work_complete{20, "WorkSource.complete", CallKind::act};
inline constexpr PortCall work_append_log{21, "WorkSource.append_log", CallKind::act};
inline constexpr PortCall jobs_submit{22, "JobStore.submit", CallKind::act};
inline constexpr PortCall jobs_look{23, "JobStore.look", CallKind::look};
inline constexpr PortCall jobs_counts{24, "JobStore.counts", CallKind::look};
inline constexpr PortCall jobs_cancel{25, "JobStore.cancel", CallKind::act};
inline constexpr PortCall jobs_retry{26, "JobStore.retry", CallKind::act};
inline constexpr PortCall jobs_read_log{27, "JobStore.read_log", CallKind::look};
inline constexpr PortCall executor_run{28, "JobExecutor.run", CallKind::start};
inline constexpr PortCall files_put{29, "FileStore.put", CallKind::act};
inline constexpr PortCall files_get{30, "FileStore.get", CallKind::start};
inline constexpr PortCall files_find{31, "FileStore.find", CallKind::look};
inline constexpr PortCall files_remove{32, "FileStore.remove", CallKind::act};
inline constexpr PortCall files_list{33, "FileStore.list", CallKind::look};
inline constexpr PortCall fleet_report_boot{34, "FleetStore.report_boot", CallKind::act};
}  // namespace calls

/// Every call that can fail, by number.
inline constexpr std::array port_calls{
    calls::cloud_offers,  calls::cloud_list,    calls::cloud_find,      calls::cloud_create,   calls::cloud_destroy,
    calls::queue_demand,  calls::queue_sessions, calls::queue_close,    calls::queue_tend,     calls::fleet_lead,
    calls::fleet_resign,  calls::fleet_load,    calls::fleet_write,     calls::fleet_hold,     calls::fleet_freeze,
    calls::fleet_adopt,   calls::fleet_bills,   calls::work_register,   calls::work_beat,      calls::work_claim,
    calls::work_complete, calls::work_append_log, calls::jobs_submit,   calls::jobs_look,      calls::jobs_counts,
    calls::jobs_cancel,   calls::jobs_retry,    calls::jobs_read_log,   calls::executor_run,   calls::files_put,
    calls::files_get,     calls::files_find,    calls::files_remove,    calls::files_list,
    calls::fleet_report_boot};
static_assert([] {
    for (std::size_t i = 0; i < port_calls.size(); ++i)
        if (port_calls[i].number != i) return false;
    return true;
}());

/// How a call got through to its port.
struct Passage {
    std::optional<Error> error;  ///< It did not: this is the call's answer.
    Fault fault = Fault::none;   ///< What is to become of its answer.
};

/// What lies between a caller and a port. Either method may take its time.
class Way {
public:
    virtual ~Way() = default;

    /// Asked before the effect.
    [[nodiscard]] virtual Passage there(PortCall const& call, Call const& limits) = 0;

    /// Asked after the effect, with what `there` said: an error takes the place of the answer. Not asked of
    /// `CallKind::start`.
    [[nodiscard]] virtual std::optional<Error> back(PortCall const& call, Call const& limits, Fault fault) = 0;
};

/// The error by which a caller learns of a fault, if it does.
[[nodiscard]] inline std::optional<Error> error_of(Fault fault, PortCall const& call) {
    auto const doubt = call.kind == CallKind::act ? Errc::in_doubt : Errc::retry_later;
    std::string const name = call.name;
    switch (fault) {
        case Fault::refused:
            return fail(Errc::retry_later, name + ": it failed on purpose");
        case Fault::throttled:
            return fail(Errc::retry_later, name + ": too many calls, on purpose");
        case Fault::truncated:
            return fail(Errc::retry_later, name + ": a page is missing on purpose");
        case Fault::timed_out_before:
        case Fault::timed_out_after:
            return fail(call.kind == CallKind::start ? Errc::retry_later : doubt, name + ": it timed out on purpose");
        case Fault::answer_lost:
            return fail(doubt, name + ": its answer was lost on purpose");
        case Fault::none:
        case Fault::stale:
        case Fault::slow:
            break;
    }
    return std::nullopt;
}

[[nodiscard]] constexpr bool is_before_effect(Fault fault) {
    return fault == Fault::refused || fault == Fault::timed_out_before || fault == Fault::truncated ||
           fault == Fault::throttled;
}
[[nodiscard]] constexpr bool is_after_effect(Fault fault) {
    return fault == Fault::timed_out_after || fault == Fault::answer_lost;
}

/// How often each fault comes to a call, from 0 to 1 and at most 1 together.
struct FaultRates {
    double refused = 0;
    double timed_out_before = 0;
    double timed_out_after = 0;
    double answer_lost = 0;
    double stale = 0;
    double truncated = 0;
    double throttled = 0;
    double slow = 0;
};
BOOST_DESCRIBE_STRUCT(FaultRates, (),
                      (refused, timed_out_before, timed_out_after, answer_lost, stale, truncated, throttled, slow))

/// Decides which call fails. Every call has a stream of chance of its own, so that one more call, or another rate,
/// changes nothing for other calls. As a way it takes no time.
///
/// Thread safety: all methods from any thread; the outcome is reproducible where the order of the calls of one name is.
class FaultPlan : public Way {
public:
    explicit FaultPlan(std::uint64_t seed) {
        streams_.reserve(port_calls.size());
        for (auto const& call : port_calls) streams_.emplace_back(seed, call.name);
    }

    /// Sets the rates of a call ("JobQueue.tend"), of all calls of a port ("JobQueue") or of all (""). The nearest
    /// counts, in whichever order they were set.
    void set(std::string_view calls, FaultRates const& rates) {
        std::scoped_lock const lock{mutex_};
        for (auto const& call : port_calls) {
            std::string_view const name = call.name;
            bool const meant = calls.empty() || name == calls || name.substr(0, name.find('.')) == calls;
            auto& stream = streams_[call.number];
            if (!meant || calls.size() < stream.nearness) continue;
            stream.rates = rates;
            stream.nearness = calls.size();
        }
    }

    /// No call fails by chance from here on; what was ordered with `order` still does.
    void calm() {
        std::scoped_lock const lock{mutex_};
        for (auto& stream : streams_) stream.rates = {}, stream.nearness = 0;
    }

    /// Orders what becomes of the next call of that name that has no order yet.
    void order(std::string_view call, Fault fault) {
        std::scoped_lock const lock{mutex_};
        streams_[numbered(call)].orders.push_back(fault);
    }

    /// What becomes of this call. Asked once for each call.
    [[nodiscard]] Fault next(PortCall const& call) {
        std::scoped_lock const lock{mutex_};
        auto& stream = streams_[call.number];
        // One number a call, whatever the rates are: changing them does not shift what comes later.
        auto const drawn = stream.chance.real();
        auto fault = pick(stream.rates, drawn, call);
        if (!stream.orders.empty()) fault = stream.orders.front(), stream.orders.pop_front();
        ++stream.calls;
        ++stream.faults[static_cast<std::size_t>(fault)];
        return fault;
    }

    /// How often a call was made.
    [[nodiscard]] std::int64_t calls(std::string_view call) const {
        std::scoped_lock const lock{mutex_};
        return streams_[numbered(call)].calls;
    }

    /// How often a fault came to a call.
    [[nodiscard]] std::int64_t faults(std::string_view call, Fault fault) const {
        std::scoped_lock const lock{mutex_};
        return streams_[numbered(call)].faults[static_cast<std::size_t>(fault)];
    }

    [[nodiscard]] Passage there(PortCall const& call, Call const&) override {
        auto const fault = next(call);
        return {is_before_effect(fault) ? error_of(fault, call) : std::nullopt, fault};
    }
    [[nodiscard]] std::optional<Error> back(PortCall const& call, Call const&, Fault fault) override {
        return error_of(fault, call);
    }

private:
    struct Stream {
        Stream(std::uint64_t seed, char const* name) : chance(seed, name) {}

        Chance chance;
        FaultRates rates;
        std::size_t nearness = 0;  // The length of the name that the rates were set with.
        std::deque<Fault> orders;
        std::int64_t calls = 0;
        std::array<std::int64_t, fault_kinds> faults{};
    };

    static Fault pick(FaultRates const& rates, double drawn, PortCall const& call) {
        std::pair<Fault, double> const shares[] = {
            {Fault::refused, rates.refused},
            {Fault::timed_out_before, rates.timed_out_before},
            {Fault::timed_out_after, call.kind == CallKind::start ? 0 : rates.timed_out_after},
            {Fault::answer_lost, call.kind == CallKind::start ? 0 : rates.answer_lost},
            {Fault::throttled, rates.throttled},
            {Fault::slow, rates.slow},
            {Fault::stale, call.lists ? rates.stale : 0},
            {Fault::truncated, call.lists ? rates.truncated : 0}};
        for (auto const& [fault, rate] : shares)
            if ((drawn -= rate) < 0) return fault;
        return Fault::none;
    }

    static std::size_t numbered(std::string_view name) {
        for (auto const& call : port_calls)
            if (call.name == name) return call.number;
        RGRID_ASSERT(name.empty());  // It is none that port_calls names.
        return 0;
    }

    mutable std::mutex mutex_;
    std::vector<Stream> streams_;
};

namespace detail {

template <class Action>
auto pass(Way& way, PortCall const& call, Call const& limits, Action const& action) -> decltype(action()) {
    auto const passage = way.there(call, limits);
    if (passage.error) return *passage.error;
    auto result = action();
    if (call.kind == CallKind::start) return result;
    if (auto const error = way.back(call, limits, passage.fault)) return *error;
    return result;
}

}  // namespace detail

/// A port at the other end of a way. Both arguments outlive it.
template <class Port>
class Faulty;

template <>
class Faulty<CloudProvider> final : public CloudProvider {
public:
    Faulty(CloudProvider& port, Way& way) : port_(port), way_(way) {}

    Result<std::vector<Offer>> offers(Call const& call) override {
        return detail::pass(way_, calls::cloud_offers, call, [&] { return port_.offers(call); });
    }
    Result<std::vector<Server>> list(Call const& call) override {
        return detail::pass(way_, calls::cloud_list, call, [&] { return port_.list(call); });
    }
    Result<std::optional<Server>> find(Call const& call, ServerName const& name) override {
        return detail::pass(way_, calls::cloud_find, call, [&] { return port_.find(call, name); });
    }
    Result<Server> create(Call const& call, ServerRequest const& request) override {
        return detail::pass(way_, calls::cloud_create, call, [&] { return port_.create(call, request); });
    }
    Result<> destroy(Call const& call, ServerId const& id) override {
        return detail::pass(way_, calls::cloud_destroy, call, [&] { return port_.destroy(call, id); });
    }

private:
    CloudProvider& port_;
    Way& way_;
};

template <>
class Faulty<JobQueue> final : public JobQueue {
public:
    Faulty(JobQueue& port, Way& way) : port_(port), way_(way) {}

    Result<Demand> demand(Call const& call) override {
        return detail::pass(way_, calls::queue_demand, call, [&] { return port_.demand(call); });
    }
    Result<SessionList> sessions(Call const& call) override {
        return detail::pass(way_, calls::queue_sessions, call, [&] { return port_.sessions(call); });
    }
    Result<CloseReport> close(Call const& call, WorkerId const& worker, CloseMode mode, BeatMark const& seen) override {
        return detail::pass(way_, calls::queue_close, call, [&] { return port_.close(call, worker, mode, seen); });
    }
    Result<TendReport> tend(Call const& call, std::vector<ServerName> const& settled) override {
        return detail::pass(way_, calls::queue_tend, call, [&] { return port_.tend(call, settled); });
    }

private:
    JobQueue& port_;
    Way& way_;
};

template <>
class Faulty<FleetStore> final : public FleetStore {
public:
    Faulty(FleetStore& port, Way& way) : port_(port), way_(way) {}

    Result<Leadership> lead(Call const& call, std::string const& candidate, Duration ttl) override {
        return detail::pass(way_, calls::fleet_lead, call, [&] { return port_.lead(call, candidate, ttl); });
    }
    Result<> resign(Call const& call, std::string const& candidate) override {
        return detail::pass(way_, calls::fleet_resign, call, [&] { return port_.resign(call, candidate); });
    }
    Result<FleetRecord> load(Call const& call) override {
        return detail::pass(way_, calls::fleet_load, call, [&] { return port_.load(call); });
    }
    Result<> write(Call const& call, LeaderEpoch epoch, FleetWrite const& write) override {
        return detail::pass(way_, calls::fleet_write, call, [&] { return port_.write(call, epoch, write); });
    }
    Result<> hold(Call const& call, PoolName const& pool, bool held) override {
        return detail::pass(way_, calls::fleet_hold, call, [&] { return port_.hold(call, pool, held); });
    }
    Result<> freeze(Call const& call, std::string const& why) override {
        return detail::pass(way_, calls::fleet_freeze, call, [&] { return port_.freeze(call, why); });
    }
    Result<Adopted> adopt(Call const& call, Adoption const& adoption) override {
        return detail::pass(way_, calls::fleet_adopt, call, [&] { return port_.adopt(call, adoption); });
    }
    Result<> report_boot(Call const& call, ServerName const& server, BootReport const& report) override {
        return detail::pass(way_, calls::fleet_report_boot, call,
                            [&] { return port_.report_boot(call, server, report); });
    }
    Result<std::vector<ServerBill>> bills(Call const& call, Instant since) override {
        return detail::pass(way_, calls::fleet_bills, call, [&] { return port_.bills(call, since); });
    }

private:
    FleetStore& port_;
    Way& way_;
};

template <>
class Faulty<WorkSource> final : public WorkSource {
public:
    Faulty(WorkSource& port, Way& way) : port_(port), way_(way) {}

    Result<Registered> register_worker(Call const& call, Registration const& registration) override {
        return detail::pass(way_, calls::work_register, call,
                           [&] { return port_.register_worker(call, registration); });
    }
    Result<BeatReply> beat(Call const& call, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                           bool leaving) override {
        return detail::pass(way_, calls::work_beat, call,
                           [&] { return port_.beat(call, worker, incarnation, acknowledged, leaving); });
    }
    Result<std::vector<Lease>> claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                     BeatCount acknowledged, int slots) override {
        return detail::pass(way_, calls::work_claim, call,
                           [&] { return port_.claim(call, worker, incarnation, acknowledged, slots); });
    }
    Result<std::vector<Verdict>> complete(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                          std::vector<Completion> const& completions) override {
        return detail::pass(way_, calls::work_complete, call,
                           [&] { return port_.complete(call, worker, incarnation, completions); });
    }
    Result<> append_log(Call const& call, WorkerId const& worker, Incarnation incarnation,
                        LogChunk const& chunk) override {
        return detail::pass(way_, calls::work_append_log, call,
                           [&] { return port_.append_log(call, worker, incarnation, chunk); });
    }

private:
    WorkSource& port_;
    Way& way_;
};

template <>
class Faulty<JobStore> final : public JobStore {
public:
    Faulty(JobStore& port, Way& way) : port_(port), way_(way) {}

    Result<std::vector<Result<Submitted>>> submit(Call const& call, std::vector<JobSpec> const& specs) override {
        return detail::pass(way_, calls::jobs_submit, call, [&] { return port_.submit(call, specs); });
    }
    Result<std::vector<JobView>> look(Call const& call, JobQuery const& query) override {
        return detail::pass(way_, calls::jobs_look, call, [&] { return port_.look(call, query); });
    }
    Result<JobCounts> counts(Call const& call) override {
        return detail::pass(way_, calls::jobs_counts, call, [&] { return port_.counts(call); });
    }
    Result<std::vector<Result<JobState>>> cancel(Call const& call, std::vector<JobId> const& jobs) override {
        return detail::pass(way_, calls::jobs_cancel, call, [&] { return port_.cancel(call, jobs); });
    }
    Result<std::vector<Result<JobState>>> retry(Call const& call, std::vector<JobId> const& jobs) override {
        return detail::pass(way_, calls::jobs_retry, call, [&] { return port_.retry(call, jobs); });
    }
    Result<LogPage> read_log(Call const& call, JobId job, LeaseEpoch epoch, std::int64_t from) override {
        return detail::pass(way_, calls::jobs_read_log, call, [&] { return port_.read_log(call, job, epoch, from); });
    }

private:
    JobStore& port_;
    Way& way_;
};

template <>
class Faulty<JobExecutor> final : public JobExecutor {
public:
    Faulty(JobExecutor& port, Way& way) : port_(port), way_(way) {}

    Result<ExecutionReport> run(Call const& call, Execution const& execution, LogSink const& log) override {
        return detail::pass(way_, calls::executor_run, call, [&] { return port_.run(call, execution, log); });
    }

private:
    JobExecutor& port_;
    Way& way_;
};

template <>
class Faulty<FileStore> final : public FileStore {
public:
    Faulty(FileStore& port, Way& way) : port_(port), way_(way) {}

    Result<StoredFile> put(Call const& call, std::string const& key, std::string const& local_path) override {
        return detail::pass(way_, calls::files_put, call, [&] { return port_.put(call, key, local_path); });
    }
    Result<StoredFile> get(Call const& call, std::string const& key, std::string const& local_path) override {
        return detail::pass(way_, calls::files_get, call, [&] { return port_.get(call, key, local_path); });
    }
    Result<std::optional<StoredFile>> find(Call const& call, std::string const& key) override {
        return detail::pass(way_, calls::files_find, call, [&] { return port_.find(call, key); });
    }
    Result<> remove(Call const& call, std::string const& key) override {
        return detail::pass(way_, calls::files_remove, call, [&] { return port_.remove(call, key); });
    }
    Result<std::vector<std::string>> list(Call const& call, std::string const& prefix) override {
        return detail::pass(way_, calls::files_list, call, [&] { return port_.list(call, prefix); });
    }

private:
    FileStore& port_;
    Way& way_;
};

// A method added to a port breaks the build here until the call has a name above.
template <class... Ports>
inline constexpr bool all_named = (!std::is_abstract_v<Faulty<Ports>> && ...);
static_assert(all_named<CloudProvider, JobQueue, FleetStore, WorkSource, JobStore, JobExecutor, FileStore>);

}  // namespace rgrid::sim
