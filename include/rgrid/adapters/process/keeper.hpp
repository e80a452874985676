#pragma once

namespace rgrid::process {

/// The program rgrid-keeper, which Provider and Executor start: `serve` keeps one local server, `run` contains one
/// attempt. Not for people: anything else is answered with a line of help and 2. The program has one thread.
int keeper_main(int argc, char const* const* argv);

}  // namespace rgrid::process
