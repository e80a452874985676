#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <rgrid/base/text.hpp>
#include <rgrid/config/problems.hpp>
#include <rgrid/sim/trace.hpp>
#include <utility>

namespace rgrid::sim {

namespace {

constexpr double longest_seconds = 10.0 * 365 * 86'400;
constexpr int most_slots = 1024;
constexpr std::size_t longest_class = 200;
constexpr std::array<std::string_view, 4> trace_columns{"submit_time_s", "run_time_s", "slots", "class"};
constexpr std::string_view trace_header = "a first line with the columns submit_time_s,run_time_s,slots,class";

/// The fields of a CSV line; nothing if a quotation mark is not closed or stands where none may.
std::optional<std::vector<std::string>> trace_fields(std::string_view line) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    bool closed = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        char const character = line[i];
        if (quoted) {
            if (character != '"')
                fields.back() += character;
            else if (i + 1 < line.size() && line[i + 1] == '"')
                fields.back() += line[++i];
            else
                quoted = false, closed = true;
        } else if (character == ',') {
            fields.emplace_back();
            closed = false;
        } else if (closed) {
            return std::nullopt;
        } else if (character == '"' && fields.back().empty()) {
            quoted = true;
        } else {
            fields.back() += character;
        }
    }
    if (quoted) return std::nullopt;
    return fields;
}

/// As problems show it, and so that the message is text even if this is not.
std::string shown_in_quotes(std::string_view text) {
    constexpr std::size_t longest = 60;
    if (is_utf8(text)) return config::in_quotes(text);
    return "\"" + printable(text.substr(0, longest)) + (text.size() > longest ? "...\"" : "\"");
}

std::optional<double> trace_number(std::string_view text) {
    double number = 0;
    auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// Takes the lines of a trace one after the other.
class TraceReader {
public:
    explicit TraceReader(std::string_view name) : name_(printable(name)) {}

    /// Takes a piece of the text, cut anywhere.
    Result<> take(std::string_view text) {
        while (!text.empty()) {
            auto const end = text.find('\n');
            auto const part = text.substr(0, end);
            if (line_.size() + part.size() > longest_trace_line)
                return problem("has more than " + std::to_string(longest_trace_line) + " bytes", "a shorter line", 1);
            line_ += part;
            if (end == text.npos) return {};
            text.remove_prefix(end + 1);
            if (auto const taken = take_line(); !taken) return taken;
        }
        return {};
    }

    Result<std::vector<Arrival>> finish() {
        if (!line_.empty())
            if (auto const taken = take_line(); !taken) return taken.error();
        if (number_ == 0) return fail(Errc::rejected, name_ + " is empty; expected " + std::string{trace_header});
        if (arrivals_.empty())
            return fail(Errc::rejected, name_ + " names columns and has no job; expected a line for each job");
        return std::move(arrivals_);
    }

private:
    Result<> take_line() {
        ++number_;
        auto line = std::exchange(line_, {});
        if (line.ends_with('\r')) line.pop_back();
        if (number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
        auto const fields = trace_fields(line);
        if (!fields)
            return problem("has a quotation mark out of place: " + shown_in_quotes(line),
                           "them around a whole field, and doubled inside");
        if (number_ == 1) return take_header(*fields);
        if (fields->size() != width_)
            return problem(line.empty() ? "is empty" : "has " + fields_text(fields->size()),
                           fields_text(width_) + ", as many as line 1");
        return take_job(*fields);
    }

    static std::string fields_text(std::size_t count) {
        return std::to_string(count) + (count == 1 ? " field" : " fields");
    }

    Result<> take_header(std::vector<std::string> const& fields) {
        width_ = fields.size();
        for (std::size_t column = 0; column < trace_columns.size(); ++column) {
            auto const found = std::find(fields.begin(), fields.end(), trace_columns[column]);
            if (found == fields.end())
                return problem(
                    "names no column " + std::string{trace_columns[column]} + ": " + shown_in_quotes(join(fields)),
                    std::string{trace_header});
            if (std::find(found + 1, fields.end(), trace_columns[column]) != fields.end())
                return problem("names the column " + std::string{trace_columns[column]} + " twice", "it once");
            place_[column] = static_cast<std::size_t>(found - fields.begin());
        }
        return {};
    }

    static std::string join(std::vector<std::string> const& fields) {
        std::string text;
        for (auto const& field : fields) text += (&field == &fields.front() ? "" : ",") + field;
        return text;
    }

    Result<> take_job(std::vector<std::string> const& fields) {
        if (std::ssize(arrivals_) >= most_trace_jobs)
            return fail(Errc::rejected, name_ + " has more than " + std::to_string(most_trace_jobs) +
                                            " jobs; expected at most that many");
        auto const& job_class = fields[place_[3]];
        auto const at = time_in(fields, 0);
        if (!at) return at.error();
        auto const runs = time_in(fields, 1);
        if (!runs) return runs.error();
        auto const slots = slots_in(fields);
        if (!slots) return slots.error();
        if (!is_utf8(job_class)) return problem("has the class " + shown_in_quotes(job_class), "UTF-8 text");
        if (job_class.size() > longest_class)
            return problem("has a class of " + std::to_string(job_class.size()) + " bytes",
                           "at most " + std::to_string(longest_class));
        if (!arrivals_.empty() && *at < arrivals_.back().at)
            return problem("has the submit_time_s " + shown_in_quotes(fields[place_[0]]) + " after one of " +
                               to_text(arrivals_.back().at),
                           "the jobs in the order of their submission");
        arrivals_.push_back({*at, *runs, *slots, job_class});
        return {};
    }

    /// Not a number compares to nothing, so that it is refused with what is out of range.
    Result<Duration> time_in(std::vector<std::string> const& fields, std::size_t column) const {
        auto const& text = fields[place_[column]];
        auto const number = trace_number(text);
        if (!number || !(*number >= 0 && *number <= longest_seconds))
            return problem("has the " + std::string{trace_columns[column]} + " " + shown_in_quotes(text),
                           "seconds from 0 to " + std::to_string(static_cast<std::int64_t>(longest_seconds)) +
                               " (ten years)")
                .error();
        return Duration{std::llround(*number * 1000)};
    }

    Result<int> slots_in(std::vector<std::string> const& fields) const {
        auto const& text = fields[place_[2]];
        int slots = 0;
        auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), slots);
        if (error != std::errc{} || end != text.data() + text.size() || slots < 1 || slots > most_slots)
            return problem("has the slots " + shown_in_quotes(text),
                           "a whole number from 1 to " + std::to_string(most_slots))
                .error();
        return slots;
    }

    /// @param ahead  How many lines after the last one that was begun the problem is on.
    [[nodiscard]] Result<> problem(std::string const& found, std::string const& expected, int ahead = 0) const {
        return fail(Errc::rejected,
                    name_ + ": line " + std::to_string(number_ + ahead) + " " + found + "; expected " + expected);
    }

    std::string name_;
    std::string line_;
    std::int64_t number_ = 0;
    std::size_t width_ = 0;
    std::array<std::size_t, trace_columns.size()> place_{};
    std::vector<Arrival> arrivals_;
};

