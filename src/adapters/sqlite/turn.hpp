#pragma once

#include <string>

namespace rgrid::sqlite {

/// Lets processes that want to write tell the one that writes, so that a busy process does not keep the others out.
///
/// SQLite's lock is free for microseconds between two transactions of a busy writer, and who waits for it only looks
/// now and then. Whoever waits holds a shared lock of a small file beside the database; the kernel drops it with its
/// process. Without the file (say, a full disk) only the courtesy is lost.
class Turn {
public:
    explicit Turn(std::string const& path);
    ~Turn();
    Turn(Turn const&) = delete;
    Turn& operator=(Turn const&) = delete;

    void want();
    void have();
    [[nodiscard]] bool wanted_by_another();

private:
    int file_;
    bool wanting_ = false;
};

}  // namespace rgrid::sqlite
