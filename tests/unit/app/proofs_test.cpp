#include "app/proofs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <rgrid/adapters/memory/files.hpp>
#include <rgrid/testing/temp_folder.hpp>

namespace rgrid::app {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ProofsTest : public ::testing::Test {
protected:
    static JobView open_job(std::int64_t number, std::int64_t epoch = 0) {
        JobView job;
        job.job = JobId{number};
        job.epoch = LeaseEpoch{epoch};
        job.spec.name = "job " + std::to_string(number);
        return job;
    }

    StoredFile store(std::string const& key, std::string const& content) {
        return files.put({}, key, folder.write("source", content)).value();
    }

    /// What an agent leaves behind when an attempt has succeeded.
    Receipt deliver(JobView const& job, std::int64_t epoch, Instant began = Instant{1h}) {
        Receipt receipt{job.job, LeaseEpoch{epoch}, began, spec_digest(job.spec), {}};
        auto const key = "outputs/" + std::to_string(job.job.value) + "/" + std::to_string(epoch) + "/out.txt";
        auto const stored = store(key, "result of " + std::to_string(epoch));
        receipt.outputs.push_back({"out.txt", stored.sha256, stored.size});
        store(receipt_key({job.job, LeaseEpoch{epoch}}), to_json_text(receipt));
        return receipt;
    }

    Proofs look(std::vector<JobView> const& jobs) { return find_proofs({}, files, jobs, folder.path()).value(); }

