#include <fcntl.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <future>
#include <list>
#include <mutex>
#include <optional>
#include <rgrid/testing/temp_folder.hpp>
#include <set>

#include "support.hpp"

namespace rgrid::http {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// Keeps replies until a test wants them.
class Parked {
public:
    Handler handler() {
        return [this](Request const&, Reply reply) {
            std::scoped_lock const lock{mutex_};
            replies_.push_back(std::move(reply));
        };
    }
    std::size_t count() {
        std::scoped_lock const lock{mutex_};
        return replies_.size();
    }
    Reply take() {
        std::scoped_lock const lock{mutex_};
        auto reply = std::move(replies_.front());
        replies_.pop_front();
        return reply;
    }

private:
    std::mutex mutex_;
    std::list<Reply> replies_;
};

/// Holds handlers until it is opened.
class Gate {
public:
    void pass() { opened_.wait(); }
    void open() { open_.set_value(); }

private:
    std::promise<void> open_;
    std::shared_future<void> opened_{open_.get_future()};
};

TEST(HttpServer, GivesTheHandlerWhatWasAskedAndTheClientWhatWasAnswered) {
    SystemClock clock;
    std::promise<Request> asked;
    auto const server = serve(clock, {.handler = [&](Request request, Reply reply) {
                                  asked.set_value(std::move(request));
                                  reply({201, {{"X-Answer", "42"}}, std::string("made\0it", 7), {}});
                              }});
    auto sent = request("POST", "/v1/things?a=b%20c", std::string("bo\0dy", 5));
    sent.headers = {{"Authorization", "Bearer abc"}};
    auto const answer = client_of(server->port(), clock)->send(some_time(), sent).value();
    auto const seen = asked.get_future().get();
    EXPECT_EQ(seen.method, "POST");
    EXPECT_EQ(seen.target, "/v1/things?a=b%20c");
    EXPECT_EQ(seen.body, std::string("bo\0dy", 5));
    EXPECT_EQ(seen.peer, "127.0.0.1");
    ASSERT_NE(find_header(seen.headers, "authorization"), nullptr);
    EXPECT_EQ(*find_header(seen.headers, "authorization"), "Bearer abc");
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(*find_header(answer.headers, "x-answer"), "42");
    EXPECT_EQ(answer.body, std::string("made\0it", 7));
}

TEST(HttpServer, AnswersRequestsOfOneConnectionInTheirOrder) {
    SystemClock clock;
    auto const server = serve(clock, {.handler = echo});
    RawConnection const raw{server->port()};
    raw.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\n"
             "Host: a\r\nConnection: close\r\n\r\n");
    auto const text = raw.read_all();
    auto const first = text.find("GET /1 ");
    auto const second = text.find("POST /2 hi");
    auto const third = text.find("GET /3 ");
    EXPECT_TRUE(first < second && second < third && third != std::string::npos) << text;
    EXPECT_EQ(server->statistics().accepted, 1);
}

TEST(HttpServer, UnderstandsBodiesInChunksAndIgnoresTheirTrailers) {
    SystemClock clock;
    std::atomic<bool> misled = false;
    auto const server = serve(clock, {.handler = [&](Request request, Reply reply) {
                                  if (find_header(request.headers, "X-Late") != nullptr) misled = true;
                                  echo(std::move(request), std::move(reply));
                              }});
    RawConnection const raw{server->port()};
    raw.send("POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\n");
    std::string trailers;
    for (int i = 0; i < 200; ++i) trailers += "X-Late: 1\r\n";
    raw.send("de\r\n0\r\n" + trailers + "\r\nGET /next HTTP/1.0\r\n\r\n");
    auto const text = raw.read_all();
    EXPECT_THAT(text, HasSubstr("POST /c abcde"));
    EXPECT_THAT(text, EndsWith("GET /next "));
    EXPECT_FALSE(misled);
}

TEST(HttpServer, ClosesForOldClientsUnlessTheyAskForMore) {
    SystemClock clock;
    auto const server = serve(clock, {.handler = echo});
    RawConnection const once{server->port()};
    once.send("GET /once HTTP/1.0\r\n\r\n");
    EXPECT_THAT(once.read_all(), HasSubstr("Connection: close"));
    RawConnection const more{server->port()};
    more.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_THAT(more.read_until("GET /a "), HasSubstr("Connection: keep-alive"));
    more.send("GET /b HTTP/1.0\r\n\r\n");
    EXPECT_THAT(more.read_all(), EndsWith("GET /b "));
}

