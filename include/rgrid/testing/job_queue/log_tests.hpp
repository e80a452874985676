#pragma once

#include <rgrid/model/job_rules.hpp>
#include <rgrid/testing/job_queue/harness.hpp>

namespace rgrid::testing {

/// The suite's words for logs.
struct LogWriterOf {
    WorkSource& work;
    std::string worker;
    Incarnation incarnation;

    Result<> operator()(Lease const& lease, std::int64_t number, std::string const& text) const {
        return work.append_log(Call{}, WorkerId{worker}, incarnation, {lease.job, lease.epoch, number, text});
    }
};

TEST_P(JobQueueConformance, a_log_is_read_as_it_was_written) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");
    auto const lease = claim_one("w", worker);
    LogWriterOf const append{ports().work, "w", worker};
    std::string const odd{"bytes \xff\x00 and\n", 13};

    append(lease, 0, "one\n").value();
    append(lease, 1, odd).value();
    auto const page = ports().jobs.read_log(call, job, LeaseEpoch{}, 0).value();
    append(lease, 2, "three").value();
    auto const rest = ports().jobs.read_log(call, job, LeaseEpoch{}, page.next).value();

    EXPECT_EQ(page.text, "one\n" + odd);
    EXPECT_EQ(page.epoch, lease.epoch);
    EXPECT_EQ(page.next, 2);
    EXPECT_FALSE(page.complete);
    EXPECT_EQ(rest.text, "three");
    EXPECT_FALSE(rest.complete);
    complete("w", worker, lease, Outcome::succeeded);
    auto const end = ports().jobs.read_log(call, job, LeaseEpoch{}, rest.next).value();
    EXPECT_EQ(end.text, "");
    EXPECT_EQ(end.next, rest.next);
    EXPECT_TRUE(end.complete);
}

TEST_P(JobQueueConformance, a_chunk_is_written_once) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");
    auto const lease = claim_one("w", worker);
    LogWriterOf const append{ports().work, "w", worker};

    append(lease, 0, "once").value();
    append(lease, 0, "once").value();

    EXPECT_EQ(ports().jobs.read_log(call, job, LeaseEpoch{}, 0)->text, "once");
}

TEST_P(JobQueueConformance, a_job_that_never_ran_has_an_empty_log) {
    auto const job = submit(a_job());

    auto const page = ports().jobs.read_log(call, job, LeaseEpoch{}, 0).value();
    EXPECT_EQ(page.text, "");
    EXPECT_EQ(page.epoch, LeaseEpoch{});
    EXPECT_FALSE(page.complete) << "it may still run";
    cancel(job);
    EXPECT_TRUE(ports().jobs.read_log(call, job, LeaseEpoch{}, 0)->complete);
    EXPECT_EQ(error_of(ports().jobs.read_log(call, JobId{999}, LeaseEpoch{}, 0)), Errc::not_found);
}

// The worker is still open, but its job timed out and runs elsewhere: what it writes lands beside, never in, the log.
TEST_P(JobQueueConformance, an_old_attempts_log_is_kept_apart) {
    auto const job = submit(a_job().timeout(1min).max_attempts(2).retry_delay(0s));
    auto const slow = enlist("slow");
    auto const old = claim_one("slow", slow);
    LogWriterOf const append_old{ports().work, "slow", slow};
    append_old(old, 0, "old").value();
    advance(1min + lease_grace);
    tend();
    tend();
    auto const worker = enlist("w");
    auto const lease = claim_one("w", worker);
    ASSERT_EQ(lease.job, job);

    append_old(old, 1, " older").value();
    LogWriterOf{ports().work, "w", worker}(lease, 0, "new").value();

    EXPECT_EQ(ports().jobs.read_log(call, job, LeaseEpoch{}, 0)->text, "new");
    auto const beside = ports().jobs.read_log(call, job, old.epoch, 0).value();
    EXPECT_EQ(beside.text, "old older");
    EXPECT_TRUE(beside.complete);
}

TEST_P(JobQueueConformance, a_flooding_log_is_cut_with_a_marker) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");
    auto const lease = claim_one("w", worker);
    LogWriterOf const append{ports().work, "w", worker};
    std::string const chunk(60 * 1024, 'x');

    for (std::int64_t number = 0; number < 30; ++number) append(lease, number, chunk).value();

    std::string text;
    LogPage page;
    for (int i = 0; i < 50; ++i) {
        page = ports().jobs.read_log(call, job, LeaseEpoch{}, page.next).value();
        EXPECT_LE(page.text.size(), 1024u * 1024u) << "a page is bounded";
        if (page.text.empty()) break;
        text += page.text;
    }
    EXPECT_GT(text.size(), static_cast<std::size_t>(JobQueueHarness::max_log) - chunk.size());
    EXPECT_LT(text.size(), static_cast<std::size_t>(JobQueueHarness::max_log) + 1000);
    auto const last_line = text.substr(text.rfind('\n', text.size() - 2) + 1);
    EXPECT_NE(last_line.find("cut"), std::string::npos) << last_line;
    EXPECT_EQ(text.find("cut"), text.rfind("cut")) << "it says so once";
}

TEST_P(JobQueueConformance, a_chunk_that_is_sent_again_and_again_takes_its_room_once) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");
    auto const lease = claim_one("w", worker);
    LogWriterOf const append{ports().work, "w", worker};
    std::string const chunk(60 * 1024, 'x');

    for (int i = 0; i < 30; ++i) append(lease, 0, chunk).value();
    append(lease, 1, "end").value();

    EXPECT_TRUE(ports().jobs.read_log(call, job, LeaseEpoch{}, 0)->text == chunk + "end");
}

TEST_P(JobQueueConformance, chunks_that_belong_nowhere_are_refused) {
    auto const job = submit(a_job());
    auto const worker = enlist("w");
    auto const lease = claim_one("w", worker);
    LogWriterOf const append{ports().work, "w", worker};

    EXPECT_EQ(error_of(append(Lease{JobId{999}, of_no_generation}, 0, "x")), Errc::not_found);
    EXPECT_EQ(error_of(append(Lease{job, of_no_generation}, 0, "x")), Errc::rejected);
    EXPECT_EQ(error_of(append(Lease{job, LeaseEpoch{0}}, 0, "x")), Errc::rejected);
    EXPECT_EQ(error_of(append(lease, -1, "x")), Errc::rejected);
    EXPECT_EQ(error_of(append(lease, 0, std::string(64 * 1024 + 1, 'x'))), Errc::rejected);
    EXPECT_EQ(ports().jobs.read_log(call, job, LeaseEpoch{}, 0)->text, "");
}

}  // namespace rgrid::testing
