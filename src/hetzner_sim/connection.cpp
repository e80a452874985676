#include "hetzner_sim/connection.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "adapters/http/head.hpp"
#include "adapters/http/parser.hpp"
#include "adapters/http/tls.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::size_t max_head = 64 * 1024;
constexpr std::uint64_t max_body = 8 * 1024 * 1024;
constexpr std::size_t piece_size = 64 * 1024;

http::Stream stream_over(int fd, http::TlsContext const& context) {
    return context ? http::Stream{fd, http::accept_tls(context, fd)} : http::Stream{fd};
}

/// Waits for one of two descriptors; false if the second one is ready, or on an error.
bool wait_for(pollfd what, int stop, int milliseconds) {
    std::array<pollfd, 2> both{what, pollfd{stop, POLLIN, 0}};
    int ready = 0;
    do ready = ::poll(both.data(), both.size(), milliseconds);
    while (ready < 0 && errno == EINTR);
    return ready >= 0 && both[1].revents == 0;
}

std::string take_date(http::Response& response) {
    std::string date;
    std::erase_if(response.headers, [&](http::Header const& header) {
        if (!http::same_name(header.name, "Date")) return false;
        date = header.value;
        return true;
    });
    return date;
}

}  // namespace

Connection::Connection(Simulator& simulator, http::OpenFd socket, http::TlsContext const& context, int stop)
    : simulator_(simulator), socket_(std::move(socket)), stream_(stream_over(socket_.get(), context)), stop_(stop) {}

void Connection::serve() {
    if (!shake_hands()) return;
    for (;;) {
        http::Request request;
        if (!read_request(request)) break;
        if (deliver(simulator_.carry_out(request), request.method == "HEAD") == Then::close) break;
    }
    if (socket_) stream_.say_goodbye();
}

bool Connection::shake_hands() {
    for (;;) {
        auto const moved = stream_.shake_hands();
        if (moved.over()) return false;
        if (moved.want == http::Want::nothing) return true;
        if (!await(moved.want)) return false;
    }
}

bool Connection::read_request(http::Request& request) {
    http::Parser parser{http::Parser::Kind::request, max_head};
    bool body_begun = false;
    while (!parser.done()) {
        auto const used = parser.feed(received_);
        received_.erase(0, used);
        if (parser.fault() != http::Fault::none) {
            auto const date = http::date_text(simulator_.now());
            static_cast<void>(write(http::head_of(http::Response{400, {}, {}, {}}, 0, date, http::After::close)));
            return false;
        }
        if (parser.head_done() && !std::exchange(body_begun, true)) {
            parser.read_body([&](std::string_view piece) { return request.body += piece, true; }, max_body);
            continue;
        }
        if (parser.done() || used > 0) continue;
        std::array<char, piece_size> piece;
        auto const moved = stream_.read(piece);
        received_.append(piece.data(), moved.bytes);
        if (moved.over() || (moved.want != http::Want::nothing && !await(moved.want))) return false;
    }
    auto& head = parser.head();
    request.method = std::move(head.method);
    request.target = std::move(head.target);
    request.headers = std::move(head.headers);
    keep_ = head.keep;
    old_ = head.old;
    return true;
}

Connection::Then Connection::deliver(Answer const& answer, bool head_only) {
    auto response = answer.response;
    auto const& delivery = answer.delivery;
    if (!pause(delivery.delay)) return Then::close;
    if (delivery.fault == FaultKind::reset) return reset(), Then::close;
    auto const length =
        delivery.fault == FaultKind::huge_body ? static_cast<std::uint64_t>(delivery.size.count) : response.body.size();
    auto const after = !keep_ ? http::After::close : old_ ? http::After::keep_if_told : http::After::keep;
    if (head_only) response.body.clear();  // Its length is told all the same.
    auto const date = take_date(response);
    auto const head = http::head_of(response, length, date, after);
    auto const half = response.body.empty() ? head.substr(0, head.size() / 2)
                                            : head + response.body.substr(0, response.body.size() / 2);
    switch (delivery.fault) {
        case FaultKind::reset_mid_body:
            if (write(half)) reset();
            return Then::close;
        case FaultKind::truncated:
            static_cast<void>(write(half));
            return Then::close;
        case FaultKind::slow_drip:
            if (!write_slowly(head + response.body, delivery.pace)) return Then::close;
            break;
        case FaultKind::huge_body:
            if (!write(head) || !write_endless(delivery.size.count)) return Then::close;
            break;
        default:
            if (!write(head + response.body)) return Then::close;
    }
    return keep_ ? Then::go_on : Then::close;
}

bool Connection::write(std::string_view text) {
    while (!text.empty()) {
        auto const moved = stream_.write(text);
        if (moved.over() || (moved.want != http::Want::nothing && !await(moved.want))) return false;
        text.remove_prefix(moved.bytes);
    }
    return true;
}

bool Connection::write_slowly(std::string_view text, Duration pace) {
    for (std::size_t i = 0; i < text.size(); ++i)
        if (!write(text.substr(i, 1)) || !pause(pace)) return false;
    return true;
}

bool Connection::write_endless(std::int64_t size) {
    std::string const piece(piece_size, ' ');
    while (size > 0) {
        auto const now = std::min(size, static_cast<std::int64_t>(piece_size));
        if (!write(std::string_view{piece}.substr(0, static_cast<std::size_t>(now)))) return false;
        size -= now;
    }
    return true;
}

void Connection::reset() {
    linger const at_once{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket_ = http::OpenFd{};
}

bool Connection::await(http::Want want) const {
    auto const events = static_cast<short>(want == http::Want::readable ? POLLIN : POLLOUT);
    return wait_for({socket_.get(), events, 0}, stop_, -1);
}

bool Connection::pause(Duration span) const {
    if (span <= Duration{0}) return true;
    return wait_for({-1, 0, 0}, stop_, static_cast<int>(std::min<std::int64_t>(span.count(), 3'600'000)));
}

}  // namespace rgrid::hetzner_sim
