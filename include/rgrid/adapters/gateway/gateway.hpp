#pragma once

#include <functional>
#include <memory>
#include <rgrid/adapters/gateway/identities.hpp>
#include <rgrid/adapters/gateway/settings.hpp>
#include <rgrid/adapters/http/server.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/file_store.hpp>
#include <rgrid/ports/job_store.hpp>
#include <rgrid/ports/wake.hpp>
#include <rgrid/ports/work_source.hpp>
#include <string>

namespace rgrid::gateway {

/// One thing that a worker wants to do with an object of the file store.
struct FileWish {
    enum class Act { read, write, find, remove, list };
    Act act = Act::read;
    std::string key;   ///< For `list`: the prefix.
    JobId job;         ///< The attempt that it is wanted for.
    LeaseEpoch epoch;
};

/// Whether a worker may do so; an error says why not.
using FileGuard = std::function<Result<>(Call const&, WorkerId const&, FileWish const&)>;

/// The guard that a gateway has unless it is given another: while a worker holds an attempt it may read the inputs of
/// that job, and do all there is to do with `outputs/<job>/<epoch>/...` and `outputs/<job>/<epoch>.json`.
[[nodiscard]] FileGuard guard_by_lease(JobStore& jobs);

/// What a gateway stands in front of. All of it outlives the gateway.
struct GatewayPorts {
    WorkSource& work;
    JobStore& jobs;
    FileStore& files;
    Identities& identities;
    Clock& clock;
    Wake* wake = nullptr;      ///< Optional: tells of new jobs sooner than the next look. Nobody else waits with it.
    FileGuard file_guard;      ///< Empty: guard_by_lease().
    /// What an agent of that pool has to know before it registers, as JSON; empty: agents are told nothing.
    std::function<Result<std::string>(WorkerId const&, PoolName const&)> agent_settings;
    /// Takes what a new server wrote while it came up; called from any thread. An error is the server's answer: it tells
    /// the same again. Empty: nobody wants to know.
    std::function<Result<>(WorkerId const&, std::string const& text)> on_boot_log;
};

/// WorkSource and FileStore over HTTP with JSON, for agents on other machines; docs/gateway.md has the requests.
///
/// A worker shows the token that its server was given. Keeps nothing that would be missed: several gateways may stand
/// in front of one store, and one that was killed is simply started again. What an agent claims to remember reaches the
/// store only if a gateway with the same secret has told it so: a stolen token cannot make a store believe that it went
/// back in time, or touch another worker's leases.
///
/// Lifetime: whoever serves `service()` is to be destroyed before the gateway. Thread safety: all methods from any
/// thread.
class Gateway {
public:
    /// Errors: `rejected` (no secret, or a folder or agent file that cannot be used).
    static Result<std::unique_ptr<Gateway>> make(GatewayPorts ports, GatewaySettings const& settings);
    ~Gateway();

    /// For http::Server::start.
    [[nodiscard]] http::Service service();

    /// SHA-256 of the agent's file, as it was when the gateway was made; empty: none is offered.
    [[nodiscard]] std::string const& agent_sha256() const;

private:
    class Impl;
    explicit Gateway(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// The settings that a gateway's server has.
[[nodiscard]] http::ServerSettings server_settings(GatewaySettings const& settings);

}  // namespace rgrid::gateway
