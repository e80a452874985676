#include <gmock/gmock.h>

#include <limits>
#include <rgrid/hetzner_sim/catalogue.hpp>
#include <set>

#include "hetzner_sim/api_time.hpp"
#include "hetzner_sim/fingerprint.hpp"
#include "hetzner_sim/ip_range.hpp"
#include "hetzner_sim/labels.hpp"
#include "hetzner_sim/samples.hpp"

namespace rgrid::hetzner_sim {
namespace {

bool selects(std::string_view selector, Labels const& labels) {
    auto const parsed = Selector::parse(selector);
    EXPECT_TRUE(parsed) << selector;
    return parsed && parsed->matches(labels);
}

TEST(Labels, AreAsTheApiWantsThem) {
    for (auto const& [key, value] : Labels{{"env", "prod"}, {"a/b", ""}, {"example.com/my-key_1.x", "A"}, {"1", "2"}})
        EXPECT_EQ(label_problem(key, value), "");
    std::string const long_word(64, 'a');
    for (auto const& [key, value] :
         std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                          {"-a", ""},
                                                          {"a-", ""},
                                                          {"a b", ""},
                                                          {"/a", ""},
                                                          {"a/", ""},
                                                          {"a/b/c", ""},
                                                          {"a_b/c", ""},
                                                          {"a..b/c", ""},
                                                          {"ä", ""},
                                                          {long_word, ""},
                                                          {"a", long_word},
                                                          {"a", "_"},
                                                          {"a", "b c"},
                                                          {"hetzner.cloud/x", ""},
                                                          {std::string(254, 'a') + "/a", ""}})
        EXPECT_NE(label_problem(key, value), "") << key << "=" << value;
}

TEST(Selector, SelectsByEachOfItsForms) {
    Labels const labels{{"env", "prod"}, {"pool", "ci"}, {"empty", ""}, {"rgrid/fleet", "f"}};
    for (auto const* selector :
         {"", " ", "env", "env=prod", "env==prod", "env = prod", "env!=test", "other!=x", "!other",
          "env in (test,prod)", "env in ( prod )", "env notin (test, dev)", "other notin (x)", "empty=", "empty",
          "rgrid/fleet=f", "env=prod,pool=ci", "env in (a,prod),pool!=x,!other", "empty in (,a)"})
        EXPECT_TRUE(selects(selector, labels)) << selector;
    for (auto const* selector : {"other", "env=test", "env==test", "env!=prod", "!env", "env in (test)", "other in (x)",
                                 "env notin (prod,test)", "env=prod,pool=x", "env=", "other="})
        EXPECT_FALSE(selects(selector, labels)) << selector;
}

TEST(Selector, IsRefusedIfItIsNone) {
    for (auto const* selector :
         {",",    "a,",  ",a",    "a,,b", "=b",    "a=b=c", "a in", "a in b", "a in (b", "a in b)", "a (b)",
          "!a=b", "!!a", "a===b", "a b",  "a=b c", "-a",    "a=-b", "a!b",    "a notin", "a>b",     "()"})
        EXPECT_FALSE(Selector::parse(selector)) << selector;
}

TEST(Fingerprint, IsTheOneThatOpenSshPrints) {
    // As by: ssh-keygen -l -E md5
    EXPECT_EQ(
        fingerprint_of("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMfT8MVXzm9UbukNyTqo08NvUDudPh8qf348bPo1Ev48 someone\n"),
        "49:eb:f7:a5:d9:25:5e:1c:bb:6f:5f:53:b9:bb:a8:a7");
    for (auto const* text : {"", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-ed25519 !!!!", "ssh-what AAAAB3NzaC1yc2E=",
                             "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIMfT8MVXzm9UbukNyTqo08NvUDudPh8qf348bPo1Ev48",
                             "-----BEGIN OPENSSH PRIVATE KEY-----"})
        EXPECT_EQ(fingerprint_of(text), std::nullopt) << text;
}

TEST(IpRange, KnowsItsAddresses) {
    auto const range = IpRange::parse("10.1.0.0/16");
    ASSERT_TRUE(range);
    EXPECT_EQ(to_text(*range), "10.1.0.0/16");
    EXPECT_EQ(to_text(range->last()), "10.1.255.255");
    EXPECT_TRUE(range->contains(*parse_ipv4("10.1.2.3")));
    EXPECT_FALSE(range->contains(*parse_ipv4("10.2.0.0")));
    EXPECT_TRUE(range->contains(*IpRange::parse("10.1.7.0/24")));
    EXPECT_FALSE(range->contains(*IpRange::parse("10.0.0.0/8")));
    EXPECT_TRUE(range->overlaps(*IpRange::parse("10.0.0.0/8")));
    EXPECT_FALSE(range->overlaps(*IpRange::parse("10.2.0.0/16")));
    EXPECT_EQ(to_text(IpRange::parse("0.0.0.0/0")->last()), "255.255.255.255");
    for (auto const* text :
         {"", "10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "10.0.0.0/8 ", "::/0"})
        EXPECT_FALSE(IpRange::parse(text)) << text;
    for (auto const* text : {"10.0.0.0/8", "172.16.0.0/12", "192.168.7.0/24"})
        EXPECT_TRUE(is_private(*IpRange::parse(text))) << text;
    for (auto const* text : {"0.0.0.0/0", "11.0.0.0/8", "172.32.0.0/16", "192.0.0.0/8"})
        EXPECT_FALSE(is_private(*IpRange::parse(text))) << text;
    for (auto const* text : {"0.0.0.0/0", "::/0", "2001:db8::/32", "2001:db8::1/128"})
        EXPECT_TRUE(is_any_range(text)) << text;
    for (auto const* text : {"", "::", "2001:db8::1/64", "::/129", "x/1"}) EXPECT_FALSE(is_any_range(text)) << text;
}

TEST(ApiTime, ReadsWhatClientsSend) {
    auto const instant = parse_api_time("2026-01-30T23:50:00Z");
    ASSERT_TRUE(instant);
    EXPECT_EQ(api_time(*instant + Duration{999}), "2026-01-30T23:50:00Z");
    for (auto const* text : {"2026-01-30T23:50:00+00:00", "2026-01-30T23:50:00.000000+00:00",
                             "2026-01-31T00:50:00+01:00", "2026-01-30T22:20:00-01:30", "2026-01-30t23:50:00z"})
        EXPECT_EQ(parse_api_time(text), instant) << text;
    EXPECT_EQ(parse_api_time("2026-01-30T23:50:00.25Z"), *instant + Duration{250});
    for (auto const* text :
         {"", "Z", "2026-01-30", "2026-01-30T23:50:00", "2026-01-30T23:50:00.Z", "2026-13-30T23:50:00Z",
          "2026-01-30T23:50:00+1:00", "2026-01-30T23:50:00.1xZ", "2026-01-30T23:50:00+99:00"})
        EXPECT_FALSE(parse_api_time(text)) << text;
}

TEST(Samples, AreBoundedAndTheSameWheneverAsked) {
    auto const start = *parse_api_time("2026-01-01T00:00:00Z");
    auto const ever = start + std::chrono::hours{24 * 365};
    SampleRequest request{start, start + std::chrono::hours{24 * 30}, 0};
    EXPECT_LE(samples("cpu", 1, request, start, ever).size(), 200u);
    EXPECT_GE(samples("cpu", 1, request, start, ever).size(), 190u);
    request.step = 1;
    EXPECT_LE(samples("cpu", 1, request, start, ever).size(), 500u);
    EXPECT_GT(used_step(request), 1);

    request.step = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(samples("cpu", 1, request, start, ever).size(), 1u);

    request = {start, start + std::chrono::minutes{5}, 60};
    auto const few = samples("cpu", 1, request, start, ever);
    ASSERT_EQ(few.size(), 6u);
    EXPECT_EQ(few[1].first - few[0].first, 60);
    EXPECT_EQ(few, samples("cpu", 1, request, start, ever));
    EXPECT_NE(few, samples("cpu", 2, request, start, ever));
    EXPECT_EQ(samples("cpu", 1, request, start + std::chrono::minutes{2}, ever).size(), 4u);
    EXPECT_EQ(samples("cpu", 1, request, start, start + std::chrono::minutes{2}).size(), 3u);
    EXPECT_TRUE(samples("cpu", 1, {ever, start, 0}, start, ever).empty());
}

TEST(Catalogue, HasWhatTheRealOneHas) {
    auto const catalogue = standard_catalogue();
    EXPECT_EQ(catalogue.locations.size(), 6u);
    std::set<std::int64_t> ids;
    for (auto const& type : catalogue.types) {
        EXPECT_TRUE(ids.insert(type.id).second) << type.name;
        for (auto const& at : type.locations) {
            EXPECT_TRUE(catalogue.location(at.location)) << at.location;
            EXPECT_GT(at.hourly, Money{}) << type.name;
            EXPECT_LT(at.hourly * 24, at.monthly) << type.name;
        }
    }
    std::set<std::int64_t> image_ids;
    for (auto const& image : catalogue.images) EXPECT_TRUE(image_ids.insert(image.id).second) << image.name;

    auto const* cx23 = catalogue.type("cx23");
    ASSERT_TRUE(cx23);
    EXPECT_EQ(catalogue.type(std::to_string(cx23->id)), cx23);
    EXPECT_EQ(cx23->at("fsn1")->hourly, Money{8'800'000});
    EXPECT_EQ(cx23->at("fsn1")->monthly, Money{5'490'000'000});
    for (auto const* name : {"ash", "hil", "sin"}) {
        EXPECT_FALSE(cx23->at(name));
        EXPECT_FALSE(catalogue.type("cax11")->at(name));
        EXPECT_TRUE(catalogue.type("ccx13")->at(name));
    }
    EXPECT_EQ(catalogue.type("cax11")->architecture, "arm");
    EXPECT_TRUE(catalogue.type("cx22")->at("nbg1")->deprecation);
    EXPECT_FALSE(catalogue.type("no-such-type"));
}

TEST(Catalogue, ImagesOfOneNameBeginWithTheOneForX86) {
    auto const catalogue = standard_catalogue();
    std::set<std::string> seen;
    for (auto const& image : catalogue.images)
        if (seen.insert(image.name).second) {
            EXPECT_EQ(image.architecture, "x86") << image.name;
            EXPECT_TRUE(catalogue.image(image.name, "arm")) << image.name;
        }
    auto const* arm = catalogue.image("ubuntu-24.04", "arm");
    ASSERT_TRUE(arm);
    EXPECT_NE(arm, catalogue.image("ubuntu-24.04", "x86"));
    EXPECT_EQ(catalogue.image(std::to_string(arm->id), "x86"), arm);
    EXPECT_FALSE(catalogue.image("no-such-image", "x86"));
}

}  // namespace
}  // namespace rgrid::hetzner_sim
