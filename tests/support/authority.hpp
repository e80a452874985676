#pragma once

/// Certificates for tests. Header only.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <memory>
#include <rgrid/testing/temp_folder.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace rgrid::testing {

namespace detail {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;

inline KeyPtr new_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

inline void extend(X509* certificate, X509* issuer, int kind, std::string const& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    auto* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    if (extension == nullptr) throw std::runtime_error("no certificate extension " + value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

inline CertificatePtr new_certificate(std::string const& name, EVP_PKEY* key, int from_days, int until_days) {
    static std::atomic<long> serial{1};
    CertificatePtr made{X509_new(), X509_free};
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), from_days * 86'400L);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), until_days * 86'400L);
    X509_set_pubkey(made.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<unsigned char const*>(name.c_str()), -1, -1, 0);
    return made;
}

template <class Write>
std::string pem(Write const& write) {
    std::unique_ptr<BIO, decltype(&BIO_free)> const bio{BIO_new(BIO_s_mem()), BIO_free};
    write(bio.get());
    char* data = nullptr;
    auto const size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

inline std::string pem_of(X509* certificate) {
    return pem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
}

}  // namespace detail

/// Whom a test's certificates are signed by.
class Authority {
public:
    struct Wishes {
        std::vector<std::string> names{"DNS:localhost", "IP:127.0.0.1"};
        int from_days = -1;
        int until_days = 30;
        bool self_signed = false;
    };
    struct Files {
        std::string certificate;
        std::string key;
    };

    /// Writes <name>.pem, for clients to believe, and what issue() makes into `folder`.
    Authority(TempFolder const& folder, std::string const& name) : folder_(folder) {
        own_ = detail::new_certificate(name, key_.get(), -1, 365);
        X509_set_issuer_name(own_.get(), X509_get_subject_name(own_.get()));
        detail::extend(own_.get(), own_.get(), NID_basic_constraints, "critical,CA:TRUE");
        X509_sign(own_.get(), key_.get(), EVP_sha256());
        file_ = folder_.write(name + ".pem", detail::pem_of(own_.get()));
    }

    Files issue(std::string const& name, Wishes const& wishes) {
        auto const key = detail::new_key();
        auto const made = detail::new_certificate(name, key.get(), wishes.from_days, wishes.until_days);
        auto* issuer = wishes.self_signed ? made.get() : own_.get();
        X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
        std::string names;
        for (auto const& wish : wishes.names) (names += names.empty() ? "" : ",") += wish;
        detail::extend(made.get(), issuer, NID_subject_alt_name, names);
        X509_sign(made.get(), wishes.self_signed ? key.get() : key_.get(), EVP_sha256());
        auto const key_text = detail::pem(
            [&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
        return {folder_.write(name + ".crt", detail::pem_of(made.get())), folder_.write(name + ".key", key_text)};
    }
    Files issue(std::string const& name) { return issue(name, Wishes{}); }

    [[nodiscard]] std::string const& file() const { return file_; }

private:
    TempFolder const& folder_;
    detail::KeyPtr key_ = detail::new_key();
    detail::CertificatePtr own_{nullptr, X509_free};
    std::string file_;
};

}  // namespace rgrid::testing
