#include <boost/describe/class.hpp>
#include <iostream>
#include <memory>

#include "app/store_server.hpp"
#include "app/store_url.hpp"
#include "commands.hpp"
#include "output.hpp"

namespace rgrid::cli {

/// What `rgrid migrate --json` prints.
struct Migrated {
    int from = 0;
    int to = 0;
    std::vector<std::string> steps;
    bool done = false;
};
BOOST_DESCRIBE_STRUCT(Migrated, (), (from, to, steps, done))

namespace {

int migrate(Context& context, bool dry_run) {
    auto const& settings = context.loaded().settings;
    if (!app::is_postgres(settings.store.url)) {
        if (context.options.json)
            print_json(Migrated{.done = !dry_run});
        else
            std::cout << "Nothing is to be done: a SQLite store is brought up to date by whoever opens it.\n";
        return exit_done;
    }
    auto const report = expect(app::migrate_server(settings, context.clock(), dry_run));
    if (context.options.json) {
        print_json(Migrated{report.from, report.to, report.steps, !dry_run});
        return exit_done;
    }
    for (auto const& step : report.steps) std::cout << (dry_run ? "would be done: " : "done: ") << tame(step) << "\n";
    if (report.steps.empty())
        std::cout << "Nothing is to be done: the schema is at step " << report.to << ".\n";
    else
        std::cout << "The schema " << (dry_run ? "would go" : "went") << " from step " << report.from << " to "
                  << report.to << ".\n";
    return exit_done;
}

}  // namespace

void add_migrate(Commands const& commands) {
    auto dry_run = std::make_shared<bool>(false);
    auto* command = commands.add("migrate", "Brings the schema of a PostgreSQL store to what this version needs",
                                 [dry_run](Context& context) { return migrate(context, *dry_run); });
    command->add_flag("--dry-run", *dry_run, "Say what would be done and do nothing");
    command->footer("As the owner of the database. It may be done while programs use the store, and by several at once.");
}

}  // namespace rgrid::cli
