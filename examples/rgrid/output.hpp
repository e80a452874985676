#pragma once

#include <boost/describe/enum_to_string.hpp>
#include <iostream>
#include <rgrid/config/json_text.hpp>
#include <rgrid/model/job.hpp>
#include <string>
#include <vector>

#include "app/text.hpp"

namespace rgrid::cli {

using app::progress_bar;
using app::elapsed_text;
using app::span_text;
using app::tame;

enum class Colour { none, red, green, yellow, grey, bold };

/// Text in a colour if standard output is a terminal (and NO_COLOR is not set), otherwise as it is.
[[nodiscard]] std::string paint(Colour colour, std::string const& text);

[[nodiscard]] Colour colour_of(JobState state);

/// An enumerator's name, as JSON has it too.
template <class Enum>
[[nodiscard]] std::string enum_name(Enum value) {
    return boost::describe::enum_to_string(value, "?");
}

/// One JSON document on standard output.
template <class T>
void print_json(T const& value) {
    std::cout << config::to_json_text(value) << "\n" << std::flush;
}

/// Rows in columns as wide as their widest cell; the first row is the heading.
class Table {
public:
    explicit Table(std::vector<std::string> heading) : rows_{std::move(heading)} {}

    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    [[nodiscard]] bool empty() const { return rows_.size() == 1; }
    void print(std::ostream& to = std::cout) const;

private:
    std::vector<std::vector<std::string>> rows_;
};

/// Progress on standard error: one line that is rewritten on a terminal; elsewhere a new line whenever more than its
/// spans of time has changed.
class LiveLine {
public:
    LiveLine();
    ~LiveLine() { clear(); }
    LiveLine(LiveLine const&) = delete;
    LiveLine& operator=(LiveLine const&) = delete;

    void show(std::string const& text);

    /// Takes the rewritten line away, so that something else can be printed.
    void clear();

    /// Prints a line that stays.
    void say(std::string const& text);

    [[nodiscard]] bool is_terminal() const { return terminal_; }

private:
    bool terminal_ = false;
    bool shown_ = false;
    std::string last_;
};

}  // namespace rgrid::cli
