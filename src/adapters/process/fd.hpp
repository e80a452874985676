#pragma once

#include <unistd.h>
#include <utility>

namespace rgrid::process {

/// A file descriptor, closed with its owner.
class Fd {
public:
    Fd() = default;
    explicit Fd(int value) noexcept : value_(value) {}
    Fd(Fd&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Fd() { reset(); }

    [[nodiscard]] int get() const noexcept { return value_; }
    explicit operator bool() const noexcept { return value_ >= 0; }
    void reset() noexcept {
        if (value_ >= 0) ::close(std::exchange(value_, -1));
    }

private:
    int value_ = -1;
};

}  // namespace rgrid::process
