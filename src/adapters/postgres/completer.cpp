#include "adapters/postgres/completer.hpp"

#include <algorithm>
#include <condition_variable>
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
constexpr auto look_again = std::chrono::milliseconds{50};

/// Whether all have succeeded, each of another job.
bool are_plain(std::vector<Completion> const& completions) {
    std::set<JobId> jobs;
    return std::all_of(completions.begin(), completions.end(), [&](Completion const& completion) {
        return completion.outcome == Outcome::succeeded && jobs.insert(completion.job).second;
    });
}

}  // namespace

/// One call.
struct Completer::Report {
    WorkerId worker;
    std::vector<Completion> completions;
    bool begun = false;
    bool doubtful = false;  ///< A commit of it was begun of which nobody knows whether it was done.
    std::optional<Result<bool>> answer;
    std::condition_variable changed;  ///< Of its own: of many who wait only those are woken who can go on.

    void tell(Result<bool> what) {
        answer = std::move(what);
        changed.notify_one();
    }
    void fail(Error const& error) { tell(doubtful ? Error{Errc::in_doubt, error.message} : error); }
};

Result<bool> Completer::end(Call const& call, WorkerId const& worker, std::vector<Completion> const& completions) {
    if (!are_plain(completions)) return false;
    auto const report = std::make_shared<Report>();
    report->worker = worker;
    report->completions = completions;
    auto const is_over = [&] { return call.stop.stop_requested() || clock_.steady_now() >= call.deadline; };
    std::unique_lock lock{mutex_};
    waiting_.push_back(report);
    while (!report->answer) {
        if (is_over()) {
            if (report->begun)
                return fail(Errc::in_doubt, client_.place() + ": the commit had not ended when the call was over");
            std::erase(waiting_, report);
            report->fail(fail(Errc::retry_later, client_.place() + ": the call was over before it could be written"));
            wake_next();
            break;
        }
        if (committing_) {
            // The deadline is the caller's clock's and may not be real time, so it is looked at again and again.
            report->changed.wait_for(lock, look_again);
            continue;
        }
        committing_ = true;
        auto const batch = take();
        lock.unlock();
        auto const rows = commit(call, batch);
        lock.lock();
        committing_ = false;
        if (rows || !is_over()) answer(batch, rows);
        else give_back(batch, report, rows.error());
        wake_next();
    }
    return *std::move(report->answer);
}

void Completer::answer(Batch const& batch, Result<Rows> const& rows) {
    std::vector<bool> ended(batch.size(), false);
    if (rows)
        for (auto const& row : *rows) ended[static_cast<std::size_t>(row.small(0))] = true;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (rows) batch[i]->tell(static_cast<bool>(ended[i]));
        else batch[i]->fail(rows.error());
    }
}

/// One of those that wait commits what waits by now.
void Completer::wake_next() {
    if (!committing_ && !waiting_.empty()) waiting_.front()->changed.notify_one();
}

/// The call that carried the others was over, which is nothing to them: they are committed again. What was done all the
/// same will be found so.
void Completer::give_back(Batch const& batch, std::shared_ptr<Report> const& carrier, Error const& error) {
    for (auto each = batch.rbegin(); each != batch.rend(); ++each) {
        if (*each == carrier) {
            carrier->fail(error);
            continue;
        }
        (*each)->begun = false;
        (*each)->doubtful |= error.code == Errc::in_doubt;
        waiting_.push_front(*each);
    }
}

/// What waits, in order, but each job only once.
Completer::Batch Completer::take() {
    Batch batch;
    std::set<JobId> jobs;
    std::deque<std::shared_ptr<Report>> later;
    for (auto& report : waiting_) {
        bool const known = std::any_of(report->completions.begin(), report->completions.end(),
                                       [&](Completion const& completion) { return jobs.contains(completion.job); });
        bool const full = !batch.empty() && jobs.size() + report->completions.size() > most_at_once;
        if (known || full) {
            later.push_back(std::move(report));
            continue;
        }
        for (auto const& completion : report->completions) jobs.insert(completion.job);
        report->begun = true;
        batch.push_back(std::move(report));
    }
    waiting_ = std::move(later);
    return batch;
}

Result<Rows> Completer::commit(Call const& call, Batch const& batch) {
    std::vector<int> calls, sizes, exit_codes;
    std::vector<WorkerId> workers;
    std::vector<JobId> jobs;
    std::vector<LeaseEpoch> epochs;
    std::vector<std::string> messages, outputs;
    for (std::size_t i = 0; i < batch.size(); ++i)
        for (auto const& completion : batch[i]->completions) {
            calls.push_back(static_cast<int>(i));
            sizes.push_back(static_cast<int>(batch[i]->completions.size()));
            workers.push_back(batch[i]->worker);
            jobs.push_back(completion.job);
            epochs.push_back(completion.epoch);
            exit_codes.push_back(completion.exit_code);
            messages.push_back(kept_text(completion.message));
            outputs.push_back(kept_outputs(completion.outputs));
        }
    return client_.run(call, Effect::writes, end_statement, calls, sizes, workers, jobs, epochs, exit_codes, messages,
                       outputs);
}

}  // namespace rgrid::postgres
