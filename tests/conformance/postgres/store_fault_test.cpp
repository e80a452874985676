#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <future>
#include <mutex>
#include <random>
#include <rgrid/adapters/postgres/migrate.hpp>
#include <rgrid/adapters/postgres/store.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/printers.hpp>
#include <rgrid/testing/threads.hpp>
#include <set>
#include <thread>

#include "faults.hpp"

namespace rgrid::postgres {
namespace {

using rgrid::testing::a_job;
using rgrid::testing::at_once;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class StoreFaultTest : public ::testing::Test {
protected:
    StoreFaultTest() {
        settings.listen = false;
        store = Store::open(patient(), settings, FleetId{"blue"}, clock).value();
    }

    Call patient() { return call_within(clock, 30s); }

    Incarnation enter(WorkerId const& worker, int slots) {
        return store->register_worker(patient(), {worker, ServerName{worker.value}, PoolName{"default"}, slots, ""})
            .value()
            .incarnation;
    }

    SystemClock clock;
    std::unique_ptr<Database> database = PostgresServer::shared().copy_of("schema", make_schema);
    Settings settings = database->settings();
    std::unique_ptr<Store> store;
    Sql sql{database->url()};
};

TEST(StoreCrashTest, a_server_that_is_killed_loses_nothing_that_it_said) {
    PostgresServer server{Durability::full};
    auto const database = server.database();
    SystemClock clock;
    auto settings = database->settings();
    settings.listen = false;
    make_schema(settings);
    auto const store = Store::open({}, settings, FleetId{"blue"}, clock).value();
    Bustle bustle{*store};
    ASSERT_TRUE(eventually([&] { return bustle.batches > 5 && bustle.reports > 3; }));
    server.kill();
    auto const before = bustle.batches.load();
    server.start();
    ASSERT_TRUE(eventually([&] { return bustle.batches > before + 2; })) << "they go on by themselves";
    bustle.stop();

    Sql sql{database->url()};
    bustle.expect_kept(sql);
}

TEST_F(StoreFaultTest, connections_that_are_ended_in_the_middle_do_no_harm) {
    Bustle bustle{*store};
    for (int round = 0; round < 10; ++round) {
        auto const before = bustle.batches.load();
        ASSERT_TRUE(eventually([&] { return bustle.batches > before + 2; }));
        sql.text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                 "WHERE datname = current_database() AND pid <> pg_backend_pid()");
    }
    bustle.stop();
    bustle.expect_kept(sql);
}

TEST_F(StoreFaultTest, one_key_is_one_job_however_many_submit_it_at_once) {
    std::mutex mutex;
    std::set<std::int64_t> jobs;
    at_once(50, [&](std::size_t i) {
        std::int64_t job = 0;
        if (i % 2 == 0)
            job = store->submit(patient(), {a_job().key("one")}).value().at(0).value().job.value;
        else
            job = Sql{database->url()}.number(R"(SELECT rgrid.submit('{"name":"job","command":["true"]}', 'one'))");
        std::lock_guard const lock{mutex};
        jobs.insert(job);
    });
    EXPECT_EQ(jobs.size(), 1u);
    EXPECT_EQ(store->counts(patient()).value().accepted, 1);
    EXPECT_EQ(damage(sql), "");
}

// Reports of several callers go in one statement. Here that of a few callers is lost when the first of them runs out of
// time, and the last one finds no server any more: its report may have been written by the statement that was lost.
TEST_F(StoreFaultTest, a_report_that_was_carried_by_a_call_that_ran_out_of_time_is_in_doubt) {
    WorkerId const worker{"w"};
    auto const incarnation = enter(worker, 10);
    store->submit(patient(), std::vector<JobSpec>(10, a_job())).value();
    auto const leases = store->claim(patient(), worker, incarnation, {}, 10).value();
    ASSERT_EQ(leases.size(), 10u);
    auto const blocked = [&](std::string const& others) {
        return sql.text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                        "AND wait_event_type = 'Lock' AND pid <> " + others);
    };
    Sql other{database->url()}, server{PostgresServer::shared().url()};
    other.run("BEGIN; LOCK TABLE rgrid.lease IN EXCLUSIVE MODE");
    auto const report = [&](std::size_t which, Duration time) {
        auto const& lease = leases[which];
        return std::async(std::launch::async, [&, time] {
            return store->complete(call_within(clock, time), worker, incarnation,
                                   {{lease.job, lease.epoch, Outcome::succeeded, 0, {}, {}}});
        });
    };
    auto first = report(0, 1s);
    std::string backend;
    ASSERT_TRUE(eventually([&] { return !(backend = blocked("0")).empty(); }));
    std::vector<std::future<Result<std::vector<Verdict>>>> carriers;
    for (std::size_t i = 1; i < 9; ++i) carriers.push_back(report(i, 2s));
    auto last = report(9, 4s);
    EXPECT_EQ(first.get().error().code, Errc::in_doubt);
    ASSERT_TRUE(eventually([&] { return !blocked(backend).empty(); })) << "those that wait follow together";
    server.run("ALTER DATABASE " + database->name() + " ALLOW_CONNECTIONS false");
    for (auto& carried : carriers) EXPECT_EQ(carried.get().error().code, Errc::in_doubt);
    auto const answer = last.get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::in_doubt) << answer.error().message;
    server.run("ALTER DATABASE " + database->name() + " ALLOW_CONNECTIONS true");
}

