#include "app/store_file.hpp"

#include <filesystem>

#include "app/open.hpp"

namespace rgrid::app {

sqlite::Settings sqlite_settings(StoreSettings const& store) {
    sqlite::Settings settings;
    settings.path = place_path(store.url);
    settings.synchronous =
        store.synchronous.value_or(Synchronous::full) == Synchronous::full ? sqlite::Synchronous::full : sqlite::Synchronous::normal;
    settings.keep_finished = store.keep_finished;
    settings.max_log = store.max_log;
    return settings;
}

Result<sqlite::StoreFile> inspect_store(Settings const& settings) {
    return sqlite::inspect(sqlite_settings(settings.store));
}

Result<sqlite::BackupReport> backup_store(Settings const& settings, std::string const& target, Clock& clock) {
    return sqlite::backup(sqlite_settings(settings.store), target, clock);
}

Result<> restore_store(Settings const& settings, std::string const& source, Clock& clock) {
    auto const store = sqlite_settings(settings.store);
    if (auto made = make_private_folder(std::filesystem::path{store.path}.parent_path().string()); !made) return made;
    return sqlite::restore(store, source, settings.fleet.name, clock);
}

}  // namespace rgrid::app
