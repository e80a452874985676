#include <gmock/gmock.h>

#include <random>
#include <rgrid/adapters/postgres/migrate.hpp>
#include <rgrid/adapters/postgres/store.hpp>
#include <rgrid/adapters/postgres/wake.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/config/brief_text.hpp>
#include <rgrid/model/job_rules.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/printers.hpp>

#include "server.hpp"

namespace rgrid::postgres {
namespace {

using rgrid::testing::a_job;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string literal(std::string_view text) {
    std::string quoted = "'";
    for (char const character : text) quoted += character == '\'' ? "''" : std::string{character};
    return quoted + '\'';
}

std::string submit(std::string_view spec) { return "SELECT rgrid.submit(" + literal(spec) + ")"; }
std::string submit(JobSpec const& spec) { return submit(config::to_json_text(spec)); }

class SubmitFunctionTest : public ::testing::Test {
protected:
    SubmitFunctionTest() {
        settings.poll = std::chrono::hours{1};
        store = Store::open(patient(), settings, FleetId{"blue"}, clock).value();
        incarnation =
            store->register_worker(patient(), {worker, ServerName{"w"}, PoolName{"default"}, 9, ""}).value().incarnation;
        sql.run("CREATE TABLE invoice(job bigint)");
    }

    Call patient() { return call_within(clock, 20s); }

    std::vector<JobId> claim() {
        std::vector<JobId> jobs;
        for (auto const& lease : store->claim(patient(), worker, incarnation, {}, 9).value()) jobs.push_back(lease.job);
        return jobs;
    }

    /// The spec as the store reads it.
    JobSpec stored(std::int64_t job) {
        JobQuery query;
        query.jobs = {JobId{job}};
        return store->look(patient(), query).value().at(0).spec;
    }

