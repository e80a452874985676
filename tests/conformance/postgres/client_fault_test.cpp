#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <rgrid/adapters/postgres/migrate.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/printers.hpp>
#include <thread>

#include "adapters/postgres/client.hpp"
#include "../../support/fault_proxy.hpp"
#include "server.hpp"

namespace rgrid::postgres {
namespace {

using rgrid::testing::Fault;
using rgrid::testing::FaultProxy;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr Statement select_one{"select_one", "SELECT 1"};
constexpr Statement put{"put", "INSERT INTO public.item(name) VALUES($1)"};
constexpr Statement process{"process", "SELECT pg_backend_pid()"};

/// The statement, and not the READ COMMITTED of the beginning.
std::string const commit{"COMMIT\0", 7};

class ClientFaultTest : public ::testing::Test {
protected:
    explicit ClientFaultTest(int connections = 4) {
        sql.run("CREATE TABLE item(name text)");
        settings.connections = connections;
        settings.statement_limit = 20s;
    }

    Call within(Duration span) { return call_within(clock, span); }
    Call patient() { return within(30s); }

    Result<> insert(Client& client, Call const& call, std::string const& name = "x") {
        return client.transact<void>(call, Effect::writes, [&](Transaction& transaction) -> Result<> {
            transaction.run(put, name);
            return {};
        });
    }

    std::int64_t items() { return Sql{database->url()}.number("SELECT count(*) FROM item"); }
    static int backend(Client& client, Call const& call) {
        return client.run(call, Effect::reads, process).value().front().small(0);
    }

