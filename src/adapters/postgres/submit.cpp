#include "adapters/postgres/submit.hpp"

#include <map>
#include <optional>
#include <rgrid/config/brief_text.hpp>
#include <rgrid/model/job_rules.hpp>
#include <rgrid/ports/store_rules.hpp>
#include <set>
#include <string>
#include <tuple>

#include "adapters/postgres/bulk_submit.hpp"
#include "adapters/postgres/codec.hpp"

namespace rgrid::postgres {

namespace {

// Keys are entered in their own order and new kinds in theirs, so that two calls with the same ones wait for each other and
// never in a circle.
constexpr Statement submit_statement{"submit", R"sql(
WITH item AS MATERIALIZED (
    SELECT i.*, nextval('rgrid.job_id') AS id, now
    FROM rgrid.clock() AS now, unnest($1::text[], $2::int[], $3::int[], $4::bigint[], $5::bigint[], $6::text[],
                                      $7::text[], $8::text[], $9::text[]) WITH ORDINALITY
         AS i(pool, priority, slots, timeout, delay, owner, batch, submit_key, spec, place)),
put AS (
    INSERT INTO rgrid.job(id, submitted, run_at, pool, priority, slots, timeout, owner, batch, submit_key, spec)
    SELECT id, now, CASE WHEN delay > 0 THEN now + delay END, pool, priority, slots, timeout, owner, batch, submit_key,
           spec::json
    FROM item ORDER BY submit_key NULLS LAST, id
    ON CONFLICT (submit_key) WHERE submit_key IS NOT NULL DO NOTHING
    RETURNING id, submitted, run_at, pool, priority, slots),
queued AS (
    INSERT INTO rgrid.ready(kind, job, ready_at, epoch, attempts, losses, again)
    SELECT coalesce(p.kind, rgrid.kind_of(p.pool, -p.priority::bigint, p.slots)), p.id, p.submitted, 0, 0, 0, false
    FROM (SELECT p.*, k.id AS kind FROM put p
          LEFT JOIN rgrid.kind k ON k.pool = p.pool AND k.rank = -p.priority::bigint AND k.slots = p.slots
          WHERE p.run_at IS NULL ORDER BY k.id, p.pool, p.priority, p.slots, p.id OFFSET 0) p
    RETURNING kind),
later AS (
    INSERT INTO rgrid.scheduled(job, due_at, epoch, attempts, losses)
    SELECT id, run_at, 0, 0, 0 FROM put WHERE run_at IS NOT NULL RETURNING job),
counted AS (
    INSERT INTO rgrid.tally(kind, state, jobs)
    SELECT kind, 1, count(*) FROM queued GROUP BY kind
    UNION ALL SELECT NULL, 0, count(*) FROM later HAVING count(*) > 0)
SELECT i.id, i.id IN (SELECT id FROM put) FROM item i ORDER BY i.place
)sql"};

constexpr Statement find_keys_statement{
    "find_submit_keys",
    "SELECT submit_key, id, spec FROM rgrid.job WHERE submit_key = ANY($1::text[])"};

/// The jobs of a call that can run, one array a column.
struct Items {
    std::vector<std::size_t> places;  ///< In the call.
    std::vector<std::string> pools;
    std::vector<int> priorities, slots;
    std::vector<Duration> timeouts, delays;
    std::vector<std::string> owners, batches, specs;
    std::vector<std::optional<std::string>> keys;

