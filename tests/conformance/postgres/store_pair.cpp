#include "store_pair.hpp"

#include <rgrid/adapters/postgres/migrate.hpp>

namespace rgrid::postgres {

namespace {

// The clock as a row that the test writes, and copies of the tables.
constexpr char const* test_parts = R"sql(
CREATE SCHEMA test;
CREATE TABLE test.clock AS SELECT 1767225600000::bigint AS at;
CREATE OR REPLACE FUNCTION rgrid.clock() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT at FROM test.clock';
CREATE FUNCTION test.tables() RETURNS SETOF text LANGUAGE sql AS
    $$ SELECT tablename::text FROM pg_tables WHERE schemaname = 'rgrid' AND tablename <> 'migration' $$;
CREATE TABLE test.last_job(state text, id bigint, called boolean);
CREATE FUNCTION test.keep(state text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text;
BEGIN
    FOR name IN SELECT test.tables() LOOP
        EXECUTE format('DROP TABLE IF EXISTS test.%s_%s; CREATE TABLE test.%1$s_%2$s AS TABLE rgrid.%2$s', state, name);
    END LOOP;
    DELETE FROM test.last_job l WHERE l.state = keep.state;
    INSERT INTO test.last_job SELECT keep.state, last_value, is_called FROM rgrid.job_id;
END $$;
CREATE FUNCTION test.rewind(state text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text;
BEGIN
    FOR name IN SELECT test.tables() LOOP
        EXECUTE format('DELETE FROM rgrid.%s', name);
        EXECUTE format('INSERT INTO rgrid.%2$s OVERRIDING SYSTEM VALUE SELECT * FROM test.%1$s_%2$s', state, name);
    END LOOP;
    PERFORM setval('rgrid.job_id', id, called) FROM test.last_job l WHERE l.state = rewind.state;
END $$;
SELECT test.keep('new');
)sql";

void fill(Settings const& settings) {
    SystemClock clock;
    migrate({}, settings, clock).value();
    Sql{settings.url.reveal()}.run(test_parts);
}

/// Databases of pairs that are gone. To make one as it was takes less than to make one.
std::vector<std::unique_ptr<Database>>& idle() {
    PostgresServer::shared();  // Which so outlives them.
    static std::vector<std::unique_ptr<Database>> databases;
    return databases;
}

std::unique_ptr<Database> take_database() {
    if (idle().empty()) return PostgresServer::shared().copy_of("still_clock", fill);
    auto database = std::move(idle().back());
    idle().pop_back();
    Sql{database->url()}.run("SELECT test.rewind('new'); UPDATE test.clock SET at = 1767225600000");
    return database;
}

}  // namespace

StorePair::StorePair(Settings const& kept, Pooler const* pooler)
    : database_(take_database()),
      sql_(database_->url()),
      first_(open(kept, pooler)),
      second_(open(kept, pooler)) {}

StorePair::~StorePair() {
    first_.reset();
    second_.reset();
    idle().push_back(std::move(database_));
}

std::unique_ptr<Store> StorePair::open(Settings const& kept, Pooler const* pooler) {
    auto settings = database_->settings();
    settings.connections = 3;
    settings.listen = false;
    if (pooler != nullptr) {
        settings.url = Secret{pooler->url(database_->name())};
        settings.prepared = false;
    }
    settings.keep_finished = kept.keep_finished;
    settings.max_log = kept.max_log;
    return Store::open({}, settings, FleetId{"default"}, clock_).value();
}

void StorePair::advance(Duration span) {
    sql_.run("UPDATE test.clock SET at = at + " + std::to_string(span.count()));
}

Instant StorePair::now() { return Instant{Duration{sql_.number("SELECT at FROM test.clock")}}; }

void StorePair::keep() { sql_.run("SELECT test.keep('kept')"); }

void StorePair::rewind() { sql_.run("SELECT test.rewind('kept')"); }

}  // namespace rgrid::postgres
