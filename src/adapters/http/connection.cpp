#include "adapters/http/connection.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>

namespace rgrid::http {

namespace {

constexpr std::size_t scratch_size = 64 * 1024;
constexpr std::size_t small_body = 16 * 1024;
constexpr std::size_t file_piece = 16 * 1024;  // One record of TLS.
constexpr int steps_at_once = 32;
constexpr Duration linger_time{2'000};

Answer plain_answer(int status, std::string text) { return {text_response(status, std::move(text)), {}, false}; }

Answer busy_answer(std::string text) {
    auto answer = plain_answer(503, std::move(text));
    answer.response.headers.push_back({"Retry-After", "1"});
    return answer;
}

Answer failed_answer() {
    auto answer = plain_answer(500, "the server failed at this request");
    answer.failed = true;
    return answer;
}

/// What lives as long as a request.
struct Kept {
    Kept(NewFile its_body, std::shared_ptr<Charge> its_charge, std::shared_ptr<void const> its_admission)
        : body(std::move(its_body)), charge(std::move(its_charge)), admission(std::move(its_admission)) {}

    NewFile body;
    std::shared_ptr<Charge> charge;
    std::shared_ptr<void const> admission;
};

/// What a handler has given, as it can be sent.
Answer prepare(Response response) {
    bool const sendable = response.status >= 200 && response.status <= 599 &&
                          std::ranges::all_of(response.headers, [](Header const& header) { return is_sendable(header); });
    if (!sendable) return failed_answer();
    if (response.body_file.empty()) return {std::move(response), {}, false};
    auto file = open_source(response.body_file);
    if (!file) return failed_answer();
    return {std::move(response), std::move(*file), false};
}

}  // namespace

bool Peers::enter(std::string const& peer) {
    if (most_ <= 0) return true;
    std::scoped_lock const lock{mutex_};
    auto& count = counts_[peer];
    if (count >= most_) return false;
    ++count;
    return true;
}

void Peers::leave(std::string const& peer) {
    if (most_ <= 0) return;
    std::scoped_lock const lock{mutex_};
    if (auto const found = counts_.find(peer); found != counts_.end() && --found->second <= 0) counts_.erase(found);
}

std::unique_ptr<Seat> Seat::take(Common& common, std::string peer) {
    if (common.connections >= common.settings.max_connections) return nullptr;
    std::unique_ptr<Seat> seat{new Seat{std::move(peer)}};
    if (!common.peers.enter(seat->peer_)) return nullptr;
    seat->common_ = &common;
    ++common.connections;
    return seat;
}

Seat::~Seat() {
    if (common_ == nullptr) return;
    common_->peers.leave(peer_);
    common_->one_left();
}

void Common::report(Error const& problem) const {
    try {
        if (service.on_problem) service.on_problem(problem);
    } catch (...) {
        // Who cannot be told of a problem is no reason for another one.
    }
}

void Common::one_left() {
    std::scoped_lock const lock{mutex};
    --connections;
    left.notify_all();
}

void Common::wait_until_empty(Duration most) {
    std::unique_lock lock{mutex};
    left.wait_for(lock, most, [&] { return connections == 0; });
}

Loop::Loop(Common& its_common) : common(its_common), scratch(scratch_size) {}

void Loop::add(std::shared_ptr<Connection> connection) {
    connection->place = connections_.size();
    connections_.push_back(connection);
    connection->start();
}

void Loop::remove(Connection& connection) {
    auto const place = connection.place;
    std::swap(connections_[place], connections_.back());
    connections_[place]->place = place;
    connections_.pop_back();
}

void Loop::check() {
    auto const now = common.clock.steady_now();
    // From the back: who is closed is replaced by one that has been looked at.
    for (auto i = connections_.size(); i-- > 0;) connections_[i]->check(now);
}

void Loop::stop_all() {
    for (auto i = connections_.size(); i-- > 0;) connections_[i]->stop();
}

void Loop::close_all() {
    while (!connections_.empty()) connections_.back()->close();
}

std::string const& Loop::date() {
    auto const now = std::chrono::floor<std::chrono::seconds>(common.clock.now());
    if (date_.empty() || now != dated_) date_ = date_text(now), dated_ = now;
    return date_;
}

Connection::Connection(Loop& loop, asio::ip::tcp::socket socket, std::string peer, std::unique_ptr<Seat> seat)
    : loop_(loop),
      common_(loop.common),
      socket_(std::move(socket)),
      stream_(socket_.native_handle()),
      peer_(std::move(peer)),
      seat_(std::move(seat)) {}

template <class Action>
void Connection::do_or_close(Action const& action) {
    auto const self = shared_from_this();
    try {
        action();
    } catch (std::exception const&) {
        close();  // No memory: this connection is what can be done without.
    }
}

void Connection::start() {
    do_or_close([this] {
        since_ = common_.clock.steady_now();
        boost::system::error_code ignored;
        socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
        if (auto const context = common_.certificate.context()) {
            auto session = accept_tls(context, socket_.native_handle());
            if (!session) return close();
            stream_ = Stream{socket_.native_handle(), std::move(session)};
            phase_ = Phase::handshake;
        }
        if (common_.stopping) return close();
        wait(Want::readable);
    });
}

void Connection::run() {
    do_or_close([this] {
        for (int i = 0; i < steps_at_once; ++i)
            if (!step()) return;
        asio::post(loop_.context, [self = shared_from_this()] { self->run(); });
    });
}

/// Does one thing; returns whether there is another one to do at once.
bool Connection::step() {
    switch (phase_) {
        case Phase::handshake: return shake_hands();
        case Phase::idle:
        case Phase::head:
        case Phase::body: return read_more();
        case Phase::handling: return watch();
        case Phase::writing: return write_more();
        case Phase::lingering: return drain();
        case Phase::closed: return false;
    }
    return false;
}

void Connection::wait(Want want) {
    bool const to_read = want == Want::readable;
    auto& waiting = to_read ? waiting_to_read_ : waiting_to_write_;
    if (waiting) return;
    waiting = true;
    socket_.async_wait(to_read ? asio::ip::tcp::socket::wait_read : asio::ip::tcp::socket::wait_write,
                       [self = shared_from_this(), to_read](boost::system::error_code const& error) {
                           (to_read ? self->waiting_to_read_ : self->waiting_to_write_) = false;
                           if (!error) self->run();
                       });
}

bool Connection::shake_hands() {
    auto const moved = stream_.shake_hands();
    if (moved.want != Want::nothing) {
        wait(moved.want);
        return false;
    }
    if (moved.over()) {
        ++common_.broken_handshakes;
        close();
        return false;
    }
    phase_ = Phase::idle;
    return true;
}

bool Connection::read_more() {
    if (std::exchange(untried_, false)) {
        auto const text = std::exchange(pending_, {});
        take(text);
        return true;
    }
    auto const moved = stream_.read(loop_.scratch);
    if (moved.want != Want::nothing) {
        wait(moved.want);
        return false;
    }
    if (moved.over()) {
        close();
        return false;
    }
    std::string_view const fresh{loop_.scratch.data(), moved.bytes};
    if (pending_.empty()) {
        take(fresh);
    } else {
        auto text = std::exchange(pending_, {});
        take(text += fresh);
    }
    return true;
}

void Connection::take(std::string_view text) {
    if (phase_ == Phase::idle) begin_request();
    while (phase_ == Phase::head || phase_ == Phase::body) {
        auto const used = parser_->feed(text);
        text.remove_prefix(used);
        moved_ += used;
        if (parser_->fault() != Fault::none) return blame_peer();
        if (phase_ == Phase::head && parser_->head_done()) {
            head_is_there(!text.empty());
            continue;
        }
        if (phase_ == Phase::body && parser_->done()) body_is_there();
        break;
    }
    pending_ = text;
}

void Connection::begin_request() {
    phase_ = Phase::head;
    is_head_ = false;
    parser_ = std::make_unique<Parser>(Parser::Kind::request, static_cast<std::size_t>(common_.settings.max_header.count));
    if (!std::exchange(first_, false)) since_ = common_.clock.steady_now();
}

void Connection::head_is_there(bool body_follows_at_once) {
    auto& head = parser_->head();
    is_head_ = head.method == "HEAD";
    auto const hosts =
        std::ranges::count_if(head.headers, [](Header const& header) { return same_name(header.name, "Host"); });
    if (hosts > 1 || (hosts == 0 && !head.old)) return refuse(400, "a request has one Host");
    bool const of_all = head.target == "*" && head.method == "OPTIONS";
    if (!is_target(head.target) && !of_all) return refuse(400, "the target has to begin with a slash");
    request_ = {std::move(head.method), std::move(head.target), std::move(head.headers), {}, {}, false, peer_, {}};

    Admission admission;
    try {
        if (common_.service.admit) admission = common_.service.admit(request_);
    } catch (...) {
        return respond(failed_answer(), Then::close);
    }
    if (admission.refusal)
        return respond(prepare(std::move(*admission.refusal)), parser_->done() ? Then::next_request : Then::close);
    request_.keep = std::move(admission.keep);
    expect_body(admission);
    if (phase_ != Phase::head) return;  // It is not wanted.
    phase_ = Phase::body;
    since_ = common_.clock.steady_now();
    moved_ = 0;
    auto const* expect = find_header(request_.headers, "Expect");
    bool const waits = expect != nullptr && same_name(*expect, "100-continue") && !head.old;
    if (parser_->done() || body_follows_at_once || !waits) return;
    out_ = "HTTP/1.1 100 Continue\r\n\r\n";
    phase_ = Phase::writing;
    then_ = Then::read_body;
}

void Connection::expect_body(Admission const& admission) {
    auto const most = admission.max_body.value_or(common_.settings.max_body);
    if (!admission.folder.empty()) {
        auto file = NewFile::in(admission.folder);
        if (!file) {
            common_.report(file.error());
            return respond(plain_answer(507, "the body cannot be kept"), Then::close);
        }
        body_file_ = std::move(*file);
    }
    parser_->read_body(sink_for(admission.folder), static_cast<std::uint64_t>(most.count));
    if (parser_->fault() != Fault::none) blame_peer();
}

Sink Connection::sink_for(std::string const& folder) {
    if (!folder.empty())
        return [this](std::string_view piece) {
            if (body_file_.append(piece)) return true;
            common_.report(fail(Errc::retry_later, body_file_.problem()));
            sink_failure_ = plain_answer(507, "the body cannot be kept");
            return false;
        };
    return [this](std::string_view piece) {
        if (!charge_) charge_ = std::make_shared<Charge>(common_.bodies);
        if (charge_->add(static_cast<std::int64_t>(piece.size())) > common_.settings.max_bodies.count) {
            ++common_.overloaded;
            sink_failure_ = busy_answer("too many bodies at once; try again");
            return false;
        }
        request_.body += piece;
        return true;
    };
}

void Connection::blame_peer() {
    auto const fault = parser_->fault();
    if (fault == Fault::sink && sink_failure_) return respond(std::move(*std::exchange(sink_failure_, {})), Then::close);
    if (fault == Fault::head_too_large)
        return refuse(431, "the head of a request has at most " + to_text(common_.settings.max_header) + " and " +
                               std::to_string(max_fields) + " fields");
    if (fault == Fault::body_too_large) return refuse(413, "the body is larger than is taken here");
    refuse(400, "this is no HTTP request: " + parser_->fault_text());
}

void Connection::refuse(int status, std::string text) {
    ++common_.bad_requests;
    respond(plain_answer(status, std::move(text)), Then::close);
}

void Connection::body_is_there() {
    request_.body_file = body_file_.path();
    body_file_.finish();
    if (body_file_ || charge_)
        request_.keep = std::make_shared<Kept>(std::move(body_file_), std::exchange(charge_, nullptr),
                                               std::exchange(request_.keep, nullptr));
    ++common_.requests;
    ++common_.open_requests;
    phase_ = Phase::handling;
    reply_ = std::make_shared<Reply::Impl>(weak_from_this(), loop_.context);
    Reply reply{reply_};
    auto request = std::exchange(request_, {});
    if (common_.work.submit(request, reply)) return wait(Want::readable);
    ++common_.overloaded;
    reply_->detach();
    respond(busy_answer("too many requests at once; try again"), Then::next_request);
}

bool Connection::watch() {
    auto const most = static_cast<std::size_t>(common_.settings.max_header.count);
    if (waiting_to_read_ || peer_gone_ || pending_.size() >= most) return false;
    auto const moved = stream_.read(loop_.scratch);
    if (moved.want != Want::nothing) {
        wait(moved.want);
        return false;
    }
    if (moved.ended) {
        peer_gone_ = true;  // Perhaps only half of it: it may still read the answer.
        reply_->stop.request_stop();
        return false;
    }
    if (!moved.problem.empty()) {
        close();
        return false;
    }
    pending_.append(loop_.scratch.data(), moved.bytes);
    return true;
}

void Connection::answer(Reply::Impl const* to, Answer answer) {
    do_or_close([&] {
        if (phase_ != Phase::handling || to != reply_.get()) return;
        if (answer.failed) ++common_.failed_handlers;
        respond(std::move(answer), Then::next_request);
        run();
    });
}

void Connection::respond(Answer answer, Then then) {
    if (reply_) {
        reply_->detach();
        reply_.reset();
        --common_.open_requests;
    }
    auto const& head = parser_->head();
    bool const keep = then == Then::next_request && head.keep && !peer_gone_ && !common_.stopping;
    auto const after = !keep ? After::close : head.old ? After::keep_if_told : After::keep;
    then_ = keep ? Then::next_request : Then::close;

    auto& response = answer.response;
    auto const length = answer.file ? answer.file->size : response.body.size();
    out_ = head_of(response, length, loop_.date(), after);
    bool const bodiless = is_head_ || response.status == 204 || response.status == 304;
    if (!bodiless && answer.file) file_ = std::move(answer.file);
    else if (!bodiless && response.body.size() <= small_body) out_ += response.body;
    else if (!bodiless) body_ = std::move(response.body);

    phase_ = Phase::writing;
    since_ = common_.clock.steady_now();
    moved_ = 0;
}

bool Connection::write_more() {
    std::string_view piece;
    if (out_sent_ < out_.size()) {
        piece = std::string_view{out_}.substr(out_sent_);
    } else if (body_sent_ < body_.size()) {
        piece = std::string_view{body_}.substr(body_sent_);
    } else if (file_ && file_sent_ < file_->size) {
        auto const size = static_cast<std::size_t>(std::min<std::uint64_t>(file_piece, file_->size - file_sent_));
        piece = read_at(file_->fd.get(), file_sent_, loop_.scratch.data(), size);
        if (piece.size() != size) close();  // It has become shorter than was announced.
    } else {
        written();
        return true;
    }
    if (phase_ == Phase::closed) return false;
    auto const moved = stream_.write(piece);
    if (moved.want != Want::nothing) {
        wait(moved.want);
        return false;
    }
    if (moved.over()) {
        close();
        return false;
    }
    moved_ += moved.bytes;
    if (out_sent_ < out_.size()) out_sent_ += moved.bytes;
    else if (body_sent_ < body_.size()) body_sent_ += moved.bytes;
    else file_sent_ += moved.bytes;
    return true;
}

void Connection::written() {
    out_.clear();
    out_.shrink_to_fit();
    body_ = {};
    file_.reset();
    file_sent_ = out_sent_ = body_sent_ = 0;
    since_ = common_.clock.steady_now();
    moved_ = 0;
    if (then_ == Then::read_body) {
        phase_ = Phase::body;
        return;
    }
    forget_request();
    if (then_ == Then::close || common_.stopping) return linger();
    phase_ = Phase::idle;
    untried_ = !pending_.empty();
}

void Connection::forget_request() {
    charge_.reset();
    parser_.reset();
    request_ = {};
    body_file_ = {};
    sink_failure_.reset();
}

/// A connection that is closed while the peer still sends is reset, and the peer may lose the answer by it.
void Connection::linger() {
    pending_ = {};
    stream_.say_goodbye();
    phase_ = Phase::lingering;
    if (common_.stopping) close();
}

bool Connection::drain() {
    auto const moved = stream_.read(loop_.scratch);
    if (moved.want != Want::nothing) {
        wait(moved.want);
        return false;
    }
    if (!moved.over()) return true;
    close();
    return false;
}

std::optional<SteadyInstant> Connection::limit() const {
    auto const& settings = common_.settings;
    auto const earned = Duration{static_cast<std::int64_t>(moved_) * 1000 / settings.slowest.count};
    switch (phase_) {
        case Phase::handshake:
        case Phase::head: return since_ + settings.header_time;
        case Phase::idle: return since_ + (first_ ? settings.header_time : settings.idle_time);
        case Phase::body:
        case Phase::writing: return since_ + settings.body_time + earned;
        case Phase::lingering: return since_ + linger_time;
        case Phase::handling:
        case Phase::closed: return std::nullopt;
    }
    return std::nullopt;
}

void Connection::check(SteadyInstant now) {
    do_or_close([&] {
        auto const until = limit();
        if (until && now >= *until) ran_out_of_time();
    });
}

void Connection::ran_out_of_time() {
    if (phase_ == Phase::idle && !first_) stream_.say_goodbye();
    else if (phase_ != Phase::lingering) ++common_.timed_out;
    if (phase_ != Phase::head && phase_ != Phase::body) return close();
    respond(plain_answer(408, "the request did not arrive in time"), Then::close);
    run();
}

void Connection::stop() {
    auto const self = shared_from_this();
    if (phase_ == Phase::handling) reply_->stop.request_stop();
    else if (phase_ == Phase::idle) {
        stream_.say_goodbye();
        close();
    } else if (phase_ != Phase::writing || then_ == Then::read_body) {
        close();
    }
}

void Connection::close() {
    if (phase_ == Phase::closed) return;
    auto const self = shared_from_this();
    phase_ = Phase::closed;
    if (auto const reply = std::exchange(reply_, nullptr)) {
        --common_.open_requests;
        reply->detach();
        reply->stop.request_stop();
    }
    forget_request();
    boost::system::error_code ignored;
    socket_.close(ignored);
    loop_.remove(*this);
    seat_.reset();
}

void Reply::Impl::answer(Answer answer) {
    std::scoped_lock const lock{mutex_};
    auto const connection = connection_.lock();
    if (context_ == nullptr || !connection) return;
    asio::post(*context_, [connection, this, answer = std::move(answer)]() mutable {
        connection->answer(this, std::move(answer));
    });
    context_ = nullptr;
}

void Reply::Impl::detach() {
    std::scoped_lock const lock{mutex_};
    context_ = nullptr;
    connection_.reset();
}

bool Reply::Impl::is_awaited() {
    std::scoped_lock const lock{mutex_};
    return context_ != nullptr;
}

Reply::Reply(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

Reply& Reply::operator=(Reply&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
}

Reply::~Reply() {
    if (!impl_ || !impl_->is_awaited()) return;
    try {
        impl_->answer(failed_answer());
    } catch (std::exception const&) {
        // No memory even for that. The peer will give up.
    }
}

void Reply::operator()(Response response) {
    if (impl_) impl_->answer(prepare(std::move(response)));
}

std::stop_token Reply::stop() const { return impl_ ? impl_->stop.get_token() : std::stop_token{}; }

}  // namespace rgrid::http
