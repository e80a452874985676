#include "output.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace rgrid::cli {

namespace {

bool has_colours() {
    static bool const result = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
    return result;
}

/// Characters of UTF-8 text: bytes that do not continue one.
std::size_t width_of(std::string const& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::size_t terminal_width() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string paint(Colour colour, std::string const& text) {
    if (!has_colours() || colour == Colour::none || text.empty()) return text;
    static constexpr char const* codes[] = {"", "31", "32", "33", "90", "1"};
    return std::string{"\033["} + codes[static_cast<int>(colour)] + "m" + text + "\033[0m";
}

Colour colour_of(JobState state) {
    switch (state) {
        case JobState::succeeded:
            return Colour::green;
        case JobState::failed:
        case JobState::dead:
            return Colour::red;
        case JobState::running:
            return Colour::yellow;
        default:
            return Colour::none;
    }
}

void Table::print(std::ostream& to) const {
    std::vector<std::size_t> widths;
    for (auto const& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
    }
    for (auto const& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]) + 2, ' ');
        }
        to << (&row == &rows_.front() ? paint(Colour::bold, line) : line) << "\n";
    }
    to << std::flush;
}

LiveLine::LiveLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void LiveLine::show(std::string const& text) {
    if (terminal_) {
        // A line longer than the terminal would wrap and could not be rewritten.
        std::cerr << "\r\033[K" << tame(text, terminal_width() - 1) << std::flush;
        shown_ = true;
    } else if (app::without_spans(text) != last_) {
        std::cerr << text << std::endl;
    }
    last_ = app::without_spans(text);
}

void LiveLine::clear() {
    if (shown_) std::cerr << "\r\033[K" << std::flush;
    shown_ = false;
}

void LiveLine::say(std::string const& text) {
    clear();
    std::cerr << text << std::endl;
}

}  // namespace rgrid::cli
