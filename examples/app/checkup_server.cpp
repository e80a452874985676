#include <rgrid/base/time.hpp>

#include "app/checkup.hpp"

namespace rgrid::app {

namespace {

std::string joined(std::vector<std::string> const& items) {
    std::string text;
    for (auto const& item : items) text += (text.empty() ? "" : ", ") + item;
    return text;
}

Check check_version(postgres::StoreServer const& server) {
    constexpr int oldest = 150'000;
    auto const found = server.place + " has version " + server.version;
    if (server.version_number < oldest)
        return {Health::fail, "store", found + "; expected 15 or later", "upgrade the server"};
    return {Health::ok, "store", found, ""};
}

Check check_schema(postgres::StoreServer const& server) {
    auto const known = std::to_string(server.newest_schema);
    if (server.schema == 0)
        return {Health::warn, "store", "there is no schema of RGrid in it",
                "'rgrid migrate' as its owner, or the first program that starts, makes it"};
    auto const found = "its schema is at step " + std::to_string(server.schema);
    if (server.schema > server.newest_schema)
        return {Health::fail, "store", found + "; this program knows " + known, "use the newer RGrid"};
    if (server.schema < server.newest_schema)
        return {Health::warn, "store", found + "; this program's is " + known,
                "'rgrid migrate' as its owner, or the next program that starts, brings it up to date"};
    return {Health::ok, "store", found, ""};
}

Check check_fleet_of(postgres::StoreServer const& server, FleetId const& fleet) {
    if (server.fleet.empty()) return {Health::ok, "store", "it is no fleet's yet", ""};
    if (server.fleet == fleet) return {Health::ok, "store", "it is store " + server.store.value, ""};
    return {Health::fail, "store",
            "it belongs to the fleet \"" + server.fleet.value + "\"; expected \"" + fleet.value + "\"",
            "correct fleet.name or store.url"};
}

Check check_writing(postgres::StoreServer const& server) {
    if (server.read_only)
        return {Health::fail, "store", "it takes no writes: it is a standby, or told to be read only",
                "give store.url the primary server, or see to default_transaction_read_only"};
    if (server.forbidden.empty()) return {Health::ok, "store", "the role " + server.role + " may write", ""};
    return {Health::fail, "store", "the role " + server.role + " lacks " + joined(server.forbidden),
            "grant it as the owner of the database"};
}

/// A difference harms nobody, since all ages are measured by one clock; but it puzzles whoever reads logs.
Check check_clocks(postgres::StoreServer const& server) {
    constexpr Duration tolerance = 3s;
    auto const found = "the server's clock says " + to_text(server.now) + ", this machine's " + to_text(server.answered);
    if (server.now + tolerance >= server.asked && server.now - tolerance <= server.answered)
        return {Health::ok, "clock", "the server's is this machine's", ""};
    return {Health::warn, "clock", found, "let both follow a time server: what people read carries these times"};
}

Checks check_vacuum(postgres::StoreServer const& server) {
    constexpr std::int64_t many = 100'000;
    constexpr Duration patience = 10min;
    Checks checks;
    if (!server.autovacuum)
        checks.push_back({Health::fail, "vacuum", "autovacuum is off: claims get slower without end",
                          "switch autovacuum and track_counts on"});
    if (!server.never_vacuumed.empty())
        checks.push_back({Health::fail, "vacuum", "autovacuum is off for " + joined(server.never_vacuumed),
                          "ALTER TABLE rgrid.NAME RESET (autovacuum_enabled)"});
    if (server.oldest_transaction > patience)
        checks.push_back({Health::warn, "vacuum",
                          "a transaction of " + server.oldest_program + " is open for " +
                              to_text(server.oldest_transaction) + ": what was deleted since stays",
                          "end it; long looks belong on another server"});
    else if (server.oldest_look > 10 * many)
        checks.push_back({Health::warn, "vacuum",
                          "somebody can still see what was there " + std::to_string(server.oldest_look) +
                              " transactions ago, so that it stays",
                          "look for prepared transactions, for replication slots and into pg_stat_activity"});
    for (auto const& table : server.rows)
        if (table.dead > many)
            checks.push_back({Health::warn, "vacuum",
                              "rgrid." + table.table + " has " + std::to_string(table.dead) + " dead rows beside " +
                                  std::to_string(table.living) + " living ones",
                              "see what keeps autovacuum from it, then VACUUM rgrid." + table.table});
    if (checks.empty()) checks.push_back({Health::ok, "vacuum", "autovacuum is on and keeps up", ""});
    return checks;
}

}  // namespace

Checks check_store_server(Result<postgres::StoreServer> const& server, Settings const& settings) {
    if (!server) {
        auto const advice = server.error().code == Errc::retry_later
                                ? "see that the server runs and that store.url has its host and port"
                                : "correct store.url, or let the server's owner grant what is missing";
        return {{Health::fail, "store", server.error().message, advice}};
    }
    Checks checks{check_version(*server), check_schema(*server)};
    if (server->schema > 0) checks.push_back(check_fleet_of(*server, settings.fleet.name));
    checks.push_back(check_writing(*server));
    checks.push_back(check_clocks(*server));
    for (auto& check : check_vacuum(*server)) checks.push_back(std::move(check));
    return checks;
}

}  // namespace rgrid::app
