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
CREATE TABLE test.last_job(id bigint, called boolean);
CREATE FUNCTION test.keep() RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text;
BEGIN
    FOR name IN SELECT test.tables() LOOP
        EXECUTE format('DROP TABLE IF EXISTS test.kept_%s; CREATE TABLE test.kept_%s AS TABLE rgrid.%s', name, name, name);
    END LOOP;
    DELETE FROM test.last_job;
    INSERT INTO test.last_job SELECT last_value, is_called FROM rgrid.job_id;
END $$;
CREATE FUNCTION test.rewind() RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text;
BEGIN
    FOR name IN SELECT test.tables() LOOP
        EXECUTE format('DELETE FROM rgrid.%s', name);
        EXECUTE format('INSERT INTO rgrid.%s OVERRIDING SYSTEM VALUE SELECT * FROM test.kept_%s', name, name);
    END LOOP;
    PERFORM setval('rgrid.job_id', id, called) FROM test.last_job;
END $$;
)sql";

void fill(Settings const& settings) {
    SystemClock clock;
    migrate({}, settings, clock).value();
    Sql{settings.url.reveal()}.run(test_parts);
}

}  // namespace

StorePair::StorePair(Settings const& kept, Pooler const* pooler)
    : database_(PostgresServer::shared().copy_of("still_clock", fill)),
      sql_(database_->url()),
      first_(open(kept, pooler)),
      second_(open(kept, pooler)) {}

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

void StorePair::keep() { sql_.run("SELECT test.keep()"); }

void StorePair::rewind() { sql_.run("SELECT test.rewind()"); }

}  // namespace rgrid::postgres
