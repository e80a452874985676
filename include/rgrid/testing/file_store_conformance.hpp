#pragma once

/// What every FileStore has to do, as tests:
///
///     INSTANTIATE_TEST_SUITE_P(MyFiles, FileStoreConformance, ::testing::Values(FileStoreFactory{"plain",
///         [](std::string const& folder) { return std::make_unique<MyFiles>(folder); }}), FactoryName{});
///
/// inside namespace rgrid::testing, in one source file of a test program.

#include <gtest/gtest.h>
#include <functional>
#include <memory>
#include <rgrid/ports/file_store.hpp>
#include <rgrid/testing/factory_name.hpp>
#include <rgrid/testing/printers.hpp>
#include <rgrid/testing/temp_folder.hpp>
#include <rgrid/testing/threads.hpp>
#include <set>
#include <string>

namespace rgrid::testing {

/// How the suite makes empty file stores: `make` is given a folder that does not exist yet, whose parent does, and may
/// use it. `name` becomes part of the test's name.
struct FileStoreFactory {
    std::string name;
    std::function<std::unique_ptr<FileStore>(std::string const& folder)> make;

    friend std::ostream& operator<<(std::ostream& out, FileStoreFactory const& factory) { return out << factory.name; }
};

class FileStoreConformance : public ::testing::TestWithParam<FileStoreFactory> {
protected:
    static constexpr char const* hello_sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    FileStore& files() { return *files_; }

