#pragma once

#include <optional>
#include <rgrid/base/result.hpp>
#include <rgrid/model/event.hpp>
#include <rgrid/model/plan.hpp>
#include <rgrid/model/snapshot.hpp>
#include <rgrid/policy/learn.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <string>
#include <variant>
#include <vector>

namespace rgrid {

/// The one port call that a step wants made next.
struct WriteFleet {
    FleetWrite write;
};
struct CloseWorker {
    WorkerId worker;
    CloseMode mode;
    BeatMark seen;
};
struct CreateServer {
    ServerRequest request;
};
struct FindServer {
    ServerName name;
};
struct DestroyServer {
    ServerId id;
};
using StepCall = std::variant<WriteFleet, CloseWorker, CreateServer, FindServer, DestroyServer>;

/// What came of it.
using StepOutcome = std::variant<Result<>, Result<CloseReport>, Result<Server>, Result<std::optional<Server>>>;

/// Everything a step needs to know; fixed when it starts.
struct StepOrder {
    Step step;
    Intent intent;                   ///< As the store has it. For a create or an adoption: as it was just written.
    std::optional<ServerBill> bill;  ///< As the store has it.
    std::optional<Server> server;    ///< As listed in the snapshot the step was decided on.
    ServerRequest request;           ///< `create_server`.
    Duration create_limit{0};        ///< `create_server`: its call has ended so long after the step was started.
    Instant now;                     ///< Of that snapshot.
};

/// What a step came to.
struct StepReport {
    Step step;
    bool failed = false;  ///< A call did not do what it was asked; the step is decided anew, but not at once.
    std::vector<Event> events;
    std::vector<Observation> observations;
};

/// Carries one step out, without doing any input or output itself: each `next` takes what the last call came to and
/// names the next call, until there is none. Dropping it half-way is what a crash does, and is harmless: intents are
/// written before anything is asked of the provider, and everything destructive is preceded by a fenced write and by
/// the proof that the worker's session is closed.
///
/// Thread safety: none; one thread at a time.
class StepMachine {
public:
    explicit StepMachine(StepOrder order);

    /// The first call, or nothing if there is nothing to do.
    std::optional<StepCall> begin();

    /// The call after `outcome` of the last one, or nothing if the step has ended.
    std::optional<StepCall> next(StepOutcome const& outcome);

    [[nodiscard]] StepReport const& report() const { return report_; }

private:
    enum class Stage { confirm_leading, close, create, record, find, prove_closed, write_remove, destroy, settle };

    std::optional<StepCall> after_confirm(Result<> const& outcome);
    std::optional<StepCall> after_close(Result<CloseReport> const& outcome);
    std::optional<StepCall> after_create(Result<Server> const& outcome);
    std::optional<StepCall> after_find(Result<std::optional<Server>> const& outcome);
    std::optional<StepCall> after_proof(Result<CloseReport> const& outcome);
    std::optional<StepCall> after_write_remove(Result<> const& outcome);
    std::optional<StepCall> after_destroy(Result<> const& outcome);

    std::optional<StepCall> write_intent(Stage stage, CreateState create, std::optional<ServerId> id);
    void tell(EventKind kind, Severity severity, std::string text, std::vector<JobId> jobs = {});
    void tell_failed(Error const& error);
    void observe(ObservationKind kind, std::string message = {});
    void observe_refusal(Error const& error);

    StepOrder order_;
    Stage stage_ = Stage::confirm_leading;
    StepReport report_;
};

}  // namespace rgrid
