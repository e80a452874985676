#pragma once

#include <rgrid/base/secret.hpp>
#include <string>
#include <string_view>

namespace rgrid::hetzner {

/// The text with "***" for the secret and for every piece of 16 or more characters from its beginning: the API itself
/// tells half of a token in one of its errors.
[[nodiscard]] std::string redacted(std::string_view text, Secret const& secret);

}  // namespace rgrid::hetzner
