#include "adapters/postgres/connection.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <optional>
#include <pqxx/connection_base>
#include <pqxx/connectionpolicy>
#include <pqxx/nontransaction>
#include <pqxx/prepared_statement>
#include <unordered_set>
#include <utility>

namespace rgrid::postgres {

namespace {

/// Lends libpqxx a connection that is there already: its own ways of connecting know no deadline, and a lost connection
/// must not come back by itself in the middle of a transaction.
class Lent final : public pqxx::connectionpolicy {
public:
    explicit Lent(pg_conn* link) : connectionpolicy(std::string{}), link_(link) {}

    handle do_startconnect(handle had) override {
        if (had != nullptr) return had;
        if (auto* const link = std::exchange(link_, nullptr)) return link;
        throw pqxx::broken_connection{"the connection is lost"};
    }
    handle do_completeconnect(handle link) override { return link; }
    handle do_dropconnect(handle) noexcept override { return nullptr; }
    handle do_disconnect(handle) noexcept override { return nullptr; }

private:
    pg_conn* link_;
};

struct ClearResult {
    void operator()(pg_result* result) const noexcept { PQclear(result); }
};
using Answer = std::unique_ptr<pg_result, ClearResult>;

constexpr PostgresFailure lost(char const* words) { return {"", words}; }

/// Whether the server has ended the session between two statements or has broken one off, with nothing done.
bool ended_by_decision(PostgresFailure const& failure) {
    static constexpr std::array states{"57P01", "25P03", "57P05"};
    return std::any_of(states.begin(), states.end(), [&](char const* state) { return failure.state == state; });
}

}  // namespace

class Connection::Session final : public pqxx::connection_base {
public:
    explicit Session(Link link) : connection_base(policy_), link_(std::move(link)), policy_(link_.get()) {
        init();
        plain_.emplace(*this);
    }
    ~Session() {
        plain_.reset();
        close();
    }

    [[nodiscard]] pg_conn* link() const noexcept { return link_.get(); }

    /// What libpqxx wants around every statement; nothing on the wire.
    [[nodiscard]] pqxx::nontransaction& plain() noexcept { return *plain_; }

    [[nodiscard]] bool open() const noexcept { return PQstatus(link_.get()) == CONNECTION_OK; }

    std::unordered_set<void const*> known;  ///< Texts of statements whose names libpqxx has.

private:
    Link link_;
    Lent policy_;
    std::optional<pqxx::nontransaction> plain_;
};

Connection::Connection(Link link, bool prepared)
    : session_(std::make_unique<Session>(std::move(link))), prepared_(prepared) {}

Connection::~Connection() = default;

template <class Work>
auto Connection::guarded(Work const& work) {
    if (!session_->open()) throw lost("the connection is lost");
    auto const failed = [&](char const* words, std::string const& state) {
        auto failure = read_failure(words);
        if (failure.state.empty()) failure.state = state;
        if (failure.state == "0A000" || failure.state == "26000") stale_ = true;
        if (failure.message.empty()) failure.message = "the connection was lost";
        return failure;
    };
    try {
        return work();
    } catch (pqxx::sql_error const& error) {
        auto failure = failed(error.what(), session_->open() && error.sqlstate().empty() ? "XX000" : error.sqlstate());
        // A server that breaks down in the middle of a COMMIT, as on a full disk, says why; the commit may be kept still.
        if (!session_->open() && !ended_by_decision(failure)) failure.state.clear();
        throw failure;
    } catch (pqxx::failure const& error) {
        // libpqxx has thrown the server's last words away; libpq has them still.
        if (session_->open()) throw failed(error.what(), "XX000");
        throw failed(PQerrorMessage(session_->link()), "");
    } catch (std::logic_error const& error) {
        throw failed(error.what(), "XX000");
    }
}

Rows Connection::run(Statement const& statement, Params const& params) {
    if (params.unfit() != 0)
        throw PostgresFailure{"22021", "value " + std::to_string(params.unfit()) + " holds a zero byte"};
    return guarded([&] {
        auto const texts = params.texts();
        auto const values = pqxx::prepare::make_dynamic_params(texts);
        if (!prepared_ || statement.name == nullptr) return Rows{session_->plain().exec_params(statement.sql, values)};
        if (session_->known.insert(statement.sql).second) session_->prepare(statement.name, statement.sql);
        return Rows{session_->plain().exec_prepared(statement.name, values)};
    });
}

void Connection::script(std::string const& sql) {
    guarded([&] { session_->plain().exec(sql); });
}

void Connection::load(std::string const& copy, std::function<bool(std::string& piece)> const& more) {
    if (!session_->open()) throw lost("the connection is lost");
    auto* const link = session_->link();
    auto const failed = [&] {
        auto failure = read_failure(PQerrorMessage(link));
        if (failure.state.empty() && session_->open()) failure.state = "XX000";
        if (failure.message.empty()) failure.message = "the connection was lost";
        return failure;
    };
    if (PQresultStatus(Answer{PQexec(link, copy.c_str())}.get()) != PGRES_COPY_IN) throw failed();
    for (std::string piece; more(piece); piece.clear())
        if (PQputCopyData(link, piece.data(), static_cast<int>(piece.size())) != 1) throw failed();
    if (PQputCopyEnd(link, nullptr) != 1) throw failed();
    std::optional<PostgresFailure> failure;
    while (Answer const answer{PQgetResult(link)})
        if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK && !failure) failure = failed();
    if (failure) throw *std::move(failure);
}

bool Connection::quiet() const noexcept {
    pollfd look{socket(), POLLIN | POLLRDHUP, 0};
    return ::poll(&look, 1, 0) == 0;
}

bool Connection::reusable() const noexcept {
    return !stale_ && session_->open() && PQtransactionStatus(session_->link()) == PQTRANS_IDLE;
}

int Connection::socket() const noexcept { return PQsocket(session_->link()); }

int Connection::notifications() {
    if (PQconsumeInput(session_->link()) == 0) throw read_failure(PQerrorMessage(session_->link()));
    int count = 0;
    while (auto* const notification = PQnotifies(session_->link())) {
        PQfreemem(notification);
        ++count;
    }
    return count;
}

Result<std::unique_ptr<Connection>> make_connection(Call const& call, Address const& address, bool prepared,
                                                    Clock& clock) {
    auto link = connect(call, address, clock);
    if (!link) return link.error();
    try {
        return std::make_unique<Connection>(*std::move(link), prepared);
    } catch (std::exception const& error) {
        return fail(Errc::retry_later, address.place + ": " + address.clean(error.what()));
    }
}

}  // namespace rgrid::postgres
