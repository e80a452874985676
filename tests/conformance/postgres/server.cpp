#include "server.hpp"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

/// libpqxx 6.4 loses the answer (about 2 KB) of a statement whose connection has ended with it: it asks for the connection's
/// encoding, and throws, before the answer has an owner. Some of the functions in which it does so have no name outside.
extern "C" char const* __lsan_default_suppressions();
extern "C" char const* __lsan_default_suppressions() {
    return "leak:libpqxx\n";
}

namespace rgrid::postgres {

namespace {

std::string program(std::string const& name) {
    for (auto const* version : {"15", "16", "17", "18"}) {
        auto const path = "/usr/lib/postgresql/" + std::string{version} + "/bin/" + name;
        if (std::filesystem::exists(path)) return path;
    }
    throw std::runtime_error("PostgreSQL's " + name + " is not below /usr/lib/postgresql: scripts/bootstrap installs it");
}

struct User {
    uid_t user;
    gid_t group;
};

/// Whom the server runs as: it refuses to be root.
User server_user() {
    if (::geteuid() != 0) return {::geteuid(), ::getegid()};
    auto const* const entry = ::getpwnam("postgres");
    if (entry == nullptr) throw std::runtime_error("there is no user postgres: scripts/bootstrap installs PostgreSQL");
    return {entry->pw_uid, entry->pw_gid};
}

}  // namespace

Sql::Sql(std::string const& url) : connection_(PQconnectdb(url.c_str())) {
    if (PQstatus(connection_) == CONNECTION_OK) return;
    std::string const words = PQerrorMessage(connection_);
    PQfinish(connection_);
    throw std::runtime_error(words);
}

Sql::~Sql() { PQfinish(connection_); }

std::string Sql::refusal(std::string const& sql) {
    auto* const result = PQexec(connection_, sql.c_str());
    auto const status = PQresultStatus(result);
    bool const good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    PQclear(result);
    return good ? "" : PQerrorMessage(connection_);
}

void Sql::run(std::string const& sql) {
    if (auto const words = refusal(sql); !words.empty()) throw std::runtime_error(sql + ": " + words);
}

std::string Sql::text(std::string const& sql) {
    auto* const result = PQexec(connection_, sql.c_str());
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        PQclear(result);
        throw std::runtime_error(sql + ": " + PQerrorMessage(connection_));
    }
    std::string value = PQntuples(result) == 0 ? "" : PQgetvalue(result, 0, 0);
    PQclear(result);
    return value;
}

int Sql::backend() const { return PQbackendPID(connection_); }

Database::Database(std::string server_url, std::string name)
    : server_url_(std::move(server_url)), name_(std::move(name)), url_(server_url_ + " dbname=" + name_) {}

