#include <rgrid/hetzner_sim/catalogue.hpp>

namespace rgrid::hetzner_sim {

namespace {

constexpr std::int64_t terabyte = std::int64_t{1} << 40;
constexpr std::int64_t hours_until_cap = 624;

Instant day(int year, unsigned month, unsigned day_of_month) {
    return std::chrono::sys_days{std::chrono::year{year} / static_cast<int>(month) / static_cast<int>(day_of_month)};
}

/// An hour's part of what a month costs at most, to four decimals.
Money hourly_of(Money monthly) {
    constexpr std::int64_t step = 100'000;
    return {(monthly.nanos / hours_until_cap + step / 2) / step * step, monthly.currency};
}

struct Zone {
    std::vector<std::string> locations;
    std::int64_t traffic_divisor = 1;
    Money per_tb_traffic{1'000'000'000};
};

Zone europe() {
    return {{"fsn1", "nbg1", "hel1"}};
}
Zone america() {
    return {{"ash", "hil"}, 10};
}
Zone asia() {
    return {{"sin"}, 20, Money{7'400'000'000}};
}

struct Line {
    std::int64_t id;
    std::string name;
    int cores;
    double memory;
    int disk;
    int cents_a_month;
    int terabytes = 20;
};

struct Family {
    std::string category;
    std::string cpu_type = "shared";
    std::string architecture = "x86";
    std::vector<Zone> zones;
    std::optional<Deprecation> deprecation{};
};

ServerType type_of(Family const& family, Line const& line) {
    ServerType type{line.id,   line.name,       family.category,     line.cores, line.memory,
                    line.disk, family.cpu_type, family.architecture, {}};
    Money const monthly{std::int64_t{line.cents_a_month} * 10'000'000};
    for (auto const& zone : family.zones)
        for (auto const& location : zone.locations)
            type.locations.push_back({location, hourly_of(monthly), monthly,
                                      line.terabytes * terabyte / zone.traffic_divisor, zone.per_tb_traffic,
                                      !family.deprecation, family.deprecation});
    return type;
}

std::vector<ServerType> standard_types() {
    Deprecation const gone{day(2025, 10, 16), day(2025, 12, 31)};
    std::vector<ServerType> types;
    auto add = [&](Family const& family, std::vector<Line> const& lines) {
        for (auto const& line : lines) types.push_back(type_of(family, line));
    };
    add({"regular_performance", "shared", "x86", {america()}}, {{22, "cpx11", 2, 2, 40, 1749},
                                                                {23, "cpx21", 3, 4, 80, 3199},
                                                                {24, "cpx31", 4, 8, 160, 5899},
                                                                {25, "cpx41", 8, 16, 240, 10'999},
                                                                {26, "cpx51", 16, 32, 360, 22'499}});
    add({"cost_optimized", "shared", "arm", {europe()}}, {{45, "cax11", 2, 4, 40, 599},
                                                          {93, "cax21", 4, 8, 80, 1049},
                                                          {94, "cax31", 8, 16, 160, 2049},
                                                          {95, "cax41", 16, 32, 320, 4049}});
    add({"general_purpose", "dedicated", "x86", {europe(), america(), asia()}},
        {{96, "ccx13", 2, 8, 80, 4299},
         {97, "ccx23", 4, 16, 160, 8549},
         {98, "ccx33", 8, 32, 240, 16'999, 30},
         {99, "ccx43", 16, 64, 360, 33'999, 40},
         {100, "ccx53", 32, 128, 600, 67'999, 50},
         {101, "ccx63", 48, 192, 960, 101'999, 60}});
    add({"cost_optimized", "shared", "x86", {europe()}, gone}, {{104, "cx22", 2, 4, 40, 549},
                                                                {105, "cx32", 4, 8, 80, 849},
                                                                {106, "cx42", 8, 16, 160, 1699},
                                                                {107, "cx52", 16, 32, 320, 3199}});
    add({"regular_performance", "shared", "x86", {europe(), asia()}}, {{108, "cpx12", 1, 2, 40, 1149},
                                                                       {109, "cpx22", 2, 4, 80, 1949},
                                                                       {110, "cpx32", 4, 8, 160, 3549},
                                                                       {111, "cpx42", 8, 16, 320, 6949},
                                                                       {112, "cpx52", 12, 24, 480, 9999},
                                                                       {113, "cpx62", 16, 32, 640, 12'999}});
    add({"cost_optimized", "shared", "x86", {europe()}}, {{114, "cx23", 2, 4, 40, 549},
                                                          {115, "cx33", 4, 8, 80, 849},
                                                          {116, "cx43", 8, 16, 160, 1599},
                                                          {117, "cx53", 16, 32, 320, 2949}});
    return types;
}

std::vector<Location> standard_locations() {
    return {
        {1, "fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", 50.47612, 12.370071, "eu-central", 4, "fsn1-dc14"},
        {2, "nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", 49.452102, 11.076665, "eu-central", 2, "nbg1-dc3"},
        {3, "hel1", "Helsinki DC Park 1", "FI", "Helsinki", 60.169855, 24.938379, "eu-central", 3, "hel1-dc2"},
        {4, "ash", "Ashburn, VA", "US", "Ashburn, VA", 39.045821, -77.487073, "us-east", 5, "ash-dc1"},
        {5, "hil", "Hillsboro, OR", "US", "Hillsboro, OR", 45.54222, -122.951924, "us-west", 6, "hil-dc1"},
        {6, "sin", "Singapore", "SG", "Singapore", 1.283333, 103.833333, "ap-southeast", 7, "sin-dc1"}};
}

/// One image for each architecture.
struct Pair {
    std::int64_t x86_id;
    std::int64_t arm_id;
    std::string name;
    std::string description;
    std::string os_flavor;
    std::optional<std::string> os_version;
    Instant created;
    std::string type = "system";
    std::optional<Deprecation> deprecation{};
};

std::vector<Image> standard_images() {
    Deprecation const old{day(2025, 5, 31), day(2025, 8, 31)};
    std::vector<Pair> const pairs{
        {15512617, 103908130, "ubuntu-20.04", "Ubuntu 20.04", "ubuntu", "20.04", day(2020, 4, 23), "system", old},
        {67794396, 103907373, "ubuntu-22.04", "Ubuntu 22.04", "ubuntu", "22.04", day(2022, 4, 21)},
        {161547269, 161547270, "ubuntu-24.04", "Ubuntu 24.04", "ubuntu", "24.04", day(2024, 4, 25)},
        {45557056, 103908028, "debian-11", "Debian 11", "debian", "11", day(2021, 8, 16)},
        {114690387, 114690389, "debian-12", "Debian 12", "debian", "12", day(2023, 6, 13)},
        {310557660, 310557662, "debian-13", "Debian 13", "debian", "13", day(2025, 8, 11)},
        {69726282, 103907940, "rocky-9", "Rocky Linux 9", "rocky", "9", day(2022, 7, 15)},
        {76766499, 103908022, "alma-9", "AlmaLinux OS 9", "alma", "9", day(2022, 8, 26)},
        {45557057, 103907942, "centos-stream-9", "CentOS Stream 9", "centos", "stream9", day(2022, 3, 29)},
        {310557664, 310557666, "fedora-42", "Fedora 42", "fedora", "42", day(2025, 4, 15)},
        {40093247, 105888141, "docker-ce", "Docker CE", "ubuntu", "24.04", day(2021, 6, 9), "app"}};
    std::vector<Image> images;
    for (auto const& pair : pairs)
        for (bool const arm : {false, true})
            images.push_back({arm ? pair.arm_id : pair.x86_id, pair.type, pair.name, pair.description, pair.os_flavor,
                              pair.os_version, arm ? "arm" : "x86", pair.type == "app" ? 40 : 5, pair.created,
                              pair.type == "system", pair.deprecation});
    return images;
}

}  // namespace

Catalogue standard_catalogue() {
    Catalogue catalogue;
    catalogue.locations = standard_locations();
    catalogue.types = standard_types();
    catalogue.images = standard_images();
    return catalogue;
}

}  // namespace rgrid::hetzner_sim
