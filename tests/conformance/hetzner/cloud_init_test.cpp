#include <rgrid/adapters/hetzner/cloud_init.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace rgrid::hetzner {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

BootSpec boot_spec() {
    BootSpec spec;
    spec.server = ServerName{"ci-small-7"};
    spec.fleet = FleetId{"ci"};
    spec.pool = PoolName{"small"};
    spec.slots = 2;
    spec.gateway = "https://gateway.example:8443";
    spec.token = Secret{"3q2-7wAAq83vEjRWeJq83v8SNFZ4mrze-xI0VniavN4"};
    spec.agent_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    return spec;
}

constexpr auto own_authority_pem = R"(-----BEGIN CERTIFICATE-----
MIIBdDCCARmgAwIBAgIUNm1vY2sgY2VydGlmaWNhdGUgZm9yIGEgdGVzdAowCgYI
KoZIzj0EAwIwDTELMAkGA1UEAwwCY2EwHhcNMjYwMTAxMDAwMDAwWhcNMzYwMTAx
-----END CERTIFICATE-----
)";

std::map<std::string, BootSpec> boot_variants() {
    std::map<std::string, BootSpec> all;
    all["plain"] = boot_spec();
    auto& no_docker = all["no_docker"] = boot_spec();
    no_docker.docker = false;
    auto& agent_in_image = all["agent_in_image"] = boot_spec();
    agent_in_image.agent_sha256.clear();
    agent_in_image.agent_path = "/opt/rgrid/rgrid-agent";
    auto& ray = all["ray"] = boot_spec();
    ray.ray = RayJoin{"10.0.0.2:6379", "2.40.0"};
    auto& network = all["private_network"] = boot_spec();
    network.private_network = true;
    network.private_interface = "enp7s0";
    network.gateway = "https://10.0.0.2:8443/";
    auto& ca = all["own_authority"] = boot_spec();
    ca.ca = own_authority_pem;
    ca.agent_url = "https://files.example/agents/rgrid-agent?version=1";
    auto& images = all["images"] = boot_spec();
    images.images = {"postgres:15", "node:20-slim", "registry.example:5000/team/tools@sha256:0123456789abcdef"};
    return all;
}

std::string golden_text(std::filesystem::path const& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::string text_of(BootSpec const& spec) {
    auto const text = cloud_init(spec);
    EXPECT_TRUE(text) << (text ? "" : text.error().message);
    return text ? *text : std::string{};
}

TEST(CloudInit, EachVariantIsItsGoldenFile) {
    std::filesystem::path const folder{RGRID_SOURCE_DIR "/tests/conformance/hetzner/golden"};
    std::size_t found = 0;
    for (auto const& [name, spec] : boot_variants()) {
        auto const path = folder / (name + ".yaml");
        if (std::getenv("RGRID_WRITE_GOLDEN") != nullptr) std::ofstream{path} << text_of(spec);
        EXPECT_EQ(text_of(spec), golden_text(path)) << "RGRID_WRITE_GOLDEN=1 writes " << path << " anew";
        ++found;
    }
    auto const files =
        std::distance(std::filesystem::directory_iterator{folder}, std::filesystem::directory_iterator{});
    EXPECT_EQ(found, static_cast<std::size_t>(files)) << "a golden file belongs to no variant";
}

TEST(CloudInit, IsTheSameEachTime) {
    EXPECT_EQ(text_of(boot_spec()), text_of(boot_spec()));
}

TEST(CloudInit, HoldsTheTokenOnceInAFileThatOnlyRootReads) {
    auto const spec = boot_spec();
    auto const text = text_of(spec);
    auto const at = text.find(spec.token.reveal());
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(text.find(spec.token.reveal(), at + 1), std::string::npos);
    auto const item = text.substr(text.rfind("- path:", at), at - text.rfind("- path:", at));
    EXPECT_THAT(item,
                AllOf(HasSubstr("/etc/rgrid/agent.env"), HasSubstr("permissions: '0600'"), HasSubstr("root:root")));
}

TEST(CloudInit, WantedImagesComeBeforeTheStandardOnesAndEachOnce) {
    auto spec = boot_spec();
    spec.images = {"postgres:15", "node:20-slim", "postgres:15"};
    EXPECT_THAT(text_of(spec),
                HasSubstr("      postgres:15\n      node:20-slim\n      python:3.11-slim\n"
                          "      python:3.10-slim\n      python:3.9-slim\n      node:18-slim\n  - path"));
}

TEST(CloudInit, WithoutDockerNothingIsPulled) {
    auto spec = boot_spec();
    spec.docker = false;
    spec.images = {"postgres:15"};
    EXPECT_THAT(text_of(spec), AllOf(Not(HasSubstr("postgres")), Not(HasSubstr("python:3.11-slim")),
                                     HasSubstr("RGRID_DOCKER=\"no\"")));
}

TEST(CloudInit, ThatIsTooLargeIsRefusedWithItsSize) {
    auto spec = boot_spec();
    auto const size = text_of(spec).size();
    EXPECT_LT(size, 20'000U) << "room for authorities and images";
    auto const padding = [](std::size_t bytes) { return "-----BEGIN CERTIFICATE-----" + std::string(bytes - 27, 'A'); };
    spec.ca = padding(1000);
    auto const with_thousand = text_of(spec).size();
    spec.ca = padding(1000 + max_user_data - with_thousand);
    EXPECT_EQ(text_of(spec).size(), max_user_data);
    spec.ca += "A";
    auto const refused = cloud_init(spec);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::rejected);
    EXPECT_THAT(refused.error().message, AllOf(HasSubstr("'ci-small-7' has 32769 bytes"), HasSubstr("at most 32768")));
}

struct SpecRefusal {
    char const* name;
    void (*spoil)(BootSpec&);
    char const* message;
};

class CloudInitRefuses : public testing::TestWithParam<SpecRefusal> {};

TEST_P(CloudInitRefuses, WhatCannotBeUsed) {
    auto spec = boot_spec();
    GetParam().spoil(spec);
    auto const text = cloud_init(spec);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, Errc::rejected);
    EXPECT_THAT(text.error().message, HasSubstr(GetParam().message));
    EXPECT_THAT(text.error().message, Not(HasSubstr(boot_spec().token.reveal())));
}

