#include <gmock/gmock.h>

#include <vector>

#include "adapters/postgres/migrations.hpp"
#include "faults.hpp"

namespace rgrid::postgres {
namespace {

/// All steps of this version, and two as later ones may be: they touch the tables through which every job goes.
std::vector<Migration> with_later_steps() {
    std::vector<Migration> steps{migrations().begin(), migrations().end()};
    auto const number = static_cast<int>(steps.size());
    steps.push_back({number + 1, "jobs and leases have a note",
                     "ALTER TABLE rgrid.job ADD COLUMN note text; ALTER TABLE rgrid.lease ADD COLUMN note text; "
                     "ALTER TABLE rgrid.session ADD COLUMN note text NOT NULL DEFAULT ''"});
    steps.push_back({number + 2, "jobs are found by their note",
                     "CREATE INDEX CONCURRENTLY job_note ON rgrid.job(note)", "rgrid.job_note"});
    return steps;
}

// Programs that opened their store before go on, with the statements that they have prepared. The statements of this
// version are those of the version before as long as they need nothing of the step.
TEST(UpgradeFaultTest, each_step_of_the_schema_is_done_beside_the_statements_of_the_version_before) {
    auto const steps = with_later_steps();
    SystemClock clock;
    auto const patient = [&] { return call_within(clock, std::chrono::seconds{60}); };
    auto const database = PostgresServer::shared().database();
    auto settings = database->settings();
    settings.listen = false;
    migrate(patient(), settings, clock, false, std::span{steps}.first(1)).value();
    Sql sql{database->url()};
    // Opening insists on all steps that this version knows.
    sql.run("INSERT INTO rgrid.migration SELECT generate_series(2, " + std::to_string(migrations().size()) + "), 'later'");
    auto const store = Store::open(patient(), settings, FleetId{"blue"}, clock).value();
    sql.run("DELETE FROM rgrid.migration WHERE number > 1");

    Bustle bustle{*store};
    for (std::size_t count = 2; count <= steps.size(); ++count) {
        auto const batches = bustle.batches.load(), reports = bustle.reports.load();
        ASSERT_TRUE(eventually([&] { return bustle.batches > batches + 3 && bustle.reports > reports + 3; }));
        auto const done = migrate(patient(), settings, clock, false, std::span{steps}.first(count));
        ASSERT_TRUE(done) << done.error().message;
        EXPECT_EQ(done->steps.size(), 1U);
    }
    auto const batches = bustle.batches.load(), reports = bustle.reports.load();
    ASSERT_TRUE(eventually([&] { return bustle.batches > batches + 3 && bustle.reports > reports + 3; }));
    bustle.stop();
    bustle.expect_kept(sql);
    EXPECT_EQ(bustle.doubts, 0);
}

}  // namespace
}  // namespace rgrid::postgres
