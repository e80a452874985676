#include <gmock/gmock.h>

#include <future>
#include <list>
#include <optional>
#include <random>

#include "support.hpp"

namespace rgrid::http {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A server whose limits of time are passed by the test.
class HttpLimits : public ::testing::Test {
protected:
    void start(ServerSettings const& settings = {}, Service service = {.handler = echo}) {
        server_ = serve(clock_, std::move(service), settings);
    }

    std::string ask(std::string_view text) {
        RawConnection const raw{server_->port()};
        raw.send(text);
        return raw.read_all();
    }

    /// Lets time pass until something has happened.
    bool eventually_after(Duration step, std::function<bool()> const& condition) {
        return eventually([&] {
            if (condition()) return true;
            clock_.advance(step);
            return false;
        });
    }

    void expect_service() {
        RawConnection const raw{server_->port()};
        raw.send("GET /well HTTP/1.0\r\n\r\n");
        EXPECT_THAT(raw.read_all(), EndsWith("GET /well ")) << "others are served";
    }

    memory::ManualClock clock_;
    std::unique_ptr<Server> server_;
};

TEST_F(HttpLimits, RefuseAHeadThatIsTooLargeHoweverItArrives) {
    start({.max_header = Bytes{1024}, .threads = 1});
    EXPECT_THAT(ask("GET /" + std::string(2000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 431"));
    EXPECT_THAT(ask("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'a')), StartsWith("HTTP/1.1 431"));
    std::string fields;
    for (int i = 0; i < 30; ++i) fields += "a: " + std::string(17, 'b') + "\r\n";
    std::string const begin = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    EXPECT_THAT(ask(begin + fields + "\r\n"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(ask(begin + fields + fields + "\r\n"), StartsWith("HTTP/1.1 431"));
    RawConnection const raw{server_->port()};
    raw.send(begin + fields);
    expect_service();  // What was sent before has been read, so that no piece is too large.
    raw.send(fields + "\r\n");
    EXPECT_THAT(raw.read_all(), StartsWith("HTTP/1.1 431"));
    EXPECT_THAT(ask("GET /" + std::string(900, 'a') + " HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpLimits, RefuseAHeadOfTooManyFields) {
    start();
    auto const with_fields = [&](int count) {
        std::string head = "GET / HTTP/1.0\r\n";
        for (int i = 0; i < count; ++i) head += "a:b\r\n";
        return ask(head + "\r\n");
    };
    EXPECT_THAT(with_fields(100), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(with_fields(101), AllOf(StartsWith("HTTP/1.1 431"), HasSubstr("100 fields")));
}

TEST_F(HttpLimits, RefuseABodyThatIsTooLargeHoweverItArrives) {
    start({.max_body = Bytes{1000}});
    auto const sized = [](int size) {
        return "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
               std::string(static_cast<std::size_t>(size), 'x');
    };
    auto const chunked = [](int chunks) {
        std::string text = "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (int i = 0; i < chunks; ++i) text += "64\r\n" + std::string(100, 'x') + "\r\n";
        return text + "0\r\n\r\n";
    };
    EXPECT_THAT(ask(sized(1000)), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(ask(sized(1001)), StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(ask(chunked(10)), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(ask(chunked(11)), StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(ask("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\nx"),
                StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(ask("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nx"),
                StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(ask("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(40'000, 'x')),
                StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpLimits, AnswerGarbageOnceAndClose) {
    start();
    using namespace std::string_view_literals;
    for (auto const garbage :
         {"\r\n\r\n"sv, "hello\r\n\r\n"sv, "GET\r\n\r\n"sv, "GET / HTTP/9.9\r\n\r\n"sv, "GET / HTTP/1.1\r\nHost a\r\n\r\n"sv,
          "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"sv, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"sv,
          "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and what else TLS begins with"sv,
          "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"sv, "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"sv,
          "GET * HTTP/1.1\r\nHost: a\r\n\r\n"sv, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"sv}) {
        auto const text = ask(garbage);
        EXPECT_THAT(text, StartsWith("HTTP/1.1 400")) << garbage;
        EXPECT_THAT(text, HasSubstr("Connection: close")) << garbage;
    }
    expect_service();
    EXPECT_EQ(server_->statistics().bad_requests, 12);
}

TEST_F(HttpLimits, TakeNoRequestWhoseEndIsAMatterOfOpinion) {
    start();
    auto const smuggled = [&](std::string const& headers) {
        return ask("POST / HTTP/1.1\r\n" + headers + "\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    };
    for (auto const* headers : {"Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                                "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                                "Host: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
                                "Host: a\r\nContent-Length: +5\r\n", "Host: a\r\nContent-Length: 5,6\r\n",
                                "Host: a\r\nTransfer-Encoding: gzip\r\n", "Host: a\r\nTransfer-Encoding: chunked, gzip\r\n",
                                "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n",
                                "Host: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                                "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                                "Host: a\r\nTransfer-Encoding : chunked\r\n", "Host: a\r\nHost: b\r\n",
                                "Content-Length: 0\r\n"}) {
        auto const text = smuggled(headers);
        EXPECT_THAT(text, StartsWith("HTTP/1.1 400")) << headers;
        EXPECT_THAT(text, ::testing::Not(HasSubstr("smuggled"))) << headers;
    }
}

TEST_F(HttpLimits, EndWhoeverTakesTooLongForAHead) {
    start({.header_time = Duration{10'000}, .threads = 1});
    RawConnection const slow{server_->port()};
    RawConnection const silent{server_->port()};
    slow.send("GET / HT");
    EXPECT_TRUE(eventually([&] { return server_->statistics().connections == 2; }));
    expect_service();  // What was sent before has been read.
    clock_.advance(Duration{9'999});
    expect_service();
    EXPECT_FALSE(slow.has_ended());
    clock_.advance(Duration{1});
    EXPECT_THAT(slow.read_all(), StartsWith("HTTP/1.1 408"));
    EXPECT_EQ(silent.read_all(), "");
    EXPECT_EQ(server_->statistics().timed_out, 2);
}

TEST_F(HttpLimits, GiveALaterRequestOfAConnectionItsOwnTime) {
    start({.header_time = Duration{10'000}, .idle_time = Duration{60'000}, .threads = 1});
    RawConnection const raw{server_->port()};
    raw.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    raw.read_until("GET /1 ");
    clock_.advance(Duration{30'000});
    raw.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    raw.read_until("GET /2 ");
    raw.send("GET /3 ");
    expect_service();  // What was sent before has been read.
    EXPECT_TRUE(eventually_after(Duration{1'000}, [&] { return server_->statistics().timed_out == 1; }));
    EXPECT_THAT(raw.read_all(), StartsWith("HTTP/1.1 408"));
}

TEST_F(HttpLimits, EndWhoeverStopsSendingABodyAndBearWithWhoeverGoesOn) {
    start({.body_time = Duration{10'000}, .slowest = Bytes{1000}, .threads = 1});
    RawConnection const stuck{server_->port()};
    RawConnection const steady{server_->port()};
    std::string const head = "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 20000\r\n\r\n";
    stuck.send(head + "abc");
    steady.send(head + std::string(5'000, 'x'));
    expect_service();  // What was sent before has been read.
    clock_.advance(Duration{10'100});  // The first piece has earned the steady one five seconds.
    EXPECT_THAT(stuck.read_all(), StartsWith("HTTP/1.1 408"));
    EXPECT_FALSE(steady.has_ended());
    steady.send(std::string(15'000, 'x'));
    EXPECT_THAT(steady.read_all(), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpLimits, EndWhoeverDoesNotTakeTheirAnswer) {
    start({.body_time = Duration{10'000}},
          {.handler = [](Request const&, Reply reply) { reply({.body = std::string(32'000'000, 'x')}); }});
    RawConnection const raw{server_->port()};
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    raw.read_until("\r\n\r\n");
    EXPECT_TRUE(eventually_after(Duration{100'000}, [&] { return server_->statistics().connections == 0; }));
    EXPECT_EQ(server_->statistics().timed_out, 1);
}

TEST_F(HttpLimits, EndConnectionsThatNobodyUsesButNoLongPolls) {
    std::promise<Reply> parked;
    start({.idle_time = Duration{60'000}}, {.handler = [&](Request request, Reply reply) {
              if (request.target == "/poll") return parked.set_value(std::move(reply));
              echo(std::move(request), std::move(reply));
          }});
    RawConnection const idle{server_->port()};
    RawConnection const poll{server_->port()};
    idle.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    idle.read_until("GET /1 ");
    poll.send("GET /poll HTTP/1.1\r\nHost: a\r\n\r\n");
    auto reply = parked.get_future().get();
    clock_.advance(Duration{59'000});
    expect_service();
    EXPECT_FALSE(idle.has_ended());
    EXPECT_TRUE(eventually_after(Duration{60'000}, [&] { return idle.has_ended(); }));
    EXPECT_FALSE(poll.has_ended());
    reply({.body = "a job"});
    EXPECT_THAT(poll.read_until("a job"), StartsWith("HTTP/1.1 200"));
    EXPECT_EQ(server_->statistics().timed_out, 0);
}

TEST_F(HttpLimits, TakeNoMoreConnectionsThanAllowed) {
    start({.max_connections = 2});
    RawConnection const first{server_->port()};
    auto second = std::make_unique<RawConnection>(server_->port());
    EXPECT_TRUE(eventually([&] { return server_->statistics().connections == 2; }));
    EXPECT_EQ(ask("GET / HTTP/1.0\r\n\r\n"), "");
    second.reset();
    EXPECT_TRUE(eventually([&] { return server_->statistics().connections == 1; }));
    expect_service();
    EXPECT_EQ(server_->statistics().refused, 1);
}

TEST_F(HttpLimits, TakeNoMoreConnectionsOfOnePeerThanAllowed) {
    start({.max_connections_per_peer = 1});
    auto first = std::make_unique<RawConnection>(server_->port());
    EXPECT_TRUE(eventually([&] { return server_->statistics().connections == 1; }));
    EXPECT_EQ(ask("GET / HTTP/1.0\r\n\r\n"), "");
    first.reset();
    EXPECT_TRUE(eventually([&] { return server_->statistics().connections == 0; }));
    expect_service();
}

TEST_F(HttpLimits, KeepAllBodiesTogetherWithinTheirLimit) {
    start({.max_body = Bytes{1000}, .max_bodies = Bytes{1500}, .threads = 1});
    std::string const head = "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n";
    auto holder = std::make_unique<RawConnection>(server_->port());
    holder->send(head + std::string(900, 'x'));
    expect_service();  // What was sent before has been read.
    EXPECT_THAT(ask(head + std::string(1000, 'y')), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("Retry-After")));
    holder.reset();
    EXPECT_TRUE(eventually([&] { return ask(head + std::string(1000, 'y')).starts_with("HTTP/1.1 200"); }))
        << "what is gone counts no more";
}

TEST_F(HttpLimits, CountABodyForAsLongAsItsRequestIsKept) {
    std::promise<Request> held;
    start({.max_body = Bytes{1000}, .max_bodies = Bytes{1500}}, {.handler = [&](Request request, Reply reply) {
              if (request.target == "/held") return held.set_value(std::move(request));
              echo(std::move(request), std::move(reply));
          }});
    auto const put = [&](std::string const& target) {
        return ask("PUT " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n" +
                   std::string(1000, 'x'));
    };
    EXPECT_THAT(put("/held"), StartsWith("HTTP/1.1 500"));
    std::optional request{held.get_future().get()};
    EXPECT_THAT(put("/"), StartsWith("HTTP/1.1 503")) << "the first one is still in memory";
    request.reset();
    EXPECT_THAT(put("/"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpLimits, BearARequestThatIsKeptForLongerThanItsServer) {
    std::promise<Request> held;
    start({}, {.handler = [&](Request request, Reply const&) { held.set_value(std::move(request)); }});
    ask("PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
    auto const request = held.get_future().get();
    server_.reset();
    EXPECT_EQ(request.body, "x");
}

TEST_F(HttpLimits, SayNothingInAdvanceToWhoeverDoesNotKnowOfThat) {
    start({.threads = 1});
    RawConnection const raw{server_->port()};
    raw.send("PUT /e HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    expect_service();  // What was sent before has been read.
    raw.send("abc");
    EXPECT_THAT(raw.read_all(), AllOf(StartsWith("HTTP/1.1 200"), EndsWith("PUT /e abc")));
}

TEST_F(HttpLimits, BearALastChunkThatArrivesInPieces) {
    start({.threads = 1});
    RawConnection const raw{server_->port()};
    raw.send("PUT /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (auto const* piece : {"0", "\r", "\n", "\r", "\n"}) {
        expect_service();  // What was sent before has been read.
        raw.send(piece);
    }
    EXPECT_THAT(raw.read_until("PUT /p "), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpLimits, SurviveWhateverIsSent) {
    start({.max_header = Bytes{2048}, .max_body = Bytes{4096}});
    std::vector<std::string> const models{
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /b?c=d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
        "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\nhello\r\n0\r\n\r\n"};
    std::mt19937 chance{20260101};
    auto const below = [&](std::size_t n) { return static_cast<std::size_t>(chance() % n); };
    for (int i = 0; i < 400; ++i) {
        auto text = models[below(models.size())] + models[below(models.size())];
        for (auto changes = 1 + below(4); changes-- > 0;) {
            auto const at = below(text.size());
            if (auto const kind = below(4); kind == 0) text[at] = static_cast<char>(chance());
            else if (kind == 1) text.erase(at, 1 + below(8));
            else if (kind == 2) text.insert(at, text.substr(below(text.size()), below(20)));
            else text.insert(at, std::string(below(3000), "\r\n:0 \xff"[below(6)]));
            if (text.empty()) text = "x";
        }
        RawConnection const raw{server_->port()};
        raw.send(text);
        raw.finish();
        auto const answers = raw.read_all();
        ASSERT_TRUE(answers.empty() || answers.starts_with("HTTP/1.1 ")) << text << " was answered with " << answers;
    }
    expect_service();
    EXPECT_TRUE(eventually([&] { return server_->statistics().connections == 0; }));
}

TEST_F(HttpLimits, ServeOthersBesideThousandsWhoAreSilentOrSlow) {
    start({.max_connections = 6000});
    std::list<RawConnection> many;
    for (int i = 0; i < 2000; ++i) {
        many.emplace_back(server_->port());
        if (i % 2 == 0) many.back().send("GET /slow HTTP/1.1\r\nHost: ");
    }
    EXPECT_TRUE(eventually([&] { return server_->statistics().connections == 2000; }));
    for (int i = 0; i < 20; ++i) expect_service();
    for (auto const& one : many) one.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    for (auto const& one : many) EXPECT_THAT(one.read_until(" "), StartsWith("HTTP/1.1"));
}

}  // namespace
}  // namespace rgrid::http
