#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <mutex>

#include "adapters/http/wire.hpp"
#include "../../support/authority.hpp"
#include "support.hpp"

namespace rgrid::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class HttpTls : public ::testing::Test {
protected:
    void start(testing::Authority::Files const& files, Clock& clock) {
        ServerSettings settings;
        settings.threads = 1;  // So that what was sent before an answer has been read.
        settings.certificate = files.certificate;
        settings.key = files.key;
        server_ = serve(clock, {.handler = echo,
                                .on_problem =
                                    [this](Error const& error) {
                                        std::scoped_lock const lock{mutex_};
                                        problems_.push_back(error.message);
                                    }},
                        settings);
    }
    void start(testing::Authority::Files const& files) { start(files, clock_); }

    std::unique_ptr<Client> client(std::string const& host = "127.0.0.1") {
        return Client::make({.url = url_of(server_->port(), "https", host), .ca_file = authority_.file()}, clock_).value();
    }

    Result<Response> ask(std::string const& host = "127.0.0.1") {
        return client(host)->send(some_time(), request("GET", "/"));
    }

    bool reported(std::string const& text) {
        std::scoped_lock const lock{mutex_};
        return std::ranges::any_of(problems_, [&](auto const& problem) { return problem.find(text) != std::string::npos; });
    }

    static void replace(std::string const& with, std::string const& file) {
        std::filesystem::copy_file(with, file, std::filesystem::copy_options::overwrite_existing);
    }

    SystemClock clock_;
    memory::ManualClock stopped_;
    testing::TempFolder folder_;
    testing::Authority authority_{folder_, "authority"};
    std::mutex mutex_;
    std::vector<std::string> problems_;
    std::unique_ptr<Server> server_;
};

TEST_F(HttpTls, ServesWhomeverTrustsItsAuthority) {
    start(authority_.issue("good"));
    auto const body = std::string(500'000, 'x');
    for (auto const* host : {"127.0.0.1", "localhost"}) {
        auto const one = client(host);
        EXPECT_EQ(one->send(some_time(), request("GET", "/")).value().body, "GET / ");
        EXPECT_TRUE(one->send(some_time(), request("PUT", "/", body)).value().body == "PUT / " + body);
    }
    EXPECT_EQ(server_->statistics().accepted, 2) << "connections are used again";
    EXPECT_EQ(server_->statistics().broken_handshakes, 0);
}

TEST_F(HttpTls, IsRefusedByTheClientWithTheReason) {
    auto const why = [&](testing::Authority::Files const& files, std::string const& host = "127.0.0.1") {
        start(files);
        auto const answer = ask(host);
        if (answer) return std::string{"it was trusted"};
        EXPECT_EQ(answer.error().code, Errc::denied);
        EXPECT_EQ(server_->statistics().requests, 0);
        return answer.error().message;
    };
    EXPECT_THAT(why(authority_.issue("self", {.self_signed = true})), HasSubstr("self-signed certificate"));
    EXPECT_THAT(why(authority_.issue("old", {.from_days = -10, .until_days = -1})), HasSubstr("has expired (it was good until"));
    EXPECT_THAT(why(authority_.issue("early", {.from_days = 2})), HasSubstr("not yet valid"));
    EXPECT_THAT(why(authority_.issue("other", {.names = {"DNS:other.example", "IP:10.0.0.1"}}), "localhost"),
                HasSubstr("it is for other.example, 10.0.0.1; expected one for localhost"));
    EXPECT_THAT(why(authority_.issue("other2", {.names = {"IP:10.0.0.1"}})),
                HasSubstr("it is for 10.0.0.1; expected one for 127.0.0.1"));
    EXPECT_THAT(why(authority_.issue("odd", {.names = {"DER:30:05:87:03:0A:00:01"}})),
                HasSubstr("it is for an address of 3 bytes; expected one for 127.0.0.1"));
    testing::TempFolder const elsewhere;
    EXPECT_THAT(why(testing::Authority{elsewhere, "stranger"}.issue("theirs")), HasSubstr("unable to get local issuer certificate"));
}

TEST_F(HttpTls, IsRefusedWithoutTheRightAuthoritiesAtHand) {
    start(authority_.issue("good"));
    auto const system_only = Client::make({.url = url_of(server_->port(), "https")}, clock_).value();
    auto const answer = system_only->send(some_time(), request("GET", "/"));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::denied);
    auto const made = [&](std::string const& file) {
        auto const none = Client::make({.url = "https://localhost:1", .ca_file = file}, clock_);
        return none ? "it was made" : none.error().message;
    };
    EXPECT_THAT(made(folder_ / "none.pem"), HasSubstr("none.pem"));
    EXPECT_THAT(made(folder_.write("empty.pem", "")), HasSubstr("expected a PEM file with certificates"));
}

