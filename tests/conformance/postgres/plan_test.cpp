#include <gmock/gmock.h>

#include <optional>
#include <regex>
#include <rgrid/adapters/postgres/migrate.hpp>
#include <rgrid/adapters/postgres/store.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/builders.hpp>

#include "adapters/postgres/claim.hpp"
#include "faults.hpp"

namespace rgrid::postgres {
namespace {

using rgrid::testing::a_job;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// The statements that the server has run since `from` bytes of its log, each with its plan.
std::vector<std::string> plans_since(std::size_t from) {
    auto const log = read_log(PostgresServer::shared(), from);
    static std::regex const plan{R"(plan:\n(?:\t.*\n)+)"};
    std::vector<std::string> plans;
    for (std::sregex_iterator at{log.begin(), log.end(), plan}, end; at != end; ++at) plans.push_back(at->str());
    return plans;
}

/// The parts of a plan that read all of a table that may be large.
std::vector<std::string> reads_of_all(std::string const& plan) {
    static std::regex const read{
        R"((Seq Scan|Index (Only )?Scan (Backward )?using \w+) on )"
        R"((job|ready|lease|result|scheduled|report|log|log_size|log_cut)\b[^>]*)"};
    std::vector<std::string> found;
    for (std::sregex_iterator at{plan.begin(), plan.end(), read}, end; at != end; ++at)
        if (auto const part = at->str(); part.find("Index Cond") == part.npos) found.push_back(part);
    return found;
}

class PlanTest : public ::testing::Test {
protected:
    PlanTest() {
        make_schema(settings);
        auto explained = settings;
        explained.url = Secret{settings.url.reveal() + " options='-c session_preload_libraries=auto_explain "
                               "-c auto_explain.log_min_duration=0'"};
        explained.keep_finished = Duration{0};
        explained.listen = false;
        explained.connections = 1;
        store = Store::open({}, explained, FleetId{"blue"}, clock).value();
        client.emplace(explained, clock);
    }

    /// Jobs in all states, as many of each, and what the planner is to know of them.
    void fill(int jobs) {
        auto const many = std::to_string(jobs);
        auto const some = [&](int part) {
            return " FROM generate_series(" + std::to_string(part * jobs + 1) + ", " +
                   std::to_string((part + 1) * jobs) + ") i; ";
        };
        sql.run("INSERT INTO rgrid.job SELECT i, 0, NULL, 'default', 0, 1, 3600000, '', '', NULL, '" + spec +
                "' FROM generate_series(1, 4 * " + many + ") i; "
                "INSERT INTO rgrid.ready SELECT rgrid.kind_of('default', 0, 1), i, 0, 0, 0, 0, false" + some(0) +
                "INSERT INTO rgrid.lease SELECT i, 1, 0, 0, 'other', 1, 0, 9e15, false" + some(1) +
                "INSERT INTO rgrid.scheduled SELECT i, 9e15, 0, 0, 0" + some(2) +
                "INSERT INTO rgrid.report SELECT i, 1, 1, '', '', 'other', 0" + some(2) +
                "INSERT INTO rgrid.result SELECT i, 3, 9e15, 1, 0, 0, false, 0, 0, '', '', 'other', 0" + some(3) +
                "INSERT INTO rgrid.log SELECT i, 1, 0, 'x'" + some(3) +
                "INSERT INTO rgrid.log_size SELECT i, 1" + some(3) + "INSERT INTO rgrid.log_cut SELECT i, 1" + some(3) +
                "SELECT setval('rgrid.job_id', 4 * " + many + "); ANALYZE");
    }

    std::vector<Lease> claim(int slots) { return store->claim({}, worker, incarnation, {}, slots).value(); }

    void report(std::vector<Lease> const& leases, Outcome outcome) {
        std::vector<Completion> completions;
        for (auto const& lease : leases) completions.push_back({lease.job, lease.epoch, outcome, 1, "", {}});
        store->complete({}, worker, incarnation, completions).value();
    }

    void enter() {
        incarnation =
            store->register_worker({}, {worker, ServerName{"w"}, PoolName{"default"}, 8, ""}).value().incarnation;
    }

    /// All that workers and their controller ask for again and again.
    void use() {
        enter();
        store->submit({}, {a_job(), a_job().max_attempts(3), a_job()}).value();
        report(claim(2), Outcome::succeeded);
        claim_together(*client, {}, {{worker, incarnation, {}, 1}, {worker, incarnation, {}, 1}}, {}, low_water).value();
        auto const leases = claim(2);
        store->append_log({}, worker, incarnation, {leases.at(0).job, leases.at(0).epoch, 0, "line"}).value();
        store->beat({}, worker, incarnation, {}, false).value();
        store->beat({}, worker, incarnation, {}, true).value();
        report(leases, Outcome::released);
        enter();
        auto const jobs = store->submit({}, {a_job().slots(2).priority(1).max_attempts(3), a_job().slots(2)}).value();
        report(claim(2), Outcome::failed);
        sql.run("UPDATE rgrid.scheduled SET due_at = 0 WHERE due_at < 9e15");
        store->tend({}, {}).value();
        store->cancel({}, {jobs.at(0).value().job, jobs.at(1).value().job}).value();
        store->retry({}, {jobs.at(0).value().job}).value();
        claim(2);
        store->close({}, worker, CloseMode::now, {}).value();
        store->tend({}, {}).value();
        sql.run("DELETE FROM rgrid.session");
    }

    SystemClock clock;
    std::unique_ptr<Database> database = PostgresServer::shared().database();
    Settings settings = database->settings();
    Sql sql{database->url()};
    std::unique_ptr<Store> store;
    std::optional<Client> client;
    LowWater low_water{clock};
    WorkerId const worker{"w"};
    Incarnation incarnation;
    std::string const spec = R"({"name":"job","command":["true"]})";
};

// A plan is made once a connection. While tables are small it costs nothing to go through all of them, later it is all
// that a server does.
TEST_F(PlanTest, no_plan_reads_a_whole_table_whatever_the_tables_held_when_it_was_made) {
    for (int const jobs : {2, 2000}) {
        sql.run("TRUNCATE rgrid.job, rgrid.ready, rgrid.lease, rgrid.scheduled, rgrid.result, rgrid.report, rgrid.log, "
                "rgrid.log_size, rgrid.log_cut");
        fill(jobs);
        auto const from = read_log(PostgresServer::shared()).size();

        use();

        std::string all;
        for (auto const& plan : plans_since(from)) {
            all += plan;
            if (plan.find("WHERE ends_at <= ") != plan.npos) continue;  // Who has overrun is sought among all that run.
            EXPECT_THAT(reads_of_all(plan), IsEmpty()) << plan;
            EXPECT_THAT(plan, Not(HasSubstr("Bitmap Heap Scan on lease"))) << "leases are locked in the order of their jobs";
        }
        // Of each statement that is looked at for what it does, words that no other has.
        for (auto const* words :
             {"AS sized", "array_agg(me.place)", "WITH ORDINALITY AS i(kind", "has_last", "width_bucket",
              "RETURNING state, beat", "gone AS (DELETE FROM rgrid.ready WHERE ctid", "rgrid.kind_of(c.pool",
              "DELETE FROM rgrid.lease WHERE job = ANY($1", "DELETE FROM rgrid.result WHERE job = ANY($1",
              "rgrid.clock() + delay", "DELETE FROM rgrid.scheduled s USING due", "DELETE FROM rgrid.log_cut",
              "count(*) FROM rgrid.kind"})
            EXPECT_THAT(all, HasSubstr(words));
    }
}

}  // namespace
}  // namespace rgrid::postgres
