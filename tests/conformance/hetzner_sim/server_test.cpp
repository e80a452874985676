#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <functional>
#include <rgrid/adapters/http/client.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/hetzner_sim/agents.hpp>
#include <rgrid/hetzner_sim/server.hpp>
#include <rgrid/testing/alive_pipe.hpp>
#include <rgrid/testing/temp_folder.hpp>
#include <rgrid/testing/threads.hpp>
#include <thread>

#include "../../support/authority.hpp"
#include "hetzner_sim/user_data.hpp"

namespace rgrid::hetzner_sim {
namespace {

using ::testing::HasSubstr;

std::string const token(64, 't');

Settings prompt_settings() {
    Settings settings;
    settings.access = {{token}};
    settings.times = {Duration{0}, Duration{0}, Duration{0}, Duration{0}, Duration{0}};
    return settings;
}

class OverTheWire : public ::testing::Test {
protected:
    Result<http::Response> send(std::string const& method, std::string const& path, std::string content = {}) {
        http::Request request{method, "/v1" + path, {{"Authorization", "Bearer " + token}}};
        request.body = std::move(content);
        return client().send(call_within(clock, 20s), request);
    }

    http::Client& client() {
        if (!client_) {
            http::ClientSettings settings;
            settings.url = server->url().substr(0, server->url().size() - 3);
            settings.ca_file = ca;
            settings.max_response = Bytes{1024 * 1024};
            client_ = http::Client::make(settings, clock).value();
        }
        return *client_;
    }

    Result<http::Response> create(std::string const& name) {
        return send("POST", "/servers",
                    R"({"name": ")" + name + R"(", "server_type": "cx23", "image": "ubuntu-24.04"})");
    }

    void inject(FaultKind kind, bool after = false) {
        Fault fault;
        fault.kind = kind;
        fault.after = after;
        fault.pace = Duration{0};
        simulator.inject(fault);
    }

    struct Received {
        std::string text;
        int error = 0;  // 0: the connection ended properly.
    };

    /// Sends this over a connection of its own, and receives until that ends.
    Received exchange(std::string const& text) {
        int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(server->port());
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address), 0);
        EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), std::ssize(text));
        Received received;
        std::array<char, 1024> piece{};
        ssize_t count = 0;
        while ((count = ::recv(fd, piece.data(), piece.size(), 0)) > 0)
            received.text.append(piece.data(), static_cast<std::size_t>(count));
        if (count < 0) received.error = errno;
        ::close(fd);
        return received;
    }

    SystemClock clock;
    Simulator simulator{prompt_settings(), clock};
    std::unique_ptr<Server> server = Server::start(simulator).value();
    std::string ca;

private:
    std::unique_ptr<http::Client> client_;
};

TEST_F(OverTheWire, ManyRequestsGoOverOneConnection) {
    EXPECT_EQ(create("w1").value().status, 201);
    auto const listed = send("GET", "/servers").value();
    EXPECT_EQ(boost::json::parse(listed.body).at_pointer("/servers/0/status"), "running");
    auto const id = simulator.servers().at(0).id;
    EXPECT_EQ(send("DELETE", "/servers/" + std::to_string(id)).value().status, 200);
    EXPECT_NE(http::find_header(listed.headers, "Date"), nullptr);

    EXPECT_EQ(server->connections(), 1);
}

TEST_F(OverTheWire, TheOwnersRequestsNeedNoToken) {
    http::Request const request{"GET", "/_sim/ledger"};

    EXPECT_EQ(client().send(call_within(clock, 20s), request).value().status, 200);
}

TEST_F(OverTheWire, AnswersAreLostBeforeAndAfterTheEffect) {
    inject(FaultKind::reset);
    EXPECT_EQ(create("w1").error().code, Errc::in_doubt);
    EXPECT_TRUE(simulator.servers().empty());
    int made = 0;
    for (auto const kind : {FaultKind::reset, FaultKind::reset_mid_body, FaultKind::truncated, FaultKind::huge_body}) {
        inject(kind, true);
        EXPECT_FALSE(create("w" + std::to_string(++made))) << made;
        EXPECT_EQ(simulator.servers().size(), static_cast<std::size_t>(made));
    }
    inject(FaultKind::truncated);
    EXPECT_FALSE(send("GET", "/ssh_keys")) << "half of what was announced";
    EXPECT_EQ(send("GET", "/servers").value().status, 200);
}

TEST_F(OverTheWire, AnAnswerThatDripsArrivesInTheEnd) {
    inject(FaultKind::slow_drip);

    EXPECT_EQ(create("w1").value().status, 201);
    EXPECT_EQ(send("GET", "/servers").value().status, 200) << "over the same connection";
    EXPECT_EQ(server->connections(), 1);
}

TEST_F(OverTheWire, TheEndOfTheServerWaitsForNobody) {
    Fault slow;
    slow.kind = FaultKind::slow;
    slow.delay = 1h;
    simulator.inject(slow);
    Result<http::Response> answer = fail(Errc::bug, "");
    std::jthread waiting{[&] { answer = send("GET", "/servers"); }};
    while (!simulator.faults().empty()) std::this_thread::yield();

    server.reset();
    waiting.join();

    EXPECT_FALSE(answer);
}

