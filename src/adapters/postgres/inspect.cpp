#include <rgrid/adapters/postgres/inspect.hpp>

#include "adapters/postgres/address.hpp"
#include "adapters/postgres/client.hpp"
#include "adapters/postgres/migrations.hpp"

namespace rgrid::postgres {

namespace {

/// The parts of a look, each from one statement. Runs in one transaction, whose methods throw what goes wrong.
class Inspection {
public:
    Inspection(Transaction& transaction, Clock& clock) : transaction_(transaction), clock_(clock) {}

    StoreServer look() {
        server();
        others();
        bool const has_schema =
            !transaction_.run({nullptr, "SELECT to_regclass('rgrid.migration')"}).front().null(0);
        if (has_schema) schema();
        if (found_.schema > 0) tables();
        return std::move(found_);
    }

private:
    void server() {
        found_.asked = clock_.now();
        auto const rows = transaction_.run(
            {nullptr,
             "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, current_setting('server_version'), "
             "current_setting('server_version_num')::int, current_user, "
             "pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean, "
             "current_setting('autovacuum')::boolean AND current_setting('track_counts')::boolean, "
             "pg_database_size(current_database())"});
        found_.answered = clock_.now();
        auto const row = rows.front();
        found_.now = row.instant(0);
        found_.version = row.text(1);
        found_.version_number = row.small(2);
        found_.role = row.text(3);
        found_.read_only = row.boolean(4);
        found_.autovacuum = row.boolean(5);
        found_.size = Bytes{row.integer(6)};
    }

    void others() {
        found_.oldest_look =
            transaction_
                .run({nullptr,
                      "SELECT coalesce(max(age(seen)), 0) FROM (SELECT backend_xmin FROM pg_stat_activity WHERE pid <> "
                      "pg_backend_pid() UNION ALL SELECT xmin FROM pg_replication_slots UNION ALL SELECT transaction "
                      "FROM pg_prepared_xacts) AS looks(seen)"})
                .front()
                .integer(0);
        auto const oldest = transaction_.run(
            {nullptr,
             "SELECT (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::bigint, coalesce(nullif("
             "application_name, ''), 'a program without a name') || ' of ' || coalesce(usename, 'the server') || "
             "', process ' || pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND xact_start IS NOT NULL "
             "AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 1"});
        if (oldest.empty()) return;
        found_.oldest_transaction = oldest.front().duration(0);
        found_.oldest_program = oldest.front().text(1);
    }

    void schema() {
        found_.schema =
            transaction_.run({nullptr, "SELECT coalesce(max(number), 0) FROM rgrid.migration"}).front().small(0);
    }

    void tables() {
        auto const stores = transaction_.run({nullptr, "SELECT id, fleet FROM rgrid.store"});
        if (!stores.empty()) {
            found_.store = StoreId{stores.front().text(0)};
            found_.fleet = FleetId{stores.front().text(1)};
        }
        found_.last_job = JobId{
            transaction_.run({nullptr, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM rgrid.job_id"})
                .front()
                .integer(0)};
        auto const lacking = transaction_.run(
            {nullptr,
             "SELECT right_to || ' on ' || relname FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) "
             "AS rights(right_to) WHERE relnamespace = 'rgrid'::regnamespace AND relkind = 'r' AND relname <> "
             "'migration' AND NOT has_table_privilege(pg_class.oid, right_to) ORDER BY relname, right_to"});
        for (auto const row : lacking) found_.forbidden.push_back(row.text(0));
        auto const unswept = transaction_.run(
            {nullptr,
             "SELECT relname FROM pg_class WHERE relnamespace = 'rgrid'::regnamespace AND relkind = 'r' AND "
             "'autovacuum_enabled=false' = ANY(reloptions) ORDER BY relname"});
        for (auto const row : unswept) found_.never_vacuumed.push_back(row.text(0));
        auto const rows = transaction_.run(
            {nullptr,
             "SELECT relname, n_live_tup, n_dead_tup FROM pg_stat_user_tables WHERE schemaname = 'rgrid' AND relname IN "
             "('ready', 'lease') ORDER BY relname"});
        for (auto const row : rows) found_.rows.push_back({row.text(0), row.integer(1), row.integer(2)});
    }

    Transaction& transaction_;
    Clock& clock_;
    StoreServer found_;
};

}  // namespace

Result<StoreServer> inspect(Call const& call, Settings const& settings, Clock& clock) {
    Client client{settings, clock};
    if (auto const readable = client.check(); !readable) return readable.error();
    auto found = client.transact<StoreServer>(call, Effect::reads, [&](Transaction& transaction) -> Result<StoreServer> {
        return Inspection{transaction, clock}.look();
    });
    if (!found) return found.error();
    found->place = client.place();
    found->newest_schema = static_cast<int>(migrations().size());
    return found;
}

Result<> check_address(Settings const& settings) {
    if (auto const address = read_address(settings); !address) return address.error();
    return {};
}

}  // namespace rgrid::postgres
