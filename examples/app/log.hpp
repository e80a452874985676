#pragma once

#include <memory>
#include <rgrid/model/event.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/event_sink.hpp>
#include <string>

namespace rgrid::app {

/// How a program writes its log.
struct LogStyle {
    bool json = false;                ///< One JSON object a line, for machines; otherwise text for people.
    Severity level = Severity::info;  ///< Nothing less severe is written.
    bool terminal = false;            ///< Text only: colours and a short time, since a person is looking.
};

/// One line of text for people, without time and level: "worker_ready    demo-default-3: ready after 4s".
[[nodiscard]] std::string to_log_text(Event const& event);

/// One line for machines: the event as a JSON object.
[[nodiscard]] std::string to_log_json(Event const& event);

/// A program's log on standard error; times are UTC. Thread safety: all methods from any thread.
class Log final : public EventSink {
public:
    Log(LogStyle style, Clock& clock);
    ~Log() override;

    void emit(Event const& event) override;

    /// Leaves out lines below this severity from now on.
    void set_level(Severity level);

    /// Writes a line that is no event of the fleet, such as what the program itself is about to do.
    void say(Severity severity, std::string const& text);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::app
