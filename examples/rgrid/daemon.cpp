#include "daemon.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "app/self.hpp"

namespace rgrid::cli {

namespace {

/// Starts a program in a session of its own, so that closing the terminal or Ctrl-C does not reach it.
pid_t spawn_detached(std::vector<std::string> const& command, std::string const& log) {
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t stops;
    sigemptyset(&none);
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &stops);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<char*> arguments;
    for (auto const& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
    arguments.push_back(nullptr);
    pid_t pid = -1;
    int const problem = ::posix_spawn(&pid, command.front().c_str(), &files, &attributes, arguments.data(), ::environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    if (problem != 0) quit(exit_failed, "cannot start '" + command.front() + "': " + std::strerror(problem));
    return pid;
}

std::string last_line(std::string const& path) {
    std::ifstream file{path};
    std::string last;
    for (std::string line; std::getline(file, line);)
        if (!line.empty()) last = line;
    return last;
}

}  // namespace

void DaemonStarter::start() {
    auto const& loaded = context_.loaded();
    std::vector<std::string> command{expect(app::find_program("rgridd")), "--until-idle", "--eager", "--home",
                                     loaded.home};
    if (loaded.file) command.insert(command.end(), {"--config", *loaded.file});
    auto const log = loaded.home + "/rgridd.log";
    child_ = spawn_detached(command, log);
    line_.say((started_ ? "The daemon has ended; starting another (log: "
                        : "No daemon is running: starting rgridd until the work is done (log: ") +
              log + ")");
    started_ = true;
}

void DaemonStarter::watch() {
    int status = 0;
    if (!child_ || ::waitpid(*child_, &status, WNOHANG) != *child_) return;
    child_.reset();
    int const code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (code == 0) return;
    auto const log = context_.loaded().home + "/rgridd.log";
    quit(exit_failed, "the daemon that was started for this ended with code " + std::to_string(code) + ": " +
                          tame(last_line(log)) + " (log: " + log + ")");
}

void DaemonStarter::tend(bool led) {
    watch();
    if (led || child_) return;
    // A daemon that was just killed still leads until its term is over; one that just began may not lead yet.
    auto const now = context_.clock().steady_now();
    if (now < next_) return;
    next_ = now + 2s;
    start();
}

}  // namespace rgrid::cli
