#include "adapters/hetzner/boot_spec.hpp"

#include <algorithm>
#include <rgrid/base/text.hpp>
#include <string>
#include <string_view>

namespace rgrid::hetzner {

namespace {

constexpr std::string_view letters_and_digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool consists_of(std::string_view text, std::string_view more) {
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return letters_and_digits.find(c) != text.npos || more.find(c) != text.npos;
    });
}

bool is_printable_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

/// What may go to the outside in the clear: nothing but what stays on this machine.
bool is_safe_url(std::string_view url) {
    if (!is_printable_ascii(url) || url.find(' ') != url.npos) return false;
    if (url.starts_with("https://")) return url.size() > std::string_view{"https://"}.size();
    for (std::string_view const local : {"http://127.0.0.1", "http://localhost", "http://[::1]"})
        if (url.starts_with(local) &&
            (url.size() == local.size() || url[local.size()] == ':' || url[local.size()] == '/'))
            return true;
    return false;
}

bool is_sha256(std::string_view text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

bool is_pem(std::string_view text) {
    return text.find("-----BEGIN CERTIFICATE-----") != text.npos && text.find("PRIVATE KEY-----") == text.npos &&
           std::ranges::all_of(
               text, [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t'; });
}

Error unusable(std::string const& what, std::string_view found, std::string const& expected) {
    return fail(Errc::rejected, what + " is '" + printable(found) + "'; expected " + expected);
}

Result<> check_agent(BootSpec const& spec) {
    if (spec.agent_path.empty() == spec.agent_sha256.empty())
        return fail(Errc::rejected, "the agent of '" + printable(spec.server.value) + "' has " +
                                        (spec.agent_path.empty() ? "neither" : "both") +
                                        " a SHA-256 to be fetched by and a path in the image; expected one of them");
    if (!spec.agent_path.empty()) {
        if (!spec.agent_path.starts_with('/') || !consists_of(spec.agent_path, "/._+-"))
            return unusable("the agent's path in the image", spec.agent_path,
                            "an absolute path of letters, digits and ._+-");
        return {};
    }
    if (!is_sha256(spec.agent_sha256))
        return unusable("the agent's SHA-256", spec.agent_sha256, "64 hexadecimal digits in lower case");
    if (!spec.agent_url.empty() && !is_safe_url(spec.agent_url))
        return unusable("the agent's URL", spec.agent_url, "https://HOST:PORT/PATH, or http:// on a loopback address");
    return {};
}

Result<> check_jobs(BootSpec const& spec) {
    for (auto const& image : spec.images)
        if (!consists_of(image, "._:/@-") || image.front() == '-')
            return unusable("an image of pool '" + printable(spec.pool.value) + "'", image,
                            "a name such as python:3.11-slim");
    if (!spec.private_interface.empty() &&
        (!consists_of(spec.private_interface, "._-") || spec.private_interface.size() > 15))
        return unusable("the private network's interface", spec.private_interface, "a name such as enp7s0");
    if (!spec.ray) return {};
    if (!consists_of(spec.ray->head, ".:[]-") || spec.ray->head.find(':') == std::string::npos)
        return unusable("the head of the Ray cluster", spec.ray->head, "HOST:PORT");
    if (!consists_of(spec.ray->version, ".+-"))
        return unusable("the version of Ray", spec.ray->version, "one such as 2.40.0");
    return {};
}

}  // namespace

Result<> check_spec(BootSpec const& spec) {
    if (!consists_of(spec.server.value, ".-"))
        return unusable("the server's name", spec.server.value, "letters, digits, '-' and '.'");
    if (!is_printable_ascii(spec.fleet.value)) return unusable("the fleet's name", spec.fleet.value, "printable ASCII");
    if (!is_printable_ascii(spec.pool.value)) return unusable("the pool's name", spec.pool.value, "printable ASCII");
    if (spec.slots < 1) return unusable("the number of slots", std::to_string(spec.slots), "1 or more");
    if (!is_safe_url(spec.gateway))
        return unusable("the gateway's URL", spec.gateway, "https://HOST:PORT, or http:// on a loopback address");
    if (spec.token.empty() || !is_printable_ascii(spec.token.reveal()))
        return fail(Errc::rejected,
                    "the token of '" + spec.server.value + "' " +
                        (spec.token.empty() ? "is empty" : "holds a character that is not printable ASCII") +
                        "; its agent cannot work without one");
    if (!spec.ca.empty() && !is_pem(spec.ca))
        return fail(Errc::rejected,
                    "the authorities that '" + spec.server.value + "' is to believe are no certificates in PEM");
    if (auto const agent = check_agent(spec); !agent) return agent;
    return check_jobs(spec);
}

}  // namespace rgrid::hetzner
