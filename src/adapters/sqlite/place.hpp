#pragma once

#include <cstdint>
#include <optional>
#include <rgrid/base/result.hpp>
#include <string>
#include <string_view>

namespace rgrid::sqlite {

/// The name of the network file system that a statfs magic number and a mount's type stand for; nothing for a disk.
/// SQLite's locks and shared memory do not hold across machines.
[[nodiscard]] std::optional<std::string> network_file_system(std::uint64_t magic, std::string_view mount_type);

/// Checks that a database file can live at `path`, and makes it, empty and for its owner only, if there is none.
Result<> prepare_place(std::string const& path);

/// Checks that there is a file at `path`.
Result<> check_place(std::string const& path);

}  // namespace rgrid::sqlite
