#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <optional>
#include <rgrid/base/bytes.hpp>
#include <rgrid/model/job.hpp>
#include <rgrid/ports/job_executor.hpp>
#include <string>

namespace rgrid::process {

/// What the keeper of one attempt is told beside the program.
struct AttemptOrder {
    JobId job;
    Duration timeout{0};
    Duration kill_grace{0};
    std::optional<Bytes> memory_limit;
    int max_processes = 0;  ///< And threads, all together; 0 if it may have any number.
    Bytes disk_reserve;     ///< Ended if it has more than this in its folder when less than this is left; 0: never.
    Duration poll{0};       ///< How often its processes are looked at.
    std::string folder;
};
BOOST_DESCRIBE_STRUCT(AttemptOrder, (),
                      (job, timeout, kill_grace, memory_limit, max_processes, disk_reserve, poll, folder))

/// Why an attempt ended.
enum class EndCause {
    itself,       ///< Its first process ended.
    not_started,  ///< Its program could not be started.
    timeout,
    memory,
    processes,  ///< It had too many.
    disk,       ///< It had filled it.
    asked,      ///< Its executor asked for it.
    deadline,   ///< Its executor asked for it because the call's deadline passed.
    outside,    ///< Somebody else ended it or its keeper.
};
BOOST_DESCRIBE_ENUM(EndCause, itself, not_started, timeout, memory, processes, disk, asked, deadline, outside)

/// What the keeper of one attempt answers when none of its processes is left.
struct AttemptEnd {
    EndCause cause = EndCause::outside;
    int start_error = 0;   ///< An errno, for `not_started`.
    int wait_status = 0;   ///< Of the first process.
    Bytes memory;          ///< Found, for `memory`.
    Bytes disk;            ///< Found in its folder, for `disk`.
    Bytes disk_left;
    int processes = 0;  ///< Found, for `processes`.
};
BOOST_DESCRIBE_STRUCT(AttemptEnd, (), (cause, start_error, wait_status, memory, disk, disk_left, processes))

/// The message by which the executor asks a keeper to end its attempt.
inline constexpr char ask_to_end[] = "end";

/// What an end means for the job. Pure.
/// @param order  As the keeper was told.
/// @param path   Where a program without a slash in its name was looked for.
ExecutionReport report_of(AttemptEnd const& end, AttemptOrder const& order, JobSpec const& spec,
                          std::string const& path, Duration ran);

}  // namespace rgrid::process
