#pragma once

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <string>
#include <vector>

namespace rgrid::bench {

/// A job as a user submits it: small, with an input and some environment.
inline JobSpec a_job() {
    JobSpec spec;
    spec.name = "train.py";
    spec.command = {"python3", "train.py", "--seed", "1"};
    spec.env = {{"DATA", "inputs/data.csv"}};
    return spec;
}

/// A folder of TMPDIR with a store file; both go with it. On a memory file system its figures say nothing about a disk.
class StoreFolder {
public:
    StoreFolder() : path_((std::filesystem::temp_directory_path() / "rgrid-bench-XXXXXX").string()) {
        if (::mkdtemp(path_.data()) == nullptr) std::abort();
    }
    ~StoreFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    StoreFolder(StoreFolder const&) = delete;
    StoreFolder& operator=(StoreFolder const&) = delete;

    [[nodiscard]] std::string file() const { return path_ + "/rgrid.db"; }

private:
    std::string path_;
};

/// A program that uses a store: submits jobs, or works as one agent.
class StoreUser {
public:
    explicit StoreUser(std::string const& file, std::string const& worker = "worker-1") : worker_(worker) {
        store_ = sqlite::Store::open({.path = file}, FleetId{"bench"}, clock_).value();
        Registration who;
        who.worker = worker_;
        who.server = ServerName{worker};
        who.pool = PoolName{"default"};
        who.slots = 1'000'000;
        incarnation_ = store_->register_worker({}, who).value().incarnation;
    }

    void submit(std::int64_t jobs, JobSpec const& spec) {
        store_->submit({}, std::vector<JobSpec>(static_cast<std::size_t>(jobs), spec)).value();
    }

    /// Claims up to `jobs` and completes them, in two calls. Returns how many.
    std::int64_t run(std::int64_t jobs) {
        std::vector<Completion> done;
        for (auto const& lease : store_->claim({}, worker_, incarnation_, {}, static_cast<int>(jobs)).value()) {
            Completion completion;
            completion.job = lease.job;
            completion.epoch = lease.epoch;
            completion.outcome = Outcome::succeeded;
            done.push_back(completion);
        }
        store_->complete({}, worker_, incarnation_, done).value();
        return static_cast<std::int64_t>(done.size());
    }

    void beat() { store_->beat({}, worker_, incarnation_, {}, false).value(); }
    Demand demand() { return store_->demand({}).value(); }

private:
    SystemClock clock_;
    WorkerId const worker_;
    std::unique_ptr<sqlite::Store> store_;
    Incarnation incarnation_;
};

}  // namespace rgrid::bench
