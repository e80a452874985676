#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/file_store.hpp>
#include <rgrid/ports/job_executor.hpp>
#include <rgrid/ports/work_source.hpp>
#include <rgrid/testing/threads.hpp>
#include <string>
#include <thread>
#include <vector>

namespace rgrid::testing {

/// A clock whose sleepers never wait: time passes by as much as they would have slept.
class HastyClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return Instant{steady_now().time_since_epoch()}; }

    [[nodiscard]] SteadyInstant steady_now() const override {
        std::scoped_lock const lock{mutex_};
        return steady_;
    }

    bool sleep_until(SteadyInstant until, std::stop_token stop) override {
        if (stop.stop_requested()) return false;
        std::scoped_lock const lock{mutex_};
        steady_ = std::max(steady_, until);
        return true;
    }

private:
    mutable std::mutex mutex_;
    SteadyInstant steady_{1000s};
};

/// Time as it is: for tests in which threads really wait for each other.
class RealClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override {
        return std::chrono::floor<Duration>(std::chrono::system_clock::now());
    }
    [[nodiscard]] SteadyInstant steady_now() const override {
        return std::chrono::floor<Duration>(std::chrono::steady_clock::now());
    }
    bool sleep_until(SteadyInstant until, std::stop_token stop) override {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock{mutex};
        return !never.wait_until(lock, stop, until, [] { return false; }) && !stop.stop_requested();
    }
};

/// A folder of its own for one test, gone with it.
class TestFolder {
public:
    TestFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "rgrid-worker-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) std::abort();
        path = pattern;
    }
    ~TestFolder() { std::filesystem::remove_all(path); }
    TestFolder(TestFolder const&) = delete;
    TestFolder& operator=(TestFolder const&) = delete;

    std::filesystem::path path;
};

inline void write_file(std::filesystem::path const& path, std::string const& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path, std::ios::binary} << text;
}

inline std::string read_file(std::filesystem::path const& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

/// Objects in memory. Their digest is made up: what matters here is only that it is compared.
class FakeFiles final : public FileStore {
public:
    static std::string digest(std::string const& text) { return "digest of " + text; }

    /// Stores an input and returns how a spec names it.
    InputFile add_input(std::string const& path, std::string const& text) {
        objects["inputs/" + digest(text)] = text;
        return {path, digest(text), static_cast<std::int64_t>(text.size())};
    }

    Result<StoredFile> put(Call const&, std::string const& key, std::string const& local_path) override {
        std::scoped_lock const lock{mutex};
        if (before_put) before_put(key);
        if (auto const error = next_error(key)) return *error;
        auto const& text = objects.emplace(key, read_file(local_path)).first->second;
        return StoredFile{key, static_cast<std::int64_t>(text.size()), digest(text)};
    }

    Result<StoredFile> get(Call const&, std::string const& key, std::string const& local_path) override {
        std::scoped_lock const lock{mutex};
        if (auto const error = next_error(key)) return *error;
        auto const found = objects.find(key);
        if (found == objects.end()) return fail(Errc::not_found, key + " is not in the file store");
        if (std::filesystem::exists(local_path)) return fail(Errc::rejected, local_path + " exists");
        std::ofstream{local_path, std::ios::binary} << found->second;
        return StoredFile{key, static_cast<std::int64_t>(found->second.size()), digest(found->second)};
    }

    Result<std::optional<StoredFile>> find(Call const&, std::string const& key) override {
        std::scoped_lock const lock{mutex};
        auto const found = objects.find(key);
        if (found == objects.end()) return std::optional<StoredFile>{};
        return std::optional{StoredFile{key, static_cast<std::int64_t>(found->second.size()), digest(found->second)}};
    }

    Result<> remove(Call const&, std::string const& key) override {
        std::scoped_lock const lock{mutex};
        objects.erase(key);
        return {};
    }

    Result<std::vector<std::string>> list(Call const&, std::string const& prefix) override {
        std::scoped_lock const lock{mutex};
        std::vector<std::string> keys;
        for (auto const& [key, text] : objects)
            if (key.starts_with(prefix)) keys.push_back(key);
        return keys;
    }

    /// The next calls for a key answer with these, one each.
    std::map<std::string, std::vector<Error>> errors;
    std::map<std::string, std::string> objects;
    std::function<void(std::string const& key)> before_put;  ///< What happens just before an object is stored.
    int asked = 0;  ///< How many objects were put or fetched, or should have been.
    std::mutex mutex;

private:
    std::optional<Error> next_error(std::string const& key) {
        ++asked;
        auto const found = errors.find(key);
        if (found == errors.end() || found->second.empty()) return std::nullopt;
        auto error = found->second.front();
        found->second.erase(found->second.begin());
        return error;
    }
};

/// Runs a function in place of a job.
class ScriptedExecutor final : public JobExecutor {
public:
    using Script = std::function<Result<ExecutionReport>(Execution const&, LogSink const&, std::stop_token)>;

    explicit ScriptedExecutor(Script job) : script(std::move(job)) {}

    Result<ExecutionReport> run(Call const& call, Execution const& execution, LogSink const& log) override {
        return script(execution, log, call.stop);
    }
    [[nodiscard]] bool needs_folder() const noexcept override { return in_folder; }

    Script script;
    bool in_folder = true;
};

inline ExecutionReport success() {
    return {Outcome::succeeded, 0, {}, 3s};
}

/// Takes logs, and what a test wants done with them; refuses everything else.
class FakeLogStore final : public WorkSource {
public:
    using Taker = std::function<Result<>(LogChunk const&)>;

    explicit FakeLogStore(Taker taker = [](LogChunk const&) { return Result<>{}; }) : take(std::move(taker)) {}

    Result<Registered> register_worker(Call const&, Registration const&) override { return fail(Errc::bug, "unused"); }
    Result<BeatReply> beat(Call const&, WorkerId const&, Incarnation, BeatCount, bool) override {
        return fail(Errc::bug, "unused");
    }
    Result<std::vector<Lease>> claim(Call const&, WorkerId const&, Incarnation, BeatCount, int) override {
        return fail(Errc::bug, "unused");
    }
    Result<std::vector<Verdict>> complete(Call const&, WorkerId const&, Incarnation,
                                          std::vector<Completion> const&) override {
        return fail(Errc::bug, "unused");
    }

    Result<> append_log(Call const&, WorkerId const& from, Incarnation run, LogChunk const& chunk) override {
        auto const answer = take(chunk);
        std::scoped_lock const lock{mutex};
        ++calls;
        worker = from;
        incarnation = run;
        if (answer) chunks.push_back(chunk);
        return answer;
    }

    std::string text() const {
        std::scoped_lock const lock{mutex};
        std::string all;
        for (auto const& chunk : chunks) all += chunk.text;
        return all;
    }

    std::size_t stored() const {
        std::scoped_lock const lock{mutex};
        return chunks.size();
    }

    int called() const {
        std::scoped_lock const lock{mutex};
        return calls;
    }

    Taker take;
    WorkerId worker;
    Incarnation incarnation;
    std::vector<LogChunk> chunks;

private:
    mutable std::mutex mutex;
    int calls = 0;
};

}  // namespace rgrid::testing
