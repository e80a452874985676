#include "adapters/hetzner/ssh_key.hpp"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <rgrid/base/assert.hpp>

namespace rgrid::hetzner {

namespace {

constexpr std::string_view private_begin = "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view private_end = "-----END OPENSSH PRIVATE KEY-----";

std::optional<std::string> bytes_of_base64(std::string_view text) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string compact;
    for (char const c : text)
        if (c != '\n' && c != '\r' && c != ' ') compact += c;
    std::size_t const padding = compact.ends_with("==") ? 2 : compact.ends_with('=') ? 1 : 0;
    if (compact.empty() || compact.size() % 4 != 0 ||
        compact.substr(0, compact.size() - padding).find_first_not_of(alphabet) != std::string::npos)
        return std::nullopt;
    std::string bytes(compact.size() / 4 * 3, '\0');
    auto const size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                      reinterpret_cast<unsigned char const*>(compact.data()),
                                      static_cast<int>(compact.size()));
    if (size < 0) return std::nullopt;
    bytes.resize(bytes.size() - padding);
    return bytes;
}

std::string base64_of_bytes(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    auto const size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<unsigned char const*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

/// The next piece, which has its length in four bytes before it.
std::optional<std::string_view> take_piece(std::string_view& bytes) {
    if (bytes.size() < 4) return std::nullopt;
    std::size_t length = 0;
    for (char const c : bytes.substr(0, 4)) length = length << 8 | static_cast<unsigned char>(c);
    bytes.remove_prefix(4);
    if (length > bytes.size()) return std::nullopt;
    auto const piece = bytes.substr(0, length);
    bytes.remove_prefix(length);
    return piece;
}

std::string fingerprint_of(std::string_view blob) {
    constexpr auto digits = "0123456789abcdef";
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    RGRID_ASSERT(EVP_Digest(blob.data(), blob.size(), bytes.data(), &size, EVP_md5(), nullptr) == 1);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        if (i > 0) text += ':';
        (text += digits[bytes[i] >> 4]) += digits[bytes[i] & 15];
    }
    return text;
}

std::optional<PublicKey> key_of_blob(std::string_view blob) {
    auto rest = blob;
    auto const kind = take_piece(rest);
    if (!kind || kind->empty() || rest.empty() || kind->find_first_of(" \n") != std::string_view::npos)
        return std::nullopt;
    return PublicKey{std::string{*kind} + " " + base64_of_bytes(blob), fingerprint_of(blob)};
}

/// A private key file holds the public key in the clear, even if it has a passphrase.
std::optional<PublicKey> key_of_private(std::string_view text) {
    auto const begin = text.find(private_begin);
    auto const end = text.find(private_end);
    if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return std::nullopt;
    auto const inner = text.substr(begin + private_begin.size(), end - begin - private_begin.size());
    auto const decoded = bytes_of_base64(inner);
    constexpr std::string_view magic{"openssh-key-v1\0", 15};
    if (!decoded || !decoded->starts_with(magic)) return std::nullopt;
    std::string_view bytes{*decoded};
    bytes.remove_prefix(magic.size());
    for (int i = 0; i < 3; ++i)  // Cipher, and how the passphrase is used.
        if (!take_piece(bytes)) return std::nullopt;
    if (bytes.size() < 4) return std::nullopt;
    bytes.remove_prefix(4);  // How many keys.
    auto const blob = take_piece(bytes);
    return blob ? key_of_blob(*blob) : std::nullopt;
}

std::optional<PublicKey> key_of_public(std::string_view text) {
    auto const line = text.substr(0, text.find('\n'));
    auto const space = line.find(' ');
    if (space == std::string_view::npos || text.starts_with("-----")) return std::nullopt;
    auto const rest = line.substr(space + 1);
    auto const blob = bytes_of_base64(rest.substr(0, rest.find_first_of(" \r")));
    auto const key = blob ? key_of_blob(*blob) : std::nullopt;
    return key && key->line.starts_with(std::string{line.substr(0, space)} + " ") ? key : std::nullopt;
}

Result<std::string> text_of_file(std::string const& path) {
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    if (!file)
        return fail(errno == EACCES ? Errc::denied : Errc::rejected,
                    "the SSH key file " + path + " cannot be read (" + std::strerror(errno) +
                        "); expected a public or private key, such as ~/.ssh/id_ed25519.pub: change RGRID_SSH_KEY_PATH or "
                        "ssh_key, or leave it empty");
    std::string text(64 * 1024, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

}  // namespace

Result<PublicKey> read_public_key(std::string_view text, std::string const& path) {
    if (auto const key = key_of_private(text)) return *key;
    if (auto const key = key_of_public(text)) return *key;
    return fail(Errc::rejected,
                "the SSH key file " + path + " holds no SSH key; expected a public key or an OpenSSH private key");
}

Result<PublicKey> load_public_key(std::string const& path) {
    auto const text = text_of_file(path);
    if (!text) return text.error();
    auto key = read_public_key(*text, path);
    if (key || text->find("PRIVATE KEY-----") == std::string::npos) return key;
    if (auto const beside = text_of_file(path + ".pub")) return read_public_key(*beside, path + ".pub");
    return fail(Errc::rejected, "the SSH key file " + path + " is a private key of a form that is not read here; expected " +
                                    path + ".pub beside it");
}

}  // namespace rgrid::hetzner
