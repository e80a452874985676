// Many workers that beat through one gateway, as a fleet's agents do.
//
//     rgrid_gateway_load [WORKERS [SECONDS]]
//
// A gateway in a process of its own stands in front of a store: that of the new and empty PostgreSQL database that
// libpq's variables name, if PGHOST is set, otherwise SQLite in a folder of TMPDIR. Each worker has a server, a token and
// a TLS connection of its own, registers, and beats every ten seconds. Prints, of SECONDS in which all do: beats a second,
// how long the answer to one takes, how many were not answered well, what a connection takes of the gateway's memory, and
// how much of a core the gateway had. Ends with 1 if a beat failed.
//
// Needs the program openssl for a certificate. Each of the two processes has an open file for each worker (ulimit -n), and
// all connections are from one address to one port, so there are at most some 28,000 workers.

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <queue>
#include <rgrid/adapters/gateway/gateway.hpp>
#include <rgrid/adapters/http/server.hpp>
#include <rgrid/adapters/memory/files.hpp>
#include <rgrid/adapters/postgres/migrate.hpp>
#include <rgrid/adapters/postgres/store.hpp>
#include <rgrid/adapters/sqlite/store.hpp>
#include <rgrid/adapters/system/clock.hpp>
#include <rgrid/config/json_text.hpp>
#include <rgrid/model/server_name.hpp>
#include <rgrid/ports/work_source.hpp>
#include <rgrid/testing/temp_folder.hpp>
#include <string>
#include <utility>
#include <vector>

#include "adapters/gateway/wire.hpp"
#include "adapters/http/parser.hpp"
#include "adapters/http/stream.hpp"

namespace {

using namespace rgrid;
using SteadyTime = std::chrono::steady_clock;

constexpr std::chrono::seconds beat_every{10};
constexpr int at_once = 100;  // Workers that come up together.
FleetId const fleet{"bench"};
PoolName const pool{"cloud"};

[[noreturn]] void give_up(std::string const& why) {
    std::fprintf(stderr, "gateway_load: %s\n", why.c_str());
    std::exit(1);
}

long resident_kib(pid_t process) {
    std::ifstream status{"/proc/" + std::to_string(process) + "/status"};
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:")) return std::strtol(line.c_str() + 6, nullptr, 10);
    return 0;
}

/// Of all threads of a process so far.
double processor_seconds(pid_t process) {
    std::ifstream file{"/proc/" + std::to_string(process) + "/stat"};
    std::string text;
    std::getline(file, text);
    long user = 0, system = 0;
    std::sscanf(text.c_str() + text.rfind(')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user,
                &system);
    return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct Worker {
    ServerName server;
    Secret token;
};

std::vector<Worker> make_workers(int count) {
    std::vector<Worker> workers;
    for (int i = 1; i <= count; ++i) workers.push_back({server_name(fleet, pool, i), gateway::make_token()});
    return workers;
}

/// What a controller writes before it orders the servers.
void provision(FleetStore& store, std::vector<Worker> const& workers) {
    auto const leadership = store.lead({}, "bench", std::chrono::minutes{5}).value();
    FleetWrite write;
    for (auto const& worker : workers) {
        Intent intent;
        intent.server = worker.server;
        intent.pool = pool;
        intent.offer = {"small", "here"};
        intent.period = std::chrono::hours{1};
        intent.epoch = leadership.epoch;
        intent.create = CreateState::created;
        intent.listed = true;
        intent.token_hash = gateway::hash_of(worker.token);
        write.intents.push_back(std::move(intent));
    }
    write.next_number = static_cast<std::int64_t>(workers.size()) + 1;
    store.write({}, leadership.epoch, write).value();
}

template <class Store>
[[noreturn]] void serve(int report, Store& store, gateway::GatewaySettings const& settings,
                        std::vector<Worker> const& workers, SystemClock& clock) {
    provision(store, workers);
    memory::Files files;
    gateway::FleetIdentities identities{
        store, fleet, clock, {settings.identity_time, settings.identity_retry, settings.call_time}};
    auto const gateway = gateway::Gateway::make({store, store, files, identities, clock}, settings).value();
    auto service = gateway->service();
    service.on_problem = [](Error const& error) { std::fprintf(stderr, "gateway: %s\n", error.message.c_str()); };
    auto const server = http::Server::start(gateway::server_settings(settings), std::move(service), clock).value();
    long const port = server->port();
    if (::write(report, &port, sizeof port) != sizeof port) ::_exit(1);
    for (;;) ::pause();
}

[[noreturn]] void be_gateway(int report, std::string const& folder, std::vector<Worker> const& workers) {
    SystemClock clock;
    gateway::GatewaySettings settings;
    settings.listen = "127.0.0.1:0";
    settings.certificate = folder + "/certificate.pem";
    settings.key = folder + "/key.pem";
    settings.secret = gateway::make_token();
    settings.folder = folder;
    settings.max_connections = static_cast<int>(workers.size()) + 100;
    if (std::getenv("PGHOST") != nullptr) {
        postgres::Settings const database;
        postgres::migrate({}, database, clock).value();
        serve(report, *postgres::Store::open({}, database, fleet, clock).value(), settings, workers, clock);
    }
    serve(report, *sqlite::Store::open({.path = folder + "/rgrid.db"}, fleet, clock).value(), settings, workers, clock);
}

/// Starts the gateway's process, which ends with this one; returns its number and its port.
std::pair<pid_t, std::uint16_t> start_gateway(std::string const& folder, std::vector<Worker> const& workers) {
    int ends[2];
    if (::pipe(ends) != 0) give_up("no pipe");
    auto const parent = ::getpid();
    auto const child = ::fork();
    if (child < 0) give_up("no process");
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);
        ::close(ends[0]);
        try {
            be_gateway(ends[1], folder, workers);
        } catch (std::exception const& problem) {
            give_up(problem.what());
        }
    }
    ::close(ends[1]);
    long port = 0;
    if (::read(ends[0], &port, sizeof port) != sizeof port) give_up("the gateway has ended");
    return {child, static_cast<std::uint16_t>(port)};
}

/// What an agent is as far as its gateway can tell.
struct Agent {
    enum class Question { none, registration, beat };

