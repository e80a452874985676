#include "rgrid/config/toml.hpp"

#include <gtest/gtest.h>

#include <rgrid/config/json.hpp>
#include <rgrid/policy/params.hpp>

namespace toml_sample {

using namespace rgrid;

struct Door {
    std::string name;
    std::optional<int> keys;
    std::vector<std::string> tags;
};
BOOST_DESCRIBE_STRUCT(Door, (), (name, keys, tags))

struct Room {
    Door front;
    std::vector<Door> doors;
};
BOOST_DESCRIBE_STRUCT(Room, (), (front, doors))

struct House {
    Secret alarm;
    Secret spare;
    double height = 2;
    bool lit = true;
    Duration lease = 24h;
    std::map<std::string, Room> rooms;
    std::map<std::string, std::string> labels;
    std::optional<Door> gate;
    std::vector<std::vector<int>> grid;
};
BOOST_DESCRIBE_STRUCT(House, (), (alarm, spare, height, lit, lease, rooms, labels, gate, grid))

}  // namespace toml_sample

namespace rgrid::config {
namespace {

using toml_sample::House;

std::string as_json(std::string_view toml) {
    Problems problems;
    auto const value = read_toml(toml, "x.toml", problems);
    EXPECT_TRUE(problems.empty()) << to_text(problems);
    return to_json_text(value);
}

TEST(Toml, EveryKindOfValueIsRead) {
    EXPECT_EQ(as_json("s = 'text'\ni = 3\nf = 0.5\nb = true\na = [1, 'x']\nt = {k = 1}\nd = 2026-01-31\n"
                      "c = 07:30:00\nz = 2026-01-31T07:30:00Z\n"),
              R"({"s":"text","i":3,"f":0.5,"b":true,"a":[1,"x"],"t":{"k":1},"d":"2026-01-31","c":"07:30:00",)"
              R"("z":"2026-01-31T07:30:00Z"})");
}

TEST(Toml, TablesKeepTheOrderOfTheFile) {
    EXPECT_EQ(as_json("[z]\nb = 1\na = 2\n[a]\nk = 1\n[[m]]\ny = 1\n[[m]]\nx = 2\n"),
              R"({"z":{"b":1,"a":2},"a":{"k":1},"m":[{"y":1},{"x":2}]})");
}

struct TomlMistake {
    char const* toml;
    char const* where;
};

TEST(Toml, AMistakeIsOneProblemWithItsPosition) {
    for (auto const& [toml, where] :
         {TomlMistake{"a = 1\nb = ", "x.toml:2:"}, TomlMistake{"a = 1\na = 2", "x.toml:2:"},
          TomlMistake{"[t]\n[t]\n", "x.toml:2:"}, TomlMistake{"k = \"open\n", "x.toml:1:"}}) {
        Problems problems;
        auto const value = read_toml(toml, "x.toml", problems);
        ASSERT_EQ(problems.size(), 1U) << toml;
        EXPECT_EQ(to_text(problems).find(where), 0U) << to_text(problems);
        EXPECT_FALSE(problems.begin()->hint.empty());
        EXPECT_EQ(to_json_text(value), "{}");
    }
}

TEST(Toml, DeepNestingIsAProblemNotACrash) {
    Problems problems;
    auto const value = read_toml("a = " + std::string(100'000, '['), "x.toml", problems);
    EXPECT_EQ(problems.size(), 1U);
    EXPECT_EQ(to_json_text(value), "{}");
}

House furnished() {
    House house;
    house.height = 3;
    house.lit = false;
    house.rooms["a b"].doors = {{"one", 1, {}}, {"two\n\"2\"", std::nullopt, {"x", "y"}}};
    house.rooms["kitchen"].front = {"\xC3\xA9\\", 0, {""}};
    house.labels = {{"", "empty"}, {"a.b", "dots"}};
    house.grid = {{1, 2}, {}};
    return house;
}

// What is printed means the same when it is read.
TEST(Toml, WhatIsWrittenReadsBack) {
    auto const house = furnished();
    auto const text = to_toml(house);
    House again;
    Problems problems;
    EXPECT_TRUE(read(read_toml(text, "x.toml", problems), again, problems)) << to_text(problems) << text;
    EXPECT_EQ(to_json_text(again), to_json_text(house)) << text;
    EXPECT_EQ(to_toml(again), text);
}

TEST(Toml, TheParamsOfThePoliciesReadBack) {
    PlannerParams params;
    params.pools[PoolName{"default"}].health.drain_share = 1;
    params.pools[PoolName{"gpu"}].placement.offers = {"a@b"};
    params.limits.spend_per_month = Money{1'500'000'000};
    PlannerParams again;
    Problems problems;
    EXPECT_TRUE(read(read_toml(to_toml(params), "x.toml", problems), again, problems)) << to_text(problems);
    EXPECT_EQ(again, params);
}

TEST(Toml, TheFormIsTheOneThatPeopleWrite) {
    House house;
    house.gate = {"main", 2, {"iron"}};
    house.labels = {{"owner", "me"}};
    EXPECT_EQ(to_toml(house),
              "alarm = \"\"\nspare = \"\"\nheight = 2.0\nlit = true\nlease = \"24h\"\ngrid = []\n\n[rooms]\n\n"
              "[labels]\nowner = \"me\"\n\n[gate]\nname = \"main\"\nkeys = 2\ntags = [\"iron\"]\n");
}

TEST(Toml, SecretsAreNeverWritten) {
    House house;
    house.alarm = Secret{"hunter2"};
    auto const text = to_toml(house);
    EXPECT_NE(text.find("alarm = \"***\"\nspare = \"\"\n"), std::string::npos) << text;
    EXPECT_EQ(text.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace rgrid::config
