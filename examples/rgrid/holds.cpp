#include <iostream>
#include <memory>

#include "commands.hpp"
#include "output.hpp"

namespace rgrid::cli {

namespace {

int set_hold(Context& context, std::string const& pool, bool held) {
    if (!pool.empty()) require_pool(context, PoolName{pool});
    auto& fleet = *context.ports().fleet;
    expect(fleet.hold(context.call(), PoolName{pool}, held));
    auto const record = expect(fleet.load(context.call()));
    if (context.options.json) {
        print_json(record.holds);
        return exit_done;
    }
    auto const subject = pool.empty() ? std::string{"the fleet"} : "pool " + pool;
    if (held)
        std::cout << "Paused " << subject
                  << ": no server is ordered or deleted; workers go on with their jobs. 'rgrid resume"
                  << (pool.empty() ? "" : " " + pool) << "' ends that.\n";
    else
        std::cout << "Resumed " << subject << ".\n";
    for (auto const& hold : record.holds)
        if (!held)
            std::cout << (hold.pool.empty() ? "The fleet as a whole" : "Pool " + hold.pool.value)
                      << " is still paused.\n";
    return exit_done;
}

}  // namespace

void add_holds(Commands const& commands) {
    for (bool const held : {true, false}) {
        auto pool = std::make_shared<std::string>();
        auto* command =
            commands.add(held ? "pause" : "resume",
                         held ? "Stops ordering and deleting servers, in one pool or the fleet"
                              : "Goes on after a pause; for the fleet it also says that mass losses are real",
                         [pool, held](Context& context) { return set_hold(context, *pool, held); });
        command->add_option("POOL", *pool, "A pool; the whole fleet if not given");
    }
}

}  // namespace rgrid::cli
