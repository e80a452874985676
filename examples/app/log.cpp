#include "app/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <boost/describe/enum_to_string.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <rgrid/config/json_text.hpp>

#include "app/text.hpp"

namespace rgrid::app {

namespace {

spdlog::level::level_enum level_of(Severity severity) {
    switch (severity) {
        case Severity::debug:
            return spdlog::level::debug;
        case Severity::info:
            return spdlog::level::info;
        case Severity::warning:
            return spdlog::level::warn;
        case Severity::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

/// The level in the width of its column; spdlog's own names are lower case and of any width.
class LevelColumn final : public spdlog::custom_flag_formatter {
public:
    void format(spdlog::details::log_msg const& message, std::tm const&, spdlog::memory_buf_t& into) override {
        static constexpr std::array<std::string_view, 4> names{"DEBUG", "INFO ", "WARN ", "ERROR"};
        auto const index = std::min<std::size_t>(std::max(static_cast<int>(message.level) - 1, 0), names.size() - 1);
        into.append(names[index].data(), names[index].data() + names[index].size());
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<LevelColumn>();
    }
};

std::unique_ptr<spdlog::formatter> formatter_of(LogStyle const& style) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    formatter->add_flag<LevelColumn>('*');
    formatter->set_pattern(style.json ? "%v" : style.terminal ? "%H:%M:%S %^%*%$ %v" : "%Y-%m-%d %H:%M:%SZ %* %v");
    return formatter;
}

/// A line of the log is never longer, whatever a provider or a job wrote.
constexpr std::size_t longest_line = 2000;

}  // namespace

std::string to_log_text(Event const& event) {
    std::array<char, 64> kind{};
    std::snprintf(kind.data(), kind.size(), "%-15s ", boost::describe::enum_to_string(event.kind, "event"));
    std::string const subject = !event.server.empty() ? event.server.value : event.pool.value;
    return tame(kind.data() + (subject.empty() || event.text.starts_with(subject) ? "" : subject + ": ") + event.text,
                longest_line);
}

std::string to_log_json(Event const& event) {
    return config::to_json_text(event);
}

struct Log::Impl {
    LogStyle style;
    Clock& clock;
    std::shared_ptr<spdlog::logger> logger;

    void write(Instant at, Severity severity, std::string const& line) {
        logger->log(spdlog::log_clock::time_point{at.time_since_epoch()}, spdlog::source_loc{}, level_of(severity),
                    spdlog::string_view_t{line});
    }
};

Log::Log(LogStyle style, Clock& clock) : impl_(std::make_unique<Impl>(Impl{style, clock, nullptr})) {
    auto const colours = style.terminal && !style.json ? spdlog::color_mode::always : spdlog::color_mode::never;
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(colours);
    impl_->logger = std::make_shared<spdlog::logger>("rgrid", std::move(sink));
    impl_->logger->set_formatter(formatter_of(style));
    impl_->logger->set_level(level_of(style.level));
    impl_->logger->flush_on(spdlog::level::trace);
}

Log::~Log() = default;

void Log::set_level(Severity level) {
    impl_->logger->set_level(level_of(level));
}

void Log::emit(Event const& event) {
    impl_->write(event.at, event.severity, impl_->style.json ? to_log_json(event) : to_log_text(event));
}

void Log::say(Severity severity, std::string const& text) {
    auto const at = impl_->clock.now();
    if (!impl_->style.json) return impl_->write(at, severity, tame(text, longest_line));
    boost::json::object line;
    line["at"] = to_text(at);
    line["severity"] = boost::describe::enum_to_string(severity, "info");
    line["text"] = text;
    impl_->write(at, severity, boost::json::serialize(line));
}

}  // namespace rgrid::app
