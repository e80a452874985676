#pragma once

#include <optional>
#include <rgrid/base/id.hpp>
#include <rgrid/model/generation.hpp>
#include <string>
#include <utility>

/// How a store finds out that it has gone back in time.
namespace rgrid {

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
