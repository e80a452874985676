#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <rgrid/adapters/files/folder.hpp>
#include <rgrid/testing/file_store_conformance.hpp>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace rgrid::files {
namespace {

namespace fs = std::filesystem;

constexpr char const* hello_digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

class FolderTest : public ::testing::Test {
protected:
    FolderTest() {
        std::string pattern = fs::temp_directory_path() / "rgrid-files-XXXXXX";
        home_ = ::mkdtemp(pattern.data());
        root_ = home_ + "/store";
    }
    ~FolderTest() override { fs::remove_all(home_); }

    std::string local(std::string const& name, std::string const& content) {
        std::ofstream{home_ + "/" + name, std::ios::binary} << content;
        return home_ + "/" + name;
    }

    static std::string content_of(std::string const& path) {
        std::ifstream file{path, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    /// Everything in the store's scratch folder.
    std::size_t partials() const {
        if (!fs::exists(root_ + "/.partial")) return 0;
        return static_cast<std::size_t>(std::distance(fs::directory_iterator{root_ + "/.partial"}, {}));
    }

    std::string home_;
    std::string root_;
};

TEST_F(FolderTest, stores_and_fetches_the_same_bytes) {
    Folder folder{root_};
    std::string content(3 * 1024 * 1024 + 17, '\0');
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7);

    auto const stored = folder.put(Call{}, "outputs/5/1/result.bin", local("in", content)).value();
    auto const fetched = folder.get(Call{}, "outputs/5/1/result.bin", home_ + "/out").value();

    EXPECT_EQ(stored.key, "outputs/5/1/result.bin");
    EXPECT_EQ(stored.size, static_cast<std::int64_t>(content.size()));
    EXPECT_EQ(fetched.sha256, stored.sha256);
    EXPECT_EQ(content_of(home_ + "/out"), content);
    EXPECT_EQ(partials(), 0U);
}

// The digest is the one that every other tool computes.
TEST_F(FolderTest, computes_the_sha256_of_the_content) {
    Folder folder{root_};

    EXPECT_EQ(folder.put(Call{}, "a", local("in", "hello")).value().sha256, hello_digest);
    auto const hashed = hash_file(home_ + "/in").value();
    EXPECT_EQ(hashed.sha256, hello_digest);
    EXPECT_EQ(hashed.key, "in");
    EXPECT_EQ(hashed.size, 5);
    EXPECT_EQ(hash_file(home_ + "/none").error().code, Errc::not_found);
}

TEST_F(FolderTest, keeps_the_object_that_is_there) {
    Folder folder{root_};
    ASSERT_TRUE(folder.put(Call{}, "a", local("first", "hello")));

    auto const second = folder.put(Call{}, "a", local("second", "something else")).value();

    EXPECT_EQ(second.sha256, hello_digest);
    EXPECT_EQ(second.size, 5);
    EXPECT_EQ(content_of(root_ + "/a"), "hello");
}

TEST_F(FolderTest, one_of_many_concurrent_writers_wins_and_all_learn_which_object_is_there) {
    std::vector<std::thread> writers;
    std::vector<std::string> digests(8);
    for (std::size_t i = 0; i < digests.size(); ++i) local("in" + std::to_string(i), std::string(100'000 + i, 'x'));
    for (std::size_t i = 0; i < digests.size(); ++i)
        writers.emplace_back([&, i] {
            Folder folder{root_};
            digests[i] = folder.put(Call{}, "deep/er/object", home_ + "/in" + std::to_string(i)).value().sha256;
        });
    for (auto& writer : writers) writer.join();

    auto const there = hash_file(root_ + "/deep/er/object").value();
    for (auto const& digest : digests) EXPECT_EQ(digest, there.sha256);
    EXPECT_EQ(partials(), 0U);
}

TEST_F(FolderTest, looks_and_writes_succeed_while_others_store_and_remove_the_object) {
    local("in", "hello");
    std::vector<std::string> problems(4);
    std::vector<std::thread> users;
    for (auto& problem : problems)
        users.emplace_back([&problem, this] {
            Folder folder{root_};
            for (int i = 0; i < 300 && problem.empty(); ++i) {
                if (auto const found = folder.find(Call{}, "deep/object"); !found) problem = found.error().message;
                if (auto const put = folder.put(Call{}, "deep/object", home_ + "/in"); !put) problem = put.error().message;
                if (auto const gone = folder.remove(Call{}, "deep/object"); !gone) problem = gone.error().message;
            }
        });
    for (auto& user : users) user.join();

    EXPECT_EQ(problems, std::vector<std::string>(4));
    EXPECT_EQ(partials(), 0U);
}

TEST_F(FolderTest, an_input_must_have_the_digest_that_names_it) {
    Folder folder{root_};

    auto const refused = folder.put(Call{}, "inputs/" + std::string(64, '0'), local("in", "hello"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::rejected);
    EXPECT_NE(refused.error().message.find(hello_digest), std::string::npos) << refused.error().message;
    EXPECT_TRUE(folder.list(Call{}, "").value().empty());
    EXPECT_EQ(partials(), 0U);

    EXPECT_TRUE(folder.put(Call{}, std::string{"inputs/"} + hello_digest, home_ + "/in"));
}

// A disk that changed an input's bytes is noticed before a job computes with them.
TEST_F(FolderTest, refuses_to_hand_out_a_damaged_input) {
    Folder folder{root_};
    std::string const key = std::string{"inputs/"} + hello_digest;
    ASSERT_TRUE(folder.put(Call{}, key, local("in", "hello")));
    std::ofstream{root_ + "/" + key} << "hellO";

    auto const fetched = folder.get(Call{}, key, home_ + "/out");

    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code, Errc::rejected);
    EXPECT_FALSE(fs::exists(home_ + "/out"));
}

TEST_F(FolderTest, refuses_keys_that_are_no_paths_below_it) {
    Folder folder{root_};
    auto const file = local("in", "hello");
    for (std::string const& key :
         {std::string{}, std::string{"/etc/passwd"}, std::string{"../x"}, std::string{"a/../../x"}, std::string{"a//b"},
          std::string{"a/"}, std::string{"./a"}, std::string("a\0b", 3), std::string{".partial/x"},
          std::string(256, 'n'), std::string{".."}}) {
        SCOPED_TRACE(key);
        EXPECT_EQ(folder.put(Call{}, key, file).error().code, Errc::rejected);
        EXPECT_EQ(folder.get(Call{}, key, home_ + "/out").error().code, Errc::rejected);
        EXPECT_EQ(folder.find(Call{}, key).error().code, Errc::rejected);
        EXPECT_EQ(folder.remove(Call{}, key).error().code, Errc::rejected);
    }
    EXPECT_TRUE(fs::exists(file));
    EXPECT_TRUE(folder.list(Call{}, "../").value().empty());
}

TEST_F(FolderTest, takes_any_name_that_a_file_may_have) {
    Folder folder{root_};
    std::vector<std::string> const keys{" leading space", "-dash",           "a\nb",    "quote\"'`$(x)",
                                        "tab\there",      "wörter/日本.txt", "\xff\xfe"};
    for (auto const& key : keys) ASSERT_TRUE(folder.put(Call{}, key, local("in", key))) << key;

    EXPECT_EQ(folder.list(Call{}, "").value(), keys);
    for (auto const& key : keys) EXPECT_EQ(content_of(root_ + "/" + key), key);
}

TEST_F(FolderTest, lists_by_any_prefix_in_order) {
    Folder folder{root_};
    auto const file = local("in", "hello");
    for (char const* key : {"outputs/10/1/b", "outputs/1/1/a", "outputs/1/2/a", "other"})
        ASSERT_TRUE(folder.put(Call{}, key, file));
    using Keys = std::vector<std::string>;

    EXPECT_EQ(folder.list(Call{}, "outputs/1/").value(), (Keys{"outputs/1/1/a", "outputs/1/2/a"}));
    EXPECT_EQ(folder.list(Call{}, "outputs/1").value(), (Keys{"outputs/1/1/a", "outputs/1/2/a", "outputs/10/1/b"}));
    EXPECT_EQ(folder.list(Call{}, "o").value().size(), 4U);
    EXPECT_TRUE(folder.list(Call{}, "outputs/7/").value().empty());
    EXPECT_TRUE(Folder{home_ + "/never made"}.list(Call{}, "").value().empty());
}

TEST_F(FolderTest, find_tells_absence_from_trouble) {
    Folder folder{root_};
    ASSERT_TRUE(folder.put(Call{}, "a/b", local("in", "hello")));

    EXPECT_EQ(folder.find(Call{}, "a/b").value()->sha256, hello_digest);
    EXPECT_FALSE(folder.find(Call{}, "a").value());
    EXPECT_FALSE(folder.find(Call{}, "a/b/c").value());
    EXPECT_FALSE(folder.find(Call{}, "nothing").value());
    ASSERT_EQ(::symlink("loop", (root_ + "/loop").c_str()), 0);
    EXPECT_FALSE(folder.find(Call{}, "loop"));
}

TEST_F(FolderTest, refuses_a_key_that_is_a_folder_of_another) {
    Folder folder{root_};
    auto const file = local("in", "hello");
    ASSERT_TRUE(folder.put(Call{}, "a/b", file));

    EXPECT_EQ(folder.put(Call{}, "a", file).error().code, Errc::rejected);
    EXPECT_EQ(folder.put(Call{}, "a/b/c", file).error().code, Errc::rejected);
}

TEST_F(FolderTest, removes_once_and_for_all_and_leaves_no_empty_folders) {
    Folder folder{root_};
    ASSERT_TRUE(folder.put(Call{}, "outputs/1/1/a", local("in", "hello")));

    EXPECT_TRUE(folder.remove(Call{}, "outputs/1/1/a"));
    EXPECT_TRUE(folder.remove(Call{}, "outputs/1/1/a"));
    EXPECT_FALSE(fs::exists(root_ + "/outputs"));
    EXPECT_TRUE(folder.put(Call{}, "outputs/1/1/a", home_ + "/in"));
}

TEST_F(FolderTest, get_never_writes_over_a_file) {
    Folder folder{root_};
    ASSERT_TRUE(folder.put(Call{}, "a", local("in", "hello")));
    auto const mine = local("mine", "precious");

    EXPECT_EQ(folder.get(Call{}, "a", mine).error().code, Errc::rejected);
    EXPECT_EQ(content_of(mine), "precious");
    EXPECT_EQ(folder.get(Call{}, "none", home_ + "/out").error().code, Errc::not_found);
    EXPECT_FALSE(fs::exists(home_ + "/out"));
    // The object is there: a missing target folder must not look as if it were not.
    EXPECT_EQ(folder.get(Call{}, "a", home_ + "/no/such/folder").error().code, Errc::rejected);
}

TEST_F(FolderTest, only_regular_files_are_stored) {
    Folder folder{root_};
    ASSERT_EQ(::mkfifo((home_ + "/pipe").c_str(), 0600), 0);

    EXPECT_EQ(folder.put(Call{}, "a", home_).error().code, Errc::rejected);
    EXPECT_EQ(folder.put(Call{}, "a", home_ + "/pipe").error().code, Errc::rejected);
    EXPECT_EQ(folder.put(Call{}, "a", home_ + "/none").error().code, Errc::not_found);
}

TEST_F(FolderTest, a_stopped_copy_leaves_nothing) {
    Folder folder{root_};
    std::stop_source stop;
    stop.request_stop();

    EXPECT_EQ(folder.put(Call{.stop = stop.get_token()}, "a", local("in", "hello")).error().code, Errc::retry_later);
    EXPECT_TRUE(folder.list(Call{}, "").value().empty());
    EXPECT_EQ(partials(), 0U);
}

// A disk that takes no more in the middle of a copy, played by the limit on the size of a file.
TEST_F(FolderTest, a_disk_that_takes_no_more_is_an_error_and_stores_nothing) {
    Folder folder{root_};
    auto const file = local("in", std::string(2 * 1024 * 1024, 'x'));
    ASSERT_TRUE(folder.put(Call{}, "small", local("small", "hello")));
    auto const ignore = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    rlimit const tight{1024 * 1024, before.rlim_max};

    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    auto const stored = folder.put(Call{}, "big", file);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, ignore);

    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().code, Errc::rejected) << "nobody who asks again and again fills the disk again and again";
    EXPECT_NE(stored.error().message.find(root_), std::string::npos) << stored.error().message;
    EXPECT_EQ(folder.list(Call{}, "").value(), std::vector<std::string>{"small"});
    EXPECT_EQ(partials(), 0U);
}

TEST_F(FolderTest, what_can_never_fit_is_told_before_the_disk_is_full_of_it) {
    Folder folder{root_};
    auto const file = local("in", "");
    fs::resize_file(file, std::uintmax_t{1} << 43);

    auto const stored = folder.put(Call{}, "big", file);

    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().code, Errc::rejected);
    EXPECT_NE(stored.error().message.find(file + " has 8796093022208 bytes, but the disk of "), std::string::npos)
        << stored.error().message;
    EXPECT_EQ(partials(), 0U);
}

// The root's place is taken by a file: said with its path, whoever asks.
TEST_F(FolderTest, a_root_that_is_no_folder_is_an_error) {
    Folder folder{local("taken", "I am a file")};

    auto const stored = folder.put(Call{}, "a", local("in", "hello"));

    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().code, Errc::rejected);
    EXPECT_NE(stored.error().message.find(home_ + "/taken"), std::string::npos) << stored.error().message;
}