TEST_F(HttpTls, ServesOthersBesideWhoeverSpeaksNoTlsOrNothing) {
    start(authority_.issue("good"), stopped_);
    RawConnection const plain{server_->port()};
    plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    plain.read_all();
    EXPECT_TRUE(eventually([&] { return server_->statistics().broken_handshakes == 1; }));
    RawConnection const silent{server_->port()};
    EXPECT_TRUE(ask());
    stopped_.advance(Duration{10'000});
    EXPECT_EQ(silent.read_all(), "");
    EXPECT_EQ(server_->statistics().timed_out, 1);
}

TEST_F(HttpTls, GivesAThreadBackAfterARecordThatIsNoData) {
    auto const files = authority_.issue("good");
    auto const identity = load_identity(files.certificate, files.key).value();
    EXPECT_EQ(SSL_CTX_get_mode(identity.context.get()) & SSL_MODE_AUTO_RETRY, 0);
}

TEST_F(HttpTls, LeavesTimeForTheOtherAddressesOfAServer) {
    start(authority_.issue("good"));
    ScriptedPeer const silent{[this](int fd, int) {
        char piece[1024];
        ::recv(fd, piece, sizeof piece, 0);  // It has begun to agree.
        stopped_.advance(Duration{50});
        auto const given_up = [&] { return ::recv(fd, piece, sizeof piece, MSG_DONTWAIT) == 0; };
        if (!eventually(given_up)) stopped_.advance(Duration{50});
    }};
    auto const at = [](std::uint16_t port) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        PeerAddress address;
        address.size = sizeof v4;
        std::memcpy(&address.address, &v4, sizeof v4);
        return address;
    };
    auto const context = make_client_context(authority_.file()).value();
    Call const call{.deadline = stopped_.steady_now() + Duration{100}};
    Patience patience{stopped_, call};
    auto const wire = connect_wire(Url{true, {"127.0.0.1", server_->port()}, "127.0.0.1"}, "127.0.0.1",
                                   {at(silent.port()), at(server_->port())}, context, Duration{10'000}, patience);
    EXPECT_TRUE(wire) << wire.error().message;
}

TEST_F(HttpTls, IsToldApartFromAPlainServer) {
    server_ = serve(clock_, {.handler = echo});
    auto const answer = ask();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::retry_later);
    EXPECT_THAT(answer.error().message, HasSubstr("agreeing on TLS failed"));
}

TEST_F(HttpTls, UsesANewCertificateForNewConnectionsAndKeepsTheOthers) {
    auto const files = authority_.issue("current");
    start(files, stopped_);  // So that it looks at no file by itself.
    auto const early = client();
    EXPECT_TRUE(early->send(some_time(), request("GET", "/")));
    auto const next = authority_.issue("next", {.names = {"DNS:localhost"}, .until_days = 90});
    replace(next.certificate, files.certificate);
    replace(next.key, files.key);
    ASSERT_TRUE(server_->reload_certificate());
    EXPECT_TRUE(early->send(some_time(), request("GET", "/"))) << "the open connection goes on";
    EXPECT_EQ(server_->statistics().accepted, 1);
    EXPECT_FALSE(ask("127.0.0.1")) << "the new one is not for the address";
    EXPECT_TRUE(ask("localhost"));
    EXPECT_EQ(server_->statistics().certificate_loads, 2);
    EXPECT_GT(server_->statistics().certificate_until, clock_.now() + std::chrono::days{80});
}

TEST_F(HttpTls, KeepsTheOldCertificateWhenTheNewOneIsBroken) {
    auto const files = authority_.issue("current");
    auto const next = authority_.issue("next");
    start(files, stopped_);
    folder_.write("current.crt", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
    auto const reloaded = server_->reload_certificate();
    ASSERT_FALSE(reloaded);
    EXPECT_EQ(reloaded.error().code, Errc::rejected);
    EXPECT_THAT(server_->statistics().certificate_problem, HasSubstr("current.crt"));
    EXPECT_TRUE(ask());
    replace(next.certificate, files.certificate);  // Its key is still missing.
    EXPECT_THAT(server_->reload_certificate().error().message, HasSubstr("the private key of"));
    EXPECT_TRUE(ask());
    replace(next.key, files.key);
    EXPECT_TRUE(server_->reload_certificate());
    EXPECT_EQ(server_->statistics().certificate_problem, "");
    EXPECT_TRUE(ask());
}

TEST_F(HttpTls, NoticesChangedFilesByItself) {
    auto const files = authority_.issue("current");
    start(files, stopped_);
    folder_.write("current.key", "nonsense");
    EXPECT_TRUE(eventually([&] {
        stopped_.advance(Duration{1'000});
        return reported("current.key");
    }));
    EXPECT_TRUE(ask()) << "the old one is in use";
    auto const next = authority_.issue("current", {.until_days = 90});
    EXPECT_EQ(next.key, files.key);
    EXPECT_TRUE(eventually([&] {
        stopped_.advance(Duration{1'000});
        return server_->statistics().certificate_loads == 2;
    }));
    EXPECT_EQ(server_->statistics().certificate_problem, "");
    EXPECT_TRUE(ask());
}

TEST_F(HttpTls, DoesNotStartWithFilesThatCannotBeUsedAndShowsNothingOfThem) {
    auto const good = authority_.issue("good");
    auto const other = authority_.issue("other");
    auto const why = [&](std::string const& certificate, std::string const& key) {
        auto const server = Server::start({.certificate = certificate, .key = key}, {.handler = echo}, clock_);
        return server ? "it was started" : server.error().message;
    };
    EXPECT_THAT(why(good.certificate, folder_ / "none"), HasSubstr("No such file"));
    EXPECT_THAT(why(good.certificate, other.key), HasSubstr("the private key of"));
    EXPECT_THAT(why(good.key, good.key), HasSubstr("expected a PEM file with the server's certificate first"));
    auto const damaged = folder_.write("damaged", "-----BEGIN PRIVATE KEY-----\nsecretsecret\n-----END PRIVATE KEY-----\n");
    EXPECT_THAT(why(good.certificate, damaged), Not(HasSubstr("secretsecret")));
    auto const locked = folder_.write("locked",
                                      "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                      "MIGrMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgAAAAAAAAAAAICCAAw\n"
                                      "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAAAAAAAAAAAAAAAAAAAAAAEUAAA\n"
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
                                      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                                      "-----END ENCRYPTED PRIVATE KEY-----\n");
    EXPECT_THAT(why(good.certificate, locked), HasSubstr("without a password"));
}

}  // namespace
}  // namespace rgrid::http
