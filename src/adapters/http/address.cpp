#include "adapters/http/address.hpp"

#include <algorithm>
#include <charconv>
#include <rgrid/base/text.hpp>

#include "adapters/http/tls.hpp"

namespace rgrid::http {

namespace {

bool is_host(std::string const& host) {
    auto const allowed = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
               c == '_';
    };
    if (host.find(':') != std::string::npos) return is_numeric_address(host);
    return !host.empty() && host.size() < 256 && std::ranges::all_of(host, allowed);
}

}  // namespace

Result<HostPort> parse_host_port(std::string const& what, std::string const& text, int default_port) {
    auto const bad = [&] {
        return fail(Errc::rejected, what + " is \"" + printable(text) +
                                        "\"; expected a host and a port, such as 127.0.0.1:8443 or [::1]:8443");
    };
    HostPort result;
    std::string rest;
    if (text.starts_with('[')) {
        auto const end = text.find(']');
        if (end == std::string::npos) return bad();
        result.host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
        if (result.host.find(':') == std::string::npos) return bad();
    } else {
        auto const end = std::min(text.find(':'), text.size());
        result.host = text.substr(0, end);
        rest = text.substr(end);
    }
    if (!is_host(result.host)) return bad();
    if (rest.empty() && default_port > 0) {
        result.port = static_cast<std::uint16_t>(default_port);
        return result;
    }
    if (!rest.starts_with(':')) return bad();
    auto const [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), result.port);
    if (error != std::errc{} || end != rest.data() + rest.size()) return bad();
    return result;
}

Result<Url> parse_url(std::string const& text) {
    Url url;
    auto const scheme_end = text.find("://");
    auto const scheme = text.substr(0, scheme_end);
    auto rest = scheme_end == std::string::npos ? std::string{} : text.substr(scheme_end + 3);
    if (rest.ends_with('/')) rest.pop_back();
    // Whatever stands before an @ may be a password, so the text is not shown.
    if (text.find('@') != std::string::npos)
        return fail(Errc::rejected, "the URL names a user; expected https://host:port and no more");
    if ((scheme != "https" && scheme != "http") || rest.empty() || rest.find_first_of("/?#") != std::string::npos)
        return fail(Errc::rejected, "the URL is \"" + printable(text) + "\"; expected https://host:port and no more");
    url.tls = scheme == "https";
    int const own_port = url.tls ? 443 : 80;
    auto at = parse_host_port("the host of the URL", rest, own_port);
    if (!at) return at.error();
    if (at->port == 0) return fail(Errc::rejected, "the URL is \"" + printable(text) + "\"; expected a port from 1");
    url.at = *at;
    url.host_header = url.at.host.find(':') != std::string::npos ? "[" + url.at.host + "]" : url.at.host;
    if (url.at.port != own_port) url.host_header += ":" + std::to_string(url.at.port);
    return url;
}

}  // namespace rgrid::http
