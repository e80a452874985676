#pragma once

#include <cstdint>
#include <rgrid/adapters/http/message.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <string_view>

namespace rgrid::http {

[[nodiscard]] bool same_name(std::string_view a, std::string_view b);

/// Whether a text is what HTTP calls a token: a method or the name of a header field.
[[nodiscard]] bool is_token(std::string_view text);

/// Whether a text can stand between the method and the version in a request's first line.
[[nodiscard]] bool is_target(std::string_view text);

/// "Sun, 06 Nov 1994 08:49:37 GMT".
[[nodiscard]] std::string date_text(Instant instant);

/// How an answer's connection goes on.
enum class After { keep, keep_if_told, close };

/// What precedes the body of an answer.
[[nodiscard]] std::string head_of(Response const& response, std::uint64_t length, std::string_view date, After after);

/// What precedes the body of a request.
[[nodiscard]] std::string head_of(Request const& request, std::uint64_t length, std::string_view host);

}  // namespace rgrid::http
