#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <rgrid/model/generation.hpp>
#include <set>

#include "app/checkup.hpp"
#include "app/store_url.hpp"

namespace rgrid::app {
namespace fs = std::filesystem;

namespace {

/// Names in a folder, ordered; empty if it cannot be read.
std::vector<std::string> names_in(std::string const& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry{folder, error}, end; !error && entry != end; entry.increment(error))
        names.push_back(entry->path().filename().string());
    std::ranges::sort(names);
    return names;
}

/// The first few and how many more.
std::string list_text(std::vector<std::string> const& items) {
    constexpr std::size_t shown = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(items.size(), shown); ++i) text += (i == 0 ? "" : ", ") + items[i];
    return items.size() > shown ? text + " and " + std::to_string(items.size() - shown) + " more" : text;
}

void add_if_any(Checks& checks, std::vector<std::string> const& items, Health health, std::string const& what,
                std::string const& advice) {
    if (!items.empty()) checks.push_back({health, "leftovers", what + ": " + list_text(items), advice});
}

/// A folder that was begun or left by somebody who has ended meanwhile; young ones may be at work.
bool is_old(fs::path const& path) {
    constexpr auto work = std::chrono::minutes{10};
    std::error_code error;
    auto const written = fs::last_write_time(path, error);
    return !error && fs::file_time_type::clock::now() - written > work;
}

std::vector<std::string> half_made(std::string const& folder, std::vector<std::string> const& beginnings) {
    std::vector<std::string> found;
    for (auto const& name : names_in(folder))
        for (auto const& beginning : beginnings)
            if (name.starts_with(beginning) && is_old(fs::path{folder} / name)) found.push_back(folder + "/" + name);
    return found;
}

/// Drafts of backups and restores that were interrupted.
std::vector<std::string> drafts(std::string const& store) {
    return half_made(fs::path{store}.parent_path().string(), {fs::path{store}.filename().string() + ".new-"});
}

std::vector<std::string> work_folders(Settings const& settings, std::vector<Server> const& servers,
                                      std::vector<JobView> const& running) {
    std::set<std::string> standing;
    for (auto const& server : servers) standing.insert(server.name.value);
    std::set<std::string> at_work;
    for (auto const& job : running)
        at_work.insert(job.worker.value + "/" + std::to_string(job.job.value) + "-" + std::to_string(job.epoch.value));
    std::vector<std::string> left;
    for (auto const& server : names_in(settings.worker.folder)) {
        auto const folder = settings.worker.folder + "/" + server;
        if (!standing.contains(server)) {
            left.push_back(folder);
            continue;
        }
        for (auto const& attempt : names_in(folder))
            if (!at_work.contains(server + "/" + attempt) && is_old(fs::path{folder} / attempt))
                left.push_back(folder + "/" + attempt);
    }
    return left;
}

/// The two numbers of "outputs/<job>/<epoch>/..." or "outputs/<job>/<epoch>.json".
std::optional<std::pair<JobId, LeaseEpoch>> attempt_of(std::string_view key) {
    constexpr std::string_view beginning = "outputs/";
    if (!key.starts_with(beginning)) return std::nullopt;
    key.remove_prefix(beginning.size());
    std::pair<JobId, LeaseEpoch> attempt;
    auto const job = std::from_chars(key.data(), key.data() + key.size(), attempt.first.value);
    if (job.ec != std::errc{} || job.ptr == key.data() + key.size() || *job.ptr != '/') return std::nullopt;
    auto const epoch = std::from_chars(job.ptr + 1, key.data() + key.size(), attempt.second.value);
    if (epoch.ec != std::errc{}) return std::nullopt;
    return attempt;
}

std::vector<std::string> texts(std::set<JobId> const& jobs) {
    std::vector<std::string> names;
    for (auto const& job : jobs) names.push_back(std::to_string(job.value));
    return names;
}

}  // namespace

Checks check_leftovers(Settings const& settings, std::vector<std::string> const& provider_problems,
                       std::vector<Server> const& servers, std::vector<JobView> const& running) {
    Checks checks;
    for (auto const& problem : provider_problems)
        checks.push_back({Health::warn, "leftovers", problem, "look into it, then remove it"});
    if (settings.cloud.process)
        add_if_any(checks, half_made(settings.cloud.process->folder, {".new-", ".gone-"}), Health::warn,
                   "servers half made or half gone", "the next server that is made removes them");
    if (!is_postgres(settings.store.url))
        add_if_any(checks, drafts(place_path(settings.store.url)), Health::warn,
                   "backups or restores that were interrupted", "remove them");
    if (!settings.worker.keep_folders)
        add_if_any(checks, work_folders(settings, servers, running), Health::warn,
                   "working folders in which nobody works", "remove them once you have looked into them");
    if (checks.empty()) checks.push_back({Health::ok, "leftovers", "none of servers, attempts or backups", ""});
    return checks;
}

Checks check_objects(std::vector<std::string> const& keys, std::vector<JobView> const& jobs, JobId last_job,
                     Generation generation) {
    std::set<JobId> known;
    std::set<std::string> needed;
    for (auto const& job : jobs) {
        known.insert(job.job);
        for (auto const& input : job.spec.inputs) needed.insert("inputs/" + input.sha256);
    }
    std::set<JobId> swept;
    std::set<JobId> never_had;
    std::size_t inputs = 0;
    for (auto const& key : keys) {
        if (key.starts_with("inputs/") && !needed.contains(key)) ++inputs;
        auto const attempt = attempt_of(key);
        if (!attempt || known.contains(attempt->first)) continue;
        bool const is_of_now = generation_of(attempt->second.value) >= generation;
        (attempt->first > last_job && is_of_now ? never_had : swept).insert(attempt->first);
    }
    Checks checks;
    add_if_any(checks, texts(never_had), Health::fail, "outputs of jobs that this store has never had",
               "the store was emptied or went back in time: see 'rgrid store adopt'");
    add_if_any(checks, texts(swept), Health::ok, "outputs of jobs that are no longer kept",
               "remove them from the file store if nobody wants them");
    if (inputs > 0)
        checks.push_back({Health::ok, "leftovers", std::to_string(inputs) + " inputs that no kept job names",
                          "remove them from the file store if nobody submits them again"});
    return checks;
}

}  // namespace rgrid::app
