#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace rgrid::sqlite {

/// What SQLite does to a disk.
enum class DiskAction { make, read, write, truncate, sync, remove, map };

struct DiskStep {
    DiskAction action;
    std::string path;
    std::int64_t at = 0;  ///< Offset of a read or write, new size of a truncate.
    std::string data;     ///< Of a write, when steps are recorded.
};

/// A disk that can fail and remembers what was done to it: SQLite's default as long as this lives.
///
/// Files are real ones; a sync only says that it is done, since no test cuts the power of the machine. One at a time.
class Disk {
public:
    /// Answers SQLITE_OK, or what SQLite is to be told instead of doing the step. Of a write half is done then.
    using Judge = std::function<int(DiskStep const&)>;

    Disk();
    ~Disk();
    Disk(Disk const&) = delete;
    Disk& operator=(Disk const&) = delete;

    void judge(Judge judge);
    void record(bool on);
    [[nodiscard]] std::vector<DiskStep> steps() const;
    [[nodiscard]] std::size_t count() const;

    /// For the functions that SQLite calls.
    [[nodiscard]] int ask(DiskStep step);
    [[nodiscard]] bool recording() const;
    [[nodiscard]] sqlite3_vfs* real() const noexcept { return real_; }

private:
    mutable std::mutex mutex_;
    Judge judge_;
    bool recording_ = false;
    std::vector<DiskStep> steps_;
    sqlite3_vfs* real_;
    std::unique_ptr<sqlite3_vfs> shim_;
};

}  // namespace rgrid::sqlite
