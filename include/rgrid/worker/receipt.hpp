#pragma once

#include <boost/describe/class.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/model/job.hpp>
#include <rgrid/worker/protocol.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// What an agent stores beside the outputs of an attempt that succeeded, after all of them and before it reports. To a
/// store that went back in time it proves that the job has run.
struct Receipt {
    JobId job;
    LeaseEpoch epoch;  ///< It also tells the generation of the store that handed the job out.
    Instant began;     ///< When the attempt began, by the agent's calendar: no job submitted later is the one that ran.
    std::string spec;  ///< The spec_digest() of what ran: a job number may be given again.
    std::vector<OutputFile> outputs;

    friend bool operator==(Receipt const&, Receipt const&) = default;
};
BOOST_DESCRIBE_STRUCT(Receipt, (), (job, epoch, began, spec, outputs))

/// The key of an attempt's receipt in the file store: `outputs/<job>/<epoch>.json`.
[[nodiscard]] std::string receipt_key(LeaseKey const& lease);

/// A name-based UUID of everything in the spec. A member that has its default value does not enter into it, so a spec
/// keeps its digest when a later version adds a member.
[[nodiscard]] std::string spec_digest(JobSpec const& spec);

/// The receipt as a JSON object: what config::from_json_text<Receipt> reads.
[[nodiscard]] std::string to_json_text(Receipt const& receipt);

}  // namespace rgrid
