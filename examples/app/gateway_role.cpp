#include "app/gateway_role.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <rgrid/base/text.hpp>
#include <rgrid/config/json_text.hpp>

#include "remote/agent_settings.hpp"

namespace rgrid::app {

namespace {

Error cannot(std::string const& what, std::string const& path) {
    return fail(errno == EACCES || errno == EPERM ? Errc::denied : Errc::rejected,
                "cannot " + what + " " + path + ": " + std::strerror(errno));
}

/// Writes a file that others see whole or not at all, unless there is one already.
Result<> write_once(std::string const& path, std::string const& text) {
    auto const beside = path + "." + std::to_string(::getpid());
    int const fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return cannot("make", beside);
    bool const written =
        ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
    bool const named = written && (::link(beside.c_str(), path.c_str()) == 0 || errno == EEXIST);
    auto const problem = cannot(written ? "make" : "write", path);
    ::close(fd);
    ::unlink(beside.c_str());
    if (!named) return problem;
    return {};
}

Result<std::string> settings_for_agents(Settings const& settings, PoolName const& pool) {
    auto const found = settings.pool.find(pool);
    if (found == settings.pool.end())
        return fail(Errc::retry_later, "there is no pool \"" + pool.value + "\" in the configuration now");
    auto const& worker = settings.worker;
    RemoteAgentSettings told;
    told.pool = pool;
    told.slots = found->second.slots;
    told.heartbeat = found->second.health.heartbeat;
    told.lost_after = found->second.health.lost_after;
    told.kill_grace = worker.kill_grace;
    told.margin = worker.margin;
    told.poll = worker.poll;
    told.stop_grace = worker.stop_grace;
    told.log_flush = worker.log_flush;
    told.max_processes = worker.max_processes;
    told.disk_reserve = worker.disk_reserve;
    told.keep_folders = worker.keep_folders;
    return config::to_json_text(told);
}

}  // namespace

Result<Secret> kept_secret(std::string const& home) {
    auto const path = home + "/gateway.secret";
    for (int tries = 0; tries < 2; ++tries) {
        std::ifstream file{path};
        std::string line;
        if (file && std::getline(file, line) && line.size() >= 16) return Secret{line};
        if (file || tries > 0) return fail(Errc::rejected, path + " holds no secret; expected a line of at least 16 characters");
        if (auto const written = write_once(path, gateway::make_token().reveal() + "\n"); !written)
            return written.error();
    }
    return fail(Errc::rejected, path + " cannot be read");
}

Result<std::unique_ptr<GatewayRole>> GatewayRole::start(LoadedSettings const& loaded, Ports& ports, Log& log,
                                                        Clock& clock) {
    auto const& settings = loaded.settings;
    auto gateway_settings = settings.gateway;
    if (gateway_settings.secret.empty()) {
        auto kept = kept_secret(loaded.home);
        if (!kept) return kept.error();
        gateway_settings.secret = std::move(*kept);
    }
    std::unique_ptr<GatewayRole> role{new GatewayRole};
    role->identities_ = std::make_unique<gateway::FleetIdentities>(*ports.fleet, settings.fleet.name, clock,
                                                                   gateway_settings.identity_time,
                                                                   gateway_settings.identity_retry);
    gateway::GatewayPorts behind{*ports.work, *ports.jobs, *ports.files, *role->identities_, clock};
    behind.wake = ports.gateway_wake.get();
    behind.on_boot_log = [&log](WorkerId const& worker, std::string const& text) {
        log.say(Severity::info, "boot log of " + worker.value + ": " + printable(text));
    };
    behind.agent_settings = [settings](WorkerId const&, PoolName const& pool) {
        return settings_for_agents(settings, pool);
    };
    auto made = gateway::Gateway::make(std::move(behind), gateway_settings);
    if (!made) return made.error();
    role->gateway_ = std::move(*made);
    auto service = role->gateway_->service();
    service.on_problem = [&log](Error const& error) { log.say(Severity::warning, "gateway: " + error.message); };
    auto server = http::Server::start(gateway::server_settings(gateway_settings), std::move(service), clock);
    if (!server) return server.error();
    role->server_ = std::move(*server);
    auto const colon = gateway_settings.listen.rfind(':');
    log.say(Severity::info, "gateway listens on " + gateway_settings.listen.substr(0, colon) + ":" +
                                std::to_string(role->port()) +
                                (role->gateway_->agent_sha256().empty()
                                     ? ""
                                     : ", offers the agent " + role->gateway_->agent_sha256()));
    return role;
}

}  // namespace rgrid::app