struct CloseTrace {
    void operator()(gzFile file) const { gzclose(file); }
};

Error unreadable_trace(std::string const& path, std::string const& why) {
    return fail(Errc::rejected, "the trace " + shown_in_quotes(path) + " cannot be read: " + why);
}

/// What zlib says of a file that ended early or is damaged.
Error broken_trace(std::string const& path, gzFile file) {
    int code = Z_OK;
    std::string const words = gzerror(file, &code);
    if (code == Z_ERRNO) return unreadable_trace(path, std::strerror(errno));
    if (code == Z_BUF_ERROR)
        return unreadable_trace(path, "its compressed data ends too early; expected a whole gzip file");
    return unreadable_trace(path,
                            "its compressed data is damaged (" + printable(words) + "); expected a whole gzip file");
}

}  // namespace

Result<std::vector<Arrival>> parse_trace(std::string_view text, std::string_view name) {
    TraceReader reader{name};
    if (auto const taken = reader.take(text); !taken) return taken.error();
    return reader.finish();
}

Result<std::vector<Arrival>> read_trace(std::string const& path) {
    errno = 0;
    std::unique_ptr<gzFile_s, CloseTrace> const file{gzopen(path.c_str(), "rbe")};
    if (!file) return unreadable_trace(path, errno == 0 ? "not enough memory" : std::strerror(errno));
    TraceReader reader{path};
    std::array<char, 64 * 1024> piece{};
    bool first = true;
    while (true) {
        errno = 0;
        auto const size = gzread(file.get(), piece.data(), static_cast<unsigned>(piece.size()));
        if (size < 0) return broken_trace(path, file.get());
        if (std::exchange(first, false) && path.ends_with(".gz") && size > 0 && gzdirect(file.get()) == 1)
            return unreadable_trace(path, "its name ends in .gz, but it is not compressed by gzip");
        if (size == 0) break;
        if (auto const taken = reader.take({piece.data(), static_cast<std::size_t>(size)}); !taken)
            return taken.error();
    }
    int code = Z_OK;
    gzerror(file.get(), &code);
    if (code != Z_OK && code != Z_STREAM_END) return broken_trace(path, file.get());
    return reader.finish();
}

}  // namespace rgrid::sim
