#pragma once

#include <functional>
#include <mutex>
#include <rgrid/base/call.hpp>
#include <rgrid/ports/clock.hpp>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace rgrid::app {

/// Tells what the cloud holds that an operator should see to: at the start and once an hour, each text once, and again if
/// it was away in between. Thread safety: all methods from any thread.
class CloudReport {
public:
    using Look = std::function<std::vector<std::string>(Call const&)>;
    using Tell = std::function<void(std::string const&)>;
    using Post = std::function<void(std::function<void()>)>;

    /// `clock` must outlive it, and it whatever it posts.
    CloudReport(Look look, Tell tell, Clock& clock) : look_(std::move(look)), tell_(std::move(tell)), clock_(clock) {}

    /// Posts a look if one is due; returns at once.
    void look_if_due(Post const& post);

    /// Ends a look that goes on, and lets none begin.
    void stop() { stop_.request_stop(); }

private:
    void look();

    Look const look_;
    Tell const tell_;
    Clock& clock_;
    std::stop_source stop_;
    std::mutex mutex_;
    SteadyInstant next_ = SteadyInstant::min();
    std::set<std::string> told_;
};

}  // namespace rgrid::app
