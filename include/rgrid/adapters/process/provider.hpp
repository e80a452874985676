#pragma once

#include <map>
#include <rgrid/adapters/process/settings.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/cloud_provider.hpp>
#include <string>
#include <vector>

namespace rgrid::process {

/// A cloud on this machine: a server is a keeper process with an agent below it.
///
/// A server is a folder in `settings.folder`, named as the server: `server.json` says what it is, `agent.log` (and
/// agent.log.1; 4 MiB each) is what its agent wrote, and its keeper holds the lock on `lock` as long as it lives. So
/// servers outlive the program that made them and are found again by any that looks into the same folder.
///
/// * The agent starts after `boot_delay` with this process's environment, the extra variables, and RGRID_SERVER,
///   RGRID_POOL, RGRID_SLOTS, RGRID_FLEET, and RGRID_TOKEN if it was given one; its current folder is the server's, so paths in its command must be
///   absolute.
/// * When the agent ends, everything it started is ended (SIGTERM, SIGKILL after `stop_grace`); the server stays and
///   costs until it is destroyed, as a machine in a cloud would, and its status stays `running`.
/// * When the server is destroyed, the agent gets SIGTERM, and SIGKILL after `stop_grace`; then everything is killed
///   at once, also what ignores signals or has detached itself, and the folder goes. So does a server whose folder was
///   removed by hand.
/// * A server whose keeper was killed has vanished: its agent dies with it, what is left of its processes is killed
///   and its folder removed by the next look.
/// * Ages are measured on the steady clock; jumps of the calendar change nothing.
/// * Servers of other fleets in the same folder are invisible and never touched; their names are taken.
/// * A folder whose server.json cannot be read is never listed, signalled or removed, for it may be anybody's:
///   `problems()` names it, and its name cannot be used (`rejected`) until somebody removes the folder.
///
/// A listing never lags. `retry_later` also means that another process is making a server at the moment and the
/// deadline came first. Thread safety: all methods from any thread, several processes at a time.
class Provider final : public CloudProvider {
public:
    /// @param command      The agent: an absolute path and arguments.
    /// @param environment  Set for the agent beside what it inherits.
    /// @param keeper       Path of the program rgrid-keeper.
    /// @param clock        The machine's own (its steady time is kept in files). Must outlive this object.
    /// @param scratch      Absolute path of the folder in which an agent keeps, under its server's name, what is of no
    ///                     use without that server: it is removed with the server, however that ends. Empty: none.
    Provider(ProviderSettings settings, FleetId fleet, std::vector<std::string> command,
             std::map<std::string, std::string> environment, std::string keeper, Clock& clock,
             std::string scratch = {});

    Result<std::vector<Offer>> offers(Call const& call) override;
    Result<std::vector<Server>> list(Call const& call) override;
    Result<std::optional<Server>> find(Call const& call, ServerName const& name) override;
    Result<Server> create(Call const& call, ServerRequest const& request) override;
    Result<> destroy(Call const& call, ServerId const& id) override;

    /// Folders that cannot be understood, each with why, as they are now.
    [[nodiscard]] std::vector<std::string> problems() const;

    /// Whose servers lie in the folder, ordered; empty if it cannot be read.
    [[nodiscard]] std::vector<FleetId> fleets() const;

private:
    struct Place;

    Result<std::vector<Place>> places() const;
    Place place(std::string const& name) const;
    Server server(Place const& place) const;
    Result<> sweep(Call const& call, Place const& place);
    Result<> check(ServerRequest const& request) const;
    Result<> check_capacity(OfferSettings const& offer) const;
    Result<Server> make(Call const& call, ServerRequest const& request, int turn);
    Place new_place(ServerRequest const& request) const;
    Result<> start(Call const& call, Place const& place, Secret const& token, int turn);

    ProviderSettings settings_;
    FleetId fleet_;
    std::vector<std::string> command_;
    std::map<std::string, std::string> environment_;
    std::string keeper_;
    Clock& clock_;
    std::string scratch_;
};

}  // namespace rgrid::process
