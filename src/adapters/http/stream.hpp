#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "adapters/http/tls.hpp"

namespace rgrid::http {

/// What a step of a connection waits for.
enum class Want { nothing, readable, writable };

/// What came of a step. Either bytes have moved, or something is wanted first, or the connection is over.
struct Moved {
    std::size_t bytes = 0;
    Want want = Want::nothing;
    bool ended = false;   ///< The peer has ended it properly.
    std::string problem;  ///< Why it broke; empty if it did not.

    [[nodiscard]] bool over() const { return ended || !problem.empty(); }
};

/// Bytes over a socket that does not block, in TLS or as they are. Does not own the socket. One thread at a time.
class Stream {
public:
    explicit Stream(int fd) : fd_(fd) {}
    /// With TLS, which has to be agreed upon first.
    Stream(int fd, TlsSession session) : fd_(fd), session_(std::move(session)) {}

    Moved shake_hands();
    Moved read(std::span<char> into);
    Moved write(std::string_view text);
    void say_goodbye();  ///< Nothing more will be written. Does not wait.

    [[nodiscard]] SSL* session() const { return session_.get(); }

private:
    int fd_;
    TlsSession session_;
    bool broken_ = false;  // OpenSSL wants nothing to be done with a session that failed.
};

}  // namespace rgrid::http
