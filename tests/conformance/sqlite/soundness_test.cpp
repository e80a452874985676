#include <random>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/testing/builders.hpp>

#include <rgrid/testing/temp_folder.hpp>
#include "raw.hpp"

namespace rgrid::sqlite {
namespace {

using testing::a_job;

/// Does anything that users, agents and controllers do, in an order that a seed decides.
class Scramble {
public:
    Scramble(Store& store, memory::ManualClock& clock, unsigned seed) : store_(store), clock_(clock), random_(seed) {}

    void step() {
        switch (pick(10)) {
            case 0:
            case 1:
                submit();
                break;
            case 2:
            case 3:
                claim();
                break;
            case 4:
            case 5:
                complete();
                break;
            case 6:
                static_cast<void>(store_.cancel({}, {some_job()}));
                break;
            case 7:
                static_cast<void>(store_.retry({}, {some_job()}));
                break;
            case 8:
                close();
                break;
            default:
                clock_.advance(std::chrono::minutes{pick(90)});
                static_cast<void>(store_.tend({}, {}));
        }
    }

private:
    int pick(int below) { return std::uniform_int_distribution<int>{0, below - 1}(random_); }
    JobId some_job() { return JobId{1 + pick(static_cast<int>(jobs_) + 2)}; }

    void submit() {
        std::vector<JobSpec> specs;
        for (int i = 0; i <= pick(4); ++i)
            specs.push_back(a_job()
                                .pool(pick(2) == 0 ? "default" : "big")
                                .slots(1 + pick(3))
                                .priority(pick(3) - 1)
                                .delay(Duration{60'000} * pick(2))
                                .max_attempts(1 + pick(3))
                                .max_losses(1 + pick(3)));
        for (auto const& result : store_.submit({}, specs).value()) jobs_ = result.value().job.value;
    }

    void claim() {
        auto const worker = WorkerId{"w" + std::to_string(pick(50))};
        auto const pool = PoolName{pick(2) == 0 ? "default" : "big"};
        auto const registered = store_.register_worker({}, {worker, ServerName{worker.value}, pool, 4, ""});
        if (!registered) return;
        for (auto& lease : store_.claim({}, worker, registered->incarnation, {}, 1 + pick(4)).value())
            leases_.emplace_back(worker, std::move(lease));
    }

    void complete() {
        for (int i = 0; i < 3 && !leases_.empty(); ++i) {
            auto const chosen = leases_.begin() + pick(static_cast<int>(leases_.size()));
            auto const& [worker, lease] = *chosen;
            store_.complete({}, worker, Incarnation{1}, {{lease.job, lease.epoch, static_cast<Outcome>(pick(5))}})
                .value();
            if (pick(4) != 0) leases_.erase(chosen);
        }
    }

    void close() {
        auto const sessions = store_.sessions({}).value().sessions;
        if (sessions.empty()) return;
        auto const& chosen = sessions[static_cast<std::size_t>(pick(static_cast<int>(sessions.size())))];
        store_.close({}, chosen.worker, static_cast<CloseMode>(pick(3)), {chosen.incarnation, chosen.beat}).value();
    }

    Store& store_;
    memory::ManualClock& clock_;
    std::mt19937 random_;
    std::int64_t jobs_ = 0;
    std::vector<std::pair<WorkerId, Lease>> leases_;
};

// Whatever order things happen in, each job is in one place and the counters that demand reads say what counting says.
TEST(Soundness, counters_equal_counting_after_any_operations) {
    for (unsigned seed = 1; seed <= 3; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        testing::TempFolder folder;
        memory::ManualClock clock;
        auto const path = folder / "rgrid.db";
        auto const store = Store::open({.path = path, .synchronous = Synchronous::normal, .keep_finished = 12h},
                                       FleetId{"blue"}, clock)
                               .value();
        Scramble scramble{*store, clock, seed};
        for (int step = 1; step <= 300; ++step) {
            scramble.step();
            if (step % 30 == 0) expect_sound(path);
        }
        EXPECT_GT(store->counts({}).value().accepted, 50);
        EXPECT_GT(store->counts({}).value().swept, 0);
    }
}

TEST(Soundness, a_choice_among_many_kinds_is_the_claim_order) {
    testing::TempFolder folder;
    memory::ManualClock clock;
    auto const store = Store::open({.path = folder / "rgrid.db"}, FleetId{"blue"}, clock).value();
    auto const worker = WorkerId{"w"};
    auto const incarnation =
        store->register_worker({}, {worker, ServerName{"w"}, PoolName{"default"}, 4, ""}).value().incarnation;
    store
        ->submit({},
                 {a_job().slots(4), a_job().slots(2), a_job().slots(1), a_job().slots(1), a_job().priority(1).slots(1)})
        .value();

    std::vector<std::int64_t> taken;
    for (auto const& lease : store->claim({}, worker, incarnation, {}, 4).value()) taken.push_back(lease.job.value);

    EXPECT_EQ(taken, (std::vector<std::int64_t>{5, 2, 3}))
        << "first priority, then age, passing over what does not fit";
}

// A worker that starts anew is as old as it was: its age is what a boot is judged by.
TEST(Soundness, a_worker_keeps_its_age_when_it_registers_again) {
    testing::TempFolder folder;
    memory::ManualClock clock;
    auto const store = Store::open({.path = folder / "rgrid.db"}, FleetId{"blue"}, clock).value();
    Registration const who{WorkerId{"w"}, ServerName{"w"}, PoolName{"default"}, 4, ""};
    store->register_worker({}, who).value();
    clock.advance(90s);
    store->register_worker({}, who).value();
    clock.advance(10s);

    auto const session = store->sessions({}).value().sessions.at(0);
    EXPECT_EQ(session.age, 100s);
    EXPECT_EQ(session.silence, 10s);
}

// An id is never used again, not even when the newest job has been swept: its files and logs live under it.
TEST(Soundness, ids_are_never_used_again) {
    testing::TempFolder folder;
    memory::ManualClock clock;
    auto const store = Store::open({.path = folder / "rgrid.db", .keep_finished = 1h}, FleetId{"blue"}, clock).value();
    auto const first = store->submit({}, {a_job()}).value().at(0).value().job;
    store->cancel({}, {first}).value();
    clock.advance(2h);
    ASSERT_EQ(store->tend({}, {}).value().swept, 1);

    EXPECT_GT(store->submit({}, {a_job()}).value().at(0).value().job, first);
}

}  // namespace
}  // namespace rgrid::sqlite
