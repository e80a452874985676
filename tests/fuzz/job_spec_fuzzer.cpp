// A job spec: any text is read without a loss or refused, and every spec that can run has an end.

#include <rgrid/model/job_rules.hpp>
#include <rgrid/worker/receipt.hpp>

#include "json_mutator.hpp"
#include "round_trip.hpp"

namespace {

using namespace rgrid;

/// Fails as often as it may, and loses as many workers as it may.
void ends(JobSpec const& spec) {
    for (int attempts : {0, 1, spec.max_attempts - 1}) {
        auto const move = after_outcome(spec, attempts, 0, false, Outcome::failed);
        expect(move.delay >= Duration{0}, "a retry is not due before it is asked for");
        expect((move.state == JobState::failed) == (attempts + 1 >= spec.max_attempts), "attempts are bounded");
    }
    for (int losses : {0, spec.max_losses - 1}) {
        auto const move = after_loss(spec, 0, losses, false);
        expect((move.state == JobState::dead) == (losses + 1 >= spec.max_losses), "losses are bounded");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto const spec = read_document<JobSpec>(as_text(data, size));
    if (!spec) return 0;
    expect(spec_digest(*spec).size() == 36, "every spec has a name-based UUID");
    if (auto const problem = spec_problem(*spec)) expect(!problem->empty(), "a refusal says why");
    else ends(*spec);
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_json(data, size, max_size, seed);
}
