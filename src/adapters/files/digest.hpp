#pragma once

#include <cstddef>
#include <memory>
#include <string>

struct evp_md_ctx_st;

namespace rgrid::files {

/// SHA-256 of bytes that come in pieces.
class Digest {
public:
    Digest();

    void add(char const* data, std::size_t size);

    /// 64 lower-case hexadecimal digits. Ends the digest.
    [[nodiscard]] std::string finish();

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace rgrid::files
