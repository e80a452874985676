#pragma once

#include <boost/describe/enum.hpp>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/time.hpp>
#include <string>

namespace rgrid::sqlite {

/// When a commit counts as durable.
enum class Synchronous {
    full,    ///< Once it is on the disk: what was acknowledged survives a power cut.
    normal,  ///< Once the kernel has it: survives every crash of a program, but a power cut may take the last moments.
};
BOOST_DESCRIBE_ENUM(Synchronous, full, normal)

/// Where a store lives and what it keeps.
struct Settings {
    std::string path;                                ///< The database file; its folder must exist and be writable.
    Synchronous synchronous = Synchronous::full;
    Duration keep_finished{std::chrono::hours{168}}; ///< How long a finished job and its log are kept.
    Bytes max_log{16 * 1024 * 1024};                 ///< The most log kept of one job, all its attempts together.
    std::string boot_id;                             ///< Names this boot of the machine; empty: ask the kernel.
};

}  // namespace rgrid::sqlite
