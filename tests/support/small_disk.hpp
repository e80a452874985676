#pragma once

/// A real disk of a few megabytes for tests. Header only.

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <rgrid/testing/temp_folder.hpp>
#include <string>
#include <thread>
#include <utility>

namespace rgrid::testing {

/// Mounted at `folder`. Only the thread that made it, the threads and the processes that it starts can see it; it goes
/// with them.
class SmallDisk {
public:
    SmallDisk(std::string folder, std::string const& size) : folder_(std::move(folder)) {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("rgrid-test", folder_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0)
            problem_ = std::string{"no disk of its own can be mounted here: "} + std::strerror(errno);
        else mounted_ = true;
    }
    ~SmallDisk() {
        if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
    }
    SmallDisk(SmallDisk const&) = delete;
    SmallDisk& operator=(SmallDisk const&) = delete;

    [[nodiscard]] std::string const& folder() const { return folder_; }

    /// Why there is none; empty if there is.
    [[nodiscard]] std::string const& problem() const { return problem_; }

    /// Takes all space that is left.
    void fill() const {
        std::ofstream file{folder_ + "/ballast", std::ios::binary | std::ios::app};
        for (std::size_t size : {65536U, 4096U, 1U})
            while (file.write(std::string(size, 'x').data(), static_cast<std::streamsize>(size)).flush()) {}
    }
    void relieve() const { std::filesystem::remove(folder_ + "/ballast"); }

    [[nodiscard]] bool read_only(bool on) const {
        unsigned long const flags = on ? MS_REMOUNT | MS_RDONLY : MS_REMOUNT;
        return ::mount("rgrid-test", folder_.c_str(), "tmpfs", flags, nullptr) == 0;
    }

private:
    std::string folder_, problem_;
    bool mounted_ = false;
};

/// Runs `body` on a thread that has a small disk at `folder`; returns why not, if there can be none.
inline std::string on_a_small_disk(std::string const& folder, std::string const& size,
                                   std::function<void(SmallDisk&)> const& body) {
    std::string problem;
    std::jthread{[&] {
        SmallDisk disk{folder, size};
        problem = disk.problem();
        if (problem.empty()) body(disk);
    }}.join();
    return problem;
}

}  // namespace rgrid::testing
