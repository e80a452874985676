// What the archives that are linked into the agent ask of a newer C library than Ubuntu 22.04 has.

#include <sys/random.h>

#include <cstdint>
#include <cstdlib>

extern "C" std::uint32_t arc4random() noexcept {
    std::uint32_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) std::abort();
    return number;
}
