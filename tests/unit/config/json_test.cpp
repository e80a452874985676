#include "rgrid/config/json.hpp"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <fstream>
#include <rgrid/model/job.hpp>
#include <rgrid/model/plan.hpp>
#include <rgrid/model/snapshot.hpp>
#include <rgrid/policy/params.hpp>

namespace sample {

using namespace rgrid;

enum class Colour { red, green, blue };
BOOST_DESCRIBE_ENUM(Colour, red, green, blue)

struct Leaf {
    int number = 5;
    double share = 0.5;

    static constexpr auto rules =
        std::tuple{field(&Leaf::number, "A number.", 1, 10), field(&Leaf::share, "A share.", 0.0, 1.0)};
    friend bool operator==(Leaf const&, Leaf const&) = default;
};
BOOST_DESCRIBE_STRUCT(Leaf, (), (number, share))

struct Everything {
    bool flag = false;
    int small = 1;
    std::int64_t large = 2;
    unsigned char tiny = 3;
    double real = 0.25;
    std::string text = "text";
    PoolName pool{"default"};
    JobId job{7};
    Secret token;
    Duration wait = 90s;
    Instant at{};
    Money price{6'400'000};
    Bytes size{512 << 20};
    Colour colour = Colour::green;
    Leaf leaf;
    std::vector<int> list{1, 2};
    std::vector<Leaf> leaves;
    std::map<std::string, std::string> texts;
    std::map<PoolName, Leaf> pools;
    std::optional<int> maybe;
    std::optional<Leaf> maybe_leaf;
};
BOOST_DESCRIBE_STRUCT(Everything, (),
                      (flag, small, large, tiny, real, text, pool, job, token, wait, at, price, size, colour, leaf,
                       list, leaves, texts, pools, maybe, maybe_leaf))

struct Span {
    int low = 0;
    int high = 10;
    Leaf leaf;
};
BOOST_DESCRIBE_STRUCT(Span, (), (low, high, leaf))

void check(Span const& span, config::Problems& problems, std::string const& path) {
    if (span.low > span.high)
        problems.add({.path = path + ".low", .found = std::to_string(span.low), .expected = "at most high"});
}

struct Tree {
    std::vector<Tree> children;
};
BOOST_DESCRIBE_STRUCT(Tree, (), (children))

struct Capped {
    std::optional<Money> cap;
    Duration free;

