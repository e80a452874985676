#include "config/scalar.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace rgrid::config::detail {

namespace {

struct UnitOf {
    std::string_view name;
    std::int64_t factor;
};

constexpr std::array<UnitOf, 5> duration_units{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<UnitOf, 5> byte_units{
    {{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", std::int64_t{1} << 40}}};

template <class T>
T const& as(void const* object) {
    return *static_cast<T const*>(object);
}

template <class T>
bool assign(void* object, std::optional<T> const& value) {
    if (value) *static_cast<T*>(object) = *value;
    return value.has_value();
}

template <class T>
std::optional<T> whole_number(std::string_view text) {
    T number{};
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// Reads a whole number with one unit in integers, as the base parsers, which take fractions, would round large ones.
std::optional<std::int64_t> exact_amount(std::string_view text, std::span<UnitOf const> units) {
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    auto const name = text.substr(static_cast<std::size_t>(end - text.data()));
    for (auto const& unit : units) {
        std::int64_t amount = 0;
        if (unit.name == name && !__builtin_mul_overflow(number, unit.factor, &amount)) return amount;
    }
    return std::nullopt;
}

std::optional<Duration> read_duration(std::string_view text) {
    if (auto const exact = exact_amount(text, duration_units)) return Duration{*exact};
    return parse_duration(text);
}

std::optional<Bytes> read_bytes(std::string_view text) {
    if (auto const exact = exact_amount(text, byte_units)) return Bytes{*exact};
    return parse_bytes(text);
}

constexpr Instant first_dated{std::chrono::sys_days{std::chrono::year{0} / 1 / 1}};
constexpr Instant after_last_dated{std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1}};

/// An instant that no four-digit year can hold, such as "never", is written as a number, so that nothing is lost.
std::string instant_text(Instant instant) {
    if (instant >= first_dated && instant < after_last_dated) return rgrid::to_text(instant);
    return "@" + std::to_string(instant.time_since_epoch().count()) + "ms";
}

std::optional<Instant> read_instant(std::string_view text) {
    if (!text.starts_with('@')) return parse_instant(text);
    if (!text.ends_with("ms")) return std::nullopt;
    auto const count = whole_number<std::int64_t>(text.substr(1, text.size() - 3));
    if (!count) return std::nullopt;
    return Instant{Duration{*count}};
}

bool set_integer(Type const& type, void* object, std::string_view text) {
    auto const number = whole_number<std::int64_t>(text);
    if (!number || *number < type.low || *number > type.high) return false;
    type.set(object, *number);
    return true;
}

bool set_real(void* object, std::string_view text) {
    auto const number = whole_number<double>(text);
    return number && std::isfinite(*number) && assign(object, number);
}

bool set_choice(Type const& type, void* object, std::string_view text) {
    for (std::size_t i = 0; i < type.names.size(); ++i) {
        if (type.names[i] == text) return type.set(object, type.values[i]), true;
    }
    return false;
}

bool set_boolean(void* object, std::string_view text) {
    if (text != "true" && text != "false") return false;
    *static_cast<bool*>(object) = text == "true";
    return true;
}

std::string choice_text(Type const& type, void const* object) {
    auto const value = type.get(object);
    for (std::size_t i = 0; i < type.values.size(); ++i) {
        if (type.values[i] == value) return type.names[i];
    }
    return std::to_string(value);
}

std::string one_of(std::span<char const* const> names) {
    std::string text = "one of";
    for (char const* name : names) text += (name == names.front() ? " '" : ", '") + std::string{name} + "'";
    return text;
}

std::string kind_text(Type const& type) {
    switch (type.kind) {
        case Kind::boolean: return "true or false";
        case Kind::integer: return "a whole number";
        case Kind::real: return "a number";
        case Kind::text: return "a text";
        case Kind::secret: return "a text, \"env:NAME\" or \"file:PATH\"";
        case Kind::duration: return "a duration such as \"90s\" or \"15m\"";
        case Kind::instant: return "a time such as \"2026-01-31T23:59:59Z\"";
        case Kind::money: return "an amount such as \"0.0064 EUR\"";
        case Kind::bytes: return "a size such as \"512MiB\"";
        case Kind::choice: return one_of(type.names);
        case Kind::record:
        case Kind::map: return "a table";
        case Kind::list: return "a list";
        case Kind::optional: return kind_text(type.element());
    }
    return {};
}

/// -1, 0, 1 or, where one of them is no number, 2.
int compare(Type const& type, void const* left, void const* right) {
    auto const order = [](auto const& a, auto const& b) { return a < b ? -1 : b < a ? 1 : a == b ? 0 : 2; };
    switch (type.kind) {
        case Kind::integer: return order(type.get(left), type.get(right));
        case Kind::real: return order(as<double>(left), as<double>(right));
        case Kind::duration: return order(as<Duration>(left), as<Duration>(right));
        case Kind::instant: return order(as<Instant>(left), as<Instant>(right));
        case Kind::money: return order(as<Money>(left).nanos, as<Money>(right).nanos);
        case Kind::bytes: return order(as<Bytes>(left), as<Bytes>(right));
        default: return 0;
    }
}

}  // namespace

Inner inside(Type const& type, void* object) {
    if (type.kind != Kind::optional) return {&type, object};
    return inside(type.element(), object ? type.value(object) : nullptr);
}

std::string real_text(double number) {
    if (number == 0) return std::signbit(number) ? "-0.0" : "0";
    std::array<char, 32> buffer{};
    auto const [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
    return {buffer.data(), end};
}

std::string scalar_text(Type const& type, void const* object) {
    switch (type.kind) {
        case Kind::boolean: return as<bool>(object) ? "true" : "false";
        case Kind::integer: return std::to_string(type.get(object));
        case Kind::real: return real_text(as<double>(object));
        case Kind::text: return type.text(readable(object));
        case Kind::secret: return as<Secret>(object).empty() ? "" : "***";
        case Kind::duration: return rgrid::to_text(as<Duration>(object));
        case Kind::instant: return instant_text(as<Instant>(object));
        case Kind::money: return rgrid::to_text(as<Money>(object));
        case Kind::bytes: return rgrid::to_text(as<Bytes>(object));
        case Kind::choice: return choice_text(type, object);
        default: return {};
    }
}

bool parse_scalar(Type const& type, void* object, std::string_view text) {
    switch (type.kind) {
        case Kind::boolean: return set_boolean(object, text);
        case Kind::integer: return set_integer(type, object, text);
        case Kind::real: return set_real(object, text);
        case Kind::text: return type.text(object) = text, true;
        case Kind::secret: return assign<Secret>(object, Secret{std::string{text}});
        case Kind::duration: return assign(object, read_duration(text));
        case Kind::instant: return assign(object, read_instant(text));
        case Kind::money: return assign(object, parse_money(text));
        case Kind::bytes: return assign(object, read_bytes(text));
        case Kind::choice: return set_choice(type, object, text);
        default: return false;
    }
}

bool in_range(Type const& type, void const* object, void const* low, void const* high) {
    auto const value = inside(type, readable(object));
    auto const least = inside(type, readable(low)).object;
    auto const most = inside(type, readable(high)).object;
    if (value.object == nullptr) return true;
    auto const is_one_of = [](int order, int a, int b) { return order == a || order == b; };
    return (least == nullptr || is_one_of(compare(*value.type, least, value.object), -1, 0)) &&
           (most == nullptr || is_one_of(compare(*value.type, value.object, most), -1, 0));
}

bool is_negative(Type const& type, void const* object) {
    switch (type.kind) {
        case Kind::duration: return as<Duration>(object) < Duration{0};
        case Kind::money: return as<Money>(object).nanos < 0;
        case Kind::bytes: return as<Bytes>(object).count < 0;
        default: return false;
    }
}

std::string range_text(Type const& type, void const* low, void const* high) {
    auto const least = inside(type, readable(low));
    auto const most = inside(type, readable(high));
    std::string text;
    if (least.object != nullptr) text = scalar_text(*least.type, least.object);
    if (most.object != nullptr) text += " to " + scalar_text(*most.type, most.object);
    return text;
}

std::string expectation(Type const& type, void const* low, void const* high) {
    auto const range = range_text(type, low, high);
    if (!range.empty()) {
        auto const kind = kind_text(type);
        return kind.substr(0, kind.find(" such as")) + " from " + range;
    }
    auto const& inner = *inside(type, nullptr).type;
    if (inner.kind == Kind::integer && inner.low != std::numeric_limits<std::int64_t>::min())
        return "a whole number from " + std::to_string(inner.low) + " to " + std::to_string(inner.high);
    return kind_text(type);
}

}  // namespace rgrid::config::detail
