#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <rgrid/adapters/http/message.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace rgrid::http {

/// What precedes a body, of a request or of an answer.
struct Head {
    std::string method;
    std::string target;
    int status = 0;
    std::vector<Header> headers;
    std::optional<std::uint64_t> length;  ///< As announced.
    bool chunked = false;
    bool until_end = false;               ///< The body of an answer that ends with the connection.
    bool keep = false;                    ///< Whether the connection may be used again.
    bool old = false;                     ///< HTTP/1.0.
};

/// Why text is not taken.
enum class Fault { none, malformed, head_too_large, body_too_large, sink };

/// How many fields a head has at most.
constexpr std::size_t max_fields = 100;

/// Where a body goes, in pieces. Returns whether it could take the piece.
using Sink = std::function<bool(std::string_view)>;

/// Reads one message from pieces of text as they arrive. Takes no more than belongs to it.
class Parser {
public:
    enum class Kind { request, response, response_without_body };

    Parser(Kind kind, std::size_t max_header);
    ~Parser();
    Parser(Parser const&) = delete;
    Parser& operator=(Parser const&) = delete;

    /// Takes from the front of `text` what it can; the rest, if there is any, has to be there again with what follows.
    /// Stops when the head is complete, so that the sink can be chosen, and at the end of the message. Never to be
    /// called again after a fault.
    std::size_t feed(std::string_view text);

    /// No more will come. Only an answer that lasts until the end is complete by it.
    void end();

    [[nodiscard]] bool head_done() const;
    [[nodiscard]] bool done() const;
    [[nodiscard]] Fault fault() const;
    [[nodiscard]] std::string fault_text() const;  ///< What is wrong, fit to be shown to the peer.
    [[nodiscard]] Head& head();                    ///< Once the head is done.

    /// How the body is taken. A message without a sink has its body thrown away.
    void read_body(Sink sink, std::uint64_t max_body);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::http
