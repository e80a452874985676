#include "rgrid/config/reference.hpp"

#include "config/scalar.hpp"

namespace rgrid::config::detail {

namespace {

std::string type_name(Type const& type) {
    switch (type.kind) {
        case Kind::boolean: return "boolean";
        case Kind::integer: return "whole number";
        case Kind::real: return "number";
        case Kind::text: return "text";
        case Kind::secret: return "secret";
        case Kind::duration: return "duration";
        case Kind::instant: return "time";
        case Kind::money: return "amount";
        case Kind::bytes: return "size";
        case Kind::choice: return "choice";
        case Kind::record:
        case Kind::map: return "table";
        case Kind::list: return "list of " + type_name(type.element());
        case Kind::optional: return type_name(type.element());
    }
    return {};
}

std::string default_text(Type const& type, void* object) {
    auto const inner = inside(type, object);
    if (inner.object == nullptr) return "not set";
    if (inner.type->kind == Kind::list) return inner.type->size(inner.object) == 0 ? "`[]`" : "see below";
    auto const text = scalar_text(*inner.type, inner.object);
    return is_text(inner.type->kind) ? "`\"" + text + "\"`" : "`" + text + "`";
}

std::string values_text(Type const& type, Member const& member) {
    auto const& inner = *inside(type, nullptr).type;
    std::string text;
    for (char const* name : inner.names) text += (text.empty() ? "`" : ", `") + std::string{name} + "`";
    return text.empty() ? range_text(type, member.low, member.high) : text;
}

/// What stands below a heading of its own: the record inside optionals, lists and maps, and how its heading is written.
struct Section {
    Type const* record = nullptr;
    std::string path;
    bool repeated = false;  ///< A list: "[[path]]".
};

Section section_of(Type const& type, std::string const& path) {
    auto const& inner = *inside(type, nullptr).type;
    if (inner.kind == Kind::record) return {&inner, path, false};
    if (inner.kind == Kind::map) return section_of(inner.element(), path + ".NAME");
    if (inner.kind != Kind::list) return {};
    auto section = section_of(inner.element(), path);
    section.repeated = true;
    return section;
}

std::string heading(Section const& section) {
    return section.repeated ? "[[" + section.path + "]]" : "[" + section.path + "]";
}

void write_section(std::string& text, Type const& record, std::string const& path);

void write_rows(std::string& text, Type const& record, std::string const& path, void* defaults) {
    bool first = true;
    for (auto const& member : record.members) {
        auto const& type = member.type();
        if (section_of(type, path).record != nullptr) continue;
        if (first) text += "\n| Setting | Type | Default | Values | Meaning |\n|---|---|---|---|---|\n";
        first = false;
        text += "| `" + std::string{member.name} + "` | " + type_name(type) + " | " +
                default_text(type, member.of(defaults)) + " | " + values_text(type, member) + " | " + member.help +
                " |\n";
    }
}

void write_section(std::string& text, Type const& record, std::string const& path) {
    auto const defaults = record.make();
    write_rows(text, record, path, defaults.get());
    for (auto const& member : record.members) {
        auto const section = section_of(member.type(), path.empty() ? member.name : path + "." + member.name);
        if (section.record == nullptr) continue;
        text += (text.empty() ? "## `" : "\n## `") + heading(section) + "`\n\n" + member.help + "\n";
        write_section(text, *section.record, section.path);
    }
}

}  // namespace

std::string write_reference(Type const& type) {
    std::string text;
    write_section(text, type, {});
    return text;
}

}  // namespace rgrid::config::detail
