#pragma once

#include <rgrid/adapters/http/message.hpp>
#include <rgrid/hetzner_sim/simulator.hpp>
#include <string>
#include <string_view>

#include "adapters/http/file.hpp"
#include "adapters/http/stream.hpp"

namespace rgrid::hetzner_sim {

/// One connection of a client, on a thread of its own. Ends when the client does, or when `stop` becomes readable.
class Connection {
public:
    Connection(Simulator& simulator, http::OpenFd socket, http::TlsContext const& context, int stop);

    void serve();

private:
    enum class Then { go_on, close };

    [[nodiscard]] bool shake_hands();
    /// The next request; false if there is none. Sets `keep_` and `old_`.
    [[nodiscard]] bool read_request(http::Request& request);
    [[nodiscard]] Then deliver(Answer const& answer, bool head_only);

    [[nodiscard]] bool write(std::string_view text);
    [[nodiscard]] bool write_slowly(std::string_view text, Duration pace);
    [[nodiscard]] bool write_endless(std::int64_t size);
    void reset();  ///< The peer is told that the connection broke.

    /// Waits for the socket; false if there is nothing more to wait for.
    [[nodiscard]] bool await(http::Want want) const;
    /// Lets real time pass; false if there is no more of it.
    [[nodiscard]] bool pause(Duration span) const;

    Simulator& simulator_;
    http::OpenFd socket_;
    http::Stream stream_;
    int stop_;
    std::string received_;  // And not used yet.
    bool keep_ = false;
    bool old_ = false;
};

}  // namespace rgrid::hetzner_sim
