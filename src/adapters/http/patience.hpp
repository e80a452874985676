#pragma once

#include <cstddef>
#include <optional>
#include <rgrid/base/call.hpp>
#include <rgrid/ports/clock.hpp>
#include <stop_token>

#include "adapters/http/file.hpp"
#include "adapters/http/stream.hpp"

namespace rgrid::http {

/// How a wait ended.
enum class Waited { ready, late, stopped };

/// Waits for descriptors as long as a call allows. One thread; `clock` and `call` must outlive it.
class Patience {
public:
    Patience(Clock& clock, Call const& call);

    /// Until the descriptor is ready, or the call's deadline or `limit` has passed, or a stop is requested. Looks once
    /// even if there is no time left.
    [[nodiscard]] Waited wait(int fd, short events, SteadyInstant limit = SteadyInstant::max());
    [[nodiscard]] Waited wait(int fd, Want want, SteadyInstant limit = SteadyInstant::max());

    /// Without waiting.
    [[nodiscard]] Waited now() const;
    /// The end of one of several tries that are to be made: `others` more of them get as much of the time that is left.
    [[nodiscard]] SteadyInstant share(Duration most, std::size_t others) const;
    /// "took too long" and the like.
    [[nodiscard]] static char const* text_of(Waited waited);

private:
    struct Ring {
        int fd;
        void operator()() const noexcept;
    };

    Clock& clock_;
    Call const& call_;
    OpenFd bell_;
    std::optional<std::stop_callback<Ring>> rung_;
};

}  // namespace rgrid::http
