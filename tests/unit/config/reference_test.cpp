#include "rgrid/config/reference.hpp"

#include <gtest/gtest.h>

#include <rgrid/policy/params.hpp>

namespace reference_sample {

using namespace rgrid;

enum class Speed { slow, fast };
BOOST_DESCRIBE_ENUM(Speed, slow, fast)

struct Part {
    int count = 2;
    Secret token{"hunter2"};
    static constexpr auto rules =
        std::tuple{field(&Part::count, "How many.", 1, 9), field(&Part::token, "Opens the door.")};
};
BOOST_DESCRIBE_STRUCT(Part, (), (count, token))

struct Machine {
    Speed speed = Speed::fast;
    std::optional<Money> cap;
    std::vector<std::string> tags;
    Part part;
    std::optional<Part> spare;
    std::map<PoolName, Part> parts;
    std::vector<Part> rows;
    static constexpr auto rules =
        std::tuple{field(&Machine::speed, "How fast."), field(&Machine::cap, "At most this."),
                   field(&Machine::tags, "Words."),     field(&Machine::part, "The part."),
                   field(&Machine::spare, "The spare."), field(&Machine::parts, "Named parts."),
                   field(&Machine::rows, "Parts in rows.")};
};
BOOST_DESCRIBE_STRUCT(Machine, (), (speed, cap, tags, part, spare, parts, rows))

struct Whole {
    Machine machine;
    static constexpr auto rules = std::tuple{field(&Whole::machine, "The machine.")};
};
BOOST_DESCRIBE_STRUCT(Whole, (), (machine))

}  // namespace reference_sample

namespace rgrid::config {
namespace {

TEST(Reference, HasASectionForEachTableAndALineForEachSetting) {
    std::string const head = "| Setting | Type | Default | Values | Meaning |\n|---|---|---|---|---|\n";
    std::string const part = "\n" + head +
                             "| `count` | whole number | `2` | 1 to 9 | How many. |\n"
                             "| `token` | secret | `\"***\"` |  | Opens the door. |\n";
    EXPECT_EQ(settings_reference<reference_sample::Whole>(),
              "## `[machine]`\n\nThe machine.\n\n" + head +
                  "| `speed` | choice | `\"fast\"` | `slow`, `fast` | How fast. |\n"
                  "| `cap` | amount | not set |  | At most this. |\n"
                  "| `tags` | list of text | `[]` |  | Words. |\n"
                  "\n## `[machine.part]`\n\nThe part.\n" + part +
                  "\n## `[machine.spare]`\n\nThe spare.\n" + part +
                  "\n## `[machine.parts.NAME]`\n\nNamed parts.\n" + part +
                  "\n## `[[machine.rows]]`\n\nParts in rows.\n" + part);
}

TEST(Reference, NamesTheRangesOfThePolicies) {
    auto const text = settings_reference<PlannerParams>();
    EXPECT_NE(text.find("## `[pools.NAME.scaling]`"), std::string::npos) << text;
    EXPECT_NE(text.find("| `max_wait` | duration | `\"1m\"` | 0s to 24h |"), std::string::npos) << text;
}

}  // namespace
}  // namespace rgrid::config
