#pragma once

#include <cstdint>
#include <optional>
#include <rgrid/adapters/sqlite/settings.hpp>
#include <rgrid/base/result.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace rgrid::sqlite {

/// The name of the network file system that a statfs magic number and a mount's type stand for; nothing for a disk.
/// SQLite's locks and shared memory do not hold across machines.
[[nodiscard]] std::optional<std::string> network_file_system(std::uint64_t magic, std::string_view mount_type);

/// With the path of the file itself where `settings` name a link to it: what belongs to a store lies beside its file,
/// where SQLite has its journal, whatever name it is opened by.
Settings at_real_path(Settings settings);

/// Checks that a database file can live at `path`, and makes it, empty and for its owner only, if there is none.
Result<> prepare_place(std::string const& path);

/// Checks that there is a file at `path`.
Result<> check_place(std::string const& path);

/// A new file beside `target`, empty and for its owner only, which is removed with whatever SQLite keeps beside it
/// unless it is moved to its target.
class Draft {
public:
    static Result<Draft> beside(std::string const& target);

    ~Draft();
    Draft(Draft&& other) noexcept;
    Draft& operator=(Draft&&) = delete;

    [[nodiscard]] std::string const& path() const noexcept { return path_; }

    /// Gives the file, which nobody may have open, its target's name. It is on the disk then. Errors: `rejected` if
    /// there is something at the target.
    Result<> publish();

private:
    Draft(std::string target, std::string path) : target_(std::move(target)), path_(std::move(path)) {}

    std::string target_;
    std::string path_;
};

}  // namespace rgrid::sqlite
