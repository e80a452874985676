#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace rgrid::sqlite {

/// A folder of its own for one test, removed with it.
class TempFolder {
public:
    TempFolder() {
        auto const* const base = std::getenv("TMPDIR");
        std::string made = std::string{base == nullptr ? "/tmp" : base} + "/rgrid-sqlite-XXXXXX";
        if (::mkdtemp(made.data()) == nullptr) std::abort();
        path_ = made;
    }
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempFolder(TempFolder const&) = delete;
    TempFolder& operator=(TempFolder const&) = delete;

    [[nodiscard]] std::string path() const { return path_; }
    [[nodiscard]] std::string file(std::string const& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

}  // namespace rgrid::sqlite
