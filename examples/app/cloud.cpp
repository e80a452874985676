#include "app/cloud.hpp"

#include <map>
#include <rgrid/adapters/hetzner/provider.hpp>
#include <rgrid/adapters/process/provider.hpp>
#include <utility>

#include "app/boot.hpp"
#include "app/open.hpp"
#include "app/self.hpp"

namespace rgrid::app {

namespace {

using Opened = Result<std::unique_ptr<CloudProvider>>;

/// What a new server on this machine runs: the agent, with the configuration that this program has, or through the
/// gateway.
Result<std::vector<std::string>> agent_command(LoadedSettings const& loaded) {
    auto program = find_program("rgrid-worker");
    if (!program) return program.error();
    auto const& gateway = loaded.settings.gateway;
    if (!gateway.url.empty()) {
        std::vector<std::string> remote{*program, "--gateway", gateway.url, "--folder", loaded.settings.worker.folder};
        if (!gateway.ca.empty()) remote.insert(remote.end(), {"--ca", gateway.ca});
        return remote;
    }
    std::vector<std::string> command{*program, "--home", loaded.home};
    if (loaded.file) command.insert(command.end(), {"--config", *loaded.file});
    return command;
}

Opened open_processes(LoadedSettings const& loaded, Clock& clock) {
    auto keeper = find_program("rgrid-keeper");
    if (!keeper) return keeper.error();
    auto agent = agent_command(loaded);
    if (!agent) return agent.error();
    auto const& settings = loaded.settings;
    auto const provider = settings.cloud.process.value_or(process::ProviderSettings{});
    if (auto made = make_private_folder(provider.folder); !made) return made.error();
    // As the disk of a machine would, the working folders go with their server.
    auto const& worker = settings.worker;
    return std::make_unique<process::Provider>(provider, settings.fleet.name, *agent,
                                               std::map<std::string, std::string>{}, *keeper, clock,
                                               worker.keep_folders ? std::string{} : worker.folder);
}

std::unique_ptr<process::Provider> processes_alone(Settings const& settings, FleetId const& fleet, Clock& clock) {
    return std::make_unique<process::Provider>(settings.cloud.process.value_or(process::ProviderSettings{}), fleet,
                                               std::vector<std::string>{}, std::map<std::string, std::string>{},
                                               std::string{}, clock);
}

/// Without the SSH key, which only an order needs, unless its file is to be looked at as well.
Result<std::unique_ptr<hetzner::Provider>> hetzner_alone(Settings const& settings, FleetId const& fleet, Clock& clock,
                                                         bool with_key = false) {
    auto cloud = *settings.cloud.hetzner;
    if (!with_key) cloud.ssh_key.clear();
    auto const refuse = [](ServerRequest const& request) -> Result<std::string> {
        return fail(Errc::rejected, "server \"" + request.name.value + "\": nothing is ordered here");
    };
    return hetzner::Provider::open(std::move(cloud), fleet, refuse, clock);
}

Opened upcast(Result<std::unique_ptr<hetzner::Provider>> opened) {
    if (!opened) return opened.error();
    return std::unique_ptr<CloudProvider>{std::move(*opened)};
}

std::string text_of(hetzner::Leftover const& left) {
    return left.kind + " " + left.id + (left.name.empty() ? "" : " (" + left.name + ")") +
           " of this fleet belongs to no server and may cost, since " + to_text(left.created);
}

/// Whether there is more than its servers to know the fleet's project by, once they are gone.
bool leaves_marks(hetzner::ProviderSettings const& cloud) { return cloud.network == "own" || cloud.firewall == "own"; }

}  // namespace

Opened open_cloud(LoadedSettings const& loaded, Clock& clock) {
    if (!loaded.settings.cloud.hetzner) return open_processes(loaded, clock);
    auto boot = make_boot(loaded);
    if (!boot) return boot.error();
    return upcast(hetzner::Provider::open(*loaded.settings.cloud.hetzner, loaded.settings.fleet.name, *boot, clock));
}

Opened open_cloud_alone(Settings const& settings, FleetId const& fleet, Clock& clock) {
    if (settings.cloud.hetzner) return upcast(hetzner_alone(settings, fleet, clock));
    return processes_alone(settings, fleet, clock);
}

Result<> renew_access(CloudProvider& cloud, Settings const& settings) {
    auto* const provider = dynamic_cast<hetzner::Provider*>(&cloud);
    if (provider == nullptr || !settings.cloud.hetzner) return {};
    return provider->use_token(settings.cloud.hetzner->token);
}

Result<> expect_servers(Call const& call, CloudProvider& cloud, FleetStore& fleet, Settings const& settings) {
    auto* const provider = dynamic_cast<hetzner::Provider*>(&cloud);
    if (provider == nullptr || !settings.cloud.hetzner) return {};
    auto const record = fleet.load(call);
    if (!record) return record.error();
    bool const marked = leaves_marks(*settings.cloud.hetzner);
    std::vector<ServerId> servers;
    // One that was to go may have gone unseen; if it left nothing to be known by, waiting for it could be for ever.
    for (auto const& intent : record->intents)
        if (intent.server_id && (marked || !intent.remove)) servers.push_back(*intent.server_id);
    provider->expect(servers);
    // At once, since the last of them may go at any time. What comes of it, passes see and tell.
    if (!servers.empty()) static_cast<void>(provider->list(call));
    return {};
}

std::vector<std::string> cloud_problems(Call const& call, CloudProvider& cloud) {
    if (auto* const processes = dynamic_cast<process::Provider*>(&cloud)) return processes->problems();
    auto* const provider = dynamic_cast<hetzner::Provider*>(&cloud);
    if (provider == nullptr) return {};
    auto problems = provider->problems();
    auto const left = provider->leftovers(call);
    if (!left) problems.push_back("what servers have left behind cannot be listed: " + left.error().message);
    else
        for (auto const& each : *left) problems.push_back(text_of(each));
    return problems;
}

Result<> remove_belongings(Call const& call, Settings const& settings, FleetId const& fleet, Clock& clock) {
    if (!settings.cloud.hetzner) return {};
    auto const provider = hetzner_alone(settings, fleet, clock);
    return provider ? (*provider)->remove_belongings(call) : provider.error();
}

Checks check_cloud(Call const& call, Settings const& settings, Clock& clock) {
    if (!settings.cloud.hetzner) return {};
    auto const provider = hetzner_alone(settings, settings.fleet.name, clock, true);
    if (!provider) return {{Health::fail, "cloud", provider.error().message, "see docs/hetzner.md"}};
    Checks checks;
    for (auto const& check : (*provider)->check(call))
        checks.push_back({check.good ? Health::ok : Health::fail, "cloud", check.subject + ": " + check.text, ""});
    return checks;
}

std::vector<FleetId> fleets_in_cloud(Settings const& settings, Clock& clock) {
    if (settings.cloud.hetzner) return {};
    return processes_alone(settings, FleetId{}, clock)->fleets();
}

}  // namespace rgrid::app
