#include "adapters/sqlite/adopt.hpp"

#include <algorithm>
#include <rgrid/ports/store_rules.hpp>
#include <utility>

#include "adapters/sqlite/counters.hpp"
#include "adapters/sqlite/moves.hpp"
#include "adapters/sqlite/schema.hpp"

namespace rgrid::sqlite {

namespace {

/// Ends a job by an attempt that the store may know nothing of. False if the job has ended or the attempt is not its
/// last one.
bool end_by(Transaction& transaction, Completion const& completion) {
    auto place = find_job(transaction, completion.job);
    if (!place || is_final(place->state) || completion.epoch < place->counters.epoch) return false;
    // Of no worker: whoever reports it again is told that it was accepted, since its outputs are the job's now.
    Place const attempt{JobState::running, {}, false, {}, transaction.utc - completion.ran};
    keep_report(transaction, completion.job, attempt,
                {completion.outcome, completion.exit_code, completion.message, completion.outputs});
    place->counters.epoch = completion.epoch;
    move_job(transaction, completion.job, *place,
             {JobState::succeeded, place->counters.attempts, place->counters.losses});
    return true;
}

std::int64_t end_proven(Transaction& transaction, std::vector<Completion> proven) {
    // The last attempt of a job is the one that counted: what came before it had not succeeded.
    std::stable_sort(proven.begin(), proven.end(),
                     [](Completion const& a, Completion const& b) { return a.epoch > b.epoch; });
    return std::count_if(proven.begin(), proven.end(),
                         [&](Completion const& completion) { return end_by(transaction, completion); });
}

/// Without an outcome, so that its worker, which may have done it all, can still say how it ended.
std::int64_t give_leases_back(Transaction& transaction) {
    std::vector<JobId> running;
    {
        auto row = transaction.db.ask("SELECT job FROM lease ORDER BY job");
        while (row.step()) running.push_back(JobId{row.integer(0)});
    }
    std::int64_t requeued = 0;
    for (auto const job : running) {
        auto const place = find_lease(transaction, job);
        auto const& [epoch, attempts, losses] = place->counters;
        auto const move = after_outcome({}, attempts, losses, place->cancel, Outcome::released);
        keep_report(transaction, job, *place, {{}, 0, given_back_by_adoption, {}});
        move_job(transaction, job, *place, move);
        requeued += move.state == JobState::queued ? 1 : 0;
    }
    return requeued;
}

}  // namespace

Adopted adopt(Transaction& transaction, Adoption const& adoption) {
    auto& db = transaction.db;
    Adopted adopted;
    adopted.generation = Generation{std::max(adoption.above, read_era(db).generation).value + 1};
    db.run("UPDATE store SET id = ?, generation = ?, frozen = ''", adoption.store, adopted.generation);
    LeaderEpoch const epoch{next_count(read_counters(db).epoch.value, adopted.generation)};
    raise_counters(db, {adopted.generation, epoch, adoption.next_number, adoption.last_job});
    adopted.succeeded = end_proven(transaction, adoption.proven);
    adopted.requeued = give_leases_back(transaction);
    transaction.changed = true;
    return adopted;
}

}  // namespace rgrid::sqlite