Database::~Database() {
    try {
        Sql{server_url_ + " dbname=postgres"}.run("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
    } catch (std::exception const&) {
        // The server may be gone, and with it the database.
    }
}

Settings Database::settings() const {
    Settings settings;
    settings.url = Secret{url_};
    settings.connections = 4;
    return settings;
}

PostgresServer& PostgresServer::shared() {
    static PostgresServer server;
    return server;
}

PostgresServer::PostgresServer(Durability durability, std::vector<std::string> settings)
    : settings_(std::move(settings)) {
    auto const user = server_user();
    if (::chown(folder().c_str(), user.user, user.group) != 0) throw std::runtime_error("cannot give away " + folder());
    if (durability == Durability::none) {
        settings_.insert(settings_.begin(), {"fsync=off", "full_page_writes=off"});
    }
    initialise();
    start();
}

PostgresServer::~PostgresServer() {
    if (postmaster_ > 0) kill();
}

std::string PostgresServer::url(std::string const& database) const {
    return "host=" + folder() + " port=5432 user=rgrid dbname=" + database;
}

pid_t PostgresServer::spawn(std::vector<std::string> const& command) const {
    std::vector<char*> arguments;
    for (auto const& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    auto const user = server_user();
    auto const log = folder_ / "log";
    bool const changes_user = ::geteuid() == 0;
    auto const parent = ::getpid();
    auto const child = ::fork();
    if (child < 0) throw std::runtime_error("cannot start " + command.at(0));
    if (child > 0) return child;
    // Only system calls from here on, since other threads may have held locks.
    auto const output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    auto const input = ::open("/dev/null", O_RDONLY);
    ::dup2(input, 0);
    ::dup2(output, 1);
    ::dup2(output, 2);
    ::setsid();
    if (changes_user && (::setgroups(0, nullptr) != 0 || ::setgid(user.group) != 0 || ::setuid(user.user) != 0))
        ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

void PostgresServer::initialise() {
    auto const child = spawn({program("initdb"), "-D", folder_ / "data", "-A", "trust", "-U", "rgrid", "--no-sync",
                              "--no-instructions", "--locale=C", "--encoding=UTF8"});
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0) throw std::runtime_error("initdb failed: " + folder_.read("log"));
    // Roles of this group have to bring a password.
    std::ofstream{folder_ / "data/pg_hba.conf"} << "local all +guarded scram-sha-256\nlocal all all trust\n";
}

void PostgresServer::start() {
    std::vector<std::string> command{program("postgres"), "-D", folder_ / "data", "-k", folder(), "-p", "5432"};
    std::vector<std::string> settings{"listen_addresses=", "max_connections=80", "shared_buffers=32MB",
                                      "log_min_messages=warning", "max_wal_size=128MB", "autovacuum_naptime=10s"};
    settings.insert(settings.end(), settings_.begin(), settings_.end());
    for (auto const& setting : settings) command.insert(command.end(), {"-c", setting});
    // A postmaster that was killed may have left children that still hold its memory: then it has to be started again.
    bool const answers = eventually([&] {
        if (postmaster_ > 0 && ::waitpid(postmaster_, nullptr, WNOHANG) == postmaster_) postmaster_ = -1;
        if (postmaster_ <= 0) postmaster_ = spawn(command);
        return PQping(url().c_str()) == PQPING_OK;
    });
    if (!answers) throw std::runtime_error("PostgreSQL does not start: " + folder_.read("log"));
}

void PostgresServer::stop() {
    ::kill(postmaster_, SIGINT);
    wait_until_gone();
}

void PostgresServer::kill() {
    ::kill(postmaster_, SIGKILL);
    wait_until_gone();
}

void PostgresServer::wait_until_gone() {
    ::waitpid(postmaster_, nullptr, 0);
    postmaster_ = -1;
    // Its children work in its folder, whatever became of it.
    eventually([&] {
        for (auto const& entry : std::filesystem::directory_iterator{"/proc"}) {
            std::error_code gone;
            if (std::filesystem::read_symlink(entry.path() / "cwd", gone) == folder_ / "data" && !gone) return false;
        }
        return true;
    });
}

std::string PostgresServer::new_name() { return "test_" + std::to_string(++names_); }

std::unique_ptr<Database> PostgresServer::database() {
    auto const name = new_name();
    Sql{url()}.run("CREATE DATABASE " + name + " STRATEGY = file_copy");
    return std::make_unique<Database>("host=" + folder() + " port=5432 user=rgrid", name);
}

std::unique_ptr<Database> PostgresServer::copy_of(std::string const& kind,
                                                  std::function<void(Settings const&)> const& fill) {
    Sql sql{url()};
    auto const original = "kind_" + kind;
    if (std::find(kinds_.begin(), kinds_.end(), kind) == kinds_.end()) {
        sql.run("CREATE DATABASE " + original);
        Settings settings;
        settings.url = Secret{url(original)};
        fill(settings);
        kinds_.push_back(kind);
    }
    auto const name = new_name();
    sql.run("CREATE DATABASE " + name + " TEMPLATE " + original + " STRATEGY = file_copy");
    return std::make_unique<Database>("host=" + folder() + " port=5432 user=rgrid", name);
}

Frozen::Frozen(pid_t process) : process_(process) { ::kill(process_, SIGSTOP); }

Frozen::~Frozen() { ::kill(process_, SIGCONT); }

}  // namespace rgrid::postgres
