#include "adapters/sqlite/turn.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace rgrid::sqlite {

Turn::Turn(std::string const& path) : file_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)) {}

Turn::~Turn() {
    if (file_ >= 0) ::close(file_);
}

void Turn::want() {
    if (file_ < 0 || wanting_) return;
    wanting_ = ::flock(file_, LOCK_SH | LOCK_NB) == 0;
}

void Turn::have() {
    if (wanting_) ::flock(file_, LOCK_UN);
    wanting_ = false;
}

bool Turn::wanted_by_another() {
    if (file_ < 0) return false;
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) return true;
    ::flock(file_, LOCK_UN);
    return false;
}

}  // namespace rgrid::sqlite
