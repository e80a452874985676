#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <rgrid/testing/temp_folder.hpp>

#include "adapters/http/patience.hpp"
#include "support.hpp"

namespace rgrid::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto answer_ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class HttpClient : public ::testing::Test {
protected:
    Result<Response> ask(std::uint16_t port, Request const& request) {
        return client_of(port, clock_)->send(some_time(), request);
    }

    /// What a client makes of such an answer.
    Result<Response> hear(std::string const& answer, Request const& request) {
        ScriptedPeer const peer{[&](int fd, int) {
            ScriptedPeer::read_request(fd);
            ScriptedPeer::say(fd, answer);
        }};
        return ask(peer.port(), request);
    }

    std::string problem(std::string const& url) {
        auto const made = Client::make({.url = url}, clock_);
        return made ? "it was made" : made.error().message;
    }

    SystemClock clock_;
    memory::ManualClock stopped_;
    testing::TempFolder folder_;
};

TEST_F(HttpClient, TakesOnlyUrlsOfAServer) {
    for (auto const* good : {"https://localhost", "https://a.example:8443/", "https://[::1]:8443", "http://127.0.0.1:80"})
        EXPECT_EQ(problem(good), "it was made") << good;
    for (auto const* bad : {"", "localhost:80", "ftp://a", "https://", "https://a/b", "https://a:0", "https://a:99999",
                            "https://a b", "https://[::1", "https://a?b", "https://[a]:1"})
        EXPECT_THAT(problem(bad), HasSubstr("expected")) << bad;
    EXPECT_THAT(problem("https://user:swordfish@a"), Not(HasSubstr("swordfish")));
}

TEST_F(HttpClient, SendsNothingInTheClearBeyondItsMachine) {
    auto const client = Client::make({.url = "http://192.0.2.1:80"}, clock_).value();
    auto const answer = client->send(some_time(), request("GET", "/"));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::denied);
    EXPECT_THAT(answer.error().message, HasSubstr("expected an https URL"));
}

TEST_F(HttpClient, SaysThatNothingHappenedIfItReachedNobody) {
    DeafPort const deaf;
    auto const refused = ask(deaf.port(), request("POST", "/", "x"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::retry_later);
    EXPECT_THAT(refused.error().message, HasSubstr("Connection refused"));
    auto const nameless = Client::make({.url = "https://no-such-host.invalid"}, clock_).value();
    auto const unknown = nameless->send(call_within(clock_, Duration{1'000}), request("POST", "/", "x"));
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Errc::retry_later);
    EXPECT_THAT(unknown.error().message, HasSubstr("no-such-host.invalid"));
}

TEST_F(HttpClient, SaysThatNothingHappenedIfTlsWasNeverAgreedUpon) {
    ScriptedPeer const silent{[this](int fd, int) {
        char byte = 0;
        ::recv(fd, &byte, 1, 0);  // It has begun to agree.
        stopped_.advance(Duration{50});
        while (!ScriptedPeer::read_request(fd).empty()) {}
    }};
    auto const client =
        Client::make({.url = url_of(silent.port(), "https"), .connect_time = Duration{50}}, stopped_).value();
    auto const answer = client->send({}, request("POST", "/", "x"));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::retry_later);
    EXPECT_THAT(answer.error().message, HasSubstr("agreeing on TLS took too long"));
}

TEST_F(HttpClient, IsInDoubtOnceARequestMayHaveArrived) {
    auto const get = hear("", request("GET", "/"));
    auto const post = hear("", request("POST", "/", "x"));
    ASSERT_FALSE(get || post);
    EXPECT_EQ(get.error().code, Errc::retry_later) << "it has no effects";
    EXPECT_EQ(post.error().code, Errc::in_doubt);
    EXPECT_THAT(post.error().message, HasSubstr("POST / at 127.0.0.1"));
    EXPECT_EQ(hear("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", request("POST", "/")).error().code, Errc::in_doubt);
    EXPECT_EQ(hear("no HTTP at all\r\n\r\n", request("POST", "/")).error().code, Errc::in_doubt);
}

TEST_F(HttpClient, GivesUpAtTheDeadlineAndWhenToldTo) {
    ScriptedPeer const silent{[this](int fd, int number) {
        ScriptedPeer::read_request(fd);
        if (number == 1) stopped_.advance(Duration{50});
        while (!ScriptedPeer::read_request(fd).empty()) {}
    }};
    auto const client = client_of(silent.port(), stopped_);
    auto const late = client->send(call_within(stopped_, Duration{50}), request("POST", "/", "x"));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Errc::in_doubt);
    EXPECT_THAT(late.error().message, HasSubstr("took too long"));

    std::stop_source stop;
    std::jthread const stopper{[&] { eventually([&] { return silent.connections() == 2; }), stop.request_stop(); }};
    Call const call{.stop = stop.get_token()};
    auto const stopped = client->send(call, request("GET", "/"));
    ASSERT_FALSE(stopped);
    EXPECT_THAT(stopped.error().message, HasSubstr("was given up"));
    auto const not_begun = client->send(call, request("POST", "/"));
    ASSERT_FALSE(not_begun);
    EXPECT_EQ(not_begun.error().code, Errc::retry_later);
    EXPECT_EQ(silent.connections(), 2);
}

TEST_F(HttpClient, GivesUpInTheMiddleOfAnUploadThatNobodyTakes) {
    std::promise<void> over;
    ScriptedPeer const stuck{[this, waits = over.get_future().share()](int fd, int) {
        char byte = 0;
        ::recv(fd, &byte, 1, 0);
        stopped_.advance(Duration{100});
        waits.wait();
    }};
    auto const large = request("PUT", "/", std::string(64'000'000, 'x'));
    auto const late = client_of(stuck.port(), stopped_)->send(call_within(stopped_, Duration{100}), large);
    over.set_value();
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Errc::in_doubt);
    EXPECT_THAT(late.error().message, HasSubstr("sending took too long"));
}

