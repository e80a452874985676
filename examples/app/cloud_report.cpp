#include "app/cloud_report.hpp"

namespace rgrid::app {

namespace {

constexpr Duration interval = 1h;
constexpr Duration longest_look = 30s;

}  // namespace

void CloudReport::look_if_due(Post const& post) {
    {
        std::scoped_lock const lock{mutex_};
        auto const now = clock_.steady_now();
        if (stop_.stop_requested() || now < next_) return;
        next_ = now + interval;
    }
    post([this] { look(); });
}

void CloudReport::look() {
    if (stop_.stop_requested()) return;
    auto const texts = look_(Call{clock_.steady_now() + longest_look, stop_.get_token()});
    if (stop_.stop_requested()) return;
    std::scoped_lock const lock{mutex_};
    std::set<std::string> now{texts.begin(), texts.end()};
    for (auto const& text : now)
        if (!told_.contains(text)) tell_(text);
    told_ = std::move(now);
}

}  // namespace rgrid::app
