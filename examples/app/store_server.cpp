#include "app/store_server.hpp"

#include <cerrno>

namespace rgrid::app {

namespace {

constexpr Duration answer_limit = 10s;
constexpr Duration migration_limit = 1h;

}  // namespace

postgres::Settings postgres_settings(StoreSettings const& store) {
    auto const spoken = store.postgres.value_or(PostgresSettings{});
    postgres::Settings settings;
    settings.url = Secret{store.url};
    settings.password = spoken.password;
    settings.application = ::program_invocation_short_name;
    settings.connections = spoken.connections;
    settings.statement_limit = spoken.statement_limit;
    settings.prepared = spoken.prepared;
    settings.listen = spoken.listen;
    settings.poll = spoken.poll;
    settings.notify_interval = spoken.notify_interval;
    settings.keep_finished = store.keep_finished;
    settings.max_log = store.max_log;
    return settings;
}

Result<std::unique_ptr<postgres::Store>> open_server(Settings const& settings, Clock& clock) {
    auto const how = postgres_settings(settings.store);
    auto const open = [&] {
        return postgres::Store::open(call_within(clock, answer_limit), how, settings.fleet.name, clock);
    };
    auto store = open();
    if (store || store.error().code != Errc::rejected || !how.prepared) return store;
    // Looked at only now, so that what is done each time a program starts stays cheap.
    auto const missing = postgres::migrate(call_within(clock, answer_limit), how, clock, true);
    if (!missing || missing->steps.empty()) return store;
    auto const done = migrate_server(settings, clock, false);
    if (done) return open();
    return done.error().code == Errc::denied ? std::move(store) : done.error();
}

Result<postgres::MigrationReport> migrate_server(Settings const& settings, Clock& clock, bool dry_run) {
    return postgres::migrate(call_within(clock, dry_run ? answer_limit : migration_limit),
                             postgres_settings(settings.store), clock, dry_run);
}

Result<postgres::StoreServer> inspect_server(Settings const& settings, Clock& clock) {
    return postgres::inspect(call_within(clock, answer_limit), postgres_settings(settings.store), clock);
}

}  // namespace rgrid::app
