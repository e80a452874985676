#pragma once

#include <memory>
#include <rgrid/adapters/postgres/store.hpp>
#include <rgrid/adapters/system/clock.hpp>

#include "pooler.hpp"
#include "server.hpp"

namespace rgrid::postgres {

/// Two stores on one database that is as new, which are to the server what two processes are. The store's clock stands still but
/// for advance().
class StorePair {
public:
    /// @param kept    Of it only how long and how much the stores keep counts.
    /// @param pooler  Through which the stores speak to the server, if any. It outlives them.
    explicit StorePair(Settings const& kept = {}, Pooler const* pooler = nullptr);
    ~StorePair();
    StorePair(StorePair const&) = delete;
    StorePair& operator=(StorePair const&) = delete;

    [[nodiscard]] Store& first() { return *first_; }
    [[nodiscard]] Store& second() { return *second_; }
    [[nodiscard]] Database& database() { return *database_; }

    void advance(Duration span);
    [[nodiscard]] Instant now();

    /// Takes a backup of all tables as they are now, in the place of an earlier one.
    void keep();

    /// Puts the backup in their place, without telling the stores. Time does not go back.
    void rewind();

private:
    [[nodiscard]] std::unique_ptr<Store> open(Settings const& kept, Pooler const* pooler);

    SystemClock clock_;
    std::unique_ptr<Database> database_;
    Sql sql_;
    std::unique_ptr<Store> first_;
    std::unique_ptr<Store> second_;
};

}  // namespace rgrid::postgres