TEST(HttpServer, TellsTheLengthButNotTheBodyToHead) {
    SystemClock clock;
    auto const server = serve(clock, {.handler = echo});
    auto const client = client_of(server->port(), clock);
    for (int i = 0; i < 2; ++i) {
        auto const answer = client->send(some_time(), request("HEAD", "/h")).value();
        EXPECT_EQ(*find_header(answer.headers, "Content-Length"), "8");
        EXPECT_EQ(answer.body, "");
    }
    EXPECT_EQ(server->statistics().accepted, 1) << "the connection stays in step";
}

TEST(HttpServer, TellsMoreThanTheHeadAfterAHead) {
    SystemClock clock;
    auto const server = serve(clock, {.handler = echo});
    RawConnection const raw{server->port()};
    raw.send("HEAD /h HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n");
    auto const text = raw.read_all();
    EXPECT_THAT(text, StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(text, HasSubstr("this is no HTTP request"));
}

TEST(HttpServer, IsAskedForItsOptionsAsAWhole) {
    SystemClock clock;
    auto const server = serve(clock, {.handler = echo});
    RawConnection const raw{server->port()};
    raw.send("OPTIONS * HTTP/1.0\r\n\r\n");
    EXPECT_THAT(raw.read_all(), EndsWith("OPTIONS * "));
}

TEST(HttpServer, GivesNoConnectionToTheProgramsThatItsProcessStarts) {
    auto const given = [] {
        std::set<std::string> names;
        for (auto const& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
            auto const name = entry.path().filename().string();
            auto const flags = ::fcntl(std::stoi(name), F_GETFD);
            if (flags >= 0 && (flags & FD_CLOEXEC) == 0) names.insert(name);
        }
        return names;
    };
    auto const before = given();
    SystemClock clock;
    auto const server = serve(clock, {.handler = echo});
    auto const client = client_of(server->port(), clock);
    EXPECT_TRUE(client->send(some_time(), request("GET", "/")));
    EXPECT_EQ(given(), before);
}

TEST(HttpServer, SaysToGoOnBeforeAWaitingClientSendsItsBody) {
    SystemClock clock;
    auto const server = serve(clock, {.handler = echo});
    RawConnection const raw{server->port()};
    raw.send("PUT /e HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(raw.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("abc");
    EXPECT_THAT(raw.read_until("PUT /e abc"), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServer, AnswersFiveHundredForAHandlerThatThrowsAndTellsNobodyWhy) {
    SystemClock clock;
    auto const server = serve(clock, {.handler = [](Request const& request, Reply reply) {
                                  if (request.target == "/throw") throw std::runtime_error("password=swordfish");
                                  reply({.body = "well"});
                              }});
    auto const client = client_of(server->port(), clock);
    auto const failed = client->send(some_time(), request("GET", "/throw")).value();
    EXPECT_EQ(failed.status, 500);
    EXPECT_THAT(failed.body, Not(HasSubstr("swordfish")));
    EXPECT_EQ(client->send(some_time(), request("GET", "/")).value().body, "well");
    EXPECT_EQ(server->statistics().failed_handlers, 1);
}

TEST(HttpServer, AnswersFiveHundredForADroppedReplyAndOnlyTheFirstAnswerCounts) {
    SystemClock clock;
    auto const server = serve(clock, {.handler = [](Request const& request, Reply reply) {
                                  if (request.target == "/drop") return;
                                  reply({.body = "first"});
                                  reply({.body = "second"});
                              }});
    auto const client = client_of(server->port(), clock);
    EXPECT_EQ(client->send(some_time(), request("GET", "/drop")).value().status, 500);
    EXPECT_EQ(client->send(some_time(), request("GET", "/twice")).value().body, "first");
    EXPECT_EQ(client->send(some_time(), request("GET", "/twice")).value().body, "first");
    EXPECT_EQ(server->statistics().failed_handlers, 1);
}

TEST(HttpServer, NeverSendsHeaderFieldsThatWouldBecomeOthers) {
    SystemClock clock;
    auto const server = serve(clock, {.handler = [](Request const&, Reply reply) {
                                  reply({200, {{"X-Name", "a\r\nSet-Cookie: evil=1"}}, "body", {}});
                              }});
    auto const answer = client_of(server->port(), clock)->send(some_time(), request("GET", "/")).value();
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(find_header(answer.headers, "Set-Cookie"), nullptr);
}

TEST(HttpServer, HoldsManyLongPollsWithOneHandlerThread) {
    SystemClock clock;
    Parked parked;
    auto const park = parked.handler();
    auto const server = serve(clock,
                              {.handler =
                                   [&](Request const& request, Reply reply) {
                                       if (request.target == "/poll") return park(request, std::move(reply));
                                       reply({.body = "at once"});
                                   }},
                              {.handlers = 1});
    std::list<RawConnection> polls;
    for (int i = 0; i < 200; ++i) {
        polls.emplace_back(server->port());
        polls.back().send("GET /poll HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    ASSERT_TRUE(eventually([&] { return parked.count() == 200; }));
    EXPECT_EQ(server->statistics().open_requests, 200);
    EXPECT_EQ(client_of(server->port(), clock)->send(some_time(), request("GET", "/")).value().body, "at once");
    for (int i = 0; i < 200; ++i) parked.take()({.body = "a job"});
    for (auto const& poll : polls) EXPECT_THAT(poll.read_until("a job"), StartsWith("HTTP/1.1 200"));
    EXPECT_TRUE(eventually([&] { return server->statistics().open_requests == 0; }));
}

TEST(HttpServer, TellsAHandlerThatThePeerHasGone) {
    SystemClock clock;
    Parked parked;
    auto const server = serve(clock, {.handler = parked.handler()});
    RawConnection raw{server->port()};
    raw.send("GET /poll HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return parked.count() == 1; }));
    auto reply = parked.take();
    auto const stop = reply.stop();
    EXPECT_FALSE(stop.stop_requested());
    raw.close();
    EXPECT_TRUE(eventually([&] { return stop.stop_requested(); }));
    reply({.body = "for nobody"});
    EXPECT_TRUE(eventually([&] { return server->statistics().connections == 0; }));
}

TEST(HttpServer, StillAnswersAPeerThatHasOnlyFinishedSending) {
    SystemClock clock;
    Parked parked;
    auto const server = serve(clock, {.handler = parked.handler()});
    RawConnection const raw{server->port()};
    raw.send("GET /poll HTTP/1.1\r\nHost: a\r\n\r\n");
    raw.finish();
    ASSERT_TRUE(eventually([&] { return parked.count() == 1; }));
    auto reply = parked.take();
    ASSERT_TRUE(eventually([&] { return reply.stop().stop_requested(); }));
    reply({.body = "an answer"});
    EXPECT_THAT(raw.read_all(), EndsWith("an answer"));
}

TEST(HttpServer, StopsWithAnswersForWhatIsBeingHandled) {
    SystemClock clock;
    Parked parked;
    auto server = serve(clock, {.handler = parked.handler()});
    auto const port = server->port();
    RawConnection const idle{port};
    RawConnection const waiting{port};
    waiting.send("GET /poll HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return parked.count() == 1 && server->statistics().connections == 2; }));
    auto reply = parked.take();
    std::jthread const stopper{[&] { server.reset(); }};
    ASSERT_TRUE(eventually([&] { return reply.stop().stop_requested(); }));
    reply({.body = "the last words"});
    auto const text = waiting.read_all();
    EXPECT_THAT(text, HasSubstr("Connection: close"));
    EXPECT_THAT(text, EndsWith("the last words"));
    EXPECT_EQ(idle.read_all(), "");
    EXPECT_EQ(RawConnection{port}.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), false) << "nobody listens any more";
}

TEST(HttpServer, DoesNotWaitForeverForAnAnswerWhenItStops) {
    SystemClock clock;
    std::optional<Reply> kept;
    std::promise<void> handled;
    auto server = serve(clock,
                        {.handler =
                             [&](Request const&, Reply reply) {
                                 kept.emplace(std::move(reply));
                                 handled.set_value();
                             }},
                        {.stop_time = Duration{20}});
    RawConnection const raw{server->port()};
    raw.send("GET /poll HTTP/1.1\r\nHost: a\r\n\r\n");
    handled.get_future().wait();
    server.reset();
    EXPECT_EQ(raw.read_all(), "");
    (*kept)({.body = "too late"});  // Goes nowhere, and does no harm.
}

TEST(HttpServer, AnswersBusyWhenTooManyRequestsWaitForHandlers) {
    SystemClock clock;
    Gate gate;
    std::atomic<int> begun = 0;
    auto const server = serve(clock,
                              {.handler =
                                   [&](Request const&, Reply reply) {
                                       ++begun;
                                       gate.pass();
                                       reply({.body = "done"});
                                   }},
                              {.handlers = 1, .max_waiting = 1});
    RawConnection const running{server->port()};
    running.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return begun == 1; }));
    RawConnection const waiting{server->port()};
    waiting.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return server->statistics().waiting == 1; }));
    auto const answer = client_of(server->port(), clock)->send(some_time(), request("GET", "/3")).value();
    EXPECT_EQ(answer.status, 503);
    EXPECT_NE(find_header(answer.headers, "Retry-After"), nullptr);
    EXPECT_EQ(server->statistics().overloaded, 1);
    gate.open();
    EXPECT_THAT(running.read_until("done"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(waiting.read_until("done"), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServer, KeepsABodyInAFileForAsLongAsItsRequest) {
    SystemClock clock;
    testing::TempFolder const folder;
    std::string const sent(300'000, 'x');
    std::promise<Request> asked;
    auto const server = serve(clock, {.handler =
                                          [&](Request request, Reply reply) {
                                              auto const size = std::filesystem::file_size(request.body_file);
                                              reply({.body = std::to_string(size)});
                                              if (size > 0) asked.set_value(std::move(request));
                                          },
                                      .admit = [&](Request const& head) {
                                          EXPECT_EQ(head.target, "/upload");
                                          return Admission{{}, Bytes{1'000'000}, folder.path()};
                                      }},
                              {.max_body = Bytes{10}});
    auto const client = client_of(server->port(), clock);
    auto upload = request("PUT", "/upload");
    upload.body_file = folder.write("source", sent);
    EXPECT_EQ(client->send(some_time(), upload).value().body, "300000");
    auto seen = std::optional{asked.get_future().get()};
    EXPECT_TRUE(std::filesystem::exists(seen->body_file));
    EXPECT_EQ(seen->body, "");
    auto const path = seen->body_file;
    seen.reset();
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_EQ(client->send(some_time(), request("PUT", "/upload")).value().body, "0") << "an empty file is one";
}

TEST(HttpServer, HasNoFileOpenForABodyThatIsComplete) {
    SystemClock clock;
    testing::TempFolder const folder;
    auto const server = serve(clock, {.handler =
                                          [&](Request const&, Reply reply) {
                                              int open = 0;
                                              for (auto const& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
                                                  std::error_code ignored;
                                                  auto const to = std::filesystem::read_symlink(entry.path(), ignored);
                                                  if (to.string().starts_with(folder.path())) ++open;
                                              }
                                              reply({.body = std::to_string(open)});
                                          },
                                      .admit = [&](Request const&) { return Admission{{}, {}, folder.path()}; }});
    EXPECT_EQ(client_of(server->port(), clock)->send(some_time(), request("PUT", "/", "x")).value().body, "0");
}

TEST(HttpServer, LeavesNoFileOfABodyThatNeverEnded) {
    SystemClock clock;
    testing::TempFolder const folder;
    auto const server = serve(
        clock, {.handler = echo, .admit = [&](Request const&) { return Admission{{}, {}, folder.path()}; }});
    RawConnection raw{server->port()};
    raw.send("PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
    auto const files = [&] { return std::distance(std::filesystem::directory_iterator{folder.path()}, {}); };
    EXPECT_TRUE(eventually([&] { return files() == 1; }));
    raw.close();
    EXPECT_TRUE(eventually([&] { return files() == 0; }));
}

TEST(HttpServer, SaysWhenABodyCannotBeKept) {
    SystemClock clock;
    std::promise<std::string> problem;
    auto const server = serve(clock, {.handler = echo,
                                      .admit = [](Request const&) { return Admission{{}, {}, "/nonexistent/folder"}; },
                                      .on_problem = [&](Error const& error) { problem.set_value(error.message); }});
    auto const answer = client_of(server->port(), clock)->send(some_time(), request("PUT", "/f", "x")).value();
    EXPECT_EQ(answer.status, 507);
    EXPECT_THAT(answer.body, Not(HasSubstr("nonexistent")));
    EXPECT_THAT(problem.get_future().get(), HasSubstr("/nonexistent/folder"));
}

TEST(HttpServer, AnswersWithAFileThatMayBeRemovedAtOnce) {
    SystemClock clock;
    testing::TempFolder const folder;
    std::string sent;
    for (int i = 0; i < 100'000; ++i) sent += std::to_string(i);
    auto const server = serve(clock, {.handler = [&](Request const& request, Reply reply) {
                                  Response response;
                                  response.body_file =
                                      request.target == "/none" ? folder / "none" : folder.write("sent", sent);
                                  reply(response);
                                  std::filesystem::remove(response.body_file);
                              }});
    auto const client = client_of(server->port(), clock);
    EXPECT_TRUE(client->send(some_time(), request("GET", "/file")).value().body == sent);
    EXPECT_EQ(client->send(some_time(), request("GET", "/none")).value().status, 500);
}

TEST(HttpServer, RefusesByTheHeadAloneBeforeABodyIsSent) {
    SystemClock clock;
    std::atomic<int> handled = 0;
    auto const server = serve(clock, {.handler =
                                          [&](Request request, Reply reply) {
                                              ++handled;
                                              echo(std::move(request), std::move(reply));
                                          },
                                      .admit =
                                          [](Request const& head) {
                                              Admission admission;
                                              if (head.target == "/secret") admission.refusal = text_response(403, "no");
                                              if (head.target == "/throw") throw std::runtime_error("swordfish");
                                              return admission;
                                          }});
    RawConnection const raw{server->port()};
    raw.send("PUT /secret HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_THAT(raw.read_all(), StartsWith("HTTP/1.1 403"));
    auto const client = client_of(server->port(), clock);
    EXPECT_EQ(client->send(some_time(), request("PUT", "/secret", std::string(900'000, 'x'))).value().status, 403);
    EXPECT_EQ(client->send(some_time(), request("GET", "/throw")).value().status, 500);
    EXPECT_EQ(handled, 0);
    EXPECT_EQ(client->send(some_time(), request("PUT", "/", "x")).value().status, 200);
}

TEST(HttpServer, RefusesSettingsThatCannotBeMeant) {
    SystemClock clock;
    testing::TempFolder const folder;
    auto const why = [&](ServerSettings const& settings) {
        auto const server = Server::start(settings, {.handler = echo}, clock);
        return server ? "it was started" : server.error().message;
    };
    EXPECT_THAT(why({.listen = "0.0.0.0:0"}), HasSubstr("there is no certificate"));
    EXPECT_THAT(why({.listen = "[::]:0"}), HasSubstr("there is no certificate"));
    EXPECT_THAT(why({.listen = "example.com:80"}), HasSubstr("expected a numeric address or localhost"));
    EXPECT_THAT(why({.listen = "127.0.0.1"}), HasSubstr("expected a host and a port"));
    EXPECT_THAT(why({.listen = "127.0.0.1:70000"}), HasSubstr("expected a host and a port"));
    EXPECT_THAT(why({.certificate = folder / "c.pem"}), HasSubstr("expected both or neither"));
    EXPECT_THAT(why({.certificate = folder / "c.pem", .key = folder / "k.pem"}), HasSubstr(folder / "c.pem"));
    EXPECT_THAT(why({.header_time = Duration{0}}), HasSubstr("header_time"));
    EXPECT_THAT(why({.max_connections = 0}), HasSubstr("max_connections"));
    EXPECT_THAT(why({.max_connections = 2'000'000'000}), HasSubstr("open files"));
    EXPECT_THAT(why({.listen = "[::1]:0"}), ::testing::AnyOf("it was started", HasSubstr("cannot listen")));
    auto const first = serve(clock, {.handler = echo});
    auto const second =
        Server::start({.listen = "127.0.0.1:" + std::to_string(first->port())}, {.handler = echo}, clock);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::retry_later);
    EXPECT_FALSE(Server::start({}, {}, clock)) << "there is no handler";
}

}  // namespace
}  // namespace rgrid::http
