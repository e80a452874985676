#pragma once

#include <cstdint>
#include <optional>
#include <rgrid/base/money.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace rgrid::hetzner_sim {

struct Location {
    std::int64_t id = 0;
    std::string name;
    std::string description;
    std::string country;
    std::string city;
    double latitude = 0;
    double longitude = 0;
    std::string network_zone;
    std::int64_t datacenter_id = 0;  ///< Of the only data centre there, which is no longer told without being asked to.
    std::string datacenter;
};

/// When it was said that something goes, and from when it cannot be ordered any more.
struct Deprecation {
    Instant announced{};
    Instant unavailable_after{};
};

/// What a server type costs at a location; net, without a public IPv4 address.
struct TypeAtLocation {
    std::string location;
    Money hourly;
    Money monthly;
    std::int64_t included_traffic = 0;  ///< Bytes a month.
    Money per_tb_traffic;
    bool recommended = true;
    std::optional<Deprecation> deprecation;
};

struct ServerType {
    std::int64_t id = 0;
    std::string name;
    std::string category;
    int cores = 0;
    double memory = 0;  ///< GB.
    int disk = 0;       ///< GB.
    std::string cpu_type;
    std::string architecture;
    std::vector<TypeAtLocation> locations;

    /// What holds for it at a location, or null if there it is not to be had.
    [[nodiscard]] TypeAtLocation const* at(std::string_view location) const;
};

struct Image {
    std::int64_t id = 0;
    std::string type = "system";
    std::string name;
    std::string description;
    std::string os_flavor;
    std::optional<std::string> os_version;
    std::string architecture = "x86";
    int disk_size = 5;  ///< GB.
    Instant created{};
    bool rapid_deploy = true;
    std::optional<Deprecation> deprecation;
};

/// What can be ordered. A value: change it as you like before a simulator is made of it.
///
/// Names, ids and sizes are those of the real cloud as far as they are known; prices are near to real ones, and nothing
/// to rely on.
struct Catalogue {
    std::vector<Location> locations;
    std::vector<ServerType> types;
    std::vector<Image> images;  ///< Those of one name: first the one for x86, since old clients take the first.
    Money ipv4_hourly{800'000};
    Money ipv4_monthly{500'000'000};
    int vat_percent = 19;

    /// Each by its id, written as a number, or by its name; null if there is none.
    [[nodiscard]] Location const* location(std::string_view reference) const;
    [[nodiscard]] ServerType const* type(std::string_view reference) const;
    /// A name stands for the image of that architecture; an id for that very image.
    [[nodiscard]] Image const* image(std::string_view reference, std::string_view architecture) const;
};

/// The catalogue as of autumn 2026.
[[nodiscard]] Catalogue standard_catalogue();

}  // namespace rgrid::hetzner_sim
