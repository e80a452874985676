#include "adapters/postgres/address.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>
#include <string_view>

namespace rgrid::postgres {

namespace {

using Values = std::map<std::string, std::string>;

struct FreeOptions {
    void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

Values values_of(PQconninfoOption const* option) {
    Values values;
    for (; option->keyword != nullptr; ++option)
        if (option->val != nullptr && *option->val != '\0') values[option->keyword] = option->val;
    return values;
}

Error unreadable(std::string const& reason) {
    return {Errc::rejected, "the address of the PostgreSQL database cannot be read" + reason +
                                "; expected postgresql://user@host:port/database?option=value or "
                                "\"host=... port=... dbname=... user=...\""};
}

Result<Values> parse(std::string const& url) {
    if (url.find('\0') != std::string::npos) return unreadable(": it holds a zero byte");
    char* words = nullptr;
    Options const options{PQconninfoParse(url.c_str(), &words)};
    std::string reason = words == nullptr ? "" : words;
    PQfreemem(words);
    if (options) return values_of(options.get());
    // What libpq quotes may be a piece of a password.
    reason = reason.substr(0, reason.find('"'));
    while (!reason.empty() && (reason.back() == '\n' || reason.back() == ' ' || reason.back() == ':')) reason.pop_back();
    return unreadable(reason.empty() ? "" : " (" + reason + ")");
}

std::vector<std::string> split(std::string const& text) {
    std::vector<std::string> parts;
    std::istringstream stream{text};
    for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
    if (text.empty() || text.ends_with(',')) parts.emplace_back();
    return parts;
}

/// The n-th of a list of servers, or the only one, which holds for all.
std::string nth(std::vector<std::string> const& list, std::size_t index) {
    return index < list.size() ? list[index] : list.size() == 1 ? list[0] : std::string{};
}

std::string value(Values const& values, char const* keyword) {
    auto const found = values.find(keyword);
    return found == values.end() ? std::string{} : found->second;
}

/// What a session is to have from its first moment, as the server's `options`; the address's own come last and win.
std::string session_options(Settings const& settings, std::string const& own) {
    auto const limit = std::to_string(settings.statement_limit.count());
    // Statements are planned once a connection, maybe while the tables are empty, and are used when they hold millions of
    // jobs: so only plans that are good then are left to choose from, and that take rows in the order of an index, in which
    // all lock them. The time-outs, the check and the keepalives let go of locks when this side has vanished or given up.
    return "-c statement_timeout=" + limit + " -c idle_in_transaction_session_timeout=" + limit +
           " -c search_path=rgrid,pg_catalog,pg_temp -c default_transaction_isolation=read\\ committed" +
           " -c client_min_messages=warning" +
           " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off"
           " -c enable_mergejoin=off -c enable_bitmapscan=off -c jit=off"
           " -c client_connection_check_interval=2000 -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10" +
           " -c tcp_keepalives_count=3" + (own.empty() ? "" : " " + own);
}

void add_defaults(Values& values, Settings const& settings) {
    auto const add = [&](char const* keyword, std::string const& text) { values.emplace(keyword, text); };
    add("application_name", settings.application);
    add("keepalives", "1");
    add("keepalives_idle", "30");
    add("keepalives_interval", "10");
    add("keepalives_count", "3");
    add("tcp_user_timeout", std::to_string(settings.statement_limit.count() + 10'000));
    values["client_encoding"] = "UTF8";
    if (settings.prepared) {
        auto own = value(values, "options");
        if (char const* const from_environment = std::getenv("PGOPTIONS"); own.empty() && from_environment != nullptr)
            own = from_environment;
        values["options"] = session_options(settings, own);
    }
    if (!settings.password.empty()) values["password"] = settings.password.reveal();
}

/// What libpq will use if the address does not say.
Values environment() {
    Options const options{PQconndefaults()};
    return options ? values_of(options.get()) : Values{};
}

std::string place_of(Values const& values) {
    auto const defaults = environment();
    auto const pick = [&](char const* keyword) {
        auto const own = value(values, keyword);
        return own.empty() ? value(defaults, keyword) : own;
    };
    auto host = pick("host");
    if (host.empty()) host = pick("hostaddr");
    auto const port = pick("port");
    auto database = pick("dbname");
    if (database.empty()) database = pick("user");
    std::string text = "PostgreSQL";
    if (auto const service = value(values, "service"); !service.empty()) text += " of service " + service;
    if (!host.empty()) text += " at " + host + (host.starts_with('/') || port.empty() ? "" : ":" + port);
    return text + (database.empty() ? "" : ", database " + database);
}

std::vector<Keywords> servers_of(Values const& values) {
    auto const hosts = split(value(values, "host"));
    auto const addresses = split(value(values, "hostaddr"));
    auto const ports = split(value(values, "port"));
    std::vector<Keywords> servers;
    for (std::size_t i = 0; i < std::max(hosts.size(), addresses.size()); ++i) {
        auto own = values;
        own["host"] = nth(hosts, i);
        own["hostaddr"] = nth(addresses, i);
        own["port"] = nth(ports, i);
        Keywords keywords;
        for (auto const& [keyword, text] : own)
            if (!text.empty()) keywords.emplace_back(keyword, text);
        servers.push_back(std::move(keywords));
    }
    return servers;
}

Duration connect_limit_of(Values const& values) {
    auto const seconds = std::strtol(value(values, "connect_timeout").c_str(), nullptr, 10);
    return seconds > 0 ? Duration{std::chrono::seconds{std::min(seconds, 3600L)}} : Duration{10'000};
}

}  // namespace

std::string Address::clean(std::string text) const {
    for (auto const& secret : secrets)
        for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
            text.replace(at, secret.size(), "***");
    return text;
}

Result<Address> read_address(Settings const& settings) {
    auto values = parse(settings.url.reveal());
    if (!values) return values.error();
    Address address;
    address.place = place_of(*values);
    address.connect_limit = connect_limit_of(*values);
    add_defaults(*values, settings);
    for (auto const* keyword : {"password", "sslpassword"})
        // A shorter one would be found in words that have nothing to do with it.
        if (auto const secret = value(*values, keyword); secret.size() > 3) address.secrets.push_back(secret);
    address.servers = servers_of(*values);
    return address;
}

}  // namespace rgrid::postgres
