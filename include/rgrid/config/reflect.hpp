#pragma once

#include <array>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <boost/mp11/list.hpp>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/field.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/money.hpp>
#include <rgrid/base/secret.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/config/problems.hpp>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// Run-time descriptions of C++ types, made from their Boost.Describe lines at compile time.
///
/// The readers and writers work on these descriptions and are compiled once, in this library, instead of once for each
/// type in every file that reads or writes it.
namespace rgrid::config::detail {

enum class Kind {
    boolean,
    integer,
    real,
    text,
    secret,
    duration,
    instant,
    money,
    bytes,
    choice,    ///< A described enum.
    record,    ///< A described struct.
    list,
    map,
    optional,
};

struct Type;
using TypeRef = Type const& (*)();  ///< A function, so that a type may contain itself.

/// A member of a record. `low` and `high` point to values of the member's type, or are null.
struct Member {
    char const* name = nullptr;
    char const* help = "";
    TypeRef type = nullptr;
    void* (*of)(void* record) = nullptr;
    void const* low = nullptr;
    void const* high = nullptr;
};

/// What the engine can do with an object that it knows only by its address. Only the functions that its kind needs are
/// set. Objects that are only read are never written through these.
struct Type {
    Kind kind = Kind::record;
    std::shared_ptr<void> (*make)() = nullptr;                     ///< A default object.
    void (*copy)(void* to, void const* from) = nullptr;

    std::int64_t (*get)(void const*) = nullptr;                    // integer, choice
    void (*set)(void*, std::int64_t) = nullptr;                    // integer, choice
    std::int64_t low = 0;                                          // integer: of the C++ type
    std::int64_t high = 0;
    std::string& (*text)(void*) = nullptr;                         // text
    std::span<char const* const> names = {};                            // choice
    std::span<std::int64_t const> values = {};                          // choice: beside `names`

    std::span<Member const> members = {};                               // record
    void (*check)(void const*, Problems&, std::string const& path) = nullptr;  // record: null if it has none

    TypeRef element = nullptr;                                     // list, map, optional
    std::size_t (*size)(void const*) = nullptr;                    // list
    void* (*at)(void*, std::size_t) = nullptr;                     // list
    void* (*append)(void*) = nullptr;                              // list; optional: makes its value anew
    void (*clear)(void*) = nullptr;                                // list, map, optional
    void* (*value)(void*) = nullptr;                               // optional: null if it has none
    void* (*insert)(void*, std::string const& key) = nullptr;      // map
    void (*each)(void*, void* context, void (*visit)(void* context, std::string const& key, void* value)) = nullptr;
};

template <class T>
Type const& type_of();

template <class T>
concept HasRules = requires { T::rules; };

template <class T>
concept HasCheck = requires(T const& value, Problems& problems, std::string const& path) {
    check(value, problems, path);
};

template <class T>
using MembersOf = boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

template <class A, class B>
constexpr bool same_member(A a, B b) {
    if constexpr (std::same_as<A, B>) return a == b;
    else return false;
}

/// The positions in T::rules of the rules for the described member D; the last one and how many there are.
template <class T, class D>
consteval std::pair<std::size_t, std::size_t> rule_of() {
    std::size_t position = 0, index = 0, count = 0;
    std::apply(
        [&](auto const&... rule) {
            ((same_member(rule.member, D::pointer) ? (position = index, ++count) : count, ++index), ...);
        },
        T::rules);
    return {position, count};
}

/// Every described member has exactly one rule and there are no others.
template <class T>
consteval bool rules_are_complete() {
    return []<class... D>(boost::mp11::mp_list<D...>) {
        return std::tuple_size_v<std::remove_cvref_t<decltype(T::rules)>> == sizeof...(D) &&
               ((rule_of<T, D>().second == 1) && ...);
    }(boost::mp11::mp_rename<MembersOf<T>, boost::mp11::mp_list>{});
}

template <class T, class D>
constexpr Member member_of() {
    using Value = std::remove_cvref_t<decltype(std::declval<T&>().*D::pointer)>;
    Member member{.name = D::name, .type = &type_of<Value>};
    member.of = [](void* record) -> void* { return &(static_cast<T*>(record)->*D::pointer); };
    if constexpr (HasRules<T>) {
        constexpr auto position = rule_of<T, D>().first;
        auto const& rule = std::get<position>(T::rules);
        member.help = rule.help;
        if constexpr (requires { rule.low; }) {
            member.low = &rule.low;
            member.high = &rule.high;
        }
    }
    return member;
}

template <class T>
struct MemberTable {
    template <class... D>
    static constexpr std::array<Member, sizeof...(D)> make(boost::mp11::mp_list<D...>) {
        return {member_of<T, D>()...};
    }
    static constexpr auto table = make(boost::mp11::mp_rename<MembersOf<T>, boost::mp11::mp_list>{});
};

template <class T>
struct EnumTable {
    template <class... D>
    static constexpr std::array<char const*, sizeof...(D)> make_names(boost::mp11::mp_list<D...>) {
        return {D::name...};
    }
    template <class... D>
    static constexpr std::array<std::int64_t, sizeof...(D)> make_values(boost::mp11::mp_list<D...>) {
        return {static_cast<std::int64_t>(D::value)...};
    }
    using All = boost::mp11::mp_rename<boost::describe::describe_enumerators<T>, boost::mp11::mp_list>;
    static constexpr auto names = make_names(All{});
    static constexpr auto values = make_values(All{});
};

/// One specialisation for each kind of type.
template <class T>
struct Described;

template <class T>
constexpr Type plain(Kind kind) {
    return {.kind = kind,
            .make = [] { return std::shared_ptr<void>{std::make_shared<T>()}; },
            .copy = [](void* to, void const* from) { *static_cast<T*>(to) = *static_cast<T const*>(from); }};
}

// clang-format off
template <> struct Described<bool> { static constexpr Type type = plain<bool>(Kind::boolean); };
template <> struct Described<double> { static constexpr Type type = plain<double>(Kind::real); };
template <> struct Described<Secret> { static constexpr Type type = plain<Secret>(Kind::secret); };
template <> struct Described<Duration> { static constexpr Type type = plain<Duration>(Kind::duration); };
template <> struct Described<Instant> { static constexpr Type type = plain<Instant>(Kind::instant); };
template <> struct Described<Money> { static constexpr Type type = plain<Money>(Kind::money); };
template <> struct Described<Bytes> { static constexpr Type type = plain<Bytes>(Kind::bytes); };
// clang-format on

template <>
struct Described<std::string> {
    static constexpr Type type = [] {
        auto made = plain<std::string>(Kind::text);
        made.text = [](void* object) -> std::string& { return *static_cast<std::string*>(object); };
        return made;
    }();
};

template <class Tag>
struct Described<Name<Tag>> {
    static constexpr Type type = [] {
        auto made = plain<Name<Tag>>(Kind::text);
        made.text = [](void* object) -> std::string& { return static_cast<Name<Tag>*>(object)->value; };
        return made;
    }();
};

template <class Tag>
struct Described<Number<Tag>> {
    static constexpr Type type = [] {
        auto made = plain<Number<Tag>>(Kind::integer);
        made.get = [](void const* object) { return static_cast<Number<Tag> const*>(object)->value; };
        made.set = [](void* object, std::int64_t number) { static_cast<Number<Tag>*>(object)->value = number; };
        made.low = std::numeric_limits<std::int64_t>::min();
        made.high = std::numeric_limits<std::int64_t>::max();
        return made;
    }();
};

template <std::integral T>
struct Described<T> {
    static_assert(std::is_signed_v<T> || sizeof(T) < 8, "every value must fit into 64 bits with a sign");
    static constexpr Type type = [] {
        auto made = plain<T>(Kind::integer);
        made.get = [](void const* object) { return static_cast<std::int64_t>(*static_cast<T const*>(object)); };
        made.set = [](void* object, std::int64_t number) { *static_cast<T*>(object) = static_cast<T>(number); };
        made.low = std::numeric_limits<T>::min();
        made.high = std::numeric_limits<T>::max();
        return made;
    }();
};

template <class T>
    requires std::is_enum_v<T>
struct Described<T> {
    static constexpr Type type = [] {
        auto made = plain<T>(Kind::choice);
        made.get = [](void const* object) { return static_cast<std::int64_t>(*static_cast<T const*>(object)); };
        made.set = [](void* object, std::int64_t number) { *static_cast<T*>(object) = static_cast<T>(number); };
        made.names = EnumTable<T>::names;
        made.values = EnumTable<T>::values;
        return made;
    }();
};

template <class T>
    requires boost::describe::has_describe_members<T>::value
struct Described<T> {
    static constexpr bool complete = [] {
        if constexpr (HasRules<T>) return rules_are_complete<T>();
        else return true;
    }();
    static_assert(complete, "a struct with `rules` has exactly one rule for each described member");

