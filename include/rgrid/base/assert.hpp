#pragma once

#include <cstdio>
#include <cstdlib>

/// Checks an invariant whose failure is a programming error, in every build type.
///
/// Operating errors (a refused call, odd data) are values of Result and never end here: one impossible server must
/// not stop a fleet that costs money.
#define RGRID_ASSERT(condition) \
    ((condition) ? static_cast<void>(0) : ::rgrid::detail::assertion_failed(#condition, __FILE__, __LINE__))

namespace rgrid::detail {

[[noreturn]] inline void assertion_failed(char const* condition, char const* file, int line) {
    std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
    std::abort();
}

}  // namespace rgrid::detail
