#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace rgrid::testing {

/// A folder of a test's own, removed with all it holds at the end.
class TempFolder {
public:
    TempFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "rgrid-test-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder like " + pattern);
        path_ = pattern;
    }
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempFolder(TempFolder const&) = delete;
    TempFolder& operator=(TempFolder const&) = delete;

    [[nodiscard]] std::string const& path() const { return path_; }
    [[nodiscard]] std::string operator/(std::string const& name) const { return path_ + "/" + name; }

    /// Writes a file; returns its path.
    std::string write(std::string const& name, std::string const& content) const {
        std::ofstream{*this / name, std::ios::binary} << content;
        return *this / name;
    }

    [[nodiscard]] std::string read(std::string const& name) const {
        std::ifstream file{*this / name, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    [[nodiscard]] bool has(std::string const& name) const { return std::filesystem::exists(*this / name); }

private:
    std::string path_;
};

}  // namespace rgrid::testing
