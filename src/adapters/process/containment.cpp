#include "adapters/process/containment.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "adapters/process/process_tree.hpp"

namespace rgrid::process {

namespace {

sigset_t handled_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (int const signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, signal);
    return set;
}

constexpr int busy_tries = 100;
constexpr timespec busy_pause{0, 10'000'000};

/// Returns only if it cannot, with the errno. What an agent starts for another attempt has, for an instant, all files open
/// that the agent is writing; one of them may have become this program meanwhile, which the kernel then calls busy.
int become_program(std::vector<char*>& argv) {
    for (int tries = 1;; ++tries) {
        ::execvp(argv.front(), argv.data());
        int const error = errno;
        if (error != ETXTBSY || tries == busy_tries) return error;
        ::nanosleep(&busy_pause, nullptr);
    }
}

/// The new process's side of a start. Returns only if the program cannot be started, with the errno.
int become(std::vector<char*>& argv, std::vector<char*>& environment, std::string const& folder, int output,
           pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have ended before it was asked for.
    if (::getppid() != parent) ::_exit(1);
    ::setsid();
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    int const input = ::open("/dev/null", O_RDONLY);
    if (input < 0 || ::dup2(input, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0) return errno;
    if (input > 2) ::close(input);
    if (::chdir(folder.c_str()) != 0) return errno;
    // The program is looked for in the PATH that it is given.
    environ = environment.data();
    return become_program(argv);
}

}  // namespace

Containment::Containment() {
    auto const set = handled_signals();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    signals_ = Fd{::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

bool Containment::take_signals() {
    bool asked = false;
    signalfd_siginfo signal{};
    while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal)
        if (signal.ssi_signo != SIGCHLD) asked = true;
    return asked;
}

Containment::Start Containment::start(Program const& program, std::string const& folder, int output) {
    std::vector<std::string> assignments;
    for (auto const& [name, value] : program.environment) assignments.push_back(name + "=" + value);
    std::vector<char*> environment, argv;
    for (auto& assignment : assignments) environment.push_back(assignment.data());
    for (auto const& argument : program.command) argv.push_back(const_cast<char*>(argument.c_str()));
    environment.push_back(nullptr);
    argv.push_back(nullptr);

    // Closed by a successful exec; otherwise it carries the errno.
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return {0, errno};
    Fd const reading{ends[0]};
    Fd writing{ends[1]};
    auto const self = ::getpid();
    auto const pid = ::fork();
    if (pid < 0) return {0, errno};
    if (pid == 0) {
        std::signal(SIGPIPE, SIG_DFL);
        int const error = become(argv, environment, folder, output, self);
        if (::write(writing.get(), &error, sizeof error) < 0) ::_exit(126);
        ::_exit(127);
    }
    writing.reset();
    int error = 0;
    while (::read(reading.get(), &error, sizeof error) < 0 && errno == EINTR) {}
    if (error == 0) return {pid, 0};
    wait_for(pid);
    return {0, error};
}

void Containment::ask_all_to_end() {
    signal_descendants(::getpid(), SIGTERM);
    signal_descendants(::getpid(), SIGCONT);
}

void Containment::kill_all() { signal_descendants(::getpid(), SIGKILL); }

bool Containment::reap(std::function<void(pid_t, int)> const& ended) {
    for (;;) {
        int status = 0;
        auto const pid = ::waitpid(-1, &status, WNOHANG);
        if (pid > 0) ended(pid, status);
        else if (pid == 0) return true;
        else if (errno != EINTR) return false;
    }
}

std::string to_text_of_end(int wait_status) {
    if (WIFEXITED(wait_status)) return "exit code " + std::to_string(WEXITSTATUS(wait_status));
    auto const signal = WTERMSIG(wait_status);
    return "signal " + std::to_string(signal) + " (" + ::sigdescr_np(signal) + ")";
}

}  // namespace rgrid::process
