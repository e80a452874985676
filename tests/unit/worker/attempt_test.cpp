#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <rgrid/worker/attempt.hpp>
#include <rgrid/worker/staging.hpp>
#include <stdexcept>

#include "fakes.hpp"

namespace rgrid::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class AttemptTest : public ::testing::Test {
protected:
    AttemptTest() {
        settings.folder = (home.path / "work").string();
        lease.job = JobId{7};
        lease.epoch = LeaseEpoch{3};
    }

    Completion run(ScriptedExecutor::Script script, std::stop_token stop = {}) {
        ScriptedExecutor executor{[&](Execution const& execution, LogSink const& log, std::stop_token token) {
            ++started;
            return script(execution, log, token);
        }};
        executor.in_folder = in_folder;
        return run_attempt({store, executor, files, clock}, settings, {WorkerId{"w1"}, Incarnation{2}}, lease, stop);
    }

    /// A job that writes these files and succeeds.
    Completion run_writing(std::map<std::string, std::string> written) {
        return run([&](Execution const& execution, LogSink const&, std::stop_token) {
            for (auto const& [path, text] : written) write_file(fs::path{execution.folder} / path, text);
            return success();
        });
    }

    std::vector<std::string> outputs_of(Completion const& completion) const {
        std::vector<std::string> paths;
        for (auto const& output : completion.outputs) paths.push_back(output.path);
        return paths;
    }

    TestFolder home;
    HastyClock clock;
    FakeLogStore store;
    FakeFiles files;
    AttemptSettings settings;
    Lease lease;
    int started = 0;
    bool in_folder = true;
};

TEST_F(AttemptTest, RunsInAnEmptyFolderOfItsOwn) {
    auto const folder = home.path / "work" / "7-3";
    write_file(folder / "leftover", "of a crash");
    settings.kill_grace = 4s;
    auto const completion = run([&](Execution const& execution, LogSink const&, std::stop_token) {
        EXPECT_EQ(execution.folder, folder.string());
        EXPECT_EQ(execution.kill_grace, 4s);
        EXPECT_EQ(execution.lease, lease);
        EXPECT_TRUE(fs::is_empty(folder));
        return success();
    });

    EXPECT_EQ(completion.job, JobId{7});
    EXPECT_EQ(completion.epoch, LeaseEpoch{3});
    EXPECT_EQ(completion.outcome, Outcome::succeeded);
    EXPECT_EQ(completion.message, "");
    EXPECT_EQ(completion.ran, 3s);
    EXPECT_FALSE(fs::exists(folder));
}

// Of a program that runs its jobs itself: making and removing it would take longer than many a job.
TEST_F(AttemptTest, GetsNoFolderIfNothingIsToBePlacedInOne) {
    in_folder = false;
    auto const completion = run([&](Execution const& execution, LogSink const&, std::stop_token) {
        EXPECT_FALSE(fs::exists(execution.folder));
        EXPECT_FALSE(fs::exists(settings.folder));
        return success();
    });

    EXPECT_EQ(completion.outcome, Outcome::succeeded) << completion.message;
    EXPECT_EQ(started, 1);
}

TEST_F(AttemptTest, GetsAFolderForInputsOrOutputsWhateverRunsIt) {
    in_folder = false;
    lease.spec.outputs = {"a"};
    auto const delivered = run_writing({{"a", "x"}});
    lease.spec.outputs = {};
    lease.spec.inputs = {files.add_input("b", "y")};
    std::string found;
    run([&](Execution const& execution, LogSink const&, std::stop_token) {
        found = read_file(fs::path{execution.folder} / "b");
        return success();
    });

    EXPECT_EQ(outputs_of(delivered), std::vector<std::string>{"a"}) << delivered.message;
    EXPECT_EQ(found, "y");
    EXPECT_FALSE(fs::exists(home.path / "work" / "7-3"));
}

TEST_F(AttemptTest, KeepsTheFolderIfToldTo) {
    settings.keep_folders = true;
    run_writing({{"a", "x"}});

    EXPECT_TRUE(fs::exists(home.path / "work" / "7-3" / "a"));
}

