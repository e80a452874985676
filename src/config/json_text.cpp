#include "rgrid/config/json_text.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <cmath>
#include <set>

#include "config/own_text.hpp"
#include "config/scalar.hpp"
#include "rgrid/config/json.hpp"

namespace rgrid::config {

namespace json = boost::json;

namespace {

/// Builds the value that the parser finds. The library's own builder computes doubles that may be off in the last
/// digit and lets the last of equal names win.
struct Builder {
    static constexpr std::size_t max_object_size = json::object::max_size();
    static constexpr std::size_t max_array_size = json::array::max_size();
    static constexpr std::size_t max_key_size = json::string::max_size();
    static constexpr std::size_t max_string_size = json::string::max_size();

    json::value_stack stack;
    std::vector<std::set<std::string, std::less<>>> names;  ///< Of the objects that are open.
    std::string number;
    std::string key;
    std::string twice;  ///< A name that an object has twice.

    bool on_document_begin(json::error_code&) { return stack.reset(), true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code&) { return names.emplace_back(), true; }
    bool on_object_end(std::size_t size, json::error_code&) {
        names.pop_back();
        return stack.push_object(size), true;
    }
    bool on_array_begin(json::error_code&) { return true; }
    bool on_array_end(std::size_t size, json::error_code&) { return stack.push_array(size), true; }
    bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
        key.append(part.data(), part.size());
        return stack.push_chars(part), true;
    }
    bool on_key(json::string_view part, std::size_t, json::error_code& error) {
        key.append(part.data(), part.size());
        stack.push_key(part);
        if (!names.back().insert(key).second) {
            twice = key;
            error = json::error::syntax;
        }
        key.clear();
        return !error;
    }
    bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return stack.push_chars(part), true; }
    bool on_string(json::string_view part, std::size_t, json::error_code&) { return stack.push_string(part), true; }
    bool on_number_part(json::string_view part, json::error_code&) {
        number.append(part.data(), part.size());
        return true;
    }
    bool on_int64(std::int64_t value, json::string_view, json::error_code&) {
        number.clear();
        return stack.push_int64(value), true;
    }
    bool on_uint64(std::uint64_t value, json::string_view, json::error_code&) {
        number.clear();
        return stack.push_uint64(value), true;
    }
    bool on_double(double value, json::string_view part, json::error_code&) {
        number.append(part.data(), part.size());
        double exact = 0;
        auto const [end, error] = std::from_chars(number.data(), number.data() + number.size(), exact);
        stack.push_double(error == std::errc{} && end == number.data() + number.size() ? exact : value);
        return number.clear(), true;
    }
    bool on_bool(bool value, json::error_code&) { return stack.push_bool(value), true; }
    bool on_null(json::error_code&) { return stack.push_null(), true; }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }
};

void append(std::string& to, json::value const& value);

void append_object(std::string& to, json::object const& object) {
    char before = '{';
    for (auto const& pair : object) {
        to += before;
        detail::append_json_string(to, std::string_view{pair.key()});
        to += ':';
        append(to, pair.value());
        before = ',';
    }
    to += object.empty() ? "{}" : "}";
}

void append_array(std::string& to, json::array const& array) {
    char before = '[';
    for (auto const& value : array) {
        to += before;
        append(to, value);
        before = ',';
    }
    to += array.empty() ? "[]" : "]";
}

void append(std::string& to, json::value const& value) {
    switch (value.kind()) {
        case json::kind::null: to += "null"; return;
        case json::kind::bool_: to += value.get_bool() ? "true" : "false"; return;
        case json::kind::int64: to += std::to_string(value.get_int64()); return;
        case json::kind::uint64: to += std::to_string(value.get_uint64()); return;
        case json::kind::double_:
            to += std::isfinite(value.get_double()) ? detail::real_text(value.get_double()) : "null";
            return;
        case json::kind::string: return detail::append_json_string(to, std::string_view{value.get_string()});
        case json::kind::array: return append_array(to, value.get_array());
        case json::kind::object: return append_object(to, value.get_object());
    }
}

std::string mistake(Builder const& builder, json::error_code const& error, std::size_t position) {
    auto const what =
        builder.twice.empty() ? error.message() : "the name " + in_quotes(builder.twice) + " stands there twice";
    return "not JSON at byte " + std::to_string(position) + ": " + what;
}

}  // namespace

Result<json::value> parse_json(std::string_view text, int max_depth) {
    json::parse_options options;
    options.max_depth = static_cast<std::size_t>(max_depth);
    json::basic_parser<Builder> parser{options};
    json::error_code error;
    auto const read = parser.write_some(false, text.data(), text.size(), error);
    if (!error && read < text.size()) error = json::error::extra_data;
    if (error) return fail(Errc::rejected, mistake(parser.handler(), error, read));
    return parser.handler().stack.release();
}

std::string to_json_text(json::value const& value) {
    std::string text;
    append(text, value);
    return text;
}

namespace detail {

std::string write_json_text(Type const& type, void const* object) {
    std::string text;
    append_own_text(text, type, object);
    return text;
}

Result<void> read_json_text(std::string_view text, Type const& type, void* object, bool ignore_unknown) {
    if (read_own_text(text, type, object)) return {};
    type.copy(object, type.make().get());
    auto const parsed = parse_json(text);
    if (!parsed) return parsed.error();
    Problems problems;
    read_json(*parsed, type, object, problems, {}, {.ignore_unknown = ignore_unknown});
    if (problems.empty()) return {};
    return fail(Errc::rejected, to_text(problems, "; "));
}

}  // namespace detail

}  // namespace rgrid::config
