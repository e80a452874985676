#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <rgrid/adapters/http/server.hpp>
#include <string>
#include <vector>

#include "adapters/http/certificate.hpp"
#include "adapters/http/file.hpp"
#include "adapters/http/head.hpp"
#include "adapters/http/parser.hpp"
#include "adapters/http/stream.hpp"
#include "adapters/http/work_threads.hpp"

namespace rgrid::http {

namespace asio = boost::asio;

class Connection;
struct Common;

/// How many connections each peer has, if anybody wants to know.
class Peers {
public:
    explicit Peers(int most) : most_(most) {}
    bool enter(std::string const& peer);
    void leave(std::string const& peer);

private:
    int const most_;
    std::mutex mutex_;
    std::map<std::string, int> counts_;
};

/// What one body takes of what all may take together, until the last who holds it lets it go.
class Charge {
public:
    /// Shared: a handler may hold a request for longer than there is a server.
    using All = std::shared_ptr<std::atomic<std::int64_t>>;
    explicit Charge(All all) : all_(std::move(all)) {}
    ~Charge() { *all_ -= size_; }
    Charge(Charge const&) = delete;
    Charge& operator=(Charge const&) = delete;

    /// Returns what all take now.
    std::int64_t add(std::int64_t size) {
        size_ += size;
        return *all_ += size;
    }

private:
    All const all_;
    std::int64_t size_ = 0;
};

/// One of the connections that a server may have. Given back at the end.
class Seat {
public:
    /// Nothing if there are too many, or too many of that peer. One thread at a time.
    static std::unique_ptr<Seat> take(Common& common, std::string peer);
    ~Seat();
    Seat(Seat const&) = delete;
    Seat& operator=(Seat const&) = delete;

private:
    explicit Seat(std::string peer) : peer_(std::move(peer)) {}

    Common* common_ = nullptr;
    std::string const peer_;
};

/// What all connections of a server have in common.
struct Common {
    Common(ServerSettings const& its_settings, Service its_service, Clock& its_clock)
        : settings(its_settings),
          service(std::move(its_service)),
          clock(its_clock),
          certificate(settings.certificate, settings.key),
          peers(settings.max_connections_per_peer),
          work(service.handler, settings.handlers, settings.max_waiting) {}

    void report(Error const& problem) const;
    void one_left();
    /// Waits until no connection is open, for at most `most`.
    void wait_until_empty(Duration most);

    ServerSettings const settings;
    Service const service;
    Clock& clock;
    Certificate certificate;
    Peers peers;
    std::atomic<bool> stopping{false};
    Charge::All const bodies = std::make_shared<std::atomic<std::int64_t>>(0);  // In memory now.

    std::mutex mutex;
    std::condition_variable left;
    std::atomic<std::int64_t> connections{0};
    std::atomic<std::int64_t> accepted{0};
    std::atomic<std::int64_t> refused{0};
    std::atomic<std::int64_t> broken_handshakes{0};
    std::atomic<std::int64_t> requests{0};
    std::atomic<std::int64_t> bad_requests{0};
    std::atomic<std::int64_t> timed_out{0};
    std::atomic<std::int64_t> overloaded{0};
    std::atomic<std::int64_t> failed_handlers{0};
    std::atomic<std::int64_t> open_requests{0};

    WorkThreads work;  // Last, so that its threads end first.
};

/// One thread and the connections that it alone touches.
class Loop {
public:
    explicit Loop(Common& its_common);

    void add(std::shared_ptr<Connection> connection);
    void remove(Connection& connection);
    void check();      ///< Looks for those that are too slow.
    void stop_all();   ///< Ends those that are doing nothing, and the others once they have their answer.
    void close_all();  ///< Ends all.

    /// The date as answers have it.
    [[nodiscard]] std::string const& date();

    Common& common;
    asio::io_context context{1};
    asio::steady_timer timer{context};
    std::vector<char> scratch;  ///< For what is used up before the next step of any connection.

private:
    std::vector<std::shared_ptr<Connection>> connections_;
    Instant dated_{};
    std::string date_;
};

/// What is sent for a request.
struct Answer {
    Response response;
    std::optional<SourceFile> file;
    bool failed = false;  ///< The handler gave none.
};

/// One connection, driven by readiness of its socket and by answers. Everything on its loop's thread.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(Loop& loop, asio::ip::tcp::socket socket, std::string peer, std::unique_ptr<Seat> seat);

    void start();
    void answer(Reply::Impl const* to, Answer answer);
    void check(SteadyInstant now);
    void stop();
    void close();

    std::size_t place = 0;  ///< In the loop's list.

private:
    enum class Phase { handshake, idle, head, body, handling, writing, lingering, closed };
    enum class Then { next_request, read_body, close };

    template <class Action>
    void do_or_close(Action const& action);
    void run();
    bool step();
    void wait(Want want);

    bool shake_hands();
    bool read_more();
    bool watch();
    bool write_more();
    bool drain();

    void take(std::string_view text);
    void begin_request();
    void head_is_there(bool body_follows_at_once);
    void expect_body(Admission const& admission);
    void body_is_there();
    [[nodiscard]] Sink sink_for(std::string const& folder);
    void respond(Answer answer, Then then);
    void refuse(int status, std::string text);
    void blame_peer();
    void overload(std::string text);
    void written();
    void forget_request();
    void linger();
    [[nodiscard]] std::optional<SteadyInstant> limit() const;
    void ran_out_of_time();

    Loop& loop_;
    Common& common_;
    asio::ip::tcp::socket socket_;
    Stream stream_;
    std::string const peer_;
    std::unique_ptr<Seat> seat_;

    Phase phase_ = Phase::idle;
    SteadyInstant since_{};    // When the phase began; for the first request, when the connection did.
    std::uint64_t moved_ = 0;  // In this phase.
    bool first_ = true;
    bool peer_gone_ = false;
    bool waiting_to_read_ = false;
    bool waiting_to_write_ = false;
    std::string pending_;    // Read and not yet used.
    bool untried_ = false;   // Whether pending_ may already be a request.

    std::unique_ptr<Parser> parser_;
    Request request_;
    NewFile body_file_;
    std::shared_ptr<Charge> charge_;
    std::optional<Answer> sink_failure_;
    std::shared_ptr<Reply::Impl> reply_;
    bool is_head_ = false;

    std::string out_;  // The head of the answer, and a small body.
    std::string body_;
    std::optional<SourceFile> file_;
    std::uint64_t file_sent_ = 0;
    std::size_t out_sent_ = 0;
    std::size_t body_sent_ = 0;
    Then then_ = Then::next_request;
};

/// The one way from a handler back to its connection. Outlives both.
class Reply::Impl {
public:
    Impl(std::weak_ptr<Connection> connection, asio::io_context& context)
        : connection_(std::move(connection)), context_(&context) {}

    void answer(Answer answer);
    void detach();  ///< Nobody is interested any more.
    [[nodiscard]] bool is_awaited();

    std::stop_source stop;

private:
    std::mutex mutex_;
    std::weak_ptr<Connection> connection_;
    asio::io_context* context_;
};

}  // namespace rgrid::http
