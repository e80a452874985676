#include <algorithm>
#include <rgrid/adapters/http/message.hpp>

#include "adapters/http/head.hpp"

namespace rgrid::http {

std::string const* find_header(std::vector<Header> const& headers, std::string_view name) {
    auto const found = std::ranges::find_if(headers, [&](Header const& header) { return same_name(header.name, name); });
    return found == headers.end() ? nullptr : &found->value;
}

Response text_response(int status, std::string text) {
    return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(text) + "\n", {}};
}

bool is_sendable(Header const& header) {
    auto const allowed = [](char c) {
        auto const byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
    };
    return is_token(header.name) && std::ranges::all_of(header.value, allowed);
}

}  // namespace rgrid::http
