#include "rgrid/config/json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>

#include "config/scalar.hpp"
#include "config/source.hpp"

namespace rgrid::config::detail {

namespace json = boost::json;

namespace {

json::object write_record(Type const& type, void const* object) {
    json::object written;
    written.reserve(type.members.size());
    for (auto const& member : type.members)
        written.emplace(member.name, write_json(member.type(), member.of(readable(object))));
    return written;
}

json::array write_list(Type const& type, void const* object) {
    json::array written;
    auto const size = type.size(object);
    written.reserve(size);
    for (std::size_t i = 0; i < size; ++i) written.push_back(write_json(type.element(), type.at(readable(object), i)));
    return written;
}

json::object write_map(Type const& type, void const* object) {
    struct Context {
        Type const& element;
        json::object written;
    } context{type.element(), {}};
    type.each(readable(object), &context, [](void* opaque, std::string const& key, void* value) {
        auto& to = *static_cast<Context*>(opaque);
        to.written.emplace(key, write_json(to.element, value));
    });
    return std::move(context.written);
}

/// JSON has no word for a number that is none.
json::value write_real(double number) { return std::isfinite(number) ? json::value(number) : json::value(nullptr); }

}  // namespace

json::value write_json(Type const& type, void const* object) {
    switch (type.kind) {
        case Kind::boolean: return *static_cast<bool const*>(object);
        case Kind::integer: return type.get(object);
        case Kind::real: return write_real(*static_cast<double const*>(object));
        case Kind::record: return write_record(type, object);
        case Kind::list: return write_list(type, object);
        case Kind::map: return write_map(type, object);
        case Kind::optional: {
            auto const inner = inside(type, readable(object));
            return inner.object ? write_json(*inner.type, inner.object) : json::value(nullptr);
        }
        default: return json::string(scalar_text(type, object));
    }
}

namespace {

std::string found_text(json::value const& found) {
    switch (found.kind()) {
        case json::kind::null: return "nothing";
        case json::kind::bool_: return found.get_bool() ? "true" : "false";
        case json::kind::int64: return std::to_string(found.get_int64());
        case json::kind::uint64: return std::to_string(found.get_uint64());
        case json::kind::double_: return real_text(found.get_double());
        case json::kind::string: return in_quotes(std::string_view{found.get_string()});
        case json::kind::array: return "a list";
        case json::kind::object: return "a table";
    }
    return {};
}

/// What a problem may say of a value that should have been a secret: never the value.
std::string found_secret(json::value const& found) {
    if (found.is_string()) return "\"***\"";
    return found.is_array() ? "a list" : found.is_object() ? "a table" : found.is_null() ? "nothing" : "not a text";
}

/// A number with a point is a whole number if it is one: 3.0 is 3, 3.5 is nothing.
std::optional<std::int64_t> whole(json::value const& found) {
    if (found.is_int64()) return found.get_int64();
    if (!found.is_double()) return std::nullopt;
    auto const number = found.get_double();
    constexpr double exact = 9007199254740992.0;
    if (!(std::abs(number) <= exact) || number != std::trunc(number)) return std::nullopt;
    return static_cast<std::int64_t>(number);
}

std::optional<double> real(json::value const& found) {
    if (found.is_double() && std::isfinite(found.get_double())) return found.get_double();
    if (found.is_int64()) return static_cast<double>(found.get_int64());
    if (found.is_uint64()) return static_cast<double>(found.get_uint64());
    return std::nullopt;
}

std::string below(std::string const& path, std::string_view name) {
    return path.empty() ? std::string{name} : path + "." + std::string{name};
}

bool assign(json::value const& from, Type const& type, void* into) {
    if (is_text(type.kind))
        return from.is_string() && parse_scalar(type, into, std::string_view{from.get_string()});
    if (type.kind == Kind::boolean) return from.is_bool() && (*static_cast<bool*>(into) = from.get_bool(), true);
    if (type.kind == Kind::real) {
        auto const number = real(from);
        return number && (*static_cast<double*>(into) = *number, true);
    }
    auto const number = whole(from);
    return number && *number >= type.low && *number <= type.high && (type.set(into, *number), true);
}

/// Addresses of the least and the greatest value of the (innermost) type; null where there is no limit.
struct Range {
    void const* low = nullptr;
    void const* high = nullptr;
};

Range range_of(Member const& member) {
    return {inside(member.type(), readable(member.low)).object, inside(member.type(), readable(member.high)).object};
}

class Reader {
public:
    Reader(Problems& problems, ReadOptions const& options) : problems_(problems), options_(options) {}

    void read(json::value const& from, Type const& type, void* into, std::string const& path, Range range, int depth) {
        switch (type.kind) {
            case Kind::optional: return read_optional(from, type, into, path, range, depth);
            case Kind::record: return read_record(from, type, into, path, depth);
            case Kind::list: return read_list(from, type, into, path, depth);
            case Kind::map: return read_map(from, type, into, path, depth);
            default: return read_scalar(from, type, into, path, range);
        }
    }

private:
    bool for_settings() const { return options_.environment != nullptr; }

    bool too_deep(std::string const& path, int depth) {
        if (depth < options_.max_depth) return false;
        problems_.add(
            {.path = path,
             .hint = "nested too deeply; at most " + std::to_string(options_.max_depth) + " levels are read"});
        return true;
    }

