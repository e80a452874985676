#pragma once

#include <boost/describe/enum.hpp>
#include <boost/system/result.hpp>
#include <rgrid/base/time.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace rgrid {

/// What went wrong, grouped by what the caller can do about it.
///
/// Only the adapter that made the call knows its peer, so it alone chooses the group; everybody else acts on it.
enum class Errc {
    retry_later,  ///< Nothing happened; the same call may succeed after `Error::retry_after`.
    capacity,     ///< Nothing happened; this offer cannot be had now, another one may.
    /// Nothing happened; whatever the offer, no more can be had until something is given back or a limit is raised.
    quota,
    rejected,     ///< Nothing happened and repeating the same call is pointless.
    not_found,    ///< The subject does not exist (any more). For a delete this is success.
    in_doubt,     ///< The effect may have happened: look before repeating.
    denied,       ///< Credentials or permissions are wrong; an operator has to act.
    fenced,       ///< The caller's epoch or incarnation is no longer current: stop acting.
    bug,          ///< A broken promise inside the program; the call is abandoned.
};
BOOST_DESCRIBE_ENUM(Errc, retry_later, capacity, quota, rejected, not_found, in_doubt, denied, fenced, bug)

/// Why a call failed, fit to be shown to an operator. Never holds a secret.
struct Error {
    Errc code = Errc::bug;
    std::string message;      ///< One sentence that names the subject, the value found and what was expected.
    Duration retry_after{0};  ///< What the peer asked for; zero if it asked for nothing.
};

/// What `Result::value()` throws on an error.
class Exception : public std::runtime_error {
public:
    explicit Exception(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}

    [[nodiscard]] Error const& error() const noexcept { return error_; }

private:
    Error error_;
};

[[noreturn]] inline void throw_exception_from_error(Error const& error, boost::source_location const&) {
    throw Exception(error);
}

/// The value of a call, or why there is none. Ports return it and never throw.
template <class T = void>
using Result = boost::system::result<T, Error>;

/// Shorthand for returning an error: `return fail(Errc::rejected, "...");`
[[nodiscard]] inline Error fail(Errc code, std::string message, Duration retry_after = Duration{0}) {
    return Error{code, std::move(message), retry_after};
}

}  // namespace rgrid
