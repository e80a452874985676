#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <rgrid/model/job.hpp>
#include <rgrid/ports/clock.hpp>
#include <vector>

#include "adapters/postgres/client.hpp"

namespace rgrid::postgres {

/// Ends attempts that have succeeded. What is reported while a commit is under way is committed together by the next:
/// nobody waits for a timer, and many who report one job each pay for few commits.
///
/// Thread safety: any thread.
class Completer {
public:
    Completer(Client& client, Clock& clock) : client_(client), clock_(clock) {}

    /// Ends the attempts of `worker` if all of them have succeeded and run as far as the store knows, and otherwise none.
    /// Whether it did.
    Result<bool> end(Call const& call, WorkerId const& worker, std::vector<Completion> const& completions);

private:
    struct Report;
    using Batch = std::vector<std::shared_ptr<Report>>;

    [[nodiscard]] Batch take();
    [[nodiscard]] Result<Rows> commit(Call const& call, Batch const& batch);
    static void answer(Batch const& batch, Result<Rows> const& rows);
    void give_back(Batch const& batch, std::shared_ptr<Report> const& carrier, Error const& error);
    void wake_next();

    Client& client_;
    Clock& clock_;
    std::mutex mutex_;
    std::deque<std::shared_ptr<Report>> waiting_;
    bool committing_ = false;
};

}  // namespace rgrid::postgres
