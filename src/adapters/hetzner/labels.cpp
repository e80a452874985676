#include "adapters/hetzner/labels.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <rgrid/base/assert.hpp>
#include <rgrid/base/text.hpp>

#include "adapters/hetzner/api_text.hpp"

namespace rgrid::hetzner {

namespace {

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Half of the SHA-256 of what makes a request this one.
std::string request_id(ServerRequest const& request) {
    constexpr auto digits = "0123456789abcdef";
    std::string text;
    for (auto const& part : {request.fleet.value, request.name.value, request.store.value,
                             std::to_string(request.generation.value)})
        ((text += std::to_string(part.size())) += ':') += part;
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    RGRID_ASSERT(EVP_Digest(text.data(), text.size(), bytes.data(), &size, EVP_sha256(), nullptr) == 1);
    std::string id;
    for (std::size_t i = 0; i < 16; ++i) (id += digits[bytes[i] >> 4]) += digits[bytes[i] & 15];
    return id;
}

std::string label_in(Labels const& labels, char const* key) {
    auto const found = labels.find(key);
    return found == labels.end() ? std::string{} : found->second;
}

ServerStatus status_of(std::string const& status) {
    if (status == "initializing" || status == "starting") return ServerStatus::starting;
    if (status == "running") return ServerStatus::running;
    if (status == "stopping" || status == "off") return ServerStatus::stopped;
    if (status == "deleting") return ServerStatus::deleting;
    return ServerStatus::unknown;
}

}  // namespace

bool is_hostname(std::string_view name) {
    if (name.empty() || name.size() > 63) return false;
    bool at_edge = true;  // Of one part.
    for (std::size_t i = 0; i < name.size(); ++i) {
        bool const ends = i + 1 == name.size() || name[i + 1] == '.';
        if (name[i] == '.') {
            if (at_edge) return false;
            at_edge = true;
            continue;
        }
        if (!is_letter_or_digit(name[i]) && !(name[i] == '-' && !at_edge && !ends)) return false;
        at_edge = false;
    }
    return !at_edge;
}

bool is_label_value(std::string_view value) {
    if (value.empty()) return true;
    return value.size() <= 63 && is_letter_or_digit(value.front()) && is_letter_or_digit(value.back()) &&
           std::ranges::all_of(value, [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; });
}

Result<Labels> labels_of(ServerRequest const& request) {
    Labels const labels{{fleet_label, request.fleet.value},
                        {pool_label, request.pool.value},
                        {store_label, request.store.value},
                        {generation_label, std::to_string(request.generation.value)},
                        {request_label, request_id(request)}};
    for (auto const& [key, value] : labels)
        if (!is_label_value(value))
            return fail(Errc::rejected, "\"" + printable(value) + "\" cannot be the label " + key +
                                            " of a server; expected at most 63 letters, digits, \"-\", \"_\" and \".\"");
    return labels;
}

Labels labels_of(FleetId const& fleet) { return {{fleet_label, fleet.value}}; }

std::string selector_of(FleetId const& fleet) { return query_encoded(std::string{fleet_label} + "=" + fleet.value); }

bool is_of(Labels const& labels, FleetId const& fleet) {
    return !fleet.empty() && label_in(labels, fleet_label) == fleet.value;
}

bool is_made_for(Labels const& labels, ServerRequest const& request) {
    return is_of(labels, request.fleet) && label_in(labels, request_label) == request_id(request);
}

Server to_server(ApiServer const& server, Instant now) {
    Server shown;
    shown.id = ServerId{std::to_string(server.id)};
    shown.name = ServerName{server.name};
    shown.pool = PoolName{label_in(server.labels, pool_label)};
    shown.offer = {server.type, server.location};
    shown.status = status_of(server.status);
    shown.age = std::max(now - server.created, Duration{0});
    shown.store = StoreId{label_in(server.labels, store_label)};
    auto const generation = label_in(server.labels, generation_label);
    std::from_chars(generation.data(), generation.data() + generation.size(), shown.generation.value);
    return shown;
}

}  // namespace rgrid::hetzner
