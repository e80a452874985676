#include <rgrid/adapters/memory/manual_clock.hpp>
#include <rgrid/testing/file_store_conformance.hpp>
#include <rgrid/testing/job_queue_conformance.hpp>

#include "support.hpp"

namespace rgrid::testing {
namespace {

class QueueThroughGateway final : public JobQueueHarness {
public:
    JobPorts ports() override { return {store_, work_, store_}; }
    JobPorts second() override { return ports(); }
    void advance(Duration span) override { clock_.advance(span); }

private:
    memory::ManualClock clock_;
    memory::Store store_{clock_, {.keep_finished = keep_finished, .max_log = max_log}};
    memory::Files files_;
    SystemClock system_clock_;
    gateway::ToldIdentities identities_;
    gateway::Served served_{{store_, store_, files_, identities_, system_clock_}, {}};
    gateway::WorkersThroughGateway work_{served_, identities_};
};

INSTANTIATE_TEST_SUITE_P(Gateway, JobQueueConformance,
                         ::testing::Values(JobQueueFactory{
                             "memory", [] { return std::make_unique<QueueThroughGateway>(); }}),
                         FactoryName{});

/// Files behind a gateway that lets its one worker do as it likes.
class FilesThroughGateway final : public FileStore {
public:
    FilesThroughGateway() { identities_.tell(worker_, {{}, {}, gateway::hash_of(gateway::token_of("w"))}); }

    Result<StoredFile> put(Call const& call, std::string const& key, std::string const& path) override {
        return files_.put(call, key, path);
    }
    Result<StoredFile> get(Call const& call, std::string const& key, std::string const& path) override {
        return files_.get(call, key, path);
    }
    Result<std::optional<StoredFile>> find(Call const& call, std::string const& key) override {
        return files_.find(call, key);
    }
    Result<> remove(Call const& call, std::string const& key) override { return files_.remove(call, key); }
    Result<std::vector<std::string>> list(Call const& call, std::string const& prefix) override {
        return files_.list(call, prefix);
    }

private:
    WorkerId const worker_{"w"};
    SystemClock clock_;
    memory::Store store_{clock_};
    memory::Files behind_;
    gateway::ToldIdentities identities_;
    gateway::Served served_{{.work = store_,
                             .jobs = store_,
                             .files = behind_,
                             .identities = identities_,
                             .clock = clock_,
                             .file_guard = [](auto&&...) { return Result<>{}; }},
                            {}};
    gateway::Files files_{served_.link(gateway::token_of("w")), worker_};
};

INSTANTIATE_TEST_SUITE_P(Gateway, FileStoreConformance,
                         ::testing::Values(FileStoreFactory{
                             "memory", [](std::string const&) { return std::make_unique<FilesThroughGateway>(); }}),
                         FactoryName{});

}  // namespace
}  // namespace rgrid::testing
