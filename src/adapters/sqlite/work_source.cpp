#include <rgrid/ports/store_rules.hpp>

#include "adapters/sqlite/claim.hpp"
#include "adapters/sqlite/codec.hpp"
#include "adapters/sqlite/impl.hpp"
#include "adapters/sqlite/logs.hpp"
#include "adapters/sqlite/sessions.hpp"

namespace rgrid::sqlite {

namespace {

Result<Registered> open_session(Transaction& transaction, Registration const& who) {
    auto const known = find_session(transaction.db, who.worker);
    if (known && known->state == SessionState::closed)
        return closed_for_good(who.worker);
    auto const era = read_era(transaction.db);
    CloseReport given_back;
    // A lease of a store that stands still may have ended in the lost time: its adoption gives it back.
    if (era.frozen.empty()) lose_leases(transaction, who.worker, given_back);
    Incarnation const last{known ? known->incarnation.value
                                 : transaction.db.number("SELECT forgotten FROM store").value_or(0)};
    auto const incarnation = next_incarnation(last, era.generation, !era.frozen.empty());
    transaction.db.run(
        "INSERT INTO session(worker, server, pool, incarnation, state, slots, registered_at, beat, beat_at, idle_at, "
        "version) VALUES(?1, ?2, ?3, ?4, 0, ?5, ?6, 0, ?6, ?6, ?7) ON CONFLICT DO UPDATE SET server = ?2, pool = ?3, "
        "incarnation = ?4, state = 0, slots = ?5, beat = 0, beat_at = ?6, idle_at = ?6, drain_at = NULL, version = ?7",
        who.worker, who.server, who.pool, incarnation, who.slots, transaction.now, who.version);
    return Registered{incarnation};
}

Result<BeatReply> take_beat(Transaction& transaction, WorkerId const& worker, Incarnation incarnation,
                            BeatCount acknowledged, bool leaving) {
    auto const visitor = admit(transaction.db, worker, incarnation, acknowledged);
    if (!visitor) return visitor.error();
    transaction.evidence = visitor->evidence;
    auto const& session = visitor->session;
    if (!session) return reply_to_stranger(acknowledged, leaving);
    BeatReply reply;
    reply.frozen = visitor->evidence || !visitor->era.frozen.empty();
    reply.beat = BeatCount{std::max(session->beat, acknowledged).value + 1};
    transaction.db.run("UPDATE session SET beat = ?, beat_at = ? WHERE worker = ?", reply.beat, transaction.now,
                       worker);
    for (auto const& held : held_by(transaction.db, worker)) {
        reply.held.emplace_back(held.job, held.epoch);
        if (held.cancel) reply.cancel.push_back(held.job);
    }
    reply.state = session->state;
    bool const over = reply.held.empty() && !reply.frozen;
    if (leaving) reply.state = over ? SessionState::closed : SessionState::draining;
    if (reply.state != session->state) set_state(transaction, worker, reply.state);
    return reply;
}

Lease take_job(Transaction& transaction, PoolName const& pool, WorkerId const& worker, Candidate const& chosen,
               Generation generation) {
    auto& db = transaction.db;
    auto const& [epoch, attempts, losses] = chosen.counters;
    Lease lease{chosen.job, LeaseEpoch{next_count(epoch.value, generation)}, spec_of(transaction, chosen.job),
                attempts + 1, losses};
    leave(transaction, chosen.job, Kind{pool.value, -chosen.rank, chosen.slots},
          Place{JobState::queued, chosen.counters, false, {}, {}});
    if (epoch != LeaseEpoch{}) db.run("DELETE FROM report WHERE job = ?", chosen.job);
    db.run("INSERT INTO lease(job, epoch, attempts, losses, worker, slots, started, ends_at, cancel) "
           "VALUES(?, ?, ?, ?, ?, ?, ?, ?, 0)",
           lease.job, lease.epoch, attempts, losses, worker, chosen.slots, transaction.utc,
           transaction.now + lease.spec.timeout + lease_grace);
    ++transaction.ledger.tally[static_cast<std::size_t>(JobState::running)];
    return lease;
}

Result<std::vector<Lease>> take_jobs(Transaction& transaction, WorkerId const& worker, Incarnation incarnation,
                                     BeatCount acknowledged, int slots) {
    auto const visitor = admit(transaction.db, worker, incarnation, acknowledged);
    if (!visitor) return visitor.error();
    transaction.evidence = visitor->evidence;
    if (visitor->evidence) return stands_still(*visitor->evidence);
    auto const& [session, era, evidence] = *visitor;
    std::vector<Lease> leases;
    if (!era.frozen.empty() || session->state != SessionState::open) return leases;
    for (auto const& chosen : choose(transaction.db, session->pool, slots, session->slots, transaction.now))
        leases.push_back(take_job(transaction, session->pool, worker, chosen, era.generation));
    return leases;
}

/// Whether a claim would do anything but answer that there is nothing.
Result<bool> claim_matters(Connection& db, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                           int slots, Duration now) {
    auto const visitor = admit(db, worker, incarnation, acknowledged);
    if (!visitor) return visitor.error();
    if (visitor->evidence) return true;
    auto const& [session, era, evidence] = *visitor;
    if (!era.frozen.empty() || session->state != SessionState::open) return false;
    return !choose(db, session->pool, slots, session->slots, now).empty();
}

AttemptOnRecord on_record(Transaction& transaction, JobId job, Place const& place) {
    AttemptOnRecord last{place.state, place.counters.epoch, WorkerId{place.worker}, {}};
    if (place.state == JobState::running) return last;
    auto row = transaction.db.ask("SELECT outcome, worker FROM report WHERE job = ?", job);
    if (!row.step()) return last;
    if (!row.null(0)) last.reported = static_cast<Outcome>(row.small(0));
    last.worker = WorkerId{row.text(1)};
    return last;
}

void end_attempt(Transaction& transaction, Place const& place, Completion const& completion) {
    auto const job = completion.job;
    // Only a failure needs to know how many attempts the job has.
    auto const spec = completion.outcome == Outcome::failed || completion.outcome == Outcome::timed_out
                          ? spec_of(transaction, job)
                          : JobSpec{};
    auto const& [epoch, attempts, losses] = place.counters;
    keep_report(transaction, job, place,
                {completion.outcome, completion.exit_code, completion.message, completion.outputs});
    move_job(transaction, job, place, after_outcome(spec, attempts, losses, place.cancel, completion.outcome));
}

Verdict take_completion(Transaction& transaction, WorkerId const& worker, Completion const& completion,
                        Generation generation) {
    auto const& [job, epoch] = std::pair{completion.job, completion.epoch};
    auto const place = find_job(transaction, job);
    if (!place) {
        transaction.evidence = evidence_of_job(worker, job, epoch, last_job(transaction.db), generation);
        return Verdict::unknown;
    }
    auto const last = on_record(transaction, job, *place);
    transaction.evidence = evidence_of_attempt(worker, job, epoch, last.epoch, last.worker, generation);
    auto const ruling = judge(last, worker, completion);
    if (ruling.ends) end_attempt(transaction, *place, completion);
    return ruling.verdict;
}

Result<std::vector<Verdict>> take_completions(Transaction& transaction, WorkerId const& worker,
                                              std::vector<Completion> const& completions) {
    auto const era = read_era(transaction.db);
    if (!era.frozen.empty()) return stands_still(era.frozen);
    std::vector<Verdict> verdicts;
    verdicts.reserve(completions.size());
    for (auto const& completion : completions) {
        verdicts.push_back(take_completion(transaction, worker, completion, era.generation));
        if (transaction.evidence) return stands_still(*transaction.evidence);
    }
    return verdicts;
}

Result<> take_chunk(Transaction& transaction, WorkerId const& worker, Incarnation incarnation, LogChunk const& chunk,
                    Bytes limit) {
    auto const visitor = admit(transaction.db, worker, incarnation, {});
    if (!visitor) return visitor.error();
    auto const& [session, era, evidence] = *visitor;
    transaction.evidence = evidence;
    if (!session) return stands_still(evidence ? *evidence : era.frozen);
    return append_chunk(transaction, worker, chunk, limit, era.generation);
}

}  // namespace

Result<Registered> Store::register_worker(Call const& call, Registration const& registration) {
    if (auto const problem = registration_problem(registration)) return fail(Errc::rejected, *problem);
    return impl_->write<Registered>(call, Lane::urgent, [registration](Transaction& transaction) {
        return open_session(transaction, registration);
    });
}

Result<BeatReply> Store::beat(Call const& call, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                              bool leaving) {
    return impl_->write<BeatReply>(call, Lane::urgent, [=](Transaction& transaction) {
        return take_beat(transaction, worker, incarnation, acknowledged, leaving);
    });
}

Result<std::vector<Lease>> Store::claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                        BeatCount acknowledged, int slots) {
    // A look first, so that agents with nothing to do never hold the right to write.
    auto const matters = impl_->read<bool>(call, [&](Connection& db) {
        return claim_matters(db, worker, incarnation, acknowledged, slots, impl_->now());
    });
    if (!matters) return matters.error();
    if (!*matters) return std::vector<Lease>{};
    return impl_->write<std::vector<Lease>>(call, Lane::bulk, [=](Transaction& transaction) {
        return take_jobs(transaction, worker, incarnation, acknowledged, slots);
    });
}

Result<std::vector<Verdict>> Store::complete(Call const& call, WorkerId const& worker, Incarnation,
                                             std::vector<Completion> const& completions) {
    if (completions.empty()) return std::vector<Verdict>{};
    return impl_->write<std::vector<Verdict>>(call, Lane::bulk, [worker, completions](Transaction& transaction) {
        return take_completions(transaction, worker, completions);
    });
}

Result<> Store::append_log(Call const& call, WorkerId const& worker, Incarnation incarnation, LogChunk const& chunk) {
    if (auto const checked = check_chunk(chunk); !checked) return checked;
    return impl_->write<void>(
        call, Lane::bulk,
        [worker, incarnation, chunk, limit = impl_->settings().max_log](Transaction& transaction) -> Result<> {
            return take_chunk(transaction, worker, incarnation, chunk, limit);
        });
}

}  // namespace rgrid::sqlite
