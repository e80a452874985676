#pragma once

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

/// Reports of one commit: see Together. No job is in two of them.
class ReportTrip {
public:
    using Wish = Report;
    using Answer = bool;
    static constexpr int most_under_way = 1;
    static constexpr bool repeats_doubt = true;  ///< What was done all the same will be found so.

    explicit ReportTrip(Client& client) : client_(&client) {}

    [[nodiscard]] bool takes(Report const& report);
    [[nodiscard]] Result<std::vector<Result<bool>>> go(Call const& call);

private:
    Client* client_;
    std::vector<Report const*> reports_;
    std::set<JobId> jobs_;
};

/// Ends attempts that have succeeded. Reports of a few that come while a commit is under way are committed together by
/// the next.
///
/// Thread safety: any thread.
class Completer {
public:
    Completer(Client& client, Clock& clock) : client_(&client), together_(client.place(), clock, ReportTrip{client}) {}

    /// Ends the attempts of `worker` if all of them have succeeded and run as far as the store knows, and otherwise none;
    /// none also if another report that went with this one cannot be taken so. Whether it did.
    Result<bool> end(Call const& call, WorkerId const& worker, std::vector<Completion> const& completions);

private:
    Client* client_;
    Together<ReportTrip> together_;
};

}  // namespace rgrid::postgres