// As a backup or a report would: nothing can be cleaned up meanwhile. RGRID_PINNED_SECONDS asks for more than ten rounds.
TEST_F(StoreFaultTest, a_transaction_that_looks_at_the_past_for_long_keeps_no_job_from_its_worker) {
    Sql past{database->url()};
    past.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM rgrid.ready");
    WorkerId const worker{"w"};
    auto const incarnation = enter(worker, 100);
    auto const* const seconds = std::getenv("RGRID_PINNED_SECONDS");
    auto const until = clock.steady_now() + std::chrono::seconds{seconds == nullptr ? 0 : std::atoi(seconds)};
    std::set<JobId> claimed;
    std::size_t submitted = 0;
    for (int round = 0; round < 10 || clock.steady_now() < until; ++round) {
        submitted += store->submit(patient(), std::vector<JobSpec>(100, a_job())).value().size();
        std::vector<Completion> done;
        for (auto const& lease : store->claim(patient(), worker, incarnation, {}, 100).value()) {
            EXPECT_TRUE(claimed.insert(lease.job).second);
            done.push_back({lease.job, lease.epoch, Outcome::succeeded, 0, {}, {}});
        }
        store->complete(patient(), worker, incarnation, done).value();
        store->tend(patient(), {}).value();
        ASSERT_EQ(claimed.size(), submitted);
    }
    EXPECT_EQ(past.number("SELECT count(*) FROM rgrid.job"), 0);
    EXPECT_EQ(damage(sql), "");
}

/// The plans of all claims that the server has run since `from` bytes of its log.
std::vector<std::string> claim_plans(std::string const& log) {
    std::vector<std::string> plans;
    for (auto at = log.find("plan:"); at != log.npos;) {
        auto const next = log.find("plan:", at + 1);
        auto plan = log.substr(at, next == log.npos ? next : next - at);
        if (plan.find("INSERT INTO rgrid.lease") != plan.npos) plans.push_back(std::move(plan));
        at = next;
    }
    return plans;
}

// Whether the server knows yet how many there are or not. RGRID_MANY_JOBS asks for more of them.
TEST_F(StoreFaultTest, a_claim_among_many_jobs_reads_only_what_it_takes) {
    auto const* const many = std::getenv("RGRID_MANY_JOBS");
    std::string const jobs = many == nullptr ? "100000" : many;
    sql.run("SELECT rgrid.kind_of('default', 0, 1); INSERT INTO rgrid.job SELECT i, 0, NULL, 'default', 0, 1, 3600000, '', '', "
            "NULL, '{\"command\":[\"true\"]}' FROM generate_series(1, " + jobs + ") i; INSERT INTO rgrid.ready SELECT k.id, i, "
            "0, 0, 0, 0, false FROM rgrid.kind k, generate_series(1, " + jobs + ") i");
    WorkerId const worker{"w"};
    auto const incarnation = enter(worker, 100);
    auto const from = read_log(PostgresServer::shared()).size();
    auto explained = settings;
    explained.url = Secret{settings.url.reveal() + " options='-c session_preload_libraries=auto_explain "
                           "-c auto_explain.log_min_duration=0 -c auto_explain.log_analyze=on -c auto_explain.log_timing=off'"};
    for (auto const* before : {"SELECT 1", "ANALYZE rgrid.job, rgrid.ready, rgrid.kind"}) {
        sql.run(before);
        auto const looking = Store::open(patient(), explained, FleetId{"blue"}, clock).value();
        for (int i = 0; i < 8; ++i)
            ASSERT_EQ(looking->claim(patient(), worker, incarnation, {}, 10).value().size(), 10u);
    }
    auto const plans = claim_plans(read_log(PostgresServer::shared(), from));
    ASSERT_EQ(plans.size(), 16u);
    for (auto const& plan : plans) {
        EXPECT_THAT(plan, HasSubstr("Index Scan using ready_pkey on ready"));
        EXPECT_THAT(plan, Not(HasSubstr("Seq Scan on ready")));
        EXPECT_THAT(plan, Not(HasSubstr("Seq Scan on job")));
        EXPECT_THAT(plan, Not(HasSubstr("Sort Key: q.job")));
    }
}

