#include <algorithm>
#include <charconv>
#include <limits>
#include <rgrid/adapters/hetzner/cloud_init.hpp>
#include <rgrid/adapters/hetzner/provider.hpp>
#include <rgrid/base/text.hpp>
#include <utility>

#include "adapters/hetzner/api.hpp"
#include "adapters/hetzner/api_text.hpp"
#include "adapters/hetzner/belongings.hpp"
#include "adapters/hetzner/catalogue.hpp"
#include "adapters/hetzner/fleet_servers.hpp"
#include "adapters/hetzner/labels.hpp"
#include "adapters/hetzner/project_proof.hpp"
#include "adapters/hetzner/redaction.hpp"
#include "adapters/hetzner/ssh_key.hpp"
#include "adapters/hetzner/turn.hpp"

namespace rgrid::hetzner {

namespace {

constexpr int looks_after_doubt = 2;
constexpr Duration longest_look = 4s;  ///< Before a delete of a server that is known.
constexpr Duration longest_extra_look = 3s;  ///< Of those that a listing can do without.
constexpr std::size_t follows_a_listing = 5;  ///< Servers of an earlier run of this program.

std::optional<Id> id_in(std::string const& text) {
    Id id = 0;
    auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (problem != std::errc{} || end != text.data() + text.size() || id <= 0) return std::nullopt;
    return id;
}

std::string joined_lines(std::vector<std::string> const& texts) {
    std::string all;
    for (auto const& text : texts) all += (all.empty() ? "" : "; ") + text;
    return all;
}

}  // namespace

class Provider::Impl {
public:
    Impl(ProviderSettings settings, FleetId fleet, Boot boot, std::unique_ptr<Client> client,
         std::optional<PublicKey> key, Clock& clock)
        : settings_(std::move(settings)),
          fleet_(std::move(fleet)),
          boot_(std::move(boot)),
          clock_(clock),
          key_(std::move(key)),
          api_(std::move(client)),
          belongings_(api_, settings_, fleet_, key_, clock_),
          proof_(api_, belongings_, servers_, fleet_, clock_) {}

    Result<std::vector<Offer>> offers(Call const& call) {
        auto const there = catalogue(call);
        if (!there) return there.error();
        auto offers = offers_of(**there, settings_, api_.client().now());
        if (!offers.empty()) return offers;
        std::vector<std::string> problems;
        for (auto const& type : settings_.types)
            problems.push_back(problem_of(**there, settings_, type, api_.client().now()));
        return fail(Errc::rejected, "nothing can be rented at Hetzner: " + joined_lines(problems));
    }

    Result<std::vector<Server>> list(Call const& call) {
        auto const token = proof_.token();
        if (auto const proven = proof_.prove(call); !proven) return proven.error();
        auto const listed = api_.servers(call, selector_of(fleet_));
        if (!listed) return listed.error().error;
        if (proof_.token() != token) return token_was_changed();
        std::set<Id> ids;
        for (auto const& server : listed->value)
            if (is_of(server.labels, fleet_)) ids.insert(server.id);
        auto const missing = servers_.missing(ids);
        for (auto const& server : listed->value)
            if (ids.contains(server.id)) servers_.see(server, listed->now, clock_.steady_now());
        auto const gone = gone_of(call, missing);
        if (proof_.token() != token) return token_was_changed();
        for (auto const id : missing) {
            if (gone.contains(id)) servers_.forget(id);
            else ids.insert(id);
        }
        follow_actions(call);
        proof_.remember(short_look(call));
        std::vector<Server> all;
        for (auto const id : ids)
            if (auto server = servers_.last_seen(id, clock_.steady_now()); !server.name.empty())
                all.push_back(std::move(server));
        return all;
    }

    Result<std::optional<Server>> find(Call const& call, ServerName const& name) {
        if (!is_hostname(name.value)) return std::optional<Server>{};
        auto const token = proof_.token();
        if (auto const proven = proof_.prove(call); !proven) return proven.error();
        auto const named = api_.servers_named(call, name.value, Urgency::vital);
        if (!named) return named.error().error;
        if (proof_.token() != token) return token_was_changed();
        for (auto const& server : named->value)
            if (is_of(server.labels, fleet_))
                return std::optional{servers_.see(server, named->now, clock_.steady_now())};
        return std::optional<Server>{};
    }

