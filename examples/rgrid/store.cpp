#include <boost/describe/class.hpp>
#include <filesystem>
#include <iostream>
#include <memory>

#include "app/adoption.hpp"
#include "app/cloud.hpp"
#include "app/proofs.hpp"
#include "app/self.hpp"
#include "app/store_file.hpp"
#include "app/store_server.hpp"
#include "app/store_url.hpp"
#include "commands.hpp"
#include "confirm.hpp"
#include "output.hpp"

namespace rgrid::cli {

/// What `rgrid store info --json` prints.
struct StoreInfo {
    StoreId store;
    FleetId fleet;
    Generation generation;
    std::string frozen;
    std::string leader;
    std::string path;
    int format = 0;
    Bytes size;
    Bytes journal;
    std::vector<std::string> damage;
    JobCounts jobs;
};
BOOST_DESCRIBE_STRUCT(StoreInfo, (),
                      (store, fleet, generation, frozen, leader, path, format, size, journal, damage, jobs))

/// What `rgrid store backup --json` prints.
struct BackupDone {
    std::string file;
    StoreId store;
    FleetId fleet;
    std::int64_t jobs = 0;
    Bytes size;
    Instant taken;
};
BOOST_DESCRIBE_STRUCT(BackupDone, (), (file, store, fleet, jobs, size, taken))

/// What `rgrid store restore --json` prints.
struct RestoreDone {
    std::string file;
    std::string path;
};
BOOST_DESCRIBE_STRUCT(RestoreDone, (), (file, path))

/// What `rgrid store adopt --json` prints.
struct AdoptDone {
    app::AdoptionPlan found;
    Generation generation;
    std::int64_t requeued = 0;
    std::int64_t succeeded = 0;
};
BOOST_DESCRIBE_STRUCT(AdoptDone, (), (found, generation, requeued, succeeded))

namespace {

/// For what touches every job at once, which takes as long as there are jobs.
constexpr Duration patience = 10min;

struct StoreOptions {
    std::string file;
    std::string store;
    bool yes = false;
};

std::string size_text(Bytes bytes) {
    if (bytes.count < 10 * 1024) return std::to_string(bytes.count) + " B";
    if (bytes.count < 10 * 1024 * 1024) return std::to_string(bytes.count / 1024) + " KiB";
    return std::to_string(bytes.count / 1024 / 1024) + " MiB";
}

void print_info(StoreInfo const& info) {
    std::cout << "store       " << info.store.value << "\n"
              << "fleet       " << info.fleet.value << "\n"
              << "generation  " << info.generation.value << "\n"
              << "state       "
              << (info.frozen.empty() ? "in use"
                                      : paint(Colour::red, "stands still") + ": " + info.frozen +
                                            "\n            'rgrid store adopt' shows what there is and lets it go on")
              << "\n"
              << "leader      " << (info.leader.empty() ? "none" : app::readable_run_name(info.leader)) << "\n"
              << (app::is_postgres(info.path) ? "database    " : "file        ") << info.path << ", "
              << size_text(info.size) << ", ";
    if (!app::is_postgres(info.path)) std::cout << "journal " << size_text(info.journal) << ", ";
    std::cout << "format " << info.format << "\n";
    for (auto const& line : info.damage) std::cout << "damaged     " << paint(Colour::red, tame(line)) << "\n";
    auto const& jobs = info.jobs;
    std::cout << "jobs        " << jobs.accepted << " accepted: " << jobs.scheduled << " scheduled, " << jobs.queued
              << " queued, " << jobs.running << " running, " << jobs.succeeded << " succeeded, " << jobs.failed
              << " failed, " << jobs.cancelled << " cancelled, " << jobs.dead << " dead\n"
              << std::flush;
}

int store_info(Context& context) {
    auto& ports = context.ports();
    auto const& settings = context.loaded().settings;
    auto const record = expect(ports.fleet->load(context.call()));
    StoreInfo info{record.store,  settings.fleet.name, record.generation,
                   record.frozen, record.leader,       app::place_path(settings.store.url)};
    if (app::is_postgres(settings.store.url)) {
        auto const server = expect(app::inspect_server(settings, context.clock()));
        info.format = server.schema;
        info.size = server.size;
    } else {
        auto const file = expect(app::inspect_store(settings));
        info.format = file.format;
        info.size = file.size;
        info.journal = file.journal;
        info.damage = file.damage;
    }
    info.jobs = expect(ports.jobs->counts(context.call()));
    if (context.options.json)
        print_json(info);
    else
        print_info(info);
    return info.damage.empty() ? exit_done : exit_failed;
}

/// Ends a command for files if the store is none, and says what does the same for a database.
void require_file(Context& context, std::string const& instead) {
    auto const& url = context.loaded().settings.store.url;
    if (app::is_postgres(url))
        quit(exit_wrong_use, "this is for a SQLite file, and the store is the database " + url + ": " + instead);
}

int store_backup(Context& context, StoreOptions const& options) {
    require_file(context, "back it up with 'pg_dump --format=custom --schema=rgrid', or with what copies the whole "
                          "server, and copy the file store afterwards");
    auto const report = expect(app::backup_store(context.loaded().settings, options.file, context.clock()));
    if (context.options.json) {
        print_json(BackupDone{options.file, report.store, report.fleet, report.jobs, report.size, report.taken});
        return exit_done;
    }
    std::cout << "Backed up store " << report.store.value << " of fleet " << report.fleet.value << " to "
              << options.file << ": " << report.jobs << " jobs, " << size_text(report.size)
              << ". Files are not in it: copy the file store afterwards.\n";
    return exit_done;
}

int store_restore(Context& context, StoreOptions const& options) {
    require_file(context, "end all daemons, restore it with 'pg_restore --clean --if-exists', then look at what 'rgrid "
                          "store adopt' finds before a daemon starts");
    auto const& settings = context.loaded().settings;
    auto const path = app::place_path(settings.store.url);
    std::error_code ignored;
    bool const is_there = std::filesystem::exists(path, ignored);
    if (!std::filesystem::exists(options.file, ignored))
        quit(exit_wrong_use, "there is no backup '" + options.file + "'");
    confirm(options.yes, (is_there ? "Replace the store " + path + ", which loses what has happened since the backup"
                                   : "Make the store " + path) +
                             "?");
    expect(app::restore_store(settings, options.file, context.clock()));
    if (context.options.json) {
        print_json(RestoreDone{options.file, path});
        return exit_done;
    }
    std::cout << "The store " << path << " is what it was when " << options.file
              << " was taken. It stands still until 'rgrid store adopt': nothing is handed out, ordered or deleted.\n";
    return exit_done;
}

app::AdoptionScene look_around(Context& context) {
    auto& ports = context.ports();
    app::AdoptionScene scene;
    scene.fleet = context.loaded().settings.fleet.name;
    scene.record = expect(ports.fleet->load(context.call()));
    scene.jobs = expect(ports.jobs->counts(context.call()));
    auto const cloud = expect(app::open_cloud_alone(context.loaded().settings, scene.fleet, context.clock()));
    scene.servers = expect(cloud->list(context.call()));
    auto const open = look_at_all(context, {.states = {JobState::scheduled, JobState::queued, JobState::running}});
    // Reading all outputs takes as long as it takes.
    scene.proofs = expect(app::find_proofs(Call{}, *ports.files, open, context.loaded().home));
    return scene;
}

app::AdoptionPlan plan_for(app::AdoptionScene const& scene, StoreOptions const& options) {
    auto plan = app::plan_adoption(scene, options.store.empty() ? std::nullopt : std::optional{StoreId{options.store}});
    if (!plan) quit(exit_wrong_use, plan.error().message);
    return *plan;
}

void print_lines(std::vector<std::string> const& lines, std::string const& before) {
    for (auto const& line : lines) std::cout << before << tame(line, 2000) << "\n";
    std::cout << std::flush;
}

/// Adopts, or ends the command; where it cannot be known whether it took effect, the store is looked at.
Adopted adopt(Context& context, Adoption const& adoption) {
    auto& store = *context.ports().fleet;
    auto adopted = store.adopt(call_within(context.clock(), patience), adoption);
    if (adopted || adopted.error().code != Errc::in_doubt) return expect(std::move(adopted));
    auto const record = store.load(context.call());
    if (!record)
        quit(exit_not_reachable, adopted.error().message +
                                     "; whether the store was adopted is not known: 'rgrid store info' tells its "
                                     "generation, which is then greater than " +
                                     std::to_string(adoption.above.value));
    auto const now = "; the store is at generation " + std::to_string(record->generation.value) + ": ";
    quit(exit_not_reachable,
         adopted.error().message + now +
             (record->generation > adoption.above ? "it was adopted" : "it was not adopted yet, try again"));
}

int store_adopt(Context& context, StoreOptions const& options) {
    auto const first = plan_for(look_around(context), options);
    if (!context.options.json) {
        print_lines(app::found_text(first), "");
        std::cout << "Adopting the store means:\n";
        print_lines(app::consequences_text(first), "  ");
    }
    confirm(options.yes, "Adopt the store?");
    // While the question stood, jobs may have come to their end: what is proven now need not run again.
    auto const scene = look_around(context);
    auto const plan = plan_for(scene, options);
    auto const adopted = adopt(context, app::to_adoption(plan, scene.proofs));
    if (context.options.json) {
        print_json(AdoptDone{plan, adopted.generation, adopted.requeued, adopted.succeeded});
        return exit_done;
    }
    std::cout << "Adopted as store " << plan.adopt_as.value << ", generation " << adopted.generation.value << ": "
              << adopted.succeeded << " succeeded by their outputs, " << adopted.requeued
              << " given back to the queue.\n";
    if (scene.record.leader.empty()) std::cout << "No daemon leads: start rgridd.\n";
    return exit_done;
}

}  // namespace

void add_store(Commands const& commands) {
    auto options = std::make_shared<StoreOptions>();
    auto* store = commands.add("store", "Backs up, restores or adopts the store", store_info);
    store->require_subcommand(1);
    commands.add_to(*store, "info", "Shows the store's identity, state and size, and checks its file if it is one", store_info);
    auto* backup = commands.add_to(*store, "backup", "Copies a SQLite store to a new file while programs use it",
                                   [options](Context& context) { return store_backup(context, *options); });
    backup->add_option("FILE", options->file, "A file that does not exist yet")->required();
    auto* restore =
        commands.add_to(*store, "restore", "Replaces a SQLite store by a backup; it then stands still until it is adopted",
                        [options](Context& context) { return store_restore(context, *options); });
    restore->add_option("FILE", options->file, "What 'rgrid store backup' has made")->required();
    auto* adopt = commands.add_to(*store, "adopt",
                                  "Lets a store that went back in time go on: shows what is found, asks, and begins a "
                                  "new generation",
                                  [options](Context& context) { return store_adopt(context, *options); });
    adopt->add_option("--store", options->store, "Take over the identity of this store, which the servers carry")
        ->type_name("ID");
    for (auto* command : {restore, adopt}) command->add_flag("--yes", options->yes, "Do not ask");
}

}  // namespace rgrid::cli
