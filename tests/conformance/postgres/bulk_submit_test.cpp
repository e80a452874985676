#include <gmock/gmock.h>

#include <future>
#include <rgrid/config/brief_text.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/printers.hpp>

#include "../../../src/adapters/postgres/bulk_submit.hpp"
#include "faults.hpp"
#include "store_pair.hpp"

namespace rgrid::postgres {
namespace {

using testing::a_job;
using ::testing::HasSubstr;
using ::testing::Not;

/// Calls with so many jobs that they are copied.
class BulkSubmitTest : public ::testing::Test {
protected:
    static std::vector<JobSpec> many(JobSpec const& spec = a_job()) { return std::vector<JobSpec>(bulk_from, spec); }

    static std::vector<JobSpec> with_keys() {
        auto specs = many();
        for (std::size_t i = 0; i < specs.size(); ++i) specs[i].submit_key = "key " + std::to_string(i);
        return specs;
    }

    Call patient() { return call_within(clock_, std::chrono::seconds{30}); }

    std::vector<Submitted> submit(std::vector<JobSpec> const& specs) {
        std::vector<Submitted> submitted;
        for (auto const& answer : store_.submit(patient(), specs).value()) submitted.push_back(answer.value());
        return submitted;
    }

    /// What the store answers that waits for another one's transaction, whose last words are `at_last`.
    template <class Action, class Meanwhile>
    auto meet(std::string const& held, Action action, Meanwhile meanwhile, std::string const& at_last = "COMMIT") {
        Sql other{pair_.database().url()};
        other.run("BEGIN; " + held);
        auto answer = std::async(std::launch::async, action);
        EXPECT_TRUE(eventually([&] {
            return sql_.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                               "AND wait_event_type = 'Lock'") > 0;
        }));
        meanwhile();
        other.run(at_last);
        return answer.get();
    }

    std::int64_t jobs() { return sql_.number("SELECT count(*) FROM rgrid.job"); }
    std::int64_t last_number() {
        return sql_.number("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM rgrid.job_id");
    }

    SystemClock clock_;
    StorePair pair_;
    Store& store_ = pair_.first();
    Sql sql_{pair_.database().url()};
};

TEST_F(BulkSubmitTest, jobs_are_what_was_submitted_whatever_characters_they_hold) {
    auto specs = many();
    specs[1] = a_job().command({"a\tb\nc\rd\\e\\N\\.", "\"'{},"}).owner("o\t\\\n").batch("\\.").pool("p\\N");
    specs[2] = a_job().owner("\\N").delay(std::chrono::hours{1});
    specs[3] = a_job().slots(2).priority(-5).timeout(std::chrono::seconds{7}).env("A", "\\t");
    specs[4] = a_job().key("a\tkey");
    auto const submitted = submit(specs);

    JobQuery query;
    query.limit = static_cast<int>(specs.size());
    for (auto const& each : submitted) query.jobs.push_back(each.job);
    auto const views = store_.look(patient(), query).value();
    ASSERT_EQ(views.size(), specs.size());
    std::map<JobId, JobView> found;
    for (auto const& view : views) found[view.job] = view;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        EXPECT_FALSE(submitted[i].duplicate);
        EXPECT_EQ(found[submitted[i].job].spec, specs[i]) << i;
        EXPECT_EQ(found[submitted[i].job].state, i == 2 ? JobState::scheduled : JobState::queued) << i;
    }
    EXPECT_EQ(damage(sql_), "");
    EXPECT_EQ(sql_.text("SELECT string_agg(owner || '|' || batch || '|' || pool, ';' ORDER BY id) FROM rgrid.job "
                        "WHERE owner <> ''"),
              "o\t\\\n|\\.|p\\N;\\N||default");
}

TEST_F(BulkSubmitTest, columns_are_those_of_a_small_call) {
    JobSpec const spec = a_job().slots(3).priority(2).owner("o").batch("b").delay(std::chrono::hours{1}).key("k");
    store_.submit(patient(), {spec}).value().at(0).value();
    store_.submit(patient(), {a_job()}).value().at(0).value();
    auto specs = many();
    specs[0] = spec;
    specs[0].submit_key = "l";
    submit(specs);

    auto const columns = [&](std::string const& from) {
        return sql_.text("SELECT string_agg(DISTINCT t::text, ' ') FROM (SELECT " + from + ") t");
    };
    auto const both = [&](std::string const& what, std::string const& from) {
        auto const small = columns(what + " FROM " + from + " <= 2");
        EXPECT_FALSE(small.empty());
        EXPECT_EQ(columns(what + " FROM " + from + " > 2"), small);
    };
    both("run_at - submitted AS later, pool, priority, slots, timeout, owner, batch, length(submit_key) AS key, "
         "replace(spec::text, '\"l\"', '\"k\"') AS spec",
         "rgrid.job WHERE id");
    both("kind, ready_at - submitted AS since, epoch, attempts, losses, again", "rgrid.ready JOIN rgrid.job ON id = job WHERE job");
    both("due_at - submitted AS later, epoch, attempts, losses", "rgrid.scheduled JOIN rgrid.job ON id = job WHERE job");
}

TEST_F(BulkSubmitTest, jobs_are_claimed_in_the_order_of_their_priority_and_place) {
    auto specs = many();
    specs[150].priority = specs[170].priority = 1;
    auto const submitted = submit(specs);
    auto const incarnation =
        store_.register_worker(patient(), {WorkerId{"w"}, ServerName{"w"}, PoolName{"default"}, 4, ""}).value().incarnation;
    std::vector<JobId> claimed;
    for (auto const& lease : store_.claim(patient(), WorkerId{"w"}, incarnation, {}, 4).value()) claimed.push_back(lease.job);
    EXPECT_THAT(claimed,
                ::testing::ElementsAre(submitted[150].job, submitted[170].job, submitted[0].job, submitted[1].job));
}

