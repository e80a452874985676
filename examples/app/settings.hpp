#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <map>
#include <optional>
#include <rgrid/adapters/gateway/settings.hpp>
#include <rgrid/adapters/hetzner/settings.hpp>
#include <rgrid/adapters/process/settings.hpp>
#include <rgrid/adapters/sqlite/settings.hpp>
#include <rgrid/base/bytes.hpp>
#include <rgrid/base/field.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/secret.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/config/problems.hpp>
#include <rgrid/model/event.hpp>
#include <rgrid/policy/params.hpp>
#include <string>
#include <string_view>
#include <tuple>

namespace rgrid::app {

/// The controller of one fleet.
struct FleetSettings {
    FleetId name{"default"};
    Duration interval = 30s;
    Duration leadership = 15s;
    Duration servers_max_age = 30s;
    Duration sessions_max_age = 5s;
    Duration offers_max_age = 10min;
    std::string decision_log;

    static constexpr auto rules = std::tuple{
        field(&FleetSettings::name,
              "Its name; in every label and every server name: small letters, digits and dashes."),
        field(&FleetSettings::interval, "The longest time between two looks.", 100ms, 1h),
        field(&FleetSettings::leadership, "How long a controller that has gone silent still leads.", 1s, 10min),
        field(&FleetSettings::servers_max_age, "The provider's servers are listed again when the listing is older.", 0s,
              1h),
        field(&FleetSettings::sessions_max_age, "The workers are looked at again when the look is older.", 0s, 1h),
        field(&FleetSettings::offers_max_age, "The provider's offers are read again when they are older.", 0s, 24h),
        field(&FleetSettings::decision_log,
              "File with one line for each look; empty: decisions.jsonl in the home folder.")};