// A sick machine must not use up the attempts of every job it can claim.
TEST_F(AttemptTest, AFolderThatCannotBeMadeGivesTheJobBackUncharged) {
    write_file(home.path / "work", "a file is in the way");
    auto const completion = run_writing({});

    EXPECT_EQ(started, 0);
    EXPECT_EQ(completion.outcome, Outcome::released);
    EXPECT_THAT(completion.message, HasSubstr(settings.folder + "/7-3"));
}

TEST_F(AttemptTest, RemovesAFolderThatTheJobMadeReadOnly) {
    run([&](Execution const& execution, LogSink const&, std::stop_token) {
        write_file(fs::path{execution.folder} / "d" / "f", "x");
        fs::permissions(fs::path{execution.folder} / "d", fs::perms::none);
        return success();
    });

    EXPECT_FALSE(fs::exists(home.path / "work" / "7-3"));
}

// ---- inputs ----------------------------------------------------------------------------------------------------

TEST_F(AttemptTest, PlacesItsInputs) {
    lease.spec.inputs = {files.add_input("data/a.csv", "1,2"), files.add_input("run.sh", "#!/bin/sh")};
    lease.spec.inputs[1].executable = true;
    run([&](Execution const& execution, LogSink const&, std::stop_token) {
        fs::path const folder{execution.folder};
        EXPECT_EQ(read_file(folder / "data/a.csv"), "1,2");
        EXPECT_EQ(fs::status(folder / "data/a.csv").permissions() & fs::perms::owner_exec, fs::perms::none);
        EXPECT_NE(fs::status(folder / "run.sh").permissions() & fs::perms::owner_exec, fs::perms::none);
        return success();
    });

    EXPECT_EQ(started, 1);
}

TEST_F(AttemptTest, AnInputThatIsNotThereIsTheResult) {
    lease.spec.inputs = {{"data.csv", "abc", 3}};
    auto const completion = run_writing({});

    EXPECT_EQ(started, 0);
    EXPECT_EQ(completion.outcome, Outcome::failed);
    EXPECT_EQ(completion.message, "input 'data.csv' cannot be fetched: inputs/abc is not in the file store");
}

TEST_F(AttemptTest, AnInputWithAnotherDigestIsTheResult) {
    lease.spec.inputs = {files.add_input("data.csv", "good")};
    files.objects["inputs/" + lease.spec.inputs[0].sha256] = "bad";
    auto const completion = run_writing({});

    EXPECT_EQ(started, 0);
    EXPECT_EQ(completion.outcome, Outcome::failed);
    EXPECT_EQ(completion.message, "input 'data.csv' has the SHA-256 digest of bad; expected digest of good");
}

TEST_F(AttemptTest, AnInputThatWouldLieElsewhereIsTheResult) {
    for (auto const* path : {"../x", "/etc/x", "a/../../x", ""}) {
        lease.spec.inputs = {files.add_input(path, "x")};
        auto const completion = run_writing({});

        EXPECT_EQ(completion.outcome, Outcome::failed);
        EXPECT_THAT(completion.message, HasSubstr("input '" + std::string{path} + "' has a path that leaves"));
    }
    EXPECT_EQ(started, 0);
    EXPECT_FALSE(fs::exists(home.path / "x"));
}

TEST_F(AttemptTest, AnInputBelowAFileIsTheResult) {
    lease.spec.inputs = {files.add_input("a", "x"), files.add_input("a/b", "y")};
    auto const completion = run_writing({});

    EXPECT_EQ(completion.outcome, Outcome::failed);
    EXPECT_THAT(completion.message, HasSubstr("input 'a/b' cannot be placed"));
}

TEST_F(AttemptTest, RepeatsTransfersThatMaySucceedLater) {
    lease.spec.inputs = {files.add_input("a", "x")};
    lease.spec.outputs = {"b"};
    files.errors["inputs/" + lease.spec.inputs[0].sha256] = {{Errc::retry_later, "busy"}, {Errc::in_doubt, "lost"}};
    files.errors["outputs/7/3/b"] = {{Errc::in_doubt, "lost"}};
    auto const completion = run_writing({{"b", "y"}});

    EXPECT_EQ(completion.outcome, Outcome::succeeded) << completion.message;
}

