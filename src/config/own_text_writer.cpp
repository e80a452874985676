#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <rgrid/base/text.hpp>
#include <rgrid/config/brief_text.hpp>

#include "config/own_text.hpp"
#include "config/scalar.hpp"

namespace rgrid::config::detail {

namespace {

void append_character(std::string& to, std::string_view character) {
    switch (character.front()) {
        case '"': to += "\\\""; return;
        case '\\': to += "\\\\"; return;
        case '\b': to += "\\b"; return;
        case '\f': to += "\\f"; return;
        case '\n': to += "\\n"; return;
        case '\r': to += "\\r"; return;
        case '\t': to += "\\t"; return;
        default: break;
    }
    if (static_cast<unsigned char>(character.front()) >= 0x20) {
        to += character;
        return;
    }
    std::array<char, 8> escape{};
    std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(character.front()));
    to += escape.data();
}

/// How many bytes at the front stand for themselves.
std::size_t plain_length(std::string_view text) {
    auto const special = std::find_if(text.begin(), text.end(), [](char c) {
        auto const byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte >= 0x80 || c == '"' || c == '\\';
    });
    return static_cast<std::size_t>(special - text.begin());
}

void append_number(std::string& to, std::int64_t number) {
    std::array<char, 24> digits;
    auto const [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    to.append(digits.data(), end);
}

void append_record(std::string& to, Type const& type, void const* object) {
    char before = '{';
    for (auto const& member : type.members) {
        to += before;
        append_json_string(to, member.name);
        to += ':';
        append_own_text(to, member.type(), member.of(readable(object)));
        before = ',';
    }
    to += type.members.empty() ? "{}" : "}";
}

void append_list(std::string& to, Type const& type, void const* object) {
    to += '[';
    auto const size = type.size(object);
    for (std::size_t i = 0; i < size; ++i) {
        if (i > 0) to += ',';
        append_own_text(to, type.element(), type.at(readable(object), i));
    }
    to += ']';
}

void append_map(std::string& to, Type const& type, void const* object) {
    struct Context {
        std::string& to;
        Type const& element;
        char before = '{';
    } context{to, type.element()};
    type.each(readable(object), &context, [](void* opaque, std::string const& key, void* value) {
        auto& [text, element, before] = *static_cast<Context*>(opaque);
        text += before;
        append_json_string(text, key);
        text += ':';
        append_own_text(text, element, value);
        before = ',';
    });
    to += context.before == '{' ? "{}" : "}";
}

}  // namespace

void append_member(std::string& to, char const* name, Type const& type, void const* value) {
    if (!to.ends_with('{')) to += ',';
    append_json_string(to, name);
    to += ':';
    append_own_text(to, type, value);
}

void append_json_string(std::string& to, std::string_view text) {
    to += '"';
    while (!text.empty()) {
        if (auto const plain = plain_length(text); plain > 0) {
            to += text.substr(0, plain);
            text.remove_prefix(plain);
            continue;
        }
        auto const length = character_length(text);
        if (length == 0) to += "\xEF\xBF\xBD";
        else append_character(to, text.substr(0, length));
        text.remove_prefix(std::max<std::size_t>(1, length));
    }
    to += '"';
}

void append_own_text(std::string& to, Type const& type, void const* object) {
    switch (type.kind) {
        case Kind::boolean: to += *static_cast<bool const*>(object) ? "true" : "false"; return;
        case Kind::integer: return append_number(to, type.get(object));
        case Kind::real: {
            auto const number = *static_cast<double const*>(object);
            to += std::isfinite(number) ? real_text(number) : "null";  // JSON has no word for a number that is none.
            return;
        }
        case Kind::record: return append_record(to, type, object);
        case Kind::list: return append_list(to, type, object);
        case Kind::map: return append_map(to, type, object);
        case Kind::optional: {
            auto const inner = inside(type, readable(object));
            if (inner.object == nullptr) to += "null";
            else append_own_text(to, *inner.type, inner.object);
            return;
        }
        case Kind::text: return append_json_string(to, type.text(readable(object)));
        default: return append_json_string(to, scalar_text(type, object));
    }
}

}  // namespace rgrid::config::detail
