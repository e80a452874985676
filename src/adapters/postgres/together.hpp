#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <rgrid/base/call.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/ports/clock.hpp>
#include <string>
#include <utility>
#include <vector>

namespace rgrid::postgres {

/// Who asks for more jobs than this at once gains nothing by company.
inline constexpr int few_jobs = 10;

/// Makes calls that go to the server together: while as many trips as there may be are under way, those that come wait
/// for the next. Nobody waits for a timer, and many who ask for little each pay for few statements and commits. A trip
/// is made by the thread of one of those who go with it.
///
/// A Trip names its Wish and its Answer and has
///   * `most_under_way`: how many of them there may be at a time;
///   * `repeats_doubt`: whether what is in doubt after the call that carried it was over goes again;
///   * `bool takes(Wish const&)`: whether there is room, which is then taken; for the first there is. The wish outlives
///     the trip;
///   * `Result<std::vector<Result<Answer>>> go(Call const&)`: the answers in the order of the wishes, or everybody's
///     error.
///
/// Thread safety: any thread.
template <class Trip>
class Together {
public:
    using Wish = typename Trip::Wish;
    using Answer = typename Trip::Answer;

    /// @param empty  Of which each trip is a copy.
    Together(std::string place, Clock& clock, Trip empty)
        : place_(std::move(place)), clock_(clock), empty_(std::move(empty)) {}

    /// Errc::retry_later if the call was over before a trip of it had begun, and Errc::in_doubt if it was over before
    /// the trip.
    Result<Answer> ask(Call const& call, Wish wish) {
        auto const passenger = std::make_shared<Passenger>();
        passenger->wish = std::move(wish);
        std::unique_lock lock{mutex_};
        waiting_.push_back(passenger);
        while (!passenger->answer) {
            if (is_over(call)) return leave(passenger);
            // The deadline is the caller's clock's and may not be real time, so it is looked at again and again.
            if (passenger->begun || under_way_ == Trip::most_under_way)
                passenger->changed.wait_for(lock, std::chrono::milliseconds{50});
            else
                travel(call, passenger, lock);
        }
        return *std::move(passenger->answer);
    }

private:
    /// One call.
    struct Passenger {
        Wish wish;
        bool begun = false;
        bool left = false;      ///< Its caller waits no longer.
        bool doubtful = false;  ///< It was on a trip of which nobody knows what came of it.
        std::optional<Result<Answer>> answer;
        std::condition_variable changed;  ///< Of its own: of many who wait only those are woken who can go on.

        void tell(Result<Answer> what) {
            if (!what && doubtful) what = Error{Errc::in_doubt, what.error().message};
            answer = std::move(what);
            changed.notify_one();
        }
    };
    using PassengerPtr = std::shared_ptr<Passenger>;
    using Group = std::vector<PassengerPtr>;

    [[nodiscard]] bool is_over(Call const& call) const {
        return call.stop.stop_requested() || clock_.steady_now() >= call.deadline;
    }

    Error leave(PassengerPtr const& passenger) {
        passenger->left = true;
        std::erase(waiting_, passenger);
        wake_next();
        if (passenger->begun)
            return fail(Errc::in_doubt, place_ + ": the commit had not ended when the call was over");
        return fail(passenger->doubtful ? Errc::in_doubt : Errc::retry_later,
                    place_ + ": the call was over before it could be carried out");
    }

    void travel(Call const& call, PassengerPtr const& driver, std::unique_lock<std::mutex>& lock) {
        ++under_way_;
        auto trip = empty_;
        auto const group = board(trip);
        lock.unlock();
        auto answers = trip.go(call);
        lock.lock();
        --under_way_;
        if (answers || !is_over(call)) tell(group, answers);
        else go_again(group, driver, answers.error());
        wake_next();
    }

    /// The first that waits, and of the others in their order those for whom there is room.
    [[nodiscard]] Group board(Trip& trip) {
        Group group;
        std::deque<PassengerPtr> later;
        for (auto& passenger : waiting_) {
            if (!trip.takes(passenger->wish)) {
                later.push_back(std::move(passenger));
                continue;
            }
            passenger->begun = true;
            group.push_back(std::move(passenger));
        }
        waiting_ = std::move(later);
        return group;
    }

    static void tell(Group const& group, Result<std::vector<Result<Answer>>>& answers) {
        for (std::size_t i = 0; i < group.size(); ++i) {
            if (answers) group[i]->tell(std::move((*answers)[i]));
            else group[i]->tell(answers.error());
        }
    }

    /// The call that carried the others was over, which is nothing to them.
    void go_again(Group const& group, PassengerPtr const& driver, Error const& error) {
        bool const doubtful = error.code == Errc::in_doubt;
        for (auto each = group.rbegin(); each != group.rend(); ++each) {
            auto& passenger = **each;
            if (*each == driver || (doubtful && !Trip::repeats_doubt)) {
                passenger.tell(error);
            } else if (!passenger.left) {
                passenger.begun = false;
                passenger.doubtful |= doubtful;
                waiting_.push_front(*each);
            }
        }
    }

    /// One of those that wait takes along what waits by now.
    void wake_next() {
        if (under_way_ < Trip::most_under_way && !waiting_.empty()) waiting_.front()->changed.notify_one();
    }

    std::string const place_;
    Clock& clock_;
    Trip const empty_;
    std::mutex mutex_;
    std::deque<PassengerPtr> waiting_;
    int under_way_ = 0;
};

}  // namespace rgrid::postgres