INSTANTIATE_TEST_SUITE_P(
    Specs, CloudInitRefuses,
    testing::Values(
        SpecRefusal{"NoServer", [](BootSpec& s) { s.server = ServerName{}; }, "the server's name is ''"},
        SpecRefusal{"ServerWithSlash", [](BootSpec& s) { s.server = ServerName{"a/../b"}; },
                    "the server's name is 'a/../b'"},
        SpecRefusal{"FleetWithLine", [](BootSpec& s) { s.fleet = FleetId{"a\nb"}; }, "the fleet's name is 'a\\x0ab'"},
        SpecRefusal{"PoolNotAscii", [](BootSpec& s) { s.pool = PoolName{"gr\xc3\xbcn"}; },
                    "the pool's name is 'gr\xc3\xbcn'"},
        SpecRefusal{"NoSlots", [](BootSpec& s) { s.slots = 0; }, "the number of slots is '0'"},
        SpecRefusal{"NoGateway", [](BootSpec& s) { s.gateway.clear(); }, "the gateway's URL is ''"},
        SpecRefusal{"OnlyScheme", [](BootSpec& s) { s.gateway = "https://"; }, "the gateway's URL is 'https://'"},
        SpecRefusal{"PlainHttp", [](BootSpec& s) { s.gateway = "http://10.0.0.2:8080"; },
                    "'http://10.0.0.2:8080'; expected https://"},
        SpecRefusal{"LooksLocal", [](BootSpec& s) { s.gateway = "http://127.0.0.1.example:8080"; },
                    "expected https://"},
        SpecRefusal{"UrlWithSpace", [](BootSpec& s) { s.gateway = "https://a b"; },
                    "the gateway's URL is 'https://a b'"},
        SpecRefusal{"NoToken", [](BootSpec& s) { s.token = Secret{}; }, "the token of 'ci-small-7' is empty"},
        SpecRefusal{"TokenWithLine", [](BootSpec& s) { s.token = Secret{s.token.reveal() + "\n"}; },
                    "not printable ASCII"},
        SpecRefusal{"NoPem", [](BootSpec& s) { s.ca = "/etc/ssl/ca.pem"; }, "are no certificates in PEM"},
        SpecRefusal{"PemWithNul", [](BootSpec& s) { s.ca = std::string{own_authority_pem} + '\0'; },
                    "are no certificates in PEM"},
        SpecRefusal{"NoAgent", [](BootSpec& s) { s.agent_sha256.clear(); }, "has neither a SHA-256"},
        SpecRefusal{"TwoAgents", [](BootSpec& s) { s.agent_path = "/a"; }, "has both a SHA-256"},
        SpecRefusal{"ShortSum", [](BootSpec& s) { s.agent_sha256 = "9f86"; }, "the agent's SHA-256 is '9f86'"},
        SpecRefusal{"UpperSum", [](BootSpec& s) { s.agent_sha256[1] = 'F'; }, "in lower case"},
        SpecRefusal{"AgentFromHttp", [](BootSpec& s) { s.agent_url = "http://files.example/a"; }, "the agent's URL is"},
        SpecRefusal{"RelativeAgent",
                    [](BootSpec& s) {
                        s.agent_sha256.clear();
                        s.agent_path = "agent";
                    },
                    "an absolute path"},
        SpecRefusal{"AgentWithOption",
                    [](BootSpec& s) {
                        s.agent_sha256.clear();
                        s.agent_path = "/a --b";
                    },
                    "an absolute path"},
        SpecRefusal{"ImageIsOption", [](BootSpec& s) { s.images = {"--privileged"}; },
                    "an image of pool 'small' is '--privileged'"},
        SpecRefusal{"ImageWithCommand", [](BootSpec& s) { s.images = {"a;b"}; }, "an image of pool 'small' is 'a;b'"},
        SpecRefusal{"EmptyImage", [](BootSpec& s) { s.images = {""}; }, "an image of pool 'small' is ''"},
        SpecRefusal{"LongInterface", [](BootSpec& s) { s.private_interface = "abcdefghijklmnop"; },
                    "the private network's interface"},
        SpecRefusal{"RayWithoutPort",
                    [](BootSpec& s) {
                        s.ray = RayJoin{"10.0.0.2", "2.40.0"};
                    },
                    "the head of the Ray cluster is '10.0.0.2'"},
        SpecRefusal{"RayWithoutVersion",
                    [](BootSpec& s) {
                        s.ray = RayJoin{"10.0.0.2:1", ""};
                    },
                    "the version of Ray is ''"}),
    [](auto const& test) { return std::string{test.param.name}; });

