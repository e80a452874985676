#include <rgrid/control/step_machine.hpp>
#include <rgrid/policy/explain.hpp>
#include <utility>

namespace rgrid {

StepMachine::StepMachine(StepOrder order) : order_(std::move(order)) {
    report_.step = order_.step;
}

std::optional<StepCall> StepMachine::begin() {
    auto const& step = order_.step;
    switch (step.action) {
        case Action::create_server:
            // Its intent was written, under the caps, before this began.
            tell(EventKind::server_create, Severity::info, explain(step));
            observe(ObservationKind::create_sent);
            stage_ = Stage::create;
            return CreateServer{order_.request};
        case Action::adopt_server:
            tell(EventKind::server_adopted, Severity::warning, explain(step));
            return std::nullopt;
        case Action::find_server:
            stage_ = Stage::find;
            return FindServer{step.server};
        case Action::close_worker:
            // An empty write is the cheapest proof that nobody else leads by now.
            stage_ = Stage::confirm_leading;
            return WriteFleet{};
        case Action::delete_server:
            // Closing is final and idempotent, so the answer `closed` proves that nothing runs or will run there.
            stage_ = Stage::prove_closed;
            return CloseWorker{step.worker.value_or(WorkerId{step.server.value}), CloseMode::if_idle, {}};
        case Action::settle_intent: {
            FleetWrite write;
            write.settled.push_back(step.server);
            if (order_.bill) {
                write.bills.push_back(*order_.bill);
                if (!write.bills.front().deleted) write.bills.front().deleted = order_.now;
                write.bills.front().remove_reason = order_.intent.remove_reason;
            }
            stage_ = Stage::settle;
            return WriteFleet{std::move(write)};
        }
    }
    return std::nullopt;
}

std::optional<StepCall> StepMachine::next(StepOutcome const& outcome) {
    switch (stage_) {
        case Stage::confirm_leading:
            return after_confirm(std::get<Result<>>(outcome));
        case Stage::close:
            return after_close(std::get<Result<CloseReport>>(outcome));
        case Stage::create:
            return after_create(std::get<Result<Server>>(outcome));
        case Stage::find:
            return after_find(std::get<Result<std::optional<Server>>>(outcome));
        case Stage::prove_closed:
            return after_proof(std::get<Result<CloseReport>>(outcome));
        case Stage::write_remove:
            return after_write_remove(std::get<Result<>>(outcome));
        case Stage::destroy:
            return after_destroy(std::get<Result<>>(outcome));
        case Stage::record:
        case Stage::settle:
            if (auto const& written = std::get<Result<>>(outcome); !written) tell_failed(written.error());
            return std::nullopt;
    }
    return std::nullopt;
}

std::optional<StepCall> StepMachine::after_confirm(Result<> const& outcome) {
    if (!outcome) return tell_failed(outcome.error()), std::nullopt;
    stage_ = Stage::close;
    return CloseWorker{order_.step.worker.value_or(WorkerId{order_.step.server.value}), order_.step.mode,
                       order_.step.seen};
}

std::optional<StepCall> StepMachine::after_close(Result<CloseReport> const& outcome) {
    auto const& step = order_.step;
    if (!outcome) return tell_failed(outcome.error()), std::nullopt;
    auto const& closed = *outcome;
    if (step.mode == CloseMode::drain && step.reason == Reason::too_old) observe(ObservationKind::worker_aged);
    if (closed.outcome == CloseOutcome::draining) {
        tell(EventKind::worker_drain, Severity::info, explain(step));
    } else if (closed.outcome == CloseOutcome::closed && step.mode == CloseMode::now) {
        auto jobs = closed.requeued;
        jobs.insert(jobs.end(), closed.dead.begin(), closed.dead.end());
        auto text = explain(step);
        if (!closed.requeued.empty())
            text += " (" + detail::counted(static_cast<std::int64_t>(closed.requeued.size()), "job") + ")";
        if (!closed.dead.empty())
            text +=
                "; " + detail::counted(static_cast<std::int64_t>(closed.dead.size()), "job") + " lost too many workers";
        tell(EventKind::worker_lost, Severity::info, std::move(text), std::move(jobs));
        if (step.reason == Reason::never_came_up || step.reason == Reason::boot_failed)
            observe(ObservationKind::boot_failed);
        // Another of its kind would most likely end the same way, but no image or setting of ours is to blame.
        if (step.reason == Reason::provider_failed)
            observe(ObservationKind::server_unfinished, "the provider could not finish " + step.server.value);
        if (step.reason == Reason::silent) observe(ObservationKind::worker_lost);
    } else if (closed.outcome == CloseOutcome::closed) {
        tell(EventKind::worker_closed, Severity::info, explain(step));
    }
    // `busy` and `changed` are the queue's right to say no: the worker stays and the next pass decides anew.
    return std::nullopt;
}

std::optional<StepCall> StepMachine::after_create(Result<Server> const& outcome) {
    auto const& step = order_.step;
    if (outcome) {
        tell(EventKind::server_created, Severity::debug, step.server.value + " exists at the provider");
        observe(ObservationKind::create_accepted);
        return write_intent(Stage::record, CreateState::created, outcome->id);
    }
    auto const& error = outcome.error();
    if (error.code == Errc::in_doubt || error.code == Errc::bug) {
        tell(EventKind::server_in_doubt, Severity::warning,
             step.server.value + " may or may not exist: " + error.message +
                 "; it counts as existing until it was looked up");
        return write_intent(Stage::record, CreateState::in_doubt, std::nullopt);
    }
    tell(EventKind::server_refused, Severity::info,
         step.server.value + " (" + to_text(step.offer) + ") was refused: " + error.message);
    observe_refusal(error);
    return write_intent(Stage::record, CreateState::refused, std::nullopt);
}

std::optional<StepCall> StepMachine::after_find(Result<std::optional<Server>> const& outcome) {
    if (!outcome) return tell_failed(outcome.error()), std::nullopt;
    if (!*outcome) {
        tell(EventKind::server_refused, Severity::warning,
             order_.step.server.value + " does not exist: its create came to nothing");
        return write_intent(Stage::record, CreateState::refused, std::nullopt);
    }
    tell(EventKind::server_created, Severity::info, order_.step.server.value + " exists: its create went through");
    observe(ObservationKind::create_accepted);
    return write_intent(Stage::record, CreateState::created, (*outcome)->id);
}

std::optional<StepCall> StepMachine::after_proof(Result<CloseReport> const& outcome) {
    if (!outcome) return tell_failed(outcome.error()), std::nullopt;
    if (outcome->outcome != CloseOutcome::closed)
        return tell_failed(fail(Errc::rejected, "its worker's session is not closed")), std::nullopt;
    auto intent = order_.intent;
    if (intent.remove) intent.removed_before += intent.remove_age;
    intent.remove = true;
    intent.remove_age = Duration{0};  // Asked for anew.
    if (!intent.remove_reason) intent.remove_reason = order_.step.reason;
    FleetWrite write;
    write.intents.push_back(std::move(intent));
    if (order_.bill && order_.server) {
        write.bills.push_back(*order_.bill);
        write.bills.front().lifetime = order_.server->age;
        write.bills.front().remove_reason = write.intents.front().remove_reason;
    }
    stage_ = Stage::write_remove;
    return WriteFleet{std::move(write)};
}

std::optional<StepCall> StepMachine::after_write_remove(Result<> const& outcome) {
    if (!outcome) return tell_failed(outcome.error()), std::nullopt;
    if (!order_.step.server_id) return std::nullopt;
    tell(EventKind::server_delete, Severity::info, explain(order_.step));
    stage_ = Stage::destroy;
    return DestroyServer{*order_.step.server_id};
}

std::optional<StepCall> StepMachine::after_destroy(Result<> const& outcome) {
    if (!outcome && outcome.error().code != Errc::not_found) tell_failed(outcome.error());
    return std::nullopt;
}

std::optional<StepCall> StepMachine::write_intent(Stage stage, CreateState create, std::optional<ServerId> id) {
    auto intent = order_.intent;
    intent.create = create;
    if (id) intent.server_id = std::move(id);
    FleetWrite write;
    write.intents.push_back(std::move(intent));
    stage_ = stage;
    return WriteFleet{std::move(write)};
}

void StepMachine::tell(EventKind kind, Severity severity, std::string text, std::vector<JobId> jobs) {
    report_.events.push_back(
        {order_.now, severity, kind, order_.step.pool, order_.step.server, std::move(jobs), std::move(text)});
}

void StepMachine::tell_failed(Error const& error) {
    report_.failed = true;
    tell(EventKind::step_failed, Severity::warning, explain(order_.step) + ": not done: " + error.message);
}

void StepMachine::observe(ObservationKind kind, std::string message) {
    report_.observations.push_back(
        {kind, order_.now, order_.step.pool, order_.step.server, order_.step.offer, Duration{0}, std::move(message)});
}

void StepMachine::observe_refusal(Error const& error) {
    observe(ObservationKind::create_refused, error.message);
    report_.observations.back().code = error.code;
    report_.observations.back().retry_after = error.retry_after;
}

}  // namespace rgrid