    Worker const* worker = nullptr;
    int fd = -1;
    http::Stream stream{-1};
    gateway::wire::Beat beat;
    Question asked = Question::none;
    SteadyTime::time_point since;
    std::unique_ptr<http::Parser> parser;
    std::string unread;
    std::string body;
};

/// What came of the beats that were asked since the counting began.
struct Tally {
    std::vector<double> milliseconds;
    long failed = 0;
};

/// One thread that is many agents.
class Crowd {
public:
    Crowd(std::uint16_t port, http::TlsContext context, std::vector<Worker> const& workers)
        : port_(port), context_(std::move(context)), agents_(workers.size()) {
        for (std::size_t i = 0; i < workers.size(); ++i) agents_[i].worker = &workers[i];
    }

    /// Connects and registers them all. Those who are there beat meanwhile.
    void come_up() {
        for (std::size_t begin = 0; begin < agents_.size(); begin += at_once) {
            auto const end = std::min(begin + at_once, agents_.size());
            for (auto i = begin; i < end; ++i) connect(agents_[i]);
            for (auto i = begin; i < end; ++i) ask_to_register(agents_[i]);
            while (registered_ < end) turn();
        }
    }

    /// Beats for that long, spread evenly.
    Tally run(SteadyTime::duration span) {
        due_ = {};
        while (waiting_ > 0) turn();
        auto const begin = SteadyTime::now();
        for (std::size_t i = 0; i < agents_.size(); ++i)
            due_.emplace(begin + SteadyTime::duration{beat_every} * i / agents_.size(), &agents_[i]);
        counting_ = true;
        while (SteadyTime::now() < begin + span) turn();
        counting_ = false;
        // Who has asked is answered, or has failed.
        auto const late = SteadyTime::now() + beat_every;
        due_ = {};
        while (waiting_ > 0 && SteadyTime::now() < late) turn();
        tally_.failed += waiting_;
        return std::move(tally_);
    }

private:
    using Due = std::pair<SteadyTime::time_point, Agent*>;

