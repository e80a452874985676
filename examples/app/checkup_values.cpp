#include <algorithm>
#include <map>
#include <rgrid/base/time.hpp>

#include "app/checkup.hpp"
#include "app/self.hpp"

namespace rgrid::app {

namespace {

constexpr std::int64_t mebibyte = 1024 * 1024;

std::string mebibytes(Bytes bytes) {
    return std::to_string(bytes.count / mebibyte) + " MiB";
}

/// Groups and others of the system, as chmod has them.
bool is_open_to_others(unsigned permissions) {
    return (permissions & 077u) != 0;
}

Check check_damage(sqlite::StoreFile const& file, std::string const& path) {
    if (file.damage.empty()) return {Health::ok, "store", "SQLite's quick check finds no damage", ""};
    return {Health::fail, "store", path + " is damaged: " + file.damage.front(),
            "end all programs, copy the file away, then 'rgrid store restore' from a backup"};
}

Check check_room(sqlite::StoreFile const& file, std::string const& path) {
    auto const found = mebibytes(file.room) + " are left on the disk of " + path;
    if (file.room.count < 64 * mebibyte) return {Health::fail, "disk", found, "make room: writes are about to fail"};
    if (file.room.count < 1024 * mebibyte) return {Health::warn, "disk", found, "make room"};
    return {Health::ok, "disk", found, ""};
}

Check check_journal(sqlite::StoreFile const& file, std::string const& path) {
    auto const found = "the journal " + path + "-wal has " + mebibytes(file.journal);
    if (file.journal.count < 256 * mebibyte) return {Health::ok, "store", found, ""};
    return {Health::warn, "store", found + "; expected less than 256 MiB",
            "a program holds a look at the store that is long past: restart what has run longest"};
}

}  // namespace

Checks check_configuration(LoadedSettings const& loaded) {
    auto const what = loaded.file ? *loaded.file : "built-in defaults (no file was found)";
    if (loaded.problems.empty()) return {{Health::ok, "configuration", what + "; home folder " + loaded.home, ""}};
    Checks checks;
    for (auto const& problem : loaded.problems)
        checks.push_back({Health::fail, "configuration", config::to_text(problem), "correct it in " + what});
    return checks;
}

Checks check_store_file(Result<sqlite::StoreFile> const& file, Settings const& settings) {
    auto const path = place_path(settings.store.url);
    if (!file) {
        bool const may_pass = file.error().code == Errc::retry_later;
        return {{Health::fail, "store", file.error().message,
                 may_pass ? "try again; if it stays so, look at who holds the file"
                          : "give store.url a store that can be used, or restore one from a backup"}};
    }
    Checks checks;
    auto const format = "format " + std::to_string(file->format);
    if (file->fleet != settings.fleet.name)
        checks.push_back({Health::fail, "store",
                          path + " belongs to the fleet \"" + file->fleet.value + "\"; expected \"" +
                              settings.fleet.name.value + "\"",
                          "correct fleet.name or store.url"});
    else
        checks.push_back({Health::ok, "store", path + " is store " + file->store.value + ", " + format, ""});
    if (file->format < file->newest_format)
        checks.push_back({Health::warn, "store",
                          path + " has " + format + "; this program's is " + std::to_string(file->newest_format),
                          "the next program that opens it brings it up to date; back it up first"});
    checks.push_back(check_damage(*file, path));
    if (is_open_to_others(file->permissions))
        checks.push_back({Health::warn, "store", path + " can be opened by other users", "chmod go-rwx " + path});
    checks.push_back(check_journal(*file, path));
    checks.push_back(check_room(*file, path));
    return checks;
}

Checks check_fleet(FleetRecord const& record, JobCounts const& jobs, std::vector<Session> const& sessions,
                   std::string const& version) {
    Checks checks;
    if (!record.frozen.empty())
        checks.push_back({Health::fail, "store", "it stands still: " + record.frozen,
                          "'rgrid store adopt' shows what there is and lets it go on"});
    auto const waiting = jobs.queued + jobs.scheduled + jobs.running;
    if (!record.leader.empty())
        checks.push_back({Health::ok, "daemon", "the fleet is led by " + readable_run_name(record.leader), ""});
    else if (waiting + static_cast<std::int64_t>(record.intents.size()) == 0)
        checks.push_back({Health::ok, "daemon", "none leads, and there is nothing to do", ""});
    else
        checks.push_back({Health::fail, "daemon",
                          "none leads, but there are " + std::to_string(waiting) + " jobs that have not ended and " +
                              std::to_string(record.intents.size()) + " servers",
                          "start rgridd"});
    for (auto const& hold : record.holds)
        checks.push_back(
            {Health::warn, "daemon",
             (hold.pool.empty() ? "the fleet" : "pool " + hold.pool.value) + " is paused since " + to_text(hold.since),
             hold.pool.empty() ? "'rgrid resume'" : "'rgrid resume " + hold.pool.value + "'"});
    std::map<std::string, int> others;
    for (auto const& session : sessions)
        if (session.state != SessionState::closed && session.version != version) ++others[session.version];
    for (auto const& [other, count] : others)
        checks.push_back({Health::warn, "workers",
                          std::to_string(count) + " with an agent of version '" + other + "'; this is " + version,
                          "they are replaced as they age, or now with 'rgrid workers drain'"});
    return checks;
}

Checks check_clock(ClockReadings const& readings) {
    using namespace std::chrono;
    constexpr Instant earliest{sys_days{2024y / January / 1}};
    constexpr Instant latest{sys_days{2100y / January / 1}};
    constexpr Duration tolerance = 3s;
    Checks checks;
    if (readings.now < earliest || readings.now > latest)
        checks.push_back({Health::fail, "clock",
                          "it is " + to_text(readings.now) + " here; expected a year that can be",
                          "set the clock: bills and logs carry these times"});
    if (auto const apart = readings.file - readings.now; apart > tolerance || apart < -tolerance)
        checks.push_back(
            {Health::warn, "clock",
             "a file made now has the time " + to_text(readings.file) + "; the clock says " + to_text(readings.now),
             "see that this machine and the one with its disk have the same time"});
    if (readings.store > readings.now + tolerance)
        checks.push_back({Health::warn, "clock",
                          "the store was last written at " + to_text(readings.store) + ", which is to come; it is " +
                              to_text(readings.now),
                          "the clock was set back; ages in the store do not follow it, records for people do"});
    if (readings.after < readings.before)
        checks.push_back({Health::fail, "clock", "the steady clock runs backwards", "replace the machine"});
    if (checks.empty()) checks.push_back({Health::ok, "clock", to_text(readings.now), ""});
    return checks;
}

Checks check_limits(MachineLimits const& limits) {
    Checks checks;
    auto const check = [&](std::uint64_t limit, std::uint64_t least, std::string const& what, std::string const& how) {
        if (limit == 0 || limit >= least) return;
        checks.push_back({Health::warn, "limits",
                          std::to_string(limit) + " " + what + "; expected at least " + std::to_string(least), how});
    };
    check(limits.files, 1024, "open files are allowed for a program", "ulimit -n, or LimitNOFILE= of the service");
    check(limits.processes, 4096, "processes are allowed for this user", "ulimit -u, or LimitNPROC= and TasksMax=");
    if (checks.empty()) checks.push_back({Health::ok, "limits", "open files and processes", ""});
    return checks;
}

}  // namespace rgrid::app
