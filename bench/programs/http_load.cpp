// http_load CONNECTIONS SECONDS: a server in a process of its own, and as many TLS connections as asked for that beat
// every ten seconds. Prints what a connection costs, how long a beat takes, and how many requests a few connections get
// answered that ask without a pause; then what a client adds to a process that has nothing else.
//
// Needs the program openssl for a certificate, and two open files for each connection (ulimit -n).

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <rgrid/adapters/http/client.hpp>
#include <rgrid/adapters/http/server.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/testing/temp_folder.hpp>
#include <string>
#include <thread>
#include <vector>

#include "adapters/http/stream.hpp"

namespace {

using namespace rgrid;
using namespace rgrid::http;
using SteadyTime = std::chrono::steady_clock;

constexpr std::chrono::seconds beat_every{10};
std::string const beat = "POST /v1/beat HTTP/1.1\r\nHost: gateway\r\nContent-Length: 200\r\n\r\n" + std::string(200, 'b');

[[noreturn]] void give_up(std::string const& why) {
    std::fprintf(stderr, "http_load: %s\n", why.c_str());
    std::exit(1);
}

long resident_kib(pid_t process) {
    std::ifstream status{"/proc/" + std::to_string(process) + "/status"};
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:")) return std::strtol(line.c_str() + 6, nullptr, 10);
    return 0;
}

/// A process of its own; what it writes into the pipe is returned with its number.
template <class Body>
std::pair<pid_t, int> in_process(Body const& body) {
    int ends[2];
    if (::pipe(ends) != 0) give_up("no pipe");
    auto const child = ::fork();
    if (child < 0) give_up("no process");
    if (child == 0) {
        ::close(ends[0]);
        body(ends[1]);
        ::_exit(0);
    }
    ::close(ends[1]);
    return {child, ends[0]};
}

long read_number(int fd) {
    long number = 0;
    if (::read(fd, &number, sizeof number) != sizeof number) give_up("a process has ended");
    return number;
}

void write_number(int fd, long number) {
    if (::write(fd, &number, sizeof number) != sizeof number) ::_exit(1);
}

void be_server(int report, std::string const& certificate, std::string const& key) {
    SystemClock clock;
    ServerSettings settings;
    settings.certificate = certificate;
    settings.key = key;
    settings.header_time = std::chrono::minutes{2};  // All connections are made before the first of them asks.
    auto const server = Server::start(
        settings, {.handler = [](Request const&, Reply reply) { reply({.body = std::string(200, 'a')}); }}, clock);
    if (!server) give_up(server.error().message);
    write_number(report, (*server)->port());
    for (;;) ::pause();
}

struct Peer {
    int fd = -1;
    Stream stream{-1};
    SteadyTime::time_point asked;
    SteadyTime::time_point next;
    bool waiting = false;
    std::string heard;
};

/// One thread that drives many connections.
class Load {
public:
    Load(std::uint16_t port, TlsContext context) : port_(port), context_(std::move(context)) {}

