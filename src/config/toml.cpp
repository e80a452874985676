#include "rgrid/config/toml.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdio>
#include <sstream>
#include <toml++/toml.h>
#include <utility>
#include <vector>

#include "config/scalar.hpp"

namespace rgrid::config {

namespace json = boost::json;

namespace {

json::string as_text(auto const& value) {
    std::ostringstream text;
    text << value;
    return json::string{text.str()};
}

json::value to_value(toml::node const& node);

/// The parser sorts a table by its keys; problems are easier to follow in the order of the file.
json::object to_object(toml::table const& table) {
    std::vector<std::pair<std::string_view, toml::node const*>> entries;
    for (auto const& [key, value] : table) entries.emplace_back(key, &value);
    std::ranges::stable_sort(entries, [](auto const& a, auto const& b) {
        return a.second->source().begin < b.second->source().begin;
    });
    json::object object;
    for (auto const& [key, value] : entries) object.emplace(key, to_value(*value));
    return object;
}

json::value to_value(toml::node const& node) {
    if (auto const* table = node.as_table()) return to_object(*table);
    if (auto const* array = node.as_array()) {
        json::array list;
        for (auto const& value : *array) list.push_back(to_value(value));
        return list;
    }
    if (auto const* text = node.as_string()) return json::string{text->get()};
    if (auto const* number = node.as_integer()) return number->get();
    if (auto const* number = node.as_floating_point()) return number->get();
    if (auto const* boolean = node.as_boolean()) return boolean->get();
    if (auto const* date = node.as_date()) return as_text(date->get());
    if (auto const* time = node.as_time()) return as_text(time->get());
    if (auto const* both = node.as_date_time()) return as_text(both->get());
    return nullptr;
}

}  // namespace

json::value read_toml(std::string_view text, std::string_view file, Problems& problems) {
    try {
        return to_value(toml::parse(text));
    } catch (toml::parse_error const& error) {
        auto const where = error.source().begin;
        problems.add({.path = std::string{file} + ":" + std::to_string(where.line) + ":" + std::to_string(where.column),
                      .hint = std::string{error.description()}});
        return json::object{};
    }
}

namespace detail {

namespace {

std::string toml_string(std::string_view text) {
    std::string written = "\"";
    for (char character : text) {
        auto const code = static_cast<unsigned char>(character);
        if (character == '"' || character == '\\') written += '\\';
        if (code >= 0x20 && code != 0x7F) {
            written += character;
            continue;
        }
        char escape[8];
        std::snprintf(escape, sizeof escape, "\\u%04X", static_cast<unsigned>(code));
        written += escape;
    }
    return written + '"';
}

std::string toml_key(std::string_view key) {
    auto const is_bare = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    return !key.empty() && std::ranges::all_of(key, is_bare) ? std::string{key} : toml_string(key);
}

std::string toml_number(std::string text) {
    return text.find_first_of(".einf") == std::string::npos ? text + ".0" : text;
}

struct Entry {
    std::string key;
    Type const* type;
    void* object;
};

/// Empty optionals are left out, as TOML has no word for them.
void add_entry(std::vector<Entry>& entries, std::string const& key, Type const& type, void* object) {
    auto const inner = inside(type, object);
    if (inner.object != nullptr) entries.push_back({key, inner.type, inner.object});
}

/// What a record or a map holds.
std::vector<Entry> entries_of(Type const& type, void* object) {
    std::vector<Entry> entries;
    for (auto const& member : type.members) add_entry(entries, member.name, member.type(), member.of(object));
    if (type.kind != Kind::map) return entries;
    struct Context {
        std::vector<Entry>& entries;
        Type const& element;
    } context{entries, type.element()};
    type.each(object, &context, [](void* opaque, std::string const& key, void* value) {
        auto const& to = *static_cast<Context*>(opaque);
        add_entry(to.entries, key, to.element, value);
    });
    return entries;
}

bool is_table(Type const& type) { return type.kind == Kind::record || type.kind == Kind::map; }

bool is_list_of_tables(Type const& type) { return type.kind == Kind::list && is_table(type.element()); }

std::string inline_value(Type const& type, void* object) {
    if (is_text(type.kind)) return toml_string(scalar_text(type, object));
    if (type.kind == Kind::real) return toml_number(scalar_text(type, object));
    if (is_scalar(type.kind)) return scalar_text(type, object);
    std::string written;
    if (type.kind == Kind::list) {
        for (std::size_t i = 0; i < type.size(object); ++i) {
            auto const inner = inside(type.element(), type.at(object, i));
            if (inner.object == nullptr) continue;
            written += (written.empty() ? "" : ", ") + inline_value(*inner.type, inner.object);
        }
        return "[" + written + "]";
    }
    for (auto const& entry : entries_of(type, object))
        written +=
            (written.empty() ? "" : ", ") + toml_key(entry.key) + " = " + inline_value(*entry.type, entry.object);
    return "{" + written + "}";
}

class Writer {
public:
    std::string text;

    /// Values come before tables: after a table's head, every value would belong to that table.
    void write(Type const& type, void* object, std::string const& path) {
        auto const entries = entries_of(type, object);
        for (auto const& entry : entries) {
            if (!is_table(*entry.type) && (!is_list_of_tables(*entry.type) || entry.type->size(entry.object) == 0))
                text += toml_key(entry.key) + " = " + inline_value(*entry.type, entry.object) + "\n";
        }
        for (auto const& entry : entries) {
            auto const key = path.empty() ? toml_key(entry.key) : path + "." + toml_key(entry.key);
            if (is_table(*entry.type)) write_table(*entry.type, entry.object, key, "[" + key + "]");
            if (is_list_of_tables(*entry.type)) {
                for (std::size_t i = 0; i < entry.type->size(entry.object); ++i)
                    write_table(entry.type->element(), entry.type->at(entry.object, i), key, "[[" + key + "]]");
            }
        }
    }

private:
    void write_table(Type const& type, void* object, std::string const& path, std::string const& head) {
        text += (text.empty() ? "" : "\n") + head + "\n";
        write(type, object, path);
    }
};

}  // namespace

std::string write_toml(Type const& type, void const* object) {
    Writer writer;
    writer.write(type, readable(object), {});
    return writer.text;
}

}  // namespace detail

}  // namespace rgrid::config
