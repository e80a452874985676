#pragma once

#include <memory>
#include <rgrid/base/bytes.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace rgrid::http {

/// One header field. Names are compared without regard to case.
struct Header {
    std::string name;
    std::string value;
};

/// What a client asks. Who sends it fills everything above `peer`; a server that has read one fills the rest as well.
struct Request {
    std::string method = "GET";
    /// Path and query as they are sent: percent-encoded, beginning with a slash. Server: or `*`, with OPTIONS only.
    std::string target = "/";
    std::vector<Header> headers;   ///< Without those of the transfer: Host, Content-Length, Connection and the like.
    std::string body;
    std::string body_file;         ///< If not empty: the path of a file that is the body instead of `body`.
    bool repeatable = false;       ///< Sender: doing it twice is the same as once, as for GET. See Client::send.

    std::string peer;                  ///< Server: the address that it came from, without the port.
    /// Server: when the last holder of this is gone, `body_file` is removed, `body` counts no more, and what
    /// Admission::keep holds is let go.
    std::shared_ptr<void const> keep;
};

/// What a server answers.
struct Response {
    int status = 200;             ///< 200 to 599.
    std::vector<Header> headers;  ///< Without those of the transfer.
    std::string body;
    std::string body_file;        ///< If not empty: the path of a file that is the body instead of `body`.
};

/// The value of the first header field of that name; nothing if there is none. Lives as long as `headers`.
[[nodiscard]] std::string const* find_header(std::vector<Header> const& headers, std::string_view name);

/// A plain-text answer: one line, for people.
[[nodiscard]] Response text_response(int status, std::string text);

/// Whether a header field can be sent: a name that is a token, and a value without control characters.
[[nodiscard]] bool is_sendable(Header const& header);

}  // namespace rgrid::http