    Call const call{};
    TempFolder local;

private:
    std::unique_ptr<FileStore> files_ = GetParam().make(local / "store");
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FileStoreConformance);

TEST_P(FileStoreConformance, gives_back_the_same_bytes) {
    std::string bytes(300'000, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 131);

    auto const stored = files().put(call, "outputs/1/2/dir/result.bin", local.write("in", bytes)).value();
    auto const fetched = files().get(call, "outputs/1/2/dir/result.bin", local / "out").value();

    EXPECT_EQ(stored.key, "outputs/1/2/dir/result.bin");
    EXPECT_EQ(stored.size, static_cast<std::int64_t>(bytes.size()));
    EXPECT_EQ(fetched.sha256, stored.sha256);
    EXPECT_EQ(fetched.size, stored.size);
    EXPECT_EQ(local.read("out"), bytes);
}

TEST_P(FileStoreConformance, knows_the_digest_of_what_it_holds) {
    EXPECT_EQ(files().put(call, "a", local.write("in", "hello"))->sha256, hello_sha256);

    auto const found = files().find(call, "a").value();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->key, "a");
    EXPECT_EQ(found->size, 5);
    EXPECT_EQ(found->sha256, hello_sha256);
    EXPECT_EQ(files().find(call, "b").value(), std::nullopt);
}

TEST_P(FileStoreConformance, an_empty_file_is_a_file) {
    files().put(call, "empty", local.write("in", "")).value();

    EXPECT_EQ(files().find(call, "empty").value()->size, 0);
    EXPECT_EQ(files().get(call, "empty", local / "out")->size, 0);
    EXPECT_TRUE(local.has("out"));
}

TEST_P(FileStoreConformance, an_object_is_never_replaced) {
    files().put(call, "a", local.write("in", "hello")).value();

    auto const again = files().put(call, "a", local.write("other", "something else")).value();

    EXPECT_EQ(again.sha256, hello_sha256) << "what is there is returned";
    EXPECT_EQ(again.size, 5);
    files().get(call, "a", local / "out").value();
    EXPECT_EQ(local.read("out"), "hello");
}

TEST_P(FileStoreConformance, a_local_file_is_never_overwritten) {
    files().put(call, "a", local.write("in", "hello")).value();
    local.write("mine", "precious");

    EXPECT_EQ(error_of(files().get(call, "a", local / "mine")), Errc::rejected);
    EXPECT_EQ(local.read("mine"), "precious");
}

TEST_P(FileStoreConformance, what_is_not_there_is_not_found) {
    EXPECT_EQ(error_of(files().get(call, "none", local / "out")), Errc::not_found);
    EXPECT_FALSE(local.has("out"));
    auto const missing = files().put(call, "a", local / "missing");
    EXPECT_EQ(error_of(missing), Errc::not_found);
    EXPECT_NE(message_of(missing).find(local / "missing"), std::string::npos) << message_of(missing);
    EXPECT_EQ(files().find(call, "a").value(), std::nullopt);
}

TEST_P(FileStoreConformance, a_folder_is_no_file) {
    EXPECT_EQ(error_of(files().put(call, "a", local.path())), Errc::rejected);
}

TEST_P(FileStoreConformance, removes_for_good_and_twice) {
    files().put(call, "dir/a", local.write("in", "hello")).value();

    EXPECT_TRUE(files().remove(call, "dir/a").has_value());
    EXPECT_TRUE(files().remove(call, "dir/a").has_value()) << "not found is success";

    EXPECT_EQ(files().find(call, "dir/a").value(), std::nullopt);
    EXPECT_EQ(error_of(files().get(call, "dir/a", local / "out")), Errc::not_found);
    EXPECT_EQ(files().put(call, "dir/a", local.write("new", "new"))->size, 3) << "its key is free again";
}

TEST_P(FileStoreConformance, lists_keys_by_prefix_in_order) {
    auto const file = local.write("in", "x");
    for (auto key : {"outputs/2/1/b", "outputs/1/1/a", "outputs/1/2/a", "outputs/10/1/a", "outputs/1/1/sub/c"})
        files().put(call, key, file).value();
    using Keys = std::vector<std::string>;

    EXPECT_EQ(files().list(call, "outputs/1/").value(), (Keys{"outputs/1/1/a", "outputs/1/1/sub/c", "outputs/1/2/a"}));
    EXPECT_EQ(files().list(call, "outputs/1").value(),
              (Keys{"outputs/1/1/a", "outputs/1/1/sub/c", "outputs/1/2/a", "outputs/10/1/a"}))
        << "a prefix is of the text, not of folders";
    EXPECT_EQ(files().list(call, "outputs/3").value(), Keys{});
    EXPECT_EQ(files().list(call, "").value().size(), 5u);
}

// Job outputs carry whatever names their authors like.
TEST_P(FileStoreConformance, takes_names_as_people_write_them) {
    auto const file = local.write("in", "x");
    std::vector<std::string> const keys{"o/two words", "o/ümläut", "o/new\nline", "o/.hidden",
                                        "o/a..b",      "o/-rf",    "o/%41"};

    for (auto const& key : keys) EXPECT_EQ(files().put(call, key, file).value().key, key);

    auto const listed = files().list(call, "o/").value();
    EXPECT_EQ((std::set<std::string>{listed.begin(), listed.end()}), (std::set<std::string>{keys.begin(), keys.end()}));
    for (std::size_t i = 0; i < keys.size(); ++i)
        EXPECT_TRUE(files().get(call, keys[i], local / std::to_string(i)).has_value()) << keys[i];
}

TEST_P(FileStoreConformance, refuses_keys_that_lead_elsewhere) {
    auto const file = local.write("in", "x");

    for (std::string const key : {"", "/etc/passwd", "../up", "a/../../up", "a/..", "a//b", "a/", "./a"}) {
        EXPECT_EQ(error_of(files().put(call, key, file)), Errc::rejected) << key;
        EXPECT_EQ(error_of(files().get(call, key, local / "out")), Errc::rejected) << key;
        EXPECT_EQ(error_of(files().remove(call, key)), Errc::rejected) << key;
    }
    EXPECT_EQ(error_of(files().put(call, std::string{"a\0b", 3}, file)), Errc::rejected);
    EXPECT_FALSE(local.has("out"));
    EXPECT_FALSE(local.has("up"));
    EXPECT_TRUE(files().list(call, "").value().empty());
}

TEST_P(FileStoreConformance, an_input_is_what_its_name_says) {
    auto const key = std::string{"inputs/"} + hello_sha256;
    auto const other = local.write("other", "hallo");

    EXPECT_EQ(error_of(files().put(call, key, other)), Errc::rejected);
    EXPECT_EQ(files().find(call, key).value(), std::nullopt);
    EXPECT_EQ(files().put(call, key, local.write("in", "hello"))->sha256, hello_sha256);
}

TEST_P(FileStoreConformance, many_writers_of_one_key_agree) {
    constexpr std::size_t writers = 8;
    std::vector<std::string> digests(writers);
    for (std::size_t i = 0; i < writers; ++i) local.write(std::to_string(i), std::string(10'000 + i, 'x'));

    at_once(writers,
            [&](std::size_t i) { digests[i] = files().put(call, "same", local / std::to_string(i)).value().sha256; });

    for (auto const& digest : digests) EXPECT_EQ(digest, digests[0]);
    EXPECT_EQ(files().get(call, "same", local / "out")->sha256, digests[0]);
}

}  // namespace rgrid::testing