    friend bool operator==(FleetSettings const&, FleetSettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(FleetSettings, (),
                      (name, interval, leadership, servers_max_age, sessions_max_age, offers_max_age, decision_log))

using sqlite::Synchronous;

/// How a PostgreSQL database is spoken to.
struct PostgresSettings {
    Secret password;
    int connections = 8;
    Duration statement_limit = 30s;
    bool prepared = true;
    bool listen = true;
    Duration poll = 1s;
    Duration notify_interval = 5ms;

    static constexpr auto rules = std::tuple{
        field(&PostgresSettings::password,
              "As \"env:NAME\" or \"file:PATH\", or in store.url; empty: as libpq finds it, in PGPASSWORD or ~/.pgpass."),
        field(&PostgresSettings::connections,
              "The most connections of one program for its calls; one or two more wait for changes.", 1, 1000),
        field(&PostgresSettings::statement_limit, "The longest a statement may run.", 100ms, 1h),
        field(&PostgresSettings::prepared,
              "Statements are prepared once a connection; false behind a pooler that gives each transaction another one."),
        field(&PostgresSettings::listen,
              "Changes are told by LISTEN and NOTIFY; false behind a pooler that gives each transaction another "
              "connection."),
        field(&PostgresSettings::poll,
              "Without `listen`, or while its connection is lost, programs look for changes this often.", 10ms, 10min),
        field(&PostgresSettings::notify_interval, "The least time between two NOTIFY of one program.", 0s, 1min)};

    friend bool operator==(PostgresSettings const&, PostgresSettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(PostgresSettings, (),
                      (password, connections, statement_limit, prepared, listen, poll, notify_interval))

/// Where jobs, workers and intents are kept.
struct StoreSettings {
    std::string url;
    std::optional<Synchronous> synchronous;
    Duration keep_finished = 168h;
    Bytes max_log{16 * 1024 * 1024};
    std::optional<PostgresSettings> postgres;

    static constexpr auto rules = std::tuple{
        field(&StoreSettings::url,
              "The store, as \"sqlite:FILE\" or \"postgresql://USER@HOST:PORT/DATABASE\" with any option of libpq; empty: "
              "rgrid.db in the home folder."),
        field(&StoreSettings::synchronous,
              "Only with SQLite. full, which holds if nothing is said: a write is done when the disk has it; normal: "
              "faster, but a power cut may take the last ones back."),
        field(&StoreSettings::keep_finished, "Finished jobs and their logs are kept this long.", 1min, 87'600h),
        field(&StoreSettings::max_log, "The most log kept of one job, all its attempts together.", Bytes{1024},
              Bytes{std::int64_t{1} << 40}),
        field(&StoreSettings::postgres, "Only with PostgreSQL: how the database is spoken to.")};

    friend bool operator==(StoreSettings const&, StoreSettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(StoreSettings, (), (url, synchronous, keep_finished, max_log, postgres))

/// Where input and output files are kept.
struct FilesSettings {
    std::string url;

    static constexpr auto rules = std::tuple{
        field(&FilesSettings::url, "The place for files, as \"file:FOLDER\"; empty: files in the home folder.")};

    friend bool operator==(FilesSettings const&, FilesSettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(FilesSettings, (), (url))

/// The agent on each server.
struct WorkerSettings {
    Duration poll = 1s;
    Duration kill_grace = 10s;
    Duration margin = 5s;
    Duration stop_grace = 30s;
    Duration log_flush = 250ms;
    int max_processes = 2000;
    Bytes disk_reserve{64 * 1024 * 1024};
    std::string folder;
    bool keep_folders = false;

    static constexpr auto rules = std::tuple{
        field(&WorkerSettings::poll, "A worker with free slots asks for jobs this often.", 10ms, 10min),
        field(&WorkerSettings::kill_grace, "A job that is told to end has this long before it is killed.", 0s, 10min),
        field(&WorkerSettings::margin,
              "A worker that cannot renew has ended its jobs this long before they may be given to another.", 0s,
              10min),
        field(&WorkerSettings::stop_grace, "A worker that is told to stop lets its jobs run on for this long.", 0s,
              24h),
        field(&WorkerSettings::log_flush, "What a job writes is stored at least this often.", 10ms, 1min),
        field(&WorkerSettings::max_processes,
              "A job that has more processes and threads at a time than this is killed; 0: it may have any number.", 0,
              1'000'000),
        field(&WorkerSettings::disk_reserve,
              "When the disk of the working folders has less than this left, a job that has more than this there is "
              "killed; 0B: a job may fill the disk.",
              Bytes{0}, Bytes{std::int64_t{1} << 40}),
        field(&WorkerSettings::folder, "Where jobs get their working folders; empty: work in the home folder."),
        field(&WorkerSettings::keep_folders, "Keep the working folders of finished attempts, to look into them.")};

    friend bool operator==(WorkerSettings const&, WorkerSettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(WorkerSettings, (),
                      (poll, kill_grace, margin, stop_grace, log_flush, max_processes, disk_reserve, folder,
                       keep_folders))

/// What a new server in a cloud is made ready with.
struct BootSettings {
    bool docker = true;
    std::string agent;
    std::string ray_head;
    std::string ray_version;

    static constexpr auto rules = std::tuple{
        field(&BootSettings::docker, "Whether jobs may use Docker there; its engine is installed unless the image has it."),
        field(&BootSettings::agent,
              "The agent's path in the servers' image; empty: they fetch it from the gateway (gateway.agent)."),
        field(&BootSettings::ray_head, "HOST:PORT of a Ray cluster's head that servers join; empty: none."),
        field(&BootSettings::ray_version, "The version of Ray that the head has, as \"2.60.0\".")};

    friend bool operator==(BootSettings const&, BootSettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(BootSettings, (), (docker, agent, ray_head, ray_version))

/// Who provides the servers.
struct CloudSettings {
    std::optional<process::ProviderSettings> process;
    std::optional<hetzner::ProviderSettings> hetzner;
    BootSettings boot;

    static constexpr auto rules = std::tuple{
        field(&CloudSettings::process, "Servers are local processes; what is taken if no other cloud is named."),
        field(&CloudSettings::hetzner, "Servers are rented from Hetzner Cloud; their agents need a gateway."),
        field(&CloudSettings::boot, "What new servers are made ready with, unless they are local processes.")};

    friend bool operator==(CloudSettings const&, CloudSettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(CloudSettings, (), (process, hetzner, boot))

enum class LogFormat { text, json };
BOOST_DESCRIBE_ENUM(LogFormat, text, json)

/// What the programs write to standard error.
struct LogSettings {
    LogFormat format = LogFormat::text;
    Severity level = Severity::info;

    static constexpr auto rules = std::tuple{field(&LogSettings::format, "text for people, json for machines."),
                                             field(&LogSettings::level, "Lines below this severity are left out.")};

    friend bool operator==(LogSettings const&, LogSettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(LogSettings, (), (format, level))

/// The configuration file.
struct Settings {
    FleetSettings fleet;
    StoreSettings store;
    FilesSettings files;
    WorkerSettings worker;
    CloudSettings cloud;
    gateway::GatewaySettings gateway;
    std::map<PoolName, PoolParams> pool{{PoolName{"default"}, PoolParams{}}};
    LimitsParams limits;
    LogSettings log;

    static constexpr auto rules = std::tuple{
        field(&Settings::fleet, "The controller of one fleet."),
        field(&Settings::store, "Where jobs, workers and intents are kept."),
        field(&Settings::files, "Where input and output files are kept."),
        field(&Settings::worker, "The agent on each server."),
        field(&Settings::cloud, "Who provides the servers."),
        field(&Settings::gateway, "Through which agents on other machines work, without ever seeing the store."),
        field(&Settings::pool,
              "The pools. Naming any replaces the built-in one, which is called \"default\" and takes the jobs that "
              "name no pool."),
        field(&Settings::limits, "Hard caps of the whole fleet."),
        field(&Settings::log, "What the programs write to standard error.")};

    friend bool operator==(Settings const&, Settings const&) = default;
};
BOOST_DESCRIBE_STRUCT(Settings, (), (fleet, store, files, worker, cloud, gateway, pool, limits, log))

/// Whether a fleet or pool can have this name: at most 40 small letters, digits and dashes, with no dash at its ends.
[[nodiscard]] bool is_label(std::string_view name);

/// What the settings say of each other: unknown offers, limits that contradict, places nobody can open.
void check(Settings const& settings, config::Problems& problems, std::string const& path);

/// What the command line says about where the configuration is.
struct SettingsSource {
    std::optional<std::string> config;  ///< --config FILE.
    std::optional<std::string> home;    ///< --home DIR.
};

/// The settings as the programs use them: every place is absolute, none is empty and none holds a password.
struct LoadedSettings {
    Settings settings;
    std::string home;                 ///< The home folder, absolute; it need not exist yet.
    std::optional<std::string> file;  ///< The configuration file that was read, absolute; none: built-in defaults.
    config::Problems problems;        ///< Everything that is wrong; `settings` is fit for use only if this is empty.
};

/// Finds and reads the configuration.
///
/// The home folder is --home, $RGRID_HOME, $XDG_STATE_HOME/rgrid or ~/.local/state/rgrid. The file is --config; else,
/// with --home, DIR/rgrid.toml; else $RGRID_CONFIG, ./rgrid.toml or rgrid.toml in the home folder; else there is none
/// and the defaults hold. The file has to exist only where it was named. RGRID_FLEET, RGRID_STORE_URL, RGRID_FILES_URL,
/// RGRID_LOG_LEVEL and RGRID_LOG_FORMAT stand above the file; DATABASE_URL counts where neither names a store, and so do, in
/// a file with [cloud.hetzner], HETZNER_API_TOKEN (or HCLOUD_TOKEN), RGRID_SSH_KEY_PATH and RAY_HEAD_ADDRESS. Relative
/// places in the file are relative to its folder. Creates nothing.
[[nodiscard]] LoadedSettings load_settings(SettingsSource const& source, config::Environment const& environment);

/// Looks names up in this process's environment. A variable that is set but empty counts as not set.
[[nodiscard]] config::Environment process_environment();

/// The file or folder of a place such as "sqlite:FILE" or "file:FOLDER"; the text itself if it has no such scheme.
[[nodiscard]] std::string place_path(std::string const& url);

}  // namespace rgrid::app
