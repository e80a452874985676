#include <atomic>
#include <filesystem>
#include <future>
#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/temp_folder.hpp>
#include <set>
#include <type_traits>

#include "disk.hpp"
#include "raw.hpp"

namespace rgrid::sqlite {
namespace {

using testing::a_job;

/// One way in which a disk fails.
struct Fault {
    char const* name;
    DiskAction action;
    int code;
};

constexpr Fault faults[] = {
    {"full_disk", DiskAction::write, SQLITE_FULL},
    {"failed_write", DiskAction::write, SQLITE_IOERR_WRITE},
    {"read_only", DiskAction::write, SQLITE_READONLY},
    {"failed_sync", DiskAction::sync, SQLITE_IOERR_FSYNC},
    {"failed_truncate", DiskAction::truncate, SQLITE_IOERR_TRUNCATE},
    {"failed_read", DiskAction::read, SQLITE_IOERR_READ},
    {"no_index", DiskAction::map, SQLITE_IOERR_SHMMAP},
};

/// How long it lasts.
struct Span {
    char const* name;
    std::int64_t steps;
};

constexpr Span spans[] = {{"once", 1}, {"for_a_while", 12}};

/// Lets the steps of a kind from the `first`-th on fail, `steps` of them.
class Failing {
public:
    Failing(Disk& disk, Fault const& fault, std::int64_t first, std::int64_t steps) : disk_(disk) {
        disk.judge([this, fault, first, steps](DiskStep const& step) {
            if (!on_ || step.action != fault.action) return SQLITE_OK;
            auto const number = ++seen_;
            if (number < first || number >= first + steps) return SQLITE_OK;
            hit_ = true;
            return fault.code;
        });
    }
    ~Failing() { disk_.judge({}); }
    Failing(Failing const&) = delete;
    Failing& operator=(Failing const&) = delete;

    [[nodiscard]] bool hit() const { return hit_; }

    /// Without faults, for a look of the test's own.
    template <class Look>
    auto aside(Look const& look) {
        on_ = false;
        auto const seen = look();
        on_ = true;
        return seen;
    }

private:
    Disk& disk_;
    std::atomic<bool> on_ = true, hit_ = false;
    std::atomic<std::int64_t> seen_ = 0;
};

class FaultTest : public ::testing::TestWithParam<std::tuple<Fault, Span>> {
protected:
    std::unique_ptr<Store> open(Synchronous synchronous = Synchronous::full) {
        return Store::open({.path = path, .synchronous = synchronous}, FleetId{"blue"}, clock).value();
    }

    Fault const fault = std::get<0>(GetParam());
    Span const span = std::get<1>(GetParam());
    testing::TempFolder folder;
    memory::ManualClock clock;
    std::string const path = folder / "rgrid.db";
    Disk disk;
};

/// All that users, agents and controllers do, and what the store said to each.
class Customer {
public:
    Customer(Store& store, Raw& raw, Failing& failing) : store_(store), raw_(raw), failing_(failing) {}

    void act() {
        auto const before = state();
        ask("submit", before, [&] { return store_.submit({}, {a_job().env("A", std::string(6000, 'x')), a_job()}); });
        auto const worker = ask("register", state(), [&] {
            return store_.register_worker({}, {WorkerId{"w"}, ServerName{"w"}, PoolName{"default"}, 4, ""});
        });
        if (worker) work(worker->incarnation);
        ask("lead", state(), [&] { return store_.lead({}, "me", 10s); });
        ask("hold", state(), [&] { return store_.hold({}, PoolName{"a"}, true); });
        ask("hold", state(), [&] { return store_.hold({}, PoolName{"a"}, false); });
        ask("look", state(), [&] { return store_.counts({}); });
        // Copies the journal back; that it may fail is nobody's business but the next one's.
        raw_.try_run("PRAGMA wal_checkpoint(TRUNCATE)");
        ask("submit", state(), [&] { return store_.submit({}, {a_job()}); });
    }

private:
    void work(Incarnation incarnation) {
        WorkerId const worker{"w"};
        auto const leases =
            ask("claim", state(), [&] { return store_.claim({}, worker, incarnation, BeatCount{}, 4); });
        if (!leases) return;
        std::vector<Completion> done;
        for (auto const& lease : *leases) done.push_back({lease.job, lease.epoch, Outcome::succeeded});
        ask("complete", state(), [&] { return store_.complete({}, worker, incarnation, done); });
    }

