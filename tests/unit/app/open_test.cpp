#include "app/open.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <rgrid/adapters/system/clock.hpp>

#include "app/self.hpp"

namespace rgrid::app {
namespace {
namespace fs = std::filesystem;

class Open : public ::testing::Test {
protected:
    Open() {
        auto pattern = (fs::temp_directory_path() / "rgrid-open-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
    }
    ~Open() override { fs::remove_all(folder_); }

    LoadedSettings settings(std::string const& home) {
        return load_settings({.config = {}, .home = home}, [](std::string const&) { return std::nullopt; });
    }

    SystemClock clock_;
    fs::path folder_;
};

TEST_F(Open, A_client_gets_store_and_files_in_a_home_that_is_made_for_its_owner_only) {
    auto const home = folder_ / "deep" / "home";

    auto ports = open_ports(settings(home), clock_, Role::client);

    ASSERT_TRUE(ports.has_value()) << ports.error().message;
    EXPECT_EQ(fs::status(home).permissions() & fs::perms::all, fs::perms::owner_all);
    EXPECT_TRUE(ports->jobs->counts(call_within(clock_, 5s)).has_value());
    EXPECT_TRUE(ports->files->list(call_within(clock_, 5s), "").has_value());
    EXPECT_EQ(ports->cloud, nullptr);
    EXPECT_EQ(ports->executor, nullptr);
}

TEST_F(Open, A_home_that_cannot_be_made_is_named) {
    std::ofstream{folder_ / "file"} << "in the way";

    auto const ports = open_ports(settings(folder_ / "file" / "home"), clock_, Role::client);

    ASSERT_TRUE(ports.has_error());
    EXPECT_NE(ports.error().message.find("cannot make the folder '" + (folder_ / "file" / "home").string() + "'"),
              std::string::npos)
        << ports.error().message;
}

// The programs lie beside each other and not beside this test.
TEST_F(Open, A_controller_without_the_other_programs_says_which_one_is_missing_and_where_it_was_looked_for) {
    ::setenv("PATH", folder_.c_str(), 1);

    auto const ports = open_ports(settings(folder_ / "home"), clock_, Role::controller);

    ASSERT_TRUE(ports.has_error());
    EXPECT_EQ(ports.error().code, Errc::not_found);
    EXPECT_EQ(ports.error().message.rfind("cannot find the program 'rgrid-keeper': it is neither in ", 0), 0u)
        << ports.error().message;
}

TEST_F(Open, A_program_is_found_in_the_path) {
    auto const program = folder_ / "rgrid-keeper";
    std::ofstream{program} << "#!/bin/sh\n";
    fs::permissions(program, fs::perms::owner_all);
    ::setenv("PATH", ("/nonexistent:" + folder_.string()).c_str(), 1);

    EXPECT_EQ(*find_program("rgrid-keeper"), program.string());
}

TEST(Self, No_two_runs_have_the_same_name) {
    EXPECT_NE(unique_run_name(), unique_run_name());
    EXPECT_EQ(readable_run_name(unique_run_name()), process_name());
}

}  // namespace
}  // namespace rgrid::app
