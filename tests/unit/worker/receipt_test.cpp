#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <rgrid/worker/attempt.hpp>
#include <rgrid/worker/receipt.hpp>
#include <rgrid/worker/staging.hpp>

#include "fakes.hpp"

namespace rgrid::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

JobSpec plain_spec() {
    JobSpec spec;
    spec.name = "count";
    spec.command = {"sh", "count.sh"};
    spec.outputs = {"out.txt"};
    return spec;
}

TEST(SpecDigest, IsTheSameForTheSameSpecWhereverItIsMade) {
    EXPECT_EQ(spec_digest(plain_spec()), spec_digest(plain_spec()));
    // Of a store that is older than this program: it may never change.
    EXPECT_EQ(spec_digest(plain_spec()), "f5a35c16-e497-57c5-918f-a0da368c1d72");
}

TEST(SpecDigest, DiffersWithEveryMember) {
    std::vector<JobSpec> specs(19, plain_spec());
    specs[1].name = "other";
    specs[2].command = {"sh count.sh"};
    specs[3].command = {"shcount.sh", ""};
    specs[4].runtime = "python:3.11";
    specs[5].env = {{"A", "B"}};
    specs[6].env = {{"AB", ""}};
    specs[7].inputs = {{"a", "b", 1, false}};
    specs[8].inputs = {{"a", "b", 1, true}};
    specs[9].outputs = {"out", ".txt"};
    specs[10].timeout = 2h;
    specs[11].memory_limit = Bytes{1024};
    specs[12].cpu_limit = 1.5;
    specs[13].cpu_limit = 1.25;
    specs[14].slots = 2;
    specs[15].priority = -1;
    specs[16].pool = PoolName{"gpu"};
    specs[17].delay = 1s;
    specs[18].submit_key = "key";
    std::set<std::string> digests;
    for (auto const& spec : specs) digests.insert(spec_digest(spec));
    EXPECT_EQ(digests.size(), specs.size());
}

class ReceiptTest : public ::testing::Test {
protected:
    ReceiptTest() { fs::create_directories(folder()); }

    std::string folder() const { return (home.path / "7-3").string(); }

    Result<std::vector<OutputFile>> stage(std::map<std::string, std::string> const& written,
                                          std::vector<std::string> globs) {
        for (auto const& [path, text] : written) write_file(fs::path{folder()} / path, text);
        auto spec = plain_spec();
        spec.outputs = std::move(globs);
        return stage_out(call_within(clock, 1min), files, clock, spec, lease, folder(), Instant{1500ms});
    }

    TestFolder home;
    HastyClock clock;
    FakeFiles files;
    LeaseKey lease{JobId{7}, LeaseEpoch{3}};
};

TEST_F(ReceiptTest, IsStoredBesideTheOutputsAndNamesThemAll) {
    auto const outputs = stage({{"out.txt", "abc"}, {"sub/\"odd\"\n.txt", "de"}}, {"out.txt", "sub/*"});
    ASSERT_TRUE(outputs.has_value()) << outputs.error().message;
    auto spec = plain_spec();
    spec.outputs = {"out.txt", "sub/*"};
    auto const expected = R"({"job":7,"epoch":3,"began":"1970-01-01T00:00:01.500Z","spec":")" + spec_digest(spec) +
                          R"(","outputs":[{"path":"out.txt","sha256":"digest of abc","size":3},)"
                          R"({"path":"sub/\"odd\"\u000a.txt","sha256":"digest of de","size":2}]})";
    EXPECT_EQ(files.objects["outputs/7/3.json"], expected);
    EXPECT_FALSE(fs::exists(folder() + ".json")) << "what was written to be stored is in nobody's way";
}

TEST_F(ReceiptTest, AJobWithoutOutputsNeedsNone) {
    ASSERT_TRUE(stage({{"out.txt", "abc"}}, {}).has_value());
    EXPECT_TRUE(files.objects.empty());
}

TEST_F(ReceiptTest, OutputsWhoseReceiptCannotBeStoredAreNotDelivered) {
    files.errors["outputs/7/3.json"] = {fail(Errc::denied, "no space for you")};
    auto const outputs = stage({{"out.txt", "abc"}}, {"out.txt"});
    ASSERT_TRUE(outputs.has_error());
    EXPECT_EQ(outputs.error().code, Errc::denied);
    EXPECT_EQ(outputs.error().message, "the receipt of the outputs cannot be stored: no space for you");
    EXPECT_TRUE(files.objects.empty());
}

TEST_F(ReceiptTest, IsNotThereIfAnOutputCannotBeStored) {
    files.errors["outputs/7/3/b"] = {fail(Errc::denied, "no")};
    ASSERT_TRUE(stage({{"a", "1"}, {"b", "2"}}, {"*"}).has_error());
    EXPECT_TRUE(files.objects.empty());
}

TEST_F(ReceiptTest, OutputsOfAnotherStoresJobOfTheSameNumberAreNeitherReplacedNorTakenForThisOnes) {
    files.objects["outputs/7/3/old.txt"] = "precious";
    auto const outputs = stage({{"out.txt", "abc"}}, {"out.txt"});
    ASSERT_TRUE(outputs.has_error());
    EXPECT_THAT(outputs.error().message, HasSubstr("already holds outputs/7/3/old.txt"));
    EXPECT_EQ(files.objects, (std::map<std::string, std::string>{{"outputs/7/3/old.txt", "precious"}}));
}

TEST_F(ReceiptTest, AReceiptAloneTellsOfAnotherStoresJob) {
    files.objects["outputs/7/3.json"] = "of another";
    auto const outputs = stage({{"out.txt", "abc"}}, {"out.txt"});
    ASSERT_TRUE(outputs.has_error());
    EXPECT_EQ(outputs.error().code, Errc::rejected);
    EXPECT_THAT(outputs.error().message, HasSubstr("already holds outputs/7/3.json"));
    EXPECT_EQ(files.objects.size(), 1u);
}

TEST_F(ReceiptTest, AnothersThatComesMeanwhileIsNotTakenForOursAndKeepsWhatItVouchesFor) {
    files.before_put = [&](std::string const& key) {
        if (key == "outputs/7/3.json") files.objects[key] = "of another";
    };
    auto const outputs = stage({{"out.txt", "abc"}}, {"out.txt"});
    ASSERT_TRUE(outputs.has_error());
    EXPECT_THAT(outputs.error().message, HasSubstr("already holds outputs/7/3.json"));
    EXPECT_EQ(files.objects["outputs/7/3.json"], "of another");
    EXPECT_EQ(files.objects.count("outputs/7/3/out.txt"), 1u);
    EXPECT_FALSE(fs::exists(folder() + ".json"));
}

TEST_F(ReceiptTest, OutputsOfOtherAttemptsAreInNobodysWay) {
    files.objects["outputs/7/30/x"] = "of a later attempt";
    files.objects["outputs/7/2.json"] = "of an earlier one";
    EXPECT_TRUE(stage({{"out.txt", "abc"}}, {"out.txt"}).has_value());
}

TEST_F(ReceiptTest, ThatAKilledAgentHasBegunIsSweptWithItsWorkingFolders) {
    write_file(home.path / "7-3.json", "{");
    write_file(home.path / "notes.json", "a user's");
    AttemptSettings settings;
    settings.folder = home.path.string();
    sweep_attempt_folders(settings);
    EXPECT_FALSE(fs::exists(home.path / "7-3.json"));
    EXPECT_TRUE(fs::exists(home.path / "notes.json"));
}

}  // namespace
}  // namespace rgrid::testing
