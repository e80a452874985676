#include "adapters/process/spawn.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <rgrid/base/assert.hpp>
#include <spawn.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>

namespace rgrid::process {

namespace {

/// File actions and attributes, freed with their owner.
struct SpawnOptions {
    SpawnOptions() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }
    ~SpawnOptions() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnOptions(SpawnOptions const&) = delete;
    SpawnOptions& operator=(SpawnOptions const&) = delete;

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
};

void usual_signals_in_own_session(posix_spawnattr_t& attributes) {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
}

}  // namespace

Environment own_environment() {
    Environment environment;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        std::string_view const text{*entry};
        auto const equals = text.find('=');
        if (equals != std::string_view::npos)
            environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return environment;
}

Result<Fd> pack(Program const& program) {
    auto text = std::to_string(program.command.size()) + '\0';
    for (auto const& argument : program.command) text += argument + '\0';
    for (auto const& [name, value] : program.environment) text += name + "=" + value + '\0';
    Fd file{::memfd_create("rgrid-program", MFD_CLOEXEC)};
    for (std::size_t done = 0; file && done < text.size();) {
        auto const written = ::write(file.get(), text.data() + done, text.size() - done);
        if (written < 0 && errno != EINTR) file.reset();
        else if (written > 0) done += static_cast<std::size_t>(written);
    }
    if (!file || ::lseek(file.get(), 0, SEEK_SET) != 0)
        return fail(Errc::retry_later, std::string{"cannot hand a command to its keeper: "} + std::strerror(errno));
    return file;
}

Result<Program> unpack(int file) {
    std::string text;
    std::array<char, 65536> piece;
    for (;;) {
        auto const count = ::read(file, piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        text.append(piece.data(), static_cast<std::size_t>(count));
    }
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin < text.size();) {
        auto const end = std::min(text.find('\0', begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    auto const count = parts.empty() ? 0 : std::strtoul(parts.front().c_str(), nullptr, 10);
    if (count == 0 || count >= parts.size()) return fail(Errc::bug, "the keeper was given no command");
    Program program;
    program.command.assign(parts.begin() + 1, parts.begin() + 1 + static_cast<std::ptrdiff_t>(count));
    for (auto i = count + 1; i < parts.size(); ++i) {
        auto const equals = parts[i].find('=');
        if (equals != std::string::npos) program.environment[parts[i].substr(0, equals)] = parts[i].substr(equals + 1);
    }
    return program;
}

Result<pid_t> spawn_keeper(std::string const& keeper, std::vector<std::string> const& arguments,
                           std::vector<int> const& given) {
    SpawnOptions options;
    usual_signals_in_own_session(options.attributes);
    // The sources are moved out of the way of the numbers they are to get.
    std::vector<Fd> sources;
    for (auto const fd : given) {
        sources.emplace_back(fd < 0 ? ::open("/dev/null", O_RDWR | O_CLOEXEC) : ::fcntl(fd, F_DUPFD_CLOEXEC, 64));
        if (!sources.back())
            return fail(Errc::retry_later, std::string{"cannot start a keeper: "} + std::strerror(errno));
    }
    ::posix_spawn_file_actions_addopen(&options.actions, 0, "/dev/null", O_RDONLY, 0);
    int target = 1;
    for (auto const& source : sources)
        ::posix_spawn_file_actions_adddup2(&options.actions, source.get(), target++);
    ::posix_spawn_file_actions_addclosefrom_np(&options.actions, target);

    std::vector<char*> argv{const_cast<char*>(keeper.c_str())};
    for (auto const& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    pid_t child = 0;
    int const code =
        ::posix_spawn(&child, keeper.c_str(), &options.actions, &options.attributes, argv.data(), environ);
    if (code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE)
        return fail(Errc::retry_later, "cannot start the keeper " + keeper + ": " + std::strerror(code));
    if (code != 0) return fail(Errc::rejected, "cannot start the keeper " + keeper + ": " + std::strerror(code));
    return child;
}

void wait_for(pid_t child) {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {}
}

std::string unique_id() {
    std::array<unsigned char, 16> bytes{};
    RGRID_ASSERT(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    std::string text;
    for (auto const byte : bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

}  // namespace rgrid::process
