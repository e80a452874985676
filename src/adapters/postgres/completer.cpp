#include "adapters/postgres/completer.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "adapters/postgres/complete.hpp"

namespace rgrid::postgres {

namespace {

// Of each call all or nothing. A lease is found by its job, in a subquery of its own, since a plan that was made while
// the table was small would go through all leases for each report; IS TRUE keeps the index by worker out. It is deleted
// by its job too and not by its place in the table, since a cancel may just have moved it. Who has ended a job is
// marked idle, but not for every one: the mark is one row, and several ends at once would wait for each other's commits.
constexpr Statement end_statement{"end_successes", R"sql(
WITH now AS MATERIALIZED (SELECT rgrid.clock() AS at FROM rgrid.store WHERE frozen = ''),
held AS MATERIALIZED (
    SELECT l.job, l.epoch, l.attempts, l.losses, l.cancel, l.worker, l.started, now.at AS now, i.call,
           i.size, i.exit_code, i.message, i.outputs
    FROM now,
         (SELECT * FROM unnest($1::int[], $2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::int[], $7::text[],
                               $8::text[]) AS i(call, size, worker, job, epoch, exit_code, message, outputs)
          ORDER BY job) i,
         LATERAL (SELECT l.* FROM rgrid.lease l
                  WHERE l.job = i.job AND l.epoch = i.epoch AND (l.worker = i.worker) IS TRUE FOR UPDATE) l),
whole AS MATERIALIZED (SELECT call, min(worker) AS worker FROM held GROUP BY call, size HAVING count(*) = size),
gone AS (
    DELETE FROM rgrid.lease WHERE job = ANY(ARRAY(SELECT job FROM held WHERE call IN (SELECT call FROM whole)))),
done AS (
    INSERT INTO rgrid.result(job, state, finished_at, epoch, attempts, losses, cancel, outcome, exit_code, message,
                             outputs, worker, started)
    SELECT job, 3, now, epoch, attempts, losses, cancel, 0, exit_code, message, outputs, worker, started FROM held
    WHERE call IN (SELECT call FROM whole)
    RETURNING job),
counted AS (
    INSERT INTO rgrid.tally(kind, state, jobs) SELECT NULL, 3, count(*) FROM done HAVING count(*) > 0),
idle AS (
    INSERT INTO rgrid.idle(worker, since) SELECT DISTINCT w.worker, now.at FROM whole w, now
    WHERE NOT EXISTS (SELECT FROM rgrid.idle i WHERE i.worker = w.worker AND i.since >= now.at - 100)
    ORDER BY w.worker
    ON CONFLICT (worker) DO UPDATE SET since = greatest(rgrid.idle.since, excluded.since))
SELECT call FROM whole
)sql"};

constexpr std::size_t most_at_once = 5000;  // Attempts, of one commit.

/// Whether all have succeeded, each of another job.
bool are_plain(std::vector<Completion> const& completions) {
    std::set<JobId> jobs;
    return std::all_of(completions.begin(), completions.end(), [&](Completion const& completion) {
        return completion.outcome == Outcome::succeeded && jobs.insert(completion.job).second;
    });
}

}  // namespace

bool ReportTrip::takes(Report const& report) {
    auto const& completions = report.completions;
    bool const known = std::any_of(completions.begin(), completions.end(),
                                   [&](Completion const& completion) { return jobs_.contains(completion.job); });
    if (known || (!jobs_.empty() && jobs_.size() + completions.size() > most_at_once)) return false;
    for (auto const& completion : completions) jobs_.insert(completion.job);
    reports_.push_back(&report);
    return true;
}

Result<std::vector<Result<bool>>> ReportTrip::go(Call const& call) {
    std::vector<int> calls, sizes, exit_codes;
    std::vector<WorkerId> workers;
    std::vector<JobId> jobs;
    std::vector<LeaseEpoch> epochs;
    std::vector<std::string> messages, outputs;
    for (std::size_t i = 0; i < reports_.size(); ++i)
        for (auto const& completion : reports_[i]->completions) {
            calls.push_back(static_cast<int>(i));
            sizes.push_back(static_cast<int>(reports_[i]->completions.size()));
            workers.push_back(reports_[i]->worker);
            jobs.push_back(completion.job);
            epochs.push_back(completion.epoch);
            exit_codes.push_back(completion.exit_code);
            messages.push_back(kept_text(completion.message));
            outputs.push_back(kept_outputs(completion.outputs));
        }
    auto const rows = client_->run(call, Effect::writes, end_statement, calls, sizes, workers, jobs, epochs, exit_codes,
                                   messages, outputs);
    if (!rows) return rows.error();
    std::vector<Result<bool>> ended(reports_.size(), false);
    for (auto const& row : *rows) ended[static_cast<std::size_t>(row.small(0))] = true;
    return ended;
}

Result<bool> Completer::end(Call const& call, WorkerId const& worker, std::vector<Completion> const& completions) {
    if (!are_plain(completions)) return false;
    return together_.ask(call, {worker, completions});
}

}  // namespace rgrid::postgres
