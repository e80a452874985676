#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <iterator>
#include <rgrid/adapters/system/clock.hpp>
#include <string>

namespace rgrid::process {

inline std::string const keeper_program = std::string{RGRID_PROGRAM_DIR} + "/rgrid-keeper";

/// A folder that goes with its owner.
class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string pattern = std::filesystem::temp_directory_path() / "rgrid-process-XXXXXX";
        path_ = ::mkdtemp(pattern.data());
    }
    TemporaryFolder(TemporaryFolder const&) = delete;
    TemporaryFolder& operator=(TemporaryFolder const&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] std::string const& path() const noexcept { return path_; }

private:
    std::string path_;
};

/// Looks until the condition holds; gives up after half a minute.
inline bool eventually(std::function<bool()> const& condition) {
    SystemClock clock;
    auto const deadline = clock.steady_now() + 30s;
    while (!condition()) {
        if (clock.steady_now() > deadline) return false;
        clock.sleep_until(clock.steady_now() + 5ms, {});
    }
    return true;
}

inline std::string content_of(std::string const& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace rgrid::process
