#include "app/log.hpp"

#include <gtest/gtest.h>

#include <rgrid/adapters/memory/manual_clock.hpp>

namespace rgrid::app {
namespace {

Event ready() {
    Event event;
    event.at = *parse_instant("2026-03-01T12:00:01Z");
    event.kind = EventKind::worker_ready;
    event.pool = PoolName{"default"};
    event.server = ServerName{"demo-default-3"};
    event.text = "ready after 4s (booted in 3.9s)";
    return event;
}

/// What a log writes to standard error.
std::string written(LogStyle style, Event const& event) {
    memory::ManualClock clock;
    ::testing::internal::CaptureStderr();
    {
        Log log{style, clock};
        log.emit(event);
    }
    return ::testing::internal::GetCapturedStderr();
}

TEST(Log, A_line_for_people_names_kind_and_subject) {
    EXPECT_EQ(to_log_text(ready()), "worker_ready    demo-default-3: ready after 4s (booted in 3.9s)");
}

TEST(Log, The_subject_is_not_said_twice) {
    auto event = ready();
    event.text = "demo-default-3 is ready";
    EXPECT_EQ(to_log_text(event), "worker_ready    demo-default-3 is ready");

    event.server = {};
    event.text = "on hold";
    EXPECT_EQ(to_log_text(event), "worker_ready    default: on hold");
}

TEST(Log, A_line_of_a_file_has_date_time_and_level_and_no_colours) {
    EXPECT_EQ(written({}, ready()),
              "2026-03-01 12:00:01Z INFO  worker_ready    demo-default-3: ready after 4s (booted in 3.9s)\n");
}

TEST(Log, On_a_terminal_the_time_is_short_and_the_level_coloured) {
    auto event = ready();
    event.severity = Severity::warning;
    auto const line = written({.terminal = true}, event);
    EXPECT_EQ(line.rfind("12:00:01 \033[", 0), 0u) << line;
    EXPECT_NE(line.find("WARN "), std::string::npos) << line;
}

TEST(Log, For_machines_each_line_is_the_event_as_json) {
    EXPECT_EQ(written({.json = true}, ready()), to_log_json(ready()) + "\n");
    EXPECT_NE(to_log_json(ready()).find("\"kind\":\"worker_ready\""), std::string::npos);
}

TEST(Log, Lines_below_the_level_are_left_out) {
    EXPECT_EQ(written({.level = Severity::warning}, ready()), "");
}

// What comes from a provider or a job may hold line breaks: it must not look like a line of its own.
TEST(Log, An_event_is_one_line_whatever_its_text_holds) {
    auto event = ready();
    event.text = "refused:\n12:00:02 INFO all is well\033[0m";
    EXPECT_EQ(written({}, event),
              "2026-03-01 12:00:01Z INFO  worker_ready    demo-default-3: refused: 12:00:02 INFO all is well?[0m\n");
}

TEST(Log, A_programs_own_line_has_the_clocks_time) {
    memory::ManualClock clock;
    ::testing::internal::CaptureStderr();
    Log{{.json = true}, clock}.say(Severity::error, "no store");
    EXPECT_EQ(::testing::internal::GetCapturedStderr(),
              "{\"at\":\"" + to_text(clock.now()) + "\",\"severity\":\"error\",\"text\":\"no store\"}\n");
}

}  // namespace
}  // namespace rgrid::app
