#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/time.hpp>
#include <string>

namespace rgrid::hetzner_sim {

/// What goes wrong.
enum class FaultKind {
    error,  ///< The answer is an error of the API: `code`, and what belongs to it.
    html,   ///< The answer is a page for people, as of a gateway before the API: `status`, 502 if none is given.
    empty,  ///< The answer is `status` without a body, 503 if none is given.
    reset,  ///< The connection is reset instead of an answer.
    reset_mid_body,  ///< ... after half of the answer's body.
    truncated,       ///< The connection is closed, properly, after half of the answer's body.
    slow_drip,       ///< The answer comes a byte at a time, each `pace` after the one before.
    huge_body,       ///< The answer's body goes on for `size`.
    duplicate_keys,  ///< A name of the answer's object is given twice.
    unknown_enum,    ///< Each status in the answer has a value that nobody knows.
    slow,            ///< Nothing but `delay`.
    action_error,    ///< The action that is begun will fail, with `code` and `message`.
    action_stuck,    ///< The action that is begun never ends.
    server_stuck,    ///< The server that is made is `initializing` for ever.
    never_boots,     ///< The server that is made will be `running`, and nothing runs on it.
};
BOOST_DESCRIBE_ENUM(FaultKind, error, html, empty, reset, reset_mid_body, truncated, slow_drip, huge_body,
                    duplicate_keys, unknown_enum, slow, action_error, action_stuck, server_stuck, never_boots)

/// Something that goes wrong with calls below /v1, and with which ones. What is empty holds for any call; `*` stands
/// for any text.
struct Fault {
    FaultKind kind = FaultKind::error;

    std::string method;
    std::string path;      ///< Without /v1 and query: "/servers", "/servers/*".
    std::string type;      ///< Of the server that is ordered or called by its number.
    std::string location;  ///< Of that server.
    std::string name;      ///< Of that server.
    std::string token;     ///< With which it is called.

    int skip = 0;       ///< So many such calls go well before.
    int times = 1;      ///< So many go wrong; 0: all, until the faults are cleared.
    double chance = 1;  ///< With which one goes wrong.

    /// For an answer that is not that of the call: the call is carried out before, as when a gateway gives up too soon.
    bool after = false;
    int status = 0;       ///< 0: the one that belongs to `code`.
    std::string code;     ///< Such as "resource_unavailable".
    std::string message;  ///< Empty: what the cloud says with that code.
    std::string limit;    ///< With `resource_limit_exceeded`: `details.limits[0].name`.
    Duration delay{0};    ///< The answer comes so much later; of the real clock.
    Duration pace{20};    ///< Of the real clock.
    Bytes size{200 * 1024 * 1024};
};
BOOST_DESCRIBE_STRUCT(Fault, (),
                      (kind, method, path, type, location, name, token, skip, times, chance, after, status, code,
                       message, limit, delay, pace, size))

}  // namespace rgrid::hetzner_sim
