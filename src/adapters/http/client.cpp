#include <poll.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <optional>
#include <rgrid/adapters/http/client.hpp>
#include <rgrid/base/text.hpp>

#include "adapters/http/address.hpp"
#include "adapters/http/file.hpp"
#include "adapters/http/head.hpp"
#include "adapters/http/parser.hpp"
#include "adapters/http/patience.hpp"
#include "adapters/http/resolver.hpp"
#include "adapters/http/wire.hpp"

namespace rgrid::http {

namespace {

constexpr std::size_t max_answer_head = 64 * 1024;
constexpr std::size_t piece_size = 16 * 1024;

bool has_no_effects(std::string const& method) { return method == "GET" || method == "HEAD" || method == "OPTIONS"; }

Result<> check_sendable(Request const& request) {
    if (!is_token(request.method))
        return fail(Errc::rejected, "the method is \"" + printable(request.method) + "\"; expected one word, such as GET");
    if (!is_target(request.target))
        return fail(Errc::rejected, "the target of a request cannot be sent; expected a percent-encoded path that begins "
                                    "with a slash");
    for (auto const& header : request.headers)
        if (!is_sendable(header))
            return fail(Errc::rejected, "the header field \"" + printable(header.name) +
                                            "\" cannot be sent; expected a word and a value without control characters");
    return {};
}

/// What is sent, in pieces.
class Outgoing {
public:
    Outgoing(Request const& request, SourceFile const* file, std::string const& host)
        : head_(head_of(request, file != nullptr ? file->size : request.body.size(), host)),
          body_(file != nullptr ? std::string_view{} : request.body),
          file_(file) {
        if (body_.size() <= piece_size) head_ += std::exchange(body_, {});
    }

    /// The next piece; empty at the end, or if the file has become shorter. The same again until some of it was sent.
    std::string_view next() {
        if (sent_ < head_.size()) return std::string_view{head_}.substr(sent_);
        auto const offset = sent_ - head_.size();
        if (offset < body_.size()) return body_.substr(offset);
        if (file_ == nullptr || offset >= file_->size) return {};
        piece_.resize(piece_size);
        auto const size = static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, file_->size - offset));
        return read_at(file_->fd.get(), offset, piece_.data(), size);
    }

    void take(std::size_t count) { sent_ += count; }
    [[nodiscard]] bool begun() const { return sent_ > 0; }
    [[nodiscard]] bool done() const { return sent_ >= head_.size() + body_.size() + (file_ != nullptr ? file_->size : 0); }

private:
    std::string head_;
    std::string_view body_;
    SourceFile const* file_;
    std::string piece_;
    std::uint64_t sent_ = 0;
};

/// One request and its answer over one connection.
class Exchange {
public:
    Exchange(Wire& wire, Request const& request, Outgoing outgoing, Patience& patience, Bytes most, NewFile* file)
        : wire_(wire),
          request_(request),
          outgoing_(std::move(outgoing)),
          patience_(patience),
          most_(most),
          file_(file),
          parser_(make_parser()) {}

    /// Why there is no answer; empty if there is one. What it means is told by begun() and answered().
    std::string run() {
        if (auto problem = send_all(); !problem.empty()) return problem;
        return receive_all();
    }

    [[nodiscard]] bool begun() const { return outgoing_.begun(); }
    [[nodiscard]] bool silent() const { return !heard_; }
    [[nodiscard]] bool given_up() const { return given_up_; }
    [[nodiscard]] bool keep() const { return outgoing_.done() && parser_->head().keep && rest_.empty(); }
    [[nodiscard]] Response take_response() { return std::move(response_); }

private:
    std::unique_ptr<Parser> make_parser() const {
        bool const bodiless = request_.method == "HEAD";
        return std::make_unique<Parser>(bodiless ? Parser::Kind::response_without_body : Parser::Kind::response,
                                        max_answer_head);
    }

    /// Until there is an event, if there is any to wait for.
    std::string pause(short events) {
        auto const waited = events == 0 ? patience_.now() : patience_.wait(wire_.fd.get(), events);
        if (waited == Waited::ready) return {};
        given_up_ = true;
        return (outgoing_.done() ? "the answer " : "sending ") + std::string{Patience::text_of(waited)};
    }