    SystemClock clock;
    std::unique_ptr<Database> database = PostgresServer::shared().copy_of("schema", [](Settings const& fresh) {
        SystemClock system;
        migrate({}, fresh, system).value();
    });
    Settings settings = database->settings();
    std::unique_ptr<Store> store;
    WorkerId const worker{"w"};
    Incarnation incarnation;
    Sql sql{database->url()};
};

TEST_F(SubmitFunctionTest, a_row_of_the_application_and_its_job_come_together_or_not_at_all) {
    auto const both = "INSERT INTO invoice " + submit(a_job());
    sql.run("BEGIN; " + both + "; ROLLBACK");
    EXPECT_EQ(sql.number("SELECT count(*) FROM invoice"), 0);
    EXPECT_EQ(sql.number("SELECT (SELECT count(*) FROM rgrid.job) + (SELECT count(*) FROM rgrid.tally)"), 0);
    EXPECT_EQ(store->counts(patient()).value(), JobCounts{});

    store->submit(patient(), {a_job()}).value();  // Of the same kind.
    claim();
    sql.run("BEGIN; " + both + "; COMMIT");
    JobId const job{sql.number("SELECT job FROM invoice")};
    EXPECT_EQ(store->counts(patient()).value().queued, 1);
    EXPECT_THAT(claim(), ::testing::ElementsAre(job));
}

// Of a kind that nobody has made yet, too: it waits for nobody and nobody for it.
TEST_F(SubmitFunctionTest, an_open_transaction_holds_nobody_up) {
    store->submit(patient(), {a_job()}).value();
    sql.run("SET lock_timeout = '5s'; BEGIN; " + submit(a_job()) + "; " + submit(a_job().pool("new")));
    Sql other{database->url()};
    other.run("SET lock_timeout = '5s'; BEGIN; " + submit(a_job().pool("new")));

    EXPECT_TRUE(store->submit(call_within(clock, 10s), {a_job(), a_job().pool("new")}));
    EXPECT_THAT(claim(), SizeIs(2));
    EXPECT_TRUE(store->tend(call_within(clock, 10s), {}));
    EXPECT_EQ(store->counts(patient()).value().accepted, 3);

    sql.run("COMMIT");
    other.run("COMMIT");
    EXPECT_EQ(store->tend(patient(), {}).value().promoted, 2);
    auto const counts = store->counts(patient()).value();
    EXPECT_EQ(counts.accepted, 6);
    EXPECT_EQ(counts.queued, 4);
}

// The kinds that it sees may be forgotten by now.
TEST_F(SubmitFunctionTest, a_transaction_that_sees_the_past_loses_no_job) {
    store->submit(patient(), {a_job()}).value();
    claim();
    sql.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM rgrid.kind");
    Sql{database->url()}.run("DELETE FROM rgrid.kind");
    sql.run(submit(a_job()) + "; COMMIT");
    store->tend(patient(), {}).value();
    EXPECT_THAT(claim(), SizeIs(1));
}

TEST_F(SubmitFunctionTest, the_same_key_and_spec_is_the_same_job_whoever_submits_it) {
    auto const spec = [] {
        JobSpec made = a_job().key("once").env("B", "2").env("A", "1").timeout(90min);
        made.cpu_limit = 100'000;
        return made;
    }();
    auto const job = sql.number(submit(spec));
    EXPECT_EQ(sql.number(submit(spec)), job);
    auto const again = store->submit(patient(), {spec}).value().at(0).value();
    EXPECT_EQ(again.job, JobId{job});
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(sql.number("SELECT rgrid.submit('{\"env\": {\"A\": \"1\", \"B\": \"2\"}, \"cpu_limit\": 1e5, \"name\": \"job\", "
                         "\"command\": [\"true\"], \"timeout\": \"1h30m\"}'::jsonb, 'once')"),
              job);

    JobSpec const first_in_cpp = [&] { auto made = spec; made.submit_key = "other"; return made; }();
    auto const first = store->submit(patient(), {first_in_cpp}).value().at(0).value().job;
    EXPECT_EQ(JobId{sql.number(submit(first_in_cpp))}, first);
    EXPECT_EQ(store->counts(patient()).value().accepted, 2);

    auto const refused = sql.refusal(submit(a_job().key("once")));
    EXPECT_THAT(refused, HasSubstr("submit key \"once\" belongs to job " + std::to_string(job) +
                                   " with another spec; expected the same spec or a new key"));
    EXPECT_THAT(sql.refusal("SELECT rgrid.submit(" + literal(config::to_json_text(spec)) + ", 'two')"),
                HasSubstr("the submit key is \"once\" in the spec and \"two\" beside it; expected one"));
}

TEST_F(SubmitFunctionTest, a_list_is_submitted_as_a_whole) {
    EXPECT_EQ(sql.text("SELECT string_agg(place || ':' || (job - m) || ':' || duplicate, ' ') FROM (SELECT nextval("
                       "'rgrid.job_id') AS m) s, rgrid.submit_many('[{\"command\":[\"a\"]},{\"command\":[\"b\"],"
                       "\"submit_key\":\"k\"},{\"command\":[\"b\"],\"submit_key\":\"k\"}]')"),
              "1:1:false 2:2:false 3:2:true");
    EXPECT_THAT(sql.refusal("SELECT * FROM rgrid.submit_many('[{\"command\":[\"a\"]},{\"command\":[\"b\"],\"slots\":0}]')"),
                HasSubstr("specs[1]: slots is 0; expected 1 or more"));
    EXPECT_THAT(sql.refusal("SELECT * FROM rgrid.submit_many('{}')"), HasSubstr("specs: found a table, expected a list"));
    EXPECT_EQ(sql.number("SELECT count(*) FROM rgrid.submit_many('[]')"), 0);
    EXPECT_EQ(store->counts(patient()).value().accepted, 2);

    EXPECT_EQ(sql.number("SELECT count(DISTINCT job) FROM rgrid.submit_many((SELECT json_agg(json_build_object('command', "
                         "json_build_array('true', i::text))) FROM generate_series(1, 1000) i))"),
              1000);
    EXPECT_EQ(store->counts(patient()).value().accepted, 1002);
}

TEST_F(SubmitFunctionTest, who_waits_is_told_when_the_caller_says_so) {
    auto const wake = StoreWake::open(settings, FleetId{"blue"}, clock).value();
    sql.run(submit(a_job()));
    sql.run("SELECT rgrid.notify()");
    EXPECT_TRUE(wake->wait(patient()));
}

TEST_F(SubmitFunctionTest, what_is_no_spec_is_refused_as_an_invalid_parameter) {
    for (auto const* spec : {"NULL::json", "'nonsense'", "'[]'", "'{\"command\":[\"a\\u0000\"]}'", "'{\"command\":[]}'",
                             "'{\"command\":[\"a\"],\"command\":[\"b\"]}'",
                             "'{\"command\":[\"a\"],\"env\":{\"A\":\"\",\"A\":\"\"}}'", "'{\"command\":[\"a\"],\"nope\":1}'",
                             "'{\"command\":[\"a\\ud800\"]}'", "'{\"command\":[\"a\"],\"slots\":1e99999}'"})
        EXPECT_EQ(sql.refusal(std::string{"DO $$ BEGIN PERFORM rgrid.submit("} + spec +
                              "); RAISE 'taken'; EXCEPTION WHEN invalid_parameter_value THEN END $$"),
                  "")
            << spec;
    EXPECT_EQ(store->counts(patient()).value().accepted, 0);
}

/// Asks both for their verdict on a spec as it is written, and compares what each makes of it.
void expect_same_verdict(Sql& sql, std::function<JobSpec(std::int64_t)> const& stored, std::string const& written) {
    auto const read = config::from_json_text<JobSpec>(written);
    auto const problem = read ? spec_problem(*read) : std::optional{read.error().message};
    if (problem) {
        EXPECT_THAT(sql.refusal(submit(written)), HasSubstr(*problem)) << written;
        return;
    }
    ASSERT_EQ(sql.refusal("BEGIN; " + submit(written)), "") << written;
    sql.run("COMMIT");
    EXPECT_EQ(stored(sql.number("SELECT max(id) FROM rgrid.job")), *read) << written;
}

TEST_F(SubmitFunctionTest, values_are_read_as_in_cpp) {
    auto const with = [&](std::string const& member, std::vector<std::string> const& values) {
        for (auto const& value : values)
            expect_same_verdict(sql, [&](std::int64_t job) { return stored(job); },
                                (member == "command" ? "{\"" : R"({"command":["true"],")") + member + "\":" + value + "}");
    };
    for (auto const* member : {"timeout", "retry_delay"})
        with(member, {"\"90s\"", "\"1h30m\"", "\"1.5h\"", "\"250ms\"", "\"0s\"", "\"-5s\"", "\"5\"", "\"\"", "\"1e3s\"",
                      "\".5s\"", "\"5.s\"", "\"1m.5s\"", "\"0.4ms\"", "\"0.5ms\"", "\"1e2m3s\"", "\"inf\"", "\"nans\"", "\" 5s\"",
                      "\"5 s\"", "\"+5s\"", "\"5S\"", "\"-1m1s\"", "\"9000000000000000ms\"", "\"1e12h\"", "\"0.1h0.1m0.1s\"",
                      "\"9223372036854775807ms\"", "\"9223372036854775808ms\"", "\"5e\"", "\"1e400s\"", "\"3d\"", "null", "5"});
    with("memory_limit", {"\"512MiB\"", "\"1.5GiB\"", "\"0B\"", "\"-1KiB\"", "\"-1.5KiB\"", "\"1000MB\"", "\"-1MB\"", "\"1TB\"",
                          "\"9TiB\"", "\"9e6TiB\"", "\"9999999999GiB\"", "\"12\"", "\"MiB\"", "\"0.3KiB\"", "null", "12", "[]",
                          "\"1e3B\"", "\"1.1GB\""});
    with("cpu_limit", {"1", "0.1", "2.5", "0", "-1", "1e22", "1e-300", "100000", "0.30000000000000004", "\"1\"", "true", "null"});
    with("slots", {"1", "2.0", "1.5", "0", "-3", "2147483647", "2147483648", "1e2", "\"1\"", "null"});
    with("priority", {"-2147483648", "-2147483649", "0", "9000000000"});
    with("inputs", {"[]", "{}", "[1]", "null", R"([{"path":"a"}])", R"([{"path":3}])", R"([{"path":"a","size":"b"}])",
                    R"([{"path":"a","executable":1}])", R"([{"path":"a","more":1}])"});
    with("command", {"\"true\"", "[]", "[\"\"]", "[\"a\",3]", "[\"a\",null]", "{}"});
    with("env", {"[]", "{\"A\":1}", "{\"\":\"\"}", "{\"A=\":\"\"}", "{\"b\":\"\",\"a\":\"\",\"B\":\"\"}", "null"});
    with("outputs", {"[\"*\"]", "[\"\"]", "[\"a/../b\"]", "[1]"});
    with("pool", {"\"\"", "null", "3", "\"p\""});
}

/// A spec of few different values, so that each rule is broken now and then.
class SpecMaker {
public:
    explicit SpecMaker(unsigned seed) : random_(seed) {}

