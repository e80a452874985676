#include "confirm.hpp"

#include <unistd.h>

#include <iostream>

#include "context.hpp"

namespace rgrid::cli {

void confirm(bool yes, std::string const& question) {
    if (yes) return;
    if (::isatty(STDIN_FILENO) != 1)
        quit(exit_wrong_use, "nothing was changed: there is no terminal to ask at; --yes says that it is meant");
    std::cout << std::flush;
    std::cerr << question << " [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "y" && answer != "Y" && answer != "yes") quit(exit_failed, "nothing was changed");
}

}  // namespace rgrid::cli