    static constexpr Type type = [] {
        auto made = plain<T>(Kind::record);
        made.members = MemberTable<T>::table;
        if constexpr (HasCheck<T>) {
            made.check = [](void const* object, Problems& problems, std::string const& path) {
                check(*static_cast<T const*>(object), problems, path);
            };
        }
        return made;
    }();
};

template <class T>
struct Described<std::vector<T>> {
    static_assert(!std::same_as<T, bool>, "std::vector<bool> has no elements that can be pointed to");
    using List = std::vector<T>;

    static constexpr Type type = [] {
        auto made = plain<List>(Kind::list);
        made.element = &type_of<T>;
        made.size = [](void const* list) { return static_cast<List const*>(list)->size(); };
        made.at = [](void* list, std::size_t index) -> void* { return &(*static_cast<List*>(list))[index]; };
        made.append = [](void* list) -> void* { return &static_cast<List*>(list)->emplace_back(); };
        made.clear = [](void* list) { static_cast<List*>(list)->clear(); };
        return made;
    }();
};

template <class Key, class T>
struct Described<std::map<Key, T>> {
    using Map = std::map<Key, T>;

    static constexpr Type type = [] {
        auto made = plain<Map>(Kind::map);
        made.element = &type_of<T>;
        made.clear = [](void* map) { static_cast<Map*>(map)->clear(); };
        made.insert = [](void* map, std::string const& key) -> void* { return &(*static_cast<Map*>(map))[Key{key}]; };
        made.each = [](void* map, void* context, void (*visit)(void*, std::string const&, void*)) {
            for (auto& [key, value] : *static_cast<Map*>(map)) {
                if constexpr (std::same_as<Key, std::string>) visit(context, key, &value);
                else visit(context, key.value, &value);
            }
        };
        return made;
    }();
};

template <class T>
struct Described<std::optional<T>> {
    using Optional = std::optional<T>;

    static constexpr Type type = [] {
        auto made = plain<Optional>(Kind::optional);
        made.element = &type_of<T>;
        made.clear = [](void* optional) { static_cast<Optional*>(optional)->reset(); };
        made.append = [](void* optional) -> void* { return &static_cast<Optional*>(optional)->emplace(); };
        made.value = [](void* optional) -> void* {
            auto& held = *static_cast<Optional*>(optional);
            return held ? &*held : nullptr;
        };
        return made;
    }();
};

template <class T>
Type const& type_of() {
    return Described<T>::type;
}

}  // namespace rgrid::config::detail
