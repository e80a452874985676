#pragma once

#include <string>
#include <string_view>

#include "adapters/process/fd.hpp"

namespace rgrid::process {

/// A log of bounded size in the current folder: when it is full it becomes NAME.1 and a new one begins.
/// What cannot be written is lost; a full disk must not end a server.
class LogFile {
public:
    LogFile(std::string name, long most);

    void write(std::string_view text);

private:
    void open();

    std::string name_;
    long most_;
    long size_ = 0;
    Fd file_;
};

}  // namespace rgrid::process
