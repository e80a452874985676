#include "adapters/postgres/complete.hpp"

#include <map>
#include <rgrid/base/text.hpp>
#include <rgrid/ports/store_rules.hpp>
#include <string>

#include "adapters/postgres/codec.hpp"
#include "adapters/postgres/impl.hpp"
#include "adapters/postgres/moves.hpp"

namespace rgrid::postgres {

namespace {

// All of them or none. What was locked is deleted by its place in the table. Who has just ended a job is marked idle, but
// not for every one.
constexpr Statement end_statement{"end_successes", R"sql(
WITH now AS MATERIALIZED (SELECT rgrid.clock() AS at FROM rgrid.store WHERE frozen = ''),
held AS MATERIALIZED (
    SELECT l.ctid AS at, now.at AS now, i.exit_code, i.message, i.outputs
    FROM now, unnest($2::bigint[], $3::bigint[], $4::int[], $5::text[], $6::text[])
              AS i(job, epoch, exit_code, message, outputs)
    JOIN rgrid.lease l ON l.job = i.job AND l.epoch = i.epoch AND l.worker = $1
    ORDER BY l.job FOR UPDATE OF l),
gone AS (
    DELETE FROM rgrid.lease l USING held h
    WHERE l.ctid = h.at AND (SELECT count(*) FROM held) = cardinality($2::bigint[])
    RETURNING l.job, l.epoch, l.attempts, l.losses, l.cancel, l.worker, l.started, h.now, h.exit_code, h.message,
              h.outputs),
done AS (
    INSERT INTO rgrid.result(job, state, finished_at, epoch, attempts, losses, cancel, outcome, exit_code, message,
                             outputs, worker, started)
    SELECT job, 3, now, epoch, attempts, losses, cancel, 0, exit_code, message, outputs, worker, started FROM gone
    RETURNING job),
counted AS (
    INSERT INTO rgrid.tally(kind, state, jobs) SELECT NULL, 3, count(*) FROM done HAVING count(*) > 0),
idle AS (
    INSERT INTO rgrid.idle(worker, since) SELECT $1, now.at FROM now WHERE EXISTS (SELECT FROM done)
    ON CONFLICT (worker) DO UPDATE SET since = excluded.since WHERE rgrid.idle.since < excluded.since - 100)
SELECT EXISTS (SELECT FROM done)
)sql"};

/// Text as this database can keep it: what an agent reports may hold anything.
std::string kept_text(std::string const& text) {
    return is_utf8(text) && text.find('\0') == text.npos ? text : printable(text);
}

std::string kept_outputs(std::vector<OutputFile> const& outputs) {
    return outputs.empty() ? std::string{} : encode(outputs);
}

bool needs_spec(Outcome outcome) {
    return outcome == Outcome::failed || outcome == Outcome::timed_out;
}

/// One report against the place where its job was found, which it may change.
class Judge {
public:
    Judge(Transaction& transaction, WorkerId const& worker, std::vector<Completion> const& completions)
        : worker_(worker), era_(read_era(transaction)), last_job_(last_job(transaction)) {
        std::vector<JobId> jobs, failed;
        for (auto const& completion : completions) {
            jobs.push_back(completion.job);
            if (needs_spec(completion.outcome)) failed.push_back(completion.job);
        }
        places_ = lock_jobs(transaction, jobs);
        specs_ = specs_of(transaction, failed);
    }

    [[nodiscard]] Era const& era() const { return era_; }
    [[nodiscard]] std::vector<Move> const& moves() const { return moves_; }

    Verdict judge(Completion const& completion) {
        auto const found = places_.find(completion.job);
        if (found == places_.end()) {
            prove(evidence_of_job(worker_, completion.job, completion.epoch, last_job_, era_.generation));
            return Verdict::unknown;
        }
        auto& place = found->second;
        auto const last = place.on_record();
        prove(evidence_of_attempt(worker_, completion.job, completion.epoch, last.epoch, last.worker, era_.generation));
        auto const ruling = rgrid::judge(last, worker_, completion);
        if (ruling.ends) end(completion, place);
        return ruling.verdict;
    }

private:
    static void prove(std::optional<std::string> const& evidence) {
        if (evidence) throw WentBack{*evidence};
    }

    void end(Completion const& completion, Place& place) {
        auto const spec = specs_.find(completion.job);
        auto const move = after_outcome(spec == specs_.end() ? JobSpec{} : spec->second, place.attempts, place.losses,
                                        place.cancel, completion.outcome);
        auto ending = place.last.value_or(Ending{});
        ending.outcome = completion.outcome;
        ending.exit_code = completion.exit_code;
        ending.message = kept_text(completion.message);
        ending.outputs = kept_outputs(completion.outputs);
        place.last = ending;
        moves_.push_back({completion.job, place, move});
        // A second report of it in the same call is judged by what the first one made of it.
        place.state = move.state;
    }

    WorkerId const& worker_;
    Era era_;
    JobId last_job_;
    std::map<JobId, Place> places_;
    std::map<JobId, JobSpec> specs_;
    std::vector<Move> moves_;
};

}  // namespace

Result<bool> end_successes(Client& client, Call const& call, WorkerId const& worker,
                           std::vector<Completion> const& completions) {
    std::vector<JobId> jobs;
    std::vector<LeaseEpoch> epochs;
    std::vector<int> exit_codes;
    std::vector<std::string> messages, outputs;
    for (auto const& completion : completions) {
        if (completion.outcome != Outcome::succeeded) return false;
        jobs.push_back(completion.job);
        epochs.push_back(completion.epoch);
        exit_codes.push_back(completion.exit_code);
        messages.push_back(kept_text(completion.message));
        outputs.push_back(kept_outputs(completion.outputs));
    }
    auto const rows =
        client.run(call, Effect::writes, end_statement, worker, jobs, epochs, exit_codes, messages, outputs);
    if (!rows) return rows.error();
    return rows->front().boolean(0);
}

Result<std::vector<Verdict>> take_completions(Transaction& transaction, WorkerId const& worker,
                                              std::vector<Completion> const& completions) {
    Judge judge{transaction, worker, completions};
    if (!judge.era().frozen.empty()) return stands_still(judge.era().frozen);
    std::vector<Verdict> verdicts;
    verdicts.reserve(completions.size());
    for (auto const& completion : completions) verdicts.push_back(judge.judge(completion));
    move_jobs(transaction, judge.moves());
    return verdicts;
}

}  // namespace rgrid::postgres
