#include "adapters/postgres/views.hpp"

#include <algorithm>
#include <string>

#include "adapters/postgres/codec.hpp"

namespace rgrid::postgres {

namespace {

// Of a job that waits, what is known of its last attempt is in report; of one that runs nothing is known yet.
constexpr char const* job_columns =
    "SELECT j.id, j.spec, j.submitted, "
    "CASE WHEN l.job IS NOT NULL THEN 2 WHEN r.job IS NOT NULL THEN 1 WHEN s.job IS NOT NULL THEN 0 ELSE f.state END, "
    "coalesce(l.epoch, r.epoch, s.epoch, f.epoch), coalesce(l.attempts, r.attempts, s.attempts, f.attempts), "
    "coalesce(l.losses, r.losses, s.losses, f.losses), coalesce(l.worker, f.worker, p.worker), "
    "coalesce(l.started, f.started, p.started), f.finished_at, s.due_at, coalesce(l.cancel, f.cancel, false), "
    "coalesce(f.exit_code, p.exit_code, 0), coalesce(f.message, p.message), coalesce(f.outputs, p.outputs) "
    "FROM rgrid.job j LEFT JOIN rgrid.lease l ON l.job = j.id "
    "LEFT JOIN rgrid.kind k ON k.pool = j.pool AND k.rank = -j.priority::bigint AND k.slots = j.slots "
    "LEFT JOIN rgrid.ready r ON r.kind = k.id AND r.job = j.id "
    "LEFT JOIN rgrid.scheduled s ON s.job = j.id LEFT JOIN rgrid.result f ON f.job = j.id "
    "LEFT JOIN rgrid.report p ON p.job = j.id AND f.job IS NULL AND l.job IS NULL";

/// The jobs in a state; if nothing else is asked for, no more than can be shown.
std::string jobs_in(JobState state, bool only) {
    auto const limited = [&](std::string const& from) {
        return "(SELECT job FROM rgrid." + from + (only ? " ORDER BY job DESC LIMIT $1::int)" : ")");
    };
    switch (state) {
        case JobState::scheduled: return limited("scheduled");
        case JobState::queued: return limited("ready");
        case JobState::running: return limited("lease");
        default: return limited("result WHERE state = " + std::to_string(static_cast<int>(state)));
    }
}

/// A query and its values; anything that users wrote is a value.
struct Question {
    std::string sql = job_columns;
    Params params;
    int count = 1;  ///< The first is the limit.

    /// `before`, the value, `after`.
    template <class T>
    void require(std::string const& before, T const& value, std::string const& after = "") {
        params.add(value);
        also("(" + before + "$" + std::to_string(++count) + after + ")");
    }
    void also(std::string const& condition) {
        sql += (any_ ? " AND " : " WHERE ") + condition;
        any_ = true;
    }

private:
    bool any_ = false;
};

Question question(JobQuery const& query) {
    Question asked;
    asked.params.add(query.limit);
    bool const only =
        query.jobs.empty() && query.batch.empty() && query.owner.empty() && !query.finished_since;
    if (!query.jobs.empty()) asked.require("j.id = ANY(", query.jobs, "::bigint[])");
    auto states = query.states;
    std::sort(states.begin(), states.end());
    states.erase(std::unique(states.begin(), states.end()), states.end());
    std::string places;
    for (auto const state : states) places += (places.empty() ? "" : " UNION ALL ") + jobs_in(state, only);
    if (!places.empty()) asked.also("j.id IN (" + places + ")");
    if (!query.batch.empty()) asked.require("j.batch <> '' AND j.batch = ", query.batch);
    if (!query.owner.empty()) asked.require("j.owner <> '' AND j.owner = ", query.owner);
    if (query.finished_since) asked.require("f.finished_at >= ", *query.finished_since);
    if (query.before) asked.require("j.id < ", *query.before);
    asked.sql += " ORDER BY j.id DESC LIMIT $1::int";
    return asked;
}

JobView read_view(Row const& row) {
    JobView view;
    view.job = JobId{row.integer(0)};
    view.spec = decode<JobSpec>(row.view(1), "spec of job", row.view(0));
    view.submitted = row.instant(2);
    view.state = static_cast<JobState>(row.small(3));
    view.epoch = LeaseEpoch{row.integer(4)};
    view.attempts = row.small(5);
    view.losses = row.small(6);
    view.worker = WorkerId{row.text(7)};
    view.started = row.maybe_instant(8);
    view.finished = row.maybe_instant(9);
    view.due = row.maybe_instant(10);
    view.cancel_requested = row.boolean(11);
    view.exit_code = row.small(12);
    view.message = row.text(13);
    if (!row.view(14).empty())
        view.outputs = decode<std::vector<OutputFile>>(row.view(14), "outputs of job", row.view(0));
    return view;
}

}  // namespace

std::vector<JobView> read_views(Transaction& transaction, JobQuery const& query) {
    auto const asked = question(query);
    std::vector<JobView> views;
    if (query.finished_since) transaction.script(use_index_of_blocks);
    for (auto const& row : transaction.run_with({nullptr, asked.sql.c_str()}, asked.params))
        views.push_back(read_view(row));
    std::reverse(views.begin(), views.end());
    return views;
}

}  // namespace rgrid::postgres
