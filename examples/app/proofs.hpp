#pragma once

#include <rgrid/base/call.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/model/job.hpp>
#include <rgrid/ports/file_store.hpp>
#include <rgrid/worker/receipt.hpp>
#include <string>
#include <vector>

namespace rgrid::app {

/// What the file store knows of jobs: what has run, whatever the store that handed it out remembers.
struct Proofs {
    std::vector<Completion> proven;      ///< One for each job that has not ended and whose success is proven; by job.
    std::vector<std::string> unproven;   ///< Receipts of such jobs that prove nothing, each with why.
    JobId last_job;                      ///< The greatest number of a job that has outputs.
    Generation generation;               ///< The latest that handed one of them out; zero if there are no outputs.
};

/// The success that a receipt proves of a job, or `rejected` with why it proves none: another job, another spec, an
/// attempt before the one that the store knows, or one that began before the job was submitted. Whether the outputs are
/// there is another matter.
[[nodiscard]] Result<Completion> proven_by(Receipt const& receipt, JobView const& job);

/// Reads the receipts of jobs and looks whether every output that they name is there, with its size and digest.
///
/// Of several attempts the latest that is proven counts. Errors: as FileStore; what one receipt lacks is no error.
/// @param jobs     Those that have not ended.
/// @param scratch  An existing folder in which receipts are put to be read.
[[nodiscard]] Result<Proofs> find_proofs(Call const& call, FileStore& files, std::vector<JobView> const& jobs,
                                         std::string const& scratch);

}  // namespace rgrid::app
