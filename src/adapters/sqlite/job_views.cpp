#include "adapters/sqlite/job_views.hpp"

#include <algorithm>

#include "adapters/sqlite/codec.hpp"

namespace rgrid::sqlite {

namespace {

constexpr char const* columns =
    "SELECT j.id, j.spec, j.submitted, "
    "CASE WHEN l.job IS NOT NULL THEN 2 WHEN r.job IS NOT NULL THEN 1 WHEN s.job IS NOT NULL THEN 0 ELSE f.state END, "
    "coalesce(l.epoch, r.epoch, s.epoch, f.epoch), coalesce(l.attempts, r.attempts, s.attempts, f.attempts), "
    "coalesce(l.losses, r.losses, s.losses, f.losses), coalesce(l.worker, p.worker), coalesce(l.started, p.started), "
    "f.finished, s.due, coalesce(l.cancel, f.cancel, 0), p.exit_code, p.message, p.outputs "
    "FROM job j LEFT JOIN lease l ON l.job = j.id "
    "LEFT JOIN ready r ON r.pool = j.pool AND r.rank = -j.priority AND r.slots = j.slots AND r.job = j.id "
    "LEFT JOIN scheduled s ON s.job = j.id LEFT JOIN result f ON f.job = j.id LEFT JOIN report p ON p.job = j.id";

std::string table_of(JobState state) {
    switch (state) {
        case JobState::scheduled: return "SELECT job FROM scheduled";
        case JobState::queued: return "SELECT job FROM ready";
        case JobState::running: return "SELECT job FROM lease";
        default: return "SELECT job FROM result WHERE state = " + std::to_string(static_cast<int>(state));
    }
}

/// The ids are numbers, so they can stand in the text; anything that users wrote is a parameter.
std::string numbers(std::vector<JobId> const& jobs) {
    std::string text = "[";
    for (auto const job : jobs) text += (text.size() > 1 ? "," : "") + std::to_string(job.value);
    return text + "]";
}

/// The shape of the query depends on which criteria there are, not on their values, so that few are ever prepared.
std::string question(JobQuery const& query) {
    std::string where;
    auto const require = [&](std::string const& condition) { where += (where.empty() ? " WHERE " : " AND ") + condition; };
    if (!query.jobs.empty()) require("j.id IN (SELECT value FROM json_each(?1))");
    auto states = query.states;
    std::sort(states.begin(), states.end());
    states.erase(std::unique(states.begin(), states.end()), states.end());
    std::string places;
    for (auto const state : states) places += (places.empty() ? "" : " UNION ALL ") + table_of(state);
    if (!places.empty()) require("j.id IN (" + places + ")");
    if (!query.batch.empty()) require("j.batch = ?2 AND j.batch <> ''");
    if (!query.owner.empty()) require("j.owner = ?3 AND j.owner <> ''");
    if (query.finished_since) require("f.finished >= ?4");
    if (query.before) require("j.id < ?6");
    return columns + where + " ORDER BY j.id DESC LIMIT ?5";
}

JobView read_view(Query const& row) {
    JobView view;
    view.job = JobId{row.integer(0)};
    view.spec = decode<JobSpec>(row.text(1), "spec of job " + std::to_string(view.job.value));
    view.submitted = row.instant(2);
    view.state = static_cast<JobState>(row.small(3));
    view.epoch = LeaseEpoch{row.integer(4)};
    view.attempts = row.small(5);
    view.losses = row.small(6);
    view.worker = WorkerId{row.text(7)};
    view.started = row.maybe_instant(8);
    view.finished = row.maybe_instant(9);
    view.due = row.maybe_instant(10);
    view.cancel_requested = row.integer(11) != 0;
    view.exit_code = row.small(12);
    view.message = row.text(13);
    if (auto const outputs = row.text(14); !outputs.empty())
        view.outputs = decode<std::vector<OutputFile>>(outputs, "outputs of job " + std::to_string(view.job.value));
    return view;
}

}  // namespace

std::vector<JobView> read_views(Connection& db, JobQuery const& query) {
    std::vector<JobView> views;
    auto row = db.ask(question(query));
    // Parameters that the text does not have are not bound.
    if (!query.jobs.empty()) row.bind(1, numbers(query.jobs));
    if (!query.batch.empty()) row.bind(2, query.batch);
    if (!query.owner.empty()) row.bind(3, query.owner);
    if (query.finished_since) row.bind(4, *query.finished_since);
    row.bind(5, query.limit);
    if (query.before) row.bind(6, *query.before);
    while (row.step()) views.push_back(read_view(row));
    std::reverse(views.begin(), views.end());
    return views;
}

}  // namespace rgrid::sqlite
