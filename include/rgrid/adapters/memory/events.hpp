#pragma once

#include <algorithm>
#include <mutex>
#include <rgrid/ports/event_sink.hpp>
#include <vector>

namespace rgrid::memory {

/// Remembers all events, for tests and examples. Thread safety: all methods from any thread.
class Events final : public EventSink {
public:
    void emit(Event const& event) override {
        std::scoped_lock const lock{mutex_};
        events_.push_back(event);
    }

    /// All so far, in the order they were emitted.
    [[nodiscard]] std::vector<Event> all() const {
        std::scoped_lock const lock{mutex_};
        return events_;
    }

    [[nodiscard]] std::size_t count(EventKind kind) const {
        std::scoped_lock const lock{mutex_};
        return static_cast<std::size_t>(
            std::count_if(events_.begin(), events_.end(), [&](Event const& event) { return event.kind == kind; }));
    }

    void clear() {
        std::scoped_lock const lock{mutex_};
        events_.clear();
    }

private:
    mutable std::mutex mutex_;
    std::vector<Event> events_;
};

}  // namespace rgrid::memory
