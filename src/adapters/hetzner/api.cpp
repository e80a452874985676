#include "adapters/hetzner/api.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <rgrid/config/json.hpp>

#include "adapters/hetzner/api_text.hpp"
#include "adapters/hetzner/json.hpp"
#include "adapters/hetzner/reading.hpp"

namespace rgrid::hetzner {

namespace {

namespace json = boost::json;

using Value = json::value;

/// An answer that says nothing understandable.
Refusal unreadable(Question const& question, Answer const& answer, std::string const& why) {
    bool const certain = question.effect == Effect::none;
    auto text = "Hetzner's answer to " + question.method + " " + question.path.substr(0, question.path.find('?')) +
                " cannot be read: " + why;
    if (!answer.correlation.empty()) text += " (correlation " + answer.correlation + ")";
    return {fail(certain ? Errc::retry_later : Errc::in_doubt, std::move(text)), {}, certain, false};
}

struct Read {
    Value body;
    Instant now;
    std::string correlation;
};

Outcome<Read> ask_json(Client& client, Call const& call, Question const& question) {
    auto answer = client.ask(call, question);
    if (!answer) return answer.error();
    auto parsed = config::parse_json(answer->body);
    if (parsed) return Read{std::move(*parsed), answer->date, answer->correlation};
    return unreadable(question, *answer, client.told(parsed.error().message));
}

template <class T>
using Reader = std::optional<T> (*)(Value const&);

/// The one object that an answer has under that name.
template <class T>
Outcome<Dated<T>> ask_for(Client& client, Call const& call, Question const& question, std::string_view name,
                          Reader<T> reader) {
    auto const read = ask_json(client, call, question);
    if (!read) return read.error();
    auto const* const found = member(read->body, name);
    auto object = found == nullptr ? std::nullopt : reader(*found);
    if (object) return Dated<T>{std::move(*object), read->now};
    return unreadable(question, {{}, read->now, read->correlation}, "it has no \"" + std::string{name} + "\"");
}

template <class T>
Outcome<T> without_date(Outcome<Dated<T>> outcome) {
    if (!outcome) return outcome.error();
    return std::move(outcome->value);
}

/// Reads all pages of a listing. Numbers only grow, so what is made while the pages are read comes last; what is
/// deleted makes all behind it move forward. Read from the last page to the first, nothing moves past the reader.
template <class T>
class Pages {
public:
    Pages(Client& client, Call const& call, std::string path, std::string name, Reader<T> reader)
        : client_(client), call_(call), path_(std::move(path)), name_(std::move(name)), reader_(reader) {}

    Outcome<Dated<std::vector<T>>> all() {
        if (auto refusal = page(1)) return *refusal;
        auto const last = last_;
        if (last > 1) {
            for (auto number = std::min(last, most_pages); number >= 1; --number)
                if (auto refusal = page(number)) return *refusal;
        } else {
            for (auto number = next_; number > 1 && number <= most_pages; number = next_)
                if (auto refusal = page(number)) return *refusal;
        }
        std::vector<T> all;
        for (auto& [id, object] : found_) all.push_back(std::move(object));
        return Dated<std::vector<T>>{std::move(all), now_};
    }

private:
    static constexpr std::int64_t most_pages = 1000;

    std::optional<Refusal> page(std::int64_t number) {
        Question question;
        question.path = path_ + (path_.find('?') == std::string::npos ? "?" : "&") + "page=" + std::to_string(number) +
                        "&per_page=50";
        // Half a listing is worth nothing: whoever may begin one may end it.
        if (begun_) question.urgency = Urgency::vital;
        begun_ = true;
        auto const read = ask_json(client_, call_, question);
        if (!read) return read.error();
        Answer const answer{{}, read->now, read->correlation};
        auto const* const there = member(read->body, name_);
        if (there == nullptr || !there->is_array())
            return unreadable(question, answer, "it has no list of \"" + name_ + "\"");
        for (auto const& each : there->get_array()) {
            auto object = reader_(each);
            if (!object) return unreadable(question, answer, "one of its \"" + name_ + "\" lacks what every one has");
            auto const id = number_in(each, "id");
            found_.insert_or_assign(id, std::move(*object));
        }
        now_ = read->now;
        auto const* const paging = member(read->body, "meta", "pagination");
        last_ = paging == nullptr ? 0 : number_in(*paging, "last_page");
        next_ = paging == nullptr ? 0 : number_in(*paging, "next_page");
        if (next_ <= number) next_ = 0;
        return std::nullopt;
    }

