#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <rgrid/adapters/hetzner/settings.hpp>
#include <rgrid/ports/clock.hpp>
#include <rgrid/ports/cloud_provider.hpp>
#include <string>
#include <vector>

namespace rgrid::hetzner {

/// Turns what a server is to be into its `user_data`. Called from any thread; an error refuses the create.
using Boot = std::function<Result<std::string>(ServerRequest const&)>;

/// One thing that was looked at before servers are ordered.
struct Check {
    bool good = false;
    std::string subject;  ///< "token", "type cx23", ...
    std::string text;     ///< What was found and, if it is not good, what to do about it.
};

/// Something of the fleet that is in the project, may cost, and belongs to no server.
struct Leftover {
    std::string kind;  ///< "primary IP" or "volume".
    std::string id;
    std::string name;
    Instant created;  ///< By the provider's clock.
    Duration age{0};  ///< By the provider's clock.
};

/// One value of a server's processors: percent, of which several cores may give more than 100.
struct CpuSample {
    Instant time;
    double percent = 0;
};

/// A fleet's servers in a Hetzner Cloud project.
///
/// Each server carries the labels rgrid/fleet, rgrid/pool, rgrid/store, rgrid/generation and rgrid/request from its
/// first second; nothing without our fleet's label is ever shown, changed or deleted. Servers that the fleet should be
/// reached by nobody else with: a private network for each zone and a firewall, both labelled like the servers and made
/// when the first server needs them.
///
/// * A create is sent once. If its answer leaves open whether there is a server, it is looked for by name, twice at most;
///   then it is `in_doubt`.
/// * A create that is refused for lack of room is sent once more without its placement group, which may be what is full.
/// * `capacity` is answered only if another offer may be had; `Errc::quota` if the project's limit is reached.
/// * Ages are differences of the provider's own clocks: `created` and the `Date` of the answer that showed it.
/// * A server that was seen and is missing from a listing is asked for by its number before it counts as gone.
/// * What a token shows that may be another project's is not believed; see use_token() and expect().
/// * All calls share one budget of requests; when it runs low, listings slow down first and deletes last.
/// * No text holds the token or 16 or more characters of its beginning.
///
/// Thread safety: all methods from any thread, several at a time. `clock` must outlive the provider.
class Provider final : public CloudProvider {
public:
    /// Asks nobody yet. Errors, each with what was expected: `rejected` (token, URL, fleet, SSH key file, ...), `denied`
    /// (a file may not be read).
    static Result<std::unique_ptr<Provider>> open(ProviderSettings settings, FleetId fleet, Boot boot, Clock& clock);
    ~Provider() override;

    Result<std::vector<Offer>> offers(Call const& call) override;
    Result<std::vector<Server>> list(Call const& call) override;
    Result<std::optional<Server>> find(Call const& call, ServerName const& name) override;
    Result<Server> create(Call const& call, ServerRequest const& request) override;
    Result<> destroy(Call const& call, ServerId const& id) override;

    /// Servers of the fleet that somebody knows at the start. As after use_token(), nothing is believed before one of
    /// them is seen, or else a network, firewall or key of the fleet's.
    void expect(std::vector<ServerId> const& servers);

    /// From now on calls carry this token: an operator has changed it. It may be another project's: if servers of the
    /// fleet are known, whatever could be a mistake is `denied` until one of them, or else a network, firewall or key of
    /// the fleet's that was seen before, is seen with it. Errors: `rejected` (it cannot be sent).
    Result<> use_token(Secret token);

    /// Whether servers can be had as the settings say: token and its rights, types, locations, image, key, network,
    /// firewall. Changes nothing. Ends early if the token is refused or nobody answers.
    [[nodiscard]] std::vector<Check> check(Call const& call);

    /// What servers of the fleet have left behind. Errors: as list().
    Result<std::vector<Leftover>> leftovers(Call const& call);

    /// Deletes what was made for the fleet beside its servers: networks, firewall, SSH key. What is in use stays, and so
    /// does what has not the fleet's label. Errors: of the first that could not be deleted; the others were tried.
    Result<> remove_belongings(Call const& call);

    /// How busy a server's processors were in the last `span`; empty: the provider does not know (yet).
    Result<std::vector<CpuSample>> cpu(Call const& call, ServerId const& id, Duration span);

    /// What an operator should know of servers, each with its name: creates that the provider could not finish, servers
    /// for which the placement group had no place.
    [[nodiscard]] std::vector<std::string> problems() const;

private:
    class Impl;
    explicit Provider(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace rgrid::hetzner
