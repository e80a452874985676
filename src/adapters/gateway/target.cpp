#include "adapters/gateway/target.hpp"

namespace rgrid::gateway {

namespace {

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> decoded(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            plain += text[i];
            continue;
        }
        if (text.size() - i < 3 || digit_of(text[i + 1]) < 0 || digit_of(text[i + 2]) < 0) return std::nullopt;
        plain += static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
        i += 2;
    }
    return plain;
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
        auto part = decoded(take_up_to('/', path));
        if (!part) return std::nullopt;
        target.path.push_back(std::move(*part));
    }
    while (!query.empty()) {
        auto value = take_up_to('&', query);
        auto const name = decoded(take_up_to('=', value));
        auto const plain = decoded(value);
        if (!name || !plain || !target.query.emplace(*name, *plain).second) return std::nullopt;
    }
    return target;
}

}  // namespace rgrid::gateway