    Result<Server> create(Call const& call, ServerRequest const& request) {
        auto const token = proof_.token();
        if (auto const proven = proof_.prove(call); !proven) return told(proven.error(), request);
        auto wanted = prepare(call, request);
        if (!wanted) return told(wanted.error(), request);
        if (proof_.token() != token) return told(token_was_changed(), request);
        if (call.stop.stop_requested() || clock_.steady_now() >= call.deadline)
            return fail(Errc::retry_later, "the time to make the server " + request.name.value + " is over");
        auto made = api_.create_server(call, *wanted);
        if (!made && may_be_full_group(*wanted, made.error())) {
            wanted->placement_group.reset();
            made = api_.create_server(call, *wanted);
            if (made) servers_.note(made_without_group(request.name));
        }
        if (made) {
            servers_.track(clock_.steady_now(), made->value.server.id, made->value.actions);
            return servers_.see(made->value.server, made->now, clock_.steady_now());
        }
        auto const& refusal = made.error();
        if (!refusal.certain || refusal.code == "uniqueness_error")
            return told(look_for(call, request, refusal), request);
        // What it was to be attached to may be gone.
        if (refusal.code == "invalid_input" || refusal.code == "not_found") forget_what_is_there();
        auto error = refusal.error;
        if (refusal.code == "resource_limit_exceeded")
            error.message += "; this fleet has " + std::to_string(servers_.count()) +
                             (servers_.count() == 1 ? " server now" : " servers now");
        return told(error, request);
    }

    Result<> destroy(Call const& call, ServerId const& name) {
        auto const id = id_in(name.value);
        if (!id) return {};
        auto const token = proof_.token();
        if (auto const proven = proof_.prove(call); !proven) return proven.error();
        // Of what is known to be ours the look must leave time for the delete.
        auto look = call;
        if (servers_.is_known(*id)) look.deadline = std::min(call.deadline, clock_.steady_now() + longest_look);
        auto const there = api_.server(look, *id, Urgency::vital);
        if (proof_.token() != token) return token_was_changed();
        if (there) {
            if (!is_of(there->value.labels, fleet_))
                return fail(Errc::rejected, "the server " + printable(there->value.name) + " (" + name.value +
                                                ") has not the label " + fleet_label + "=" + fleet_.value +
                                                ", so it is not deleted");
            if (there->value.status == "deleting") return {};
        } else if (there.error().code == "not_found") {
            return {};
        } else if (!servers_.is_known(*id)) {
            return there.error().error;
        }
        // Numbers are never used again: what was seen as ours is ours, also if it cannot be looked at now.
        auto const deleted = api_.delete_server(call, *id);
        if (proof_.token() != token) return token_was_changed();
        if (deleted || deleted.error().code == "not_found") return {};
        auto error = deleted.error().error;
        if (deleted.error().code == "protected")
            error.message = "the server " + name.value + " is protected against being deleted; take that away in the "
                            "Console (" + error.message + ")";
        return error;
    }

    Result<> use_token(Secret token) {
        if (auto const checked = Client::check(token); !checked) return checked.error();
        if (api_.client().uses(token)) return {};
        // It may be another project's.
        proof_.token_changes();
        auto const used = api_.client().use_token(std::move(token));
        belongings_.forget();
        std::scoped_lock const lock{mutex_};
        catalogue_until_ = SteadyInstant::min();
        return used;
    }

    void expect(std::vector<ServerId> const& servers) {
        std::vector<Id> ids;
        for (auto const& server : servers)
            if (auto const id = id_in(server.value)) ids.push_back(*id);
        proof_.expect(ids);
    }

    std::vector<Check> check(Call const& call) {
        std::vector<Check> checks;
        if (key_) checks.push_back({true, "SSH key", settings_.ssh_key + " has the fingerprint " + key_->fingerprint});
        if (auto const reached = api_.probe(call); !reached) {
            checks.push_back({false, "token", reached.error().error.message});
            return checks;
        }
        checks.push_back(check_rights(call));
        auto const there = catalogue(call);
        if (!there) {
            checks.push_back({false, "types and prices", there.error().message});
            return checks;
        }
        auto const& catalogue = **there;
        auto const now = api_.client().now();
        auto const offers = offers_of(catalogue, settings_, now);
        for (auto const& type : settings_.types) checks.push_back(check_type(catalogue, offers, type, now));
        for (auto const& location : settings_.locations)
            if (!catalogue.zones.contains(location))
                checks.push_back({false, "location " + printable(location), "there is no such location"});
        checks.push_back(check_image(catalogue));
        std::set<std::string> zones;
        for (auto const& offer : offers) zones.insert(catalogue.zones.at(offer.key.location));
        for (auto const& problem : belongings_.problems(call, {zones.begin(), zones.end()}))
            checks.push_back({false, "network and firewall", problem});
        return checks;
    }