    void add(JobSpec const& spec, std::size_t place) {
        places.push_back(place);
        pools.push_back(spec.pool.value);
        priorities.push_back(spec.priority);
        slots.push_back(spec.slots);
        timeouts.push_back(spec.timeout);
        delays.push_back(spec.delay);
        owners.push_back(spec.owner);
        batches.push_back(spec.batch);
        specs.push_back(config::to_brief_json_text(spec));
        keys.push_back(spec.submit_key.empty() ? std::nullopt : std::optional{spec.submit_key});
    }
};

/// Jobs by their submit keys.
using KnownKeys = std::map<std::string, std::pair<JobId, JobSpec>>;

/// The job that has the submit key of `spec` already.
std::optional<Result<Submitted>> known_as(KnownKeys const& known, JobSpec const& spec) {
    auto const found = known.find(spec.submit_key);
    if (found == known.end()) return std::nullopt;
    auto const& [job, other] = found->second;
    if (other == spec) return Submitted{job, true};
    return key_is_taken(spec.submit_key, job);
}

Result<KnownKeys> find_keys(Client& client, Call const& call, std::vector<std::string> const& keys) {
    auto const rows = client.run(call, Effect::reads, find_keys_statement, keys);
    if (!rows) return rows.error();
    return reading(client.place(), [&]() -> Result<KnownKeys> {
        KnownKeys known;
        for (auto const& row : *rows)
            known.emplace(row.text(0), std::pair{JobId{row.integer(1)},
                                                 decode<JobSpec>(row.view(2), "spec of job", row.view(1))});
        return known;
    });
}

/// Each job's answer; none yet if its turn is still to come.
using Answers = std::vector<std::optional<Result<Submitted>>>;

Result<> submit_in_one_statement(Client& client, Call const& call, std::vector<JobSpec> const& specs,
                                 std::vector<std::size_t> const& places, Answers& answers) {
    Items items;
    for (auto const place : places) items.add(specs[place], place);
    bool accepted = false;
    // What was accepted before is not undone by what fails afterwards.
    auto const failed = [&](Error error) {
        if (accepted) error.code = Errc::in_doubt;
        return error;
    };
    while (!items.places.empty()) {
        auto const rows = client.run(call, Effect::writes, submit_statement, items.pools, items.priorities, items.slots,
                                     items.timeouts, items.delays, items.owners, items.batches, items.keys, items.specs);
        if (!rows) return failed(rows.error());
        std::vector<std::string> taken;
        for (std::size_t i = 0; i < rows->size(); ++i) {
            accepted |= (*rows)[i].boolean(1);
            if ((*rows)[i].boolean(1)) answers[items.places[i]] = Submitted{JobId{(*rows)[i].integer(0)}, false};
            else taken.push_back(*items.keys[i]);
        }
        if (taken.empty()) break;
        auto const known = find_keys(client, call, taken);
        if (!known) return failed(known.error());
        Items again;  // Of which the job that had the key was swept at this very moment.
        for (auto const place : items.places) {
            if (answers[place]) continue;
            answers[place] = known_as(*known, specs[place]);
            if (!answers[place]) again.add(specs[place], place);
        }
        items = std::move(again);
    }
    return {};
}

/// Returns whether it could be done so.
Result<bool> submit_by_copy(Client& client, Call const& call, std::vector<JobSpec> const& specs,
                            std::vector<std::size_t> const& places, Answers& answers) {
    if (places.size() < bulk_from) return false;
    std::vector<JobSpec const*> jobs;
    jobs.reserve(places.size());
    for (auto const place : places) jobs.push_back(&specs[place]);
    auto const numbers = submit_in_bulk(client, call, jobs);
    if (!numbers) return numbers.error();
    if (!*numbers) return false;
    for (std::size_t i = 0; i < places.size(); ++i) answers[places[i]] = Submitted{(**numbers)[i], false};
    return true;
}

}  // namespace

Result<std::vector<Result<Submitted>>> submit(Client& client, Call const& call, std::vector<JobSpec> const& specs) {
    Answers answers(specs.size());
    std::vector<std::size_t> good;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        if (auto const problem = spec_problem(specs[i])) answers[i] = fail(Errc::rejected, *problem);
        else good.push_back(i);
    }
    auto const copied = submit_by_copy(client, call, specs, good, answers);
    if (!copied) return copied.error();
    if (!*copied)
        if (auto const done = submit_in_one_statement(client, call, specs, good, answers); !done) return done.error();
    std::vector<Result<Submitted>> results;
    results.reserve(answers.size());
    for (auto& answer : answers) results.push_back(*std::move(answer));
    return results;
}

}  // namespace rgrid::postgres
