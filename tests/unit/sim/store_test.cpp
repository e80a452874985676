#include <gtest/gtest.h>

#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/sim/store.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/printers.hpp>

namespace rgrid::sim {
namespace {

using testing::a_job;

/// Writes down what happened.
class Scribe final : public Witness {
public:
    void on_lead(std::string const& candidate, Leadership const&) override { seen.push_back("lead " + candidate); }
    void on_write(LeaderEpoch, FleetWrite const&) override { seen.push_back("write"); }
    void on_close(WorkerId const& worker, CloseMode, CloseReport const&) override {
        seen.push_back("close " + worker.value);
    }
    void on_tend(TendReport const&) override { seen.push_back("tend"); }
    void on_register(Registration const& registration, Incarnation) override {
        seen.push_back("register " + registration.worker.value);
    }
    void on_beat(WorkerId const& worker, BeatReply const&) override { seen.push_back("beat " + worker.value); }
    void on_claim(WorkerId const& worker, std::vector<Lease> const& leases, int) override {
        seen.push_back("claim " + worker.value + " " + std::to_string(leases.size()));
    }
    void on_complete(WorkerId const& worker, std::vector<Completion> const&,
                     std::vector<Verdict> const& verdicts) override {
        seen.push_back("complete " + worker.value + " " + std::to_string(verdicts.size()));
    }
    void on_submit(std::vector<JobSpec> const& specs, std::vector<Result<Submitted>> const&) override {
        seen.push_back("submit " + std::to_string(specs.size()));
    }
    void on_retry(JobId job) override { seen.push_back("retry " + std::to_string(job.value)); }

    std::vector<std::string> seen;
};

TEST(StoreModel, a_witness_sees_what_took_effect_and_nothing_else) {
    memory::ManualClock clock;
    Scribe scribe;
    Store store{clock, &scribe};
    WorkerId const worker{"w"};

    store.submit({}, {a_job(), a_job()}).value();
    auto const epoch = store.lead({}, "c", 1min)->epoch;
    store.write({}, epoch, {}).value();
    EXPECT_FALSE(store.write({}, LeaderEpoch{epoch.value + 1}, {})) << "of a leader that is none";
    auto const incarnation =
        store.register_worker({}, {worker, ServerName{"w"}, PoolName{"default"}, 1, "", 1})->incarnation;
    store.beat({}, worker, incarnation, BeatCount{0}, false).value();
    auto const leases = store.claim({}, worker, incarnation, BeatCount{1}, 1).value();
    Completion completion;
    completion.job = leases.at(0).job;
    completion.epoch = leases.at(0).epoch;
    store.complete({}, worker, incarnation, {completion}).value();
    EXPECT_FALSE(store.beat({}, worker, Incarnation{incarnation.value - 1}, BeatCount{0}, false));
    store.retry({}, {completion.job, JobId{12345}}).value();
    store.tend({}, {}).value();
    store.close({}, worker, CloseMode::if_idle, {}).value();

    EXPECT_EQ(scribe.seen, (std::vector<std::string>{"submit 2", "lead c", "write", "register w", "beat w", "claim w 1",
                                                     "complete w 1", "retry 1", "tend", "close w"}));
}

TEST(StoreModel, a_backup_brings_back_what_was_as_often_as_wanted) {
    memory::ManualClock clock;
    Store store{clock};
    EXPECT_FALSE(store.restore()) << "there is no backup";
    store.submit({}, {a_job()}).value();
    store.back_up();
    for (int i = 0; i < 2; ++i) {
        store.submit({}, {a_job(), a_job()}).value();
        EXPECT_EQ(store.truth().counts({}).value().accepted, 3);

        EXPECT_TRUE(store.restore());

        EXPECT_EQ(store.counts({}).value().accepted, 1);
    }
}

}  // namespace
}  // namespace rgrid::sim
