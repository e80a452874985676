#pragma once

#include <deque>
#include <map>
#include <optional>
#include <rgrid/base/time.hpp>
#include <rgrid/worker/backoff.hpp>
#include <rgrid/worker/protocol.hpp>
#include <rgrid/worker/settings.hpp>
#include <set>
#include <string>
#include <vector>

namespace rgrid {

/// Everything an agent decides, without any input or output: events go in, commands come out.
///
/// Whoever drives it (threads in production, events in a simulation) carries out each command and brings back its
/// answer. At most one Register, one Beat, one Claim and one Complete are in flight at a time; whatever else happens
/// never delays a beat. The same events at the same times give the same commands.
///
/// What it holds on to:
/// * An attempt ends before its lease can be given to another worker: at the cut-off after sending the last
///   acknowledged beat, when a beat's answer no longer lists it, when the worker is fenced.
/// * A slot is taken from the claim's answer until the verdict on the attempt's result is back, so that never more
///   than `slots` are in use.
/// * A result is reported again and again until there is a verdict, or the agent ends.
/// * A lease that the store believes this worker has, and it has not, is given back.
///
/// Thread safety: none.
class AgentMachine {
public:
    explicit AgentMachine(AgentSettings settings);

    /// Takes one event at `now`, which never goes back, and returns the commands that follow from it, in order. The
    /// first event starts the machine; a Tick will do. After Exit nothing follows any more.
    [[nodiscard]] std::vector<AgentCommand> handle(AgentEvent const& event, SteadyInstant now);

    /// When the machine wants a Tick unless an event comes earlier; later than the last `now`.
    [[nodiscard]] SteadyInstant next_wake() const noexcept { return wake_; }

    [[nodiscard]] bool ended() const noexcept { return ended_; }

    /// Those in use: fitted.
    [[nodiscard]] AgentSettings const& settings() const noexcept { return settings_; }

    /// Slots of attempts that run or whose result has no verdict yet.
    [[nodiscard]] int slots_taken() const noexcept;

    /// Attempts that were started and have not ended.
    [[nodiscard]] std::vector<LeaseKey> running() const;

private:
    struct Attempt {
        int slots = 0;
        bool running = false;
        bool known_to_beat = false;  // It was claimed before the last beat was sent: the answer must list it.
        std::optional<StopWhy> stop;
        Completion result;            // Meaningful once it no longer runs.
        bool maybe_reported = false;  // A Complete with it failed and may have taken effect.
        bool refused = false;         // The store would not take the result as it was.
        SteadyInstant ended{};
    };
    using Attempts = std::map<LeaseKey, Attempt>;

    void on(agent::Tick const&, SteadyInstant) {}
    void on(agent::RegisterAnswer const& answer, SteadyInstant now);
    void on(agent::BeatAnswer const& answer, SteadyInstant now);
    void on(agent::ClaimAnswer const& answer, SteadyInstant now);
    void on(agent::CompleteAnswer const& answer, SteadyInstant now);
    void on(agent::AttemptEnded const& event, SteadyInstant now);
    void on(agent::StopRequested const& event, SteadyInstant now);
    void on(agent::Woken const&, SteadyInstant now);

    void acknowledge(BeatReply const& reply, SteadyInstant now);
    void end_what_is_not_held(std::set<LeaseKey> const& held);
    void give_back_what_is_unknown(std::set<LeaseKey> const& held, SteadyInstant now);
    void take_state(SessionState state, SteadyInstant now);
    bool accept(Lease const& lease, SteadyInstant now);
    void release(LeaseKey const& key, std::string message, SteadyInstant now);
    void report(LeaseKey const& key, SteadyInstant now);
    void judge(LeaseKey const& key, Verdict verdict);
    void refuse(std::vector<LeaseKey> const& keys, std::string const& why);
    void discard(LeaseKey const& key, Completion const& result);
    void fence(std::string message, SteadyInstant now);
    void stop(LeaseKey const& key, Attempt& attempt, StopWhy why);
    void stop_all(StopWhy why);
    void cancel_claim();
    void exit(AgentExitReason reason, std::string message = {});

    void advance(SteadyInstant now);
    void advance_registration(SteadyInstant now);
    void advance_deadlines(SteadyInstant now);
    void advance_beat(SteadyInstant now);
    void advance_claim(SteadyInstant now);
    void advance_report(SteadyInstant now);
    void advance_exit(SteadyInstant now);
    void plan_wake(SteadyInstant now);

    [[nodiscard]] bool serving() const noexcept { return incarnation_.value != 0 && !fenced_; }
    [[nodiscard]] bool may_hold_leases(SteadyInstant now) const {
        return serving() && now < acknowledged_ + cut_off(settings_);
    }
    [[nodiscard]] bool may_claim(SteadyInstant now) const;
    [[nodiscard]] bool ready_to_leave() const noexcept;
    [[nodiscard]] int free_slots() const noexcept { return settings_.slots - slots_taken(); }
    [[nodiscard]] SteadyInstant report_due() const;
    [[nodiscard]] SteadyInstant earliest_extra_beat(SteadyInstant now) const;
    [[nodiscard]] AgentExitReason leave_reason() const noexcept {
        return stopping_ ? AgentExitReason::stopped : AgentExitReason::drained;
    }

    AgentSettings settings_;
    std::vector<AgentCommand> commands_;
    SteadyInstant wake_ = SteadyInstant::max();
    bool ended_ = false;

    Incarnation incarnation_;  // Zero until registered.
    bool registering_ = false;
    SteadyInstant register_sent_{};
    std::optional<SteadyInstant> register_by_;
    SteadyInstant register_at_ = SteadyInstant::min();
    Backoff register_backoff_;

    bool beating_ = false;
    bool beat_leaves_ = false;        // The beat in flight says "leaving".
    bool beat_again_ = false;         // Something happened during the beat in flight: it may have looked too early.
    bool beat_covers_doubt_ = false;  // ... and was sent after the claim in doubt ended.
    SteadyInstant beat_sent_{};
    SteadyInstant beat_at_{};
    BeatCount beats_;               // In the last answer.
    SteadyInstant acknowledged_{};  // When the last acknowledged beat (or the registration) was sent.

    bool claiming_ = false;
    bool claim_cancelled_ = false;
    bool claim_in_doubt_ = false;  // Until a later beat has told what it came to.
    bool woken_ = false;           // During the claim in flight: it may have looked too early.
    bool jobs_are_queued_ = false;  // As far as the last claim has told.
    SteadyInstant claim_at_{};
    Backoff claim_backoff_;

    Attempts attempts_;
    std::deque<LeaseKey> to_report_;   // Ended, in this order, and not being reported.
    std::vector<LeaseKey> reporting_;  // In the Complete in flight.
    std::size_t singly_ = 0;           // So many of the next are reported one by one, to find which is refused.
    SteadyInstant report_at_ = SteadyInstant::min();
    Backoff report_backoff_;
    std::set<LeaseKey> settled_;  // Verdicts since the last beat was sent: its answer may still list them.
    std::set<LeaseKey> strange_;  // Held, unknown, and possibly in the answer of the claim in flight.

    bool draining_ = false;
    bool stopping_ = false;
    bool leaving_told_ = false;
    bool last_beat_due_ = false;
    bool beat_is_last_ = false;  // The beat in flight was sent when nothing was left.
    bool said_goodbye_ = false;  // ... and its answer lists nothing either.
    bool fenced_ = false;
    AgentExit fenced_exit_;
    SteadyInstant stop_by_ = SteadyInstant::max();
    SteadyInstant exit_by_ = SteadyInstant::max();
};

}  // namespace rgrid
