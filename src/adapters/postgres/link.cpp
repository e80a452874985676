#include "adapters/postgres/link.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "adapters/postgres/failure.hpp"
#include "adapters/postgres/waiter.hpp"

namespace rgrid::postgres {

namespace {

Link start(Keywords const& server) {
    std::vector<char const*> keywords;
    std::vector<char const*> values;
    for (auto const& [keyword, value] : server) {
        keywords.push_back(keyword.c_str());
        values.push_back(value.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    Link link{PQconnectStartParams(keywords.data(), values.data(), 0)};
    // So that what the server says has its SQLSTATE in it: libpq has no other place for that here.
    if (link) PQsetErrorVerbosity(link.get(), PQERRORS_VERBOSE);
    return link;
}

/// Whether what libpq itself says is nothing that time heals.
bool needs_operator(std::string const& words) {
    static constexpr std::array signs{"no password supplied",  "certificate", "SSL was required",
                                      "does not support SSL", "authentication method"};
    return std::any_of(signs.begin(), signs.end(),
                       [&](char const* sign) { return words.find(sign) != std::string::npos; });
}

Error error_of(pg_conn const* link, Address const& address) {
    auto failure = read_failure(PQerrorMessage(link));
    if (failure.message.empty()) failure.message = "no connection, and no reason given";
    auto error = to_error(failure, address.place);
    if (failure.state.empty() && needs_operator(failure.message)) error.code = Errc::denied;
    // So PgBouncer says before 1.20, to what a session with prepared statements asks for at its beginning.
    if (failure.message.find("unsupported startup parameter") != std::string::npos)
        error = {Errc::denied, error.message + "; behind a transaction-mode pooler, prepared statements have to be off"};
    // Whatever a server refuses at the door, nothing has happened, and this program is not to blame.
    if (error.code == Errc::bug) error.code = Errc::denied;
    error.message = address.clean(std::move(error.message));
    return error;
}

/// @param others  Servers that are still to be tried after this one: they get their share of the time.
Result<Link> connect_to(Call const& call, Address const& address, Keywords const& server, std::size_t others,
                        Clock& clock) {
    auto const now = clock.steady_now();
    auto const left = std::max(Duration{0}, call.deadline - std::min(call.deadline, now));
    auto const limit = std::min(address.connect_limit, left / static_cast<Duration::rep>(others + 1));
    Call const limited{now + limit, call.stop};
    auto link = start(server);
    if (!link) return fail(Errc::retry_later, address.place + ": no memory for a connection");
    Waiter waiter;
    auto state = PQstatus(link.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED) return error_of(link.get(), address);
        auto const events = static_cast<short>(state == PGRES_POLLING_READING ? POLLIN : POLLOUT);
        switch (waiter.wait(limited, clock, PQsocket(link.get()), events)) {
            case Awaited::ready: break;
            case Awaited::stopped: return fail(Errc::retry_later, address.place + ": told to stop while connecting");
            case Awaited::late:
                return fail(Errc::retry_later,
                            address.place + ": no answer to an attempt to connect within " + to_text(limit));
        }
        state = PQconnectPoll(link.get());
    }
    return link;
}

}  // namespace

void CloseLink::operator()(pg_conn* link) const noexcept { PQfinish(link); }

Result<Link> connect(Call const& call, Address const& address, Clock& clock) {
    Error error;
    auto others = address.servers.size();
    for (auto const& server : address.servers) {
        auto link = connect_to(call, address, server, --others, clock);
        if (link || call.stop.stop_requested()) return link;
        // Of several servers the first one's refusal is what an operator has to know.
        if (&server == &address.servers.front() || link.error().code == Errc::denied) error = link.error();
    }
    return error;
}

}  // namespace rgrid::postgres
