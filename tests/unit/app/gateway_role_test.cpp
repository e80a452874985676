#include "app/gateway_role.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <rgrid/adapters/gateway/client.hpp>
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

// An agent that reckons with other limits than the controller would run on what another has begun.
TEST_F(GatewayRoleTest, tells_an_agent_how_its_pool_is_configured) {
    auto ports = open_ports(loaded_, clock_, Role::gateway).value();
    FleetWrite write;
    Intent intent;
    intent.server = ServerName{"default-big-1"};
    intent.pool = PoolName{"big"};
    intent.token_hash = gateway::hash_of(Secret{"token"});
    write.intents = {intent};
    write.next_number = 2;
    auto const call = call_within(clock_, 10s);
    ports.fleet->write(call, ports.fleet->lead(call, "test", 1h)->epoch, write).value();
    auto const role = GatewayRole::start(loaded_, ports, log_, clock_).value();
    auto const link = gateway::make_link(
                          {.url = "http://127.0.0.1:" + std::to_string(role->port()), .token = Secret{"token"}}, clock_)
                          .value();

    auto const told = config::from_json_text<RemoteAgentSettings>(
                          gateway::read_settings(call, *link, WorkerId{"default-big-1"}).value())
                          .value();

    EXPECT_EQ(told.pool, PoolName{"big"});
    EXPECT_EQ(told.slots, 3);
    EXPECT_EQ(told.heartbeat, Duration{7s});
    EXPECT_EQ(told.lost_after, Duration{90s});
    EXPECT_EQ(told.kill_grace, loaded_.settings.worker.kill_grace);
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

TEST_F(GatewayRoleTest, half_a_gateway_is_told) {
    std::ofstream{home_ / "half.toml"} << "[gateway]\ncertificate = \"c.pem\"\nurl = \"ftp://x\"\nsecret = \"short\"\n";

    auto const problems =
        load_settings({.config = home_ / "half.toml", .home = home_.path()}, [](auto&&) { return std::nullopt; }).problems;

    for (auto const* path : {"gateway.key", "gateway.url", "gateway.secret"}) EXPECT_TRUE(problems.names(path)) << path;
    EXPECT_EQ(to_text(problems).find("short\""), std::string::npos);
}

}  // namespace
}  // namespace rgrid::app
