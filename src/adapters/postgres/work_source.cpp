#include <algorithm>
#include <iterator>
#include <rgrid/model/generation.hpp>

#include "adapters/postgres/claim.hpp"
#include "adapters/postgres/complete.hpp"
#include "adapters/postgres/impl.hpp"
#include "adapters/postgres/logs.hpp"
#include "adapters/postgres/moves.hpp"
#include "adapters/postgres/sessions.hpp"

namespace rgrid::postgres {

namespace {

Incarnation last_forgotten(Transaction& transaction) {
    static constexpr Statement read{"last_forgotten", "SELECT forgotten FROM rgrid.store"};
    return Incarnation{transaction.run(read).front().integer(0)};
}

Result<Registered> open_session(Transaction& transaction, Registration const& who) {
    static constexpr Statement begin{
        "begin_session",
        "INSERT INTO rgrid.session(worker, server, pool, incarnation, state, slots, registered_at, beat, beat_at, "
        "idle_at, version) SELECT $1, $2, $3, $4, 0, $5, now, 0, now, now, $6 FROM rgrid.clock() AS now "
        "ON CONFLICT DO NOTHING"};
    static constexpr Statement renew{
        "renew_session",
        "UPDATE rgrid.session SET server = $2, pool = $3, incarnation = $4, state = 0, slots = $5, beat = 0, "
        "beat_at = now, idle_at = now, drain_at = NULL, version = $6 FROM rgrid.clock() AS now WHERE worker = $1"};
    auto const era = hold_era(transaction);
    auto const known = find_session(transaction, who.worker, Hold::all);
    if (known && known->state == SessionState::closed)
        return closed_for_good(who.worker);
    CloseReport given_back;
    // A lease of a store that stands still may have ended in the lost time: its adoption gives it back.
    if (era.frozen.empty()) lose_leases(transaction, who.worker, given_back);
    auto const last = known ? known->incarnation : last_forgotten(transaction);
    auto const incarnation = next_incarnation(last, era.generation, !era.frozen.empty());
    auto const done = transaction.run(known ? renew : begin, who.worker, who.server, who.pool, incarnation, who.slots,
                                      who.version);
    if (done.changed() != 1) throw Restart{};  // Somebody has registered or closed it at the same moment.
    return Registered{incarnation};
}

// A beat of a worker that is as the store knows it, and what it holds. OFFSET keeps the order out of the look for that,
// which would go through all leases for its sake if they were few when the plan was made.
constexpr Statement beat_statement{"beat", R"sql(
WITH me AS (
    UPDATE rgrid.session SET beat = beat + 1, beat_at = rgrid.clock()
    WHERE worker = $1 AND incarnation = $2 AND state <> 2 AND beat >= $3
      AND (SELECT frozen = '' FROM rgrid.store)
    RETURNING state, beat)
SELECT me.state, me.beat, l.job, l.epoch, l.cancel
FROM me LEFT JOIN LATERAL (SELECT job, epoch, cancel FROM rgrid.lease WHERE worker = $1 OFFSET 0) l ON true
ORDER BY l.job
)sql"};

std::optional<BeatReply> read_reply(Rows const& rows) {
    if (rows.empty()) return std::nullopt;
    BeatReply reply{static_cast<SessionState>(rows.front().small(0)), BeatCount{rows.front().integer(1)}, {}, {}, false};
    for (auto const& row : rows) {
        if (row.null(2)) break;
        reply.held.emplace_back(JobId{row.integer(2)}, LeaseEpoch{row.integer(3)});
        if (row.boolean(4)) reply.cancel.push_back(JobId{row.integer(2)});
    }
    return reply;
}

void count_beat(Transaction& transaction, WorkerId const& worker, BeatCount beat) {
    static constexpr Statement set{"count_beat",
                                   "UPDATE rgrid.session SET beat = $2, beat_at = rgrid.clock() WHERE worker = $1"};
    transaction.run(set, worker, beat);
}

/// Any beat. `evidence` is told what it proves, since a beat is answered even then.
Result<BeatReply> take_beat(Transaction& transaction, WorkerId const& worker, Incarnation incarnation,
                            BeatCount acknowledged, bool leaving, std::optional<Evidence>& evidence) {
    auto const visitor = admit(transaction, worker, incarnation, acknowledged, Hold::all);
    if (!visitor) return visitor.error();
    if (visitor->evidence) evidence = Evidence{*visitor->evidence, visitor->era.generation};
    auto const& session = visitor->session;
    if (!session) return reply_to_stranger(acknowledged, leaving);
    BeatReply reply;
    reply.frozen = evidence || !visitor->era.frozen.empty();
    reply.beat = BeatCount{std::max(session->beat, acknowledged).value + 1};
    count_beat(transaction, worker, reply.beat);
    for (auto const& held : held_by(transaction, worker)) {
        reply.held.emplace_back(held.job, held.epoch);
        if (held.cancel) reply.cancel.push_back(held.job);
    }
    reply.state = session->state;
    bool const over = reply.held.empty() && !reply.frozen;
    if (leaving) reply.state = over ? SessionState::closed : SessionState::draining;
    if (reply.state != session->state) set_state(transaction, worker, reply.state);
    return reply;
}

/// A claim that the one statement has not answered: of jobs of several slots, or of a worker to be looked at closely.
Result<std::vector<Lease>> take_jobs(Transaction& transaction, WorkerId const& worker, Incarnation incarnation,
                                     BeatCount acknowledged, int slots) {
    share_leases(transaction);
    auto const visitor = admit(transaction, worker, incarnation, acknowledged, Hold::state);
    if (!visitor) return visitor.error();
    if (visitor->evidence) throw WentBack{{*visitor->evidence, visitor->era.generation}};
    auto const& [session, era, evidence] = *visitor;
    if (!era.frozen.empty() || session->state != SessionState::open) return std::vector<Lease>{};
    return claim_sized(transaction, worker, *session, era.generation, slots);
}

Result<> take_chunk(Transaction& transaction, WorkerId const& worker, Incarnation incarnation, LogChunk const& chunk,
                    Bytes limit) {
    auto const visitor = admit(transaction, worker, incarnation, {}, Hold::nothing);
    if (!visitor) return visitor.error();
    if (visitor->evidence) throw WentBack{{*visitor->evidence, visitor->era.generation}};
    if (!visitor->session) return stands_still(visitor->era.frozen);
    return append_chunk(transaction, worker, chunk, limit, visitor->era.generation);
}

}  // namespace

Result<Registered> Store::register_worker(Call const& call, Registration const& registration) {
    if (auto const problem = registration_problem(registration)) return fail(Errc::rejected, *problem);
    auto answer = impl_->write<Registered>(
        call, [&](Transaction& transaction) { return open_session(transaction, registration); });
    if (answer) impl_->changed();
    return answer;
}

Result<BeatReply> Store::beat(Call const& call, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                              bool leaving) {
    if (!leaving) {
        auto const rows = impl_->client().run(call, Effect::writes, beat_statement, worker, incarnation, acknowledged);
        if (!rows) return rows.error();
        if (auto const reply = read_reply(*rows)) return *reply;
    }
    std::optional<Evidence> evidence;
    auto answer = impl_->write<BeatReply>(call, [&](Transaction& transaction) {
        evidence.reset();
        return take_beat(transaction, worker, incarnation, acknowledged, leaving, evidence);
    });
    if (answer && evidence)
        if (auto const frozen = impl_->freeze(call, *evidence); !frozen) return frozen.error();
    return answer;
}

Result<std::vector<Lease>> Store::claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                        BeatCount acknowledged, int slots) {
    if (slots <= 0) return std::vector<Lease>{};
    Claim claim{worker, incarnation, acknowledged, slots};
    auto claimed = impl_->claimer().claim(call, claim);
    if (!claimed) return claimed.error();
    if (!claimed->admitted || claimed->sized)
        return impl_->write<std::vector<Lease>>(call, [&](Transaction& transaction) {
            return take_jobs(transaction, worker, incarnation, acknowledged, slots);
        });
    auto& leases = claimed->leases;
    claim.slots -= static_cast<int>(leases.size());
    if (claim.slots == 0 || claimed->from_start) return std::move(leases);
    auto const from_start = impl_->low_water().look_from_start(claimed->pool);
    if (!from_start) return std::move(leases);
    // What lies below the marks. Whatever comes of it, the jobs that are held already are told.
    auto const all = claim_singles(impl_->client(), call, claim, *from_start, impl_->low_water());
    auto const more = all ? all->front() : all.error();
    if (more) leases.insert(leases.end(), more->leases.begin(), more->leases.end());
    else if (leases.empty()) return more.error();
    return std::move(leases);
}

Result<std::vector<Verdict>> Store::complete(Call const& call, WorkerId const& worker, Incarnation,
                                             std::vector<Completion> const& completions) {
    if (completions.empty()) return std::vector<Verdict>{};
    auto const ended = impl_->completer().end(call, worker, completions);
    if (!ended) return ended.error();
    if (*ended) {
        impl_->ended();
        return std::vector<Verdict>(completions.size(), Verdict::accepted);
    }
    auto judged = impl_->write<std::vector<Verdict>>(
        call, [&](Transaction& transaction) { return take_completions(transaction, worker, completions); });
    if (judged) impl_->changed();
    return judged;
}

Result<> Store::append_log(Call const& call, WorkerId const& worker, Incarnation incarnation, LogChunk const& chunk) {
    if (auto const checked = check_chunk(chunk); !checked) return checked;
    return impl_->write<void>(call, [&](Transaction& transaction) {
        return take_chunk(transaction, worker, incarnation, chunk, impl_->settings().max_log);
    });
}

}  // namespace rgrid::postgres
