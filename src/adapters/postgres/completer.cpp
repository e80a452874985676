#include "adapters/postgres/completer.hpp"

#include <algorithm>
#include <string>

#include "adapters/postgres/complete.hpp"

namespace rgrid::postgres {

namespace {

// All or nothing, since nothing may have been written of a report that shows that the store has gone back in time; so it
// fails if one of the attempts does not run or is named twice, with a sentence that is no number. The jobs come in their
// order: a lease is found by its job, and what was reported of it by that. IS TRUE keeps the index by worker out. What is
// not said of any job has its default. Who has ended a job is marked idle, but not for every one: the mark is one row, and
// several ends at once would wait for each other's commits. When it was marked last is not looked up: beside a long
// transaction there would be all former marks to walk over.
constexpr Statement end_statement{"end_successes", R"sql(
WITH now AS MATERIALIZED (SELECT rgrid.clock() AS at FROM rgrid.store WHERE frozen = ''),
gone AS (
    DELETE FROM rgrid.lease l USING now
    WHERE l.job = ANY($2::bigint[]) AND l.epoch = ($3::bigint[])[width_bucket(l.job, $2::bigint[])]
      AND (l.worker = ($1::text[])[coalesce(($4::int[])[width_bucket(l.job, $2::bigint[])], 0) + 1]) IS TRUE
    RETURNING l.job, l.epoch, l.attempts, l.losses, l.cancel, l.worker, l.started, now.at AS now,
              width_bucket(l.job, $2::bigint[]) AS place),
done AS (
    INSERT INTO rgrid.result(job, state, finished_at, epoch, attempts, losses, cancel, outcome, exit_code, message,
                             outputs, worker, started)
    SELECT job, 3, now, epoch, attempts, losses, cancel, 0, coalesce(($5::int[])[place], 0),
           coalesce(($6::text[])[place], ''), coalesce(($7::text[])[place], ''), worker, started
    FROM gone),
counted AS (
    INSERT INTO rgrid.tally(kind, state, jobs) SELECT NULL, 3, count(*) FROM gone HAVING count(*) > 0),
idle AS (
    INSERT INTO rgrid.idle(worker, since)
    SELECT DISTINCT w.worker, now.at FROM now, unnest($1::text[], $8::bigint[]) AS w(worker, marked)
    WHERE now.at - w.marked NOT BETWEEN 0 AND 99
    ORDER BY w.worker
    ON CONFLICT (worker) DO UPDATE SET since = greatest(rgrid.idle.since, excluded.since))
SELECT (SELECT at FROM now), CASE WHEN count(*) <> cardinality($2::bigint[])
    THEN ('Only ' || count(*) || ' of these attempts count: they are judged one by one.')::int END
FROM gone
)sql"};

constexpr Duration mark_interval{100};
static_assert(mark_interval == Duration{100}, "the statement takes no constant");
constexpr std::size_t most_marks = 20'000;  // Workers come and go.
constexpr std::size_t most_at_once = 1000;  // Attempts. The statement goes through all messages for each.

bool have_all_succeeded(std::vector<Completion> const& completions) {
    return std::all_of(completions.begin(), completions.end(), [](Completion const& completion) {
        return completion.outcome == Outcome::succeeded;
    });
}

template <class T>
void leave_defaults_out(std::vector<T>& values) {
    if (std::all_of(values.begin(), values.end(), [](T const& value) { return value == T{}; })) values.clear();
}

/// One of several that are ended together.
struct Ended {
    Completion const* completion = nullptr;
    int reporter = 0;
};

/// Whether it has ended all attempts of all reports, and otherwise none.
Result<bool> end_reports(Client& client, IdleMarks& idle_marks, Call const& call,
                         std::vector<Report const*> const& reports) {
    std::vector<WorkerId> workers;
    std::vector<Instant> marked;
    std::vector<Ended> all;
    for (auto const* report : reports) {
        marked.push_back(idle_marks.last(report->worker));
        for (auto const& completion : report->completions) all.push_back({&completion, static_cast<int>(workers.size())});
        workers.push_back(report->worker);
    }
    std::sort(all.begin(), all.end(),
              [](Ended const& a, Ended const& b) { return a.completion->job < b.completion->job; });
    std::vector<int> reporters, exit_codes;
    std::vector<JobId> jobs;
    std::vector<LeaseEpoch> epochs;
    std::vector<std::string> messages, outputs;
    for (auto const& [completion, reporter] : all) {
        reporters.push_back(reporter);
        jobs.push_back(completion->job);
        epochs.push_back(completion->epoch);
        exit_codes.push_back(completion->exit_code);
        messages.push_back(kept_text(completion->message));
        outputs.push_back(kept_outputs(completion->outputs));
    }
    leave_defaults_out(reporters);
    leave_defaults_out(exit_codes);
    leave_defaults_out(messages);
    leave_defaults_out(outputs);
    auto const rows = client.run(call, Effect::writes, end_statement, workers, jobs, epochs, reporters, exit_codes,
                                 messages, outputs, marked);
    if (rows) {
        for (auto const& worker : workers) idle_marks.ended(worker, rows->front().instant(0));
        return true;
    }
    return rows.error().code == Errc::rejected ? Result<bool>{false} : rows.error();
}

}  // namespace

Instant IdleMarks::last(WorkerId const& worker) {
    std::scoped_lock const lock{mutex_};
    auto const known = last_.find(worker);
    return known == last_.end() ? Instant{} : known->second;
}

void IdleMarks::ended(WorkerId const& worker, Instant now) {
    std::scoped_lock const lock{mutex_};
    if (last_.size() >= most_marks && !last_.contains(worker)) last_.clear();
    auto& last = last_[worker];
    if (now < last || now >= last + mark_interval) last = now;
}

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
    auto const ended = end_reports(*client_, *idle_marks_, call, reports_);
    if (!ended) return ended.error();
    return std::vector<Result<bool>>(reports_.size(), *ended);
}

Result<bool> Completer::end(Call const& call, WorkerId const& worker, std::vector<Completion> const& completions) {
    if (!have_all_succeeded(completions) || completions.size() > most_at_once) return false;
    Report report{worker, completions};
    if (completions.size() <= few_jobs) return together_.ask(call, std::move(report));
    return end_reports(*client_, idle_marks_, call, {&report});
}

}  // namespace rgrid::postgres
