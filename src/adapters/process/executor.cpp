#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <rgrid/adapters/process/executor.hpp>
#include <rgrid/config/json_text.hpp>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "adapters/process/attempt.hpp"
#include "adapters/process/process_tree.hpp"
#include "adapters/process/spawn.hpp"

namespace rgrid::process {

namespace {

constexpr char const* mark_name = "RGRID_RUN_ID";
constexpr char const* default_path = "/usr/local/bin:/usr/bin:/bin";

Environment environment_of(Lease const& lease, std::string const& mark) {
    Environment environment;
    // RGRID_SERVER_ID marks all processes of a local server, so that none outlives it.
    for (char const* name : {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "RGRID_SERVER_ID"})
        if (char const* value = std::getenv(name)) environment[name] = value;
    environment.try_emplace("PATH", default_path);
    for (auto const& [name, value] : lease.spec.env) environment[name] = value;
    environment["RGRID_JOB"] = std::to_string(lease.job.value);
    environment["RGRID_EPOCH"] = std::to_string(lease.epoch.value);
    environment["RGRID_ATTEMPT"] = std::to_string(lease.attempt);
    environment[mark_name] = mark;
    return environment;
}

bool is_in_path(std::string const& program, std::string const& path) {
    for (std::size_t begin = 0; begin <= path.size();) {
        auto const end = std::min(path.find(':', begin), path.size());
        if (::access((path.substr(begin, end - begin) + "/" + program).c_str(), X_OK) == 0) return true;
        begin = end + 1;
    }
    return false;
}

Result<> check_runtime(std::string const& runtime, std::string const& path) {
    auto const colon = std::min(runtime.find(':'), runtime.size());
    auto const language = runtime.substr(0, colon);
    auto const version = colon < runtime.size() ? runtime.substr(colon + 1) : std::string{};
    if (language.empty() && version.empty()) return {};
    if (language != "python" && language != "node")
        return fail(Errc::rejected, "the runtime \"" + runtime +
                                        "\" needs a container; on this machine there is \"python\" or \"node\"");
    bool const found = language == "node"
                           ? is_in_path("node", path)
                           : is_in_path("python" + version, path) || is_in_path("python3", path);
    if (found) return {};
    return fail(Errc::rejected, "the runtime \"" + runtime + "\" has no interpreter here: nothing suitable in PATH (" +
                                    path + ")");
}

Result<> check(Execution const& execution, Environment const& environment) {
    auto const& spec = execution.lease.spec;
    auto const holds_nul = [](std::string const& text) { return text.find('\0') != std::string::npos; };
    if (spec.command.empty() || spec.command.front().empty())
        return fail(Errc::rejected, "the job has no command; expected a program and its arguments");
    if (std::any_of(spec.command.begin(), spec.command.end(), holds_nul))
        return fail(Errc::rejected, "an argument of the job's command holds a NUL byte");
    for (auto const& [name, value] : environment)
        if (name.empty() || name.find('=') != std::string::npos || holds_nul(name) || holds_nul(value))
            return fail(Errc::rejected, "the environment variable \"" + name +
                                            "\" cannot be set; expected a name without \"=\" and no NUL bytes");
    struct stat status {};
    if (::stat(execution.folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
        return fail(Errc::rejected, "the working folder " + execution.folder + " does not exist");
    return check_runtime(spec.runtime, environment.at("PATH"));
}

/// A sink of the caller's: an exception of it costs the text, not the attempt.
void hand_over(LogSink const& log, std::string_view text) {
    try {
        if (log) log(text);
    } catch (...) {
        return;
    }
}

/// The executor's side of one running attempt.
class Run {
public:
    static Result<Run> start(std::string const& keeper, AttemptOrder const& order, Program const& program);

    /// May be called from any thread, also after the end.
    void ask() const { ::send(channel_.get(), ask_to_end, sizeof ask_to_end, MSG_NOSIGNAL | MSG_DONTWAIT); }

    /// Relays output until the end or until `patience` is over. Returns the end.
    std::optional<AttemptEnd> wait(LogSink const& log, int patience);

    /// Relays what is still to be read and takes the keeper's remains.
    void finish(LogSink const& log);

private:
    /// Returns how much it relayed; 0 at the end of the output, -1 if there is nothing now.
    ssize_t relay(LogSink const& log, std::size_t most);

    Fd channel_;
    Fd output_;
    pid_t keeper_ = 0;
};

Result<Run> Run::start(std::string const& keeper, AttemptOrder const& order, Program const& program) {
    std::array<int, 2> channel{}, output{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel.data()) != 0)
        return fail(Errc::retry_later, std::string{"cannot start the attempt: "} + std::strerror(errno));
    Run run;
    run.channel_ = Fd{channel[0]};
    Fd const far_channel{channel[1]};
    if (::pipe2(output.data(), O_CLOEXEC) != 0)
        return fail(Errc::retry_later, std::string{"cannot start the attempt: "} + std::strerror(errno));
    run.output_ = Fd{output[0]};
    Fd const far_output{output[1]};
    ::fcntl(output[0], F_SETFL, O_NONBLOCK);
    auto const packed = pack(program);
    if (!packed) return packed.error();
    auto const spawned = spawn_keeper(keeper, {"run", config::to_json_text(order)},
                                      {far_output.get(), far_output.get(), far_channel.get(), packed->get()});
    if (!spawned) return spawned.error();
    run.keeper_ = *spawned;
    return run;
}

std::optional<AttemptEnd> Run::wait(LogSink const& log, int patience) {
    std::array<pollfd, 2> sources{{{channel_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}}};
    ::poll(sources.data(), sources.size(), patience);
    if (sources[1].revents != 0 && relay(log, SIZE_MAX) == 0) output_.reset();
    if (sources[0].revents == 0) return std::nullopt;
    std::array<char, 4096> text{};
    auto const size = ::recv(channel_.get(), text.data(), text.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    if (size <= 0) return AttemptEnd{.cause = EndCause::outside, .wait_status = SIGKILL};
    auto const end = config::from_json_text<AttemptEnd>({text.data(), static_cast<std::size_t>(size)}, true);
    return end ? *end : AttemptEnd{};
}

ssize_t Run::relay(LogSink const& log, std::size_t most) {
    std::array<char, 65536> piece;
    auto const count = ::read(output_.get(), piece.data(), std::min(most, piece.size()));
    if (count > 0) hand_over(log, {piece.data(), static_cast<std::size_t>(count)});
    return count;
}

void Run::finish(LogSink const& log) {
    // Only what is there now: a stranger who got hold of the pipe could write for ever.
    int left = 0;
    if (output_) ::ioctl(output_.get(), FIONREAD, &left);
    while (left > 0) {
        auto const count = relay(log, static_cast<std::size_t>(left));
        if (count <= 0) break;
        left -= static_cast<int>(count);
    }
    wait_for(keeper_);
}

/// For poll(): until the deadline, which is by the clock and so looked at now and then.
int patience_until(SteadyInstant deadline, SteadyInstant now) {
    if (deadline == SteadyInstant::max()) return -1;
    return static_cast<int>(std::clamp<Duration>(deadline - now, 0ms, 1s).count());
}

}  // namespace

Executor::Executor(ExecutorSettings settings, Clock& clock) : settings_(std::move(settings)), clock_(clock) {}

Result<ExecutionReport> Executor::run(Call const& call, Execution const& execution, LogSink const& log) {
    auto const& lease = execution.lease;
    auto const mark = unique_id();
    Program const program{lease.spec.command, environment_of(lease, mark)};
    if (auto const checked = check(execution, program.environment); !checked) return checked.error();
    auto const& path = program.environment.at("PATH");
    AttemptOrder const order{.job = lease.job,
                             .timeout = lease.spec.timeout,
                             .kill_grace = execution.kill_grace,
                             .memory_limit = lease.spec.memory_limit,
                             .max_processes = settings_.max_processes,
                             .disk_reserve = settings_.disk_reserve,
                             .poll = settings_.poll,
                             .folder = execution.folder};
    if (call.stop.stop_requested()) return report_of({.cause = EndCause::asked}, order, lease.spec, path, 0ms);

    auto const began = clock_.steady_now();
    auto run = Run::start(settings_.keeper, order, program);
    if (!run) return run.error();
    std::stop_callback const on_stop{call.stop, [&run] { run->ask(); }};
    bool late = false;
    std::optional<AttemptEnd> end;
    while (!(end = run->wait(log, patience_until(late ? SteadyInstant::max() : call.deadline, clock_.steady_now())))) {
        if (late || clock_.steady_now() < call.deadline) continue;
        late = true;
        run->ask();
    }
    run->finish(log);
    // A keeper that was itself killed could end nothing; what ran under it dies with it but for what had detached.
    if (end->cause == EndCause::outside)
        while (kill_marked(mark_name + ("=" + mark)) > 0) clock_.sleep_until(clock_.steady_now() + 10ms, {});
    if (late && end->cause == EndCause::asked && !call.stop.stop_requested()) end->cause = EndCause::deadline;
    return report_of(*end, order, lease.spec, path, clock_.steady_now() - began);
}

}  // namespace rgrid::process
