#pragma once

#include <cstdint>
#include <rgrid/base/time.hpp>

namespace rgrid::hetzner {

/// What a call is for, when requests are scarce.
enum class Urgency {
    listing,  ///< Listings, polls, the catalogue: slow down when a fifth is left.
    create,   ///< Stops when a twentieth is left.
    vital,    ///< Deletes, and looking for what may be there: may use the last one.
};

/// The budget of requests of one project: a bucket that refills evenly over an hour and is shared with whoever else uses
/// the project. What the answers say of it counts; between them it is estimated. Knows no clock; one caller at a time.
class Governor {
public:
    /// Until when such a call has to wait; zero: it may be sent now and is counted, and `done` must follow.
    [[nodiscard]] Duration ask(SteadyInstant now, Urgency urgency);

    /// A call that was counted has been answered or given up.
    void done() { --in_flight_; }

    /// What an answer says of the bucket. Numbers that cannot be are ignored.
    void heard(SteadyInstant now, std::int64_t limit, std::int64_t remaining);

    /// The API had no request left: nothing is sent for `pause`.
    void refused(SteadyInstant now, Duration pause);

    /// How many requests are left, as far as is known.
    [[nodiscard]] double left(SteadyInstant now);

    [[nodiscard]] double limit() const { return limit_; }

private:
    [[nodiscard]] Duration until_there(double wanted) const;

    double limit_ = 3600;
    double left_ = 3600;
    SteadyInstant as_of_{};
    SteadyInstant not_before_{};
    SteadyInstant last_listing_{};
    int in_flight_ = 0;
};

}  // namespace rgrid::hetzner
