#include "adapters/http/stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>

namespace rgrid::http {

namespace {

Moved moved(std::size_t bytes) {
    Moved result;
    result.bytes = bytes;
    return result;
}

Moved wanting(Want want) {
    Moved result;
    result.want = want;
    return result;
}

Moved ended() {
    Moved result;
    result.ended = true;
    return result;
}

Moved broken(std::string problem) {
    Moved result;
    result.problem = std::move(problem);
    return result;
}

std::string text_of(int error) { return std::generic_category().message(error); }

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

int as_int(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

/// What a call of OpenSSL that did not succeed came to. To be asked at once: it is kept in the thread.
Moved unfinished(SSL* session, int result, int error, bool& is_broken) {
    auto const kind = SSL_get_error(session, result);
    if (kind == SSL_ERROR_WANT_READ) return wanting(Want::readable);
    if (kind == SSL_ERROR_WANT_WRITE) return wanting(Want::writable);
    if (kind == SSL_ERROR_ZERO_RETURN) return ended();
    is_broken = true;
    auto reason = take_tls_reason();
    if (kind == SSL_ERROR_SYSCALL && error != 0) reason = text_of(error);
    return broken(reason.empty() ? "the connection ended in the middle of TLS" : std::move(reason));
}

}  // namespace

Moved Stream::shake_hands() {
    if (!session_) return {};
    ERR_clear_error();
    errno = 0;
    auto const result = SSL_do_handshake(session_.get());
    auto const error = errno;
    return result == 1 ? Moved{} : unfinished(session_.get(), result, error, broken_);
}

Moved Stream::read(std::span<char> into) {
    if (session_) {
        ERR_clear_error();
        errno = 0;
        auto const result = SSL_read(session_.get(), into.data(), as_int(into.size()));
        auto const error = errno;
        return result > 0 ? moved(static_cast<std::size_t>(result)) : unfinished(session_.get(), result, error, broken_);
    }
    auto const count = ::recv(fd_, into.data(), into.size(), 0);
    if (count > 0) return moved(static_cast<std::size_t>(count));
    if (count == 0) return ended();
    auto const error = errno;
    return would_block(error) ? wanting(Want::readable) : broken(text_of(error));
}

Moved Stream::write(std::string_view text) {
    if (session_) {
        ERR_clear_error();
        errno = 0;
        auto const result = SSL_write(session_.get(), text.data(), as_int(text.size()));
        auto const error = errno;
        return result > 0 ? moved(static_cast<std::size_t>(result)) : unfinished(session_.get(), result, error, broken_);
    }
    auto const count = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    if (count >= 0) return moved(static_cast<std::size_t>(count));
    auto const error = errno;
    return would_block(error) ? wanting(Want::writable) : broken(text_of(error));
}

void Stream::say_goodbye() {
    if (session_ && !broken_ && SSL_is_init_finished(session_.get()) == 1) {
        ERR_clear_error();
        SSL_shutdown(session_.get());
        ERR_clear_error();
    }
    ::shutdown(fd_, SHUT_WR);
}

}  // namespace rgrid::http
