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

bool needs_spec(Outcome outcome) {
    return outcome == Outcome::failed || outcome == Outcome::timed_out;
}

/// One report against the place where its job was found, which it may change.
class Judge {
public:
    Judge(Transaction& transaction, WorkerId const& worker, std::vector<Completion> const& completions)
        : worker_(worker), era_(hold_era(transaction)), last_job_(last_job(transaction)) {
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
    void prove(std::optional<std::string> const& evidence) const {
        if (evidence) throw WentBack{{*evidence, era_.generation}};
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
    }

    WorkerId const& worker_;
    Era era_;
    JobId last_job_;
    std::map<JobId, Place> places_;
    std::map<JobId, JobSpec> specs_;
    std::vector<Move> moves_;
};

}  // namespace

std::string kept_text(std::string const& text) {
    return is_utf8(text) && text.find('\0') == text.npos ? text : printable(text);
}

std::string kept_outputs(std::vector<OutputFile> const& outputs) {
    return outputs.empty() ? std::string{} : encode(outputs);
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