    std::string send_all() {
        for (auto piece = outgoing_.next(); !piece.empty(); piece = outgoing_.next()) {
            if (auto problem = pause(0); !problem.empty()) return problem;
            auto const moved = wire_.stream.write(piece);
            outgoing_.take(moved.bytes);
            if (!moved.problem.empty()) return receive_in_spite_of("sending failed: " + moved.problem);
            if (moved.want == Want::nothing) continue;
            bool const to_write = moved.want == Want::writable;
            if (auto problem = pause(static_cast<short>(to_write ? POLLIN | POLLOUT : POLLIN)); !problem.empty())
                return problem;
            // A server that refuses does so before it has read all of it.
            if (auto problem = receive_some(); !problem.empty()) return problem;
            if (parser_->head_done()) return {};
        }
        return outgoing_.done() ? std::string{} : "the file became shorter while it was sent";
    }

    /// A server that has answered and closed is heard all the same.
    std::string receive_in_spite_of(std::string problem) {
        auto const more = receive_some();
        return heard_ && more.empty() ? std::string{} : problem;
    }

    std::string receive_all() {
        while (!complete()) {
            if (auto problem = receive_some(); !problem.empty()) return problem;
            if (complete()) break;
            auto const events = wanted_ == Want::nothing ? 0 : wanted_ == Want::writable ? POLLOUT : POLLIN;
            if (auto problem = pause(static_cast<short>(events)); !problem.empty()) return problem;
        }
        return {};
    }

    [[nodiscard]] bool complete() const { return parser_->done() && parser_->head().status / 100 != 1; }

    /// Takes what is there, without waiting.
    std::string receive_some() {
        std::string text(piece_size, '\0');
        auto const moved = wire_.stream.read(text);
        wanted_ = moved.want;
        if (moved.want != Want::nothing) return {};
        if (!moved.problem.empty()) return "the connection broke: " + moved.problem;
        if (moved.ended) {
            parser_->end();
            if (!complete()) return heard_ ? "the answer ended in the middle" : "the connection ended without an answer";
            return {};
        }
        heard_ = true;
        text.resize(moved.bytes);
        return take(rest_ + text);
    }

    std::string take(std::string text) {
        rest_.clear();
        std::string_view left{text};
        while (!left.empty()) {
            bool const had_head = parser_->head_done();
            auto const used = parser_->feed(left);
            left.remove_prefix(used);
            if (auto problem = fault(); !problem.empty()) return problem;
            if (!had_head && parser_->head_done()) {
                head_is_there();
                if (auto problem = fault(); !problem.empty()) return problem;
                continue;
            }
            break;
        }
        rest_ = left;
        return {};
    }

    void head_is_there() {
        auto& head = parser_->head();
        if (head.status / 100 == 1) {  // Something is said in advance; the answer follows.
            parser_ = make_parser();
            return;
        }
        response_.status = head.status;
        response_.headers = std::move(head.headers);
        bool const to_file = file_ != nullptr && head.status / 100 == 2;
        if (to_file) {
            response_.body_file = file_->path();
            parser_->read_body([this](std::string_view piece) { return file_->append(piece); },
                               std::numeric_limits<std::uint64_t>::max());
        } else {
            parser_->read_body([this](std::string_view piece) { return response_.body += piece, true; },
                               static_cast<std::uint64_t>(most_.count));
        }
    }

    [[nodiscard]] std::string fault() const {
        switch (parser_->fault()) {
            case Fault::none: return {};
            case Fault::sink: return file_->problem();
            case Fault::body_too_large: return "the answer is larger than " + to_text(most_);
            case Fault::head_too_large: return "the head of the answer is larger than is taken here";
            case Fault::malformed: return "the answer is no HTTP: " + parser_->fault_text();
        }
        return {};
    }

    Wire& wire_;
    Request const& request_;
    Outgoing outgoing_;
    Patience& patience_;
    Bytes const most_;
    NewFile* const file_;
    std::unique_ptr<Parser> parser_;
    std::string rest_;
    Want wanted_ = Want::nothing;
    bool heard_ = false;
    bool given_up_ = false;
    Response response_;
};

}  // namespace

class Client::Impl {
public:
    Impl(ClientSettings const& settings, Url url, TlsContext context, Clock& clock)
        : settings_(settings), url_(std::move(url)), context_(std::move(context)), clock_(clock), resolver_(url_.at) {}

