#pragma once

#include <optional>
#include <rgrid/control/ports.hpp>
#include <rgrid/control/store_clock.hpp>
#include <rgrid/model/snapshot.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// How old what a source said may become before it is asked again.
struct SourceAges {
    Duration servers = std::chrono::seconds{30};
    Duration moving_servers = std::chrono::seconds{5};  ///< ... while a create or a delete has not come to its end.
    Duration sessions = std::chrono::seconds{5};
    Duration offers = std::chrono::minutes{10};
    /// Looks further apart than this are not uninterrupted; than this and their greatest age, for all but the sessions.
    Duration gap = std::chrono::seconds{30};
};

/// What a source said last, and since when it has been watched without a gap.
template <class T>
struct Watched {
    std::optional<T> value;
    std::string problem;
    bool stale = true;  ///< Something happened that makes another look worth while.
    SteadyInstant read_at;
    std::optional<SteadyInstant> last_success;
    SteadyInstant since;

    [[nodiscard]] bool is_due(SteadyInstant now, Duration max_age) const {
        return stale || !value || now - read_at >= max_age;
    }

    /// Takes an answer to a question asked at `asked`. A clock that disagrees starts the watch again.
    void take(Result<T> answer, SteadyInstant asked, Duration gap, bool clock_agrees = true) {
        stale = false;
        read_at = asked;
        if (!answer) {
            value.reset();
            problem = answer.error().message;
            return;
        }
        if (!last_success || asked - *last_success > gap || !clock_agrees) since = asked;
        last_success = asked;
        problem.clear();
        value = std::move(*answer);
    }

    [[nodiscard]] Look<T> look(SteadyInstant now) const {
        if (!value) return {std::nullopt, Duration{0}, Duration{0}, problem};
        return {value, now - read_at, now - since, {}};
    }
};

/// Asks the ports what is there. What could not be read is unknown, never empty.
///
/// Thread safety: none; one pass at a time.
class Observer {
public:
    Observer(ControllerPorts ports, SourceAges ages, Duration call_timeout)
        : ports_(ports), ages_(ages), call_timeout_(call_timeout) {}

    /// Servers and sessions are looked at anew next time.
    void invalidate() { servers_.stale = sessions_.stale = true; }

    /// Begins anew, as if nothing but the offers had ever been looked at: what was watched so far was watched for
    /// another purpose.
    void forget();

    void set_ages(SourceAges ages) { ages_ = ages; }

    /// Reads the demand once more.
    void look_at_demand(Snapshot& snapshot);

    /// Fills the four looks of a snapshot. Demand is always read; the others when they are due. Servers are looked at
    /// more closely while an intent of the snapshot says that one comes or goes.
    void look(Snapshot& snapshot);

private:
    template <class T, class Ask>
    void refresh(Watched<T>& source, Duration max_age, Ask&& ask);
    void refresh_demand();
    void refresh_sessions();

    ControllerPorts ports_;
    SourceAges ages_;
    Duration call_timeout_;
    Watched<std::vector<Server>> servers_;
    Watched<std::vector<Session>> sessions_;
    Watched<std::vector<Offer>> offers_;
    Watched<Demand> demand_;
    StoreClock store_clock_;
};

}  // namespace rgrid
