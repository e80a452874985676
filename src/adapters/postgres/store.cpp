#include <rgrid/adapters/postgres/migrate.hpp>
#include <rgrid/adapters/postgres/store.hpp>

#include "adapters/postgres/impl.hpp"

namespace rgrid::postgres {

namespace {

/// Makes the store the fleet's if it is nobody's yet.
Result<> establish(Client& client, Call const& call, FleetId const& fleet) {
    static constexpr Statement make{
        "make_store",
        "INSERT INTO rgrid.store(id, fleet) SELECT replace(gen_random_uuid()::text, '-', ''), $1 "
        "WHERE NOT EXISTS (SELECT FROM rgrid.store) ON CONFLICT DO NOTHING"};
    static constexpr Statement read{"store_fleet", "SELECT fleet FROM rgrid.store"};
    if (auto const made = client.run(call, Effect::writes, make, fleet); !made) return made.error();
    auto const rows = client.run(call, Effect::reads, read);
    if (!rows) return rows.error();
    return check_fleet(client.place(), FleetId{rows->front().text(0)}, fleet);
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(Call const& call, Settings const& settings, FleetId const& fleet,
                                           Clock& clock) {
    if (auto const known = check_schema(call, settings, clock); !known) return known.error();
    auto impl = std::make_unique<Impl>(settings, fleet, clock);
    if (auto const done = establish(impl->client(), call, fleet); !done) return done.error();
    return std::unique_ptr<Store>{new Store{std::move(impl)}};
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() = default;

}  // namespace rgrid::postgres
