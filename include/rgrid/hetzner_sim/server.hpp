#pragma once

#include <cstdint>
#include <memory>
#include <rgrid/base/result.hpp>
#include <rgrid/hetzner_sim/simulator.hpp>
#include <string>

namespace rgrid::hetzner_sim {

struct Listening {
    std::uint16_t port = 0;   ///< 0: any free one.
    std::string certificate;  ///< PEM file.
    std::string key;          ///< PEM file. Both empty: plain HTTP.
};

/// Serves a simulator on this machine only (127.0.0.1), and does to its answers what their delivery says. A thread for
/// each connection.
///
/// Thread safety: all methods from any thread. Lifetime: the simulator outlives it.
class Server {
public:
    /// Errors: `rejected` (a certificate or key that cannot be used), `retry_later` (the port is taken).
    static Result<std::unique_ptr<Server>> start(Simulator& simulator, Listening const& listening = {});

    /// Closes all connections at once.
    ~Server();

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::string url() const;  ///< "http://127.0.0.1:4711/v1"; with TLS "https://localhost:4711/v1".

    [[nodiscard]] std::int64_t connections() const;  ///< Ever accepted.

private:
    class Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::hetzner_sim
