#include "adapters/files/digest.hpp"

#include <array>
#include <openssl/evp.h>
#include <rgrid/base/assert.hpp>

namespace rgrid::files {

void Digest::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

Digest::Digest() : context_{EVP_MD_CTX_new()} {
    RGRID_ASSERT(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Digest::add(char const* data, std::size_t size) {
    RGRID_ASSERT(EVP_DigestUpdate(context_.get(), data, size) == 1);
}

std::string Digest::finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned length = 0;
    RGRID_ASSERT(EVP_DigestFinal_ex(context_.get(), bytes.data(), &length) == 1);
    std::string text;
    for (unsigned i = 0; i < length; ++i) {
        text += "0123456789abcdef"[bytes[i] >> 4];
        text += "0123456789abcdef"[bytes[i] & 15];
    }
    return text;
}

}  // namespace rgrid::files
