#include "adapters/process/run.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <rgrid/config/json_text.hpp>

#include "adapters/process/attempt.hpp"
#include "adapters/process/containment.hpp"
#include "adapters/process/process_tree.hpp"
#include "adapters/process/timer.hpp"

namespace rgrid::process {

namespace {

constexpr int channel = 3;
constexpr int packed_program = 4;
constexpr Duration kill_again = 10ms;

/// What the files below a folder take of the disk, as far as they can be seen.
Bytes space_of(std::string const& folder) {
    namespace fs = std::filesystem;
    Bytes sum;
    std::error_code error;
    auto const options = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator entry{folder, options, error}, end; !error && entry != end;
         entry.increment(error)) {
        struct stat status {};
        if (::lstat(entry->path().c_str(), &status) == 0) sum.count += std::int64_t{status.st_blocks} * 512;
    }
    return sum;
}

class Attempt {
public:
    Attempt(AttemptOrder order, Program program) : order_(std::move(order)), program_(std::move(program)) {}

    AttemptEnd run();

private:
    bool start();
    void wait();
    void look_at_processes();
    void look_at_memory();
    void look_at_disk();
    void take_message();
    bool any_left();
    void ask(EndCause cause);
    void kill(EndCause cause);

    AttemptOrder order_;
    Program program_;
    Containment containment_;
    Timer timeout_, look_, grace_, again_;
    AttemptEnd end_;
    bool decided_ = false;  ///< `end_.cause` holds.
    bool killing_ = false;
    pid_t first_ = 0;
};

AttemptEnd Attempt::run() {
    if (!start()) return end_;
    while (any_left()) {
        if (killing_) containment_.kill_all();
        wait();
    }
    return end_;
}

bool Attempt::start() {
    auto const started = containment_.start(program_, order_.folder, STDOUT_FILENO);
    if (started.error != 0) {
        end_ = {.cause = EndCause::not_started, .start_error = started.error};
        return false;
    }
    first_ = started.pid;
    // Only the attempt keeps its output open from here on.
    Fd const null{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
    ::dup2(null.get(), STDOUT_FILENO);
    ::dup2(null.get(), STDERR_FILENO);
    timeout_.arm(order_.timeout);
    bool const limited = order_.memory_limit || order_.max_processes > 0 || order_.disk_reserve.count > 0;
    if (limited) look_.arm(order_.poll, order_.poll);
    return true;
}

void Attempt::wait() {
    std::array<pollfd, 6> sources{{{containment_.signals(), POLLIN, 0},
                                   {timeout_.fd(), POLLIN, 0},
                                   {look_.fd(), POLLIN, 0},
                                   {grace_.fd(), POLLIN, 0},
                                   {again_.fd(), POLLIN, 0},
                                   {killing_ ? -1 : channel, POLLIN, 0}}};
    ::poll(sources.data(), sources.size(), -1);
    if (sources[5].revents != 0) take_message();
    if (containment_.take_signals()) ask(EndCause::outside);
    if (timeout_.fired()) ask(EndCause::timeout);
    if (look_.fired()) {
        look_at_processes();
        look_at_memory();
        look_at_disk();
    }
    if (grace_.fired()) kill(end_.cause);
    again_.fired();
}

void Attempt::look_at_processes() {
    if (killing_ || order_.max_processes <= 0) return;
    auto const found = tasks_of_descendants(::getpid(), order_.max_processes);
    if (found <= order_.max_processes) return;
    end_.processes = found;
    // Also while it is being asked to end: nobody could wait for what forks without end.
    kill(EndCause::processes);
}

/// Shared pages are counted once for each process, unless that exceeds the limit: then it is worth counting exactly.
void Attempt::look_at_memory() {
    if (decided_ || !order_.memory_limit || memory_of_descendants(::getpid(), false) <= *order_.memory_limit) return;
    auto const found = memory_of_descendants(::getpid(), true);
    if (found <= *order_.memory_limit) return;
    end_.memory = found;
    // Asking takes time in which it would take more.
    kill(EndCause::memory);
}

void Attempt::look_at_disk() {
    if (killing_ || order_.disk_reserve.count <= 0) return;
    struct statvfs disk {};
    if (::statvfs(order_.folder.c_str(), &disk) != 0) return;
    Bytes const left{static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize)};
    if (left >= order_.disk_reserve) return;
    auto const found = space_of(order_.folder);
    if (found <= order_.disk_reserve) return;
    end_.disk = found;
    end_.disk_left = left;
    kill(EndCause::disk);
}

void Attempt::take_message() {
    std::array<char, 16> message{};
    auto const size = ::recv(channel, message.data(), message.size(), MSG_DONTWAIT);
    if (size > 0) ask(EndCause::asked);
    // The executor is gone: nobody will take what this attempt does.
    else if (size == 0 || (errno != EAGAIN && errno != EINTR)) kill(EndCause::outside);
}

bool Attempt::any_left() {
    bool first_ended = false;
    bool const left = containment_.reap([&](pid_t pid, int status) {
        if (pid != first_) return;
        end_.wait_status = status;
        first_ended = true;
    });
    // What the job left behind has nobody to work for. While all are being asked to end, each has its grace.
    if (first_ended && !decided_) kill(EndCause::itself);
    return left;
}

void Attempt::ask(EndCause cause) {
    if (decided_) return;
    end_.cause = cause;
    decided_ = true;
    containment_.ask_all_to_end();
    grace_.arm(order_.kill_grace);
}

void Attempt::kill(EndCause cause) {
    if (!decided_) end_.cause = cause;
    decided_ = true;
    if (killing_) return;
    killing_ = true;
    // A process that forks while it is looked for is found the next time.
    again_.arm(kill_again, kill_again);
    containment_.kill_all();
}

}  // namespace

int run_attempt(std::string const& order) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    // An agent keeps its version while the keeper beside it may be replaced: what is unknown here is passed over.
    auto read_order = config::from_json_text<AttemptOrder>(order, true);
    auto program = unpack(packed_program);
    ::close(packed_program);
    ::fcntl(channel, F_SETFD, FD_CLOEXEC);
    if (!read_order || !program) return 2;
    auto const text = config::to_json_text(Attempt{std::move(*read_order), std::move(*program)}.run());
    return ::send(channel, text.data(), text.size(), MSG_NOSIGNAL) < 0 ? 1 : 0;
}

}  // namespace rgrid::process