    Result<std::vector<Leftover>> leftovers(Call const& call) {
        std::vector<Leftover> left;
        auto const now = [&] { return api_.client().now(); };
        auto const add = [&](char const* kind, ApiBelonging const& each) {
            left.push_back({kind, std::to_string(each.id), each.name, each.created,
                            std::max(now() - each.created, Duration{0})});
        };
        auto const addresses = api_.primary_ips(call);
        if (!addresses) return addresses.error().error;
        for (auto const& each : *addresses)
            if (!each.attached && (is_of(each.labels, fleet_) || servers_.had_address(each.id))) add("primary IP", each);
        auto const volumes = api_.volumes(call);
        if (!volumes) return volumes.error().error;
        for (auto const& each : *volumes)
            if (!each.attached && is_of(each.labels, fleet_)) add("volume", each);
        return left;
    }

    Result<> remove_belongings(Call const& call) { return belongings_.remove(call); }

    Result<std::vector<CpuSample>> cpu(Call const& call, ServerId const& name, Duration span) {
        auto const id = id_in(name.value);
        if (!id) return fail(Errc::not_found, "there is no server " + printable(name.value));
        auto const to = api_.client().now();
        auto const samples = api_.cpu(call, *id, to - span, to);
        if (!samples) return samples.error().error;
        std::vector<CpuSample> all;
        for (auto const& sample : *samples)
            all.push_back({Instant{Duration{static_cast<std::int64_t>(sample.time * 1000)}}, sample.value});
        return all;
    }

    [[nodiscard]] std::vector<std::string> problems() const {
        auto texts = servers_.problems();
        for (auto& text : texts) text = api_.client().told(text);
        return texts;
    }

private:
    /// Everything that can be refused before anything is asked for.
    Result<NewServer> prepare(Call const& call, ServerRequest const& request) {
        if (request.fleet != fleet_)
            return fail(Errc::rejected, "the server " + request.name.value + " is ordered for the fleet \"" +
                                            request.fleet.value + "\"; this provider serves \"" + fleet_.value + "\"");
        if (!is_hostname(request.name.value))
            return fail(Errc::rejected, "\"" + printable(request.name.value) +
                                            "\" cannot name a server; expected at most 63 letters, digits, \"-\" and \".\"");
        auto const labels = labels_of(request);
        if (!labels) return labels.error();
        auto const there = catalogue(call);
        if (!there) return there.error();
        auto const order = order_of(**there, settings_, request.offer, api_.client().now());
        if (!order) return order.error();
        auto user_data = boot_(request);
        if (!user_data) return user_data.error();
        if (user_data->size() > max_user_data || !is_utf8(*user_data))
            return fail(Errc::rejected, "what the server " + request.name.value + " is told for its boot has " +
                                            std::to_string(user_data->size()) + " bytes; expected at most " +
                                            std::to_string(max_user_data) + " of UTF-8");
        auto attachments = belongings_.ensure(call, order->zone);
        if (!attachments) return attachments.error();
        NewServer wanted;
        wanted.name = request.name.value;
        wanted.type = request.offer.type;
        wanted.location = request.offer.location;
        wanted.image = order->image;
        wanted.ssh_keys = std::move(attachments->ssh_keys);
        wanted.networks = std::move(attachments->networks);
        wanted.firewalls = std::move(attachments->firewalls);
        wanted.placement_group = attachments->placement_group;
        wanted.labels = *labels;
        wanted.user_data = std::move(*user_data);
        wanted.ipv4 = settings_.ipv4;
        return wanted;
    }

    /// After a create whose answer leaves open whether there is a server: the one of that name, if it was made for this
    /// request.
    Result<Server> look_for(Call const& call, ServerRequest const& request, Refusal const& refusal) {
        bool const taken = refusal.code == "uniqueness_error";
        bool looked = false;
        for (int look = 1; look <= looks_after_doubt; ++look) {
            if (!(taken && look == 1) && !api_.client().pause(call, 1)) break;
            auto const named = api_.servers_named(call, request.name.value, Urgency::vital);
            if (!named) continue;
            looked = true;
            for (auto const& server : named->value) {
                if (is_made_for(server.labels, request)) return servers_.see(server, named->now, clock_.steady_now());
                auto const whose = is_of(server.labels, fleet_)
                                       ? std::string{"a server that another store made for this fleet"}
                                       : std::string{"a server that is not this fleet's"};
                return fail(Errc::rejected, "the name " + request.name.value + " is taken by " + whose);
            }
        }
        if (taken && looked)
            return fail(Errc::retry_later,
                        "the name " + request.name.value + " is taken, but no server has it: one is being deleted");
        auto error = refusal.error;
        error.code = Errc::in_doubt;
        return error;
    }

