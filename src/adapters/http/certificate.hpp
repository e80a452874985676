#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <rgrid/base/result.hpp>
#include <rgrid/base/time.hpp>
#include <string>

#include "adapters/http/tls.hpp"

namespace rgrid::http {

/// A server's certificate as its files had it when they could last be used. Thread safety: all methods from any thread.
class Certificate {
public:
    struct Standing {
        std::int64_t loads = 0;
        Instant until{};
        std::string problem;
    };

    Certificate(std::string certificate, std::string key) : certificate_(std::move(certificate)), key_(std::move(key)) {}

    /// Takes the files as they are now; the old certificate stays if they cannot be used.
    Result<> load();

    /// Loads the files if they are not those of the last try.
    Result<> look();

    /// For one more connection; none without TLS.
    [[nodiscard]] TlsContext context() const;
    [[nodiscard]] Standing standing() const;

private:
    /// Tells one state of a file from another.
    using Mark = std::array<std::int64_t, 5>;
    using Marks = std::array<Mark, 2>;
    [[nodiscard]] Marks marks() const;
    Result<> load_locked();

    std::string const certificate_;
    std::string const key_;
    mutable std::mutex mutex_;
    std::optional<Marks> tried_;
    TlsContext context_;
    Standing standing_;
};

}  // namespace rgrid::http
