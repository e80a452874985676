#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace rgrid::testing {

/// Tells whether any process still holds the named pipe "alive" of a folder.
class AlivePipe {
public:
    explicit AlivePipe(std::string const& folder) {
        auto const path = folder + "/alive";
        if (::mkfifo(path.c_str(), 0666) != 0) ADD_FAILURE() << "cannot make " << path;
        handle_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    }
    AlivePipe(AlivePipe const&) = delete;
    AlivePipe& operator=(AlivePipe const&) = delete;
    ~AlivePipe() { ::close(handle_); }

    /// Nobody holds it, and somebody has: whoever does writes a line first.
    [[nodiscard]] bool was_held_and_is_free() {
        char text[64];
        ssize_t count = 0;
        while ((count = ::read(handle_, text, sizeof text)) > 0) held_ = true;
        return held_ && count == 0;
    }

private:
    int handle_ = -1;
    bool held_ = false;
};

}  // namespace rgrid::testing
