#include "adapters/postgres/client.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/printers.hpp>
#include <thread>

#include "../../support/fault_proxy.hpp"
#include "server.hpp"

namespace rgrid::postgres {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using rgrid::testing::Fault;
using rgrid::testing::FaultProxy;

constexpr Statement one{"one", "SELECT 1"};
constexpr Statement add{"add", "INSERT INTO public.item(name) VALUES($1)"};
constexpr Statement own_process{"own_process", "SELECT pg_backend_pid()"};
constexpr Statement sleep_long{"sleep_long", "SELECT pg_sleep(600)"};

class ClientTest : public ::testing::Test {
protected:
    static void SetUpTestSuite() { shared = PostgresServer::shared().database(); }
    static void TearDownTestSuite() { shared.reset(); }

    ClientTest() {
        sql.run("SET client_min_messages = warning; DROP TABLE IF EXISTS item");
        sql.run("CREATE TABLE item(id bigserial PRIMARY KEY, name text UNIQUE)");
    }

    Call within(Duration span, std::stop_token stop = {}) { return call_within(clock, span, std::move(stop)); }
    /// Of a call that is to succeed: its end only bounds a test that has failed already.
    Call patient() { return within(30s); }

    static std::int64_t number(Result<Rows> const& rows) { return rows.value().front().integer(0); }

    Result<> insert(Client& client, Call const& call, std::string const& name) {
        return client.transact<void>(call, Effect::writes, [&](Transaction& transaction) -> Result<> {
            transaction.run(add, name);
            return {};
        });
    }

    static constexpr char const* copy_items = "COPY public.item(name) FROM STDIN";

    Result<> copy(Client& client, Call const& call, std::vector<std::string> const& pieces,
                  char const* statement = copy_items) {
        return client.transact<void>(call, Effect::writes, [&](Transaction& transaction) -> Result<> {
            transaction.load(statement, [&, next = pieces.begin()](std::string& piece) mutable {
                if (next == pieces.end()) return false;
                piece = *next++;
                return true;
            });
            return {};
        });
    }

    std::int64_t items() { return sql.number("SELECT count(*) FROM item"); }