    /// Belongings, types and images are read again before the next create.
    void forget_what_is_there() {
        belongings_.forget();
        std::scoped_lock const lock{mutex_};
        catalogue_until_ = SteadyInstant::min();
    }

    static Error token_was_changed() { return fail(Errc::retry_later, "the token was changed meanwhile"); }

    /// The group is asked for its places before, but others fill it at the same time; Hetzner then says what it says of
    /// what is sold out.
    static bool may_be_full_group(NewServer const& wanted, Refusal const& refusal) {
        return wanted.placement_group && refusal.certain && refusal.error.code == Errc::capacity;
    }

    [[nodiscard]] std::string made_without_group(ServerName const& server) const {
        return "the server " + server.value + " was made outside of the placement group " +
               printable(settings_.placement_group) + ", in which Hetzner had no place for it";
    }

    /// For a look of which a listing, for which others wait, can do without.
    [[nodiscard]] Call short_look(Call const& call) const {
        auto const now = clock_.steady_now();
        auto look = call;
        look.deadline = now + std::min(longest_extra_look, std::max(call.deadline - now, Duration{0}) / 4);
        return look;
    }

    /// Of servers that were seen and are not listed any more, those that have gone; anything but a clear answer is none.
    std::set<Id> gone_of(Call const& call, std::vector<Id> const& missing) {
        std::set<Id> gone;
        for (auto const id : missing) {
            auto const there = api_.server(short_look(call), id, Urgency::listing);
            if (there && is_of(there->value.labels, fleet_)) servers_.see(there->value, there->now, clock_.steady_now());
            else if (there || there.error().code == "not_found") gone.insert(id);
            else if (has_no_answer(there.error())) break;
        }
        return gone;
    }

    /// Who did not answer one look would let the next one wait as well.
    static bool has_no_answer(Refusal const& refusal) { return refusal.code.empty(); }

    /// Looks how the making of servers goes on. That it cannot be seen harms nobody: they come, or do not.
    void follow_actions(Call const& call) {
        for (auto const id : servers_.unfollowed(follows_a_listing)) {
            auto const actions = api_.actions_of(short_look(call), id);
            if (actions) servers_.track(clock_.steady_now(), id, *actions);
            else if (has_no_answer(actions.error())) return;
        }
        for (auto const& batch : servers_.actions_due(clock_.steady_now())) {
            auto const actions = api_.actions(short_look(call), batch);
            if (actions) servers_.heard(batch, *actions);
            else if (has_no_answer(actions.error())) return;
        }
    }

    /// Types, prices and images, read at most every catalogue_time; old ones if they cannot be read again.
    Result<std::shared_ptr<Catalogue const>> catalogue(Call const& call) {
        constexpr Duration retry = 1min;
        if (auto const fresh = fresh_catalogue()) return fresh;
        auto const turn = catalogue_turns_.enter(call, clock_, "the reading of Hetzner's types and prices");
        if (!turn) return turn.error();
        if (auto const fresh = fresh_catalogue()) return fresh;
        auto read = read_catalogue(call);
        std::scoped_lock const lock{mutex_};
        if (read) {
            catalogue_ = std::make_shared<Catalogue const>(std::move(*read));
            catalogue_until_ = clock_.steady_now() + settings_.catalogue_time;
            return catalogue_;
        }
        if (!catalogue_) return read.error();
        catalogue_until_ = clock_.steady_now() + retry;
        return catalogue_;
    }

    std::shared_ptr<Catalogue const> fresh_catalogue() {
        std::scoped_lock const lock{mutex_};
        return catalogue_ && clock_.steady_now() < catalogue_until_ ? catalogue_ : nullptr;
    }

    Result<Catalogue> read_catalogue(Call const& call) {
        auto pricing = api_.pricing(call);
        if (!pricing) return pricing.error().error;
        auto types = api_.server_types(call, pricing->currency);
        if (!types) return types.error().error;
        auto zones = api_.locations(call);
        if (!zones) return zones.error().error;
        auto images = read_images(call);
        if (!images) return images.error();
        return Catalogue{std::move(*types), std::move(*zones), std::move(*images), std::move(*pricing)};
    }

    Result<std::vector<ApiImage>> read_images(Call const& call) {
        if (auto const id = id_in(settings_.image)) {
            auto image = api_.image(call, *id);
            if (image) return std::vector<ApiImage>{std::move(*image)};
            if (image.error().code == "not_found") return std::vector<ApiImage>{};
            return image.error().error;
        }
        auto images = api_.images_named(call, settings_.image);
        if (!images) return images.error().error;
        return std::move(*images);
    }