TEST_F(AttemptTest, ATransferThatTakesTooLongIsTheResult) {
    lease.spec.inputs = {files.add_input("a", "x")};
    files.errors["inputs/" + lease.spec.inputs[0].sha256] = std::vector(1000, Error{Errc::retry_later, "busy"});
    auto const completion = run_writing({});

    EXPECT_EQ(started, 0);
    EXPECT_EQ(completion.message, "input 'a' cannot be fetched: busy");
}

// ---- outputs ---------------------------------------------------------------------------------------------------

TEST_F(AttemptTest, StoresWhatItsGlobsName) {
    lease.spec.outputs = {"*.txt", "deep/**/*.csv"};
    auto const completion =
        run_writing({{"a.txt", "A"}, {"b.log", "B"}, {"deep/c.csv", "C"}, {"deep/er/d.csv", "D"}, {"deep/e.txt", "E"}});

    EXPECT_EQ(outputs_of(completion), (std::vector<std::string>{"a.txt", "deep/c.csv", "deep/er/d.csv"}));
    EXPECT_EQ(completion.outputs[0], (OutputFile{"a.txt", FakeFiles::digest("A"), 1}));
    EXPECT_EQ(files.objects["outputs/7/3/deep/er/d.csv"], "D");
    EXPECT_EQ(files.objects.size(), 4u) << "the outputs and their receipt";
}

TEST_F(AttemptTest, AFolderMeansAllThatIsInIt) {
    lease.spec.outputs = {"out/", "out/a"};
    auto const completion = run_writing({{"out/a", "A"}, {"out/b/c", "C"}, {"other", "O"}});

    EXPECT_EQ(outputs_of(completion), (std::vector<std::string>{"out/a", "out/b/c"})) << "each once";
}

TEST_F(AttemptTest, AGlobThatNamesNothingIsAFailureThatShowsWhatIsThere) {
    lease.spec.outputs = {"model.bin"};
    auto const completion = run_writing({{"Model.bin", "x"}, {"log/run.txt", "x"}});

    EXPECT_EQ(completion.outcome, Outcome::failed);
    EXPECT_EQ(completion.message,
              "output 'model.bin' names no file in the working folder; it holds Model.bin, log/run.txt");
    EXPECT_TRUE(completion.outputs.empty());
}

TEST_F(AttemptTest, WhatIsThereIsShownShortened) {
    lease.spec.outputs = {"x"};
    std::map<std::string, std::string> many;
    for (char c = 'a'; c < 'l'; ++c) many[std::string{"f"} + c] = "";

    EXPECT_THAT(run_writing(many).message, HasSubstr("it holds fa, fb, fc, fd, fe, ff, fg, fh and 3 more"));
    EXPECT_THAT(run_writing({}).message, HasSubstr("it is empty"));
}

