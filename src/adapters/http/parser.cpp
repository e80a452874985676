#include "adapters/http/parser.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "adapters/http/head.hpp"

namespace rgrid::http {

namespace {

namespace beast = boost::beast;

std::string_view plain(beast::string_view text) { return {text.data(), text.size()}; }

/// Beast's parser, which says what it finds; here is kept what it says.
template <bool is_request>
class Listener final : public beast::http::basic_parser<is_request> {
public:
    Head head;
    Sink sink;
    Fault fault = Fault::none;

private:
    using Code = beast::error_code;

    void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                         Code&) override {
        head.method = plain(method);
        head.target = plain(target);
        head.old = version < 11;
    }

    void on_response_impl(int status, beast::string_view, int version, Code&) override {
        head.status = status;
        head.old = version < 11;
    }

    void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, Code& code) override {
        if (this->is_header_done()) return;  // A trailer: who looked at the head must not see another one later.
        if (head.headers.size() >= max_fields) {
            code = beast::http::error::header_limit;
            return;
        }
        Header header;
        header.name = plain(name);
        header.value = plain(value);
        head.headers.push_back(std::move(header));
    }

    void on_header_impl(Code& code) override {
        head.keep = this->keep_alive();
        head.chunked = this->chunked();
        if (this->content_length()) head.length = *this->content_length();
        head.until_end = !is_request && this->need_eof();
        // What else would be the length of the body? Whoever guesses takes one request for two. And what else was done to
        // the body would have to be undone.
        auto const encodings = std::ranges::count_if(
            head.headers, [](Header const& header) { return same_name(header.name, "Transfer-Encoding"); });
        auto const* encoding = find_header(head.headers, "Transfer-Encoding");
        if (encodings > 1 || (encodings == 1 && (!same_name(*encoding, "chunked") || head.old)))
            code = beast::http::error::bad_transfer_encoding;
    }

    void on_body_init_impl(boost::optional<std::uint64_t> const&, Code&) override {}

    std::size_t on_body_impl(beast::string_view body, Code& code) override {
        if (!sink || sink(plain(body))) return body.size();
        fault = Fault::sink;
        code = beast::http::error::body_limit;
        return 0;
    }

    void on_chunk_header_impl(std::uint64_t, beast::string_view, Code&) override {}

    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, Code& code) override {
        return on_body_impl(body, code);
    }

    void on_finish_impl(Code&) override {}
};

Fault fault_of(beast::error_code const& code) {
    if (code == beast::http::error::header_limit) return Fault::head_too_large;
    if (code == beast::http::error::body_limit) return Fault::body_too_large;
    return Fault::malformed;
}

/// Chunk sizes, their extensions and trailers are of nobody's interest; this is what they may take at once.
constexpr std::size_t max_line = 16 * 1024;

/// Whatever is left of a body in chunks has at least "0\r\n\r\n". Beast asserts that much of a last chunk, though it may
/// have been given less of it, and a peer must not end this process.
constexpr std::size_t least_of_chunks = 5;

}  // namespace

struct Parser::Impl {
    virtual ~Impl() = default;
    virtual std::size_t feed(std::string_view text) = 0;
    virtual void end() = 0;
    virtual bool head_done() = 0;
    virtual bool done() = 0;
    virtual Head& head() = 0;
    virtual void read_body(Sink sink, std::uint64_t max_body) = 0;

    Fault fault = Fault::none;
    std::string fault_text;
};

namespace {

template <bool is_request, class Base>
struct Reader final : Base {
    Listener<is_request> listener;
    std::size_t max_header = 0;
    std::size_t header = 0;  // Taken so far: Beast limits a field, and takes any number of them.

    void blame(beast::error_code const& code) {
        this->fault = listener.fault != Fault::none ? listener.fault : fault_of(code);
        this->fault_text = code.message();
    }

    void count_header(std::size_t taken, std::size_t waiting) {
        header += taken;
        if (header > max_header || (!head_done() && header + waiting > max_header))
            blame(beast::http::error::header_limit);
    }

    std::size_t feed(std::string_view text) override {
        std::size_t used = 0;
        while (!done() && this->fault == Fault::none) {
            bool const had_head = head_done();
            if (had_head && listener.head.chunked && text.size() - used < least_of_chunks) break;
            beast::error_code code;
            auto const taken = listener.put(boost::asio::const_buffer{text.data() + used, text.size() - used}, code);
            used += taken;
            if (!had_head) count_header(taken, text.size() - used);
            if (code == beast::http::error::need_more) {
                if (had_head && text.size() - used > max_line) blame(beast::http::error::bad_chunk);
                break;
            }
            if (code && this->fault == Fault::none) blame(code);
            if (!had_head && head_done()) break;
            if (used == text.size()) break;
        }
        return used;
    }

    void end() override {
        if (done() || this->fault != Fault::none) return;
        beast::error_code code = beast::http::error::partial_message;
        if (listener.got_some()) listener.put_eof(code);
        if (code) blame(code);
    }

    bool head_done() override { return listener.is_header_done(); }
    bool done() override { return listener.is_done(); }
    Head& head() override { return listener.head; }

    void read_body(Sink sink, std::uint64_t max_body) override {
        listener.sink = std::move(sink);
        listener.body_limit(max_body);
        if (listener.head.length && *listener.head.length > max_body) blame(beast::http::error::body_limit);
    }
};

template <bool is_request, class Base>
std::unique_ptr<Base> make_reader(std::size_t max_header, bool bodiless) {
    auto reader = std::make_unique<Reader<is_request, Base>>();
    reader->max_header = max_header;
    reader->listener.header_limit(static_cast<std::uint32_t>(max_header));
    reader->listener.body_limit(boost::none);
    reader->listener.skip(bodiless);
    return reader;
}

}  // namespace

Parser::Parser(Kind kind, std::size_t max_header)
    : impl_(kind == Kind::request ? make_reader<true, Impl>(max_header, false)
                                  : make_reader<false, Impl>(max_header, kind == Kind::response_without_body)) {}
Parser::~Parser() = default;

std::size_t Parser::feed(std::string_view text) { return impl_->feed(text); }
void Parser::end() { impl_->end(); }
bool Parser::head_done() const { return impl_->head_done(); }
bool Parser::done() const { return impl_->done(); }
Fault Parser::fault() const { return impl_->fault; }
std::string Parser::fault_text() const { return impl_->fault_text; }
Head& Parser::head() { return impl_->head(); }
void Parser::read_body(Sink sink, std::uint64_t max_body) { impl_->read_body(std::move(sink), max_body); }

}  // namespace rgrid::http