    Check check_rights(Call const& call) {
        auto const tried = api_.try_to_write(call);
        if (tried || tried.error().code == "invalid_input" || tried.error().code == "json_error")
            return {true, "token", "it works and may read and write"};
        auto const& error = tried.error().error;
        if (error.code == Errc::denied) return {false, "token", error.message};
        return {false, "token", "it works; whether it may write could not be found out: " + error.message};
    }

    Check check_type(Catalogue const& catalogue, std::vector<Offer> const& offers, std::string const& type, Instant now) {
        auto const subject = "type " + printable(type);
        if (auto problem = problem_of(catalogue, settings_, type, now); !problem.empty())
            return {false, subject, std::move(problem)};
        std::string prices;
        for (auto const& offer : offers)
            if (offer.key.type == type)
                prices += (prices.empty() ? "" : ", ") + offer.key.location + " " + to_text(offer.price);
        return {true, subject, "an hour costs, net: " + prices};
    }

    Check check_image(Catalogue const& catalogue) const {
        auto const subject = "image " + printable(settings_.image);
        if (catalogue.images.empty()) return {false, subject, "there is no such image"};
        std::string architectures;
        for (auto const& image : catalogue.images)
            architectures += (architectures.empty() ? "" : ", ") + printable(image.architecture);
        return {true, subject, "it is there for " + architectures};
    }

    /// An error as it may be shown: what the worker is told is as secret as the token.
    template <class T>
    Result<Server> told(T const& result, ServerRequest const& request) {
        if constexpr (std::is_same_v<T, Result<Server>>) {
            if (result) return result;
            return told(result.error(), request);
        } else {
            Error error = result;
            if (error.code == Errc::not_found) error.code = Errc::rejected;
            error.message = redacted(api_.client().told(error.message), request.token);
            return error;
        }
    }

    ProviderSettings const settings_;
    FleetId const fleet_;
    Boot const boot_;
    Clock& clock_;
    std::optional<PublicKey> const key_;
    Api api_;
    Belongings belongings_;
    FleetServers servers_;
    ProjectProof proof_;
    TurnTaking catalogue_turns_;
    mutable std::mutex mutex_;
    std::shared_ptr<Catalogue const> catalogue_;
    SteadyInstant catalogue_until_ = SteadyInstant::min();
};

Provider::Provider(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Provider::~Provider() = default;

Result<std::unique_ptr<Provider>> Provider::open(ProviderSettings settings, FleetId fleet, Boot boot, Clock& clock) {
    if (fleet.empty() || !is_label_value(fleet.value) || !is_hostname(fleet.value))
        return fail(Errc::rejected, "the fleet \"" + printable(fleet.value) +
                                        "\" cannot be the label of a server; expected letters, digits and \"-\"");
    std::optional<PublicKey> key;
    if (!settings.ssh_key.empty()) {
        auto loaded = load_public_key(settings.ssh_key);
        if (!loaded) return loaded.error();
        key = std::move(*loaded);
    }
    auto client = Client::open(settings, clock);
    if (!client) return client.error();
    return std::unique_ptr<Provider>{new Provider{std::make_unique<Impl>(
        std::move(settings), std::move(fleet), std::move(boot), std::move(*client), std::move(key), clock)}};
}

Result<std::vector<Offer>> Provider::offers(Call const& call) { return impl_->offers(call); }
Result<std::vector<Server>> Provider::list(Call const& call) { return impl_->list(call); }
Result<std::optional<Server>> Provider::find(Call const& call, ServerName const& name) { return impl_->find(call, name); }
Result<Server> Provider::create(Call const& call, ServerRequest const& request) { return impl_->create(call, request); }
Result<> Provider::destroy(Call const& call, ServerId const& id) { return impl_->destroy(call, id); }
void Provider::expect(std::vector<ServerId> const& servers) { impl_->expect(servers); }
Result<> Provider::use_token(Secret token) { return impl_->use_token(std::move(token)); }
std::vector<Check> Provider::check(Call const& call) { return impl_->check(call); }
Result<std::vector<Leftover>> Provider::leftovers(Call const& call) { return impl_->leftovers(call); }
Result<> Provider::remove_belongings(Call const& call) { return impl_->remove_belongings(call); }
Result<std::vector<CpuSample>> Provider::cpu(Call const& call, ServerId const& id, Duration span) {
    return impl_->cpu(call, id, span);
}
std::vector<std::string> Provider::problems() const { return impl_->problems(); }

}  // namespace rgrid::hetzner
