#include "app/settings.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <rgrid/config/json_text.hpp>
#include <rgrid/config/toml.hpp>

namespace rgrid::app {
namespace {

namespace fs = std::filesystem;

/// A folder that goes with the test, with a home in it that does not exist, and an environment of its own.
class SettingsTest : public ::testing::Test {
protected:
    SettingsTest() {
        auto name = (fs::temp_directory_path() / "rgrid-settings-XXXXXX").string();
        folder = fs::canonical(mkdtemp(name.data()));
        variables["HOME"] = (folder / "user").string();
    }
    ~SettingsTest() override { fs::remove_all(folder); }

    fs::path write(std::string const& name, std::string const& text) const {
        fs::create_directories((folder / name).parent_path());
        std::ofstream{folder / name} << text;
        return folder / name;
    }

    LoadedSettings load(SettingsSource const& source = {}) const {
        return load_settings(source, [this](std::string const& name) -> std::optional<std::string> {
            auto const found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional{found->second};
        });
    }

    LoadedSettings load_text(std::string const& text) const { return load({.config = write("conf/x.toml", text)}); }

    fs::path folder;
    std::map<std::string, std::string> variables;
};

// On an empty machine everything lives in the home folder and nothing has to be set up.
TEST_F(SettingsTest, WithoutAFileTheDefaultsHold) {
    auto const loaded = load();
    EXPECT_TRUE(loaded.problems.empty()) << to_text(loaded.problems);
    auto const home = (folder / "user/.local/state/rgrid").string();
    EXPECT_EQ(loaded.home, home);
    EXPECT_EQ(loaded.file, std::nullopt);
    EXPECT_EQ(loaded.settings.store.url, "sqlite:" + home + "/rgrid.db");
    EXPECT_EQ(loaded.settings.files.url, "file:" + home + "/files");
    EXPECT_EQ(loaded.settings.fleet.decision_log, home + "/decisions.jsonl");
    EXPECT_EQ(loaded.settings.worker.folder, home + "/work");
    ASSERT_TRUE(loaded.settings.cloud.process.has_value());
    EXPECT_EQ(loaded.settings.cloud.process->folder, home + "/servers");
    EXPECT_EQ(loaded.settings.pool, (std::map<PoolName, PoolParams>{{PoolName{"default"}, {}}}));
    EXPECT_FALSE(fs::exists(home)) << "reading the configuration creates nothing";
}

TEST_F(SettingsTest, TheHomeFolderIsFoundInTheOrderThatIsPromised) {
    EXPECT_EQ(load().home, folder / "user/.local/state/rgrid");
    variables["XDG_STATE_HOME"] = (folder / "state").string();
    EXPECT_EQ(load().home, folder / "state/rgrid");
    variables["RGRID_HOME"] = (folder / "grid").string();
    EXPECT_EQ(load().home, folder / "grid");
    EXPECT_EQ(load({.home = (folder / "here").string()}).home, folder / "here");
    variables.clear();
    EXPECT_EQ(to_text(load().problems), "home: no home folder: set RGRID_HOME or HOME, or give --home");
}

TEST_F(SettingsTest, TheFileIsFoundInTheOrderThatIsPromised) {
    variables["RGRID_HOME"] = (folder / "grid").string();
    write("grid/rgrid.toml", "fleet.name = 'of-home'");
    EXPECT_EQ(load().settings.fleet.name, FleetId{"of-home"});
    EXPECT_EQ(load().file, folder / "grid/rgrid.toml");
    variables["RGRID_CONFIG"] = write("env.toml", "fleet.name = 'of-environment'");
    EXPECT_EQ(load().settings.fleet.name, FleetId{"of-environment"});
    EXPECT_EQ(load({.home = (folder / "grid").string()}).settings.fleet.name, FleetId{"of-home"})
        << "a home that is named on the command line brings its file";
    auto const named = write("named.toml", "fleet.name = 'of-option'").string();
    EXPECT_EQ(load({.config = named, .home = (folder / "grid").string()}).settings.fleet.name, FleetId{"of-option"});
}

TEST_F(SettingsTest, AFileThatWasNamedHasToBeThere) {
    auto const path = (folder / "nope.toml").string();
    EXPECT_EQ(to_text(load({.config = path}).problems), path + ": there is no such file (named by --config)");
    variables["RGRID_CONFIG"] = folder.string();
    EXPECT_EQ(to_text(load().problems), folder.string() + ": not a file (named by RGRID_CONFIG)");
}

TEST_F(SettingsTest, ASyntaxErrorHasLineAndColumn) {
    auto const problems = load_text("[fleet]\nname = \"a\"\ninterval = = 3\n").problems;
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(to_text(problems).find((folder / "conf/x.toml").string() + ":3:12: "), 0U) << to_text(problems);
}

TEST_F(SettingsTest, RelativePlacesAreRelativeToTheFile) {
    auto const loaded = load_text(R"(
        store.url = "sqlite:../data/my.db"
        files.url = "file:files"
        fleet.decision_log = "log.jsonl"
        worker.folder = "/abs/work"
        cloud.process.folder = "servers"
    )");
    EXPECT_TRUE(loaded.problems.empty()) << to_text(loaded.problems);
    EXPECT_EQ(loaded.settings.store.url, "sqlite:" + (folder / "data/my.db").string());
    EXPECT_EQ(loaded.settings.files.url, "file:" + (folder / "conf/files").string());
    EXPECT_EQ(loaded.settings.fleet.decision_log, folder / "conf/log.jsonl");
    EXPECT_EQ(loaded.settings.worker.folder, "/abs/work");
    EXPECT_EQ(loaded.settings.cloud.process->folder, folder / "conf/servers");
}

TEST_F(SettingsTest, PlacesArePathsBehindAScheme) {
    EXPECT_EQ(place_path("sqlite:/a/b.db"), "/a/b.db");
    EXPECT_EQ(place_path("file:rel"), "rel");
    EXPECT_EQ(place_path("file:///a/b"), "/a/b");
    EXPECT_EQ(place_path("/a"), "/a");
}

TEST_F(SettingsTest, TheEnvironmentStandsAboveTheFileButDatabaseUrlBelowIt) {
    variables["DATABASE_URL"] = "sqlite:/database.db";
    EXPECT_EQ(load_text("").settings.store.url, "sqlite:/database.db");
    EXPECT_EQ(load_text("store.url = 'sqlite:/file.db'").settings.store.url, "sqlite:/file.db");
    variables["RGRID_STORE_URL"] = "sqlite:/variable.db";
    variables["RGRID_FLEET"] = "blue";
    variables["RGRID_FILES_URL"] = "file:/files";
    variables["RGRID_LOG_LEVEL"] = "debug";
    variables["RGRID_LOG_FORMAT"] = "json";
    auto const settings = load_text("store.url = 'sqlite:/file.db'\nlog.level = 'error'").settings;
    EXPECT_EQ(settings.store.url, "sqlite:/variable.db");
    EXPECT_EQ(settings.fleet.name, FleetId{"blue"});
    EXPECT_EQ(settings.files.url, "file:/files");
    EXPECT_EQ(settings.log.level, Severity::debug);
    EXPECT_EQ(settings.log.format, LogFormat::json);
}

TEST_F(SettingsTest, ARelativePlaceInTheEnvironmentIsRelativeToTheCurrentFolder) {
    variables["RGRID_STORE_URL"] = "sqlite:x.db";
    EXPECT_EQ(load_text("").settings.store.url, "sqlite:" + (fs::current_path() / "x.db").string());
}

TEST_F(SettingsTest, AProblemOfTheEnvironmentNamesTheVariable) {
    variables["RGRID_LOG_LEVEL"] = "loud";
    EXPECT_EQ(to_text(load_text("").problems),
              "log.level: found \"loud\", expected one of 'debug', 'info', 'warning', 'error'; "
              "taken from the environment variable RGRID_LOG_LEVEL");
}

TEST_F(SettingsTest, APasswordInAUrlIsNotShown) {
    variables["DATABASE_URL"] = "mysql://user:hunter2@host/db";
    auto const text = to_text(load_text("").problems);
    EXPECT_EQ(text, "store.url: found \"mysql:***\", expected \"sqlite:FILE\" or "
                    "\"postgresql://USER@HOST/DATABASE\"; taken from the environment variable DATABASE_URL");
    variables["DATABASE_URL"] = "user:hunter2@host/db";
    EXPECT_EQ(to_text(load_text("").problems).find("hunter2"), std::string::npos);
}

TEST_F(SettingsTest, A_database_is_taken_with_its_password_apart_so_that_the_address_can_be_shown) {
    struct Case {
        char const* given;
        char const* url;
        char const* password;
    };
    for (auto const& [given, url, password] :
         {Case{"postgresql://anna@db.example:5432/jobs?sslmode=verify-full",
               "postgresql://anna@db.example:5432/jobs?sslmode=verify-full", ""},
          Case{"postgres://anna:hunter%402%25@h1,h2/jobs", "postgres://anna@h1,h2/jobs", "hunter@2%"},
          Case{"postgresql:///jobs?password=hunter2&host=/run/x", "postgresql:///jobs?host=/run/x", "hunter2"},
          Case{"postgresql://h?port=1&pass%77ord=hunter2", "postgresql://h?port=1", "hunter2"},
          Case{"postgresql://", "postgresql://", ""}}) {
        variables["DATABASE_URL"] = given;
        auto const loaded = load_text("");
        EXPECT_EQ(to_text(loaded.problems), "") << given;
        EXPECT_EQ(loaded.settings.store.url, url);
        ASSERT_TRUE(loaded.settings.store.postgres.has_value());
        EXPECT_EQ(loaded.settings.store.postgres->password.reveal(), password);
        EXPECT_FALSE(loaded.settings.store.synchronous.has_value());
    }
}

TEST_F(SettingsTest, An_address_in_which_a_password_cannot_be_told_apart_is_refused_and_not_shown) {
    for (char const* url : {"postgresql://anna:hunter2@x@host/db", "postgresql://anna:hun/ter2@host/db",
                            "postgresql://anna:hunter2%@host/db", "postgresql://host/db?password=hunter2%x",
                            "postgresql://host/db?sslpassword=hunter2", "postgresql://host/db?a=hunter2@x"}) {
        auto const problems = load_text(std::string{"store.url = '"} + url + "'").problems;
        EXPECT_TRUE(problems.names("store.url")) << url;
        EXPECT_EQ(to_text(problems).find("ter2"), std::string::npos) << to_text(problems);
        EXPECT_EQ(problems.size(), 1U);
    }
}

TEST_F(SettingsTest, An_address_that_cannot_be_read_is_refused_before_anybody_connects) {
    auto const text = to_text(load_text("store.url = 'postgresql://host/db?sslmod=require'").problems);
    EXPECT_EQ(text.substr(0, text.find('(')), "store.url: the address of the PostgreSQL database cannot be read ");
}

TEST_F(SettingsTest, A_database_password_comes_from_one_place) {
    variables["SECRET"] = "hunter2";
    auto const settings = [](char const* url) {
        return std::string{"store.url = '"} + url + "'\nstore.postgres.password = 'env:SECRET'";
    };
    EXPECT_EQ(load_text(settings("postgresql://anna@host/db")).settings.store.postgres->password.reveal(), "hunter2");
    EXPECT_EQ(to_text(load_text(settings("postgresql://anna:other@host/db")).problems),
              "store.postgres.password: found a second password, expected one, either here or in store.url");
}

TEST_F(SettingsTest, What_only_the_other_store_has_is_refused) {
    EXPECT_EQ(to_text(load_text("store.postgres.listen = false").problems),
              "store.postgres: found settings, expected none, since store.url names no PostgreSQL database");
    EXPECT_EQ(to_text(load_text("store.url = 'postgresql://h/d'\nstore.synchronous = 'full'").problems),
              "store.synchronous: found a value, expected none, since store.url names a PostgreSQL database, which has a "
              "setting of its own (synchronous_commit)");
}

TEST_F(SettingsTest, AStoreThatAgentsCannotOpenIsRefused) {
    for (char const* url : {"memory:", "memory:x", "sqlite::memory:"})
        EXPECT_NE(to_text(load_text(std::string{"store.url = '"} + url + "'").problems).find("store in memory"),
                  std::string::npos)
            << url;
    for (char const* url : {"sqlite:", "rgrid.db", "sqlite:///a.db", "mysql:x"})
        EXPECT_TRUE(load_text(std::string{"store.url = '"} + url + "'").problems.names("store.url")) << url;
    for (char const* url : {"file:", "s3:x", "file://host/x"})
        EXPECT_TRUE(load_text(std::string{"files.url = '"} + url + "'").problems.names("files.url")) << url;
    variables["RGRID_STORE_URL"] = "sqlite:";
    EXPECT_TRUE(load_text("").problems.names("store.url")) << "not the current folder";
    variables.erase("RGRID_STORE_URL");
    EXPECT_TRUE(load_text("files.url = 'file:///x'").problems.empty());
}

// A user sees everything that is wrong at once, each with its place, not one mistake an attempt.
TEST_F(SettingsTest, TenMistakesAreTenLines) {
    auto const problems = load_text(R"(
        [fleet]
        name = "My Fleet"
        intervall = "30s"

        [store]
        url = "memory:"
        synchronous = "fast"

        [worker]
        poll = 1

        [cloud.process]
        boot_delay = "2d"

        [pool.default]
        slots = 0

        [pool.default.scaling]
        max_workers = "ten"

        [pool.default.health]
        heartbeat = "60s"
        lost_after = "2m"

        [pool.big.placement]
        offers = ["local@her"]
    )").problems;
    EXPECT_EQ(to_text(problems),
              "fleet.intervall: unknown setting; did you mean 'interval'?\n"
              "store.synchronous: found \"fast\", expected one of 'full', 'normal'\n"
              "worker.poll: found 1, expected a duration from 10ms to 10m\n"
              "cloud.process.boot_delay: found \"2d\", expected a duration from 0s to 1h\n"
              "pool.default.slots: found 0, expected a whole number from 1 to 1024\n"
              "pool.default.scaling.max_workers: found \"ten\", expected a whole number from 0 to 10000\n"
              "fleet.name: found \"My Fleet\", expected a name of at most 40 small letters, digits and dashes, with no "
              "dash at its ends\n"
              "store.url: found \"memory:\", expected \"sqlite:FILE\" or \"postgresql://USER@HOST/DATABASE\"; agents are "
              "processes of their own and could not see a store in memory\n"
              "pool.big.placement.offers[0]: found \"local@her\", expected one of 'local@here'; did you mean "
              "'local@here'?\n"
              "pool.default.health.lost_after: found \"2m\", expected at least \"3m\", three heartbeats");
    EXPECT_EQ(problems.size(), 10U);
}

TEST_F(SettingsTest, WhatSettingsSayOfEachOtherIsChecked) {
    EXPECT_EQ(to_text(load_text("pool.a.scaling = {min_workers = 3, max_workers = 2}").problems),
              "pool.a.scaling.min_workers: found 3, expected at most max_workers, 2");
    EXPECT_EQ(to_text(load_text("worker.kill_grace = '85s'").problems),
              "pool.default.health.lost_after: found \"2m\", expected at least \"120001ms\", more than heartbeat, "
              "worker.kill_grace and worker.margin together");
    EXPECT_TRUE(load_text("worker.kill_grace = '84999ms'").problems.empty());
    EXPECT_TRUE(load_text("pool.default.health.lost_after = '90s'").problems.empty());
    EXPECT_TRUE(load_text("pool.default.health.lost_after = '89s'").problems.names("pool.default.health.lost_after"));
    EXPECT_EQ(to_text(load_text("cloud.process.offers = []").problems),
              "cloud.process.offers: found no offer, expected at least one");
    EXPECT_EQ(to_text(load_text("[[cloud.process.offers]]\n[[cloud.process.offers]]\n").problems),
              "cloud.process.offers[1]: found \"local@here\", expected an offer that is not there already");
    EXPECT_TRUE(load_text("[pool]").problems.names("pool"));
    EXPECT_TRUE(load_text("pool.Big.slots = 1").problems.names("pool.Big"));
}

TEST_F(SettingsTest, NamingAPoolReplacesTheBuiltInOne) {
    auto const loaded = load_text("pool.gpu.slots = 1");
    EXPECT_EQ(loaded.settings.pool.size(), 1U);
    EXPECT_EQ(loaded.settings.pool.at(PoolName{"gpu"}).slots, 1);
    EXPECT_EQ(loaded.settings.pool.at(PoolName{"gpu"}).scaling, ScalingParams{});
}

TEST_F(SettingsTest, ASectionThatIsNoTableIsAProblem) {
    variables["RGRID_FLEET"] = "blue";
    EXPECT_EQ(to_text(load_text("fleet = 3").problems), "fleet: found 3, expected a table");
}

// What `config show` prints is a configuration that means the same.
TEST_F(SettingsTest, TheEffectiveSettingsCanBeReadAgain) {
    auto const first = load_text(R"(
        [limits]
        spend_per_hour = "1.5 EUR"
        [[cloud.process.offers]]
        type = "small"
        capacity = 3
        [[cloud.process.offers]]
        type = "large"
        price = "0.0128 EUR"
        [pool.default.placement]
        offers = ["large@here", "small@here"]
        [pool.a-b]
        slots = 4
    )");
    ASSERT_TRUE(first.problems.empty()) << to_text(first.problems);
    auto const again = load_text(config::to_toml(first.settings));
    EXPECT_TRUE(again.problems.empty()) << to_text(again.problems);
    EXPECT_EQ(again.settings, first.settings);
    EXPECT_EQ(config::from_json_text<Settings>(config::to_json_text(first.settings)).value(), first.settings);
}


// ------------------------------------------------------------------------------------------------ a cloud

constexpr char const* three_lines = "[cloud.hetzner]\n[gateway]\nurl = 'https://gate.example:8443'\n";

TEST_F(SettingsTest, AFleetInACloudTakesThreeLines) {
    variables["HETZNER_API_TOKEN"] = "a-token";
    variables["RGRID_SSH_KEY_PATH"] = "/keys/id.pub";
    auto const loaded = load_text(three_lines);
    EXPECT_TRUE(loaded.problems.empty()) << to_text(loaded.problems);
    auto const& cloud = loaded.settings.cloud;
    EXPECT_FALSE(cloud.process);
    ASSERT_TRUE(cloud.hetzner);
    EXPECT_EQ(cloud.hetzner->token.reveal(), "a-token");
    EXPECT_EQ(cloud.hetzner->ssh_key, "/keys/id.pub");
    EXPECT_EQ(cloud.hetzner->types, std::vector<std::string>{"cx23"});
    EXPECT_EQ(cloud.hetzner->image, "ubuntu-24.04");
    EXPECT_EQ(config::to_json_text(loaded.settings).find("a-token"), std::string::npos);
}

TEST_F(SettingsTest, TheTokenIsTakenFromEitherOfItsUsualNamesUnlessTheFileHasOne) {
    variables["HCLOUD_TOKEN"] = "usual";
    EXPECT_EQ(load_text(three_lines).settings.cloud.hetzner->token.reveal(), "usual");
    variables["HETZNER_API_TOKEN"] = "ours";
    EXPECT_EQ(load_text(three_lines).settings.cloud.hetzner->token.reveal(), "ours");
    write("conf/token", "written\n");
    auto const own = load_text(std::string{three_lines} + "[cloud.hetzner.x]\n");
    EXPECT_TRUE(own.problems.names("cloud.hetzner.x")) << "an unknown table is a mistake";
    EXPECT_EQ(load_text("[cloud.hetzner]\ntoken = 'file:token'\n[gateway]\nurl = 'https://g:1'\n")
                  .settings.cloud.hetzner->token.reveal(),
              "written");
    variables.clear();
    variables["HOME"] = (folder / "user").string();
    variables["HCLOUD_TOKEN"] = "usual";
    EXPECT_FALSE(load_text("fleet.name = 'a'").settings.cloud.hetzner) << "a token alone rents nothing";
}

TEST_F(SettingsTest, WhatAFleetInACloudNeedsIsNamed) {
    EXPECT_EQ(to_text(load_text("[cloud.hetzner]").problems),
              "cloud.hetzner.token: found none, expected the project's API token: set HETZNER_API_TOKEN, or write "
              "\"file:PATH\"\n"
              "gateway.url: found none, expected where servers in the cloud find the gateway, as \"https://HOST:PORT\"");
    variables["HCLOUD_TOKEN"] = "usual";
    auto const with = [&](std::string const& more) { return to_text(load_text(three_lines + more).problems); };
    EXPECT_EQ(with("[cloud.process]"), "cloud.hetzner: found a second cloud beside cloud.process, expected one");
    EXPECT_EQ(with("[cloud.boot]\nray_head = 'ray:6379'"),
              "cloud.boot.ray_version: found none, expected one, as there is a ray_head");
    EXPECT_EQ(with("[pool.a.placement]\noffers = ['cx23@nbg', 'cx23@hel1']"),
              "pool.a.placement.offers[0]: found \"cx23@nbg\", expected one of 'cx23@nbg1', 'cx23@fsn1', 'cx23@hel1'; did "
              "you mean 'cx23@nbg1'?");
    EXPECT_EQ(with("[fleet]\nname = '" + std::string(40, 'f') + "'\n[pool." + std::string(12, 'p') + "]"),
              "pool.pppppppppppp: found 52 characters together with fleet.name, expected at most 51, since both are in the "
              "servers' host names");
}

}  // namespace
}  // namespace rgrid::app
