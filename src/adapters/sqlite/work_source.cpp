#include "adapters/sqlite/claim.hpp"
#include "adapters/sqlite/codec.hpp"
#include "adapters/sqlite/impl.hpp"
#include "adapters/sqlite/logs.hpp"
#include "adapters/sqlite/sessions.hpp"

namespace rgrid::sqlite {

namespace {

Result<> check_registration(Registration const& registration) {
    if (registration.worker.empty() || registration.pool.empty())
        return fail(Errc::rejected, "registration of worker \"" + registration.worker.value + "\" for pool \"" +
                                        registration.pool.value + "\": expected both names");
    if (registration.slots < 1)
        return fail(Errc::rejected, "worker \"" + registration.worker.value + "\" offers " +
                                        std::to_string(registration.slots) + " slots; expected 1 or more");
    return {};
}

Result<Registered> open_session(Transaction& transaction, Registration const& who) {
    auto const known = find_session(transaction.db, who.worker);
    if (known && known->state == SessionState::closed)
        return fail(Errc::fenced, "worker \"" + who.worker.value + "\" was closed; its name is not used again");
    CloseReport given_back;
    lose_leases(transaction, who.worker, given_back);
    Incarnation const incarnation{known ? known->incarnation.value + 1 : 1};
    transaction.db.run(
        "INSERT INTO session(worker, server, pool, incarnation, state, slots, registered_at, beat, beat_at, idle_at, "
        "version) VALUES(?1, ?2, ?3, ?4, 0, ?5, ?6, 0, ?6, ?6, ?7) ON CONFLICT DO UPDATE SET server = ?2, pool = ?3, "
        "incarnation = ?4, state = 0, slots = ?5, beat = 0, beat_at = ?6, idle_at = ?6, drain_at = NULL, version = ?7",
        who.worker, who.server, who.pool, incarnation, who.slots, transaction.now, who.version);
    return Registered{incarnation};
}

Result<BeatReply> take_beat(Transaction& transaction, WorkerId const& worker, Incarnation incarnation, bool leaving) {
    auto const session = admit(transaction.db, worker, incarnation);
    if (!session) return session.error();
    transaction.db.run("UPDATE session SET beat = beat + 1, beat_at = ? WHERE worker = ?", transaction.now, worker);

    BeatReply reply;
    for (auto const& held : held_by(transaction.db, worker)) {
        reply.held.emplace_back(held.job, held.epoch);
        if (held.cancel) reply.cancel.push_back(held.job);
    }
    reply.state = session->state;
    if (leaving) reply.state = reply.held.empty() ? SessionState::closed : SessionState::draining;
    if (reply.state != session->state) set_state(transaction, worker, reply.state);
    return reply;
}

Lease take_job(Transaction& transaction, PoolName const& pool, WorkerId const& worker, Candidate const& chosen) {
    auto& db = transaction.db;
    auto const& [epoch, attempts, losses] = chosen.counters;
    Lease lease{chosen.job, LeaseEpoch{epoch.value + 1}, spec_of(transaction, chosen.job), attempts + 1, losses};
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
                                     int slots) {
    auto const session = admit(transaction.db, worker, incarnation);
    if (!session) return session.error();
    std::vector<Lease> leases;
    if (session->state != SessionState::open) return leases;
    for (auto const& chosen : choose(transaction.db, session->pool, slots, session->slots, transaction.now))
        leases.push_back(take_job(transaction, session->pool, worker, chosen));
    return leases;
}

std::optional<Outcome> reported_outcome(Transaction& transaction, JobId job) {
    auto const outcome = transaction.db.number("SELECT outcome FROM report WHERE job = ?", job);
    return outcome ? std::optional{static_cast<Outcome>(*outcome)} : std::nullopt;
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

Verdict take_completion(Transaction& transaction, Completion const& completion) {
    auto const place = find_job(transaction, completion.job);
    if (!place) return Verdict::unknown;
    if (completion.epoch != place->counters.epoch || completion.epoch == LeaseEpoch{}) return Verdict::fenced;
    bool const late = place->state != JobState::running;
    if (late) {
        // The answer to this very report was lost: it is said again, and nothing is charged twice.
        if (auto const reported = reported_outcome(transaction, completion.job))
            return *reported == completion.outcome ? Verdict::accepted : Verdict::fenced;
        if (is_final(place->state)) return Verdict::fenced;
    }
    end_attempt(transaction, *place, completion);
    return late ? Verdict::accepted_late : Verdict::accepted;
}

}  // namespace

Result<Registered> Store::register_worker(Call const& call, Registration const& registration) {
    if (auto const checked = check_registration(registration); !checked) return checked.error();
    return impl_->write<Registered>(call, Lane::urgent, [registration](Transaction& transaction) {
        return open_session(transaction, registration);
    });
}

Result<BeatReply> Store::beat(Call const& call, WorkerId const& worker, Incarnation incarnation, bool leaving) {
    return impl_->write<BeatReply>(call, Lane::urgent, [worker, incarnation, leaving](Transaction& transaction) {
        return take_beat(transaction, worker, incarnation, leaving);
    });
}

Result<std::vector<Lease>> Store::claim(Call const& call, WorkerId const& worker, Incarnation incarnation, int slots) {
    // A look first, so that agents with nothing to do never hold the right to write.
    auto const anything = impl_->read<bool>(call, [&](Connection& db) -> Result<bool> {
        auto const session = admit(db, worker, incarnation);
        if (!session) return session.error();
        return session->state == SessionState::open &&
               !choose(db, session->pool, slots, session->slots, impl_->now()).empty();
    });
    if (!anything) return anything.error();
    if (!*anything) return std::vector<Lease>{};
    return impl_->write<std::vector<Lease>>(call, Lane::bulk, [worker, incarnation, slots](Transaction& transaction) {
        return take_jobs(transaction, worker, incarnation, slots);
    });
}

Result<std::vector<Verdict>> Store::complete(Call const& call, WorkerId const&, Incarnation,
                                             std::vector<Completion> const& completions) {
    if (completions.empty()) return std::vector<Verdict>{};
    return impl_->write<std::vector<Verdict>>(call, Lane::bulk, [completions](Transaction& transaction) {
        std::vector<Verdict> verdicts;
        verdicts.reserve(completions.size());
        for (auto const& completion : completions) verdicts.push_back(take_completion(transaction, completion));
        return verdicts;
    });
}

Result<> Store::append_log(Call const& call, WorkerId const& worker, Incarnation incarnation, LogChunk const& chunk) {
    if (auto const checked = check_chunk(chunk); !checked) return checked;
    return impl_->write<void>(
        call, Lane::bulk,
        [worker, incarnation, chunk, limit = impl_->settings().max_log](Transaction& transaction) -> Result<> {
            if (auto const session = admit(transaction.db, worker, incarnation); !session) return session.error();
            return append_chunk(transaction, chunk, limit);
        });
}

}  // namespace rgrid::sqlite