TEST_F(AttemptTest, TooManyOutputsAreRefusedBeforeAnyIsStored) {
    lease.spec.outputs = {"**"};
    auto const completion = run([&](Execution const& execution, LogSink const&, std::stop_token) {
        for (int i = 0; i <= 10'000; ++i) std::ofstream{fs::path{execution.folder} / std::to_string(i)};
        return success();
    });

    EXPECT_EQ(completion.outcome, Outcome::failed);
    EXPECT_EQ(completion.message, "the outputs are 10001 files; expected at most 10000: pack them into one");
    EXPECT_EQ(files.asked, 0);
}

TEST_F(AttemptTest, AnEmptyFolderIsNoOutput) {
    lease.spec.outputs = {"out"};
    auto const completion = run([&](Execution const& execution, LogSink const&, std::stop_token) {
        fs::create_directory(fs::path{execution.folder} / "out");
        return success();
    });

    EXPECT_EQ(completion.outcome, Outcome::failed);
}

TEST_F(AttemptTest, AGlobThatLeavesTheFolderIsRefused) {
    for (auto const* glob : {"../*", "/etc/*"}) {
        lease.spec.outputs = {glob};
        auto const completion = run_writing({{"a", "x"}});

        EXPECT_EQ(completion.outcome, Outcome::failed);
        EXPECT_THAT(completion.message, HasSubstr("output '" + std::string{glob} + "' leaves the working folder"));
    }
}

TEST_F(AttemptTest, ALinkOutOfTheFolderIsRefused) {
    write_file(home.path / "secret", "key");
    lease.spec.outputs = {"*"};
    auto const completion = run([&](Execution const& execution, LogSink const&, std::stop_token) {
        fs::create_symlink(home.path / "secret", fs::path{execution.folder} / "innocent");
        return success();
    });

    EXPECT_EQ(completion.outcome, Outcome::failed);
    EXPECT_THAT(completion.message, AllOf(HasSubstr("output 'innocent' is a link out of the working folder"),
                                          HasSubstr((home.path / "secret").string())));
    EXPECT_TRUE(files.objects.empty());
}

// "7-3" must not be taken for the inside of "7-30".
TEST_F(AttemptTest, ALinkIntoANeighbourWithASimilarNameIsRefused) {
    write_file(home.path / "work" / "7-30" / "secret", "key");
    lease.spec.outputs = {"*"};
    auto const completion = run([&](Execution const& execution, LogSink const&, std::stop_token) {
        fs::create_symlink("../7-30/secret", fs::path{execution.folder} / "innocent");
        return success();
    });

    EXPECT_THAT(completion.message, HasSubstr("is a link out of the working folder"));
}

TEST_F(AttemptTest, ALinkInsideTheFolderIsFollowedToAFile) {
    lease.spec.outputs = {"latest", "loop"};
    auto const completion = run([&](Execution const& execution, LogSink const&, std::stop_token) {
        fs::path const folder{execution.folder};
        write_file(folder / "runs/1", "one");
        fs::create_symlink("runs/1", folder / "latest");
        fs::create_directory(folder / "loop");
        fs::create_symlink("..", folder / "loop/up");
        write_file(folder / "loop/x", "X");
        return success();
    });

    EXPECT_EQ(outputs_of(completion), (std::vector<std::string>{"latest", "loop/x"})) << completion.message;
    EXPECT_EQ(files.objects["outputs/7/3/latest"], "one");
}

TEST_F(AttemptTest, WhatIsNoFileIsNamedForWhatItIs) {
    lease.spec.outputs = {"x"};
    auto const message = [&](auto const& make) {
        return run([&](Execution const& execution, LogSink const&, std::stop_token) {
                   make(execution.folder + "/x");
                   return success();
               })
            .message;
    };

    EXPECT_EQ(message([](std::string const& path) { ::mkfifo(path.c_str(), 0600); }),
              "output 'x' is a named pipe; expected a file");
    EXPECT_EQ(message([](std::string const& path) { fs::create_directory(path); }),
              "output 'x' is a folder without files; expected a file");
    EXPECT_EQ(message([](std::string const& path) {
                  fs::create_directory(path);
                  ::mkfifo((path + "/y").c_str(), 0600);
              }),
              "output 'x' is a folder without files; expected a file");
    EXPECT_EQ(message([](std::string const& path) { fs::create_symlink(".", path); }),
              "output 'x' is a link to what is no file; expected a file");
    lease.spec.outputs = {"x*"};
    EXPECT_EQ(message([](std::string const& path) { ::mkfifo(path.c_str(), 0600); }),
              "output 'x*' names no file: x is a named pipe");
}

TEST_F(AttemptTest, APipeAmongTheFilesOfAGlobIsLeftOut) {
    lease.spec.outputs = {"*"};
    auto const completion = run([&](Execution const& execution, LogSink const&, std::stop_token) {
        ::mkfifo((execution.folder + "/pipe").c_str(), 0600);
        write_file(fs::path{execution.folder} / "a", "A");
        return success();
    });

    EXPECT_EQ(outputs_of(completion), std::vector<std::string>{"a"}) << completion.message;
}

TEST_F(AttemptTest, AnyTextIsANameAndOtherBytesAreRefusedRatherThanChanged) {
    lease.spec.outputs = {"*"};
    auto const completion =
        run_writing({{"with space", "1"}, {"new\nline", "2"}, {"\u00fc\u20ac", "3"}, {"a\\b\"", "4"}});
    EXPECT_EQ(outputs_of(completion), (std::vector<std::string>{"a\\b\"", "new\nline", "with space", "\u00fc\u20ac"}));

    lease.epoch = LeaseEpoch{4};
    auto const refused = run_writing({{"bad\xff\n", "1"}});
    EXPECT_EQ(refused.outcome, Outcome::failed);
    EXPECT_EQ(refused.message, "output 'bad\\xff\\x0a' has a name that is no UTF-8; expected text");

    lease.spec.outputs = {"good"};
    EXPECT_EQ(run_writing({{"bad\xff", "1"}, {"good", "2"}}).outcome, Outcome::succeeded) << "nobody asked for it";
}

// Where the store is on the disk that the job has filled, its last words need the room that its files take.
TEST_F(AttemptTest, AFailedJobsFilesGoBeforeTheRestOfItsLogIsStored) {
    std::string folder;
    bool full = true;
    store.take = [&](LogChunk const&) -> Result<> {
        full = full && fs::exists(folder);
        if (full) return fail(Errc::retry_later, "disk full");
        return {};
    };
    auto const completion = run([&](Execution const& execution, LogSink const& log, std::stop_token) {
        folder = execution.folder;
        log("no space left\n");
        return ExecutionReport{Outcome::failed, 1, "exit code 1", 1s};
    });

    EXPECT_EQ(completion.outcome, Outcome::failed);
    EXPECT_EQ(store.text(), "no space left\n");
}

TEST_F(AttemptTest, ALinkToNothingIsRefused) {
    lease.spec.outputs = {"*"};
    auto const completion = run([&](Execution const& execution, LogSink const&, std::stop_token) {
        fs::create_symlink("gone", fs::path{execution.folder} / "link");
        return success();
    });

    EXPECT_THAT(completion.message, HasSubstr("output 'link' is a link that leads nowhere"));
}

TEST_F(AttemptTest, LinksThatNoGlobNamesDoNotMatter) {
    lease.spec.outputs = {"a"};
    auto const completion = run([&](Execution const& execution, LogSink const&, std::stop_token) {
        write_file(fs::path{execution.folder} / "a", "A");
        fs::create_symlink("/etc/hostname", fs::path{execution.folder} / "link");
        return success();
    });

    EXPECT_EQ(completion.outcome, Outcome::succeeded) << completion.message;
}

TEST_F(AttemptTest, AnOutputThatCannotBeStoredIsTheResultAndNothingIsLeft) {
    lease.spec.outputs = {"*"};
    files.errors["outputs/7/3/b"] = {{Errc::rejected, "b: Permission denied"}};
    auto const completion = run_writing({{"a", "A"}, {"b", "B"}});

    EXPECT_EQ(completion.outcome, Outcome::failed);
    EXPECT_EQ(completion.message, "output 'b' cannot be stored: b: Permission denied");
    EXPECT_TRUE(completion.outputs.empty());
    EXPECT_TRUE(files.objects.empty());
}

TEST_F(AttemptTest, AJobThatCannotDeliverIsNotStarted) {
    for (auto const* key : {"outputs/7/3/old", "outputs/7/3.json"}) {
        files.objects = {{key, "of a lost time"}};
        lease.spec.outputs = {"*"};
        auto const completion = run_writing({{"a", "A"}});

        EXPECT_EQ(started, 0);
        EXPECT_EQ(completion.outcome, Outcome::failed);
        EXPECT_THAT(completion.message, HasSubstr(std::string{"already holds "} + key));
        EXPECT_EQ(files.objects.size(), 1u);
    }
    lease.spec.outputs.clear();
    EXPECT_EQ(run_writing({}).outcome, Outcome::succeeded) << "it has nothing to deliver";
}

TEST_F(AttemptTest, AFailedJobDeliversNothing) {
    lease.spec.outputs = {"*"};
    auto const completion = run([&](Execution const& execution, LogSink const&, std::stop_token) {
        write_file(fs::path{execution.folder} / "half", "x");
        return ExecutionReport{Outcome::failed, 3, "ended with exit code 3", 2s};
    });

    EXPECT_EQ(completion.outcome, Outcome::failed);
    EXPECT_EQ(completion.exit_code, 3);
    EXPECT_EQ(completion.message, "ended with exit code 3");
    EXPECT_EQ(completion.ran, 2s);
    EXPECT_TRUE(files.objects.empty());
}

// ---- executing -------------------------------------------------------------------------------------------------

TEST_F(AttemptTest, TheLogIsStoredBeforeTheResultIsThere) {
    run([&](Execution const&, LogSink const& log, std::stop_token) {
        log("hello ");
        log("world");
        return success();
    });

    EXPECT_EQ(store.text(), "hello world");
    EXPECT_EQ(store.chunks[0].job, JobId{7});
    EXPECT_EQ(store.chunks[0].epoch, LeaseEpoch{3});
    EXPECT_EQ(store.worker, WorkerId{"w1"});
    EXPECT_EQ(store.incarnation, Incarnation{2});
}

TEST_F(AttemptTest, AJobThatCannotBeStartedIsTheResult) {
    auto const completion = run([](Execution const&, LogSink const&, std::stop_token) -> Result<ExecutionReport> {
        return fail(Errc::rejected, "no such program: pyton");
    });

    EXPECT_EQ(completion.outcome, Outcome::failed);
    EXPECT_EQ(completion.message, "no such program: pyton");
}

TEST_F(AttemptTest, AJobThatTheMachineHasNoRoomForNowIsGivenBack) {
    auto const completion = run([](Execution const&, LogSink const&, std::stop_token) -> Result<ExecutionReport> {
        return fail(Errc::retry_later, "no more processes");
    });

    EXPECT_EQ(completion.outcome, Outcome::released);
    EXPECT_EQ(completion.message, "no more processes");
}

TEST_F(AttemptTest, AnExecutorThatThrowsIsTheResult) {
    auto const completion = run([](Execution const&, LogSink const&, std::stop_token) -> Result<ExecutionReport> {
        throw std::runtime_error("out of luck");
    });

    EXPECT_EQ(completion.outcome, Outcome::failed);
    EXPECT_EQ(completion.message, "the worker could not run it: out of luck");
    EXPECT_FALSE(fs::exists(home.path / "work" / "7-3"));
}

TEST_F(AttemptTest, AStopRequestReachesTheJob) {
    std::stop_source stop;
    auto const completion = run(
        [&](Execution const&, LogSink const&, std::stop_token token) {
            stop.request_stop();
            EXPECT_TRUE(token.stop_requested());
            return ExecutionReport{Outcome::cancelled, 143, "cancelled", 1s};
        },
        stop.get_token());

    EXPECT_EQ(completion.outcome, Outcome::cancelled);
}

TEST_F(AttemptTest, StoppedBeforeItsInputsAreThereItIsCancelledUnstarted) {
    std::stop_source stop;
    stop.request_stop();
    lease.spec.inputs = {files.add_input("a", "x")};
    auto const completion =
        run([](Execution const&, LogSink const&, std::stop_token) { return success(); }, stop.get_token());

    EXPECT_EQ(started, 0);
    EXPECT_EQ(files.asked, 0);
    EXPECT_EQ(completion.outcome, Outcome::cancelled);
}

TEST_F(AttemptTest, StoppedBeforeItBeginsItIsNotStarted) {
    std::stop_source stop;
    stop.request_stop();
    auto const completion =
        run([](Execution const&, LogSink const&, std::stop_token) { return success(); }, stop.get_token());

    EXPECT_EQ(started, 0);
    EXPECT_EQ(completion.outcome, Outcome::cancelled);
}

TEST_F(AttemptTest, StoppedBeforeItsOutputsAreStoredItIsCancelled) {
    std::stop_source stop;
    lease.spec.outputs = {"*"};
    auto const completion = run(
        [&](Execution const& execution, LogSink const&, std::stop_token) {
            write_file(fs::path{execution.folder} / "a", "x");
            stop.request_stop();
            return success();
        },
        stop.get_token());

    EXPECT_EQ(completion.outcome, Outcome::cancelled);
    EXPECT_TRUE(files.objects.empty());
}

TEST_F(AttemptTest, SweepsWhatAKilledAgentLeftAndNothingElse) {
    for (auto const* name : {"7-3", "12-1", "notes", "7-x", "-3", "7-"})
        write_file(home.path / "work" / name / "f", "x");
    sweep_attempt_folders(settings);

    std::vector<std::string> left;
    for (auto const& entry : fs::directory_iterator{settings.folder}) left.push_back(entry.path().filename().string());
    EXPECT_THAT(left, ::testing::UnorderedElementsAre("notes", "7-x", "-3", "7-"));
}

}  // namespace
}  // namespace rgrid::testing
