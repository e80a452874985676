#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rgrid::hetzner_sim {

/// MD5 of the key in a line of an OpenSSH public key file, as hexadecimal bytes between colons. Nothing if the line is
/// no public key.
[[nodiscard]] std::optional<std::string> fingerprint_of(std::string_view public_key);

}  // namespace rgrid::hetzner_sim
