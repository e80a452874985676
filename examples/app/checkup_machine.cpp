#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>

#include "app/checkup.hpp"
#include "app/self.hpp"

namespace rgrid::app {
namespace fs = std::filesystem;

namespace {

/// A file of this checkup's own, removed at its end.
class Probe {
public:
    explicit Probe(std::string const& folder)
        : name_("doctor-" + std::to_string(::getpid()) + "-" + std::to_string(std::random_device{}())),
          path_(folder + "/." + name_) {}
    ~Probe() { ::unlink(path_.c_str()); }
    Probe(Probe const&) = delete;
    Probe& operator=(Probe const&) = delete;

    bool write() const {
        std::ofstream file{path_};
        file << name_ << "\n";
        file.close();
        return bool{file};
    }

    [[nodiscard]] std::string const& name() const { return name_; }
    [[nodiscard]] std::string const& path() const { return path_; }

private:
    std::string name_;
    std::string path_;
};

Instant written_at(std::string const& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return {};
    return Instant{std::chrono::seconds{info.st_mtim.tv_sec} +
                   std::chrono::duration_cast<Duration>(std::chrono::nanoseconds{info.st_mtim.tv_nsec})};
}

Check check_folder(std::string const& what, std::string const& path) {
    struct stat info {};
    std::error_code ignored;
    if (::stat(path.c_str(), &info) != 0) {
        auto above = fs::path{path};
        while (above.has_relative_path() && !fs::exists(above, ignored)) above = above.parent_path();
        if (::access(above.c_str(), W_OK | X_OK) == 0)
            return {Health::ok, "folders", what + " " + path + " is made when it is needed", ""};
        return {Health::fail, "folders", what + " " + path + " cannot be made: " + above.string() + " is not writable",
                "make it, or name another"};
    }
    if (!S_ISDIR(info.st_mode)) return {Health::fail, "folders", what + " " + path + " is no folder", "name another"};
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0)
        return {Health::fail, "folders", what + " " + path + " is not readable and writable for this user",
                "chown or chmod it, or name another"};
    if ((info.st_mode & 07u) != 0)
        return {Health::warn, "folders", what + " " + path + " can be entered by every user of this machine",
                "chmod o-rwx " + path + ": logs and files of jobs may hold anything"};
    return {Health::ok, "folders", what + " " + path, ""};
}

/// The first line that a program prints; empty if it prints none.
std::string first_line_of(std::string const& program, std::string const& argument) {
    std::string quoted = "'";
    for (char const c : program) quoted += c == '\'' ? std::string{"'\\''"} : std::string{c};
    auto const command = quoted + "' " + argument + " 2>/dev/null";
    std::unique_ptr<FILE, int (*)(FILE*)> const output{::popen(command.c_str(), "r"), ::pclose};
    std::array<char, 256> line{};
    if (!output || std::fgets(line.data(), static_cast<int>(line.size()), output.get()) == nullptr) return {};
    std::string text{line.data()};
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

}  // namespace

Checks check_files(Call const& call, FileStore& files, std::string const& scratch) {
    auto const failed = [](std::string const& what, std::string const& why) {
        return Checks{{Health::fail, "files", what + ": " + why, "see to files.url: jobs with inputs or outputs fail"}};
    };
    Probe const sent{scratch};
    Probe const fetched{scratch};
    if (!sent.write()) return failed("a probe cannot be written", sent.path());
    auto const key = "probes/" + sent.name();
    if (auto const put = files.put(call, key, sent.path()); !put) return failed("storing fails", put.error().message);
    auto const got = files.get(call, key, fetched.path());
    auto const removed = files.remove(call, key);
    if (!got) return failed("reading what was stored fails", got.error().message);
    std::string text;
    std::getline(std::ifstream{fetched.path()}, text);
    if (text != sent.name()) return failed("what was read is not what was stored", key);
    if (!removed) return failed("removing fails", removed.error().message);
    return {{Health::ok, "files", "a probe was stored, read and removed", ""}};
}

Checks check_folders(LoadedSettings const& loaded) {
    auto const& settings = loaded.settings;
    Checks checks{check_folder("the home folder", loaded.home),
                  check_folder("the folder of files", place_path(settings.files.url)),
                  check_folder("the folder of working folders", settings.worker.folder)};
    if (settings.cloud.process) checks.push_back(check_folder("the folder of servers", settings.cloud.process->folder));
    checks.push_back(
        check_folder("the folder of decisions", fs::path{settings.fleet.decision_log}.parent_path().string()));
    return checks;
}

Checks check_programs(std::string const& version) {
    Checks checks;
    for (std::string const name : {"rgridd", "rgrid-worker", "rgrid-keeper"}) {
        auto const path = find_program(name);
        if (!path) {
            checks.push_back(
                {Health::fail, "programs", path.error().message, "install all four programs in one folder"});
            continue;
        }
        auto const found = first_line_of(*path, "--version");
        if (found == name + " " + version)
            checks.push_back({Health::ok, "programs", *path + " is of version " + version, ""});
        else
            checks.push_back({Health::warn, "programs",
                              *path + " says '" + found + "'; expected '" + name + " " + version + "'",
                              "install all four programs of one version"});
    }
    return checks;
}

Result<ClockReadings> read_clocks(Clock& clock, std::string const& scratch, std::string const& store) {
    ClockReadings readings;
    Probe const probe{scratch};
    readings.before = clock.steady_now();
    readings.now = clock.now();
    if (!probe.write()) return fail(Errc::denied, "a probe cannot be written: " + probe.path());
    readings.file = written_at(probe.path());
    readings.store = written_at(store);
    readings.after = clock.steady_now();
    return readings;
}

MachineLimits machine_limits() {
    auto const read = [](auto resource) -> std::uint64_t {
        struct rlimit limit {};
        if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 0;
        return limit.rlim_cur;
    };
    return {read(RLIMIT_NOFILE), read(RLIMIT_NPROC)};
}

}  // namespace rgrid::app