    void connect(Agent& agent) {
        agent.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int const on = 1;
        ::setsockopt(agent.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port_);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (agent.fd < 0 || ::connect(agent.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            give_up("cannot connect: is the limit of open files too low?");
        agent.stream = http::Stream{agent.fd, http::connect_tls(context_, agent.fd, "127.0.0.1")};
        if (auto const agreed = agent.stream.shake_hands(); agreed.over() || agreed.want != http::Want::nothing)
            give_up("no TLS: " + agreed.problem);
        ::fcntl(agent.fd, F_SETFL, O_NONBLOCK);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &agent;
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, agent.fd, &event);
    }

    void ask_to_register(Agent& agent) {
        agent.asked = Agent::Question::registration;
        gateway::wire::Register const question{agent.worker->server, pool, 1, "bench", agent_protocol};
        post(agent, "register", config::to_json_text(question));
    }

    void beat(Agent& agent) {
        agent.asked = Agent::Question::beat;
        post(agent, "beat", config::to_json_text(agent.beat));
    }

    void post(Agent& agent, std::string const& operation, std::string const& body) {
        auto const text = "POST /v1/workers/" + agent.worker->server.value + "/" + operation +
                          " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + agent.worker->token.reveal() +
                          "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        agent.parser = std::make_unique<http::Parser>(http::Parser::Kind::response, 16 * 1024);
        agent.body.clear();
        agent.since = SteadyTime::now();
        ++waiting_;
        if (agent.stream.write(text).bytes != text.size()) failed(agent, "a request was not taken");
    }

    /// Sends what is due and hears what has come.
    void turn() {
        auto const now = SteadyTime::now();
        for (int i = 0; i < 64 && !due_.empty() && due_.top().first <= now; ++i) {
            auto const [when, agent] = due_.top();
            due_.pop();
            due_.emplace(when + beat_every, agent);
            // Whose answer has not come in ten seconds is late; it is counted when it comes.
            if (agent->fd >= 0 && agent->asked == Agent::Question::none) beat(*agent);
        }
        epoll_event events[256];
        auto const count = ::epoll_wait(epoll_, events, 256, 1);
        for (int i = 0; i < count; ++i) hear(*static_cast<Agent*>(events[i].data.ptr));
    }

    void hear(Agent& agent) {
        char piece[16 * 1024];
        for (;;) {
            auto const moved = agent.stream.read(piece);
            if (moved.want != http::Want::nothing) return;
            if (moved.over()) return failed(agent, moved.ended ? "the gateway ended a connection" : moved.problem);
            if (agent.asked == Agent::Question::none) return failed(agent, "an answer to nothing");
            agent.unread.append(piece, moved.bytes);
            take(agent);
            if (agent.fd < 0) return;
        }
    }

    void take(Agent& agent) {
        auto& parser = *agent.parser;
        while (!agent.unread.empty() && !parser.done()) {
            bool const had_head = parser.head_done();
            agent.unread.erase(0, parser.feed(agent.unread));
            if (parser.fault() != http::Fault::none) return failed(agent, "no HTTP: " + parser.fault_text());
            if (had_head || !parser.head_done()) break;
            parser.read_body([&agent](std::string_view part) { return agent.body += part, true; }, 1024 * 1024);
        }
        if (parser.done()) answered(agent);
    }

    void answered(Agent& agent) {
        auto const took = std::chrono::duration<double, std::milli>(SteadyTime::now() - agent.since).count();
        auto const question = std::exchange(agent.asked, Agent::Question::none);
        --waiting_;
        if (agent.parser->head().status != 200) return refused(agent, question);
        if (question == Agent::Question::registration) return registered(agent);
        auto const reply = config::from_json_text<gateway::wire::BeatReply>(agent.body, true);
        if (!reply || reply->state != SessionState::open || reply->frozen) return refused(agent, question);
        agent.beat.acknowledged = reply->beats;
        if (counting_) tally_.milliseconds.push_back(took);
    }

    void registered(Agent& agent) {
        auto const reply = config::from_json_text<gateway::wire::Registered>(agent.body, true);
        if (!reply) give_up("a registration cannot be read: " + reply.error().message);
        agent.beat.run = {reply->incarnation, reply->proof};
        ++registered_;
        due_.emplace(SteadyTime::now() + beat_every, &agent);
    }

    void refused(Agent const& agent, Agent::Question question) {
        auto const what = std::to_string(agent.parser->head().status) + ": " + agent.body;
        if (question == Agent::Question::registration) give_up("a registration was answered with " + what);
        if (++tally_.failed <= 3) std::fprintf(stderr, "a beat was answered with %s\n", what.c_str());
    }

    void failed(Agent& agent, std::string const& why) {
        if (registered_ < agents_.size()) give_up("not all workers came up: " + why);
        auto const& name = agent.worker->server.value;
        if (++tally_.failed <= 3) std::fprintf(stderr, "worker %s: %s\n", name.c_str(), why.c_str());
        if (agent.asked != Agent::Question::none) --waiting_;
        agent.asked = Agent::Question::none;
        ::close(std::exchange(agent.fd, -1));
    }

    std::uint16_t const port_;
    http::TlsContext const context_;
    int const epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<Agent> agents_;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
    std::size_t registered_ = 0;
    long waiting_ = 0;
    bool counting_ = false;
    Tally tally_;
};

double share(std::vector<double> const& sorted, double part) {
    return sorted.empty() ? 0 : sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

void make_certificate(std::string const& folder) {
    auto const command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench "
                         "-addext subjectAltName=IP:127.0.0.1 -out " +
                         folder + "/certificate.pem -keyout " + folder + "/key.pem 2>/dev/null";
    if (std::system(command.c_str()) != 0) give_up("the program openssl made no certificate");
}

void allow_files() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
    auto const count = argc > 1 ? std::atoi(argv[1]) : 10'000;
    std::chrono::seconds const span{argc > 2 ? std::atoi(argv[2]) : 30};
    if (argc > 3 || count <= 0 || span.count() <= 0) give_up("usage: rgrid_gateway_load [WORKERS [SECONDS]]");
    allow_files();
    testing::TempFolder const folder;
    make_certificate(folder.path());
    auto const workers = make_workers(count);
    auto const [process, port] = start_gateway(folder.path(), workers);

    Crowd crowd{port, http::make_client_context(folder / "certificate.pem").value(), workers};
    auto const before = resident_kib(process);
    auto const begin = SteadyTime::now();
    crowd.come_up();
    auto const took = std::chrono::duration<double>(SteadyTime::now() - begin).count();
    auto const used = processor_seconds(process);
    auto tally = crowd.run(span);
    auto const busy = processor_seconds(process) - used;
    auto const after = resident_kib(process);

    std::sort(tally.milliseconds.begin(), tally.milliseconds.end());
    auto const seconds = static_cast<double>(span.count());
    std::printf("workers       %d, connected and registered in %.1f s\n", count, took);
    std::printf("beats         %.0f a second, %ld refused or failed\n",
                static_cast<double>(tally.milliseconds.size()) / seconds, tally.failed);
    std::printf("an answer     p50 %.2f ms, p99 %.2f ms, longest %.2f ms\n", share(tally.milliseconds, 0.5),
                share(tally.milliseconds, 0.99), share(tally.milliseconds, 1));
    std::printf("a connection  %.1f KiB of the gateway (%ld KiB before, %ld KiB with all)\n",
                static_cast<double>(after - before) / count, before, after);
    std::printf("the gateway   %.0f %% of a core\n", 100 * busy / seconds);
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
    return tally.failed == 0 ? 0 : 1;
}