    void not_a(std::string const& expected, json::value const& from, std::string const& path) {
        problems_.add({.path = path, .found = found_text(from), .expected = expected});
    }

    void read_optional(json::value const& from, Type const& type, void* into, std::string const& path,
                       Range range, int depth) {
        if (from.is_null()) return type.clear(into);
        if (type.value(into) != nullptr) return read(from, type.element(), type.value(into), path, range, depth);
        auto const before = problems_.size();
        read(from, type.element(), type.append(into), path, range, depth);
        if (problems_.size() != before && is_scalar(type.element().kind)) type.clear(into);
    }

    void read_record(json::value const& from, Type const& type, void* into, std::string const& path, int depth) {
        if (too_deep(path, depth)) return;
        auto const* object = from.if_object();
        if (object == nullptr) return not_a("a table", from, path);
        bool values_are_good = true;
        for (auto const& pair : *object) {
            auto const* member = find(type, pair.key());
            if (member == nullptr) {
                unknown(type, pair.key(), path);
                continue;
            }
            auto const before = problems_.size();
            read(pair.value(), member->type(), member->of(into), below(path, member->name), range_of(*member),
                 depth + 1);
            if (problems_.size() != before && is_scalar(inside(member->type(), nullptr).type->kind))
                values_are_good = false;
        }
        // Beside a value that could not be read its default would be judged, which nobody wrote.
        if (type.check != nullptr && values_are_good) check(type, into, path);
    }

    void check(Type const& type, void const* object, std::string const& path) {
        Problems found;
        type.check(object, found, path);
        for (auto const& problem : found)
            if (!problems_.names(problem.path)) problems_.add(problem);
    }

    void read_list(json::value const& from, Type const& type, void* into, std::string const& path, int depth) {
        if (too_deep(path, depth)) return;
        auto const* array = from.if_array();
        if (array == nullptr) return not_a("a list", from, path);
        type.clear(into);
        for (auto const& element : *array) {
            auto const element_path = path + "[" + std::to_string(type.size(into)) + "]";
            read(element, type.element(), type.append(into), element_path, {}, depth + 1);
        }
    }

    void read_map(json::value const& from, Type const& type, void* into, std::string const& path, int depth) {
        if (too_deep(path, depth)) return;
        auto const* object = from.if_object();
        if (object == nullptr) return not_a("a table", from, path);
        type.clear(into);
        for (auto const& pair : *object) {
            std::string const key{pair.key()};
            read(pair.value(), type.element(), type.insert(into, key), below(path, key), {}, depth + 1);
        }
    }

    static Member const* find(Type const& type, std::string_view name) {
        for (auto const& member : type.members)
            if (name == member.name) return &member;
        return nullptr;
    }

    void unknown(Type const& type, std::string_view name, std::string const& path) {
        if (options_.ignore_unknown) return;
        std::vector<std::string> names;
        for (auto const& member : type.members) names.emplace_back(member.name);
        auto const near = nearest(name, names);
        std::string hint = "unknown setting";
        if (!near.empty()) hint += "; did you mean '" + near + "'?";
        problems_.add({.path = below(path, name), .hint = hint});
    }

    /// The value goes into a copy first: one that is refused leaves the old one as it was.
    void read_scalar(json::value const& from, Type const& type, void* into, std::string const& path, Range range) {
        auto const* written = from.if_string();
        if (for_settings() && written != nullptr) {
            auto const source = look_up(std::string_view{*written}, type.kind, *options_.environment, options_.folder);
            if (source) return read_source(*source, from, type, into, path, range);
        }
        auto const value = type.make();
        if (assign(from, type, value.get()) && acceptable(type, value.get(), range))
            return type.copy(into, value.get());
        problems_.add({.path = path,
                       .found = type.kind == Kind::secret ? found_secret(from) : found_text(from),
                       .expected = expectation(type, range.low, range.high)});
    }

    /// What an environment variable or a file holds may be anything, so only its name is told.
    void read_source(Source const& source, json::value const& from, Type const& type, void* into,
                     std::string const& path, Range range) {
        auto const value = type.make();
        if (source.problem.empty() && parse_scalar(type, value.get(), source.value) &&
            acceptable(type, value.get(), range))
            return type.copy(into, value.get());
        problems_.add({.path = path,
                       .found = found_text(from),
                       .expected = source.problem.empty() ? expectation(type, range.low, range.high) : "",
                       .hint = source.problem.empty() ? "that is not what it stands for" : source.problem});
    }

    bool acceptable(Type const& type, void const* value, Range range) const {
        if (!in_range(type, value, range.low, range.high)) return false;
        if (!for_settings()) return true;
        // A printed configuration is none: the stars are no secret.
        if (type.kind == Kind::secret) return static_cast<Secret const*>(value)->reveal() != "***";
        return range.low != nullptr || !is_negative(type, value);
    }

    Problems& problems_;
    ReadOptions const& options_;
};

}  // namespace

bool read_json(json::value const& from, Type const& type, void* object, Problems& problems, std::string const& path,
               ReadOptions const& options) {
    auto const before = problems.size();
    Reader{problems, options}.read(from, type, object, path, {}, 0);
    return problems.size() == before;
}

}  // namespace rgrid::config::detail
