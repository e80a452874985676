#pragma once

#include <gtest/gtest.h>
#include <functional>
#include <memory>
#include <rgrid/ports/job_queue.hpp>
#include <rgrid/ports/job_store.hpp>
#include <rgrid/ports/work_source.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/factory_name.hpp>
#include <rgrid/testing/printers.hpp>
#include <string>
#include <vector>

namespace rgrid::testing {

/// The three faces of one store, which one class usually implements.
struct JobPorts {
    JobQueue& queue;
    WorkSource& work;
    JobStore& jobs;
};

/// An empty store under test, made anew for each test with the two settings below.
class JobQueueHarness {
public:
    static constexpr Duration keep_finished{std::chrono::hours{168}};  ///< The store's retention has to be this.
    static constexpr std::int64_t max_log = 1536 * 1024;               ///< And its log bound a job, in bytes, this.

    virtual ~JobQueueHarness() = default;

    virtual JobPorts ports() = 0;

    /// Another handle on the same store: another process's if the adapter allows it, otherwise `ports()` again.
    virtual JobPorts second() = 0;

    /// Lets time pass, on the clock that the store measures spans with and on its calendar.
    virtual void advance(Duration span) = 0;
};

/// How the suite makes stores; `name` becomes part of the test's name.
struct JobQueueFactory {
    std::string name;
    std::function<std::unique_ptr<JobQueueHarness>()> make;

    friend std::ostream& operator<<(std::ostream& out, JobQueueFactory const& factory) { return out << factory.name; }
};

/// What the tests of the suite say in one word each.
class JobQueueConformance : public ::testing::TestWithParam<JobQueueFactory> {
protected:
    /// An attempt that no store hands out. One of the store's generation or later would say that it went back in time.
    static constexpr LeaseEpoch of_no_generation{-1};

    JobId submit(JobSpec const& spec) { return ports().jobs.submit(call, {spec}).value().at(0).value().job; }

    std::vector<JobId> submit(std::size_t count, JobSpec const& spec) {
        std::vector<JobId> jobs;
        for (auto const& result : ports().jobs.submit(call, std::vector<JobSpec>(count, spec)).value())
            jobs.push_back(result.value().job);
        return jobs;
    }

    Incarnation enlist(std::string const& worker, int slots = 1, std::string const& pool = "default") {
        return ports()
            .work.register_worker(call, {WorkerId{worker}, ServerName{worker}, PoolName{pool}, slots, "1"})
            .value()
            .incarnation;
    }

    std::vector<Lease> claim(std::string const& worker, Incarnation incarnation, int slots = 1) {
        return ports().work.claim(call, WorkerId{worker}, incarnation, {}, slots).value();
    }

    /// Claims one job that is certainly there.
    Lease claim_one(std::string const& worker, Incarnation incarnation) { return claim(worker, incarnation, 1).at(0); }

    Verdict complete(std::string const& worker, Incarnation incarnation, Lease const& lease, Outcome outcome) {
        return ports().work.complete(call, WorkerId{worker}, incarnation, {ended(lease, outcome)}).value().at(0);
    }

    static Completion ended(Lease const& lease, Outcome outcome = Outcome::succeeded) {
        Completion completion{lease.job, lease.epoch, outcome};
        if (outcome != Outcome::succeeded) completion.exit_code = 1, completion.message = "it went wrong";
        return completion;
    }

    BeatReply beat(std::string const& worker, Incarnation incarnation, bool leaving = false) {
        return ports().work.beat(call, WorkerId{worker}, incarnation, {}, leaving).value();
    }

    CloseReport close(std::string const& worker, CloseMode mode, BeatMark const& seen = {}) {
        return ports().queue.close(call, WorkerId{worker}, mode, seen).value();
    }

    /// Gives a worker up as a controller does that has seen its last sign of life.
    CloseReport give_up(std::string const& worker) {
        auto const seen = session(worker);
        return close(worker, CloseMode::now, {seen.incarnation, seen.beat});
    }

    Session session(std::string const& worker) {
        for (auto const& each : ports().queue.sessions(call).value().sessions)
            if (each.worker == WorkerId{worker}) return each;
        ADD_FAILURE() << "no session of worker " << worker;
        return {};
    }

    JobView look(JobId job) {
        JobQuery query;
        query.jobs = {job};
        return ports().jobs.look(call, query).value().at(0);
    }

    JobCounts counts() { return ports().jobs.counts(call).value(); }

    TendReport tend(std::vector<ServerName> const& settled = {}) { return ports().queue.tend(call, settled).value(); }

    JobState cancel(JobId job) { return ports().jobs.cancel(call, {job}).value().at(0).value(); }

    JobState retry(JobId job) { return ports().jobs.retry(call, {job}).value().at(0).value(); }

    void advance(Duration span) { harness_->advance(span); }
    JobPorts ports() { return harness_->ports(); }
    JobPorts second() { return harness_->second(); }

    Call const call{};

private:
    std::unique_ptr<JobQueueHarness> harness_ = GetParam().make();
};

}  // namespace rgrid::testing
