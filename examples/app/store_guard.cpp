#include "app/store_guard.hpp"

#include <utility>

namespace rgrid::app {

StoreGuard::StoreGuard(std::function<std::optional<LostStore>()> look, Clock& clock, std::stop_token stop)
    : look_(std::move(look)),
      clock_(clock),
      on_stop_(std::move(stop), [this] { end_.request_stop(); }),
      thread_([this](std::stop_token const& done) { watch(done); }) {}

std::optional<std::string> StoreGuard::replaced() const {
    std::scoped_lock const lock{mutex_};
    return replaced_;
}

void StoreGuard::watch(std::stop_token const& done) {
    if (!look_) return;
    while (clock_.sleep_until(clock_.steady_now() + 1s, done)) {
        auto lost = look_();
        if (!lost || !lost->replaced) continue;
        {
            std::scoped_lock const lock{mutex_};
            replaced_ = std::move(lost->message);
        }
        end_.request_stop();
        return;
    }
}

}  // namespace rgrid::app
