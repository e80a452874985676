#include <gtest/gtest.h>

#include <rgrid/model/lifecycle.hpp>
#include <rgrid/testing/builders.hpp>

namespace rgrid {
namespace {

using testing::a_session;
using testing::an_intent;

TEST(BootStage, Follows_from_what_the_store_keeps_of_the_server) {
    Session const session = a_session("w");
    auto const stage = [](Intent const& intent) { return to_text(derive_stage(intent, nullptr)); };

    EXPECT_EQ(stage(an_intent("w").create(CreateState::asked)), "asked for");
    EXPECT_EQ(stage(an_intent("w").create(CreateState::in_doubt)), "asked for");
    EXPECT_EQ(stage(an_intent("w")), "created");
    EXPECT_EQ(stage(an_intent("w").running_from(40s)), "booting");
    EXPECT_EQ(stage(an_intent("w").running_from(40s).boot({"installing", "", "", 1s})), "installing");
    EXPECT_EQ(stage(an_intent("w").boot({"installing", "", "", 1s})), "installing") << "it told so before it was listed";
    EXPECT_EQ(stage(an_intent("w").boot({"starting", "", "", 1s})), "installing");
    EXPECT_EQ(stage(an_intent("w").boot({"ready", "", "", 1s})), "installing") << "until its worker has registered";
    EXPECT_EQ(stage(an_intent("w").boot({"booting", "", "", 1s})), "booting");
    EXPECT_EQ(stage(an_intent("w").boot({"fetching", "", "", 1s})), "booting");
    EXPECT_EQ(to_text(derive_stage(an_intent("w"), &session)), "ready");
}

}  // namespace
}  // namespace rgrid
