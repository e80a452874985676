#include "app/cloud_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <rgrid/adapters/memory/manual_clock.hpp>

namespace rgrid::app {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CloudReportTest : public ::testing::Test {
protected:
    /// What is told when an hour has passed, or at the start.
    std::vector<std::string> told_next() {
        told.clear();
        report.look_if_due(at_once);
        clock.advance(1h);
        return told;
    }

    CloudReport::Post at_once = [](std::function<void()> const& work) { work(); };
    memory::ManualClock clock;
    std::vector<std::string> there;
    std::vector<std::string> told;
    int looks = 0;
    CloudReport report{[this](Call const&) { return ++looks, there; },
                       [this](std::string const& text) { told.push_back(text); }, clock};
};

TEST_F(CloudReportTest, tells_each_text_once) {
    there = {"an address", "a volume"};
    EXPECT_THAT(told_next(), ElementsAre("a volume", "an address"));
    EXPECT_THAT(told_next(), IsEmpty());
    there.push_back("another address");
    EXPECT_THAT(told_next(), ElementsAre("another address"));
    there.clear();
    EXPECT_THAT(told_next(), IsEmpty());
    there = {"a volume"};
    EXPECT_THAT(told_next(), ElementsAre("a volume")) << "it was away";
}

TEST_F(CloudReportTest, looks_at_the_start_and_once_an_hour) {
    report.look_if_due(at_once);
    clock.advance(59min);
    report.look_if_due(at_once);
    EXPECT_EQ(looks, 1);
    clock.advance(1min);
    report.look_if_due(at_once);
    report.look_if_due(at_once);
    EXPECT_EQ(looks, 2);
}

TEST_F(CloudReportTest, ends_without_another_look) {
    std::function<void()> posted;
    there = {"an address"};
    report.look_if_due([&](std::function<void()> work) { posted = std::move(work); });
    report.stop();
    posted();
    clock.advance(2h);
    report.look_if_due(at_once);
    EXPECT_EQ(looks, 0);
    EXPECT_THAT(told, IsEmpty());
}

}  // namespace
}  // namespace rgrid::app