TEST_F(HttpClient, SendsAgainWhatIsHarmlessWhenAKeptConnectionWasClosed) {
    // Each connection answers one request and is closed when the second one has come.
    ScriptedPeer const peer{[](int fd, int) {
        ScriptedPeer::read_request(fd);
        ScriptedPeer::say(fd, answer_ok);
        ScriptedPeer::read_request(fd);
    }};
    auto const client = client_of(peer.port(), clock_);
    EXPECT_TRUE(client->send(some_time(), request("GET", "/1")));
    EXPECT_TRUE(client->send(some_time(), request("GET", "/2")));
    EXPECT_EQ(peer.connections(), 2);
    auto beat = request("POST", "/beat", "x");
    beat.repeatable = true;
    EXPECT_TRUE(client->send(some_time(), beat));
    EXPECT_EQ(peer.connections(), 3);
    auto const once = client->send(some_time(), request("POST", "/once", "x"));
    ASSERT_FALSE(once);
    EXPECT_EQ(once.error().code, Errc::in_doubt);
    EXPECT_EQ(peer.connections(), 3);
}

TEST_F(HttpClient, DoesNotUseAConnectionThatItKnowsToBeClosed) {
    ScriptedPeer const peer{[](int fd, int) {
        ScriptedPeer::read_request(fd);
        ScriptedPeer::say(fd, answer_ok);
    }};
    auto const client = client_of(peer.port(), clock_);
    EXPECT_TRUE(client->send(some_time(), request("POST", "/1", "x")));
    ASSERT_TRUE(eventually([&] { return peer.ended() == 1; }));
    EXPECT_TRUE(client->send(some_time(), request("POST", "/2", "x")));
}

