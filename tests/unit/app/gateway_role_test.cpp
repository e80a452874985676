#include "app/gateway_role.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <rgrid/adapters/gateway/client.hpp>
#include <rgrid/adapters/http/client.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/config/json_text.hpp>
#include <rgrid/testing/temp_folder.hpp>

#include "remote/agent_settings.hpp"

namespace rgrid::app {
namespace {

class GatewayRoleTest : public ::testing::Test {
protected:
    GatewayRoleTest() {
        std::ofstream{home_ / "rgrid.toml"} << "[gateway]\nlisten = \"127.0.0.1:0\"\n[pool.big]\nslots = 3\n"
                                               "[pool.big.health]\nheartbeat = \"7s\"\nlost_after = \"90s\"\n";
        loaded_ = load_settings({.home = home_.path()}, [](std::string const&) { return std::nullopt; });
        EXPECT_TRUE(loaded_.problems.empty()) << to_text(loaded_.problems);
    }

    SystemClock clock_;
    testing::TempFolder home_;
    LoadedSettings loaded_;
    Log log_{{.json = true, .level = Severity::error}, clock_};
};

/// A gateway whose store knows one server of the pool "big" and one of "late".
class RunningGatewayTest : public GatewayRoleTest {
protected:
    RunningGatewayTest() {
        FleetWrite write;
        for (auto const* pool : {"big", "late"}) {
            Intent intent;
            intent.server = ServerName{worker_of(pool).value};
            intent.pool = PoolName{pool};
            intent.token_hash = gateway::hash_of(Secret{"token"});
            write.intents.push_back(intent);
        }
        write.next_number = 2;
        ports_.fleet->write(call_, ports_.fleet->lead(call_, "test", 1h)->epoch, write).value();
    }

    static WorkerId worker_of(std::string const& pool) { return WorkerId{"default-" + pool + "-1"}; }
    Result<SettingsForAgent> ask(std::string const& pool) {
        auto const text = gateway::read_settings(call_, *link_, worker_of(pool));
        if (!text) return text.error();
        return config::from_json_text<SettingsForAgent>(*text);
    }

    Call const call_ = call_within(clock_, 10s);
    Ports ports_ = open_ports(loaded_, clock_, Role::gateway).value();
    std::unique_ptr<GatewayRole> const role_ = GatewayRole::start(loaded_, ports_, log_, clock_).value();
    std::shared_ptr<gateway::Link> const link_ =
        gateway::make_link({.url = "http://127.0.0.1:" + std::to_string(role_->port()), .token = Secret{"token"}}, clock_)
            .value();
};

// An agent that reckons with other limits than the controller would run on what another has begun.
TEST_F(RunningGatewayTest, tells_an_agent_how_its_pool_is_configured) {
    auto const told = ask("big").value();

    EXPECT_EQ(told.pool, PoolName{"big"});
    EXPECT_EQ(told.slots, 3);
    EXPECT_EQ(told.heartbeat, Duration{7s});
    EXPECT_EQ(told.lost_after, Duration{90s});
    EXPECT_EQ(told.kill_grace, loaded_.settings.worker.kill_grace);
}

// The controller, which may run elsewhere, sees how far a server is and whether its boot has failed.
TEST_F(RunningGatewayTest, keeps_what_a_server_tells_of_its_boot_with_its_intent) {
    auto const client = http::Client::make({.url = "http://127.0.0.1:" + std::to_string(role_->port())}, clock_).value();
    http::Request request{.method = "POST", .target = "/v1/workers/" + worker_of("big").value + "/boot-log"};
    request.headers = {{"Authorization", "Bearer token"}};
    request.body = "rgrid-boot: stage=failed at=installing status=100\nE: no such package\n";

    EXPECT_EQ(client->send(call_, request)->status, 200);

    auto const record = ports_.fleet->load(call_).value();
    for (auto const& intent : record.intents) {
        if (intent.pool != PoolName{"big"}) {
            EXPECT_EQ(intent.boot, std::nullopt);
            continue;
        }
        ASSERT_TRUE(intent.boot);
        EXPECT_EQ(intent.boot->failed, "at=installing status=100");
        EXPECT_EQ(intent.boot->text, "E: no such package\n");
    }
}

TEST_F(RunningGatewayTest, tells_an_agent_how_its_pool_is_configured_now) {
    EXPECT_EQ(ask("late").error().code, Errc::retry_later) << "its server may come before the configuration does";
    auto changed = loaded_.settings;
    changed.pool[PoolName{"late"}].slots = 5;
    changed.pool[PoolName{"big"}].health.lost_after = 60s;
    changed.worker.margin = 3s;

    role_->tell(changed);

    EXPECT_EQ(ask("late")->slots, 5);
    EXPECT_EQ(ask("big")->lost_after, Duration{60s});
    EXPECT_EQ(ask("big")->margin, Duration{3s});
}

TEST_F(GatewayRoleTest, keeps_one_secret_that_only_its_owner_reads) {
    auto const secret = kept_secret(home_.path()).value();

    EXPECT_EQ(kept_secret(home_.path()).value(), secret);
    namespace fs = std::filesystem;
    EXPECT_EQ(fs::status(home_ / "gateway.secret").permissions(), fs::perms::owner_read | fs::perms::owner_write);
    std::ofstream{home_ / "gateway.secret"} << "short\n";
    auto const refused = kept_secret(home_.path());
    EXPECT_NE(refused.error().message.find("gateway.secret"), std::string::npos);
    EXPECT_EQ(refused.error().message.find("short"), std::string::npos);
}

TEST_F(GatewayRoleTest, takes_no_secret_that_others_may_know) {
    auto const secret = kept_secret(home_.path()).value();
    namespace fs = std::filesystem;
    fs::permissions(home_ / "gateway.secret", fs::perms::group_read, fs::perm_options::add);

    auto const refused = kept_secret(home_.path());

    EXPECT_NE(refused.error().message.find("gateway.secret"), std::string::npos) << refused.error().message;
    EXPECT_NE(refused.error().message.find("chmod 600"), std::string::npos) << refused.error().message;
    EXPECT_EQ(refused.error().message.find(secret.reveal()), std::string::npos);
    fs::permissions(home_ / "gateway.secret", fs::perms::group_read, fs::perm_options::remove);
    EXPECT_EQ(kept_secret(home_.path()).value(), secret);
}

TEST_F(GatewayRoleTest, says_why_a_secret_cannot_be_read_or_kept) {
    std::filesystem::create_directory(home_ / "gateway.secret");

    auto const unread = kept_secret(home_.path()).error().message;
    EXPECT_EQ(unread, "cannot read " + (home_ / "gateway.secret") + ": Is a directory");
    auto const unmade = kept_secret(home_ / "nowhere").error().message;
    EXPECT_NE(unmade.find("No such file or directory"), std::string::npos) << unmade;
}

TEST_F(GatewayRoleTest, half_a_gateway_is_told) {
    std::ofstream{home_ / "half.toml"} << "[gateway]\ncertificate = \"c.pem\"\nurl = \"ftp://x\"\nsecret = \"short\"\n"
                                           "identity_time = \"1s\"\nidentity_retry = \"2s\"\n";

    auto const problems =
        load_settings({.config = home_ / "half.toml", .home = home_.path()}, [](auto&&) { return std::nullopt; }).problems;

    for (auto const* path : {"gateway.key", "gateway.url", "gateway.secret", "gateway.identity_retry"}) EXPECT_TRUE(problems.names(path)) << path;
    EXPECT_EQ(to_text(problems).find("short\""), std::string::npos);
}

}  // namespace
}  // namespace rgrid::app
