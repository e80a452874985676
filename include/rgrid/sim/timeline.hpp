#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <rgrid/base/time.hpp>
#include <utility>
#include <vector>

namespace rgrid::sim {

/// Virtual time: what happens later, in order. Nothing waits; time is what the next thing that happens says it is.
///
/// Things of one instant happen in the order in which they were asked for. Thread safety: none.
class Timeline {
public:
    [[nodiscard]] SteadyInstant now() const { return now_; }

    /// How many things have happened.
    [[nodiscard]] std::int64_t count() const { return count_; }

    [[nodiscard]] bool empty() const { return heap_.empty(); }
    [[nodiscard]] std::size_t waiting() const { return heap_.size(); }

    /// When the next thing happens; there must be one.
    [[nodiscard]] SteadyInstant next() const { return heap_.front().when; }

    /// `what` happens at `when`, or now if that has passed.
    void at(SteadyInstant when, std::function<void()> what) {
        heap_.push_back({std::max(when, now_), order_++, std::move(what)});
        std::push_heap(heap_.begin(), heap_.end(), later);
    }

    void after(Duration wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }

    /// Lets the next thing happen.
    void step() {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        auto const happening = std::move(heap_.back());
        heap_.pop_back();
        now_ = happening.when;
        ++count_;
        happening.what();
    }

private:
    struct Happening {
        SteadyInstant when;
        std::uint64_t order;
        std::function<void()> what;
    };

    static bool later(Happening const& a, Happening const& b) {
        return std::pair{a.when, a.order} > std::pair{b.when, b.order};
    }

    SteadyInstant now_{std::chrono::hours{1}};  // Not zero, so that a forgotten start value shows.
    std::uint64_t order_ = 0;
    std::int64_t count_ = 0;
    std::vector<Happening> heap_;
};

}  // namespace rgrid::sim
