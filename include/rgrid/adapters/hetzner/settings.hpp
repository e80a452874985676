#pragma once

#include <boost/describe/class.hpp>
#include <optional>
#include <rgrid/base/field.hpp>
#include <rgrid/base/secret.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <tuple>
#include <vector>

namespace rgrid::hetzner {

/// Servers of a Hetzner Cloud project.
struct ProviderSettings {
    Secret token;
    std::string url = "https://api.hetzner.cloud/v1";
    std::string ca;
    std::vector<std::string> types{"cx23"};
    std::vector<std::string> locations{"nbg1", "fsn1", "hel1"};
    std::string image = "ubuntu-24.04";
    std::string ssh_key;
    std::vector<std::string> ssh_from;
    bool ipv4 = true;
    std::string network = "own";
    std::string network_range = "10.73.0.0/16";
    std::string firewall = "own";
    std::string placement_group;
    Duration catalogue_time = 10min;

    static constexpr auto rules = std::tuple{
        field(&ProviderSettings::token,
              "The project's API token, with the right to read and write; best as \"env:HETZNER_API_TOKEN\" or "
              "\"file:PATH\"."),
        field(&ProviderSettings::url, "Where the API is; plain http on loopback addresses only."),
        field(&ProviderSettings::ca, "PEM file with the authorities to believe; empty: the system's."),
        field(&ProviderSettings::types, "The server types that may be rented."),
        field(&ProviderSettings::locations, "The locations in which servers may be rented."),
        field(&ProviderSettings::image, "Name of the system image, or number of an image or snapshot of your own."),
        field(&ProviderSettings::ssh_key,
              "File with a public or private SSH key that may log in to servers; empty: none, and nobody can log in."),
        field(&ProviderSettings::ssh_from,
              "Networks from which the firewall of our own lets SSH in, as \"203.0.113.0/24\"; empty: from nowhere."),
        field(&ProviderSettings::ipv4, "Whether servers have a public IPv4 address, which costs extra."),
        field(&ProviderSettings::network,
              "\"own\": a private network in each zone, made and kept by RGrid; \"none\"; or the name of yours."),
        field(&ProviderSettings::network_range, "The addresses of private networks of our own."),
        field(&ProviderSettings::firewall,
              "\"own\": one that lets nothing in but SSH from ssh_from, made and kept by RGrid; \"none\"; or the name of "
              "yours."),
        field(&ProviderSettings::placement_group,
              "Name of a placement group of yours; servers beyond its ten places go without. Empty: none."),
        field(&ProviderSettings::catalogue_time, "How long types, prices and images are believed before they are read again.",
              1s, 24h)};

    friend bool operator==(ProviderSettings const&, ProviderSettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(ProviderSettings, (),
                      (token, url, ca, types, locations, image, ssh_key, ssh_from, ipv4, network, network_range, firewall,
                       placement_group, catalogue_time))

}  // namespace rgrid::hetzner
