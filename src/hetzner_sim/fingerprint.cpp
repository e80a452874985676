#include "hetzner_sim/fingerprint.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace rgrid::hetzner_sim {

namespace {

constexpr std::array<std::string_view, 7> known_types{"ssh-rsa",
                                                      "ssh-ed25519",
                                                      "ecdsa-sha2-nistp256",
                                                      "ecdsa-sha2-nistp384",
                                                      "ecdsa-sha2-nistp521",
                                                      "sk-ssh-ed25519@openssh.com",
                                                      "sk-ecdsa-sha2-nistp256@openssh.com"};

std::string_view next_word(std::string_view& line) {
    constexpr std::string_view spaces = " \t\r\n";
    line.remove_prefix(std::min(line.find_first_not_of(spaces), line.size()));
    auto const word = line.substr(0, line.find_first_of(spaces));
    line.remove_prefix(word.size());
    return word;
}

std::optional<std::string> from_base64(std::string_view text) {
    auto const padding = text.size() - std::min(text.find('='), text.size());
    if (text.empty() || text.size() % 4 != 0 || padding > 2) return std::nullopt;
    std::string bytes(text.size() / 4 * 3, '\0');
    auto const size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<unsigned char const*>(text.data()), static_cast<int>(text.size()));
    if (size < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(size) - padding);
    return bytes;
}

/// The key's first field, whose length precedes it in four bytes, is its type again.
bool begins_with_field(std::string_view key, std::string_view field) {
    if (key.size() <= 4 + field.size() || key.substr(4, field.size()) != field) return false;
    std::size_t size = 0;
    for (char byte : key.substr(0, 4)) size = size * 256 + static_cast<std::uint8_t>(byte);
    return size == field.size();
}

}  // namespace

std::optional<std::string> fingerprint_of(std::string_view public_key) {
    auto line = public_key;
    auto const type = next_word(line);
    auto const key = from_base64(next_word(line));
    bool const known = std::find(known_types.begin(), known_types.end(), type) != known_types.end();
    if (!known || !key || !begins_with_field(*key, type)) return std::nullopt;

    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(key->data(), key->size(), digest.data(), &size, EVP_md5(), nullptr) != 1) return std::nullopt;
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        constexpr std::string_view digits = "0123456789abcdef";
        if (i > 0) text += ':';
        text += digits[digest[i] / 16];
        text += digits[digest[i] % 16];
    }
    return text;
}

}  // namespace rgrid::hetzner_sim