    SystemClock clock;
    PostgresServer& server = PostgresServer::shared();
    std::unique_ptr<Database> database = server.database();
    Sql sql{database->url()};
    Settings settings = database->settings();
};

TEST_F(ClientFaultTest, a_backend_that_stands_still_holds_up_no_call_longer_than_its_deadline) {
    Client client{settings, clock};
    {
        Frozen const frozen{backend(client, patient())};
        auto const read = client.run(within(200ms), Effect::reads, select_one);
        EXPECT_EQ(read.error().code, Errc::retry_later);
        EXPECT_THAT(read.error().message, HasSubstr("no answer in time"));
        EXPECT_TRUE(insert(client, patient())) << "on another connection";
    }
    EXPECT_EQ(items(), 1);
}

// So says a pooler that has lost its server in the middle of a statement.
TEST_F(ClientFaultTest, a_statement_whose_connection_was_lost_behind_a_pooler_is_in_doubt) {
    sql.run("CREATE FUNCTION public.lose() RETURNS int LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'server conn crashed?' USING ERRCODE = '08P01'; END $$");
    static constexpr Statement lose{"lose", "SELECT public.lose()"};
    Client client{settings, clock};
    EXPECT_EQ(client.run(patient(), Effect::writes, lose).error().code, Errc::in_doubt);
    EXPECT_EQ(client.run(patient(), Effect::reads, lose).error().code, Errc::retry_later);
}

// A program that was stopped, or its machine suspended.
TEST_F(ClientFaultTest, a_transaction_that_the_server_has_ended_because_nothing_came_is_begun_anew) {
    Client client{settings, clock};
    int attempts = 0;
    auto const done = client.transact<void>(patient(), Effect::writes, [&](Transaction& transaction) -> Result<> {
        auto const pid = std::to_string(transaction.run(process).front().small(0));
        if (++attempts == 1) {
            transaction.script("SET LOCAL idle_in_transaction_session_timeout = '50ms'");
            EXPECT_TRUE(eventually(
                [&] { return sql.number("SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid) == 0; }));
        }
        transaction.run(put, "x");
        return {};
    });
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_EQ(attempts, 2);
    EXPECT_EQ(items(), 1);
}

// A machine that is gone answers nothing.
TEST_F(ClientFaultTest, a_server_that_does_not_answer_leaves_the_next_one_its_share_of_the_time) {
    int const silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(silent, 8), 0);
    ASSERT_EQ(::getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);
    settings.url = Secret{"host=127.0.0.1," + server.folder() + " port=" + std::to_string(ntohs(address.sin_port)) +
                          ",5432 user=rgrid dbname=" + database->name()};
    auto const known = check_schema(within(8s), settings, clock);
    EXPECT_THAT(known.error().message, HasSubstr("has no schema")) << "the second one was asked";
    ::close(silent);
}

TEST_F(ClientFaultTest, a_commit_that_a_frozen_backend_does_not_answer_is_in_doubt) {
    Client client{settings, clock};
    std::optional<Frozen> frozen;
    auto const done = client.transact<void>(within(500ms), Effect::writes, [&](Transaction& transaction) -> Result<> {
        transaction.run(put, "x");
        frozen.emplace(transaction.run(process).front().small(0));
        return {};
    });
    EXPECT_EQ(done.error().code, Errc::in_doubt);
}

TEST_F(ClientFaultTest, a_server_that_stands_still_takes_no_new_connection_and_no_call_waits_for_it) {
    Client client{settings, clock};
    {
        Frozen const frozen{server.postmaster()};
        auto const none = insert(client, within(200ms));
        EXPECT_EQ(none.error().code, Errc::retry_later);
    }
    EXPECT_TRUE(insert(client, patient()));
    EXPECT_EQ(items(), 1);
}

TEST_F(ClientFaultTest, connections_that_were_ended_while_they_were_idle_are_not_noticed) {
    Client client{settings, clock};
    for (int round = 0; round < 3; ++round) {
        auto const pid = backend(client, patient());
        sql.run("SELECT pg_terminate_backend(" + std::to_string(pid) + ", 10000)");
        EXPECT_TRUE(client.run(patient(), Effect::writes, put, "x"));
    }
    EXPECT_EQ(items(), 3);
}

TEST_F(ClientFaultTest, a_transaction_whose_connection_is_ended_before_the_commit_is_begun_anew) {
    Client client{settings, clock};
    int begun = 0;
    auto const done = client.transact<void>(patient(), Effect::writes, [&](Transaction& transaction) -> Result<> {
        transaction.run(put, "x");
        if (++begun == 1)
            sql.run("SELECT pg_terminate_backend(" + std::to_string(transaction.run(process).front().small(0)) +
                    ", 10000)");
        transaction.run(put, "y");
        return {};
    });
    EXPECT_TRUE(done);
    EXPECT_EQ(begun, 2);
    EXPECT_EQ(items(), 2);
}

TEST_F(ClientFaultTest, a_server_that_was_killed_is_used_again_when_it_is_back) {
    PostgresServer own;
    auto const own_database = own.database();
    auto own_settings = own_database->settings();
    Sql{own_database->url()}.run("CREATE TABLE item(name text)");
    Client client{own_settings, clock};
    ASSERT_TRUE(insert(client, patient()));

    own.kill();
    for (int i = 0; i < 3; ++i) {
        auto const away = insert(client, patient());
        EXPECT_EQ(away.error().code, Errc::retry_later);
        EXPECT_THAT(away.error().message, HasSubstr(own.folder()));
    }
    own.start();
    EXPECT_TRUE(eventually([&] { return insert(client, patient()).has_value(); }));
    EXPECT_EQ(Sql{own_database->url()}.number("SELECT count(*) FROM item"), 2);
}

TEST_F(ClientFaultTest, while_there_is_no_server_nobody_waits_and_attempts_are_few) {
    rgrid::testing::TempFolder folder;
    FaultProxy proxy{{folder / ".s.PGSQL.5432"}, {server.folder() + "/.s.PGSQL.5432"}};
    proxy.refuse(true);
    settings.url = Secret{"host=" + folder.path() + " user=rgrid dbname=" + database->name()};
    Client client{settings, clock};
    constexpr int calls = 200;
    std::vector<std::jthread> callers;
    std::atomic<int> answered{0};
    for (int i = 0; i < 4; ++i)
        callers.emplace_back([&] {
            for (int call = 0; call < calls / 4; ++call) {
                EXPECT_EQ(insert(client, patient()).error().code, Errc::retry_later);
                ++answered;
            }
        });
    callers.clear();
    EXPECT_EQ(answered, calls);
    EXPECT_LT(proxy.connections(), calls / 10) << "a server that comes back would meet a crowd";
    proxy.refuse(false);
    EXPECT_TRUE(eventually([&] { return insert(client, patient()).has_value(); }));
}

class ProxyTest : public ClientFaultTest {
protected:
    ProxyTest() : ClientFaultTest(1) {
        settings.url = Secret{"host=" + folder.path() + " user=rgrid dbname=" + database->name()};
    }

    rgrid::testing::TempFolder folder;
    FaultProxy proxy{{folder / ".s.PGSQL.5432"}, {server.folder() + "/.s.PGSQL.5432"}};
};

TEST_F(ProxyTest, a_commit_whose_answer_is_lost_is_in_doubt_and_has_happened) {
    for (auto const fault : {Fault::lose_answer, Fault::cut_answer}) {
        Client client{settings, clock};
        proxy.arm(commit, fault);
        auto const before = items();
        auto const done = insert(client, patient());
        EXPECT_EQ(done.error().code, Errc::in_doubt);
        EXPECT_TRUE(proxy.fired());
        EXPECT_EQ(items(), before + 1);
        EXPECT_TRUE(insert(client, patient())) << "on a new connection";
    }
}

TEST_F(ProxyTest, a_commit_that_the_server_never_saw_is_in_doubt_too) {
    Client client{settings, clock};
    proxy.arm(commit, Fault::lose_request);
    EXPECT_EQ(insert(client, patient()).error().code, Errc::in_doubt);
    EXPECT_EQ(items(), 0);
}

TEST_F(ProxyTest, a_commit_whose_answer_hangs_is_in_doubt_at_the_deadline) {
    Client client{settings, clock};
    proxy.arm(commit, Fault::hang_answer);
    auto const done = insert(client, within(300ms));
    EXPECT_EQ(done.error().code, Errc::in_doubt);
    EXPECT_THAT(done.error().message, HasSubstr("in time"));
}

TEST_F(ProxyTest, a_connection_lost_before_the_commit_costs_nothing) {
    Client client{settings, clock};
    for (auto const fault : {Fault::lose_request, Fault::lose_answer, Fault::cut_answer}) {
        proxy.arm("marked", fault);
        EXPECT_TRUE(insert(client, patient(), "marked"));
        EXPECT_TRUE(proxy.fired());
    }
    EXPECT_EQ(items(), 3) << "each once";
}

TEST_F(ProxyTest, a_single_write_whose_answer_is_lost_is_in_doubt_and_not_repeated) {
    Client client{settings, clock};
    proxy.arm("marked", Fault::lose_answer);
    EXPECT_EQ(client.run(patient(), Effect::writes, put, "marked").error().code, Errc::in_doubt);
    EXPECT_EQ(items(), 1);
}

TEST_F(ProxyTest, who_only_reads_does_not_notice_a_lost_connection) {
    Client client{settings, clock};
    static constexpr Statement echo{"echo", "SELECT $1::text"};
    proxy.arm("marked", Fault::cut_answer);
    EXPECT_EQ(client.run(patient(), Effect::reads, echo, "marked").value().front().text(0), "marked");
    EXPECT_TRUE(proxy.fired());

    proxy.arm(commit, Fault::lose_answer);
    auto const read = client.transact<int>(patient(), Effect::reads, [&](Transaction& transaction) -> Result<int> {
        return transaction.run(select_one).front().small(0);
    });
    EXPECT_EQ(read.value(), 1);
    EXPECT_TRUE(proxy.fired());
}

TEST_F(ProxyTest, a_network_that_swallows_everything_holds_up_no_call) {
    Client client{settings, clock};
    ASSERT_TRUE(insert(client, patient()));
    proxy.hang(true);
    EXPECT_EQ(insert(client, within(200ms)).error().code, Errc::retry_later) << "on the connection there was";
    EXPECT_EQ(insert(client, within(200ms)).error().code, Errc::retry_later) << "without one";
    proxy.hang(false);
    EXPECT_TRUE(eventually([&] { return insert(client, patient()).has_value(); }));
    EXPECT_EQ(items(), 2);
}

TEST_F(ProxyTest, who_waits_for_a_connection_gets_it_or_hears_of_it_in_time) {
    Client client{settings, clock};
    std::promise<void> taken;
    std::promise<void> over;
    auto holding = std::async(std::launch::async, [&] {
        return client.transact<void>(patient(), Effect::reads, [&](Transaction&) -> Result<> {
            taken.set_value();
            over.get_future().wait();
            return {};
        });
    });
    taken.get_future().wait();
    auto const none = insert(client, within(50ms));
    EXPECT_EQ(none.error().code, Errc::retry_later);
    EXPECT_THAT(none.error().message, HasSubstr("connections"));
    auto waiting = std::async(std::launch::async, [&] { return insert(client, patient()); });
    over.set_value();
    EXPECT_TRUE(waiting.get());
    EXPECT_TRUE(holding.get());
    EXPECT_EQ(proxy.connections(), 1);
}

// As one that is starting or recovering does.
TEST_F(ClientFaultTest, a_server_that_lets_nobody_in_for_the_moment_says_so_and_is_asked_again) {
    sql.run("CREATE ROLE lonely LOGIN CONNECTION LIMIT 1");
    settings.url = Secret{"host=" + server.folder() + " user=lonely dbname=" + database->name()};
    Client client{settings, clock};
    {
        Sql const other{settings.url.reveal()};
        auto const none = client.run(patient(), Effect::reads, select_one);
        EXPECT_EQ(none.error().code, Errc::retry_later) << none.error().message;
        EXPECT_THAT(none.error().message, HasSubstr("SQLSTATE 53300"));
    }
    EXPECT_TRUE(eventually([&] { return client.run(patient(), Effect::reads, select_one).has_value(); }));
    sql.run("ALTER ROLE lonely NOLOGIN");
}

TEST_F(ClientFaultTest, a_server_without_a_free_connection_slows_calls_down_and_fails_none) {
    sql.run("CREATE ROLE crowded LOGIN CONNECTION LIMIT 2; GRANT ALL ON item TO crowded");
    settings.url = Secret{"host=" + server.folder() + " user=crowded dbname=" + database->name()};
    settings.connections = 8;
    {
        Client client{settings, clock};
        std::vector<std::jthread> callers;
        for (int i = 0; i < 6; ++i)
            callers.emplace_back([&] {
                for (int call = 0; call < 10; ++call) EXPECT_TRUE(insert(client, patient()));
            });
    }
    EXPECT_EQ(items(), 60);
    sql.run("DROP OWNED BY crowded");
    EXPECT_TRUE(eventually([&] { return sql.refusal("DROP ROLE crowded").empty(); }));
}

}  // namespace
}  // namespace rgrid::postgres
