#pragma once

#include <sys/types.h>

#include <rgrid/testing/temp_folder.hpp>
#include <string>

#include "server.hpp"

namespace rgrid::postgres {

/// PgBouncer in front of a server: each transaction may get another one of its few connections. Ends with this program,
/// however that ends.
class Pooler {
public:
    /// Why there can be none here; empty if there can.
    static std::string problem();

    explicit Pooler(PostgresServer const& server);
    ~Pooler();
    Pooler(Pooler const&) = delete;
    Pooler& operator=(Pooler const&) = delete;

    [[nodiscard]] std::string url(std::string const& database) const;

    void start();  ///< Returns when it answers.
    void kill();

private:
    testing::TempFolder folder_;
    pid_t process_ = -1;
};

}  // namespace rgrid::postgres