TEST(CloudInit, TakesPlainHttpToLoopback) {
    for (auto const* const url : {"http://127.0.0.1:8080", "http://localhost", "http://[::1]:8080"}) {
        auto spec = boot_spec();
        spec.gateway = url;
        EXPECT_TRUE(cloud_init(spec)) << url;
    }
}

// A YAML reader and a shell that nobody here wrote read the values back: see read_back.py.
TEST(CloudInit, ValuesArriveWhateverTheyContain) {
    if (std::system("python3 -c 'import yaml' 2>/dev/null") != 0)
        GTEST_SKIP() << "python3 has no module yaml (Debian: python3-yaml)";
    std::string folder{"/tmp/rgrid-cloud-init-XXXXXX"};
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    std::mt19937 random{7};  // NOLINT: the same each time
    constexpr std::string_view nasty = " \"'\\$`!#%&*{}[]|>-:?@,;()<>=~^+./aZ09";
    auto const any = [&](std::string_view characters) {
        std::string text;
        for (auto left = 1 + random() % 40; left > 0; --left) text += characters[random() % characters.size()];
        return text;
    };
    for (int i = 0; i < 100; ++i) {
        auto spec = boot_spec();
        spec.token = Secret{any(nasty)};
        spec.fleet = FleetId{any(nasty)};
        spec.pool = PoolName{any(nasty)};
        spec.gateway = "https://a" + any(nasty.substr(1)) + "b";
        spec.ca = any(nasty) + "-----BEGIN CERTIFICATE-----" + any(nasty);
        auto const name = folder + "/" + std::to_string(i);
        std::ofstream{name + ".yaml"} << text_of(spec);
        std::ofstream{name + ".expected"} << "RGRID_TOKEN=" << spec.token.reveal()
                                          << "\nRGRID_FLEET=" << spec.fleet.value << "\nRGRID_POOL=" << spec.pool.value
                                          << "\nRGRID_GATEWAY=" << spec.gateway << "\nca=" << spec.ca << "\n";
    }
    auto const status = std::system(("python3 " RGRID_SOURCE_DIR "/tests/cloud_init/read_back.py " + folder).c_str());
    EXPECT_EQ(WEXITSTATUS(status), 0) << "see " << folder;
    if (!HasFailure()) std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace rgrid::hetzner
