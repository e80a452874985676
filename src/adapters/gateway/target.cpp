#include "adapters/gateway/target.hpp"

#include <rgrid/base/text.hpp>

namespace rgrid::gateway {

namespace {

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

/// The text up to `end`, which is taken off with it.
std::string_view take_up_to(char end, std::string_view& text) {
    auto const at = text.find(end);
    auto const part = text.substr(0, at);
    text.remove_prefix(at == text.npos ? text.size() : at + 1);
    return part;
}

}  // namespace

std::string percent_encoded(std::string_view text) {
    constexpr auto digits = "0123456789ABCDEF";
    std::string encoded;
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        if (is_plain(c)) encoded += c;
        else ((encoded += '%') += digits[byte >> 4]) += digits[byte & 15];
    }
    return encoded;
}

std::optional<Target> parse_target(std::string_view text) {
    if (!text.starts_with('/')) return std::nullopt;
    text.remove_prefix(1);
    auto query = text;
    auto path = take_up_to('?', query);
    Target target;
    bool more = true;
    while (more) {
        more = path.find('/') != path.npos;
        auto part = percent_decoded(take_up_to('/', path));
        if (!part) return std::nullopt;
        target.path.push_back(std::move(*part));
    }
    while (!query.empty()) {
        auto value = take_up_to('&', query);
        auto const name = percent_decoded(take_up_to('=', value));
        auto const plain = percent_decoded(value);
        if (!name || !plain || !target.query.emplace(*name, *plain).second) return std::nullopt;
    }
    return target;
}

}  // namespace rgrid::gateway
