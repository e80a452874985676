#pragma once

#include <gtest/gtest.h>
#include <functional>
#include <memory>
#include <rgrid/model/generation.hpp>
#include <rgrid/ports/fleet_store.hpp>
#include <rgrid/ports/job_queue.hpp>
#include <rgrid/ports/job_store.hpp>
#include <rgrid/ports/work_source.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/factory_name.hpp>
#include <rgrid/testing/printers.hpp>
#include <string>
#include <vector>

namespace rgrid::testing {

/// The four faces of one store, which one class usually implements.
struct StorePorts {
    JobQueue& queue;
    WorkSource& work;
    JobStore& jobs;
    FleetStore& fleet;
};

/// An empty store under test, made anew for each test, that keeps finished jobs for a week.
class StoreHarness {
public:
    static constexpr Duration keep_finished{std::chrono::hours{168}};

    virtual ~StoreHarness() = default;

    virtual StorePorts ports() = 0;

    /// Another handle on the same store: another process's if the adapter allows it, otherwise `ports()` again.
    virtual StorePorts second() = 0;

    /// Takes a backup of the store as it is now, in the place of an earlier one.
    virtual void keep() = 0;

    /// Puts the backup in the store's place, without telling the store.
    virtual void rewind() = 0;

    /// Lets time pass, on the clock that the store measures spans with and on its calendar.
    virtual void advance(Duration span) = 0;
};

/// How the suite makes stores; `name` becomes part of the test's name.
struct StoreFactory {
    std::string name;
    std::function<std::unique_ptr<StoreHarness>()> make;

    friend std::ostream& operator<<(std::ostream& out, StoreFactory const& factory) { return out << factory.name; }
};

/// What the tests of the suite say in one word each.
class StoreGenerationConformance : public ::testing::TestWithParam<StoreFactory> {
protected:
    static constexpr Generation first{1};
    static constexpr Generation next{2};
    static constexpr LeaseEpoch first_of_next{counts_of_a_generation + 1};

    JobId submit(JobSpec const& spec = a_job()) { return jobs().submit(call, {spec}).value().at(0).value().job; }

    Incarnation enlist(std::string const& worker, int slots = 1) {
        return work()
            .register_worker(call, {WorkerId{worker}, ServerName{worker}, PoolName{"default"}, slots, "1"})
            .value()
            .incarnation;
    }

    BeatReply beat(std::string const& worker, Incarnation incarnation, std::int64_t acknowledged = 0,
                   bool leaving = false) {
        return work().beat(call, WorkerId{worker}, incarnation, BeatCount{acknowledged}, leaving).value();
    }

    Result<std::vector<Lease>> try_claim(std::string const& worker, Incarnation incarnation, int slots = 1) {
        return work().claim(call, WorkerId{worker}, incarnation, {}, slots);
    }

    /// Claims one job that is certainly there.
    Lease claim(std::string const& worker, Incarnation incarnation) { return try_claim(worker, incarnation)->at(0); }

    Result<std::vector<Verdict>> try_complete(std::string const& worker, Incarnation incarnation,
                                              std::vector<Completion> const& completions) {
        return work().complete(call, WorkerId{worker}, incarnation, completions);
    }

    Verdict complete(std::string const& worker, Incarnation incarnation, Completion const& completion) {
        return try_complete(worker, incarnation, {completion}).value().at(0);
    }

    Result<> try_log(std::string const& worker, Incarnation incarnation, JobId job, LeaseEpoch epoch) {
        return work().append_log(call, WorkerId{worker}, incarnation, {job, epoch, 0, "text"});
    }

    Result<CloseReport> try_close(std::string const& worker, CloseMode mode) {
        auto const seen = session(worker);
        return queue().close(call, WorkerId{worker}, mode, {seen.incarnation, seen.beat});
    }

    static Completion ended(Lease const& lease, Outcome outcome = Outcome::succeeded) {
        Completion completion{lease.job, lease.epoch, outcome};
        completion.outputs = {{"result", std::string(64, 'a'), 5}};
        completion.ran = 3s;
        return completion;
    }

    Session session(std::string const& worker) {
        for (auto const& each : queue().sessions(call).value().sessions)
            if (each.worker == WorkerId{worker}) return each;
        ADD_FAILURE() << "no session of worker " << worker;
        return {};
    }

    JobView look(JobId job) {
        JobQuery query;
        query.jobs = {job};
        return jobs().look(call, query).value().at(0);
    }

    JobCounts counts() { return jobs().counts(call).value(); }
    FleetRecord load() { return harness_->second().fleet.load(call).value(); }
    std::string frozen() { return load().frozen; }
    void freeze() { fleet().freeze(call, "it was restored").value(); }

    Adoption plain_adoption() {
        Adoption adoption;
        adoption.store = load().store;
        return adoption;
    }
    Adopted adopt(std::vector<Completion> proven = {}) {
        auto adoption = plain_adoption();
        adoption.proven = std::move(proven);
        return fleet().adopt(call, adoption).value();
    }

    /// That an answer is `retry_later` in a sentence with all of `parts`.
    template <class T>
    static void expect_told_to_wait(Result<T> const& answer, std::vector<std::string> const& parts) {
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, Errc::retry_later) << answer.error().message;
        for (auto const& part : parts)
            EXPECT_NE(answer.error().message.find(part), std::string::npos) << answer.error().message;
    }

    /// That the store froze itself, saying all of `parts`.
    void expect_frozen(std::vector<std::string> const& parts) {
        auto const why = frozen();
        for (auto const& part : parts) EXPECT_NE(why.find(part), std::string::npos) << why;
        EXPECT_NE(why.find("gone back in time"), std::string::npos) << why;
    }

    void keep() { harness_->keep(); }
    void rewind() { harness_->rewind(); }
    void advance(Duration span) { harness_->advance(span); }
    JobQueue& queue() { return harness_->ports().queue; }
    WorkSource& work() { return harness_->ports().work; }
    JobStore& jobs() { return harness_->ports().jobs; }
    FleetStore& fleet() { return harness_->ports().fleet; }

    Call const call{};

private:
    std::unique_ptr<StoreHarness> harness_ = GetParam().make();
};

}  // namespace rgrid::testing