    static constexpr auto rules =
        std::tuple{field(&Capped::cap, "A cap.", Money{0}, Money{1'000'000'000}), field(&Capped::free, "Any span.")};
};
BOOST_DESCRIBE_STRUCT(Capped, (), (cap, free))

}  // namespace sample

namespace rgrid::config {
namespace {

using sample::Capped;
using sample::Everything;
using sample::Leaf;
using sample::Span;
using sample::Tree;

boost::json::value parsed(std::string_view text) { return parse_json(text).value(); }

/// The problems of reading `text` over a default T, one a line.
template <class T>
std::string problems_of(std::string_view text, ReadOptions const& options = {}) {
    T value;
    Problems problems;
    bool const good = read(parsed(text), value, problems, "x", options);
    EXPECT_EQ(good, problems.empty());
    return to_text(problems);
}

ReadOptions settings_options(Environment const& environment) { return {.environment = &environment}; }

Snapshot rich_snapshot() {
    Snapshot snapshot;
    snapshot.now = *parse_instant("2026-01-31T23:59:59.123Z");
    snapshot.fleet = FleetId{"demo"};
    snapshot.store = StoreId{"store-1"};
    snapshot.epoch = LeaderEpoch{3};
    snapshot.next_number = 17;
    snapshot.servers.value = {{.id = ServerId{"4711"},
                               .name = ServerName{"demo-default-1"},
                               .pool = PoolName{"default"},
                               .offer = {"cx22", "fsn1"},
                               .status = ServerStatus::running,
                               .age = 55min,
                               .store = StoreId{"store-1"}}};
    snapshot.servers.age = 1500ms;
    snapshot.sessions.problem = "the store did not answer within 5s";
    snapshot.demand.value =
        Demand{.groups = {{PoolName{"default"}, -1, 2, 8, 61s}}, .oldest = {{JobId{1}, PoolName{"default"}, 2, 61s}}};
    snapshot.offers.value = {{.key = {"cx22", "fsn1"}, .price = {6'400'000}, .monthly_cap = Money{3'790'000'000}}};
    snapshot.intents = {{.server = ServerName{"demo-default-1"},
                         .pool = PoolName{"default"},
                         .price = Money{6'400'001, Currency::USD},
                         .create = CreateState::in_doubt,
                         .remove_reason = Reason::silent,
                         .age = -3s}};
    snapshot.in_flight = {ServerName{"demo-default-1"}};
    snapshot.holds = {{PoolName{}, snapshot.now}};
    snapshot.memory.refusals = {{{"cx22", "fsn1"}, Instant::max(), 2, "no \"capacity\"\nin fsn1 \xC3\xA9"}};
    snapshot.memory.pauses = {{PoolName{"default"}, Errc::quota, snapshot.now, 2, "no"}};
    snapshot.memory.offer_boots = {{{"cx22", "fsn1"}, {42s}}};
    snapshot.intents[0].boot = BootReport{"installing", "", "line\n", 1s};
    snapshot.intents[0].running_from = 3s;
    snapshot.memory.delete_times = {Duration::max(), Duration::min(), 1ms};
    snapshot.spent_this_month = Money{-1};
    return snapshot;
}

// What a decision was based on can be written down and read back with nothing lost.
TEST(Json, ASnapshotSurvivesItsText) {
    auto const snapshot = rich_snapshot();
    auto const text = to_json_text(snapshot);
    auto const read_back = from_json_text<Snapshot>(text);
    ASSERT_TRUE(read_back) << read_back.error().message;
    EXPECT_EQ(*read_back, snapshot);
    EXPECT_EQ(to_json_text(*read_back), text);
    EXPECT_FALSE(read_back->sessions.value.has_value()) << "unknown must not come back as empty";
}

// What was kept before servers, offers and pools were known as well as now.
TEST(Json, WhatEarlierVersionsKeptIsReadWithNothingAdded) {
    auto const memory = from_json_text<Memory>(
        R"({"refusals":[{"offer":{"type":"a","location":"b"},"until":"2026-01-31T23:59:59.123Z","count":2,"message":""}],)"
        R"("boots":[{"pool":"default","failures":1,"next_probe":"2026-01-31T23:59:59.123Z","boot_times":["42s"],"came_up":[]}],)"
        R"("delete_times":["2s"],"recent_creates":[],"recent_losses":[]})");
    ASSERT_TRUE(memory) << memory.error().message;
    EXPECT_EQ(memory->boots.at(0).boot_times, std::vector<Duration>{42s});
    EXPECT_FALSE(memory->refusals.at(0).unfinished);
    EXPECT_TRUE(memory->pauses.empty());
    EXPECT_TRUE(memory->offer_boots.empty());

    auto const bill = from_json_text<ServerBill>(
        R"({"server":"s","pool":"default","offer":{"type":"a","location":"b"},"price":"0.0064 EUR","period":"1h",)"
        R"("created":"2026-01-31T23:59:59.123Z","deleted":null,"lifetime":"2h","reason":"queued_jobs","remove_reason":null})");
    ASSERT_TRUE(bill) << bill.error().message;
    EXPECT_EQ(bill->monthly_cap, std::nullopt);
    EXPECT_EQ(bill->ipv4, Money{});
}

TEST(Json, APlanSurvivesItsText) {
    Plan plan;
    plan.steps = {{.action = Action::close_worker,
                   .pool = PoolName{"default"},
                   .server = ServerName{"demo-default-1"},
                   .worker = WorkerId{"demo-default-1"},
                   .mode = CloseMode::now,
                   .seen = {Incarnation{2}, BeatCount{44}},
                   .reason = Reason::silent,
                   .facts = {{"silence", 121'000, Unit::milliseconds}}}};
    plan.findings = {{.kind = FindingKind::mass_loss, .subject = "sessions", .facts = {{"lost", 4}}}};
    plan.next_look = 28s;
    auto const text = to_json_text(plan);
    auto const read_back = from_json_text<Plan>(text);
    ASSERT_TRUE(read_back) << read_back.error().message;
    EXPECT_EQ(*read_back, plan);
    EXPECT_EQ(to_json_text(*read_back), text);
}

TEST(Json, TheOtherValuesSurviveTheirText) {
    JobSpec spec;
    spec.command = {"python3", "train.py", ""};
    spec.env = {{"KEY", "env:NOT_LOOKED_UP"}, {"", "file:/etc/passwd"}};
    spec.memory_limit = Bytes{9'007'199'254'740'993};
    spec.cpu_limit = 0.1 + 0.2;
    auto const text = to_json_text(spec);
    auto const read_back = from_json_text<JobSpec>(text);
    ASSERT_TRUE(read_back) << read_back.error().message;
    EXPECT_EQ(*read_back, spec);
    EXPECT_EQ(to_json_text(*read_back), text);

    PlannerParams params;
    params.pools[PoolName{"gpu"}].health.drain_share = 0.07;
    params.limits.spend_per_hour = Money{1'500'000'000};
    EXPECT_EQ(from_json_text<PlannerParams>(to_json_text(params)).value(), params);
}

// The keys stand in the order of declaration and every kind has the form that is promised.
TEST(Json, WritesEveryKindInItsForm) {
    Everything value;
    value.token = Secret{"hunter2"};
    value.leaves = {{}};
    value.texts = {{"b", "2"}, {"a", "1"}};
    value.pools[PoolName{"p"}].number = 9;
    EXPECT_EQ(to_json_text(value),
              R"({"flag":false,"small":1,"large":2,"tiny":3,"real":0.25,"text":"text","pool":"default","job":7,)"
              R"("token":"***","wait":"90s","at":"1970-01-01T00:00:00.000Z","price":"0.0064 EUR","size":"512MiB",)"
              R"("colour":"green","leaf":{"number":5,"share":0.5},"list":[1,2],"leaves":[{"number":5,"share":0.5}],)"
              R"("texts":{"a":"1","b":"2"},"pools":{"p":{"number":9,"share":0.5}},"maybe":null,"maybe_leaf":null})");
}

TEST(Json, SecretsAreNeverWritten) {
    Everything value;
    EXPECT_NE(to_json_text(value).find(R"("token":"")"), std::string::npos) << "one sees that it is not set";
    value.token = Secret{"hunter2"};
    EXPECT_EQ(to_json_text(value).find("hunter2"), std::string::npos);
}

TEST(Json, EveryDoubleKeepsAllItsDigits) {
    for (double number : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, 9007199254740993.0, 123456789.12345679, -0.0}) {
        Everything value;
        value.real = number;
        auto const text = to_json_text(value);
        auto const read_back = from_json_text<Everything>(text);
        ASSERT_TRUE(read_back) << read_back.error().message;
        EXPECT_EQ(read_back->real, number);
        EXPECT_EQ(to_json_text(*read_back), text);
    }
}

// Output of jobs may be anything; what is written must be JSON all the same.
TEST(Json, BytesThatAreNoTextBecomeReplacementCharacters) {
    Everything value;
    value.text = std::string{"a\xFF"} + "b\xC0\x80" + std::string(1, '\0') + "\xED\xA0\x80\xF5\xE2\x82";
    auto const read_back = from_json_text<Everything>(to_json_text(value));
    ASSERT_TRUE(read_back) << read_back.error().message;
    EXPECT_EQ(read_back->text.substr(0, 5), "a\xEF\xBF\xBD" "b");
    value.text = "\xF0\x9F\x98\x80 \xE2\x82\xAC \x7F \t";
    EXPECT_EQ(from_json_text<Everything>(to_json_text(value))->text, value.text);
}

TEST(Json, AMissingKeyKeepsItsValue) {
    Everything value;
    value.small = 42;
    Problems problems;
    EXPECT_TRUE(read(parsed(R"({"large": 3})"), value, problems));
    EXPECT_EQ(value.small, 42);
    EXPECT_EQ(value.large, 3);
}

TEST(Json, ListsAndMapsAreReplacedNotMerged) {
    Everything value;
    value.pools[PoolName{"old"}].number = 9;
    Problems problems;
    EXPECT_TRUE(read(parsed(R"({"list": [3], "pools": {"new": {"share": 1}}})"), value, problems));
    EXPECT_EQ(value.list, std::vector{3});
    EXPECT_EQ(value.pools, (std::map<PoolName, Leaf>{{PoolName{"new"}, Leaf{5, 1.0}}}));
}

TEST(Json, AnOptionalMayBeAbsentNullOrThere) {
    EXPECT_EQ(from_json_text<Everything>("{}")->maybe, std::nullopt);
    EXPECT_EQ(from_json_text<Everything>(R"({"maybe": null})")->maybe, std::nullopt);
    EXPECT_EQ(from_json_text<Everything>(R"({"maybe": 0})")->maybe, 0);
    EXPECT_EQ(from_json_text<Everything>(R"({"maybe_leaf": {"number": 2}})")->maybe_leaf, (Leaf{2, 0.5}));
}

struct Mistake {
    char const* json;
    char const* problem;
};

void PrintTo(Mistake const& mistake, std::ostream* out) { *out << mistake.json; }

class EveryMistake : public testing::TestWithParam<Mistake> {};

// Each message says where, what was found and what would have been right.
TEST_P(EveryMistake, IsSaidInOneLine) { EXPECT_EQ(problems_of<Everything>(GetParam().json), GetParam().problem); }

INSTANTIATE_TEST_SUITE_P(
    Json, EveryMistake,
    testing::Values(
        Mistake{R"([])", "x: found a list, expected a table"},
        Mistake{R"({"flag": 1})", "x.flag: found 1, expected true or false"},
        Mistake{R"({"small": "ten"})",
                "x.small: found \"ten\", expected a whole number from -2147483648 to 2147483647"},
        Mistake{R"({"small": 2147483648})",
                "x.small: found 2147483648, expected a whole number from -2147483648 to 2147483647"},
        Mistake{R"({"small": 1.5})", "x.small: found 1.5, expected a whole number from -2147483648 to 2147483647"},
        Mistake{R"({"tiny": 256})", "x.tiny: found 256, expected a whole number from 0 to 255"},
        Mistake{R"({"large": 9223372036854775808})", "x.large: found 9223372036854775808, expected a whole number"},
        Mistake{R"({"large": 1e300})", "x.large: found 1e+300, expected a whole number"},
        Mistake{R"({"real": "much"})", "x.real: found \"much\", expected a number"},
        Mistake{R"({"text": 5})", "x.text: found 5, expected a text"},
        Mistake{R"({"pool": true})", "x.pool: found true, expected a text"},
        Mistake{R"({"job": "seven"})", "x.job: found \"seven\", expected a whole number"},
        Mistake{R"({"token": 12345})", "x.token: found not a text, expected a text, \"env:NAME\" or \"file:PATH\""},
        Mistake{R"({"wait": 90})", "x.wait: found 90, expected a duration such as \"90s\" or \"15m\""},
        Mistake{R"({"wait": "90"})", "x.wait: found \"90\", expected a duration such as \"90s\" or \"15m\""},
        Mistake{R"({"wait": "9223372036854775807h"})",
                "x.wait: found \"9223372036854775807h\", expected a duration such as \"90s\" or \"15m\""},
        Mistake{R"({"at": "yesterday"})",
                "x.at: found \"yesterday\", expected a time such as \"2026-01-31T23:59:59Z\""},
        Mistake{R"({"price": "cheap"})", "x.price: found \"cheap\", expected an amount such as \"0.0064 EUR\""},
        Mistake{R"({"size": "512"})", "x.size: found \"512\", expected a size such as \"512MiB\""},
        Mistake{R"({"colour": "gren"})", "x.colour: found \"gren\", expected one of 'red', 'green', 'blue'"},
        Mistake{R"({"list": {"a": 1}})", "x.list: found a table, expected a list"},
        Mistake{R"({"list": [1, "b"]})",
                "x.list[1]: found \"b\", expected a whole number from -2147483648 to 2147483647"},
        Mistake{R"({"texts": []})", "x.texts: found a list, expected a table"},
        Mistake{R"({"texts": {"a": null}})", "x.texts.a: found nothing, expected a text"},
        Mistake{R"({"maybe": "no"})", "x.maybe: found \"no\", expected a whole number from -2147483648 to 2147483647"},
        Mistake{R"({"leaf": {"number": 11}})", "x.leaf.number: found 11, expected a whole number from 1 to 10"},
        Mistake{R"({"leaf": {"share": 1.01}})", "x.leaf.share: found 1.01, expected a number from 0 to 1"},
        Mistake{R"({"pools": {"gpu": {"number": 0}}})",
                "x.pools.gpu.number: found 0, expected a whole number from 1 to 10"},
        Mistake{R"({"leaves": [{}, {"nmber": 3}]})", "x.leaves[1].nmber: unknown setting; did you mean 'number'?"},
        Mistake{R"({"zzz": 3})", "x.zzz: unknown setting"}));

TEST(Json, AllProblemsAreFoundAtOnceAndTheGoodValuesAreRead) {
    Everything value;
    Problems problems;
    EXPECT_FALSE(read(parsed(R"({"small": "x", "flag": true, "leaf": {"number": 99, "share": 0.75}, "nope": 1})"),
                      value, problems));
    EXPECT_EQ(problems.size(), 3U) << to_text(problems);
    EXPECT_TRUE(value.flag);
    EXPECT_EQ(value.small, 1);
    EXPECT_EQ(value.leaf, (Leaf{5, 0.75}));
}

TEST(Json, ARangeAlsoHoldsInsideAnOptional) {
    EXPECT_EQ(problems_of<Capped>(R"({"cap": "1.5 EUR"})"),
              "x.cap: found \"1.5 EUR\", expected an amount from 0 EUR to 1 EUR");
    EXPECT_EQ(problems_of<Capped>(R"({"cap": "1 EUR"})"), "");
    EXPECT_EQ(problems_of<Capped>(R"({"cap": null})"), "");
}

TEST(Json, WhatTwoMembersSayOfEachOtherIsChecked) {
    EXPECT_EQ(problems_of<Span>(R"({"low": 11})"), "x.low: found 11, expected at most high");
    EXPECT_EQ(problems_of<std::vector<Span>>(R"([{"low": 1}, {"low": 3, "high": 2}])"),
              "x[1].low: found 3, expected at most high");
    EXPECT_NE(problems_of<Span>(R"({"low": 11, "leaf": {"number": 99}})").find("at most high"), std::string::npos)
        << "another struct's problem hides nothing";
    EXPECT_EQ(problems_of<Span>(R"({"low": 11, "high": "x"})").find("at most high"), std::string::npos)
        << "a default is not held against the user";
}

TEST(Json, NewerNamesCanBePassedOver) {
    EXPECT_EQ(problems_of<Leaf>(R"({"number": 3, "later": 1})", {.ignore_unknown = true}), "");
    EXPECT_TRUE(from_json_text<Leaf>(R"({"later": 1})", true));
    EXPECT_FALSE(from_json_text<Leaf>(R"({"later": 1})"));
}

TEST(Json, SpacesEscapesAndTheOrderOfNamesChangeNothing) {
    Everything expected;
    expected.flag = true;
    expected.large = 9;
    expected.text = "A/\n\xC3\xA4";
    expected.texts = {{"a", "1"}, {"b", "2"}};
    auto const own = to_json_text(expected);

    std::string const turned =
        R"({"texts":{"b":"2","a":"1"},"text":"\u0041\/\n\u00e4","large":9.0,"flag":true})";
    for (auto const& text : {own, " " + own + " ", turned})
        EXPECT_EQ(to_json_text(from_json_text<Everything>(text).value()), own) << text;
}

TEST(Json, WhatOnlyLooksLikeOwnTextIsJudgedAsAnyOther) {
    for (char const* text :
         {R"({"flag":true,"flag":true})", R"({"texts":{"a":"1","a":"1"}})", R"({"small":01})", R"({"real":1.})",
          R"({"real":.5})", R"({"real":nan})", R"({"real":1e999})", R"({"small":2.5})", R"({"tiny":300})",
          R"({"leaf":{"number":11}})", R"({"list":[1,]})", R"({"list":[1)", R"({"text":"\x"})", "{\"text\":\"\xFF\"}",
          "{\"text\":\"a\nb\"}", R"({"flag":true}})", R"({"flag":true,})", R"({"flag":tru})", R"({"colour":"pink"})",
          R"({"flag":true)", ""})
        EXPECT_FALSE(from_json_text<Everything>(text)) << text;
    EXPECT_EQ(from_json_text<Everything>(R"({"small":-0})").value().small, 0);
    EXPECT_EQ(from_json_text<Everything>(R"({"real":-12.5e-1})").value().real, -1.25);
}

TEST(Json, ATextThatFailsHalfwayLeavesNothingBehind) {
    auto const read = from_json_text<Everything>(R"({"large":9,"newer":1})", true);

    EXPECT_EQ(read.value().large, 9);
    EXPECT_EQ(from_json_text<Leaf>(R"({"number":9,"number_of_a_newer_version":1})", true).value().number, 9);
    EXPECT_FALSE(from_json_text<Leaf>(R"({"number":9,"share":7.0})"));
}

TEST(Json, DepthIsBounded) {
    std::string nested = "{}";
    for (int i = 0; i < 10; ++i) nested = R"({"children": [)" + nested + "]}";
    EXPECT_EQ(problems_of<Tree>(nested), "");
    auto const problem = problems_of<Tree>(nested, {.max_depth = 6});
    EXPECT_EQ(problem, "x.children[0].children[0].children[0]: nested too deeply; at most 6 levels are read");

    std::string const hostile(1'000'000, '[');
    auto const parsed_hostile = parse_json(hostile);
    ASSERT_FALSE(parsed_hostile);
    EXPECT_EQ(parsed_hostile.error().code, Errc::rejected);
}

TEST(Json, TextThatIsNoJsonIsRefusedWithItsPosition) {
    for (char const* text : {"", "{", "{\"a\":1,}", "{} {}", "nul", "\"\xFF\"", "[1 2]"}) {
        auto const result = parse_json(text);
        ASSERT_FALSE(result) << text;
        EXPECT_EQ(result.error().code, Errc::rejected);
        EXPECT_EQ(result.error().message.find("not JSON at byte "), 0U) << result.error().message;
    }
    auto const twice = parse_json(R"({"a": {"b": 1}, "c": {"b": 1}, "a": 2})");
    ASSERT_FALSE(twice);
    EXPECT_NE(twice.error().message.find("\"a\" stands there twice"), std::string::npos) << twice.error().message;
}

TEST(Json, TheErrorOfATextNamesEveryProblem) {
    auto const result = from_json_text<Leaf>(R"({"number": 99, "share": "x"})");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::rejected);
    EXPECT_EQ(result.error().message,
              "number: found 99, expected a whole number from 1 to 10; "
              "share: found \"x\", expected a number from 0 to 1");
}

// ------------------------------------------------------------------------------------------------ settings

Environment const sample_environment = [](std::string const& name) -> std::optional<std::string> {
    if (name == "TOKEN") return "hunter2";
    if (name == "COUNT") return "12";
    return std::nullopt;
};

TEST(JsonSettings, AnyValueMayComeFromTheEnvironment) {
    Everything value;
    Problems problems;
    EXPECT_TRUE(
        read(parsed(R"({"token": "env:TOKEN", "text": "env:TOKEN", "small": "env:COUNT", "real": "env:COUNT"})"), value,
             problems, {}, settings_options(sample_environment)))
        << to_text(problems);
    EXPECT_EQ(value.token.reveal(), "hunter2");
    EXPECT_EQ(value.text, "hunter2");
    EXPECT_EQ(value.small, 12);
    EXPECT_EQ(value.real, 12.0);
}

TEST(JsonSettings, AnEnvironmentVariableThatIsMissingOrWrongIsNamedButItsContentIsNot) {
    auto const options = settings_options(sample_environment);
    EXPECT_EQ(problems_of<Everything>(R"({"token": "env:NOPE"})", options),
              "x.token: found \"env:NOPE\"; the environment variable NOPE is not set");
    EXPECT_EQ(problems_of<Leaf>(R"({"number": "env:TOKEN"})", options),
              "x.number: found \"env:TOKEN\", expected a whole number from 1 to 10; that is not what it stands for");
    EXPECT_EQ(problems_of<Leaf>(R"({"number": "env:COUNT"})", options),
              "x.number: found \"env:COUNT\", expected a whole number from 1 to 10; that is not what it stands for");
}

TEST(JsonSettings, ASecretMayComeFromAFile) {
    auto const folder = testing::TempDir();
    std::ofstream{folder + "/token"} << "hunter2\nsecond line\n";
    std::ofstream{folder + "/empty"} << "";
    ReadOptions options{.environment = &sample_environment, .folder = folder};
    Everything value;
    Problems problems;
    EXPECT_TRUE(read(parsed(R"({"token": "file:token", "text": "file:token"})"), value, problems, {}, options))
        << to_text(problems);
    EXPECT_EQ(value.token.reveal(), "hunter2");
    EXPECT_EQ(value.text, "file:token") << "elsewhere it is the place of files";
    EXPECT_NE(problems_of<Everything>(R"({"token": "file:nope"})", options).find("there is no file"),
              std::string::npos);
    EXPECT_NE(problems_of<Everything>(R"({"token": "file:."})", options).find("is a folder"), std::string::npos);
    EXPECT_NE(problems_of<Everything>(R"({"token": "file:empty"})", options).find("is empty"), std::string::npos);
}

TEST(JsonSettings, StarsAreNoSecret) {
    EXPECT_EQ(problems_of<Everything>(R"({"token": "***"})", settings_options(sample_environment)),
              "x.token: found \"***\", expected a text, \"env:NAME\" or \"file:PATH\"");
}

TEST(JsonSettings, ASpanBelowZeroIsNoSetting) {
    EXPECT_EQ(problems_of<Everything>(R"({"wait": "-5s"})"), "");
    auto const options = settings_options(sample_environment);
    EXPECT_NE(problems_of<Everything>(R"({"wait": "-5s"})", options), "");
    EXPECT_NE(problems_of<Everything>(R"({"price": "-5 EUR"})", options), "");
    EXPECT_NE(problems_of<Everything>(R"({"size": "-5B"})", options), "");
}

// ------------------------------------------------------------------------------------------------ compile time

struct Unruled {
    int ruled = 0;
    int forgotten = 0;

    static constexpr auto rules = std::tuple{field(&Unruled::ruled, "Has a rule.")};
};
BOOST_DESCRIBE_STRUCT(Unruled, (), (ruled, forgotten))

struct Twice {
    int first = 0;
    int second = 0;

    static constexpr auto rules = std::tuple{field(&Twice::first, "A rule."), field(&Twice::first, "Another.")};
};
BOOST_DESCRIBE_STRUCT(Twice, (), (first, second))

// A member without a rule, or with two, does not compile where it is read or written.
static_assert(detail::rules_are_complete<Leaf>());
static_assert(!detail::rules_are_complete<Unruled>());
static_assert(!detail::rules_are_complete<Twice>());

}  // namespace
}  // namespace rgrid::config
