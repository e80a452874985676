#include "adapters/postgres/impl.hpp"
#include "adapters/postgres/logs.hpp"
#include "adapters/postgres/moves.hpp"
#include "adapters/postgres/submit.hpp"
#include "adapters/postgres/views.hpp"

namespace rgrid::postgres {

namespace {

/// One result for each of `jobs`, of the places where they were found and what `step` makes of one.
template <class Step>
std::vector<Result<JobState>> for_each(Transaction& transaction, std::vector<JobId> const& jobs, Step step) {
    auto places = lock_jobs(transaction, jobs);
    std::vector<Move> moves;
    std::vector<Result<JobState>> states;
    states.reserve(jobs.size());
    for (auto const job : jobs) {
        auto const found = places.find(job);
        if (found == places.end()) states.push_back(no_such_job(job));
        else states.push_back(step(job, found->second, moves));
    }
    move_jobs(transaction, moves);
    return states;
}

std::vector<Result<JobState>> cancel_jobs(Transaction& transaction, std::vector<JobId> const& jobs) {
    static constexpr Statement ask{"ask_cancel",
                                   "UPDATE rgrid.lease SET cancel = true WHERE job = ANY($1::bigint[]) AND NOT cancel"};
    std::vector<JobId> running;
    auto states = for_each(transaction, jobs, [&](JobId job, Place& place, std::vector<Move>& moves) -> Result<JobState> {
        if (place.state == JobState::running) running.push_back(job);
        if (place.state == JobState::running || is_final(place.state)) return place.state;
        place.cancel = true;
        moves.push_back({job, place, {JobState::cancelled, place.attempts, place.losses}});
        place.state = JobState::cancelled;  // Named twice it is cancelled once.
        return JobState::cancelled;
    });
    if (!running.empty()) transaction.run(ask, running);
    return states;
}

std::vector<Result<JobState>> retry_jobs(Transaction& transaction, std::vector<JobId> const& jobs) {
    return for_each(transaction, jobs, [&](JobId job, Place& place, std::vector<Move>& moves) -> Result<JobState> {
        if (auto const checked = check_retry(job, place.state); !checked) return checked.error();
        moves.push_back({job, place, {JobState::queued, 0, 0}});
        place.state = JobState::queued;
        return JobState::queued;
    });
}

JobCounts read_counts(Transaction& transaction) {
    static constexpr Statement read{
        "counts",
        "SELECT state, sum(jobs)::bigint FROM rgrid.tally GROUP BY state UNION ALL SELECT 2, count(*) FROM rgrid.lease"};
    JobCounts counts;
    for (auto const& row : transaction.run(read)) {
        if (row.integer(0) < 0) {
            counts.swept = row.integer(1);
            continue;
        }
        count_of(counts, static_cast<JobState>(row.small(0))) = row.integer(1);
        counts.accepted += row.integer(1);
    }
    return counts;
}

}  // namespace

Result<std::vector<Result<Submitted>>> Store::submit(Call const& call, std::vector<JobSpec> const& specs) {
    auto answer = postgres::submit(impl_->client(), call, specs);
    if (answer && !answer->empty()) impl_->changed();
    return answer;
}

Result<std::vector<JobView>> Store::look(Call const& call, JobQuery const& query) {
    if (query.limit <= 0) return std::vector<JobView>{};
    return impl_->read<std::vector<JobView>>(
        call, [&](Transaction& transaction) -> Result<std::vector<JobView>> { return read_views(transaction, query); });
}

Result<JobCounts> Store::counts(Call const& call) {
    return impl_->read<JobCounts>(
        call, [](Transaction& transaction) -> Result<JobCounts> { return read_counts(transaction); });
}

Result<std::vector<Result<JobState>>> Store::cancel(Call const& call, std::vector<JobId> const& jobs) {
    using States = std::vector<Result<JobState>>;
    if (jobs.empty()) return States{};
    auto answer = impl_->write<States>(
        call, [&](Transaction& transaction) -> Result<States> { return cancel_jobs(transaction, jobs); });
    if (answer) impl_->changed();
    return answer;
}

Result<std::vector<Result<JobState>>> Store::retry(Call const& call, std::vector<JobId> const& jobs) {
    using States = std::vector<Result<JobState>>;
    if (jobs.empty()) return States{};
    auto answer = impl_->write<States>(
        call, [&](Transaction& transaction) -> Result<States> { return retry_jobs(transaction, jobs); });
    if (answer) impl_->changed();
    return answer;
}

Result<LogPage> Store::read_log(Call const& call, JobId job, LeaseEpoch epoch, std::int64_t from) {
    return impl_->read<LogPage>(call,
                                [&](Transaction& transaction) { return read_chunks(transaction, job, epoch, from); });
}

}  // namespace rgrid::postgres
