#include "adapters/process/serve.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "adapters/process/containment.hpp"
#include "adapters/process/last_log.hpp"
#include "adapters/process/log_file.hpp"
#include "adapters/process/server_folder.hpp"
#include "adapters/process/timer.hpp"

namespace rgrid::process {

namespace {

constexpr int ready = 3;
constexpr int packed_agent = 4;
constexpr int making_lock = 5;
constexpr long log_size = 4L * 1024 * 1024;
constexpr Duration kill_leftovers_again = 10ms;
constexpr Duration folder_poll = 2s;

/// A local server's life. The current folder is the server's own.
class Keeper {
public:
    Keeper(ServerRecord record, Program agent) : record_(std::move(record)), agent_(std::move(agent)) {}

    void run();

private:
    enum class Stage {
        booting,
        running,   ///< Also when the agent has ended: the server stays until it is deleted.
        stopping,  ///< To be deleted; the agent has been asked to end.
        emptying,  ///< To be deleted; everything is being killed.
    };

    void wait();
    void start_agent();
    void agent_ended(int wait_status);
    void stop();
    void empty();
    void clear();
    bool any_left();
    void pump();
    void say(std::string const& text) { log_.write("[keeper] " + text + "\n"); }

    ServerRecord record_;
    Program agent_;
    Containment containment_;
    LogFile log_{log_file, log_size};
    Timer boot_, grace_, again_, folder_;
    Fd output_;
    Stage stage_ = Stage::booting;
    bool clearing_ = false;  ///< Everything below is being killed until nothing is left.
    pid_t agent_pid_ = 0;
};

void Keeper::run() {
    boot_.arm(record_.boot_delay);
    folder_.arm(folder_poll, folder_poll);
    for (bool left = false; stage_ != Stage::emptying || left; left = any_left()) {
        if (clearing_) containment_.kill_all();
        wait();
    }
    pump();
}

void Keeper::wait() {
    std::array<pollfd, 6> sources{{{containment_.signals(), POLLIN, 0},
                                   {boot_.fd(), POLLIN, 0},
                                   {grace_.fd(), POLLIN, 0},
                                   {again_.fd(), POLLIN, 0},
                                   {folder_.fd(), POLLIN, 0},
                                   {output_.get(), POLLIN, 0}}};
    ::poll(sources.data(), sources.size(), -1);
    if (sources[5].revents != 0) pump();
    if (containment_.take_signals()) stop();
    if (boot_.fired() && stage_ == Stage::booting) start_agent();
    if (grace_.fired()) stage_ == Stage::stopping ? empty() : clear();
    again_.fired();
    // Whoever removes a server's folder by hand wants to be rid of the server too.
    if (folder_.fired() && ::access(record_file, F_OK) != 0) stop();
}

void Keeper::start_agent() {
    stage_ = Stage::running;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return say(std::string{"no pipe for the agent: "} + std::strerror(errno));
    output_ = Fd{ends[0]};
    Fd const writing{ends[1]};
    ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    auto const started = containment_.start(agent_, ".", writing.get());
    agent_pid_ = started.pid;
    if (started.error != 0)
        say("cannot start the agent " + agent_.command.front() + ": " + std::strerror(started.error));
}

void Keeper::agent_ended(int wait_status) {
    agent_pid_ = 0;
    pump();  // What it said last comes before how it ended.
    say("the agent ended with " + to_text_of_end(wait_status));
    if (stage_ == Stage::stopping) return empty();
    if (stage_ != Stage::running) return;
    containment_.ask_all_to_end();
    grace_.arm(record_.stop_grace);
}

/// The agent goes first and alone: if its jobs went first, it would report them as failed.
void Keeper::stop() {
    if (stage_ == Stage::stopping || stage_ == Stage::emptying) return;
    say("the server is to end");
    if (agent_pid_ == 0) return empty();
    stage_ = Stage::stopping;
    ::kill(agent_pid_, SIGTERM);
    ::kill(agent_pid_, SIGCONT);
    grace_.arm(record_.stop_grace);
}

void Keeper::empty() {
    stage_ = Stage::emptying;
    clear();
}

/// A process that forks while it is looked for is found the next time.
void Keeper::clear() {
    clearing_ = true;
    again_.arm(kill_leftovers_again, kill_leftovers_again);
    containment_.kill_all();
}

bool Keeper::any_left() {
    std::optional<int> agent_status;
    bool const left = containment_.reap([&](pid_t pid, int status) {
        if (pid == agent_pid_) agent_status = status;
    });
    if (agent_status) agent_ended(*agent_status);
    if (clearing_ && !left) again_.disarm();
    return left;
}

void Keeper::pump() {
    std::array<char, 65536> piece;
    auto const count = output_ ? ::read(output_.get(), piece.data(), piece.size()) : 0;
    if (count > 0) log_.write({piece.data(), static_cast<std::size_t>(count)});
    else if (count == 0 || (errno != EAGAIN && errno != EINTR)) output_.reset();
}

/// Takes the folder's lock for as long as this process lives. The descriptor is never closed: closing any descriptor
/// of the file would let the lock go.
bool take_lock() {
    int const file = ::open(lock_file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (file < 0 || ::fcntl(file, F_SETLK, &lock) != 0) return false;
    auto const pid = std::to_string(::getpid()) + "\n";
    return ::write(file, pid.data(), pid.size()) == static_cast<ssize_t>(pid.size());
}

void answer(std::string const& text) {
    // Whoever asked may be gone; the server is then found by its name.
    if (::write(ready, text.data(), text.size()) < 0) errno = 0;
    ::close(ready);
}

/// Moves the folder out of the way before its content goes, so that nobody sees half a server. What is outside of it
/// goes first: only the record tells where that is.
void remove_folder(ServerRecord const& record) {
    remove_scratch(record);
    keep_last_log("..", ".", record.name);
    auto const gone = std::string{"../"} + going + record.id.value;
    if (std::rename(("../" + record.name.value).c_str(), gone.c_str()) != 0) return;
    std::error_code ignored;
    std::filesystem::remove_all(gone, ignored);
}

int keep(ServerRecord const& record, Program const& agent) {
    if (!take_lock()) return answer("cannot take the lock: " + std::string{std::strerror(errno)}), 1;
    Keeper keeper{record, agent};
    if (::renameat2(AT_FDCWD, (std::string{"../"} + coming + record.id.value).c_str(), AT_FDCWD,
                    ("../" + record.name.value).c_str(), RENAME_NOREPLACE) != 0)
        return answer("cannot take the name: " + std::string{std::strerror(errno)}), 1;
    answer("ok");
    ::close(making_lock);
    keeper.run();
    remove_folder(record);
    return 0;
}

}  // namespace

int serve(std::string const& folder) {
    for (int const fd : {ready, packed_agent, making_lock}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    // The caller gets its child back at once, and this process becomes nobody's child and no session's leader.
    auto const child = ::fork();
    if (child != 0) return child < 0 ? 1 : 0;
    auto const record = read_record(folder);
    auto const agent = unpack(packed_agent);
    ::close(packed_agent);
    if (!record || !agent) return answer(record ? agent.error().message : record.error().message), 1;
    if (::chdir(folder.c_str()) != 0) return answer("cannot enter the folder"), 1;
    return keep(*record, *agent);
}

}  // namespace rgrid::process
