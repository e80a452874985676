#include "adapters/postgres/adopt.hpp"

#include <algorithm>
#include <map>
#include <rgrid/model/generation.hpp>
#include <rgrid/ports/store_rules.hpp>

#include "adapters/postgres/complete.hpp"
#include "adapters/postgres/era.hpp"
#include "adapters/postgres/moves.hpp"

namespace rgrid::postgres {

namespace {

/// The last attempt of each job is the one that counted: what came before it had not succeeded.
std::map<JobId, Completion> last_of_each(std::vector<Completion> const& proven) {
    std::map<JobId, Completion> last;
    for (auto const& completion : proven) {
        auto const [entry, is_new] = last.try_emplace(completion.job, completion);
        if (!is_new && entry->second.epoch < completion.epoch) entry->second = completion;
    }
    return last;
}

Instant now(Transaction& transaction) {
    static constexpr Statement read{"clock", "SELECT rgrid.clock()"};
    return transaction.run(read).front().instant(0);
}

/// Ends jobs by attempts that the store may know nothing of, unless the job has ended or the attempt is not its last.
std::int64_t end_proven(Transaction& transaction, std::vector<Completion> const& proven) {
    auto const last = last_of_each(proven);
    std::vector<JobId> jobs;
    for (auto const& [job, completion] : last) jobs.push_back(job);
    std::vector<Move> moves;
    auto const moment = now(transaction);
    for (auto& [job, place] : lock_jobs(transaction, jobs)) {
        auto const& completion = last.at(job);
        if (is_final(place.state) || completion.epoch < place.epoch) continue;
        place.epoch = completion.epoch;
        // Of no worker: whoever reports it again is told that it was accepted, since its outputs are the job's now.
        place.last = Ending{completion.outcome, completion.exit_code, kept_text(completion.message),
                            kept_outputs(completion.outputs), {}, moment - completion.ran};
        moves.push_back({job, place, {JobState::succeeded, place.attempts, place.losses}});
    }
    move_jobs(transaction, moves);
    return static_cast<std::int64_t>(moves.size());
}

/// Without an outcome, so that its worker, which may have done it all, can still say how it ended.
std::int64_t give_leases_back(Transaction& transaction) {
    static constexpr Statement read{"running_jobs", "SELECT job FROM rgrid.lease"};
    std::vector<JobId> running;
    for (auto const& row : transaction.run(read)) running.push_back(JobId{row.integer(0)});
    std::vector<Move> moves;
    std::int64_t requeued = 0;
    for (auto& [job, place] : lock_jobs(transaction, running)) {
        auto const move = after_outcome({}, place.attempts, place.losses, place.cancel, Outcome::released);
        place.last->message = given_back_by_adoption;
        requeued += move.state == JobState::queued ? 1 : 0;
        moves.push_back({job, place, move});
    }
    move_jobs(transaction, moves);
    return requeued;
}

/// Later jobs get greater numbers than `last`.
void raise_jobs(Transaction& transaction, JobId last) {
    static constexpr Statement raise{"adopt_jobs", "SELECT setval('rgrid.job_id', $1::bigint)"};
    if (last <= last_job(transaction)) return;
    // Whoever submits meanwhile may have taken numbers beyond it by now, and none is given out twice. Behind a submitter's
    // own long transaction this begins anew, so that claims get their turn.
    transaction.script("SET LOCAL lock_timeout = '2s'; LOCK TABLE rgrid.job IN SHARE ROW EXCLUSIVE MODE");
    transaction.run(raise, std::max(last, last_job(transaction)));
}

void begin_generation(Transaction& transaction, Adoption const& adoption, Generation generation) {
    static constexpr Statement store{"adopt_store", "UPDATE rgrid.store SET id = $1, generation = $2, frozen = ''"};
    static constexpr Statement leader{
        "adopt_leader", "UPDATE rgrid.leader SET epoch = greatest(epoch, ($1::bigint - 1) * 1000000000) + 1, "
                        "candidate = '', until_at = 0"};
    static constexpr Statement fleet{"adopt_fleet",
                                     "UPDATE rgrid.fleet SET next_number = greatest(next_number, $1::bigint)"};
    static_assert(counts_of_a_generation == 1'000'000'000, "the statement takes no constant");
    transaction.run(leader, generation);
    transaction.run(fleet, adoption.next_number);
    raise_jobs(transaction, adoption.last_job);
    transaction.run(store, adoption.store, generation);  // Locked after the leader and the fleet by all.
}

}  // namespace

Adopted adopt(Transaction& transaction, Adoption const& adoption) {
    keep_leases(transaction);
    Adopted adopted;
    adopted.generation = Generation{std::max(adoption.above, read_era(transaction).generation).value + 1};
    begin_generation(transaction, adoption, adopted.generation);
    adopted.succeeded = end_proven(transaction, adoption.proven);
    adopted.requeued = give_leases_back(transaction);
    return adopted;
}

}  // namespace rgrid::postgres
