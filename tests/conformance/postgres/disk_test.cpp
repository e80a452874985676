#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <rgrid/testing/builders.hpp>

#include "../../support/small_disk.hpp"
#include "faults.hpp"

namespace rgrid::postgres {
namespace {

using rgrid::testing::on_a_small_disk;
using rgrid::testing::SmallDisk;
using ::testing::AnyOf;
using ::testing::HasSubstr;

/// The server has to own what it writes to.
void give_to(PostgresServer const& server, std::string const& path) {
    struct stat whose{};
    ASSERT_EQ(::stat(server.folder().c_str(), &whose), 0);
    ASSERT_EQ(::lchown(path.c_str(), whose.st_uid, whose.st_gid), 0) << path;
}

/// Something that no compression makes small.
std::string noise(std::size_t size) {
    static std::minstd_rand random{7};
    std::string text(size, ' ');
    for (auto& character : text) character = "abcdefghijklmnopqrstuvwxyz0123456789"[random() % 36];
    return text;
}

class DiskFaultTest : public ::testing::Test {
protected:
    std::unique_ptr<Store> open(Database const& database) {
        auto settings = database.settings();
        settings.listen = false;
        make_schema(settings);
        return Store::open(patient(), settings, FleetId{"blue"}, clock).value();
    }

    Call patient() { return call_within(clock, 30s); }

    rgrid::testing::TempFolder folder;
    SystemClock clock;
};

// What is only changed in its place goes on; what needs space is refused as a whole, in words, and all goes on once there
// is space.
TEST_F(DiskFaultTest, a_database_whose_disk_is_full_takes_no_half_of_anything) {
    auto const problem = on_a_small_disk(folder.path(), "32m", [&](SmallDisk& disk) {
        PostgresServer server;
        give_to(server, disk.folder());
        auto const database = server.database();
        Sql{server.url()}.run("CREATE TABLESPACE small LOCATION '" + disk.folder() + "'");
        Sql{server.url()}.run("ALTER DATABASE " + database->name() + " SET TABLESPACE small");
        auto const store = open(*database);
        WorkerId const worker{"w"};
        auto const incarnation =
            store->register_worker(patient(), {worker, ServerName{"w"}, PoolName{"default"}, 1000, ""})
                .value()
                .incarnation;
        std::int64_t accepted = 0, refused = 0, succeeded = 0;
        for (int round = 0; round < 3; ++round) {
            disk.fill();
            for (int i = 0; i < 20; ++i) {
                // Two at once: either both are there or none.
                auto const answer = store->submit(patient(), std::vector<JobSpec>(2, testing::a_job().env("A", noise(20'000))));
                if (answer) accepted += 2;
                else {
                    ++refused;
                    EXPECT_EQ(answer.error().code, Errc::retry_later);
                    EXPECT_THAT(answer.error().message, HasSubstr("the server's disk is full"));
                    EXPECT_THAT(answer.error().message, HasSubstr("53100"));
                }
                EXPECT_EQ(store->counts(patient()).value().accepted, accepted);
            }
            EXPECT_TRUE(store->beat(patient(), worker, incarnation, {}, false));
            disk.relieve();
            EXPECT_TRUE(store->submit(patient(), {testing::a_job()}));
            ++accepted;
            std::vector<Completion> done;
            for (auto const& lease : store->claim(patient(), worker, incarnation, {}, 1000).value())
                done.push_back({lease.job, lease.epoch, Outcome::succeeded, 0, {}, {}});
            for (auto const verdict : store->complete(patient(), worker, incarnation, done).value())
                succeeded += verdict == Verdict::accepted ? 1 : 0;
        }
        EXPECT_GT(refused, 0);
        auto const counts = store->counts(patient()).value();
        EXPECT_EQ(counts.accepted, accepted);
        EXPECT_EQ(counts.succeeded, succeeded);
        EXPECT_EQ(counts.succeeded, accepted);
        Sql sql{database->url()};
        EXPECT_EQ(damage(sql), "");
        server.kill();  // To drop the database would take longer.
    });
    if (!problem.empty()) GTEST_SKIP() << problem;
}

/// Puts the write-ahead log of a server that is stopped onto a disk of its own.
void move_log(PostgresServer const& server, std::string const& to) {
    namespace fs = std::filesystem;
    fs::path const from = server.folder() + "/data/pg_wal";
    fs::copy(from, to, fs::copy_options::recursive);
    fs::remove_all(from);
    fs::create_directory_symlink(to, from);
    give_to(server, to);
    give_to(server, from);
    for (auto const& entry : fs::recursive_directory_iterator{to}) give_to(server, entry.path());
}

// The server ends itself then.
TEST_F(DiskFaultTest, a_server_whose_log_finds_no_space_keeps_what_it_has_said) {
    auto const problem = on_a_small_disk(folder.path(), "64m", [&](SmallDisk& disk) {
        PostgresServer server{Durability::none, {"min_wal_size=32MB", "max_wal_size=32MB"}};
        server.stop();
        move_log(server, disk.folder() + "/pg_wal");
        server.start();
        auto const database = server.database();
        auto const store = open(*database);
        Bustle bustle{*store};
        ASSERT_TRUE(eventually([&] { return bustle.batches > 5 && bustle.reports > 3; }));
        disk.fill();
        ASSERT_TRUE(eventually([&] {
            try {
                Sql{server.url()}.run("SELECT pg_switch_wal()");
            } catch (std::exception const&) {
                // That it comes to this is what is waited for.
            }
            return read_log(server).find("PANIC:") != std::string::npos;
        }));
        EXPECT_THAT(read_log(server), HasSubstr("No space left on device"));
        auto const away = store->submit(call_within(clock, 2s), {testing::a_job()});
        if (!away) {
            EXPECT_THAT(away.error().code, AnyOf(Errc::retry_later, Errc::in_doubt)) << away.error().message;
        }
        auto const before = bustle.batches.load();
        disk.relieve();
        server.start();
        ASSERT_TRUE(eventually([&] { return bustle.batches > before + 2; })) << "they go on by themselves";
        bustle.stop();

        Sql sql{database->url()};
        bustle.expect_kept(sql);
        server.kill();
    });
    if (!problem.empty()) GTEST_SKIP() << problem;
}

}  // namespace
}  // namespace rgrid::postgres
