#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <rgrid/base/secret.hpp>
#include <rgrid/control/actuator.hpp>
#include <rgrid/control/decision_log.hpp>
#include <rgrid/control/observer.hpp>
#include <rgrid/control/ports.hpp>
#include <rgrid/policy/planner.hpp>
#include <rgrid/policy/trust.hpp>
#include <set>
#include <string>

namespace rgrid {

/// What a new server's worker shows to a gateway, and what the store keeps of it.
struct WorkerToken {
    Secret token;
    std::string hash;  ///< Intent::token_hash.
};

/// How a controller goes about its passes.
struct ControllerSettings {
    FleetId fleet;
    std::string candidate;                             ///< Unique to one run of one process; names the leader.
    Duration interval = std::chrono::seconds{30};      ///< A pass at the latest this long after the last.
    Duration term = std::chrono::seconds{15};          ///< Of leadership; renewed at a third of it.
    Duration call_timeout = std::chrono::seconds{20};  ///< Of each port call but a create.
    /// Of a create: a provider needs longer to find out what came of one whose answer was lost. Less where the pool's
    /// `create_settle` leaves less before the listing lag, but never less than `call_timeout`.
    Duration create_timeout = std::chrono::seconds{80};
    /// Steps that create at a time; give the executor more threads, so that slow creates keep no other step waiting.
    int creates_at_once = 3;
    SourceAges max_ages;
    /// Makes the token of each new server, from a source of randomness; empty: workers need none. The hash is in the
    /// store before the provider is given the token.
    std::function<WorkerToken()> make_token;
};

/// What one pass saw and decided.
struct PassReport {
    bool leading = false;
    std::string leader;                ///< Who leads, if not this one.
    bool refused = false;              ///< Its servers are another store's: the fleet must not be led from here.
    std::optional<Snapshot> snapshot;  ///< Absent if the store could not be read, or if another leads.
    Plan plan;
    std::string problem;      ///< Why there is no snapshot; empty if there is one.
    SteadyInstant next_pass;  ///< When it wants to be called next, unless something happens before.
};

/// One fleet's controller: observes, decides and acts, one pass at a time.
///
/// A pass never waits for a step it started; what came of it is seen by a later pass. A second controller on the same
/// store only watches.
///
/// Where the fleet may not be acted for (see standstill()), a pass writes nothing and starts nothing. If the servers
/// are another store's, leadership is given up and not taken again while that is so. A store that went back in time is
/// told to stand still, and once it was adopted the next pass begins anew.
///
/// Thread safety: all methods but `on_change` from one thread at a time; the destructor waits for steps under way.
/// Lifetime: ports, executor and log must outlive it.
class Controller {
public:
    Controller(ControllerPorts ports, Planner planner, ControllerSettings settings, Executor& executor,
               DecisionLog* log = nullptr);
    ~Controller();
    Controller(Controller const&) = delete;
    Controller& operator=(Controller const&) = delete;

    /// One look and what follows from it.
    PassReport pass();

    /// What a pass would decide; takes no leadership, writes nothing, starts nothing.
    PassReport preview();

    /// Decides with another planner from the next pass on.
    void set_planner(Planner planner);

    /// Goes about it differently from the next pass on. Fleet, candidate, creates_at_once and the limits
    /// of calls stay as they are.
    void set_settings(ControllerSettings const& settings);

    /// Gives leadership up, so that another need not wait for the term to end.
    void resign();

    /// `changed` is called from any thread when a step has ended and a pass is worth while.
    void on_change(std::function<void()> changed);

    [[nodiscard]] bool has_steps_under_way() const { return !actuator_.in_flight().empty(); }

private:
    Call call() const { return call_within(ports_.clock, settings_.call_timeout); }
    bool lead(PassReport& report);
    void look_on(PassReport& report);
    void look_and_act(PassReport& report);
    void watch(PassReport& report);
    void refuse(Snapshot seen, PassReport& report);
    std::vector<ServerName> take_ended();
    std::optional<FleetRecord> load(PassReport& report);
    Snapshot observe(FleetRecord const& record, LeaderEpoch epoch, std::vector<ServerName> in_flight);
    void begin_anew_after_adoption(FleetRecord const& record);
    std::optional<std::string> doubt(Snapshot& seen, PassReport& report);
    bool trust(Snapshot& seen, PassReport& report);
    bool keep_records(Snapshot& seen, FleetRecord& record, PassReport& report);
    void act(Snapshot const& seen, FleetRecord const& record, Plan const& plan);
    StepOrder order_for(Step const& step, Snapshot const& seen, FleetRecord const& record) const;
    void keep_decision(Snapshot const& seen, Plan const& plan);
    void tend(Snapshot& seen);
    void tell(EventKind kind, Severity severity, std::string text, PoolName pool = {}, ServerName server = {});
    void tell_changes(PassReport const& report);
    SteadyInstant next_pass(PassReport const& report) const;

    ControllerPorts ports_;
    Planner planner_;
    ControllerSettings settings_;
    DecisionLog* log_;
    std::mutex changed_mutex_;
    std::function<void()> changed_;
    Observer observer_;
    Actuator actuator_;
    LeaderEpoch epoch_;
    StoreMark known_;              ///< The greatest counts of the store's current generation.
    bool refused_ = false;         ///< The servers were another store's when last looked at.
    bool standing_still_ = false;  ///< The last pass was one in which nothing may be done.
    std::int64_t passes_ = 0;
    std::vector<Observation> unlearned_;  ///< Reported by steps, not yet part of the stored memory.
    std::map<ServerName, Phase> phases_;  ///< At the last pass.
    std::set<std::string> told_;          ///< Findings and unknown sources an operator knows of.
    std::vector<ServerName> settled_;     ///< Whose sessions the queue may forget.
    bool was_leading_ = false;
    std::string last_problem_;
    std::string last_log_problem_;
};

}  // namespace rgrid
