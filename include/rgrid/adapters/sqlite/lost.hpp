#pragma once

#include <string>

namespace rgrid::sqlite {

/// What became of a store's file under a program that has it open.
struct Lost {
    /// Another file is at its path, so a program that starts again has a store; else there is none, and the programs
    /// that have the old one open are the last that hold its content.
    bool replaced = false;
    std::string message;  ///< For an operator: the path, what happened and what to do.
};

}  // namespace rgrid::sqlite
