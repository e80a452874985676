#pragma once

#include <memory>
#include <rgrid/base/call.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/base/secret.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/file_store.hpp>
#include <rgrid/ports/work_source.hpp>
#include <string>

namespace rgrid::gateway {

/// How an agent reaches its gateway.
struct ClientSettings {
    std::string url;              ///< "https://host:port"; "http://" on loopback addresses only.
    std::string ca_file;          ///< PEM file: the authorities to believe; empty: the system's.
    Secret token;                 ///< The worker's own.
    Duration claim_wait{20'000};  ///< How long a claim waits for a job, at most half of what its call allows.
};

/// What the two ends of one agent share: connections, and what the gateway said that has to be shown to it again.
class Link;

/// Connects to nobody yet. `clock` must outlive the link. Errors: `rejected`, `denied` (a URL, file or token that cannot
/// be used).
[[nodiscard]] Result<std::shared_ptr<Link>> make_link(ClientSettings const& settings, Clock& clock);

/// A WorkSource behind a gateway: a result that came through is the store's own. What did not come through is `in_doubt`
/// if the store may have done it, otherwise `retry_later`. Thread safety: all methods from any thread.
class Source final : public WorkSource {
public:
    explicit Source(std::shared_ptr<Link> link) : link_(std::move(link)) {}

    Result<Registered> register_worker(Call const& call, Registration const& registration) override;
    Result<BeatReply> beat(Call const& call, WorkerId const& worker, Incarnation incarnation, BeatCount acknowledged,
                           bool leaving) override;
    Result<std::vector<Lease>> claim(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                     BeatCount acknowledged, int slots) override;
    /// Large reports travel in parts; after an error some of them may have been taken, and repeating it is safe.
    /// Unlike a store, it answers `fenced` as a whole once the worker is none of the fleet's any more: its server is
    /// settled and its token void, and what it has not reported by then is lost.
    Result<std::vector<Verdict>> complete(Call const& call, WorkerId const& worker, Incarnation incarnation,
                                          std::vector<Completion> const& completions) override;
    Result<> append_log(Call const& call, WorkerId const& worker, Incarnation incarnation,
                        LogChunk const& chunk) override;

private:
    std::shared_ptr<Link> link_;
};

/// The file store behind a gateway, as far as `worker` may touch it: the inputs and outputs of jobs that it holds.
/// Keys are UTF-8. Thread safety: all methods from any thread.
class Files final : public FileStore {
public:
    Files(std::shared_ptr<Link> link, WorkerId worker) : link_(std::move(link)), worker_(std::move(worker)) {}

    Result<StoredFile> put(Call const& call, std::string const& key, std::string const& local_path) override;
    Result<StoredFile> get(Call const& call, std::string const& key, std::string const& local_path) override;
    Result<std::optional<StoredFile>> find(Call const& call, std::string const& key) override;
    Result<> remove(Call const& call, std::string const& key) override;
    Result<std::vector<std::string>> list(Call const& call, std::string const& prefix) override;

private:
    std::shared_ptr<Link> link_;
    WorkerId worker_;
};

/// What an agent has to know before it registers, as JSON: what GatewayPorts::agent_settings says.
Result<std::string> read_settings(Call const& call, Link& link, WorkerId const& worker);

}  // namespace rgrid::gateway
