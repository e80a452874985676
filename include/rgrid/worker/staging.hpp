#pragma once

#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/file_store.hpp>
#include <rgrid/worker/protocol.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// Copies an attempt's inputs from the file store into its folder, and checks that they are what the spec names.
///
/// Calls that may be repeated are, until the call's deadline. Errors name the input: `retry_later` if the deadline came
/// or a stop was requested, otherwise what is wrong with it.
[[nodiscard]] Result<> stage_in(Call const& call, FileStore& files, Clock& clock, JobSpec const& spec,
                                std::string const& folder);

/// Whether the outputs of an attempt can be stored: `rejected` if the file store holds an output or a receipt of
/// another attempt under the same numbers, of a past that the store knows nothing of. A spec without output globs needs
/// no room.
///
/// Calls that may be repeated are, until the call's deadline.
[[nodiscard]] Result<> check_room_for_outputs(Call const& call, FileStore& files, Clock& clock, JobSpec const& spec,
                                              LeaseKey const& lease);

/// Stores the files that the spec's output globs name as `outputs/<job>/<epoch>/<path>`, and then their receipt (see
/// receipt.hpp), unless there are no globs. That something is there already is an error, as check_room_for_outputs()
/// has it; so is a receipt that another attempt stores meanwhile, and then nothing is removed.
///
/// A glob that names a folder means every file below it; one that names no file is an error. A link is followed to a
/// file inside the folder; a link that leads out of it is an error; a link to a folder is not followed, since what it
/// shows lies elsewhere in the folder under its own name. Errors name the output; what was stored
/// before one is removed again, as far as that succeeds.
/// @param began  When the attempt began, for the receipt.
[[nodiscard]] Result<std::vector<OutputFile>> stage_out(Call const& call, FileStore& files, Clock& clock,
                                                        JobSpec const& spec, LeaseKey const& lease,
                                                        std::string const& folder, Instant began);

/// The key of an attempt's output in the file store.
[[nodiscard]] std::string output_key(LeaseKey const& lease, std::string const& path);

/// Removes a folder with everything in it, also where a job took its own permissions away. Returns what could not be
/// removed and why; empty if all is gone.
std::string remove_folder(std::string const& folder);

}  // namespace rgrid
