#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <rgrid/base/secret.hpp>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace rgrid::gateway {

/// SHA-256 of bytes that come in pieces.
class Digest {
public:
    Digest();

    void add(std::string_view bytes);

    /// 64 lower-case hexadecimal digits. Ends the digest.
    [[nodiscard]] std::string finish();

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

/// SHA-256 of a file, as Digest::finish() writes it; nothing if it cannot be read.
[[nodiscard]] std::optional<std::string> digest_of_file(std::string const& path);

/// HMAC-SHA256 of the parts, each with its length, so that no two lists of parts are the same bytes.
[[nodiscard]] std::string signature(Secret const& secret, std::initializer_list<std::string_view> parts);

/// Takes as long for any two texts of one length.
[[nodiscard]] bool same_in_constant_time(std::string_view a, std::string_view b);

[[nodiscard]] std::string to_base64(std::string_view bytes);

/// Nothing if the text is no base64.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace rgrid::gateway
