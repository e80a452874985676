#pragma once

#include <boost/describe/class.hpp>
#include <optional>
#include <rgrid/base/field.hpp>
#include <rgrid/base/money.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <tuple>
#include <vector>

namespace rgrid::process {

/// A kind of local server. Its price is a fiction that makes decisions and bills look as they would in a cloud.
struct OfferSettings {
    std::string type = "local";
    std::string location = "here";
    Money price{6'400'000};
    Duration period = 1h;
    std::optional<int> capacity;

    static constexpr auto rules = std::tuple{
        field(&OfferSettings::type, "Name of the server type."),
        field(&OfferSettings::location, "Name of the location."),
        field(&OfferSettings::price, "What one paid period costs in decisions and bills."),
        field(&OfferSettings::period, "The paid period; every started one counts in full.", 1s, 8760h),
        field(&OfferSettings::capacity, "At most this many servers exist at a time; further creates are refused.")};

    friend bool operator==(OfferSettings const&, OfferSettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(OfferSettings, (), (type, location, price, period, capacity))

/// Servers that are groups of processes on this machine.
struct ProviderSettings {
    std::string folder;
    Duration boot_delay = 0s;
    Duration stop_grace = 3s;
    std::vector<OfferSettings> offers{OfferSettings{}};

    static constexpr auto rules = std::tuple{
        field(&ProviderSettings::folder, "Where the servers' records and agents' logs are kept."),
        field(&ProviderSettings::boot_delay, "How long a new server takes before its agent starts.", 0s, 1h),
        field(&ProviderSettings::stop_grace,
              "When a server is deleted, its agent and then all its processes are asked to end; what is left after "
              "this long is killed.",
              0s, 10min),
        field(&ProviderSettings::offers, "The kinds of servers that can be had.")};

    friend bool operator==(ProviderSettings const&, ProviderSettings const&) = default;
};
BOOST_DESCRIBE_STRUCT(ProviderSettings, (), (folder, boot_delay, stop_grace, offers))

}  // namespace rgrid::process