    /// Everything a call can change. The clock stands still, so equal states are equal texts.
    std::string state() {
        return failing_.aside([&] {
            return raw_.text(
                "SELECT (SELECT change FROM pulse) || ' ' || (SELECT group_concat(jobs) FROM tally) || ' ' || "
                "(SELECT count(*) || ' ' || total(incarnation) FROM session) || ' ' || "
                "(SELECT epoch || candidate FROM leader) || ' ' || (SELECT count(*) FROM hold) || ' ' || "
                "(SELECT count(*) || ' ' || total(epoch) FROM lease)");
        });
    }

    template <class Make>
    std::invoke_result_t<Make> ask(char const* what, std::string const& before, Make const& make) {
        auto answer = make();
        if (!answer) {
            auto const& error = answer.error();
            EXPECT_TRUE(error.code == Errc::retry_later || error.code == Errc::in_doubt)
                << what << ": " << static_cast<int>(error.code) << " " << error.message;
            if (error.code == Errc::retry_later) {
                EXPECT_EQ(before, state()) << what << ": " << error.message;
            }
        }
        return answer;
    }

    Store& store_;
    Raw& raw_;
    Failing& failing_;
};

// Whatever step of the disk fails: nothing happened, or it is in doubt; what was acknowledged stays; nothing is half
// there; and when the disk is well again everything goes on in the same program.
TEST_P(FaultTest, a_failing_disk_loses_nothing_and_is_survived_without_a_restart) {
    auto store = open();
    Raw raw{path};
    std::int64_t first = 1;
    for (bool hit = true; hit; first += first < 15 ? 1 : 7) {
        SCOPED_TRACE(std::string{fault.name} + " " + span.name + ", from step " + std::to_string(first));
        {
            Failing failing{disk, fault, first, span.steps};
            Customer{*store, raw, failing}.act();
            hit = failing.hit();
        }
        auto const accepted = store->counts({}).value().accepted;
        store->submit({}, {a_job()}).value();
        EXPECT_EQ(store->counts({}).value().accepted, accepted + 1);
        if (HasFailure()) break;
    }
    EXPECT_GT(first, 2) << "the fault was never met";
    expect_sound(path);
}

// What was acknowledged is in the files, not only in the memory that the programs share: a crash after the fault takes
// the memory with it.
TEST_P(FaultTest, what_was_acknowledged_around_a_fault_survives_a_crash) {
    bool hit = true;
    for (std::int64_t first = 1; hit; first += first < 6 ? 1 : 9) {
        SCOPED_TRACE(std::string{fault.name} + " " + span.name + ", from step " + std::to_string(first));
        testing::TempFolder place;
        auto const file = place / "rgrid.db";
        auto const store = Store::open({.path = file}, FleetId{"blue"}, clock).value();
        std::set<std::string> accepted, in_doubt;
        {
            Failing const failing{disk, fault, first, span.steps};
            for (int i = 0; i < 12; ++i) {
                auto const key = "k" + std::to_string(i);
                auto const answer = store->submit({}, {a_job().key(key).env("A", std::string(5000, 'x'))});
                if (answer)
                    accepted.insert(key);
                else if (answer.error().code == Errc::in_doubt)
                    in_doubt.insert(key);
            }
            hit = failing.hit();
        }
        auto const after = place / "after";
        std::filesystem::create_directory(after);
        for (auto const* const suffix : {"", "-wal"})
            if (std::filesystem::exists(file + suffix))
                std::filesystem::copy_file(file + suffix, after + "/rgrid.db" + suffix);

        Raw raw{after + "/rgrid.db"};
        for (int i = 0; i < 12; ++i) {
            auto const key = "k" + std::to_string(i);
            auto const there = raw.number("SELECT count(*) FROM job WHERE submit_key = '" + key + "'");
            if (!in_doubt.contains(key)) {
                EXPECT_EQ(there, accepted.contains(key) ? 1 : 0) << key;
            }
        }
        expect_sound(after + "/rgrid.db");
        if (HasFailure()) break;
    }
}

// A store that cannot be made or opened says so, and is opened when it can be: nothing half made is in the way.
TEST_P(FaultTest, opening_on_a_failing_disk_says_so_and_can_be_repeated) {
    bool hit = true;
    for (std::int64_t first = 1; hit; first += first < 10 ? 1 : 4) {
        SCOPED_TRACE(std::string{fault.name} + " " + span.name + ", from step " + std::to_string(first));
        testing::TempFolder place;
        Settings const settings{.path = place / "rgrid.db"};
        hit = false;
        for (bool const again : {false, true}) {
            Failing const failing{disk, fault, first, span.steps};
            auto const store = Store::open(settings, FleetId{"blue"}, clock);
            if (!store) {
                EXPECT_EQ(store.error().code, Errc::retry_later) << again << store.error().message;
                EXPECT_NE(store.error().message.find(settings.path), std::string::npos) << store.error().message;
            }
            hit = hit || failing.hit();
        }
        auto const store = Store::open(settings, FleetId{"blue"}, clock);
        ASSERT_TRUE(store) << store.error().message;
        EXPECT_TRUE((*store)->submit({}, {a_job()}));
        expect_sound(settings.path);
    }
}

// A transaction so large that the journal's index has to grow when it is committed: by then its frames are written.
TEST(Fault, a_journal_index_that_cannot_grow_is_survived) {
    testing::TempFolder folder;
    memory::ManualClock clock;
    Disk disk;
    auto const path = folder / "rgrid.db";
    auto const store = Store::open({.path = path}, FleetId{"blue"}, clock).value();
    std::vector<JobSpec> const large(200, a_job().env("A", std::string(100'000, 'x')));
    disk.judge([](DiskStep const& step) { return step.action == DiskAction::map ? SQLITE_IOERR_SHMSIZE : SQLITE_OK; });

    auto const answer = store->submit({}, large);
    disk.judge({});

    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::in_doubt) << answer.error().message;
    EXPECT_EQ(store->counts({}).value().accepted, 0);
    EXPECT_TRUE(store->submit({}, large));
    EXPECT_EQ(store->counts({}).value().accepted, 200);
    expect_sound(path);
}

// Its caller leaves, and only later the disk says that all was written.
TEST(Fault, a_commit_that_has_not_ended_at_the_deadline_is_in_doubt) {
    testing::TempFolder folder;
    memory::ManualClock clock;
    Disk disk;
    auto const path = folder / "rgrid.db";
    auto const store = Store::open({.path = path}, FleetId{"blue"}, clock).value();
    std::promise<void> caller_left;
    disk.judge([&, left = caller_left.get_future().share()](DiskStep const& step) {
        if (step.action != DiskAction::sync) return SQLITE_OK;
        clock.advance(5s);
        left.wait_for(10s);  // Longer only if the test has failed already.
        return SQLITE_OK;
    });

    auto const answer = store->submit({clock.steady_now() + 5s, {}}, {a_job()});
    caller_left.set_value();
    disk.judge({});

    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::in_doubt) << answer.error().message;
    EXPECT_NE(answer.error().message.find(path), std::string::npos) << answer.error().message;
    EXPECT_TRUE(eventually([&] { return store->counts({}).value().accepted == 1; })) << "it was done after all";
}

INSTANTIATE_TEST_SUITE_P(Sqlite, FaultTest, ::testing::Combine(::testing::ValuesIn(faults), ::testing::ValuesIn(spans)),
                         [](auto const& one) {
                             return std::string{std::get<0>(one.param).name} + "_" + std::get<1>(one.param).name;
                         });

}  // namespace
}  // namespace rgrid::sqlite
