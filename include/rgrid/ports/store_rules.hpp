#pragma once

#include <optional>
#include <rgrid/base/result.hpp>
#include <rgrid/model/generation.hpp>
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

}  // namespace rgrid