/// All that programs do to a store, in any order.
class Chaos {
public:
    Chaos(Store& store, unsigned seed) : store_(store), random_(seed), worker_("w" + std::to_string(seed % 4)) {}

    void step() {
        switch (some(12)) {
            case 0: {
                std::vector<JobSpec> specs;
                for (int i = 0; i < 8; ++i)
                    specs.push_back(a_job().slots(some(5) == 0 ? 2 : 1).priority(some(3)).max_attempts(some(3) + 1).key(
                        some(2) == 0 ? "" : "key" + std::to_string(some(30))));
                return check(store_.submit(call(), specs));
            }
            case 1: {
                auto const answer = store_.register_worker(
                    call(), {worker_, ServerName{worker_.value}, PoolName{"default"}, 8, ""});
                check(answer);
                if (answer) incarnation_ = answer->incarnation;
                return;
            }
            case 2: return check(store_.close(call(), WorkerId{"w" + std::to_string(some(4))}, CloseMode::now, {}));
            case 3: return check(store_.cancel(call(), any_jobs()));
            case 4: return check(store_.retry(call(), any_jobs()));
            case 5: return check(store_.tend(call(), {ServerName{"w" + std::to_string(some(4))}}));
            case 6: return some(10) == 0 ? stand_still() : check(store_.counts(call()));
            case 7: return check(store_.beat(call(), worker_, incarnation_, {}, false));
            case 8: return check(store_.append_log(call(), worker_, incarnation_, {JobId{some(100) + 1}, LeaseEpoch{1}, 0, "x"}));
            default: return work();
        }
    }

    std::vector<std::string> bugs;

private:
    int some(int count) { return std::uniform_int_distribution{0, count - 1}(random_); }
    Call call() { return call_within(clock_, 20s); }

    template <class T>
    void check(Result<T> const& answer) {
        if (!answer && (answer.error().code == Errc::bug || answer.error().code == Errc::in_doubt))
            bugs.push_back(answer.error().message);
    }

    std::vector<JobId> any_jobs() {
        std::vector<JobId> jobs;
        for (int i = 0; i < 5; ++i) jobs.push_back(JobId{some(200) + 1});
        return jobs;
    }

    /// Reports come late, twice, and of what others hold.
    void work() {
        auto const leases = store_.claim(call(), worker_, incarnation_, {}, some(8) + 1);
        check(leases);
        if (leases)
            for (auto const& lease : *leases) held_.push_back(lease);
        std::vector<Completion> done;
        for (auto const& lease : held_)
            if (some(2) == 0)
                done.push_back({lease.job, lease.epoch, some(3) == 0 ? Outcome::failed : Outcome::succeeded, 0, {}, {}});
        std::shuffle(done.begin(), done.end(), random_);
        if (!done.empty()) check(store_.complete(call(), worker_, incarnation_, done));
        if (held_.size() > 20) held_.clear();
    }

    void stand_still() {
        check(store_.freeze(call(), "a test"));
        auto const record = store_.load(call());
        if (!record) return;
        Adoption adoption;
        adoption.store = record->store;
        adoption.next_number = record->next_number;
        adoption.last_job = JobId{1};
        check(store_.adopt(call(), adoption));
    }

    Store& store_;
    SystemClock clock_;
    std::mt19937 random_;
    WorkerId const worker_;
    Incarnation incarnation_;
    std::vector<Lease> held_;
};

TEST_F(StoreFaultTest, whatever_programs_do_at_once_they_never_wait_for_each_other_in_a_circle) {
    auto const from = read_log(PostgresServer::shared()).size();
    std::mutex mutex;
    std::vector<std::string> bugs;
    auto const until = clock.steady_now() + 2s;
    at_once(6, [&](std::size_t i) {
        Chaos chaos{*store, static_cast<unsigned>(i + 1)};
        while (clock.steady_now() < until) chaos.step();
        std::lock_guard const lock{mutex};
        bugs.insert(bugs.end(), chaos.bugs.begin(), chaos.bugs.end());
    });
    EXPECT_THAT(bugs, IsEmpty());
    EXPECT_THAT(read_log(PostgresServer::shared(), from), Not(HasSubstr("deadlock detected")));
    EXPECT_EQ(damage(sql), "");
    EXPECT_GT(store->counts(patient()).value().accepted, 0);
}

}  // namespace
}  // namespace rgrid::postgres
