#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <deque>
#include <rgrid/base/assert.hpp>
#include <rgrid/sim/fibers.hpp>
#include <utility>
#include <vector>

namespace rgrid::sim {

namespace context = boost::context;

namespace {

constexpr std::size_t stack_size = 256 * 1024;

}  // namespace

/// A stack that takes one piece of work after another.
struct Fibers::Fiber {
    context::fiber self;    ///< Where it is suspended; empty while it runs.
    context::fiber caller;  ///< Who resumed it; empty while it is suspended.
    std::function<void()> work;
    bool waiting = false;
    std::uint64_t wait = 0;  ///< Counts its waits, so that an old one does not wake a new one.

    void suspend() { caller = std::move(caller).resume(); }
};

struct Fibers::State {
    std::vector<std::unique_ptr<Fiber>> all;
    std::vector<Fiber*> idle;
    std::deque<std::function<void()>> not_begun;
    Fiber* current = nullptr;
    std::size_t running = 0;
    bool finishing = false;
    bool ending = false;
};

Fibers::Fibers(Timeline& timeline) : timeline_(timeline), state_(std::make_unique<State>()) {}

Fibers::~Fibers() {
    RGRID_ASSERT(state_->running == 0);
    // Each stack is left by its own code, since a stack that is unwound from outside may pass a `catch (...)`.
    state_->ending = true;
    for (auto& fiber : state_->all) resume(*fiber);
}

void Fibers::spawn(std::function<void()> work) {
    ++state_->running;
    state_->not_begun.push_back(std::move(work));
    timeline_.after(Duration{0}, [this] {
        if (state_->not_begun.empty()) return;  // `finish` has run it.
        auto next = std::move(state_->not_begun.front());
        state_->not_begun.pop_front();
        if (state_->idle.empty()) {
            auto& made = *state_->all.emplace_back(std::make_unique<Fiber>());
            made.self = context::fiber{std::allocator_arg, context::fixedsize_stack{stack_size},
                                       [this, &made](context::fiber&& caller) {
                                           made.caller = std::move(caller);
                                           while (!state_->ending) {
                                               std::exchange(made.work, {})();
                                               --state_->running;
                                               state_->idle.push_back(&made);
                                               made.suspend();
                                           }
                                           return std::move(made.caller);
                                       }};
            state_->idle.push_back(&made);
        }
        auto& fiber = *state_->idle.back();
        state_->idle.pop_back();
        fiber.work = std::move(next);
        resume(fiber);
    });
}

void Fibers::resume(Fiber& fiber) {
    auto* const before = std::exchange(state_->current, &fiber);
    fiber.self = std::move(fiber.self).resume();
    state_->current = before;
}

void Fibers::wait_until(SteadyInstant when) {
    auto* const fiber = state_->current;
    if (fiber == nullptr || state_->finishing) return;
    fiber->waiting = true;
    timeline_.at(when, [this, fiber, wait = ++fiber->wait] {
        if (!fiber->waiting || fiber->wait != wait) return;
        fiber->waiting = false;
        resume(*fiber);
    });
    fiber->suspend();
}

void Fibers::finish() {
    state_->finishing = true;
    while (state_->running > 0) {
        for (auto& fiber : state_->all)
            if (fiber->waiting) fiber->waiting = false, resume(*fiber);
        // Work that has not begun is begun by its turn in the timeline.
        if (!state_->not_begun.empty()) timeline_.step();
    }
}

std::size_t Fibers::running() const { return state_->running; }

}  // namespace rgrid::sim
