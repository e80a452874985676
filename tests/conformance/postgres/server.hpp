#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <rgrid/adapters/postgres/settings.hpp>
#include <rgrid/testing/temp_folder.hpp>
#include <rgrid/testing/threads.hpp>
#include <string>
#include <vector>

struct pg_conn;

namespace rgrid::postgres {

using testing::eventually;

/// A plain connection beside the store, as another program would have. Throws std::runtime_error.
class Sql {
public:
    explicit Sql(std::string const& url);
    ~Sql();
    Sql(Sql const&) = delete;
    Sql& operator=(Sql const&) = delete;

    /// Any number of statements.
    void run(std::string const& sql);

    /// The first column of the first row; empty for NULL or no row.
    std::string text(std::string const& sql);
    std::int64_t number(std::string const& sql) { return std::stoll(text(sql)); }

    /// What the server says against a statement; empty if it ran.
    std::string refusal(std::string const& sql);

    [[nodiscard]] int backend() const;  ///< Its process at the server.

private:
    pg_conn* connection_;
};

/// A database of its own for a test; gone when this goes.
class Database {
public:
    Database(std::string server_url, std::string name);
    ~Database();
    Database(Database const&) = delete;
    Database& operator=(Database const&) = delete;

    [[nodiscard]] std::string const& name() const noexcept { return name_; }
    [[nodiscard]] std::string const& url() const noexcept { return url_; }

    /// With which a store or client uses it.
    [[nodiscard]] Settings settings() const;

private:
    std::string server_url_;
    std::string name_;
    std::string url_;
};

enum class Durability {
    none,  ///< Quick: what was committed survives all crashes of processes.
    full,  ///< As users have it: fsync on.
};

/// A PostgreSQL server in a folder of its own, reached through a socket there and not from outside. It runs as the user
/// postgres if this program is root, and ends with this program, however that ends.
class PostgresServer {
public:
    /// One for the whole test program, started when it is first asked for.
    static PostgresServer& shared();

    explicit PostgresServer(Durability durability = Durability::none, std::vector<std::string> settings = {});
    ~PostgresServer();
    PostgresServer(PostgresServer const&) = delete;
    PostgresServer& operator=(PostgresServer const&) = delete;

    /// "host=... port=... user=rgrid dbname=..."; rgrid is the superuser.
    [[nodiscard]] std::string url(std::string const& database = "postgres") const;

    /// An empty database.
    [[nodiscard]] std::unique_ptr<Database> database();

    /// A database that is a copy of the one that `fill` has filled: done once for each `kind`.
    [[nodiscard]] std::unique_ptr<Database> copy_of(std::string const& kind,
                                                    std::function<void(Settings const&)> const& fill);

    /// The folder of its socket, `.s.PGSQL.5432`.
    [[nodiscard]] std::string const& folder() const noexcept { return folder_.path(); }

    [[nodiscard]] pid_t postmaster() const noexcept { return postmaster_; }

    void start();       ///< Returns when it answers.
    void stop();        ///< Orderly; returns when all its processes have ended.
    void kill();        ///< kill -9 of the postmaster; returns when all its processes have ended.
    void restart() { stop(), start(); }

private:
    void initialise();
    pid_t spawn(std::vector<std::string> const& command) const;
    void wait_until_gone();
    [[nodiscard]] std::string new_name();

    testing::TempFolder folder_;
    std::vector<std::string> settings_;
    std::vector<std::string> kinds_;
    int names_ = 0;
    pid_t postmaster_ = -1;
};

/// A process that stands still as long as this lives.
class Frozen {
public:
    explicit Frozen(pid_t process);
    ~Frozen();
    Frozen(Frozen const&) = delete;
    Frozen& operator=(Frozen const&) = delete;

private:
    pid_t process_;
};

}  // namespace rgrid::postgres