    testing::TempFolder folder;
    memory::Files files;
};

TEST_F(ProofsTest, A_job_whose_receipt_and_outputs_are_there_has_succeeded) {
    auto const job = open_job(7, 2);
    auto const receipt = deliver(job, 3);

    auto const proofs = look({job});

    ASSERT_EQ(proofs.proven.size(), 1u);
    EXPECT_EQ(proofs.proven[0].job, JobId{7});
    EXPECT_EQ(proofs.proven[0].epoch, LeaseEpoch{3});
    EXPECT_EQ(proofs.proven[0].outcome, Outcome::succeeded);
    EXPECT_EQ(proofs.proven[0].outputs, receipt.outputs);
    EXPECT_THAT(proofs.unproven, IsEmpty());
}

TEST_F(ProofsTest, Of_several_attempts_the_latest_counts) {
    auto const job = open_job(7);
    deliver(job, 3);
    deliver(job, 12);
    auto const proofs = look({job});
    ASSERT_EQ(proofs.proven.size(), 1u);
    EXPECT_EQ(proofs.proven[0].epoch, LeaseEpoch{12});
}

TEST_F(ProofsTest, A_receipt_is_found_although_outputs_of_a_later_attempt_are_incomplete) {
    auto const job = open_job(7);
    deliver(job, 3);
    auto const later = deliver(job, 4);
    ASSERT_TRUE(files.remove({}, "outputs/7/4/out.txt"));
    auto const proofs = look({job});
    ASSERT_EQ(proofs.proven.size(), 1u);
    EXPECT_EQ(proofs.proven[0].epoch, LeaseEpoch{3});
    EXPECT_THAT(proofs.unproven, ElementsAre("outputs/7/4.json: outputs/7/4/out.txt is not there"));
}

TEST_F(ProofsTest, Outputs_without_a_receipt_prove_nothing) {
    store("outputs/7/3/out.txt", "half of what was to come");
    EXPECT_THAT(look({open_job(7)}).proven, IsEmpty());
}

TEST_F(ProofsTest, Another_job_of_the_same_number_is_not_proven) {
    auto other = open_job(7);
    other.spec.name = "the lost one";
    deliver(other, 3);
    auto const proofs = look({open_job(7)});
    EXPECT_THAT(proofs.proven, IsEmpty());
    EXPECT_THAT(proofs.unproven, ElementsAre(HasSubstr("it is of another job that had the same number")));
}

TEST_F(ProofsTest, An_attempt_that_began_before_the_job_was_submitted_is_of_another_job) {
    auto job = open_job(7);
    job.submitted = Instant{2h};
    deliver(job, 3, Instant{2h - 1ms});
    auto const proofs = look({job});
    EXPECT_THAT(proofs.proven, IsEmpty());
    EXPECT_THAT(proofs.unproven,
                ElementsAre(HasSubstr("began at 1970-01-01T01:59:59.999Z; expected one after the job was "
                                      "submitted, at 1970-01-01T02:00:00.000Z")));
    deliver(job, 4, Instant{2h});
    EXPECT_EQ(look({job}).proven.size(), 1u) << "both may fall into one moment";
}

TEST_F(ProofsTest, What_a_killed_program_of_the_same_number_left_is_not_in_the_way) {
    auto const job = open_job(7);
    deliver(job, 3);
    folder.write("receipt-" + std::to_string(::getpid()) + ".json", "{");
    EXPECT_EQ(look({job}).proven.size(), 1u);
}

TEST_F(ProofsTest, An_attempt_before_the_one_that_the_store_knows_proves_nothing) {
    auto const job = open_job(7, 4);
    deliver(job, 3);
    auto const proofs = look({job});
    EXPECT_THAT(proofs.proven, IsEmpty());
    EXPECT_THAT(proofs.unproven, ElementsAre(HasSubstr("epoch 3; the store knows a later one, 4")));
}

TEST_F(ProofsTest, An_output_with_another_content_proves_nothing) {
    auto const job = open_job(7);
    deliver(job, 3);
    ASSERT_TRUE(files.remove({}, "outputs/7/3/out.txt"));
    store("outputs/7/3/out.txt", "tampered with");
    auto const proofs = look({job});
    EXPECT_THAT(proofs.proven, IsEmpty());
    EXPECT_THAT(proofs.unproven, ElementsAre(HasSubstr("outputs/7/3/out.txt is not what was delivered")));
}

TEST_F(ProofsTest, A_receipt_that_is_none_or_of_another_attempt_is_named) {
    auto const job = open_job(7);
    store("outputs/7/3.json", "{ this is no JSON");
    store("outputs/7/4.json", to_json_text(Receipt{job.job, LeaseEpoch{5}, Instant{1h}, spec_digest(job.spec), {}}));
    EXPECT_THAT(look({job}).unproven,
                ElementsAre(HasSubstr("it is that of job 7, epoch 5"), HasSubstr("it is no receipt")));
}

TEST_F(ProofsTest, A_receipt_of_a_later_version_with_more_in_it_counts) {
    auto const job = open_job(7);
    auto const receipt = deliver(job, 3);
    auto text = to_json_text(receipt);
    text.insert(1, "\"news\":[1],");
    ASSERT_TRUE(files.remove({}, "outputs/7/3.json"));
    store("outputs/7/3.json", text);
    EXPECT_EQ(look({job}).proven.size(), 1u);
}

TEST_F(ProofsTest, The_greatest_job_number_and_generation_are_seen_whoever_they_belong_to) {
    store("outputs/9/1/a", "x");
    store("outputs/41/2000000007/a", "x");
    store("outputs/notes/99/a", "not an agent's");
    store("outputs/50/readme", "not an agent's");
    store("inputs-of-mine/77/1/a", "not an agent's");
    auto const proofs = look({});
    EXPECT_EQ(proofs.last_job, JobId{41});
    EXPECT_EQ(proofs.generation, Generation{3});
}

TEST_F(ProofsTest, An_empty_file_store_has_seen_nothing) {
    auto const proofs = look({open_job(1)});
    EXPECT_EQ(proofs.last_job, JobId{0});
    EXPECT_EQ(proofs.generation, Generation{0});
    EXPECT_THAT(proofs.proven, IsEmpty());
}

}  // namespace
}  // namespace rgrid::app