    SystemClock clock;
    PostgresServer& server = PostgresServer::shared();
    Database* database = shared.get();
    Sql sql{database->url()};

private:
    static inline std::unique_ptr<Database> shared;
};

TEST_F(ClientTest, values_of_all_kinds_come_back_as_they_went) {
    Client client{database->settings(), clock};
    static constexpr Statement echo{
        "echo",
        "SELECT $1::bigint, $2::int, $3::text, $4::text, $5::boolean, $6::bytea, $7::bigint[], $8::text[], $9::int[],"
        " $10::text, cardinality($8::text[]), ($8::text[])[2], ($8::text[])[3] IS NULL, $11::float8, ($7::bigint[])[2],"
        " ($12::bytea[])[1], cardinality($9::int[])"};
    std::string const odd = "a \"quoted\" \\ {brace}, NULL \n\t ü €";
    std::string const bytes{"\0\x01\xff\\x'", 6};
    std::vector<std::optional<std::string>> const texts{"", odd, std::nullopt, "NULL", "null"};
    auto const rows =
        client
            .run(patient(), Effect::reads, echo, std::int64_t{1} << 60, -7, odd, std::optional<std::string>{}, true,
                 Blob{bytes}, std::vector{JobId{3}, JobId{std::numeric_limits<std::int64_t>::min()}}, texts,
                 std::vector<int>{}, WorkerId{"w"}, 0.1, std::vector{Blob{bytes}})
            .value();
    ASSERT_EQ(rows.size(), 1u);
    auto const row = rows.front();
    EXPECT_EQ(row.integer(0), std::int64_t{1} << 60);
    EXPECT_EQ(row.small(1), -7);
    EXPECT_EQ(row.text(2), odd);
    EXPECT_TRUE(row.null(3));
    EXPECT_TRUE(row.boolean(4));
    EXPECT_EQ(row.bytes(5), bytes);
    EXPECT_EQ(row.text(6), "{3,-9223372036854775808}");
    EXPECT_EQ(row.text(9), "w");
    EXPECT_EQ(row.integer(10), 5);
    EXPECT_EQ(row.text(11), odd);
    EXPECT_TRUE(row.boolean(12));
    EXPECT_EQ(row.text(13), "0.1");
    EXPECT_EQ(row.bytes(15), bytes);
    EXPECT_EQ(row.integer(16), 0) << "an empty array is not a missing one";
}

TEST_F(ClientTest, a_transaction_that_answers_an_error_leaves_nothing) {
    Client client{database->settings(), clock};
    auto const done = client.transact<int>(patient(), Effect::writes, [&](Transaction& transaction) -> Result<int> {
        transaction.run(add, "x");
        return fail(Errc::rejected, "not so");
    });
    EXPECT_EQ(done.error().code, Errc::rejected);
    EXPECT_EQ(items(), 0);
    EXPECT_TRUE(insert(client, patient(), "x"));
    EXPECT_EQ(items(), 1);
}

TEST_F(ClientTest, an_exception_of_the_work_leaves_nothing_and_the_connection_is_used_again) {
    Client client{database->settings(), clock};
    auto const process = number(client.run(patient(), Effect::reads, own_process));
    auto const done = client.transact<int>(patient(), Effect::writes, [&](Transaction& transaction) -> Result<int> {
        transaction.run(add, "x");
        throw std::runtime_error("of the work");
    });
    EXPECT_EQ(done.error().code, Errc::bug);
    EXPECT_THAT(done.error().message, HasSubstr("of the work"));
    EXPECT_EQ(items(), 0);
    EXPECT_EQ(number(client.run(patient(), Effect::reads, own_process)), process);
}

TEST_F(ClientTest, who_reads_sees_one_state_and_cannot_write) {
    Client client{database->settings(), clock};
    static constexpr Statement count{"count", "SELECT count(*) FROM public.item"};
    auto const seen = client.transact<bool>(patient(), Effect::reads, [&](Transaction& transaction) -> Result<bool> {
        auto const before = transaction.run(count).front().integer(0);
        sql.run("INSERT INTO item(name) VALUES('in between')");
        return transaction.run(count).front().integer(0) == before;
    });
    EXPECT_TRUE(seen.value());
    auto const written = client.transact<int>(patient(), Effect::reads, [&](Transaction& transaction) -> Result<int> {
        transaction.run(add, "x");
        return 1;
    });
    EXPECT_THAT(written.error().message, HasSubstr("25006"));
}

TEST_F(ClientTest, work_that_goes_on_after_a_failure_does_not_pass_for_done) {
    Client client{database->settings(), clock};
    ASSERT_TRUE(insert(client, patient(), "x"));
    auto const done = client.transact<int>(patient(), Effect::writes, [&](Transaction& transaction) -> Result<int> {
        transaction.run(add, "y");
        try {
            transaction.run(add, "x");
        } catch (PostgresFailure const&) {
        }
        return 1;
    });
    EXPECT_EQ(done.error().code, Errc::bug);
    EXPECT_EQ(items(), 1);
}

TEST_F(ClientTest, a_restart_begins_anew_a_bounded_number_of_times) {
    Client client{database->settings(), clock};
    int begun = 0;
    auto const done = client.transact<int>(patient(), Effect::writes, [&](Transaction& transaction) -> Result<int> {
        transaction.run(add, "x");
        if (++begun < 3) throw Restart{};
        return begun;
    });
    EXPECT_EQ(done.value(), 3);
    EXPECT_EQ(items(), 1);

    begun = 0;
    auto const never = client.transact<int>(patient(), Effect::writes, [&](Transaction&) -> Result<int> {
        ++begun;
        throw Restart{};
    });
    EXPECT_EQ(never.error().code, Errc::retry_later);
    EXPECT_GT(begun, 1);
}

TEST_F(ClientTest, of_two_transactions_in_a_deadlock_both_succeed) {
    sql.run("INSERT INTO item(name) VALUES('a'), ('b')");
    auto settings = database->settings();
    settings.url = Secret{database->url() + " options='-c deadlock_timeout=20ms'"};
    Client client{settings, clock};
    static constexpr Statement touch{"touch", "UPDATE public.item SET name = name WHERE name = $1"};
    std::atomic<int> have_one{0};
    std::atomic<int> begun{0};
    auto const both = [&](char const* first, char const* second) {
        return client.transact<void>(patient(), Effect::writes, [&, first, second](Transaction& transaction) -> Result<> {
            ++begun;
            transaction.run(touch, first);
            ++have_one;
            eventually([&] { return have_one >= 2; });
            transaction.run(touch, second);
            return {};
        });
    };
    auto other = std::async(std::launch::async, [&] { return both("b", "a"); });
    EXPECT_TRUE(both("a", "b"));
    EXPECT_TRUE(other.get());
    // More than once if it was quicker than the other one to take its first row again.
    EXPECT_GE(begun, 3) << "one of them began anew";
}

TEST_F(ClientTest, a_refusal_names_place_state_and_sentence_but_no_value) {
    Client client{database->settings(), clock};
    ASSERT_TRUE(insert(client, patient(), "the-value"));
    auto const twice = insert(client, patient(), "the-value");
    EXPECT_EQ(twice.error().code, Errc::bug);
    EXPECT_THAT(twice.error().message, HasSubstr(database->name()));
    EXPECT_THAT(twice.error().message, HasSubstr("23505"));
    EXPECT_THAT(twice.error().message, HasSubstr("item_name_key"));
    EXPECT_THAT(twice.error().message, Not(HasSubstr("the-value")));

    static constexpr Statement to_number{"to_number", "SELECT ($1::text || 'x')::bigint"};
    auto const odd = client.run(patient(), Effect::reads, to_number, "the-value");
    EXPECT_EQ(odd.error().code, Errc::rejected);
    EXPECT_THAT(odd.error().message, Not(HasSubstr("the-value")));
}

TEST_F(ClientTest, text_that_the_database_cannot_keep_is_rejected) {
    Client client{database->settings(), clock};
    EXPECT_EQ(insert(client, patient(), std::string{"a\0b", 3}).error().code, Errc::rejected);
    EXPECT_EQ(insert(client, patient(), "\xff\xfe").error().code, Errc::rejected);
    static constexpr Statement list{"list", "SELECT cardinality($1::text[])"};
    auto const inside = client.run(patient(), Effect::reads, list, std::vector{std::string{"a\0b", 3}});
    EXPECT_EQ(inside.error().code, Errc::rejected);
}

TEST_F(ClientTest, what_is_copied_is_there_with_its_transaction) {
    Client client{database->settings(), clock};
    EXPECT_TRUE(copy(client, patient(), {"a\n", "", "b\\tc\nd\n"}));
    EXPECT_EQ(sql.text("SELECT string_agg(name, ',' ORDER BY id) FROM item"), "a,b\tc,d");
    EXPECT_TRUE(copy(client, patient(), {}));
    EXPECT_EQ(items(), 3);
}

TEST_F(ClientTest, a_copy_that_is_refused_leaves_nothing_and_names_no_value) {
    auto settings = database->settings();
    settings.connections = 1;
    Client client{settings, clock};
    auto const process = number(client.run(patient(), Effect::reads, own_process));
    EXPECT_EQ(copy(client, patient(), {"a\n", "\xff\n"}).error().code, Errc::rejected);
    EXPECT_EQ(copy(client, patient(), {"a\n", std::string{"b\0c\n", 4}}).error().code, Errc::rejected);
    auto const twice = copy(client, patient(), {"the-value\n", "the-value\n"});
    EXPECT_THAT(twice.error().message, HasSubstr("23505"));
    EXPECT_THAT(twice.error().message, Not(HasSubstr("the-value")));
    auto const broken = client.transact<void>(patient(), Effect::writes, [](Transaction& transaction) -> Result<> {
        transaction.load(copy_items, [](std::string& piece) -> bool {
            if (piece += "a\n"; piece.size() == 2) throw std::runtime_error{"no more"};
            return true;
        });
        return {};
    });
    EXPECT_THAT(broken.error().message, HasSubstr("no more"));
    EXPECT_THAT(copy(client, patient(), {"a\n"}, "COPY public.item(other) FROM STDIN").error().message, HasSubstr("other"));
    EXPECT_EQ(items(), 0);
    EXPECT_TRUE(copy(client, patient(), {"a\n"}));
    EXPECT_EQ(number(client.run(patient(), Effect::reads, own_process)), process) << "the connection is as good as before";
}

TEST_F(ClientTest, a_copy_ends_in_time_at_a_server_that_reads_no_more) {
    Client client{database->settings(), clock};
    std::optional<Frozen> frozen;
    auto const late = client.transact<void>(within(1s), Effect::writes, [&](Transaction& transaction) -> Result<> {
        frozen.emplace(static_cast<pid_t>(transaction.run(own_process).front().integer(0)));
        transaction.load(copy_items, [left = 64](std::string& piece) mutable {
            piece.assign(1 << 20, 'a');
            return left-- > 0;
        });
        return {};
    });
    EXPECT_EQ(late.error().code, Errc::retry_later) << late.error().message;
    EXPECT_THAT(late.error().message, HasSubstr("no answer in time"));
    frozen.reset();
    EXPECT_EQ(items(), 0);
}

TEST_F(ClientTest, missing_tables_functions_and_databases_are_for_an_operator) {
    Client client{database->settings(), clock};
    static constexpr Statement no_table{"no_table", "SELECT 1 FROM rgrid.nothing"};
    auto const refused = client.run(patient(), Effect::reads, no_table);
    EXPECT_EQ(refused.error().code, Errc::denied);
    EXPECT_THAT(refused.error().message, HasSubstr("migrate"));

    auto settings = database->settings();
    settings.url = Secret{server.url("nowhere")};
    auto const nowhere = Client{settings, clock}.run(patient(), Effect::reads, one);
    EXPECT_EQ(nowhere.error().code, Errc::denied);
    EXPECT_THAT(nowhere.error().message, HasSubstr("nowhere"));
}

TEST_F(ClientTest, a_role_without_permission_is_denied) {
    sql.run("DROP ROLE IF EXISTS weak; CREATE ROLE weak LOGIN");
    auto settings = database->settings();
    settings.url = Secret{"host=" + server.folder() + " user=weak dbname=" + database->name()};
    Client client{settings, clock};
    EXPECT_EQ(insert(client, patient(), "x").error().code, Errc::denied);
}

TEST_F(ClientTest, a_wrong_password_is_denied_and_never_shown) {
    sql.run("DROP ROLE IF EXISTS known; DROP ROLE IF EXISTS guarded");
    sql.run("CREATE ROLE guarded; CREATE ROLE known LOGIN PASSWORD 'right-secret' IN ROLE guarded");
    auto settings = database->settings();
    auto const address = "host=" + server.folder() + " user=known dbname=" + database->name();

    settings.url = Secret{address + " password=wrong-secret"};
    auto const in_url = Client{settings, clock}.run(patient(), Effect::reads, one);
    EXPECT_EQ(in_url.error().code, Errc::denied);
    EXPECT_THAT(in_url.error().message, HasSubstr("known"));
    EXPECT_THAT(in_url.error().message, Not(HasSubstr("secret")));

    settings.url = Secret{address};
    EXPECT_EQ(Client(settings, clock).run(patient(), Effect::reads, one).error().code, Errc::denied) << "none";

    settings.password = Secret{"wrong-secret"};
    auto const beside = Client{settings, clock}.run(patient(), Effect::reads, one);
    EXPECT_EQ(beside.error().code, Errc::denied);
    EXPECT_THAT(beside.error().message, Not(HasSubstr("secret")));

    settings.password = Secret{"right-secret"};
    EXPECT_EQ(number(Client(settings, clock).run(patient(), Effect::reads, one)), 1);
    sql.run("DROP ROLE known; DROP ROLE guarded");
}

TEST_F(ClientTest, an_unreadable_address_is_rejected_without_quoting_it) {
    for (std::string const url :
         {"postgresql://u:my%zzsecret@h/d", "host=h password=my secret word", "postgresql://u:secret@[::1/d", "secret"}) {
        auto settings = database->settings();
        settings.url = Secret{url};
        Client client{settings, clock};
        auto const answer = client.run(patient(), Effect::reads, one);
        EXPECT_EQ(answer.error().code, Errc::rejected) << url;
        EXPECT_THAT(answer.error().message, HasSubstr("expected postgresql://"));
        EXPECT_THAT(answer.error().message, Not(HasSubstr("secret")));
        EXPECT_FALSE(client.check());
    }
}

TEST_F(ClientTest, a_server_that_is_not_there_is_for_later_and_named) {
    auto settings = database->settings();
    settings.url = Secret{"host=127.0.0.1 port=1 user=u dbname=jobs"};
    Client client{settings, clock};
    for (int i = 0; i < 3; ++i) {
        auto const answer = insert(client, patient(), "x");
        EXPECT_EQ(answer.error().code, Errc::retry_later);
        EXPECT_THAT(answer.error().message, HasSubstr("PostgreSQL at 127.0.0.1:1, database jobs"));
    }
}

TEST_F(ClientTest, of_several_servers_the_first_that_answers_is_taken) {
    auto settings = database->settings();
    settings.url = Secret{"host=127.0.0.1," + server.folder() + " port=1,5432 user=rgrid dbname=" + database->name()};
    EXPECT_EQ(number(Client(settings, clock).run(patient(), Effect::reads, one)), 1);
}

TEST_F(ClientTest, a_session_has_its_limits_from_its_first_moment) {
    auto settings = database->settings();
    settings.statement_limit = 12345ms;
    static constexpr Statement show{"show", "SELECT current_setting($1)"};
    Client client{settings, clock};
    auto const shown = [&](char const* name) { return client.run(patient(), Effect::reads, show, name).value().front().text(0); };
    EXPECT_EQ(shown("statement_timeout"), "12345ms");
    EXPECT_EQ(shown("idle_in_transaction_session_timeout"), "12345ms");
    EXPECT_EQ(shown("search_path"), "rgrid,pg_catalog,pg_temp");
    EXPECT_EQ(shown("default_transaction_isolation"), "read committed");
    EXPECT_EQ(shown("application_name"), "rgrid");
    EXPECT_EQ(shown("client_encoding"), "UTF8");

    settings.url = Secret{database->url() + " application_name=mine options='-c work_mem=5MB'"};
    Client own{settings, clock};
    EXPECT_EQ(own.run(patient(), Effect::reads, show, "work_mem").value().front().text(0), "5MB");
    EXPECT_EQ(own.run(patient(), Effect::reads, show, "application_name").value().front().text(0), "mine");
    EXPECT_EQ(own.run(patient(), Effect::reads, show, "statement_timeout").value().front().text(0), "12345ms");
}

TEST_F(ClientTest, behind_a_pooler_nothing_stays_in_a_session) {
    auto settings = database->settings();
    settings.prepared = false;
    settings.connections = 1;
    Client client{settings, clock};
    ASSERT_TRUE(insert(client, patient(), "x"));
    static constexpr Statement prepared{"prepared", "SELECT count(*) FROM pg_prepared_statements"};
    static constexpr Statement path{"path", "SHOW search_path"};
    EXPECT_EQ(number(client.run(patient(), Effect::reads, prepared)), 0);
    EXPECT_EQ(client.run(patient(), Effect::reads, path).value().front().text(0), "\"$user\", public");
    auto const inside = client.transact<std::string>(
        patient(), Effect::reads,
        [&](Transaction& transaction) -> Result<std::string> { return transaction.run(path).front().text(0); });
    EXPECT_EQ(inside.value(), "rgrid, pg_catalog, pg_temp");
}

TEST_F(ClientTest, statements_are_prepared_once_a_connection) {
    auto settings = database->settings();
    settings.connections = 1;
    Client client{settings, clock};
    for (int i = 0; i < 3; ++i) client.run(patient(), Effect::reads, one).value();
    static constexpr Statement prepared{nullptr, "SELECT count(*) FROM pg_prepared_statements WHERE name = 'one'"};
    EXPECT_EQ(number(client.run(patient(), Effect::reads, prepared)), 1);
}

// Without it every call would fail until the program is started again.
TEST_F(ClientTest, a_statement_that_no_longer_fits_the_tables_is_prepared_anew) {
    auto settings = database->settings();
    settings.connections = 1;
    Client client{settings, clock};
    static constexpr Statement all{"all", "SELECT * FROM public.item"};
    client.run(patient(), Effect::reads, all).value();
    sql.run("ALTER TABLE item ADD COLUMN more text");
    EXPECT_TRUE(client.run(patient(), Effect::reads, all));
}

TEST_F(ClientTest, a_statement_that_takes_too_long_is_ended_by_the_server_in_words) {
    auto settings = database->settings();
    settings.statement_limit = 50ms;
    Client client{settings, clock};
    auto const late = client.run(patient(), Effect::writes, sleep_long);
    EXPECT_EQ(late.error().code, Errc::retry_later);
    EXPECT_THAT(late.error().message, HasSubstr("57014"));
}

TEST_F(ClientTest, a_deadline_ends_a_statement_and_the_server_gives_up_too) {
    Client client{database->settings(), clock};
    auto const read = client.run(within(50ms), Effect::reads, sleep_long);
    EXPECT_EQ(read.error().code, Errc::retry_later);
    auto const written = client.run(within(50ms), Effect::writes, sleep_long);
    EXPECT_EQ(written.error().code, Errc::in_doubt);
    auto const in_transaction = client.transact<int>(within(100ms), Effect::writes, [&](Transaction& transaction) -> Result<int> {
        transaction.run(sleep_long);
        return 1;
    });
    EXPECT_EQ(in_transaction.error().code, Errc::retry_later) << "nothing was committed";
    EXPECT_TRUE(eventually([&] {
        return sql.number("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(600)%' "
                          "AND pid <> pg_backend_pid()") == 0;
    }));
}

TEST_F(ClientTest, a_call_whose_time_is_over_sends_nothing) {
    Client client{database->settings(), clock};
    client.run(patient(), Effect::reads, one).value();
    EXPECT_EQ(insert(client, {clock.steady_now() - 1s, {}}, "x").error().code, Errc::retry_later);
    EXPECT_EQ(insert(client, {SteadyInstant::min(), {}}, "x").error().code, Errc::retry_later);
    EXPECT_EQ(client.run({clock.steady_now(), {}}, Effect::writes, add, "x").error().code, Errc::retry_later);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(insert(client, within(30s, stop.get_token()), "x").error().code, Errc::retry_later);
    EXPECT_EQ(items(), 0);
}

// Were it not stopped, the test would take minutes.
TEST_F(ClientTest, a_stop_ends_a_statement) {
    Client client{database->settings(), clock};
    std::stop_source stop;
    auto waiting = std::async(std::launch::async, [&] {
        return client.run({SteadyInstant::max(), stop.get_token()}, Effect::reads, sleep_long);
    });
    ASSERT_TRUE(eventually([&] {
        return sql.number("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'") == 1;
    }));
    stop.request_stop();
    EXPECT_EQ(waiting.get().error().code, Errc::retry_later);
    EXPECT_TRUE(client.run(patient(), Effect::reads, one)) << "others go on";
}

}  // namespace
}  // namespace rgrid::postgres
