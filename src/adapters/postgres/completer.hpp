#pragma once

#include <map>
#include <mutex>
#include <rgrid/base/time.hpp>
#include <rgrid/model/job.hpp>
#include <rgrid/ports/clock.hpp>
#include <set>
#include <vector>

#include "adapters/postgres/client.hpp"
#include "adapters/postgres/together.hpp"

namespace rgrid::postgres {

/// What one worker reports.
struct Report {
    WorkerId worker;
    std::vector<Completion> completions;
};

/// When workers were last marked idle through this process, by the store's clock. Thread safety: any thread.
class IdleMarks {
public:
    /// The epoch if that is not known.
    [[nodiscard]] Instant last(WorkerId const& worker);

    /// A report of `now` was taken. It has marked the worker unless the last mark is hardly older.
    void ended(WorkerId const& worker, Instant now);

private:
    std::mutex mutex_;
    std::map<WorkerId, Instant> last_;
};

/// Reports of one commit: see Together. No job is in two of them.
class ReportTrip {
public:
    using Wish = Report;
    using Answer = bool;
    static constexpr int most_under_way = 1;
    static constexpr bool repeats_doubt = true;  ///< What was done all the same will be found so.

    ReportTrip(Client& client, IdleMarks& idle_marks) : client_(&client), idle_marks_(&idle_marks) {}

    [[nodiscard]] bool takes(Report const& report);
    [[nodiscard]] Result<std::vector<Result<bool>>> go(Call const& call);

private:
    Client* client_;
    IdleMarks* idle_marks_;
    std::vector<Report const*> reports_;
    std::set<JobId> jobs_;
};

/// Ends attempts that have succeeded. Reports of a few that come while a commit is under way are committed together by
/// the next.
///
/// Thread safety: any thread.
class Completer {
public:
    Completer(Client& client, Clock& clock)
        : client_(&client), together_(client.place(), clock, ReportTrip{client, idle_marks_}) {}

    /// Ends the attempts of `worker` if all of them have succeeded and run as far as the store knows, and otherwise none;
    /// none also if there are more than 1,000, or if another report that went with this one cannot be taken so. Whether it
    /// did.
    Result<bool> end(Call const& call, WorkerId const& worker, std::vector<Completion> const& completions);

private:
    Client* client_;
    IdleMarks idle_marks_;
    Together<ReportTrip> together_;
};

}  // namespace rgrid::postgres