    JobSpec make() {
        JobSpec spec;
        spec.name = text();
        spec.command = {"true"};
        for (int i = some(3); i > 0; --i) spec.command.push_back(text());
        if (rarely()) spec.command.clear();
        spec.runtime = text();
        for (int i = some(3); i > 0; --i) spec.env[rarely() ? text() + "=" : "E" + text()] = text();
        for (int i = some(3); i > 0; --i) spec.inputs.push_back({path(), sha256(), rarely() ? -1 : some(9), some(2) == 0});
        for (int i = some(3); i > 0; --i) spec.outputs.push_back(path());
        spec.timeout = span();
        if (some(2) == 0) spec.memory_limit = Bytes{(rarely() ? -1 : 1) * (some(2000) + 1LL) << (some(4) * 10)};
        if (some(2) == 0) spec.cpu_limit = rarely() ? -some(2) : 0.01 * (some(900) + 1);
        spec.slots = some(20);
        spec.priority = some(7) - 3;
        spec.pool = PoolName{rarely() ? "" : "p" + text()};
        spec.owner = text();
        spec.batch = text();
        spec.delay = span();
        spec.max_attempts = some(20);
        spec.max_losses = some(20);
        spec.retry_delay = span();
        return spec;
    }

private:
    int some(int count) { return std::uniform_int_distribution{0, count - 1}(random_); }
    bool rarely() { return some(40) == 0; }
    Duration span() { return Duration{(rarely() ? -1 : 1) * (some(5000) + 1LL) * (some(2) == 0 ? 1 : 60'000)}; }
    std::string text() {
        static constexpr char const* parts[] = {"a", "'", "\"", "\\", "/", "\n", "\x1f", "\x7f", "\u00e4", "\u20ac", "\U0001F600", "%", " "};
        std::string made;
        for (int i = some(5); i > 0; --i) made += parts[some(13)];
        return made;
    }
    std::string path() {
        static constexpr char const* parts[] = {"a", "b.txt", "c d", "..a"};
        auto made = std::string{parts[some(4)]} + std::to_string(some(30)) + "/" + parts[some(4)];
        return rarely() ? made + (some(2) == 0 ? "/.." : "/") : made;
    }
    std::string sha256() { return rarely() ? std::string(64, 'A') : std::string(64, "0af"[some(3)]); }

    std::mt19937 random_;
};

TEST_F(SubmitFunctionTest, sql_and_cpp_judge_any_spec_alike_and_store_it_alike) {
    SpecMaker maker{7};
    int good = 0, bad = 0;
    for (int i = 0; i < 300; ++i) {
        auto const spec = maker.make();
        auto const problem = spec_problem(spec);
        auto const refused = sql.refusal(submit(spec));
        ASSERT_EQ(refused.empty(), !problem) << config::to_json_text(spec) << "\n" << refused << "\n" << problem.value_or("");
        ++(problem ? bad : good);
        if (problem) continue;
        auto const text = sql.text("SELECT spec FROM rgrid.job ORDER BY id DESC LIMIT 1");
        ASSERT_EQ(text, config::to_brief_json_text(spec));
    }
    EXPECT_GT(good, 30);
    EXPECT_GT(bad, 30);
}

}  // namespace
}  // namespace rgrid::postgres
