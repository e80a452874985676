#pragma once

#include <gtest/gtest.h>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <rgrid/adapters/gateway/client.hpp>
#include <rgrid/adapters/gateway/gateway.hpp>
#include <rgrid/adapters/http/client.hpp>
#include <rgrid/adapters/memory/files.hpp>
#include <rgrid/adapters/memory/store.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/temp_folder.hpp>
#include <string>

namespace rgrid::gateway {

/// A call with ten seconds.
[[nodiscard]] Call some_time();

/// Waits for a condition; false if it does not come to be within ten seconds.
bool eventually(std::function<bool()> const& condition);

/// The token that a test's worker has.
[[nodiscard]] Secret token_of(std::string const& worker);

/// A store that a test puts into the place of another, or whose answers it gives.
class ScriptedStore final : public WorkSource {
public:
    std::optional<Error> problem;
    std::atomic<int> claims{0};
    std::function<void()> after_beat;  ///< While its answer is on its way.
    WorkSource* behind = nullptr;

    Result<Registered> register_worker(Call const& call, Registration const& who) override {
        if (problem) return *problem;
        return behind->register_worker(call, who);
    }
    Result<BeatReply> beat(Call const& call, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                           bool leaving) override {
        if (problem) return *problem;
        auto reply = behind->beat(call, worker, incarnation, acknowledged, leaving);
        if (after_beat) after_beat();
        return reply;
    }
    Result<std::vector<Lease>> claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                     BeatCount acknowledged, int slots) override {
        ++claims;
        if (problem) return *problem;
        return behind->claim(call, worker, incarnation, acknowledged, slots);
    }
    Result<std::vector<Verdict>> complete(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                          std::vector<Completion> const& completions) override {
        if (problem) return *problem;
        return behind->complete(call, worker, incarnation, completions);
    }
    Result<> append_log(Call const& call, WorkerId const& worker, Incarnation incarnation,
                        LogChunk const& chunk) override {
        if (problem) return *problem;
        return behind->append_log(call, worker, incarnation, chunk);
    }
};

/// Identities as a test says.
class ToldIdentities final : public Identities {
public:
    void tell(WorkerId const& worker, Identity identity);
    void forget(WorkerId const& worker);

    Result<std::optional<Identity>> find(Call const& call, WorkerId const& worker) override;

private:
    std::mutex mutex_;
    std::map<WorkerId, Identity> known_;
};

/// Files that are not reached before the test says so.
class StuckFiles final : public FileStore {
public:
    explicit StuckFiles(FileStore& behind) : behind_(behind) {}

    void let_go() {
        std::scoped_lock const lock{mutex_};
        stuck_ = false;
        changed_.notify_all();
    }
    [[nodiscard]] int waiting() const { return waiting_; }

    Result<StoredFile> put(Call const& call, std::string const& key, std::string const& path) override {
        wait(call);
        return behind_.put(call, key, path);
    }
    Result<StoredFile> get(Call const& call, std::string const& key, std::string const& path) override {
        wait(call);
        return behind_.get(call, key, path);
    }
    Result<std::optional<StoredFile>> find(Call const& call, std::string const& key) override {
        wait(call);
        return behind_.find(call, key);
    }
    Result<> remove(Call const& call, std::string const& key) override {
        wait(call);
        return behind_.remove(call, key);
    }
    Result<std::vector<std::string>> list(Call const& call, std::string const& prefix) override {
        wait(call);
        return behind_.list(call, prefix);
    }

private:
    void wait(Call const& call) {
        ++waiting_;
        std::unique_lock lock{mutex_};
        changed_.wait(lock, call.stop, [&] { return !stuck_; });
        --waiting_;
    }

    FileStore& behind_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool stuck_ = true;
    std::atomic<int> waiting_{0};
};

/// A gateway with its server on a free loopback port, in front of anything.
class Served {
public:
    Served(GatewayPorts ports, GatewaySettings settings);

    [[nodiscard]] std::string url() const;
    [[nodiscard]] Gateway& gateway() { return *gateway_; }
    [[nodiscard]] http::Server& server() { return *server_; }
    [[nodiscard]] std::shared_ptr<Link> link(Secret const& token, Duration claim_wait = Duration{0}) const;
    [[nodiscard]] Result<http::Response> ask(http::Request const& request) const;

private:
    testing::TempFolder folder_;
    Clock& clock_;
    std::unique_ptr<Gateway> gateway_;
    std::unique_ptr<http::Server> server_;
};

/// The wire that all workers of a test talk through, each with a link and a token of its own.
class WorkersThroughGateway final : public WorkSource {
public:
    WorkersThroughGateway(Served& served, ToldIdentities& identities) : served_(served), identities_(identities) {}

    Result<Registered> register_worker(Call const& call, Registration const& registration) override;
    Result<BeatReply> beat(Call const& call, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                           bool leaving) override;
    Result<std::vector<Lease>> claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                     BeatCount acknowledged, int slots) override;
    Result<std::vector<Verdict>> complete(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                          std::vector<Completion> const& completions) override;
    Result<> append_log(Call const& call, WorkerId const& worker, Incarnation incarnation,
                        LogChunk const& chunk) override;

private:
    Source& source(WorkerId const& worker);

    Served& served_;
    ToldIdentities& identities_;
    std::mutex mutex_;
    std::map<WorkerId, std::unique_ptr<Source>> sources_;
};

}  // namespace rgrid::gateway
