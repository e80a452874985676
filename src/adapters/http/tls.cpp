#include "adapters/http/tls.hpp"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <rgrid/base/text.hpp>
#include <system_error>
#include <unistd.h>

namespace rgrid::http {

namespace {

int socket_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

int bio_write(BIO* bio, char const* data, int size) {
    BIO_clear_retry_flags(bio);
    auto const count = ::send(socket_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_write(bio);
    return static_cast<int>(count);
}

int bio_read(BIO* bio, char* data, int size) {
    BIO_clear_retry_flags(bio);
    auto const count = ::recv(socket_of(bio), data, static_cast<std::size_t>(size), 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_read(bio);
    if (count == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return static_cast<int>(count);
}

long bio_control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    return 0;
}

/// OpenSSL's own writes with write(), and a peer that has gone would end the process by SIGPIPE.
BIO_METHOD* quiet_socket() {
    static BIO_METHOD* const method = [] {
        auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
        if (made == nullptr) return made;
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_ctrl(made, bio_control);
        return made;
    }();
    return method;
}

TlsSession session_over(TlsContext const& context, int fd) {
    ERR_clear_error();
    if (quiet_socket() == nullptr) return nullptr;
    TlsSession session{SSL_new(context.get())};
    auto* bio = session ? BIO_new(quiet_socket()) : nullptr;
    if (bio == nullptr) return nullptr;
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
    BIO_set_init(bio, 1);
    SSL_set_bio(session.get(), bio, bio);
    return session;
}

TlsContext context_for(SSL_METHOD const* method) {
    TlsContext context{SSL_CTX_new(method), SSL_CTX_free};
    if (!context) return nullptr;
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    // Without its buffers an idle connection takes a third of the memory.
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Whoever sends nothing but records of TLS itself would keep a thread for as long as they go on.
    SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    return context;
}

int choose_protocol(SSL*, unsigned char const** chosen, unsigned char* length, unsigned char const* offered,
                    unsigned int offered_length, void*) {
    static constexpr std::array<unsigned char, 9> ours{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* selected = nullptr;
    if (SSL_select_next_proto(&selected, length, ours.data(), static_cast<unsigned>(ours.size()), offered,
                              offered_length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *chosen = selected;
    return SSL_TLSEXT_ERR_OK;
}

/// Instead of OpenSSL's question at the terminal.
int no_password(char*, int, int, void*) { return -1; }

Result<> check_readable(std::string const& what, std::string const& path) {
    auto const fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ::close(fd);
        return {};
    }
    auto const error = errno;
    return fail(error == EACCES || error == EPERM ? Errc::denied : Errc::rejected,
                what + " \"" + path + "\" cannot be read: " + std::generic_category().message(error));
}

Error unusable(std::string const& what, std::string const& path, std::string const& expected) {
    auto const reason = take_tls_reason();
    return fail(Errc::rejected, what + " \"" + path + "\" cannot be used" + (reason.empty() ? "" : ": " + reason) +
                                    "; expected " + expected);
}

Instant instant_of(ASN1_TIME const* time) {
    std::tm parts{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return {};
    return Instant{std::chrono::seconds{::timegm(&parts)}};
}

struct FreeNames {
    void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

std::string address_text(std::string_view raw) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (raw.size() != sizeof(in_addr) && raw.size() != sizeof(in6_addr))
        return "an address of " + std::to_string(raw.size()) + " bytes";
    ::inet_ntop(raw.size() == sizeof(in_addr) ? AF_INET : AF_INET6, raw.data(), text.data(), text.size());
    return text.data();
}

/// For whom a certificate is, for people.
std::string names_of(X509* certificate) {
    std::unique_ptr<GENERAL_NAMES, FreeNames> const names{
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
    std::string shown;
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()) && i < 8; ++i) {
        auto const* name = sk_GENERAL_NAME_value(names.get(), i);
        auto const* text = name->type == GEN_DNS ? name->d.dNSName : nullptr;
        if (name->type == GEN_IPADD) text = name->d.iPAddress;
        if (text == nullptr) continue;
        auto const* data = reinterpret_cast<char const*>(ASN1_STRING_get0_data(text));
        std::string_view const raw{data, static_cast<std::size_t>(ASN1_STRING_length(text))};
        (shown += shown.empty() ? "" : ", ") += name->type == GEN_IPADD ? address_text(raw) : printable(raw);
    }
    return shown.empty() ? "nobody in particular" : shown;
}

std::string* reason_kept_in(SSL* session) { return static_cast<std::string*>(SSL_get_app_data(session)); }

std::string reason_of_distrust(X509_STORE_CTX* chain, std::string const& host) {
    auto const error = X509_STORE_CTX_get_error(chain);
    auto* shown = X509_STORE_CTX_get_current_cert(chain);
    if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return "it is for " + (shown != nullptr ? names_of(shown) : "somebody else") + "; expected one for " + host;
    std::string reason = X509_verify_cert_error_string(error);
    if (error == X509_V_ERR_CERT_HAS_EXPIRED && shown != nullptr)
        reason += " (it was good until " + to_text(instant_of(X509_get0_notAfter(shown))) + ")";
    return reason;
}

/// A session forgets the certificate that it has refused, so what is wrong with it is written down at once.
int keep_reason(int good, X509_STORE_CTX* chain) {
    if (good == 1) return good;
    auto* session = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* reason = session != nullptr ? reason_kept_in(session) : nullptr;
    if (reason == nullptr) return good;
    try {
        *reason = reason_of_distrust(chain, *reason);
    } catch (std::exception const&) {
        reason->assign("no memory");
    }
    return good;
}

}  // namespace

void FreeTlsSession::operator()(SSL* session) const noexcept {
    if (session == nullptr) return;
    delete reason_kept_in(session);
    SSL_free(session);
}

std::string take_tls_reason() {
    auto const code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return {};
    auto const* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "error " + std::to_string(code) + " of OpenSSL";
}

bool is_numeric_address(std::string const& host) {
    std::array<unsigned char, sizeof(in6_addr)> parsed{};
    return ::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

Result<ServerIdentity> load_identity(std::string const& certificate, std::string const& key) {
    for (auto const& [what, path] : {std::pair{"certificate", certificate}, std::pair{"key", key}})
        if (auto const readable = check_readable(what, path); !readable) return readable.error();
    ERR_clear_error();
    auto context = context_for(TLS_server_method());
    if (!context) return fail(Errc::retry_later, "TLS cannot be set up: " + take_tls_reason());
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
    SSL_CTX_set_default_passwd_cb(context.get(), no_password);
    if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1)
        return unusable("certificate", certificate, "a PEM file with the server's certificate first");
    if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
        return unusable("key", key, "a PEM file with the private key of \"" + certificate + "\", without a password");
    if (SSL_CTX_check_private_key(context.get()) != 1)
        return unusable("key", key, "the private key of \"" + certificate + "\"");
    auto const until = instant_of(X509_get0_notAfter(SSL_CTX_get0_certificate(context.get())));
    return ServerIdentity{std::move(context), until};
}

Result<TlsContext> make_client_context(std::string const& ca_file) {
    ERR_clear_error();
    auto context = context_for(TLS_client_method());
    if (!context) return fail(Errc::retry_later, "TLS cannot be set up: " + take_tls_reason());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, keep_reason);
    if (ca_file.empty()) {
        // Looks an authority up when it is needed; all of them in memory would be most of an agent.
        SSL_CTX_set_default_verify_dir(context.get());
        SSL_CTX_set_default_verify_file(context.get());
        ERR_clear_error();
        return context;
    }
    if (auto const readable = check_readable("file of authorities", ca_file); !readable) return readable.error();
    if (SSL_CTX_load_verify_file(context.get(), ca_file.c_str()) != 1)
        return unusable("file of authorities", ca_file, "a PEM file with certificates");
    return context;
}

TlsSession accept_tls(TlsContext const& context, int fd) {
    auto session = session_over(context, fd);
    if (session) SSL_set_accept_state(session.get());
    return session;
}

TlsSession connect_tls(TlsContext const& context, int fd, std::string const& host) {
    auto session = session_over(context, fd);
    if (!session) return nullptr;
    SSL_set_connect_state(session.get());
    SSL_set_app_data(session.get(), new std::string{host});  // Replaced by the reason, if the certificate is refused.
    auto* expected = SSL_get0_param(session.get());
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool const numeric = is_numeric_address(host);
    bool const set = numeric ? X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1
                             : X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size()) == 1 &&
                                   SSL_set_tlsext_host_name(session.get(), host.c_str()) == 1;
    return set ? std::move(session) : nullptr;
}

std::string distrust(SSL* session) {
    return SSL_get_verify_result(session) == X509_V_OK ? std::string{} : *reason_kept_in(session);
}

}  // namespace rgrid::http
