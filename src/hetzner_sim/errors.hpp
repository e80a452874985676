#pragma once

#include <boost/json/value.hpp>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace rgrid::hetzner_sim {

namespace json = boost::json;

/// Why a request is not carried out, as the API says it. Thrown by whoever finds out and made an answer of in one
/// place; whoever throws has changed nothing.
class Refusal final : public std::exception {
public:
    Refusal(int status, std::string code, std::string message, json::value details = nullptr)
        : status_(status), code_(std::move(code)), message_(std::move(message)), details_(std::move(details)) {}

    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] std::string const& code() const { return code_; }
    [[nodiscard]] std::string const& message() const { return message_; }
    [[nodiscard]] json::value const& details() const { return details_; }
    [[nodiscard]] char const* what() const noexcept override { return message_.c_str(); }

private:
    int status_;
    std::string code_;
    std::string message_;
    json::value details_;
};

/// The body of an answer to a request that was refused. `details` is always there: clients fail without it.
[[nodiscard]] json::object error_body(std::string_view code, std::string_view message, json::value details = nullptr);

/// 422 `invalid_input`, with the field among the details.
[[noreturn]] void refuse_field(std::string_view field, std::string_view message);

/// 422 `invalid_input` with a text of its own, such as "unsupported location for server type".
[[noreturn]] void refuse_input(std::string_view message);

/// 404 `not_found`: `what` is for instance "server".
[[noreturn]] void refuse_missing(std::string_view what, std::string_view id);

/// 409 `uniqueness_error`.
[[noreturn]] void refuse_taken(std::string_view message);

/// 403 `resource_limit_exceeded`; `limit` is for instance "primary_ip_limit", or empty.
[[noreturn]] void refuse_limit(std::string_view message, std::string_view limit = {});

/// 412 `resource_unavailable`.
[[noreturn]] void refuse_unavailable(std::string_view message);

/// 423 `locked`.
[[noreturn]] void refuse_locked();

}  // namespace rgrid::hetzner_sim
