#include "app/settings.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <rgrid/adapters/postgres/inspect.hpp>
#include <rgrid/config/json.hpp>
#include <rgrid/config/toml.hpp>
#include <rgrid/model/offer.hpp>
#include <string_view>

#include "app/self.hpp"
#include "app/store_url.hpp"

namespace rgrid::app {

namespace fs = std::filesystem;

namespace {

std::string below(std::string const& path, std::string const& name) { return path.empty() ? name : path + "." + name; }

/// What may be shown of a URL: it can hold a password.
std::string shown_url(std::string_view url) {
    auto const colon = url.find(':');
    bool const may_hold_secret = url.find('@') != std::string_view::npos || url.find('?') != std::string_view::npos;
    if (colon == std::string_view::npos || !may_hold_secret) return config::in_quotes(url);
    return config::in_quotes(std::string{url.substr(0, colon)} + ":***");
}

// ------------------------------------------------------------------------------------------------ cross checks

void check_scaling(ScalingParams const& scaling, config::Problems& problems, std::string const& path) {
    if (scaling.min_workers <= scaling.max_workers) return;
    problems.add({.path = path + ".min_workers",
                  .found = std::to_string(scaling.min_workers),
                  .expected = "at most max_workers, " + std::to_string(scaling.max_workers)});
}

/// An agent ends its jobs before they may be given to another, and it must be able to miss a beat before that.
void check_health(HealthParams const& health, WorkerSettings const& worker, config::Problems& problems,
                  std::string const& path) {
    auto const say = [&](Duration least, std::string const& which) {
        problems.add({.path = path + ".lost_after",
                      .found = config::in_quotes(to_text(health.lost_after)),
                      .expected = "at least \"" + to_text(least) + "\", " + which});
    };
    auto const three_beats = 3 * health.heartbeat;
    auto const needed = health.heartbeat + worker.kill_grace + worker.margin;
    if (health.lost_after < three_beats) say(three_beats, "three heartbeats");
    else if (health.lost_after <= needed)
        say(needed + Duration{1}, "more than heartbeat, worker.kill_grace and worker.margin together");
}

void check_placement(PlacementParams const& placement, std::vector<std::string> const& offers,
                     config::Problems& problems, std::string const& path) {
    for (std::size_t i = 0; i < placement.offers.size(); ++i) {
        auto const& name = placement.offers[i];
        if (std::ranges::find(offers, name) != offers.end()) continue;
        std::string known = "one of";
        for (auto const& offer : offers) known += (&offer == &offers.front() ? " '" : ", '") + offer + "'";
        auto const near = config::nearest(name, offers);
        problems.add({.path = path + ".offers[" + std::to_string(i) + "]",
                      .found = config::in_quotes(name),
                      .expected = offers.empty() ? "no offer: the cloud has none" : known,
                      .hint = near.empty() ? "" : "did you mean '" + near + "'?"});
    }
}

/// Fleet and pool become parts of server names, which clouds allow only few characters.
void check_label(std::string const& name, config::Problems& problems, std::string const& path) {
    if (is_label(name)) return;
    problems.add({.path = path,
                  .found = config::in_quotes(name),
                  .expected = "a name of at most 40 small letters, digits and dashes, with no dash at its ends"});
}

std::vector<std::string> offer_names(CloudSettings const& cloud) {
    std::vector<std::string> names;
    if (cloud.hetzner) {
        for (auto const& type : cloud.hetzner->types)
            for (auto const& location : cloud.hetzner->locations) names.push_back(to_text(OfferKey{type, location}));
        return names;
    }
    for (auto const& offer : cloud.process.value_or(process::ProviderSettings{}).offers)
        names.push_back(to_text(OfferKey{offer.type, offer.location}));
    return names;
}

void check_pools(Settings const& settings, config::Problems& problems, std::string const& path) {
    auto const offers = offer_names(settings.cloud);
    if (settings.pool.empty()) problems.add({.path = path, .found = "no pool", .expected = "at least one"});
    for (auto const& [name, pool] : settings.pool) {
        auto const pool_path = below(path, name.value);
        check_label(name.value, problems, pool_path);
        check_scaling(pool.scaling, problems, pool_path + ".scaling");
        check_health(pool.health, settings.worker, problems, pool_path + ".health");
        check_placement(pool.placement, offers, problems, pool_path + ".placement");
    }
}

/// A host name of a cloud has at most 63 characters: fleet, pool and a number that may grow.
void check_server_names(Settings const& settings, config::Problems& problems, std::string const& path) {
    constexpr std::size_t most = 63 - 2 - 10;
    if (!settings.cloud.hetzner) return;
    for (auto const& [name, pool] : settings.pool) {
        auto const length = settings.fleet.name.value.size() + name.value.size();
        if (length > most)
            problems.add({.path = below(path, name.value),
                          .found = std::to_string(length) + " characters together with fleet.name",
                          .expected = "at most " + std::to_string(most) + ", since both are in the servers' host names"});
    }
}

void check_hetzner(Settings const& settings, config::Problems& problems, std::string const& path) {
    auto const& cloud = settings.cloud;
    if (!cloud.hetzner) return;
    auto const hetzner = below(path, "cloud.hetzner");
    if (cloud.process)
        problems.add({.path = hetzner, .found = "a second cloud beside cloud.process", .expected = "one"});
    if (cloud.hetzner->token.empty())
        problems.add({.path = hetzner + ".token",
                      .found = "none",
                      .expected = "the project's API token: set HETZNER_API_TOKEN, or write \"file:PATH\""});
    if (settings.gateway.url.empty())
        problems.add({.path = below(path, "gateway.url"),
                      .found = "none",
                      .expected = "where servers in the cloud find the gateway, as \"https://HOST:PORT\""});
    if (cloud.boot.ray_head.empty() != cloud.boot.ray_version.empty())
        problems.add({.path = below(path, std::string{"cloud.boot."} + (cloud.boot.ray_head.empty() ? "ray_head" : "ray_version")),
                      .found = "none",
                      .expected = std::string{"one, as there is a "} +
                                  (cloud.boot.ray_head.empty() ? "ray_version" : "ray_head")});
}

void check_offers(CloudSettings const& cloud, config::Problems& problems, std::string const& path) {
    if (!cloud.process) return;
    auto const& offers = cloud.process->offers;
    auto const offers_path = below(path, "process.offers");
    if (offers.empty()) problems.add({.path = offers_path, .found = "no offer", .expected = "at least one"});
    for (std::size_t i = 0; i < offers.size(); ++i) {
        auto const is_same = [&](auto const& other) {
            return other.type == offers[i].type && other.location == offers[i].location;
        };
        if (std::any_of(offers.begin(), offers.begin() + static_cast<std::ptrdiff_t>(i), is_same))
            problems.add({.path = offers_path + "[" + std::to_string(i) + "]",
                          .found = config::in_quotes(to_text(OfferKey{offers[i].type, offers[i].location})),
                          .expected = "an offer that is not there already"});
    }
}

bool names_something(std::string_view url, std::string_view scheme) {
    return url.starts_with(scheme) && url.size() > scheme.size();
}

void check_sqlite(StoreSettings const& store, config::Problems& problems, std::string const& path) {
    auto const& url = store.url;
    bool const is_memory = url.starts_with("memory:") || url == "sqlite::memory:";
    bool const has_slashes = url.starts_with("sqlite://");
    if (!url.empty() && (!names_something(url, "sqlite:") || is_memory || has_slashes))
        problems.add({.path = below(path, "url"),
                      .found = shown_url(url),
                      .expected = "\"sqlite:FILE\" or \"postgresql://USER@HOST/DATABASE\"",
                      .hint = is_memory     ? "agents are processes of their own and could not see a store in memory"
                              : has_slashes ? "some programs take what follows \"sqlite:///\" as relative, others do not"
                                            : ""});
    else if (store.postgres)
        problems.add({.path = below(path, "postgres"),
                      .found = "settings",
                      .expected = "none, since store.url names no PostgreSQL database"});
}

void check_postgres(StoreSettings const& store, config::Problems& problems, std::string const& path) {
    auto const shown = without_password(store.url);
    if (!shown.expected.empty())
        problems.add({.path = below(path, "url"), .found = shown_url(store.url), .expected = shown.expected});
    else if (auto const readable = postgres::check_address({.url = Secret{shown.url}}); !readable)
        problems.add({.path = below(path, "url"), .hint = readable.error().message});
    if (!shown.password.empty() && store.postgres && !store.postgres->password.empty())
        problems.add({.path = below(path, "postgres.password"),
                      .found = "a second password",
                      .expected = "one, either here or in store.url"});
    if (store.synchronous)
        problems.add({.path = below(path, "synchronous"),
                      .found = "a value",
                      .expected = "none, since store.url names a PostgreSQL database, which has a setting of its own "
                                  "(synchronous_commit)"});
}

void check_store(StoreSettings const& store, config::Problems& problems, std::string const& path) {
    is_postgres(store.url) ? check_postgres(store, problems, path) : check_sqlite(store, problems, path);
}

void check_files_url(std::string const& url, config::Problems& problems, std::string const& path) {
    bool const has_host = url.starts_with("file://") && !url.starts_with("file:///");
    if (url.empty() || (names_something(url, "file:") && !has_host)) return;
    problems.add({.path = path, .found = shown_url(url), .expected = "\"file:FOLDER\""});
}

void check_gateway(gateway::GatewaySettings const& gateway, config::Problems& problems, std::string const& path) {
    if (gateway.certificate.empty() != gateway.key.empty())
        problems.add({.path = below(path, gateway.key.empty() ? "key" : "certificate"),
                      .found = "none",
                      .expected = std::string{"a file, as there is a "} + (gateway.key.empty() ? "certificate" : "key")});
    bool const is_url = names_something(gateway.url, "https://") || names_something(gateway.url, "http://");
    if (!gateway.url.empty() && !is_url)
        problems.add({.path = below(path, "url"),
                      .found = shown_url(gateway.url),
                      .expected = "\"https://HOST:PORT\""});
    if (gateway.identity_retry > gateway.identity_time)
        problems.add({.path = below(path, "identity_retry"),
                      .found = config::in_quotes(to_text(gateway.identity_retry)),
                      .expected = "at most identity_time, \"" + to_text(gateway.identity_time) +
                                  "\": otherwise workers that are known would be sent away"});
    constexpr std::size_t shortest = 16;
    auto const length = gateway.secret.reveal().size();
    if (length > 0 && length < shortest)
        problems.add({.path = below(path, "secret"),
                      .found = "one of " + std::to_string(length) + " characters",
                      .expected = "at least " + std::to_string(shortest)});
}

// ------------------------------------------------------------------------------------------------ places

std::string absolute(std::string const& path, fs::path const& folder) {
    return (folder / path).lexically_normal().string();
}

/// "scheme:PATH" with an absolute path; an empty place becomes `otherwise`, one that names nothing stays for the check.
void make_absolute(std::string& url, std::string const& otherwise, fs::path const& folder) {
    if (url.empty()) url = otherwise;
    auto const path = place_path(url);
    if (path != url && !path.empty()) url = url.substr(0, url.size() - path.size()) + absolute(path, folder);
}

void settle_store(StoreSettings& store, fs::path const& home, fs::path const& folder) {
    make_absolute(store.url, "sqlite:" + (home / "rgrid.db").string(), folder);
    if (!is_postgres(store.url)) {
        if (!store.synchronous) store.synchronous = Synchronous::full;
        return;
    }
    auto shown = without_password(store.url);
    store.url = std::move(shown.url);
    if (!store.postgres) store.postgres.emplace();
    if (!shown.password.empty()) store.postgres->password = std::move(shown.password);
}

/// Local processes, if no cloud is named. Servers in a cloud fetch the agent that was installed with this program.
void settle_cloud(Settings& settings, fs::path const& folder) {
    auto& cloud = settings.cloud;
    if (!cloud.hetzner) {
        if (!cloud.process) cloud.process.emplace();
        return;
    }
    for (auto* path : {&cloud.hetzner->ca, &cloud.hetzner->ssh_key})
        if (!path->empty()) *path = absolute(*path, folder);
    if (!cloud.boot.agent.empty() || !settings.gateway.agent.empty()) return;
    if (auto agent = find_program("rgrid-agent")) settings.gateway.agent = std::move(*agent);
}

void settle_places(Settings& settings, fs::path const& home, fs::path const& folder) {
    settle_store(settings.store, home, folder);
    make_absolute(settings.files.url, "file:" + (home / "files").string(), folder);
    auto const settle = [&](std::string& path, char const* name) {
        path = path.empty() ? (home / name).string() : absolute(path, folder);
    };
    settle(settings.fleet.decision_log, "decisions.jsonl");
    settle(settings.worker.folder, "work");
    settle_cloud(settings, folder);
    if (settings.cloud.process) settle(settings.cloud.process->folder, "servers");
    settle(settings.gateway.folder, "gateway");
    for (auto* path : {&settings.gateway.certificate, &settings.gateway.key, &settings.gateway.ca, &settings.gateway.agent})
        if (!path->empty()) *path = absolute(*path, folder);
}

fs::path current_folder() {
    std::error_code error;
    auto folder = fs::current_path(error);
    return error ? fs::path{"/"} : folder;
}

std::optional<fs::path> find_home(SettingsSource const& source, config::Environment const& environment) {
    if (source.home) return current_folder() / *source.home;
    if (auto const home = environment("RGRID_HOME")) return current_folder() / *home;
    if (auto const state = environment("XDG_STATE_HOME")) return fs::path{*state} / "rgrid";
    if (auto const home = environment("HOME")) return fs::path{*home} / ".local/state/rgrid";
    return std::nullopt;
}

struct Candidate {
    fs::path path;
    std::string named_by;  ///< Empty if it is only looked for.
};

std::optional<Candidate> find_file(SettingsSource const& source, fs::path const& home,
                                   config::Environment const& environment) {
    std::error_code ignored;
    auto const here = current_folder();
    if (source.config) return Candidate{here / *source.config, "--config"};
    if (!source.home) {
        if (auto const named = environment("RGRID_CONFIG")) return Candidate{here / *named, "RGRID_CONFIG"};
        if (fs::exists(here / "rgrid.toml", ignored)) return Candidate{here / "rgrid.toml", ""};
    }
    if (fs::exists(home / "rgrid.toml", ignored)) return Candidate{home / "rgrid.toml", ""};
    return std::nullopt;
}

// ------------------------------------------------------------------------------------------------ reading

std::optional<std::string> read_file(Candidate const& candidate, config::Problems& problems) {
    constexpr std::uintmax_t most = 16 * 1024 * 1024;
    auto const refuse = [&](std::string const& why) {
        auto const named = candidate.named_by.empty() ? "" : " (named by " + candidate.named_by + ")";
        problems.add({.path = candidate.path.string(), .hint = why + named});
        return std::nullopt;
    };
    std::error_code error;
    auto const status = fs::status(candidate.path, error);
    if (status.type() == fs::file_type::not_found) return refuse("there is no such file");
    if (!fs::status_known(status)) return refuse("cannot be read: " + error.message());
    if (!fs::is_regular_file(status)) return refuse("not a file");
    if (fs::file_size(candidate.path, error) > most) return refuse("too large for a configuration file");
    errno = 0;
    std::ifstream file{candidate.path, std::ios::binary};
    if (!file) return refuse("cannot be read: " + std::string{std::strerror(errno)});
    return std::string{std::istreambuf_iterator<char>{file}, {}};
}

/// A variable that stands for a setting. `certain`: even if the file has that setting.
struct Variable {
    char const* name;
    char const* section;
    char const* setting;
    bool certain = true;
};

constexpr Variable variables[] = {
    {"RGRID_FLEET", "fleet", "name"},      {"RGRID_STORE_URL", "store", "url"},
    {"DATABASE_URL", "store", "url", false}, {"RGRID_FILES_URL", "files", "url"},
    {"RGRID_LOG_LEVEL", "log", "level"},   {"RGRID_LOG_FORMAT", "log", "format"},
};

/// Puts values from the environment where the file would have them, so that they are judged like any other.
/// @return The variable of each path that was taken from one.
std::map<std::string, std::string> take_variables(boost::json::object& document,
                                                  config::Environment const& environment) {
    std::map<std::string, std::string> taken;
    for (auto const& variable : variables) {
        auto value = environment(variable.name);
        auto& section = document[variable.section];
        if (section.is_null()) section.emplace_object();
        auto* table = section.if_object();
        if (!value || table == nullptr || (!variable.certain && table->contains(variable.setting))) continue;
        make_absolute(*value, "", current_folder());
        (*table)[variable.setting] = *value;
        taken[std::string{variable.section} + "." + variable.setting] = variable.name;
    }
    return taken;
}

/// A variable that stands for a setting of a cloud, where the file names that cloud and leaves the setting open.
struct CloudVariable {
    char const* name;
    char const* section;  ///< Of [cloud].
    char const* setting;
    bool is_path = false;
};

constexpr CloudVariable hetzner_variables[] = {
    {"HETZNER_API_TOKEN", "hetzner", "token"},
    {"HCLOUD_TOKEN", "hetzner", "token"},
    {"RGRID_SSH_KEY_PATH", "hetzner", "ssh_key", true},
    {"RAY_HEAD_ADDRESS", "boot", "ray_head"},
};

/// As take_variables().
void take_cloud_variables(boost::json::object& document, config::Environment const& environment,
                          std::map<std::string, std::string>& taken) {
    auto const entry = document.find("cloud");
    auto* const cloud = entry == document.end() ? nullptr : entry->value().if_object();
    if (cloud == nullptr || !cloud->contains("hetzner")) return;
    for (auto const& variable : hetzner_variables) {
        auto value = environment(variable.name);
        auto& section = (*cloud)[variable.section];
        if (section.is_null()) section.emplace_object();
        auto* const table = section.if_object();
        if (!value || table == nullptr || table->contains(variable.setting)) continue;
        // The value itself is a secret, which no problem may show: it is read as one that names its variable.
        (*table)[variable.setting] = variable.is_path ? absolute(*value, current_folder())
                                                      : std::string{"env:"} + variable.name;
        taken["cloud." + std::string{variable.section} + "." + variable.setting] = variable.name;
    }
}

/// Says of each problem with a value from the environment where the value is from.
config::Problems with_origins(config::Problems const& problems, std::map<std::string, std::string> const& taken) {
    config::Problems named;
    for (auto problem : problems) {
        if (auto const variable = taken.find(problem.path); variable != taken.end()) {
            if (!problem.hint.empty()) problem.hint += "; ";
            problem.hint += "taken from the environment variable " + variable->second;
        }
        named.add(problem);
    }
    return named;
}

}  // namespace

void check(Settings const& settings, config::Problems& problems, std::string const& path) {
    check_label(settings.fleet.name.value, problems, below(path, "fleet.name"));
    check_store(settings.store, problems, below(path, "store"));
    check_files_url(settings.files.url, problems, below(path, "files.url"));
    check_offers(settings.cloud, problems, below(path, "cloud"));
    check_hetzner(settings, problems, path);
    check_gateway(settings.gateway, problems, below(path, "gateway"));
    check_pools(settings, problems, below(path, "pool"));
    check_server_names(settings, problems, below(path, "pool"));
}

std::string place_path(std::string const& url) {
    for (std::string_view scheme : {"sqlite:", "file:"}) {
        if (!url.starts_with(scheme)) continue;
        auto path = url.substr(scheme.size());
        if (path.starts_with("///")) path.erase(0, 2);
        return path;
    }
    return url;
}

bool is_label(std::string_view name) {
    auto const is_part = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return !name.empty() && name.size() <= 40 && name.front() != '-' && name.back() != '-' &&
           std::ranges::all_of(name, is_part);
}

LoadedSettings load_settings(SettingsSource const& source, config::Environment const& environment) {
    LoadedSettings loaded;
    auto const home = find_home(source, environment);
    if (!home) {
        loaded.problems.add({.path = "home", .hint = "no home folder: set RGRID_HOME or HOME, or give --home"});
        return loaded;
    }
    loaded.home = home->lexically_normal().string();
    boost::json::value document(boost::json::object_kind);
    auto folder = current_folder();
    if (auto const candidate = find_file(source, *home, environment)) {
        loaded.file = candidate->path.lexically_normal().string();
        folder = candidate->path.parent_path();
        if (auto const text = read_file({*loaded.file, candidate->named_by}, loaded.problems))
            document = config::read_toml(*text, *loaded.file, loaded.problems);
        if (!loaded.problems.empty()) return loaded;
    }
    auto taken = take_variables(document.get_object(), environment);
    take_cloud_variables(document.get_object(), environment, taken);
    config::Problems problems;
    config::read(document, loaded.settings, problems, {}, {.environment = &environment, .folder = folder.string()});
    loaded.problems = with_origins(problems, taken);
    settle_places(loaded.settings, loaded.home, folder);
    return loaded;
}

config::Environment process_environment() {
    return [](std::string const& name) -> std::optional<std::string> {
        char const* value = std::getenv(name.c_str());
        if (value == nullptr || *value == '\0') return std::nullopt;
        return value;
    };
}

}  // namespace rgrid::app
