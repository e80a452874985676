#include <gtest/gtest.h>

#include <rgrid/model/boot_report.hpp>

namespace rgrid {
namespace {

TEST(BootReport, The_first_line_says_the_stage_or_the_step_that_failed) {
    EXPECT_EQ(read_boot_report("rgrid-boot: stage=installing\nReading...\n"),
              (BootReport{"installing", "", "Reading...\n", {}}));
    EXPECT_EQ(read_boot_report("rgrid-boot: failed=docker\r\nE: gone"), (BootReport{"", "docker", "E: gone", {}}));
    EXPECT_EQ(read_boot_report("rgrid-boot: stage=started"), (BootReport{"started", "", "", {}}));
    EXPECT_EQ(read_boot_report("rgrid-boot: stage=failed at=installing status=100 reason=apt-get\nE: gone"),
              (BootReport{"", "at=installing status=100 reason=apt-get", "E: gone", {}}));
    for (auto const* text : {"rgrid-boot: failed=", "rgrid-boot: stage=failed", "rgrid-boot: stage=failed "})
        EXPECT_EQ(read_boot_report(text), (BootReport{"", "an unknown step", "", {}})) << "a failure all the same";
    EXPECT_EQ(read_boot_report("rgrid-boot: stage=images pulled=3 failed=0\n").failed, "");
}

TEST(BootReport, Without_such_a_line_all_of_it_is_log) {
    for (std::string const text : {"", "came up\n", "rgrid-boot: whatever\nx", " rgrid-boot: failed=x"})
        EXPECT_EQ(read_boot_report(text), (BootReport{"", "", text, {}})) << text;
}

TEST(BootReport, Of_a_long_log_the_end_is_kept_and_of_a_long_name_the_beginning) {
    auto const report = read_boot_report("rgrid-boot: failed=" + std::string(5000, 'n') + "\n" + std::string(9000, 'x') +
                                         "\xC3\xA9\n");
    EXPECT_EQ(report.failed, std::string(300, 'n'));
    EXPECT_EQ(report.text.size(), boot_text_limit);
    EXPECT_TRUE(report.text.ends_with("x\xC3\xA9\n"));
}

TEST(BootReport, Whatever_a_server_sends_is_text_that_can_be_kept) {
    auto const report = read_boot_report("rgrid-boot: stage=\x01\xFF\n\xFF\xFE ok");
    EXPECT_EQ(report.stage, "\\x01\\xff");
    EXPECT_EQ(report.text, "?? ok");
    // Cut in the middle of a character.
    EXPECT_TRUE(is_utf8(bounded({"", "", "y" + std::string(2048, 'x') + [] {
                                     std::string text;
                                     for (int i = 0; i < 1500; ++i) text += "\xC3\xA9";
                                     return text;
                                 }() + "z", {}}).text));
}

}  // namespace
}  // namespace rgrid
