#include "hetzner_sim/firewall_rules.hpp"

#include <array>

#include "hetzner_sim/ip_range.hpp"

namespace rgrid::hetzner_sim {

namespace {

constexpr std::size_t most_rules = 50;
constexpr std::size_t longest_description = 255;
constexpr std::int64_t last_port = 65'535;

template <std::size_t Size>
std::string one_of(Members const& rule, std::string_view name, std::array<std::string_view, Size> const& known) {
    auto text = rule.needed_text(name);
    for (auto one : known)
        if (one == text) return text;
    rule.refuse(name, "Not one of the known values.");
}

bool is_port(std::string_view text) {
    auto const number = parse_number(text);
    return number && *number >= 1 && *number <= last_port;
}

/// "80", "80-85" or "any".
bool is_port_range(std::string_view text) {
    auto const dash = text.find('-');
    if (dash == std::string_view::npos) return text == "any" || is_port(text);
    auto const first = text.substr(0, dash), last = text.substr(dash + 1);
    return is_port(first) && is_port(last) && *parse_number(first) <= *parse_number(last);
}

json::array ip_ranges(Members const& rule, std::string_view name, bool needed) {
    json::array ranges;
    for (auto const& text : rule.texts(name)) {
        if (!is_any_range(text)) rule.refuse(name, "Not a valid CIDR: " + text);
        ranges.push_back(json::value(text));
    }
    if (needed && ranges.empty()) rule.refuse(name, "Missing data for required field.");
    return ranges;
}

json::value port_of(Members const& rule, std::string const& protocol) {
    auto const port = rule.text("port");
    bool const needed = protocol == "tcp" || protocol == "udp";
    if (needed && (!port || !is_port_range(*port))) rule.refuse("port", "Not a valid port or range of ports.");
    if (!needed && port) rule.refuse("port", "Only for the protocols tcp and udp.");
    return port ? json::value(*port) : json::value(nullptr);
}

json::object firewall_rule(Members const& rule) {
    json::object shown;
    auto const direction = one_of<2>(rule, "direction", {"in", "out"});
    auto const protocol = one_of<5>(rule, "protocol", {"tcp", "udp", "icmp", "esp", "gre"});
    auto const description = rule.text("description");
    if (description && description->size() > longest_description) rule.refuse("description", "Longer than 255.");
    shown["direction"] = direction;
    shown["protocol"] = protocol;
    shown["port"] = port_of(rule, protocol);
    shown["source_ips"] = ip_ranges(rule, "source_ips", direction == "in");
    shown["destination_ips"] = ip_ranges(rule, "destination_ips", direction == "out");
    shown["description"] = description ? json::value(*description) : json::value(nullptr);
    return shown;
}

}  // namespace

json::array firewall_rules(Members const& members) {
    auto const given = members.objects("rules");
    if (given.size() > most_rules) members.refuse("rules", "Longer than maximum length 50.");
    json::array rules;
    for (auto const& rule : given) rules.push_back(firewall_rule(rule));
    return rules;
}

}  // namespace rgrid::hetzner_sim
