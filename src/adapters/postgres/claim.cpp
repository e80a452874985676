#include "adapters/postgres/claim.hpp"

#include <algorithm>
#include <map>
#include <rgrid/model/generation.hpp>
#include <rgrid/model/job_rules.hpp>
#include <string>

#include "adapters/postgres/codec.hpp"

namespace rgrid::postgres {

namespace {

static_assert(counts_of_a_generation == 1'000'000'000 && lease_grace == Duration{1'260'000},
              "the statements take no constants");

// The kinds of the pool in the order of their ranks, of each the first jobs that nobody else is just taking, until
// there are enough. A job that was chosen is locked, so its place in the table is as good as its key. OFFSET keeps the
// look for a job a look by its key: a plan that was made while there were few jobs would go through all that there are.
// Who is just being changed is not waited for here but where one looks at it more closely.
constexpr Statement claim_statement{"claim", R"sql(
WITH me AS MATERIALIZED (
    SELECT s.pool, g.generation,
           EXISTS (SELECT FROM rgrid.kind k, LATERAL (SELECT FROM rgrid.ready q WHERE q.kind = k.id LIMIT 1) q
                   WHERE k.pool = s.pool AND k.slots <> 1) AS sized,
           rgrid.clock() AS now
    FROM rgrid.session s, rgrid.store g
    WHERE s.worker = $1 AND s.incarnation = $2 AND s.state = 0 AND s.beat >= $3 AND g.frozen = ''
    FOR KEY SHARE OF s SKIP LOCKED),
chosen AS MATERIALIZED (
    SELECT r.*
    FROM me,
         LATERAL (SELECT k.id, coalesce(($6::bigint[])[array_position($5::int[], k.id)], 0) AS low FROM rgrid.kind k
                  WHERE k.pool = me.pool ORDER BY k.rank OFFSET 0) k,
         LATERAL (SELECT q.ctid AS at, q.kind, q.job, q.epoch, q.attempts, q.losses
                  FROM rgrid.ready q WHERE q.kind = k.id AND q.job >= k.low
                  ORDER BY q.job LIMIT $4::int FOR UPDATE SKIP LOCKED) r
    WHERE NOT me.sized LIMIT $4::int),
gone AS (DELETE FROM rgrid.ready WHERE ctid = ANY(ARRAY(SELECT at FROM chosen))),
work AS MATERIALIZED (
    SELECT c.kind, c.job, greatest(c.epoch, (me.generation - 1) * 1000000000) + 1 AS next, c.attempts, c.losses,
           j.spec, j.timeout, me.now
    FROM me, chosen c, LATERAL (SELECT b.spec, b.timeout FROM rgrid.job b WHERE b.id = c.job OFFSET 0) j),
held AS (
    INSERT INTO rgrid.lease(job, epoch, attempts, losses, worker, slots, started, ends_at, cancel)
    SELECT job, next, attempts, losses, $1, 1, now, now + timeout + 1260000, false FROM work),
counted AS (
    INSERT INTO rgrid.tally(kind, state, jobs) SELECT kind, 1, -count(*) FROM work GROUP BY kind)
SELECT me.sized, me.pool, (SELECT rgrid.clock() FROM (SELECT count(*) FROM chosen) c) - me.now, w.kind, w.job, w.next, w.attempts,
       w.losses, w.spec
FROM me LEFT JOIN work w ON true
)sql"};

// The same for several who claim at once, each of them with its place in the call. Of each pool so many jobs are chosen
// as they want together, and dealt out.
constexpr Statement claim_together_statement{"claim_together", R"sql(
WITH me AS MATERIALIZED (
    SELECT i.place, i.slots, s.pool, g.generation,
           EXISTS (SELECT FROM rgrid.kind k, LATERAL (SELECT FROM rgrid.ready q WHERE q.kind = k.id LIMIT 1) q
                   WHERE k.pool = s.pool AND k.slots <> 1) AS sized,
           (SELECT rgrid.clock()) AS now
    FROM rgrid.store g,
         unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[]) WITH ORDINALITY
             AS i(worker, incarnation, beat, slots, place),
         LATERAL (SELECT s.pool FROM rgrid.session s
                  WHERE s.worker = i.worker AND s.incarnation = i.incarnation AND s.state = 0 AND s.beat >= i.beat
                  FOR KEY SHARE SKIP LOCKED) s
    WHERE g.frozen = ''),
pools AS MATERIALIZED (
    SELECT me.pool, array_agg(me.place) AS places FROM me, generate_series(1, me.slots) WHERE NOT me.sized
    GROUP BY me.pool),
chosen AS MATERIALIZED (
    SELECT p.places[(row_number() OVER (PARTITION BY p.pool ORDER BY r.rank, r.job))::int] AS place, r.*
    FROM pools p,
         LATERAL (SELECT k.rank, r.*
                  FROM (SELECT k.id, k.rank, coalesce(($6::bigint[])[array_position($5::int[], k.id)], 0) AS low
                        FROM rgrid.kind k WHERE k.pool = p.pool ORDER BY k.rank OFFSET 0) k,
                       LATERAL (SELECT q.ctid AS at, q.kind, q.job, q.epoch, q.attempts, q.losses
                                FROM rgrid.ready q WHERE q.kind = k.id AND q.job >= k.low
                                ORDER BY q.job LIMIT cardinality(p.places) FOR UPDATE SKIP LOCKED) r
                  LIMIT cardinality(p.places)) r),
gone AS (DELETE FROM rgrid.ready WHERE ctid = ANY(ARRAY(SELECT at FROM chosen))),
work AS MATERIALIZED (
    SELECT c.place, c.kind, c.job, greatest(c.epoch, (e.generation - 1) * 1000000000) + 1 AS next, c.attempts, c.losses,
           j.spec, j.timeout, e.now
    FROM (SELECT generation, now FROM me LIMIT 1) e, chosen c,
         LATERAL (SELECT b.spec, b.timeout FROM rgrid.job b WHERE b.id = c.job OFFSET 0) j),
held AS (
    INSERT INTO rgrid.lease(job, epoch, attempts, losses, worker, slots, started, ends_at, cancel)
    SELECT job, next, attempts, losses, ($1::text[])[place], 1, now, now + timeout + 1260000, false FROM work),
counted AS (
    INSERT INTO rgrid.tally(kind, state, jobs) SELECT kind, 1, -count(*) FROM work GROUP BY kind)
SELECT me.sized, me.pool, (SELECT rgrid.clock() FROM (SELECT count(*) FROM chosen) c) - me.now, w.kind, w.job, w.next, w.attempts,
       w.losses, w.spec, me.place
FROM me LEFT JOIN work w ON w.place = me.place
)sql"};

Lease read_lease(Row const& row, int first) {
    return {JobId{row.integer(first)}, LeaseEpoch{row.integer(first + 1)},
            decode<JobSpec>(row.view(first + 4), "spec of job", row.view(first)), row.small(first + 2) + 1,
            row.small(first + 3)};
}

void sort_by_order_of_the_queue(std::vector<Lease>& leases) {
    // Here, since each node of a plan costs a claim of one job as much as one of a hundred.
    std::sort(leases.begin(), leases.end(), [](Lease const& a, Lease const& b) {
        return a.spec.priority != b.spec.priority ? a.spec.priority > b.spec.priority : a.job < b.job;
    });
}

/// @param place_of  Whose a row is.
template <class PlaceOf>
std::vector<Result<Claimed>> read_claimed(Rows const& rows, std::vector<WorkerId> const& workers,
                                          std::string const& server, LowWater::Look const& look, LowWater& low_water,
                                          PlaceOf const& place_of) {
    std::vector<Result<Claimed>> all(workers.size(), Claimed{});
    std::map<PoolName, LowWater::Seen> seen;
    for (auto const& row : rows) {
        auto const place = place_of(row);
        auto& claimed = all.at(place);
        if (!claimed) continue;
        if (!claimed->admitted) {
            claimed->admitted = true;
            claimed->sized = row.boolean(0);
            claimed->pool = PoolName{row.text(1)};
            claimed->from_start = look.from_start(claimed->pool);
            low_water.met(workers[place], claimed->pool);
            seen[claimed->pool].took = row.duration(2);
        }
        if (row.null(4)) continue;
        auto lease = reading(server, [&]() -> Result<Lease> { return read_lease(row, 4); });
        if (!lease) {
            claimed = lease.error();
            continue;
        }
        auto& last = seen[claimed->pool].last[row.small(3)];
        last = std::max(last, lease->job);
        claimed->leases.push_back(*std::move(lease));
    }
    for (auto& claimed : all)
        if (claimed) sort_by_order_of_the_queue(claimed->leases);
    for (auto const& [pool, what] : seen) low_water.looked(look, pool, what);
    return all;
}

struct Kind {
    int id = 0;
    std::int64_t rank = 0;
    int slots = 1;
};

struct Candidate {
    JobId job;
    Kind kind;
    bool passed_over = false;  ///< For too long: if it does not fit, nothing behind it is taken.
};

std::vector<Kind> kinds_of(Transaction& transaction, PoolName const& pool, int total) {
    static constexpr Statement read{
        "kinds_of",
        "SELECT id, rank, slots FROM rgrid.kind WHERE pool = $1 AND slots <= $2 ORDER BY rank, slots"};
    std::vector<Kind> kinds;
    for (auto const& row : transaction.run(read, pool, total))
        kinds.push_back({row.small(0), row.integer(1), row.small(2)});
    return kinds;
}

/// Of one kind: the jobs that could fit, and behind them the first that has been passed over for too long.
void add_candidates(Transaction& transaction, Kind const& kind, int free, std::vector<Candidate>& candidates) {
    static constexpr Statement fitting{
        "fitting_jobs",
        "SELECT job, ready_at <= rgrid.clock() - $3::bigint FROM rgrid.ready WHERE kind = $1 ORDER BY job LIMIT $2::int"};
    // Jobs that never left the queue are in the order of their age, the others have an index by it.
    static constexpr Statement passed_over{"passed_over_job", R"sql(
SELECT job FROM (
    SELECT job FROM (SELECT job, ready_at FROM rgrid.ready WHERE kind = $1 AND job > $2 AND NOT again
                     ORDER BY job LIMIT 1) fresh
    WHERE ready_at <= rgrid.clock() - $3::bigint
    UNION ALL
    SELECT min(job) FROM rgrid.ready
    WHERE kind = $1 AND again AND ready_at <= (SELECT rgrid.clock()) - $3::bigint AND job > $2) q
WHERE job IS NOT NULL ORDER BY job LIMIT 1
)sql"};
    JobId last;
    for (auto const& row : transaction.run(fitting, kind.id, free / kind.slots, pass_over_limit)) {
        last = JobId{row.integer(0)};
        candidates.push_back({last, kind, row.boolean(1)});
    }
    if (kind.slots == 1) return;  // As long as anything fits it does.
    for (auto const& row : transaction.run(passed_over, kind.id, last, pass_over_limit))
        candidates.push_back({JobId{row.integer(0)}, kind, true});
}

std::vector<Candidate> choose(Transaction& transaction, PoolName const& pool, int free, int total) {
    auto const kinds = kinds_of(transaction, pool, std::max(total, free));
    std::vector<Candidate> chosen;
    for (auto kind = kinds.begin(); kind != kinds.end() && free > 0;) {
        std::vector<Candidate> candidates;
        for (auto const rank = kind->rank; kind != kinds.end() && kind->rank == rank; ++kind)
            add_candidates(transaction, *kind, free, candidates);
        std::sort(candidates.begin(), candidates.end(),
                  [](Candidate const& a, Candidate const& b) { return a.job < b.job; });
        for (auto const& candidate : candidates) {
            if (candidate.kind.slots <= free) {
                chosen.push_back(candidate);
                free -= candidate.kind.slots;
            } else if (candidate.passed_over && candidate.kind.slots <= total) {
                return chosen;
            }
        }
    }
    return chosen;
}

std::vector<Lease> take(Transaction& transaction, std::vector<Candidate> const& chosen, WorkerId const& worker,
                        Generation generation) {
    static constexpr Statement statement{"claim_chosen", R"sql(
WITH chosen AS MATERIALIZED (
    SELECT q.ctid AS at, q.kind, q.job, q.epoch, q.attempts, q.losses, i.place
    FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS i(kind, job, place),
         LATERAL (SELECT r.ctid, r.* FROM rgrid.ready r WHERE r.kind = i.kind AND r.job = i.job
                  FOR UPDATE SKIP LOCKED) q),
gone AS (DELETE FROM rgrid.ready WHERE ctid = ANY(ARRAY(SELECT at FROM chosen))),
work AS MATERIALIZED (
    SELECT c.*, greatest(c.epoch, ($4::bigint - 1) * 1000000000) + 1 AS next, j.spec, j.timeout, j.slots,
           rgrid.clock() AS now
    FROM chosen c, LATERAL (SELECT b.spec, b.timeout, b.slots FROM rgrid.job b WHERE b.id = c.job OFFSET 0) j),
held AS (
    INSERT INTO rgrid.lease(job, epoch, attempts, losses, worker, slots, started, ends_at, cancel)
    SELECT job, next, attempts, losses, $3, slots, now, now + timeout + 1260000, false FROM work),
counted AS (
    INSERT INTO rgrid.tally(kind, state, jobs) SELECT kind, 1, -count(*) FROM work GROUP BY kind)
SELECT job, next, attempts, losses, spec FROM work ORDER BY place
)sql"};
    std::vector<int> kinds;
    std::vector<JobId> jobs;
    for (auto const& candidate : chosen) {
        kinds.push_back(candidate.kind.id);
        jobs.push_back(candidate.job);
    }
    std::vector<Lease> leases;
    for (auto const& row : transaction.run(statement, kinds, jobs, worker, generation))
        leases.push_back(read_lease(row, 0));
    return leases;
}

}  // namespace

