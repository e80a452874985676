// HTTP messages, each as one piece and in pieces: the first byte says of which kind and how it is cut. However a message
// arrives, it is the same message, and nothing beyond its limits is kept.

#include <algorithm>
#include <string>

#include "adapters/http/parser.hpp"
#include "expect.hpp"

namespace {

using rgrid::http::Fault;
using rgrid::http::Parser;

constexpr std::size_t max_header = 512;
constexpr std::uint64_t max_body = 1024;

struct Message {
    bool done = false;
    bool refused = false;
    std::string first_line;
    std::string headers;
    std::string body;
    std::size_t used = 0;

    bool operator==(Message const&) const = default;
};

void take_head(Parser& parser, Message& message) {
    auto const& head = parser.head();
    message.first_line = head.method + " " + head.target + " " + std::to_string(head.status);
    for (auto const& header : head.headers) message.headers += header.name + ":" + header.value + "\n";
    expect(message.headers.size() <= 2 * max_header, "a head stays within its limit");
    expect(head.headers.size() <= rgrid::http::max_fields, "a head has no more fields than are taken");
    parser.read_body([&](std::string_view piece) { return message.body += piece, true; }, max_body);
}

/// Reads a message of which at most `step` bytes more arrive at a time.
Message read(std::string_view text, Parser::Kind kind, std::size_t step) {
    Parser parser{kind, max_header};
    Message message;
    std::size_t arrived = 0;
    while (!parser.done() && parser.fault() == Fault::none) {
        bool const had_head = parser.head_done();
        message.used += parser.feed(text.substr(message.used, arrived - message.used));
        if (parser.fault() != Fault::none) break;
        if (!had_head && parser.head_done()) {
            take_head(parser, message);
            continue;
        }
        if (parser.done()) break;
        if (arrived == text.size()) {
            parser.end();
            break;
        }
        arrived = std::min(text.size(), arrived + step);
    }
    expect(message.body.size() <= max_body, "a body stays within its limit");
    message.done = parser.done();
    message.refused = parser.fault() != Fault::none;
    return message;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) return 0;
    auto const kind = static_cast<Parser::Kind>(data[0] % 3);
    auto const step = 1 + std::size_t{data[0]} / 3 % 40;
    auto const text = as_text(data + 1, size - 1);
    auto const whole = read(text, kind, size);
    auto const pieces = read(text, kind, step);
    expect(whole.done == pieces.done && whole.refused == pieces.refused, "a message is taken or refused however it arrives");
    expect(!whole.done || whole == pieces, "a message is the same however it arrives");
    return 0;
}
