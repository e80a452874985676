#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <rgrid/base/result.hpp>
#include <rgrid/model/generation.hpp>
#include <rgrid/model/job_rules.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <rgrid/ports/store_evidence.hpp>
#include <rgrid/ports/work_source.hpp>
#include <string>

/// What every store decides, and says in the same words.
namespace rgrid {

/// Why a registration cannot be taken; nothing if it can.
[[nodiscard]] inline std::optional<std::string> registration_problem(Registration const& who) {
    auto const worker = "worker \"" + who.worker.value + "\"";
    if (who.worker.empty() || who.pool.empty())
        return "registration of " + worker + " for pool \"" + who.pool.value + "\": expected both names";
    if (who.slots < 1) return worker + " offers " + std::to_string(who.slots) + " slots; expected 1 or more";
    if (who.protocol >= oldest_agent_protocol && who.protocol <= agent_protocol) return std::nullopt;
    return worker + " runs an agent of version \"" + who.version + "\" that speaks protocol " +
           std::to_string(who.protocol) + "; this store speaks protocols " + std::to_string(oldest_agent_protocol) +
           " to " + std::to_string(agent_protocol) +
           (who.protocol < oldest_agent_protocol ? ": use a newer agent"
                                                 : ": use an older agent, or a newer RGrid where the store is");
}

/// Why a store cannot be adopted so; nothing if it can.
[[nodiscard]] inline std::optional<std::string> adoption_problem(Adoption const& adoption) {
    constexpr std::int64_t most = 1'000'000'000;  // Generations of this number still count in 64 bits.
    constexpr std::int64_t most_jobs = 1'000'000'000'000'000;
    if (adoption.store.empty()) return "an adoption under an empty identity; expected the store's own or its servers'";
    if (adoption.above.value < 0 || adoption.above.value > most)
        return "an adoption above generation " + std::to_string(adoption.above.value) + "; expected 0 to " +
               std::to_string(most);
    if (adoption.last_job.value < 0 || adoption.last_job.value > most_jobs)
        return "an adoption above job " + std::to_string(adoption.last_job.value) + "; expected 0 to " +
               std::to_string(most_jobs);
    for (auto const& completion : adoption.proven)
        if (completion.outcome != Outcome::succeeded || completion.epoch.value < 1)
            return "attempt " + std::to_string(completion.epoch.value) + " of job " +
                   std::to_string(completion.job.value) + " is no proven success; expected one that succeeded";
    return std::nullopt;
}

/// Of a job that an adoption has given back.
inline constexpr char const* given_back_by_adoption = "given back: the store was adopted";

/// What a store answers that stands still because of `why`.
[[nodiscard]] inline Error stands_still(std::string const& why) {
    return fail(Errc::retry_later, "the store stands still until it is adopted: " + why);
}

/// Which of its lives a store is in.
struct Era {
    Generation generation;
    std::string frozen;  ///< Why it stands still; empty if it does not.
};

/// A worker as a store knows it. One that was closed before it registered has the incarnation zero.
struct KnownSession {
    PoolName pool;
    Incarnation incarnation;
    SessionState state = SessionState::open;
    int slots = 0;
    BeatCount beat;
};

/// Somebody who may ask something of a store.
struct Visitor {
    std::optional<KnownSession> session;  ///< None: a stranger, whom a store that stands still may have forgotten.
    Era era;
    std::optional<std::string> evidence;  ///< That the store has gone back in time.
};

/// The worker whose current incarnation is asking, or `fenced`.
[[nodiscard]] inline Result<Visitor> admit(std::optional<KnownSession> const& known, Era const& era,
                                           WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged) {
    if (known && known->state == SessionState::closed)
        return fail(Errc::fenced, "worker \"" + worker.value + "\" was closed");
    if (known && known->incarnation == incarnation)
        return Visitor{known, era, evidence_of_beats(worker, incarnation, acknowledged, known->beat, era.generation)};
    bool const forgotten = !known || known->incarnation < incarnation;
    if (known)
        if (auto evidence = evidence_of_incarnation(worker, incarnation, known->incarnation, era.generation))
            return Visitor{std::nullopt, era, std::move(evidence)};
    if (forgotten && !era.frozen.empty()) return Visitor{std::nullopt, era, std::nullopt};
    if (!known)
        return fail(Errc::fenced, "worker \"" + worker.value + "\" is not registered; expected a registration first");
    return fail(Errc::fenced, "worker \"" + worker.value + "\" has registered anew: incarnation " +
                                  std::to_string(incarnation.value) + " is over, " +
                                  std::to_string(known->incarnation.value) + " is current");
}

/// The last attempt of a job as a store has it on record.
struct AttemptOnRecord {
    JobState state = JobState::running;
    LeaseEpoch epoch;
    WorkerId worker;                  ///< Whose it is or was; empty if that is not known.
    std::optional<Outcome> reported;  ///< How it was reported; none while it runs or if its worker was given up.
};

/// What a report of an attempt comes to.
struct Ruling {
    Verdict verdict = Verdict::fenced;
    bool ends = false;  ///< Whether it ends the attempt on record. An accepted one that does not was taken before.
};

[[nodiscard]] inline Ruling judge(AttemptOnRecord const& last, WorkerId const& worker, Completion const& completion) {
    bool const anothers = !last.worker.empty() && last.worker != worker;
    if (completion.epoch != last.epoch || completion.epoch == LeaseEpoch{} || anothers) return {};
    // The answer to this very report was lost: it is said again, and nothing is charged twice.
    if (last.reported) return {*last.reported == completion.outcome ? Verdict::accepted : Verdict::fenced, false};
    if (is_final(last.state)) return {};
    return {last.state == JobState::running ? Verdict::accepted : Verdict::accepted_late, true};
}

/// What is kept of an attempt whose worker was given up, which made `move` of its job.
[[nodiscard]] inline std::string lost_message(WorkerId const& worker, JobMove const& move) {
    auto message = "worker \"" + worker.value + "\" was lost while it ran";
    if (move.state == JobState::dead)
        message += ", and with it the last of " + std::to_string(move.losses) + " workers it may lose";
    return message;
}

/// What is kept of an attempt that the store ended.
[[nodiscard]] inline std::string overrun_message(WorkerId const& worker, Duration timeout) {
    return "ran longer than its timeout of " + to_text(timeout) + "; worker \"" + worker.value + "\" did not end it";
}

namespace detail {

[[nodiscard]] inline std::string name_of(LogChunk const& chunk) {
    return "log chunk " + std::to_string(chunk.number) + " of job " + std::to_string(chunk.job.value);
}

}  // namespace detail

/// Whether `chunk` can be one of any log.
[[nodiscard]] inline Result<> check_chunk(LogChunk const& chunk) {
    constexpr std::size_t limit = 64 * 1024;
    if (chunk.text.size() > limit)
        return fail(Errc::rejected, detail::name_of(chunk) + " has " + std::to_string(chunk.text.size()) +
                                        " bytes; expected at most " + std::to_string(limit));
    if (chunk.number < 0) return fail(Errc::rejected, detail::name_of(chunk) + ": expected a number from 0");
    return {};
}

/// Whether `chunk` can be one of the log of a job whose last attempt is `last`; none: there is no such job.
[[nodiscard]] inline Result<> check_chunk(LogChunk const& chunk, std::optional<LeaseEpoch> last) {
    if (!last) return fail(Errc::not_found, detail::name_of(chunk) + ": there is no such job");
    if (chunk.epoch < LeaseEpoch{1} || chunk.epoch > *last)
        return fail(Errc::rejected, detail::name_of(chunk) + " names the attempt " + std::to_string(chunk.epoch.value) +
                                        "; expected one from 1 to " + std::to_string(last->value));
    return {};
}

/// Ends a log of which `limit` is kept.
[[nodiscard]] inline std::string cut_marker(Bytes limit) {
    return "\n[rgrid: the log of this job is cut here, at " + to_text(limit) + "]\n";
}

/// Of a worker that registers after it was closed.
[[nodiscard]] inline Error closed_for_good(WorkerId const& worker) {
    return fail(Errc::fenced, "worker \"" + worker.value + "\" was closed; its name is not used again");
}

/// To the beat of a worker that a store which stands still has forgotten: it lives on until the adoption tells what
/// becomes of it.
[[nodiscard]] inline BeatReply reply_to_stranger(BeatCount acknowledged, bool leaving) {
    return {leaving ? SessionState::draining : SessionState::open, acknowledged, {}, {}, true};
}

/// What a close of a session that is not closed comes to. `last` is its last sign of life, `busy` whether it holds a
/// lease; only `closed` ends it.
[[nodiscard]] inline CloseOutcome judge_close(CloseMode mode, bool busy, BeatMark const& seen, BeatMark const& last) {
    if (mode == CloseMode::if_idle && busy) return CloseOutcome::busy;
    if (mode == CloseMode::now && seen != last) return CloseOutcome::changed;
    if (mode == CloseMode::drain && busy) return CloseOutcome::draining;
    return CloseOutcome::closed;
}

[[nodiscard]] inline Error no_such_job(JobId job) {
    return fail(Errc::not_found, "job " + std::to_string(job.value) + " does not exist, or is no longer kept");
}

/// Of a submit whose key belongs to `job`, which has another spec.
[[nodiscard]] inline Error key_is_taken(std::string const& submit_key, JobId job) {
    return fail(Errc::rejected, "submit key \"" + submit_key + "\" belongs to job " + std::to_string(job.value) +
                                    " with another spec; expected the same spec or a new key");
}

/// Whether a job in `state` can be queued anew.
[[nodiscard]] inline Result<> check_retry(JobId job, JobState state) {
    if (is_final(state) && state != JobState::succeeded) return {};
    return fail(Errc::rejected, "job " + std::to_string(job.value) +
                                    (is_final(state) ? " has succeeded" : " has not ended") +
                                    "; expected a failed, dead or cancelled one");
}

/// Where `counts` counts the jobs in `state`.
[[nodiscard]] inline std::int64_t& count_of(JobCounts& counts, JobState state) {
    switch (state) {
        case JobState::scheduled: return counts.scheduled;
        case JobState::queued: return counts.queued;
        case JobState::running: return counts.running;
        case JobState::succeeded: return counts.succeeded;
        case JobState::failed: return counts.failed;
        case JobState::cancelled: return counts.cancelled;
        default: return counts.dead;
    }
}

[[nodiscard]] inline Result<> check_candidate(std::string const& candidate, Duration ttl) {
    if (!candidate.empty() && ttl > Duration{0}) return {};
    return fail(Errc::rejected, "leadership for \"" + candidate + "\" over " + to_text(ttl) +
                                    "; expected a candidate's name and more than 0s");
}

/// What asking for leadership comes to. `last` is the leadership on record: its epoch, its leader (empty: given up) and
/// what is left of its term, zero or less if it is over.
[[nodiscard]] inline Leadership judge_candidate(Leadership const& last, std::string const& candidate, Duration ttl,
                                                Generation current) {
    if (last.leader == candidate) return {true, last.epoch, candidate, ttl};
    if (!last.leader.empty() && last.left > Duration{0}) return {false, last.epoch, last.leader, last.left};
    return {true, LeaderEpoch{next_count(last.epoch.value, current)}, candidate, ttl};
}

/// Whether `epoch` may write: it is that of the leadership on record, which was not given up.
[[nodiscard]] inline Result<> check_leader(Leadership const& last, LeaderEpoch epoch) {
    if (!last.leader.empty() && last.epoch == epoch) return {};
    return fail(Errc::fenced, "leader epoch " + std::to_string(epoch.value) + " is over; the current one is " +
                                  std::to_string(last.epoch.value) +
                                  (last.leader.empty() ? ", and nobody leads" : ""));
}

/// Of a boot report about a server that was not ordered, or is settled.
[[nodiscard]] inline Error no_such_intent(ServerName const& server) {
    return fail(Errc::not_found, "server \"" + server.value + "\" was not ordered, or is gone; expected one that stands");
}

[[nodiscard]] inline Result<> check_freeze(std::string const& why) {
    if (!why.empty()) return {};
    return fail(Errc::rejected, "a store that is to stand still needs a reason; expected a sentence");
}

/// Of a store that is opened for `asked`.
[[nodiscard]] inline Result<> check_fleet(std::string const& place, FleetId const& found, FleetId const& asked) {
    if (found == asked) return {};
    return fail(Errc::rejected, place + " belongs to the fleet \"" + found.value + "\"; expected \"" + asked.value +
                                    "\": a store serves one fleet");
}

/// When the calendar month (UTC) of `now` began.
[[nodiscard]] inline Instant month_of(Instant now) {
    std::chrono::year_month_day const date{std::chrono::floor<std::chrono::days>(now)};
    return Instant{std::chrono::sys_days{date.year() / date.month() / 1}};
}

/// Of the jobs in Demand::oldest, the most.
inline constexpr int oldest_shown = 20;

/// How much of each kind of its work one JobQueue::tend does, and bytes of logs that one sweeps.
inline constexpr int tend_limit = 1000;
inline constexpr std::int64_t tend_log_bytes = 64 * 1024 * 1024;

namespace detail {

constexpr bool is_number(auto state, int number) { return static_cast<int>(state) == number; }

}  // namespace detail

// Databases keep them by number.
static_assert(detail::is_number(JobState::scheduled, 0) && detail::is_number(JobState::queued, 1) &&
              detail::is_number(JobState::running, 2) && detail::is_number(JobState::succeeded, 3) &&
              detail::is_number(JobState::failed, 4) && detail::is_number(JobState::cancelled, 5) &&
              detail::is_number(JobState::dead, 6));
static_assert(detail::is_number(SessionState::open, 0) && detail::is_number(SessionState::draining, 1) &&
              detail::is_number(SessionState::closed, 2));
static_assert(detail::is_number(Outcome::succeeded, 0) && detail::is_number(Outcome::failed, 1) &&
              detail::is_number(Outcome::timed_out, 2) && detail::is_number(Outcome::cancelled, 3) &&
              detail::is_number(Outcome::released, 4));

}  // namespace rgrid