Result<std::vector<Result<Claimed>>> claim_singles(Client& client, Call const& call, Claim const& claim,
                                                   LowWater::Look const& look, LowWater& low_water) {
    auto const rows = client.run(call, Effect::writes, claim_statement, claim.worker, claim.incarnation,
                                 claim.acknowledged, claim.slots, look.kinds, look.jobs);
    if (!rows) return rows.error();
    return reading(client.place(), [&]() -> Result<std::vector<Result<Claimed>>> {
        return read_claimed(*rows, {claim.worker}, client.place(), look, low_water, [](Row const&) { return 0U; });
    });
}

Result<std::vector<Result<Claimed>>> claim_together(Client& client, Call const& call, std::vector<Claim> const& claims,
                                                    LowWater::Look const& look, LowWater& low_water) {
    std::vector<WorkerId> workers;
    std::vector<Incarnation> incarnations;
    std::vector<BeatCount> beats;
    std::vector<int> slots;
    for (auto const& claim : claims) {
        workers.push_back(claim.worker);
        incarnations.push_back(claim.incarnation);
        beats.push_back(claim.acknowledged);
        slots.push_back(claim.slots);
    }
    auto const rows = client.run(call, Effect::writes, claim_together_statement, workers, incarnations, beats, slots,
                                 look.kinds, look.jobs);
    if (!rows) return rows.error();
    return reading(client.place(), [&]() -> Result<std::vector<Result<Claimed>>> {
        return read_claimed(*rows, workers, client.place(), look, low_water,
                            [](Row const& row) { return static_cast<std::size_t>(row.integer(9) - 1); });
    });
}

std::vector<Lease> claim_sized(Transaction& transaction, WorkerId const& worker, KnownSession const& session,
                               Generation generation, int slots) {
    // What others take meanwhile is passed over; having got nothing of what was there one looks again.
    for (int tries = 0; tries < 3; ++tries) {
        auto const chosen = choose(transaction, session.pool, slots, session.slots);
        if (chosen.empty()) break;
        if (auto leases = take(transaction, chosen, worker, generation); !leases.empty()) return leases;
    }
    return {};
}

}  // namespace rgrid::postgres