TEST_F(OverTheWire, APortThatIsTakenIsTold) {
    auto const second = Server::start(simulator, {server->port(), {}, {}});

    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::retry_later);
    EXPECT_THAT(second.error().message, HasSubstr(std::to_string(server->port())));
    EXPECT_EQ(Server::start(simulator, {0, "cert.pem", ""}).error().code, Errc::rejected);
    EXPECT_EQ(Server::start(simulator, {0, "/no/cert.pem", "/no/key.pem"}).error().code, Errc::rejected);
}

TEST_F(OverTheWire, WhatIsNoHttpIsAnsweredWith400) {
    EXPECT_THAT(exchange("good morning\r\n\r\n").text, ::testing::StartsWith("HTTP/1.1 400 "));
}

TEST_F(OverTheWire, AResetIsNoProperEnd) {
    auto const look = "GET /v1/servers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n\r\n";
    for (auto const& [kind, error] :
         {std::pair{FaultKind::reset, ECONNRESET}, std::pair{FaultKind::reset_mid_body, ECONNRESET},
          std::pair{FaultKind::truncated, 0}}) {
        inject(kind);
        EXPECT_EQ(exchange(look).error, error);
    }
}

TEST_F(OverTheWire, TlsIsSpokenWithACertificate) {
    testing::TempFolder const folder;
    testing::Authority authority{folder, "authority"};
    auto const files = authority.issue("server");
    server = Server::start(simulator, {0, files.certificate, files.key}).value();
    ca = authority.file();

    EXPECT_THAT(server->url(), ::testing::StartsWith("https://localhost:"));
    EXPECT_EQ(create("w1").value().status, 201);
    inject(FaultKind::reset_mid_body);
    EXPECT_FALSE(create("w2"));
    EXPECT_EQ(send("GET", "/servers").value().status, 200);
}

constexpr auto cloud_config = R"(#cloud-config
write_files:
  - path: /etc/rgrid/agent.env
    owner: root:root
    permissions: '0600'
    content: |2
      RGRID_GATEWAY="https://gateway.example"
      RGRID_SERVER="w1"
      RGRID_TOKEN="a\"b\\c\$d"
      RGRID_CA="/etc/rgrid/ca.pem"
  - path: /etc/rgrid/ca.pem
    owner: root:root
    permissions: '0644'
    content: |2
      line one

        line three
runcmd:
  - [/bin/true]
)";

TEST(UserData, FilesAndVariablesAreRead) {
    auto const files = written_files(cloud_config);
    ASSERT_EQ(files.size(), 2U);
    EXPECT_EQ(files.at("/etc/rgrid/ca.pem"), "line one\n\n  line three\n");

    auto const variables = assignments_of(files.at("/etc/rgrid/agent.env"));
    EXPECT_EQ(variables.at("RGRID_SERVER"), "w1");
    EXPECT_EQ(variables.at("RGRID_TOKEN"), R"(a"b\c$d)");
    EXPECT_TRUE(written_files("#!/bin/sh\n").empty());
}

/// A server on which a shell runs that says what it was told and waits.
class WithAgents : public ::testing::Test {
protected:
    std::string said(std::string const& server) const { return folder.read(server + "/agent.log"); }

    bool comes_true(std::function<bool()> const& condition) {
        return testing::eventually([&] {
            simulator.settle();
            return condition();
        });
    }

    std::int64_t create(std::string const& name, std::string const& user_data) {
        boost::json::object order{{"name", name}, {"server_type", "cx23"}, {"image", "ubuntu-24.04"}};
        order["user_data"] = user_data;
        http::Request request{"POST", "/v1/servers", {{"Authorization", "Bearer " + token}}};
        request.body = boost::json::serialize(order);
        EXPECT_EQ(simulator.answer(request).status, 201);
        return simulator.servers().back().id;
    }

    testing::TempFolder folder;
    SystemClock clock;
    testing::AlivePipe alive{folder.path()};
    Agents agents{{{"/bin/sh", "-c",
                    "echo $RGRID_SERVER $RGRID_FOLDER; cat $RGRID_CA; exec 9>$RGRID_FOLDER/../../alive; echo >&9; "
                    "echo ready; sleep 1000 & wait"},
                   folder.path()}};
    Simulator simulator{prompt_settings(), clock};
};

TEST_F(WithAgents, AServersAgentLivesAsLongAsTheServerRuns) {
    simulator.watch(agents.watch());
    auto const id = create("w1", cloud_config);

    ASSERT_TRUE(comes_true([&] { return said("w1").ends_with("ready\n"); })) << said("w1");
    EXPECT_EQ(said("w1"), "w1 " + folder / "w1/work" + "\nline one\n\n  line three\nready\n");
    EXPECT_EQ(agents.running(), 1);
    http::Request const remove{"DELETE", "/v1/servers/" + std::to_string(id), {{"Authorization", "Bearer " + token}}};
    EXPECT_EQ(simulator.answer(remove).status, 200);
    EXPECT_TRUE(comes_true([&] { return alive.was_held_and_is_free(); })) << "nor does what the agent has started";
    EXPECT_EQ(agents.running(), 0);
}

TEST_F(WithAgents, AServerWithoutItsVariablesRunsNothing) {
    simulator.watch(agents.watch());
    create("w1", "#cloud-config\n");
    create("w2", cloud_config);

    ASSERT_TRUE(comes_true([&] { return said("w2").ends_with("ready\n"); }));
    EXPECT_EQ(agents.running(), 1);
    EXPECT_EQ(said("w1"), "");
}

}  // namespace
}  // namespace rgrid::hetzner_sim
