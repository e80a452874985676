#include "faults.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <rgrid/adapters/postgres/migrate.hpp>
#include <rgrid/testing/builders.hpp>

namespace rgrid::postgres {

namespace {

std::string array_of(std::set<JobId> const& jobs) {
    std::string text = "'{";
    for (auto const job : jobs) text += (text.size() > 2 ? "," : "") + std::to_string(job.value);
    return text + "}'::bigint[]";
}

}  // namespace

void make_schema(Settings const& settings) {
    SystemClock clock;
    migrate({}, settings, clock).value();
}

std::string damage(Sql& sql) {
    return sql.text(R"sql(
        WITH place AS MATERIALIZED (
            SELECT job FROM rgrid.ready UNION ALL SELECT job FROM rgrid.scheduled UNION ALL SELECT job FROM rgrid.lease
            UNION ALL SELECT job FROM rgrid.result),
        counted AS (
            SELECT kind, state, sum(jobs) AS jobs FROM rgrid.tally GROUP BY kind, state HAVING sum(jobs) <> 0),
        there AS (
            SELECT kind, 1::smallint AS state, count(*)::numeric AS jobs FROM rgrid.ready GROUP BY kind
            UNION ALL SELECT NULL, 0, count(*) FROM rgrid.scheduled HAVING count(*) > 0
            UNION ALL SELECT NULL, state, count(*) FROM rgrid.result GROUP BY state)
        SELECT concat_ws('; ',
            (SELECT 'in two states: ' || string_agg(job::text, ' ') FROM (
                SELECT job FROM place GROUP BY job HAVING count(*) > 1) two),
            (SELECT 'in no state: ' || string_agg(id::text, ' ') FROM (
                SELECT id FROM rgrid.job EXCEPT SELECT job FROM place) none),
            (SELECT 'states of no job: ' || string_agg(job::text, ' ') FROM (
                SELECT job FROM place EXCEPT SELECT id FROM rgrid.job) lost),
            (SELECT 'queued where nobody looks: ' || string_agg(job::text, ' ') FROM rgrid.ready r
                WHERE NOT EXISTS (SELECT FROM rgrid.kind k WHERE k.id = r.kind)),
            (SELECT 'counted: ' || string_agg(c::text, ' ') FROM (SELECT * FROM counted EXCEPT SELECT * FROM there) c),
            (SELECT 'not counted: ' || string_agg(t::text, ' ') FROM (SELECT * FROM there EXCEPT SELECT * FROM counted) t))
    )sql");
}

std::string read_log(PostgresServer const& server, std::size_t from) {
    std::ifstream file{server.folder() + "/log"};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    return text.substr(std::min(from, text.size()));
}

Bustle::Bustle(Store& store) : store_(store) {
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this](std::stop_token const& stop) { submit(stop); });
    for (int i = 0; i < 2; ++i)
        threads_.emplace_back([this, i](std::stop_token const& stop) { work(stop, WorkerId{"w" + std::to_string(i)}); });
}

void Bustle::stop() {
    for (auto& thread : threads_) thread.request_stop();
    threads_.clear();
}

void Bustle::expect_kept(Sql& sql) const {
    EXPECT_EQ(damage(sql), "");
    ASSERT_FALSE(succeeded.empty());
    auto const jobs = sql.number("SELECT count(*) FROM rgrid.job");
    EXPECT_LE(jobs, std::ssize(accepted) + doubts * std::int64_t{batch}) << "what was refused is there";
    EXPECT_EQ(sql.text("SELECT string_agg(i::text, ' ') FROM unnest(" + array_of(accepted) +
                       ") i WHERE i NOT IN (SELECT id FROM rgrid.job)"),
              "");
    EXPECT_EQ(sql.text("SELECT string_agg(i::text, ' ') FROM unnest(" + array_of(succeeded) +
                       ") i WHERE i NOT IN (SELECT job FROM rgrid.result WHERE state = 3)"),
              "");
}

/// Whether it was done; if not, others are given the time to mend it.
template <class T>
bool Bustle::rested(Result<T> const& answer, std::stop_token const& stop) {
    if (!answer) clock_.sleep_until(clock_.steady_now() + Duration{20}, stop);
    return static_cast<bool>(answer);
}

void Bustle::submit(std::stop_token const& stop) {
    while (!stop.stop_requested()) {
        auto const answer = store_.submit(brief(), std::vector<JobSpec>(batch, testing::a_job()));
        if (!answer && answer.error().code == Errc::in_doubt) ++doubts;
        if (!rested(answer, stop)) continue;
        std::lock_guard const lock{mutex_};
        for (auto const& one : *answer) accepted.insert(one.value().job);
        ++batches;
    }
}

void Bustle::work(std::stop_token const& stop, WorkerId const& worker) {
    Incarnation incarnation;
    while (!stop.stop_requested()) {
        if (incarnation == Incarnation{}) {
            auto const registered =
                store_.register_worker(brief(), {worker, ServerName{worker.value}, PoolName{"default"}, 50, ""});
            if (!rested(registered, stop)) continue;
            incarnation = registered->incarnation;
        }
        auto const leases = store_.claim(brief(), worker, incarnation, {}, 10);
        if (!rested(leases, stop)) continue;
        std::vector<Completion> done;
        for (auto const& lease : *leases) done.push_back({lease.job, lease.epoch, Outcome::succeeded, 0, {}, {}});
        auto const verdicts = store_.complete(brief(), worker, incarnation, done);
        if (!rested(verdicts, stop)) continue;
        std::lock_guard const lock{mutex_};
        for (std::size_t i = 0; i < done.size(); ++i)
            if ((*verdicts)[i] == Verdict::accepted) succeeded.insert(done[i].job);
        ++reports;
    }
}

}  // namespace rgrid::postgres
