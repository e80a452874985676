#include "pooler.hpp"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

namespace rgrid::postgres {

namespace {

constexpr char const* pgbouncer = "/usr/sbin/pgbouncer";

}  // namespace

std::string Pooler::problem() {
    if (std::filesystem::exists(pgbouncer)) return "";
    return std::string{"there is no "} + pgbouncer + "; scripts/bootstrap installs it";
}

Pooler::Pooler(PostgresServer const& server) {
    folder_.write("pooler.ini", "[databases]\n* = host=" + server.folder() +
                                    " port=5432 user=rgrid\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\n"
                                    "unix_socket_dir = " + folder_.path() +
                                    "\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 3\n"
                                    "server_login_retry = 0.1\n");
    struct stat whose{};
    if (::stat(server.folder().c_str(), &whose) != 0 || ::chown(folder_.path().c_str(), whose.st_uid, whose.st_gid) != 0)
        throw std::runtime_error("cannot give away " + folder_.path());
    start();
}

Pooler::~Pooler() { kill(); }

std::string Pooler::url(std::string const& database) const {
    return "host=" + folder_.path() + " port=6432 user=rgrid dbname=" + database;
}

void Pooler::start() {
    struct stat whose{};
    ::stat(folder_.path().c_str(), &whose);
    auto const ini = folder_ / "pooler.ini", log = folder_ / "log";
    bool const changes_user = ::geteuid() != whose.st_uid;
    auto const parent = ::getpid();
    process_ = ::fork();
    if (process_ < 0) throw std::runtime_error(std::string{"cannot start "} + pgbouncer);
    if (process_ == 0) {
        // Only system calls, since other threads may have held locks.
        auto const output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
        ::dup2(output, 1);
        ::dup2(output, 2);
        if (changes_user && (::setgroups(0, nullptr) != 0 || ::setgid(whose.st_gid) != 0 || ::setuid(whose.st_uid) != 0))
            ::_exit(126);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(126);
        ::execl(pgbouncer, pgbouncer, "-q", ini.c_str(), nullptr);
        ::_exit(127);
    }
    if (!eventually([&] { return PQping(url("postgres").c_str()) == PQPING_OK; }))
        throw std::runtime_error("PgBouncer does not start: " + folder_.read("log"));
}

void Pooler::kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
}

}  // namespace rgrid::postgres
