#include <rgrid/ports/store_rules.hpp>

#include "adapters/sqlite/codec.hpp"
#include "adapters/sqlite/impl.hpp"
#include "adapters/sqlite/job_views.hpp"
#include "adapters/sqlite/logs.hpp"
#include "adapters/sqlite/moves.hpp"

namespace rgrid::sqlite {

namespace {

/// A job to be accepted, checked and written out before the writer is bothered with it.
struct Prepared {
    std::optional<std::string> problem;
    Kind kind;
    Duration delay{0};
    std::string owner;
    std::string batch;
    std::optional<std::string> submit_key;
    std::string spec;
};

Prepared prepare(JobSpec const& spec) {
    Prepared prepared;
    prepared.problem = spec_problem(spec);
    if (prepared.problem) return prepared;
    prepared.kind = {spec.pool.value, spec.priority, spec.slots};
    prepared.delay = spec.delay;
    prepared.owner = spec.owner;
    prepared.batch = spec.batch;
    if (!spec.submit_key.empty()) prepared.submit_key = spec.submit_key;
    prepared.spec = encode(spec);
    return prepared;
}

/// Whether two stored specs are the same. The text of an older version may differ where the spec does not.
bool same_spec(std::string const& a, std::string const& b) {
    return a == b || decode<JobSpec>(a, "spec") == decode<JobSpec>(b, "spec");
}

std::optional<Result<Submitted>> find_key(Transaction& transaction, Prepared const& prepared) {
    if (!prepared.submit_key) return std::nullopt;
    auto row = transaction.db.ask("SELECT id, spec FROM job WHERE submit_key = ?", *prepared.submit_key);
    if (!row.step()) return std::nullopt;
    JobId const job{row.integer(0)};
    if (same_spec(row.text(1), prepared.spec)) return Submitted{job, true};
    return key_is_taken(*prepared.submit_key, job);
}

Result<Submitted> accept(Transaction& transaction, Prepared const& prepared) {
    if (prepared.problem) return fail(Errc::rejected, *prepared.problem);
    if (auto known = find_key(transaction, prepared)) return *known;
    transaction.db.run(
        "INSERT INTO job(submitted, pool, priority, slots, owner, batch, submit_key, spec) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        transaction.utc, prepared.kind.pool, prepared.kind.priority, prepared.kind.slots, prepared.owner,
        prepared.batch, prepared.submit_key, prepared.spec);
    JobId const job{transaction.db.last_row()};
    JobMove move;
    if (prepared.delay > Duration{0}) move = {JobState::scheduled, 0, 0, prepared.delay};
    enter(transaction, job, prepared.kind, move, LeaseEpoch{}, false);
    return Submitted{job, false};
}

Result<JobState> cancel_job(Transaction& transaction, JobId job) {
    auto place = find_job(transaction, job);
    if (!place) return no_such_job(job);
    if (is_final(place->state)) return place->state;
    if (place->state == JobState::running) {
        transaction.changed |= !place->cancel;
        transaction.db.run("UPDATE lease SET cancel = 1 WHERE job = ? AND cancel = 0", job);
        return place->state;
    }
    place->cancel = true;
    move_job(transaction, job, *place, {JobState::cancelled, place->counters.attempts, place->counters.losses});
    return JobState::cancelled;
}

Result<JobState> retry_job(Transaction& transaction, JobId job) {
    auto const place = find_job(transaction, job);
    if (!place) return no_such_job(job);
    if (auto const checked = check_retry(job, place->state); !checked) return checked.error();
    move_job(transaction, job, *place, {JobState::queued, 0, 0});
    return JobState::queued;
}

template <class Step>
std::function<Result<std::vector<Result<JobState>>>(Transaction&)> for_each(std::vector<JobId> jobs, Step step) {
    return [jobs = std::move(jobs), step](Transaction& transaction) {
        std::vector<Result<JobState>> states;
        states.reserve(jobs.size());
        for (auto const job : jobs) states.push_back(step(transaction, job));
        return states;
    };
}

JobCounts read_counts(Connection& db) {
    JobCounts counts;
    auto row = db.ask("SELECT state, jobs FROM tally");
    while (row.step()) {
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
    if (specs.empty()) return std::vector<Result<Submitted>>{};
    std::vector<Prepared> prepared;
    prepared.reserve(specs.size());
    for (auto const& spec : specs) prepared.push_back(prepare(spec));
    return impl_->write<std::vector<Result<Submitted>>>(
        call, Lane::bulk, [prepared = std::move(prepared)](Transaction& transaction) {
            std::vector<Result<Submitted>> results;
            results.reserve(prepared.size());
            for (auto const& job : prepared) results.push_back(accept(transaction, job));
            return results;
        });
}

Result<std::vector<JobView>> Store::look(Call const& call, JobQuery const& query) {
    if (query.limit <= 0) return std::vector<JobView>{};
    return impl_->read<std::vector<JobView>>(call, [&](Connection& db) { return read_views(db, query); });
}

Result<JobCounts> Store::counts(Call const& call) {
    return impl_->read<JobCounts>(call, [](Connection& db) { return read_counts(db); });
}

Result<std::vector<Result<JobState>>> Store::cancel(Call const& call, std::vector<JobId> const& jobs) {
    if (jobs.empty()) return std::vector<Result<JobState>>{};
    return impl_->write<std::vector<Result<JobState>>>(call, Lane::bulk, for_each(jobs, cancel_job));
}

Result<std::vector<Result<JobState>>> Store::retry(Call const& call, std::vector<JobId> const& jobs) {
    if (jobs.empty()) return std::vector<Result<JobState>>{};
    return impl_->write<std::vector<Result<JobState>>>(call, Lane::bulk, for_each(jobs, retry_job));
}

Result<LogPage> Store::read_log(Call const& call, JobId job, LeaseEpoch epoch, std::int64_t from) {
    return impl_->read<LogPage>(call, [=](Connection& db) { return read_chunks(db, job, epoch, from); });
}

}  // namespace rgrid::sqlite