    Result<Response> send(Call const& call, Request const& request, NewFile* file) {
        if (auto const sendable = check_sendable(request); !sendable) return sendable.error();
        std::optional<SourceFile> source;
        if (!request.body_file.empty()) {
            auto opened = open_source(request.body_file);
            if (!opened) return opened.error();
            source = std::move(*opened);
        }
        Patience patience{clock_, call};
        if (auto const waited = patience.now(); waited != Waited::ready)
            return fail(Errc::retry_later, subject(request) + ": it " + Patience::text_of(waited));
        Job const job{request, source ? &*source : nullptr, file};
        if (auto wire = take_kept()) {
            auto answer = talk(std::move(wire), job, patience);
            if (answer.response || !answer.again) return finish(std::move(answer));
        }
        auto wire = connect(patience);
        if (!wire) return wire.error();
        return finish(talk(std::move(*wire), job, patience));
    }

private:
    struct Job {
        Request const& request;
        SourceFile const* body;
        NewFile* file;
    };
    struct Told {
        std::optional<Response> response;
        Error error;
        bool again = false;  ///< Another connection may be tried.
    };

    [[nodiscard]] std::string subject(Request const& request) const {
        // The query is not shown: a signature is a secret.
        return request.method + " " + request.target.substr(0, request.target.find('?')) + " at " + url_.host_header;
    }

    static Result<Response> finish(Told told) {
        if (told.response) return std::move(*told.response);
        return told.error;
    }

    Result<std::unique_ptr<Wire>> connect(Patience& patience) {
        auto const addresses = resolver_.resolve(patience);
        if (!addresses) return addresses.error();
        return connect_wire(url_, url_.host_header, *addresses, context_, settings_.connect_time, patience);
    }

    Told talk(std::unique_ptr<Wire> wire, Job const& job, Patience& patience) {
        Exchange exchange{*wire, job.request, Outgoing{job.request, job.body, url_.host_header}, patience,
                          settings_.max_response, job.file};
        auto const problem = exchange.run();
        if (problem.empty()) {
            if (exchange.keep()) keep(std::move(wire));
            return {exchange.take_response(), {}, false};
        }
        bool const harmless = has_no_effects(job.request.method) || !exchange.begun();
        Told told;
        told.error = fail(harmless ? Errc::retry_later : Errc::in_doubt, subject(job.request) + ": " + problem);
        bool const may_repeat = harmless || job.request.repeatable;
        told.again = may_repeat && exchange.silent() && !exchange.given_up();
        return told;
    }

    std::unique_ptr<Wire> take_kept() {
        auto const now = clock_.steady_now();
        std::scoped_lock const lock{mutex_};
        std::erase_if(kept_, [&](auto const& wire) { return now - wire->unused_since >= settings_.keep_time; });
        while (!kept_.empty()) {
            auto wire = std::move(kept_.back());
            kept_.pop_back();
            if (wire->is_quiet()) return wire;
        }
        return nullptr;
    }

    void keep(std::unique_ptr<Wire> wire) {
        wire->unused_since = clock_.steady_now();
        std::scoped_lock const lock{mutex_};
        if (kept_.size() < static_cast<std::size_t>(std::max(0, settings_.max_kept))) kept_.push_back(std::move(wire));
    }

    ClientSettings const settings_;
    Url const url_;
    TlsContext const context_;
    Clock& clock_;
    Resolver resolver_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Wire>> kept_;
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::make(ClientSettings const& settings, Clock& clock) {
    auto url = parse_url(settings.url);
    if (!url) return url.error();
    TlsContext context;
    if (url->tls) {
        auto made = make_client_context(settings.ca_file);
        if (!made) return made.error();
        context = std::move(*made);
    }
    return std::unique_ptr<Client>{
        new Client{std::make_unique<Impl>(settings, std::move(*url), std::move(context), clock)}};
}

Result<Response> Client::send(Call const& call, Request const& request) { return impl_->send(call, request, nullptr); }

Result<Response> Client::download(Call const& call, Request const& request, std::string const& path) {
    auto file = NewFile::at(path);
    if (!file) return file.error();
    auto answer = impl_->send(call, request, &*file);
    if (answer && !answer->body_file.empty()) file->keep();
    return answer;
}

}  // namespace rgrid::http
