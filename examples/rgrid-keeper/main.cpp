#include <rgrid/adapters/process/keeper.hpp>

int main(int argc, char** argv) { return rgrid::process::keeper_main(argc, argv); }
