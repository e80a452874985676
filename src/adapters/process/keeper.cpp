#include <rgrid/adapters/process/keeper.hpp>

#include <cstdio>
#include <string_view>

#include "adapters/process/run.hpp"
#include "adapters/process/serve.hpp"

namespace rgrid::process {

int keeper_main(int argc, char const* const* argv) {
    std::string_view const what = argc == 3 ? argv[1] : "";
    if (what == "serve") return serve(argv[2]);
    if (what == "run") return run_attempt(argv[2]);
    std::fputs(
        "rgrid-keeper keeps a local server or contains a job. RGrid starts it; there is nothing to call by hand.\n",
        stderr);
    return 2;
}

}  // namespace rgrid::process
