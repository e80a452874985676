#pragma once

#include <rgrid/adapters/sqlite/store.hpp>
#include <string>
#include <utility>

#include "adapters/sqlite/readers.hpp"
#include "adapters/sqlite/schema.hpp"
#include "adapters/sqlite/writer.hpp"

namespace rgrid::sqlite {

class Store::Impl {
public:
    Impl(Settings settings, Identity identity, std::unique_ptr<Connection> connection, Clock& clock)
        : settings_(std::move(settings)),
          identity_(std::move(identity)),
          clock_(clock),
          readers_(settings_.path, clock),
          writer_(std::move(connection), settings_.path, identity_.base, clock) {}

    [[nodiscard]] Settings const& settings() const noexcept { return settings_; }
    [[nodiscard]] Identity const& identity() const noexcept { return identity_; }
    [[nodiscard]] Writer const& writer() const noexcept { return writer_; }

    /// The store's clock now.
    [[nodiscard]] Duration now() const { return identity_.base + clock_.steady_now().time_since_epoch(); }
    [[nodiscard]] Instant utc() const { return clock_.now(); }

    template <class T>
    Result<T> write(Call const& call, Lane lane, std::function<Result<T>(Transaction&)> work) {
        return writer_.write<T>(call, lane, std::move(work));
    }

    template <class T>
    Result<T> read(Call const& call, std::function<Result<T>(Connection&)> const& work) {
        return readers_.read<T>(call, work);
    }

private:
    Settings settings_;
    Identity identity_;
    Clock& clock_;
    Readers readers_;
    Writer writer_;
};

}  // namespace rgrid::sqlite
