#pragma once

#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/file_store.hpp>
#include <rgrid/ports/job_executor.hpp>
#include <rgrid/ports/work_source.hpp>
#include <rgrid/worker/log_writer.hpp>
#include <rgrid/worker/protocol.hpp>
#include <stop_token>
#include <string>

namespace rgrid {

struct AttemptSettings {
    std::string folder;         ///< Attempts get their working folders below it; absolute. Made if it is not there.
    bool keep_folders = false;  ///< Keep the working folders of attempts that ended.
    Duration kill_grace = 10s;  ///< Between asking a job to end and killing it.
    Duration transfer_limit = 10min;  ///< For all inputs of an attempt, and again for all its outputs.
    LogWriterSettings log;
};

/// What an attempt needs of the world.
struct AttemptPorts {
    WorkSource& work;
    JobExecutor& executor;
    FileStore& files;
    Clock& clock;
};

/// Who runs it: carried in every line of its log.
struct AttemptOwner {
    WorkerId worker;
    Incarnation incarnation;
};

/// Runs one attempt from its lease to its result: makes its working folder, brings its inputs, executes it, stores its
/// log and, if it succeeded, its outputs, and removes the folder.
///
/// Whatever goes wrong becomes the result, with a message that names the file. After a stop request the outcome is
/// `cancelled` and no outputs are stored. Returns only when no process of the attempt is left and its log is stored or
/// given up. Never throws.
[[nodiscard]] Completion run_attempt(AttemptPorts const& ports, AttemptSettings const& settings,
                                     AttemptOwner const& owner, Lease const& lease, std::stop_token stop);

/// The working folder of an attempt.
[[nodiscard]] std::string attempt_folder(AttemptSettings const& settings, LeaseKey const& lease);

/// Removes the working folders that an agent which was killed has left behind. Only names that attempt_folder() gives
/// are touched. To be called when nothing runs in them: by the one agent whose folder it is, before its first attempt.
void sweep_attempt_folders(AttemptSettings const& settings);

}  // namespace rgrid
