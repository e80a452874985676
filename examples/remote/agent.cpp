#include "remote/agent.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <rgrid/adapters/gateway/client.hpp>
#include <rgrid/adapters/process/executor.hpp>
#include <rgrid/config/json_text.hpp>
#include <rgrid/worker/agent.hpp>

#include "remote/agent_exit.hpp"
#include "remote/agent_settings.hpp"

namespace rgrid::app {

namespace {

/// Takes a variable out of the environment, and out of what /proc shows of it to the jobs that will run here.
std::string take_variable(char const* name) {
    auto* const value = std::getenv(name);
    if (value == nullptr) return {};
    std::string text{value};
    ::explicit_bzero(value, text.size());
    ::unsetenv(name);
    return text;
}

Result<Secret> find_token(std::string const& file) {
    Secret token{take_variable("RGRID_TOKEN")};
    if (!file.empty()) return read_token(file);
    if (token.empty()) return fail(Errc::rejected, "no token: expected --token-file FILE or RGRID_TOKEN");
    return token;
}

bool is_final(Errc code) { return code == Errc::fenced || code == Errc::denied || code == Errc::rejected; }

/// Asks until there is an answer, or for as long as an agent tries to register.
Result<SettingsForAgent> ask_for_settings(gateway::Link& link, WorkerId const& worker, Clock& clock, Say const& say,
                                             std::stop_token const& stop) {
    AgentSettings const pace;
    auto const until = clock.steady_now() + pace.register_limit;
    auto wait = pace.retry_first;
    while (true) {
        auto const text = gateway::read_settings(call_within(clock, pace.heartbeat, stop), link, worker);
        if (text) return config::from_json_text<SettingsForAgent>(*text, true);
        if (is_final(text.error().code) || stop.stop_requested() || clock.steady_now() >= until) return text.error();
        say(Severity::warning, "no answer yet: " + text.error().message);
        clock.sleep_until(clock.steady_now() + std::max(wait, text.error().retry_after), stop);
        wait = std::min(wait * 2, pace.retry_most);
    }
}

int give_up(Say const& say, Error const& error) {
    say(Severity::error, error.message);
    if (error.code == Errc::fenced || error.code == Errc::denied) return exit_failed;
    return error.code == Errc::rejected ? exit_wrong_use : exit_not_reachable;
}

}  // namespace

Result<Secret> read_token(std::string const& path) {
    errno = 0;
    std::ifstream file{path};
    std::string line;
    if (!file || (!std::getline(file, line) && errno != 0))
        return fail(Errc::rejected, "the token file " + path + " cannot be read: " + std::strerror(errno));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty()) return fail(Errc::rejected, "the token file " + path + " is empty; expected a line with the token");
    return Secret{std::move(line)};
}

int run_remote_agent(RemoteAgentOptions const& options, Clock& clock, Say const& say, std::stop_token const& stop,
                     std::stop_token const& at_once) {
    auto token = find_token(options.token_file);
    if (!token) return give_up(say, token.error());
    auto link = gateway::make_link({.url = options.gateway, .ca_file = options.ca_file, .token = std::move(*token)}, clock);
    if (!link) return give_up(say, link.error());
    WorkerId const worker{options.worker};
    auto const told = ask_for_settings(**link, worker, clock, say, stop);
    if (!told) return stop.stop_requested() ? exit_done : give_up(say, told.error());

    std::error_code error;
    std::filesystem::create_directories(options.folder, error);
    if (error) return give_up(say, fail(Errc::rejected, "cannot make the folder '" + options.folder + "': " + error.message()));
    process::Executor executor{{.keeper = options.keeper,
                                .max_processes = told->max_processes,
                                .disk_reserve = told->disk_reserve},
                               clock};
    gateway::Source work{*link};
    gateway::Files files{*link, worker};
    Agent agent{AgentPorts{work, executor, files, clock},
                agent_settings(*told, options.worker, options.slots, options.version),
                attempt_settings(*told, options.worker, options.folder), say};
    std::stop_callback const now{at_once, [&] { agent.stop_now(); }};
    auto const exit = agent.run(stop);
    say(exit_code_of(exit.reason) == exit_done ? Severity::info : Severity::warning, sentence_of(exit));
    return exit_code_of(exit.reason);
}

}  // namespace rgrid::app
