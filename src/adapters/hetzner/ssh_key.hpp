#pragma once

#include <rgrid/base/result.hpp>
#include <string>
#include <string_view>

namespace rgrid::hetzner {

struct PublicKey {
    std::string line;         ///< "ssh-ed25519 AAAA...", without a comment.
    std::string fingerprint;  ///< MD5 of the key, as the API tells it: "b7:2f:30:...".
};

/// The public key that a public key file or an OpenSSH private key file holds. Pure. `path` is for messages.
/// Errors: `rejected` (it is neither).
[[nodiscard]] Result<PublicKey> read_public_key(std::string_view text, std::string const& path);

/// As read_public_key, from a file; beside a private key of another form its ".pub" is looked for.
/// Errors: `rejected` (no such file, or no key), `denied` (it may not be read).
[[nodiscard]] Result<PublicKey> load_public_key(std::string const& path);

}  // namespace rgrid::hetzner
