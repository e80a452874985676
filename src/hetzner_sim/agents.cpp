#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <rgrid/hetzner_sim/agents.hpp>
#include <thread>
#include <utility>

#include "hetzner_sim/user_data.hpp"

extern char** environ;

namespace rgrid::hetzner_sim {

namespace {

constexpr auto env_file = "/etc/rgrid/agent.env";
constexpr auto own_prefix = "RGRID_";
constexpr int exit_not_started = 127;

using Variables = std::map<std::string, std::string>;

/// What the server's files say of its agent, with paths of this machine. Writes the files that it needs.
Variables variables_of(ServerView const& server, std::filesystem::path const& folder) {
    auto const files = written_files(server.user_data);
    auto const env = files.find(env_file);
    if (env == files.end()) return {};
    auto variables = assignments_of(env->second);
    variables["RGRID_FOLDER"] = (folder / "work").string();
    if (auto const ca = variables.find("RGRID_CA"); ca != variables.end()) {
        auto const file = files.find(ca->second);
        ca->second = (folder / "ca.pem").string();
        if (file != files.end()) std::ofstream{ca->second} << file->second;
    }
    return variables;
}

/// This process's environment without RGrid's own, and with these.
std::vector<std::string> environment_with(Variables const& variables) {
    std::vector<std::string> all;
    for (auto** each = environ; *each != nullptr; ++each)
        if (!std::string_view{*each}.starts_with(own_prefix)) all.emplace_back(*each);
    for (auto const& [name, value] : variables) all.push_back(name + "=" + value);
    return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (auto& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

/// In the new process, between fork and exec: nothing but what a signal handler may do.
[[noreturn]] void become(char* const* command, char* const* environment, int log) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setpgid(0, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execve(command[0], command, environment);
    ::_exit(exit_not_started);
}

pid_t start(std::vector<std::string> command, Variables const& variables, std::filesystem::path const& folder) {
    auto environment = environment_with(variables);
    auto const arguments = pointers_to(command);
    auto const values = pointers_to(environment);
    int const log = ::open((folder / "agent.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t const pid = ::fork();
    if (pid == 0) become(arguments.data(), values.data(), log);
    if (log >= 0) ::close(log);
    if (pid > 0) ::setpgid(pid, pid);  // Here too: whoever of both is first.
    return pid;
}

void end(pid_t pid) {
    ::kill(-pid, SIGKILL);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
}

}  // namespace

/// A process ends with the thread that started it, so one thread starts them all.
class Agents::Impl {
public:
    explicit Impl(AgentSettings settings)
        : settings_(std::move(settings)), thread_([this](std::stop_token stop) { work(stop); }) {}

    ~Impl() {
        thread_.request_stop();
        thread_.join();
        for (auto const& [id, pid] : processes_) end(pid);
    }

    void push(std::function<void()> task) {
        std::scoped_lock const lock{mutex_};
        tasks_.push_back(std::move(task));
        changed_.notify_all();
    }

    void begin_server(ServerView const& server) {
        auto const folder = std::filesystem::path{settings_.folder} / server.name;
        std::error_code ignored;
        std::filesystem::create_directories(folder / "work", ignored);
        auto const variables = variables_of(server, folder);
        if (variables.empty() || settings_.command.empty()) return;
        auto const pid = start(settings_.command, variables, folder);
        std::scoped_lock const lock{mutex_};
        if (pid > 0) processes_[server.id] = pid;
    }

    void end_server(std::int64_t id) {
        std::unique_lock lock{mutex_};
        auto const found = processes_.find(id);
        if (found == processes_.end()) return;
        auto const pid = found->second;
        processes_.erase(found);
        lock.unlock();
        end(pid);
    }

    [[nodiscard]] int running() const {
        std::scoped_lock const lock{mutex_};
        int count = 0;
        for (auto const& [id, pid] : processes_) {
            siginfo_t info{};
            auto const flags = WEXITED | WNOHANG | WNOWAIT;
            if (::waitid(P_PID, static_cast<id_t>(pid), &info, flags) == 0 && info.si_pid == 0) ++count;
        }
        return count;
    }

private:
    void work(std::stop_token const& stop) {
        for (;;) {
            std::unique_lock lock{mutex_};
            if (!changed_.wait(lock, stop, [this] { return !tasks_.empty(); })) return;
            auto const task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            task();
        }
    }

    AgentSettings settings_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<std::function<void()>> tasks_;
    std::map<std::int64_t, pid_t> processes_;
    std::jthread thread_;
};

Agents::Agents(AgentSettings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
Agents::~Agents() = default;

ServerWatch Agents::watch() {
    auto* const impl = impl_.get();
    return {[impl](ServerView const& server) { impl->push([impl, server] { impl->begin_server(server); }); },
            [impl](std::int64_t id) { impl->push([impl, id] { impl->end_server(id); }); }};
}

int Agents::running() const {
    return impl_->running();
}

}  // namespace rgrid::hetzner_sim