    void connect(int count) {
        for (int i = 0; i < count; ++i) {
            auto peer = std::make_unique<Peer>();
            peer->fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(port_);
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            if (peer->fd < 0 || ::connect(peer->fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
                give_up("cannot connect: is the limit of open files too low?");
            peer->stream = Stream{peer->fd, connect_tls(context_, peer->fd, "127.0.0.1")};
            if (auto const agreed = peer->stream.shake_hands(); agreed.over() || agreed.want != Want::nothing)
                give_up("no TLS: " + agreed.problem);
            ::fcntl(peer->fd, F_SETFL, O_NONBLOCK);
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.ptr = peer.get();
            ::epoll_ctl(epoll_, EPOLL_CTL_ADD, peer->fd, &event);
            peers_.push_back(std::move(peer));
        }
    }

    /// Beats for `span`; with `pause` between two of one connection, else at once. Returns how long each took.
    std::vector<double> run(SteadyTime::duration span, SteadyTime::duration pause) {
        auto const begin = SteadyTime::now();
        for (std::size_t i = 0; i < peers_.size(); ++i)
            peers_[i]->next = begin + pause / static_cast<long>(peers_.size()) * static_cast<long>(i);
        std::vector<double> took;
        std::size_t turn = 0;
        for (auto now = begin; now < begin + span; now = SteadyTime::now()) {
            // Whose turn it is goes round; with no pause everybody's turn comes with the last answer.
            for (std::size_t looked = 0; looked < 64; ++looked, turn = (turn + 1) % peers_.size()) {
                auto& peer = *peers_[turn];
                if (peer.next > now && pause > SteadyTime::duration{}) break;
                if (peer.waiting) continue;
                ask(peer, now);
                peer.next = now + pause;
            }
            epoll_event events[256];
            auto const count = ::epoll_wait(epoll_, events, 256, 1);
            for (int i = 0; i < count; ++i) hear(*static_cast<Peer*>(events[i].data.ptr), took);
        }
        return took;
    }

private:
    static void ask(Peer& peer, SteadyTime::time_point now) {
        peer.asked = now;
        peer.waiting = true;
        if (peer.stream.write(beat).bytes != beat.size()) give_up("a beat was not taken at once");
    }

    static void hear(Peer& peer, std::vector<double>& took) {
        char text[4096];
        for (;;) {
            auto const moved = peer.stream.read(text);
            if (moved.over()) give_up("a connection was ended: " + moved.problem);
            if (moved.want != Want::nothing) return;
            peer.heard.append(text, moved.bytes);
            if (!peer.heard.ends_with(std::string(200, 'a'))) continue;
            peer.heard.clear();
            peer.waiting = false;
            took.push_back(std::chrono::duration<double, std::milli>(SteadyTime::now() - peer.asked).count());
        }
    }

    std::uint16_t const port_;
    TlsContext const context_;
    int const epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<std::unique_ptr<Peer>> peers_;
};

double share(std::vector<double>& numbers, double part) {
    if (numbers.empty()) return 0;
    std::sort(numbers.begin(), numbers.end());
    return numbers[static_cast<std::size_t>(part * static_cast<double>(numbers.size() - 1))];
}

/// What a process takes that has a client and has asked something.
void be_client(int report, std::uint16_t port, std::string const& authority) {
    write_number(report, resident_kib(::getpid()));
    SystemClock clock;
    auto const client =
        Client::make({.url = "https://127.0.0.1:" + std::to_string(port), .ca_file = authority}, clock).value();
    for (int i = 0; i < 100; ++i) client->send({}, {.method = "POST", .target = "/v1/beat", .body = beat}).value();
    write_number(report, resident_kib(::getpid()));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) give_up("usage: http_load CONNECTIONS SECONDS");
    auto const connections = std::atoi(argv[1]);
    std::chrono::seconds const seconds{std::atoi(argv[2])};
    testing::TempFolder const folder;
    auto const certificate = folder / "certificate.pem";
    auto const key = folder / "key.pem";
    auto const command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench "
                         "-addext subjectAltName=IP:127.0.0.1 -out " + certificate + " -keyout " + key + " 2>/dev/null";
    if (std::system(command.c_str()) != 0) give_up("the program openssl made no certificate");

    auto const [server, server_says] = in_process([&, c = certificate, k = key](int report) { be_server(report, c, k); });
    auto const port = static_cast<std::uint16_t>(read_number(server_says));
    auto const [client, client_says] =
        in_process([&, authority = certificate, at = port](int report) { be_client(report, at, authority); });
    auto const bare = read_number(client_says);
    auto const with_client = read_number(client_says);
    ::waitpid(client, nullptr, 0);

    auto const context = make_client_context(certificate).value();
    auto const before = resident_kib(server);
    auto const begin = SteadyTime::now();
    Load many{port, context};
    many.connect(connections);
    auto const connected = std::chrono::duration<double>(SteadyTime::now() - begin).count();
    auto beats = many.run(seconds, beat_every);
    auto const after = resident_kib(server);
    std::printf("connections        %d, made in %.1f s\n", connections, connected);
    std::printf("a connection       %.1f KiB of the server (%ld KiB before, %ld KiB with all)\n",
                static_cast<double>(after - before) / connections, before, after);
    std::printf("a beat             p50 %.2f ms, p99 %.2f ms, greatest %.2f ms (%zu beats)\n", share(beats, 0.5),
                share(beats, 0.99), share(beats, 1), beats.size());
    Load few{port, context};
    few.connect(16);
    auto asked = few.run(seconds, {});
    std::printf("16 without a pause %.0f requests/s, p50 %.2f ms, p99 %.2f ms\n",
                static_cast<double>(asked.size()) / static_cast<double>(seconds.count()), share(asked, 0.5),
                share(asked, 0.99));
    std::printf("a client           %ld KiB in a process that had %ld KiB\n", with_client - bare, bare);
    ::kill(server, SIGKILL);
    ::waitpid(server, nullptr, 0);
}