TEST_F(BulkSubmitTest, jobs_of_a_new_kind_are_copied_as_well) {
    Client client{pair_.database().settings(), clock_};
    JobSpec const spec = a_job().pool("new");
    auto const numbers = submit_in_bulk(client, patient(), std::vector<JobSpec const*>(3, &spec)).value();
    ASSERT_TRUE(numbers);
    EXPECT_EQ(numbers->size(), 3U);
    EXPECT_EQ(damage(sql_), "");
}

TEST_F(BulkSubmitTest, one_that_cannot_run_keeps_no_other_from_being_taken) {
    auto specs = many();
    specs.push_back(a_job().slots(0));
    auto const answers = store_.submit(patient(), specs).value();
    EXPECT_EQ(answers.back().error().code, Errc::rejected);
    EXPECT_EQ(jobs(), static_cast<std::int64_t>(bulk_from));
}

TEST_F(BulkSubmitTest, the_same_keys_and_specs_are_the_same_jobs_again) {
    auto specs = with_keys();
    specs[7].submit_key.clear();
    auto const first = submit(specs);
    auto const from = read_log(PostgresServer::shared()).size();
    auto const again = submit(specs);
    EXPECT_THAT(read_log(PostgresServer::shared(), from), Not(HasSubstr("duplicate key"))) << "nothing is wrong";
    for (std::size_t i = 0; i < specs.size(); ++i) {
        EXPECT_EQ(again[i].duplicate, i != 7);
        EXPECT_EQ(again[i].job == first[i].job, i != 7);
    }
    EXPECT_EQ(jobs(), static_cast<std::int64_t>(bulk_from) + 1);

    specs[8].slots = 2;
    auto const other = store_.submit(patient(), specs).value();
    EXPECT_THAT(other[8].error().message, HasSubstr("submit key \"key 8\" belongs to job"));
}

TEST_F(BulkSubmitTest, one_key_twice_in_a_call_is_one_job) {
    auto specs = with_keys();
    specs[9] = specs[3];
    auto const submitted = submit(specs);
    EXPECT_EQ(submitted[9].job, submitted[3].job);
    EXPECT_EQ(jobs(), static_cast<std::int64_t>(bulk_from) - 1);
    EXPECT_EQ(damage(sql_), "");
}

// It was not there when this call looked.
TEST_F(BulkSubmitTest, a_key_that_somebody_else_is_just_using_is_waited_for) {
    submit(many());
    auto specs = with_keys();
    auto const used = "SELECT rgrid.submit('" + config::to_brief_json_text(specs[5]) + "')";
    auto const submitted = meet(used, [&] { return submit(specs); }, [] {});
    EXPECT_TRUE(submitted[5].duplicate);
    EXPECT_FALSE(submitted[6].duplicate);
    EXPECT_EQ(jobs(), 2 * static_cast<std::int64_t>(bulk_from));
    EXPECT_EQ(damage(sql_), "");
}

// An adoption raises the numbers behind this lock.
TEST_F(BulkSubmitTest, no_number_is_taken_while_somebody_changes_which_is_the_next) {
    submit(many());
    auto const before = last_number();
    meet("LOCK TABLE rgrid.job IN SHARE ROW EXCLUSIVE MODE", [&] { return submit(many()); },
         [&] { EXPECT_EQ(last_number(), before); });
}

TEST_F(BulkSubmitTest, a_kind_that_is_just_forgotten_is_made_anew) {
    submit(many());
    sql_.run("UPDATE rgrid.kind SET id = DEFAULT");  // No job is of it any more, so it may be forgotten.
    meet("LOCK TABLE rgrid.ready IN SHARE ROW EXCLUSIVE MODE; DELETE FROM rgrid.kind", [&] { return submit(many()); }, [] {});
    EXPECT_EQ(sql_.number("SELECT count(*) FROM rgrid.ready JOIN rgrid.kind ON id = kind"),
              static_cast<std::int64_t>(bulk_from));
}

TEST_F(BulkSubmitTest, a_session_that_ends_before_the_commit_is_replaced_and_no_job_comes_twice) {
    submit(many());
    auto const submitted = meet(
        "LOCK TABLE rgrid.scheduled IN ACCESS EXCLUSIVE MODE",
        [&] { return submit(many(a_job().delay(std::chrono::hours{1}))); },
        [&] {
            sql_.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                     "AND datname = current_database()");
        });
    EXPECT_EQ(submitted.size(), bulk_from);
    EXPECT_EQ(jobs(), 2 * static_cast<std::int64_t>(bulk_from));
    EXPECT_EQ(damage(sql_), "");
}

TEST_F(BulkSubmitTest, a_call_whose_time_is_over_in_its_midst_has_done_nothing) {
    submit(many());
    auto const answer = meet(
        "LOCK TABLE rgrid.scheduled IN ACCESS EXCLUSIVE MODE",
        [&] {
            return store_.submit(call_within(clock_, std::chrono::milliseconds{1500}),
                                 many(a_job().delay(std::chrono::hours{1})));
        },
        [&] {
            EXPECT_TRUE(eventually([&] {
                return sql_.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                                   "AND wait_event_type = 'Lock'") == 0;
            }));
        });
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::retry_later) << answer.error().message;
    EXPECT_EQ(jobs(), static_cast<std::int64_t>(bulk_from));
}

}  // namespace
}  // namespace rgrid::postgres
