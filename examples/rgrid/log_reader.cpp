#include "log_reader.hpp"

#include <deque>
#include <sstream>

namespace rgrid::cli {

void LogReader::read(std::function<void(LogPage const&)> const& take, std::function<void()> const& attempt_began) {
    while (true) {
        auto page = expect(context_.ports().jobs->read_log(context_.call(), job_, LeaseEpoch{}, next_));
        if (page.epoch != epoch_) {
            bool const first = epoch_ == LeaseEpoch{};
            epoch_ = page.epoch;
            if (!first) attempt_began();
            if (next_ > 0) {
                next_ = 0;
                continue;
            }
        }
        if (page.text.empty()) return;
        next_ = page.next;
        take(page);
    }
}

std::vector<std::string> last_log_lines(Context& context, JobId job, std::size_t count) {
    std::deque<std::string> lines;
    LogReader reader{context, job};
    std::string tail;
    reader.read(
        [&](LogPage const& page) {
            tail += page.text;
            constexpr std::size_t enough = 64 * 1024;
            if (tail.size() > enough) tail.erase(0, tail.size() - enough);
        },
        [] {});
    std::istringstream text{tail};
    for (std::string line; std::getline(text, line);) {
        lines.push_back(line);
        if (lines.size() > count) lines.pop_front();
    }
    return {lines.begin(), lines.end()};
}

}  // namespace rgrid::cli
