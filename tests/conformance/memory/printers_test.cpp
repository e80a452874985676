#include <gtest/gtest.h>

#include <rgrid/model/demand.hpp>
#include <rgrid/testing/builders.hpp>
#include <rgrid/testing/printers.hpp>

namespace rgrid::testing {
namespace {

// A failing comparison has to be readable, or nobody reads it.
TEST(Printers, values_are_printed_in_words) {
    using ::testing::PrintToString;

    EXPECT_EQ(PrintToString(WorkerId{"w"}), "\"w\"");
    EXPECT_EQ(PrintToString(JobId{7}), "7");
    EXPECT_EQ(PrintToString(JobState::queued), "queued");
    EXPECT_EQ(PrintToString(Secret{"hidden"}), "***");
    EXPECT_EQ(PrintToString(WaitingJob{JobId{7}, PoolName{"p"}, 2, 90s}),
              "{job: 7, pool: \"p\", slots: 2, waited: 90s, runtime: \"\"}");
    EXPECT_EQ(PrintToString(std::vector{BeatMark{Incarnation{1}, BeatCount{2}}}), "{ {incarnation: 1, beat: 2} }");
}

TEST(Builders, say_what_they_build) {
    JobSpec const job = a_job().command({"a", "b"}).slots(2).env("A", "1");
    Session const session = a_session("w").busy(2).silent_for(5s);
    Intent const intent = an_intent("s").create(CreateState::in_doubt);
    Server const server = a_server("s").age(1h);

    EXPECT_EQ(job.command, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(job.env.at("A"), "1");
    EXPECT_EQ(session.server, ServerName{"w"});
    EXPECT_EQ(session.busy_slots, 2);
    EXPECT_EQ(intent.server_id, std::nullopt) << "the provider has named nothing yet";
    EXPECT_EQ(server.age, Duration{1h});
}

}  // namespace
}  // namespace rgrid::testing