TEST_F(FolderTest, missing_permissions_are_for_an_operator) {
    Folder folder{root_};
    ASSERT_TRUE(folder.put(Call{}, "a", local("in", "hello")));
    ASSERT_EQ(::chmod((root_ + "/a").c_str(), 0), 0);
    // The superuser may read everything, so it looks with the rights of somebody else.
    constexpr unsigned nobody = 65534;
    if (::geteuid() == 0) ::setfsuid(nobody);

    auto const fetched = folder.get(Call{}, "a", home_ + "/out");
    auto const found = folder.find(Call{}, "a");
    ::setfsuid(::geteuid());

    EXPECT_EQ(fetched.error().code, Errc::denied);
    EXPECT_EQ(found.error().code, Errc::denied);
}

// What a writer that crashed left behind goes; what another process is just writing stays.
TEST_F(FolderTest, sweeps_what_crashed_writers_left) {
    fs::create_directories(root_ + "/.partial");
    std::ofstream{root_ + "/.partial/partial-1"} << "left by a crash";
    std::ofstream{root_ + "/.partial/partial-2"} << "being written";
    int const writer = ::open((root_ + "/.partial/partial-2").c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_EQ(::flock(writer, LOCK_EX), 0);

    Folder folder{root_};

    EXPECT_FALSE(fs::exists(root_ + "/.partial/partial-1"));
    EXPECT_TRUE(fs::exists(root_ + "/.partial/partial-2"));
    EXPECT_TRUE(folder.list(Call{}, "").value().empty());
    ::close(writer);
}

}  // namespace
}  // namespace rgrid::files

namespace rgrid::testing {
INSTANTIATE_TEST_SUITE_P(Files, FileStoreConformance,
                         ::testing::Values(FileStoreFactory{"folder",
                                                            [](std::string const& folder) {
                                                                return std::make_unique<files::Folder>(folder);
                                                            }}),
                         FactoryName{});
}
