#pragma once

#include <optional>
#include <rgrid/base/result.hpp>
#include <rgrid/model/generation.hpp>
#include <rgrid/model/job_rules.hpp>
#include <rgrid/ports/fleet_store.hpp>
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

namespace detail {

[[nodiscard]] inline std::string went_back(std::string what) {
    return std::move(what) + ": the store has gone back in time";
}

[[nodiscard]] inline std::string attempt_of(WorkerId const& worker, JobId job, LeaseEpoch epoch) {
    return "worker \"" + worker.value + "\" holds attempt " + std::to_string(epoch.value) + " of job " +
           std::to_string(job.value);
}

}  // namespace detail

// The sentence a store freezes with because a worker remembers more than it does; nothing if the worker does not.

/// Of the beats of one incarnation.
[[nodiscard]] inline std::optional<std::string> evidence_of_beats(WorkerId const& worker, Incarnation incarnation,
                                                                  BeatCount told, BeatCount known, Generation current) {
    if (told <= known || generation_of(incarnation.value) < current) return std::nullopt;
    return detail::went_back("worker \"" + worker.value + "\" remembers beat " + std::to_string(told.value) +
                             " of its incarnation " + std::to_string(incarnation.value) + ", the store only " +
                             std::to_string(known.value));
}

/// Of the incarnations of one worker.
[[nodiscard]] inline std::optional<std::string> evidence_of_incarnation(WorkerId const& worker, Incarnation told,
                                                                        Incarnation known, Generation current) {
    if (!remembers_more(told.value, known.value, current)) return std::nullopt;
    return detail::went_back("worker \"" + worker.value + "\" runs as its incarnation " + std::to_string(told.value) +
                             ", the store remembers only " + std::to_string(known.value));
}

/// Of the attempts of one job: the store knows `known` as the last one, held by `holder` (empty if it does not know).
/// An attempt that is another worker's now was handed out twice.
[[nodiscard]] inline std::optional<std::string> evidence_of_attempt(WorkerId const& worker, JobId job, LeaseEpoch told,
                                                                    LeaseEpoch known, WorkerId const& holder,
                                                                    Generation current) {
    if (remembers_more(told.value, known.value, current))
        return detail::went_back(detail::attempt_of(worker, job, told) + ", the store remembers only " +
                                 std::to_string(known.value));
    bool const twice = told == known && !holder.empty() && holder != worker;
    if (!twice || generation_of(told.value) < current) return std::nullopt;
    return detail::went_back(detail::attempt_of(worker, job, told) + ", which the store gave to worker \"" +
                             holder.value + "\"");
}

/// Of the jobs ever submitted, about one that the store does not have. What was swept has a lower number than `last`.
[[nodiscard]] inline std::optional<std::string> evidence_of_job(WorkerId const& worker, JobId job, LeaseEpoch told,
                                                                JobId last, Generation current) {
    if (job <= last || generation_of(told.value) < current) return std::nullopt;
    return detail::went_back(detail::attempt_of(worker, job, told) + ", the last job that the store remembers is " +
                             std::to_string(last.value));
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

}  // namespace rgrid
