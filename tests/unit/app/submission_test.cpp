#include "app/submission.hpp"

#include <gtest/gtest.h>

namespace rgrid::app {
namespace {

using Command = std::vector<std::string>;

TEST(Submission, A_file_keeps_its_relative_path_as_long_as_that_stays_inside) {
    EXPECT_EQ(staged_path("data/a.csv"), "data/a.csv");
    EXPECT_EQ(staged_path("./data//a.csv"), "data/a.csv");
    EXPECT_EQ(staged_path("../data/a.csv"), "a.csv");
    EXPECT_EQ(staged_path("/srv/data/a.csv"), "a.csv");
}

TEST(Submission, The_ending_says_how_a_script_is_run) {
    EXPECT_EQ(*script_command({"a.py", false, ""}, ""), (Command{"python3", "a.py"}));
    EXPECT_EQ(*script_command({"a.js", false, ""}, ""), (Command{"node", "a.js"}));
    EXPECT_EQ(*script_command({"a.sh", true, "#!/bin/sh"}, ""), (Command{"sh", "a.sh"}));
    EXPECT_EQ(*script_command({"a.sh", true, "#!/usr/bin/env bash"}, ""), (Command{"bash", "a.sh"}));
}

TEST(Submission, Otherwise_it_is_run_directly_if_it_can_be) {
    EXPECT_EQ(*script_command({"bin/tool", true, ""}, ""), Command{"./bin/tool"});
    EXPECT_EQ(*script_command({"tool", false, "#!/usr/bin/perl"}, ""), Command{"./tool"});
    EXPECT_EQ(script_command({"notes.txt", false, "hello"}, "").error().message,
              "cannot tell how to run 'notes.txt': expected a name that ends in .py, .js, .sh or .bash, an executable "
              "file, or a first line that begins with #!");
}

TEST(Submission, A_runtime_outranks_the_ending) {
    EXPECT_EQ(*script_command({"main", false, ""}, "python:3.11"), (Command{"python3", "main"}));
    EXPECT_EQ(*script_command({"main", false, ""}, "node:20"), (Command{"node", "main"}));
}

TEST(Submission, Placeholders_stand_for_the_file_and_other_braces_for_themselves) {
    auto const file = batch_file("data/part.1.csv");
    EXPECT_EQ(fill_in("{} {name} {stem} {other} {", file), "data/part.1.csv part.1.csv part.1 {other} {");
    EXPECT_EQ(fill_in("{}", BatchFile{"{stem}", "n", "s"}), "{stem}");
}

TEST(Submission, An_environment_variable_is_a_name_and_a_value) {
    EXPECT_EQ(*parse_env("A=b=c"), (std::pair<std::string, std::string>{"A", "b=c"}));
    EXPECT_EQ(parse_env("A=")->second, "");
    EXPECT_EQ(parse_env("A").error().message, "environment variable 'A' has no name and value; expected NAME=VALUE");
    EXPECT_TRUE(parse_env("=b").has_error());
}

TEST(Submission, A_glob_finds_files_in_order_and_says_when_there_are_none) {
    std::string const folder = std::string{RGRID_SOURCE_DIR} + "/include/rgrid/";
    auto const files = glob_files(folder + "base/m*.hpp");
    ASSERT_TRUE(files.has_value());
    EXPECT_EQ(*files, Command{folder + "base/money.hpp"});
    EXPECT_TRUE(glob_files(std::string{RGRID_SOURCE_DIR} + "/include/*").has_error()) << "folders are no files";
    EXPECT_NE(glob_files(folder + "base/*.txt").error().message.find("no file matches"), std::string::npos);
}

}  // namespace
}  // namespace rgrid::app
