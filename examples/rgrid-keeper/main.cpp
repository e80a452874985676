#include <iostream>
#include <rgrid/adapters/process/keeper.hpp>
#include <string_view>

#include "app/version.hpp"

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view{argv[1]} == "--version") {
        std::cout << "rgrid-keeper " << rgrid::app::version() << "\n";
        return 0;
    }
    return rgrid::process::keeper_main(argc, argv);
}