    Client& client_;
    Call const& call_;
    std::string const path_;
    std::string const name_;
    Reader<T> const reader_;
    std::map<std::int64_t, T> found_;
    std::int64_t last_ = 0;
    std::int64_t next_ = 0;
    bool begun_ = false;
    Instant now_{};
};

template <class T>
Outcome<Dated<std::vector<T>>> all_pages(Client& client, Call const& call, std::string path, std::string name,
                                         Reader<T> reader) {
    return Pages<T>{client, call, std::move(path), std::move(name), reader}.all();
}

std::string with_query(std::string path, std::string const& query) {
    return query.empty() ? path : std::move(path) + "?" + query;
}

json::object json_of(Labels const& labels) {
    json::object object;
    for (auto const& [key, value] : labels) object[key] = value;
    return object;
}

json::array json_of(std::vector<Id> const& ids) {
    json::array list;
    for (auto const id : ids) list.emplace_back(id);
    return list;
}

json::array json_of(std::vector<FirewallRule> const& rules) {
    json::array list;
    for (auto const& rule : rules) {
        json::object object{{"direction", rule.direction}, {"protocol", rule.protocol}};
        if (!rule.port.empty()) object["port"] = rule.port;
        json::array sources;
        for (auto const& source : rule.sources) sources.emplace_back(source);
        object["source_ips"] = std::move(sources);
        list.emplace_back(std::move(object));
    }
    return list;
}

std::string json_of(NewServer const& server) {
    json::object body{{"name", server.name},
                      {"server_type", server.type},
                      {"image", server.image},
                      {"location", server.location},
                      {"labels", json_of(server.labels)},
                      {"start_after_create", true},
                      {"automount", false},
                      {"public_net", json::object{{"enable_ipv4", server.ipv4}, {"enable_ipv6", true}}}};
    if (!server.user_data.empty()) body["user_data"] = server.user_data;
    if (!server.ssh_keys.empty()) body["ssh_keys"] = json_of(server.ssh_keys);
    if (!server.networks.empty()) body["networks"] = json_of(server.networks);
    if (server.placement_group) body["placement_group"] = *server.placement_group;
    json::array firewalls;
    for (auto const id : server.firewalls) firewalls.emplace_back(json::object{{"firewall", id}});
    if (!firewalls.empty()) body["firewalls"] = std::move(firewalls);
    return json::serialize(body);
}

Question change(std::string path, json::object const& body) {
    Question question;
    question.method = "POST";
    question.path = std::move(path);
    question.body = json::serialize(body);
    question.effect = Effect::changes;
    question.urgency = Urgency::create;
    return question;
}

}  // namespace

Outcome<Dated<std::vector<ApiServer>>> Api::servers(Call const& call, std::string const& selector) {
    return all_pages(*client_, call, "/servers?label_selector=" + selector + "&sort=id:asc", "servers", &read_server);
}

Outcome<Answer> Api::probe(Call const& call) {
    Question question;
    question.path = "/servers?per_page=1";
    return client_->ask(call, question);
}

Outcome<Dated<std::vector<ApiServer>>> Api::servers_named(Call const& call, std::string const& name, Urgency urgency) {
    Question question;
    question.path = "/servers?name=" + query_encoded(name);
    question.urgency = urgency;
    auto const read = ask_json(*client_, call, question);
    if (!read) return read.error();
    Answer const answer{{}, read->now, read->correlation};
    auto const* const there = member(read->body, "servers");
    if (there == nullptr || !there->is_array()) return unreadable(question, answer, "it has no list of \"servers\"");
    Dated<std::vector<ApiServer>> named{{}, read->now};
    for (auto const& each : there->get_array()) {
        auto server = read_server(each);
        if (!server) return unreadable(question, answer, "one of its \"servers\" lacks what every one has");
        if (server->name == name) named.value.push_back(std::move(*server));
    }
    return named;
}

Outcome<Dated<ApiServer>> Api::server(Call const& call, Id id, Urgency urgency) {
    Question question;
    question.path = "/servers/" + std::to_string(id);
    question.urgency = urgency;
    return ask_for(*client_, call, question, "server", &read_server);
}

Outcome<Dated<MadeServer>> Api::create_server(Call const& call, NewServer const& server) {
    Question question;
    question.method = "POST";
    question.path = "/servers";
    question.body = json_of(server);
    question.effect = Effect::creates;
    question.urgency = Urgency::create;
    question.subject = server.type + " in " + server.location;
    question.patience = 60s;
    auto const read = ask_json(*client_, call, question);
    if (!read) return read.error();
    auto const* const there = member(read->body, "server");
    auto made = there == nullptr ? std::nullopt : read_server(*there);
    if (made && made->name == server.name)
        return Dated<MadeServer>{{std::move(*made), actions_in(read->body)}, read->now};
    return unreadable(question, {{}, read->now, read->correlation}, "it has no server of that name");
}

Outcome<ApiAction> Api::delete_server(Call const& call, Id id) {
    Question question;
    question.method = "DELETE";
    question.path = "/servers/" + std::to_string(id);
    question.effect = Effect::erases;
    question.urgency = Urgency::vital;
    auto const answer = client_->ask(call, question);
    if (!answer) return answer.error();
    // That it was accepted is all that matters; whether it is carried out, listings show.
    auto const parsed = config::parse_json(answer->body);
    auto const actions = parsed ? actions_in(*parsed) : std::vector<ApiAction>{};
    return actions.empty() ? ApiAction{} : actions.front();
}

Outcome<std::vector<MetricSample>> Api::cpu(Call const& call, Id id, Instant from, Instant to) {
    Question question;
    question.path = "/servers/" + std::to_string(id) + "/metrics?type=cpu&start=" + query_encoded(to_api_time(from)) +
                    "&end=" + query_encoded(to_api_time(to));
    auto const read = ask_json(*client_, call, question);
    if (!read) return read.error();
    return samples_in(read->body, "cpu");
}

Outcome<std::vector<ApiAction>> Api::actions(Call const& call, std::vector<Id> const& ids) {
    Question question;
    question.path = "/actions?";
    for (auto const id : ids) question.path += "id=" + std::to_string(id) + "&";
    question.path += "page=1&per_page=50";
    question.only_once = true;
    auto const read = ask_json(*client_, call, question);
    if (!read) return read.error();
    return actions_in(read->body);
}

Outcome<std::vector<ApiAction>> Api::actions_of(Call const& call, Id server) {
    Question question;
    question.path = "/servers/" + std::to_string(server) + "/actions?page=1&per_page=50&sort=id:desc";
    question.only_once = true;
    auto const read = ask_json(*client_, call, question);
    if (!read) return read.error();
    return actions_in(read->body);
}

Outcome<std::vector<ServerType>> Api::server_types(Call const& call, Currency currency) {
    return without_date(all_pages(*client_, call, "/server_types", "server_types",
                                  currency == Currency::EUR ? &read_server_type_in_euro
                                                            : &read_server_type_in_dollar));
}

Outcome<std::map<std::string, std::string>> Api::locations(Call const& call) {
    auto const all = all_pages(*client_, call, "/locations", "locations", &read_location);
    if (!all) return all.error();
    std::map<std::string, std::string> zones;
    for (auto const& location : all->value) zones[location.name] = location.zone;
    return zones;
}

Outcome<std::vector<ApiImage>> Api::images_named(Call const& call, std::string const& name) {
    return without_date(
        all_pages(*client_, call, "/images?name=" + query_encoded(name) + "&status=available", "images", &read_image));
}

Outcome<ApiImage> Api::image(Call const& call, Id id) {
    Question question;
    question.path = "/images/" + std::to_string(id);
    return without_date(ask_for(*client_, call, question, "image", &read_image));
}

Outcome<Pricing> Api::pricing(Call const& call) {
    Question question;
    question.path = "/pricing";
    return without_date(ask_for(*client_, call, question, "pricing", &read_pricing));
}

Outcome<std::vector<ApiSshKey>> Api::ssh_keys(Call const& call, std::string const& query) {
    return without_date(all_pages(*client_, call, with_query("/ssh_keys", query), "ssh_keys", &read_ssh_key));
}

Outcome<ApiSshKey> Api::create_ssh_key(Call const& call, std::string const& name, std::string const& key,
                                       Labels const& labels) {
    auto const question = change("/ssh_keys", {{"name", name}, {"public_key", key}, {"labels", json_of(labels)}});
    return without_date(ask_for(*client_, call, question, "ssh_key", &read_ssh_key));
}

Outcome<std::vector<ApiNetwork>> Api::networks(Call const& call, std::string const& query) {
    return without_date(all_pages(*client_, call, with_query("/networks", query), "networks", &read_network));
}

Outcome<ApiNetwork> Api::create_network(Call const& call, std::string const& name, std::string const& range,
                                        std::string const& zone, Labels const& labels) {
    json::array subnets;
    subnets.emplace_back(json::object{{"type", "cloud"}, {"ip_range", range}, {"network_zone", zone}});
    auto const question = change(
        "/networks", {{"name", name}, {"ip_range", range}, {"subnets", std::move(subnets)}, {"labels", json_of(labels)}});
    return without_date(ask_for(*client_, call, question, "network", &read_network));
}

Outcome<std::vector<ApiFirewall>> Api::firewalls(Call const& call, std::string const& query) {
    return without_date(all_pages(*client_, call, with_query("/firewalls", query), "firewalls", &read_firewall));
}

Outcome<ApiFirewall> Api::create_firewall(Call const& call, std::string const& name,
                                          std::vector<FirewallRule> const& rules, Labels const& labels) {
    auto const question = change("/firewalls", {{"name", name}, {"rules", json_of(rules)}, {"labels", json_of(labels)}});
    return without_date(ask_for(*client_, call, question, "firewall", &read_firewall));
}

Outcome<Answer> Api::set_rules(Call const& call, Id firewall, std::vector<FirewallRule> const& rules) {
    return client_->ask(
        call, change("/firewalls/" + std::to_string(firewall) + "/actions/set_rules", {{"rules", json_of(rules)}}));
}

Outcome<std::vector<ApiPlacementGroup>> Api::placement_groups(Call const& call, std::string const& query) {
    return without_date(
        all_pages(*client_, call, with_query("/placement_groups", query), "placement_groups", &read_placement_group));
}

Outcome<std::vector<ApiBelonging>> Api::primary_ips(Call const& call) {
    return without_date(all_pages(*client_, call, "/primary_ips", "primary_ips", &read_belonging));
}

Outcome<std::vector<ApiBelonging>> Api::volumes(Call const& call) {
    return without_date(all_pages(*client_, call, "/volumes", "volumes", &read_belonging));
}

Outcome<Answer> Api::remove(Call const& call, std::string const& collection, Id id) {
    Question question;
    question.method = "DELETE";
    question.path = "/" + collection + "/" + std::to_string(id);
    question.effect = Effect::erases;
    question.urgency = Urgency::vital;
    auto answer = client_->ask(call, question);
    if (!answer && answer.error().code == "not_found") return Answer{};
    return answer;
}

Outcome<Answer> Api::try_to_write(Call const& call) {
    auto question = change("/ssh_keys", {});
    question.only_once = true;
    return client_->ask(call, question);
}

}  // namespace rgrid::hetzner
