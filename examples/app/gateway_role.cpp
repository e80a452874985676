#include "app/gateway_role.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <rgrid/base/text.hpp>
#include <rgrid/config/json_text.hpp>

#include "app/settings_for_agent.hpp"

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

/// The first line of a file that is its owner's alone; nothing if there is no such file.
Result<std::optional<std::string>> read_private_line(std::string const& path) {
    int const fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return std::optional<std::string>{};
    if (fd < 0) return cannot("read", path);
    struct stat status {};
    std::string text(1024, '\0');
    auto const count = ::fstat(fd, &status) == 0 ? ::read(fd, text.data(), text.size()) : -1;
    auto const problem = cannot("read", path);
    ::close(fd);
    if (count < 0) return problem;
    if ((status.st_mode & 077u) != 0)
        return fail(Errc::rejected, path + " can be read or changed by others than its owner: anybody may know the secret; "
                                           "remove it for a new one, which ends the workers that run, or 'chmod 600' it");
    text.resize(static_cast<std::size_t>(count));
    return std::optional{text.substr(0, text.find('\n'))};
}

}  // namespace

Result<Secret> kept_secret(std::string const& home) {
    auto const path = home + "/gateway.secret";
    auto line = read_private_line(path);
    if (line && !*line) {
        if (auto const written = write_once(path, gateway::make_token().reveal() + "\n"); !written)
            return written.error();
        // Another may have been quicker: there is one secret.
        line = read_private_line(path);
    }
    if (!line) return line.error();
    if (line->value_or("").size() >= 16) return Secret{**line};
    return fail(Errc::rejected, path + " holds no secret; expected a line of at least 16 characters");
}

void GatewayRole::tell(Settings const& settings) {
    auto told = std::make_shared<Settings const>(settings);
    std::scoped_lock const lock{mutex_};
    told_ = std::move(told);
}

Result<std::string> GatewayRole::settings_for(PoolName const& pool) const {
    auto const told = [&] {
        std::scoped_lock const lock{mutex_};
        return told_;
    }();
    if (auto const found = settings_for_agent(*told, pool)) return config::to_json_text(*found);
    return fail(Errc::retry_later, "there is no pool \"" + pool.value + "\" in the configuration now");
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
    role->identities_ = std::make_unique<gateway::FleetIdentities>(
        *ports.fleet, settings.fleet.name, clock,
        gateway::FleetIdentities::Times{.keep = gateway_settings.identity_time,
                                        .retry = gateway_settings.identity_retry,
                                        .limit = gateway_settings.call_time},
        role->stop_.get_token());
    gateway::GatewayPorts behind{*ports.work, *ports.jobs, *ports.files, *role->identities_, clock};
    behind.wake = ports.gateway_wake.get();
    behind.on_boot_log = [&log, &clock, fleet = ports.fleet, within = gateway_settings.call_time](
                             WorkerId const& worker, std::string const& text) {
        log.say(Severity::info, "boot log of " + worker.value + ": " + printable(text));
        auto const kept =
            fleet->report_boot(call_within(clock, within), ServerName{worker.value}, read_boot_report(text));
        if (!kept) log.say(Severity::warning, "boot log of " + worker.value + " was not kept: " + kept.error().message);
        return kept;
    };
    role->tell(settings);
    behind.agent_settings = [role = role.get()](WorkerId const&, PoolName const& pool) {
        return role->settings_for(pool);
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
