#pragma once

#include <type_traits>

namespace rgrid {

/// One setting of a described struct: its help line and, where it has one, the range its value may have.
///
/// A settings struct lists them in `static constexpr auto rules = std::tuple{field(...), ...}`. From that one place
/// come the reader with its error messages, the settings reference and the Python keyword arguments.
template <class Struct, class Member>
struct Field {
    Member Struct::*member;
    char const* help;
};

/// A setting with an inclusive range.
template <class Struct, class Member>
struct RangedField {
    Member Struct::*member;
    char const* help;
    Member low;
    Member high;
};

template <class Struct, class Member>
constexpr Field<Struct, Member> field(Member Struct::*member, char const* help) {
    return {member, help};
}

template <class Struct, class Member>
constexpr RangedField<Struct, Member> field(Member Struct::*member, char const* help, std::type_identity_t<Member> low,
                                            std::type_identity_t<Member> high) {
    return {member, help, low, high};
}

}  // namespace rgrid