TEST_F(HttpClient, KeepsConnectionsForAWhile) {
    auto const server = serve(clock_, {.handler = echo});
    auto const client = Client::make({.url = url_of(server->port()), .keep_time = Duration{60'000}}, stopped_).value();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(client->send({}, request("GET", "/")));
    EXPECT_EQ(server->statistics().accepted, 1);
    stopped_.advance(Duration{60'000});
    EXPECT_TRUE(client->send({}, request("GET", "/")));
    EXPECT_EQ(server->statistics().accepted, 2);
}

TEST_F(HttpClient, IsUsedByManyThreadsAtOnce) {
    auto const server = serve(clock_, {.handler = echo});
    auto const client = client_of(server->port(), clock_);
    testing::at_once(8, [&](std::size_t thread) {
        for (int i = 0; i < 25; ++i) {
            auto const target = "/" + std::to_string(thread) + "/" + std::to_string(i);
            EXPECT_EQ(client->send(some_time(), request("POST", target, "x")).value().body, "POST " + target + " x");
        }
    });
    EXPECT_EQ(server->statistics().requests, 200);
}

TEST_F(HttpClient, UnderstandsAnswersInEveryForm) {
    EXPECT_EQ(hear("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + std::string{answer_ok},
                   request("PUT", "/", "x"))
                  .value()
                  .body,
              "ok");
    EXPECT_EQ(hear("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", request("GET", "/"))
                  .value()
                  .body,
              "abc");
    EXPECT_EQ(hear("HTTP/1.0 200 OK\r\n\r\nuntil the end", request("GET", "/")).value().body, "until the end");
    EXPECT_EQ(hear("HTTP/1.1 204 No Content\r\n\r\n", request("DELETE", "/")).value().status, 204);
    EXPECT_EQ(hear("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", request("GET", "/")).value().status,
              302);
}

TEST_F(HttpClient, TakesNoAnswerLargerThanAllowed) {
    auto const server = serve(clock_, {.handler = [](Request const&, Reply reply) {
                                  reply({.body = std::string(1001, 'x')});
                              }});
    auto const ask_for = [&](std::int64_t most) {
        return Client::make({.url = url_of(server->port()), .max_response = Bytes{most}}, clock_)
            .value()
            ->send(some_time(), request("POST", "/", "x"));
    };
    EXPECT_TRUE(ask_for(1001));
    auto const answer = ask_for(1000);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::in_doubt);
    EXPECT_THAT(answer.error().message, HasSubstr("larger than 1000B"));
    EXPECT_FALSE(hear("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'), request("GET", "/")));
}

TEST_F(HttpClient, HearsARefusalInTheMiddleOfAnUpload) {
    auto const server = serve(clock_, {.handler = echo}, {.max_body = Bytes{1000}});
    EXPECT_EQ(ask(server->port(), request("PUT", "/", std::string(8'000'000, 'x'))).value().status, 413);
}

TEST_F(HttpClient, GoesOnWithAnUploadWhenSomethingIsSaidInAdvance) {
    // Each is more than sockets hold: the hints are all said only once some were heard, and then a part of the body has
    // still to be sent, since none of it is read before.
    constexpr std::size_t size = 64'000'000;
    std::string hints;
    for (int i = 0; i < 140; ++i) hints += "HTTP/1.1 103 Early Hints\r\nLink: " + std::string(30'000, 'x') + "\r\n\r\n";
    ScriptedPeer const peer{[&](int fd, int) {
        int const little = 64 * 1024;
        ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
        auto const begun = ScriptedPeer::read_request(fd);
        ScriptedPeer::say(fd, hints);
        auto left = begun.find("\r\n\r\n") + 4 + size - begun.size();
        std::string piece(64 * 1024, '\0');
        while (left > 0) {
            auto const count = ::recv(fd, piece.data(), std::min(piece.size(), left), 0);
            if (count <= 0) return;
            left -= static_cast<std::size_t>(count);
        }
        ScriptedPeer::say(fd, answer_ok);
    }};
    auto const answer = ask(peer.port(), request("PUT", "/", std::string(size, 'x')));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "ok");
}

TEST_F(HttpClient, SeesWhatIsThereHoweverLateItIs) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    http::OpenFd const from{ends[0]};
    http::OpenFd const to{ends[1]};
    Call const call{.deadline = stopped_.steady_now()};
    Patience patience{stopped_, call};
    EXPECT_EQ(patience.wait(from.get(), POLLIN), Waited::late);
    ASSERT_EQ(::write(to.get(), "x", 1), 1);
    EXPECT_EQ(patience.wait(from.get(), POLLIN), Waited::ready);
}

TEST_F(HttpClient, SendsNothingThatWouldBecomeAnotherRequest) {
    auto const server = serve(clock_, {.handler = echo});
    for (auto const& bad :
         {request("GET", "/a b"), request("GET", "/a\r\nX: y"), request("GET", "a"), request("GET", ""),
          request("GE T", "/"), request("", "/"), Request{.headers = {{"X", "a\r\nY: b"}}}, Request{.headers = {{"X Y", "a"}}},
          Request{.body_file = folder_ / "none"}, Request{.body_file = folder_.path()}}) {
        auto const answer = ask(server->port(), bad);
        ASSERT_FALSE(answer) << bad.method << bad.target;
        EXPECT_EQ(answer.error().code, Errc::rejected);
    }
    EXPECT_EQ(server->statistics().accepted, 0);
}

TEST_F(HttpClient, ShowsNoQueryInErrors) {
    auto const answer = hear("", request("GET", "/file?signature=swordfish"));
    ASSERT_FALSE(answer);
    EXPECT_THAT(answer.error().message, HasSubstr("GET /file at"));
    EXPECT_THAT(answer.error().message, Not(HasSubstr("swordfish")));
}

TEST_F(HttpClient, DownloadsIntoANewFileOrLeavesNone) {
    auto const server = serve(clock_, {.handler = [](Request const& asked, Reply reply) {
                                  if (asked.target == "/none") return reply(text_response(404, "no such file"));
                                  reply({.body = std::string(3'000'000, 'x')});
                              }});
    auto const client = Client::make({.url = url_of(server->port()), .max_response = Bytes{100}}, clock_).value();
    auto const path = folder_ / "target";
    auto const none = client->download(some_time(), request("GET", "/none"), path).value();
    EXPECT_EQ(none.status, 404);
    EXPECT_EQ(none.body, "no such file\n");
    EXPECT_EQ(none.body_file, "");
    EXPECT_FALSE(folder_.has("target"));
    auto const there = client->download(some_time(), request("GET", "/file"), path).value();
    EXPECT_EQ(there.body_file, path);
    EXPECT_EQ(std::filesystem::file_size(path), 3'000'000U);
    EXPECT_EQ(client->download(some_time(), request("GET", "/file"), path).error().code, Errc::rejected);

    ScriptedPeer const cutting{[](int fd, int) {
        ScriptedPeer::read_request(fd);
        ScriptedPeer::say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf");
    }};
    auto const cut = client_of(cutting.port(), clock_)->download(some_time(), request("GET", "/"), folder_ / "half");
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, Errc::retry_later);
    EXPECT_FALSE(folder_.has("half"));
}

TEST_F(HttpClient, AsksForNothingThatItCouldNotKeep) {
    ScriptedPeer const peer{[](int, int) {}};
    auto const answer =
        client_of(peer.port(), clock_)->download(some_time(), request("GET", "/"), folder_ / "no/folder");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::rejected);
    EXPECT_THAT(answer.error().message, HasSubstr("no/folder"));
    EXPECT_EQ(peer.connections(), 0);
}

}  // namespace
}  // namespace rgrid::http
