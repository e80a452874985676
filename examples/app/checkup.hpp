#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <rgrid/model/job.hpp>
#include <rgrid/model/server.hpp>
#include <rgrid/model/worker.hpp>
#include <rgrid/ports/file_store.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <string>
#include <vector>

#include "app/settings.hpp"
#include "app/store_file.hpp"
#include "app/store_server.hpp"

/// What `rgrid doctor` looks at. Nothing here repairs anything.
namespace rgrid::app {

enum class Health {
    ok,
    warn,  ///< It works, but something is worth doing.
    fail,  ///< It does not work, or will not for long.
};
BOOST_DESCRIBE_ENUM(Health, ok, warn, fail)

/// One line of a checkup.
struct Check {
    Health health = Health::ok;
    std::string subject;  ///< "store", "clock", ...
    std::string found;
    std::string advice;  ///< What to do; empty if there is nothing to do.

    friend bool operator==(Check const&, Check const&) = default;
};
BOOST_DESCRIBE_STRUCT(Check, (), (health, subject, found, advice))

using Checks = std::vector<Check>;

// ------------------------------------------------------------------------------------------------ what values say

[[nodiscard]] Checks check_configuration(LoadedSettings const& loaded);

/// Format, identity, damage, permissions, journal and room of the store's file.
[[nodiscard]] Checks check_store_file(Result<sqlite::StoreFile> const& file, Settings const& settings);

/// What a PostgreSQL store's database is like: reachable, new enough, ours, writable, its clock, and whether it is kept
/// clean.
[[nodiscard]] Checks check_store_server(Result<postgres::StoreServer> const& server, Settings const& settings);

/// Whether the store stands still, whether somebody leads where there is something to do, which agents there are.
[[nodiscard]] Checks check_fleet(FleetRecord const& record, JobCounts const& jobs, std::vector<Session> const& sessions,
                                 std::string const& version);

/// Clocks: the wall clock, a file's time stamp that was just made, and two readings of the steady clock.
struct ClockReadings {
    Instant now;
    Instant file;
    Instant store;  ///< When the store's file was last written; zero if there is none.
    SteadyInstant before;
    SteadyInstant after;
};
[[nodiscard]] Checks check_clock(ClockReadings const& readings);

/// Open files and processes that this user may have; zero is without limit.
struct MachineLimits {
    std::uint64_t files = 0;
    std::uint64_t processes = 0;
};
[[nodiscard]] Checks check_limits(MachineLimits const& limits);

// ------------------------------------------------------------------------------------------------ what is looked at

/// Stores, reads and removes a small object. @param scratch  An existing folder.
[[nodiscard]] Checks check_files(Call const& call, FileStore& files, std::string const& scratch);

/// Whether the folders can be written and are nobody else's to read.
[[nodiscard]] Checks check_folders(LoadedSettings const& loaded);

/// Whether our programs are found and of this version.
[[nodiscard]] Checks check_programs(std::string const& version);

/// Reads the clocks. @param scratch  An existing folder.
[[nodiscard]] Result<ClockReadings> read_clocks(Clock& clock, std::string const& scratch, std::string const& store);

[[nodiscard]] MachineLimits machine_limits();

/// What is left of servers and attempts: folders that cannot be understood or that nobody works in.
/// @param provider_problems  What the provider says of folders that it cannot understand.
/// @param servers            That the provider lists.
/// @param running            Jobs that run, for the attempts' folders.
[[nodiscard]] Checks check_leftovers(Settings const& settings, std::vector<std::string> const& provider_problems,
                                     std::vector<Server> const& servers, std::vector<JobView> const& running);

/// What is in the file store of jobs that the store no longer has, and of jobs that it has never had.
/// @param keys  All in the file store.
/// @param jobs  All that the store has.
[[nodiscard]] Checks check_objects(std::vector<std::string> const& keys, std::vector<JobView> const& jobs,
                                   JobId last_job, Generation generation);

}  // namespace rgrid::app
