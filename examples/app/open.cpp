#include "app/open.hpp"

#include <filesystem>
#include <rgrid/adapters/files/folder.hpp>
#include <rgrid/adapters/postgres/wake.hpp>
#include <rgrid/adapters/process/executor.hpp>
#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/adapters/sqlite/wake.hpp>
#include <string>
#include <system_error>

#include "app/cloud.hpp"
#include "app/self.hpp"
#include "app/store_file.hpp"
#include "app/store_server.hpp"
#include "app/store_url.hpp"

namespace rgrid::app {
namespace fs = std::filesystem;

namespace {

/// Opens something of a store. Programs that are started together may find its file locked by the one that makes it,
/// and a server may be starting again: both take a moment; what still fails after `patience` is not that.
template <class Open>
auto open_patiently(Clock& clock, Open const& open) -> decltype(open()) {
    constexpr Duration patience = 10s;
    auto const until = clock.steady_now() + patience;
    while (true) {
        auto opened = open();
        if (opened || opened.error().code != Errc::retry_later || clock.steady_now() >= until) return opened;
        clock.sleep_until(clock.steady_now() + 50ms, {});
    }
}

template <class Store>
void share(std::shared_ptr<Store> const& store, Ports& ports) {
    ports.store = store;
    ports.queue = store.get();
    ports.fleet = store.get();
    ports.work = store.get();
    ports.jobs = store.get();
}

Result<> open_store_file(Settings const& settings, Clock& clock, Ports& ports) {
    auto const store_settings = sqlite_settings(settings.store);
    if (auto made = make_private_folder(fs::path{store_settings.path}.parent_path().string()); !made) return made;
    auto store = open_patiently(clock, [&] { return sqlite::Store::open(store_settings, settings.fleet.name, clock); });
    if (!store) return store.error();
    std::shared_ptr<sqlite::Store> const shared = std::move(*store);
    share(shared, ports);
    ports.lost_store = [shared]() -> std::optional<LostStore> {
        auto lost = shared->lost();
        return lost ? std::optional{LostStore{lost->replaced, std::move(lost->message)}} : std::nullopt;
    };
    return {};
}

Result<> open_store(Settings const& settings, Clock& clock, Ports& ports) {
    if (!is_postgres(settings.store.url)) return open_store_file(settings, clock, ports);
    auto store = open_patiently(clock, [&] { return open_server(settings, clock); });
    if (!store) return store.error();
    share(std::shared_ptr<postgres::Store>{std::move(*store)}, ports);
    return {};
}

template <class Opened>
Result<> take_wake(Opened wake, std::unique_ptr<Wake>& into) {
    if (!wake) return wake.error();
    into = std::move(*wake);
    return {};
}

Result<> open_wake(Settings const& settings, Clock& clock, std::unique_ptr<Wake>& into) {
    if (is_postgres(settings.store.url))
        return take_wake(postgres::StoreWake::open(postgres_settings(settings.store), settings.fleet.name, clock), into);
    return take_wake(
        open_patiently(clock, [&] { return sqlite::StoreWake::open(sqlite_settings(settings.store), clock); }), into);
}

Result<> open_files(Settings const& settings, Ports& ports) {
    auto const folder = place_path(settings.files.url);
    if (auto made = make_private_folder(folder); !made) return made;
    ports.files = std::make_unique<files::Folder>(folder);
    return {};
}

Result<> open_executor(Settings const& settings, Clock& clock, Ports& ports) {
    if (auto made = make_private_folder(settings.worker.folder); !made) return made;
    auto keeper = find_program("rgrid-keeper");
    if (!keeper) return keeper.error();
    ports.executor =
        std::make_unique<process::Executor>(process::ExecutorSettings{.keeper = *keeper,
                                                                      .max_processes = settings.worker.max_processes,
                                                                      .disk_reserve = settings.worker.disk_reserve},
                                            clock);
    return {};
}

}  // namespace

Result<> make_private_folder(std::string const& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) return {};
    fs::create_directories(path, error);
    if (error) return fail(Errc::rejected, "cannot make the folder '" + path + "': " + error.message());
    fs::permissions(path, fs::perms::owner_all, error);
    return {};
}

Result<Ports> open_ports(LoadedSettings const& loaded, Clock& clock, Role role) {
    Ports ports;
    auto const& settings = loaded.settings;
    if (auto opened = make_private_folder(loaded.home); !opened) return opened.error();
    if (auto opened = open_store(settings, clock, ports); !opened) return opened.error();
    bool const serves = role == Role::gateway || (role == Role::controller && !settings.gateway.listen.empty());
    if (role == Role::agent || role == Role::controller)
        if (auto opened = open_wake(settings, clock, ports.wake); !opened) return opened.error();
    if (serves)
        if (auto opened = open_wake(settings, clock, ports.gateway_wake); !opened) return opened.error();
    if (role != Role::controller || serves)
        if (auto opened = open_files(settings, ports); !opened) return opened.error();
    if (role == Role::agent)
        if (auto opened = open_executor(settings, clock, ports); !opened) return opened.error();
    if (role == Role::controller) {
        auto cloud = open_cloud(loaded, clock);
        if (!cloud) return cloud.error();
        ports.cloud = std::move(*cloud);
    }
    return ports;
}

}  // namespace rgrid::app
