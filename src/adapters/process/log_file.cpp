#include "adapters/process/log_file.hpp"

#include <cstdio>
#include <fcntl.h>

namespace rgrid::process {

LogFile::LogFile(std::string name, long most) : name_(std::move(name)), most_(most) { open(); }

void LogFile::write(std::string_view text) {
    if (size_ + static_cast<long>(text.size()) > most_ && size_ > 0) {
        std::rename(name_.c_str(), (name_ + ".1").c_str());
        open();
    }
    size_ += static_cast<long>(text.size());
    while (!text.empty()) {
        auto const written = ::write(file_.get(), text.data(), text.size());
        if (written <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void LogFile::open() {
    file_ = Fd{::open(name_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    size_ = file_ ? ::lseek(file_.get(), 0, SEEK_END) : 0;
}

}  // namespace rgrid::process
