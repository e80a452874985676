#include "adapters/gateway/codes.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <fstream>
#include <rgrid/base/assert.hpp>

namespace rgrid::gateway {

namespace {

std::string to_hex(unsigned char const* bytes, std::size_t size) {
    constexpr auto digits = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < size; ++i) (text += digits[bytes[i] >> 4]) += digits[bytes[i] & 15];
    return text;
}

unsigned char const* as_bytes(std::string_view text) { return reinterpret_cast<unsigned char const*>(text.data()); }

}  // namespace

void Digest::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

Digest::Digest() : context_{EVP_MD_CTX_new()} {
    RGRID_ASSERT(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Digest::add(std::string_view bytes) {
    RGRID_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Digest::finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    RGRID_ASSERT(EVP_DigestFinal_ex(context_.get(), bytes.data(), &size) == 1);
    return to_hex(bytes.data(), size);
}

std::optional<std::string> digest_of_file(std::string const& path) {
    std::ifstream file{path, std::ios::binary};
    Digest digest;
    std::string piece(64 * 1024, '\0');
    while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0)
        digest.add(std::string_view{piece}.substr(0, static_cast<std::size_t>(file.gcount())));
    if (!file.eof()) return std::nullopt;
    return digest.finish();
}

std::string signature(Secret const& secret, std::initializer_list<std::string_view> parts) {
    std::string message;
    for (auto const part : parts) ((message += std::to_string(part.size())) += ':') += part;
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    auto const& key = secret.reveal();
    RGRID_ASSERT(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), as_bytes(message), message.size(),
                      bytes.data(), &size) != nullptr);
    return to_hex(bytes.data(), size);
}

bool same_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string to_base64(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    auto const size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), as_bytes(bytes),
                                      static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    auto const padding = text.ends_with("==") ? 2u : text.ends_with('=') ? 1u : 0u;
    if (text.size() % 4 != 0 || text.substr(0, text.size() - padding).find_first_not_of(alphabet) != text.npos)
        return std::nullopt;
    std::string bytes(text.size() / 4 * 3, '\0');
    auto const size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), as_bytes(text),
                                      static_cast<int>(text.size()));
    if (size < 0) return std::nullopt;
    bytes.resize(bytes.size() - padding);
    return bytes;
}

}  // namespace rgrid::gateway
