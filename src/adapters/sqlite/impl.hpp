#pragma once

#include <atomic>
#include <chrono>
#include <rgrid/adapters/sqlite/store.hpp>
#include <string>
#include <utility>

#include "adapters/sqlite/anchor.hpp"
#include "adapters/sqlite/mark.hpp"
#include "adapters/sqlite/readers.hpp"
#include "adapters/sqlite/schema.hpp"
#include "adapters/sqlite/writer.hpp"

namespace rgrid::sqlite {

class Store::Impl {
public:
    Impl(Settings settings, Identity identity, Anchor anchor, std::unique_ptr<Connection> connection, Clock& clock)
        : settings_(std::move(settings)),
          identity_(std::move(identity)),
          anchor_(std::move(anchor)),
          clock_(clock),
          readers_(settings_.path, anchor_, clock),
          writer_(std::move(connection), settings_.path, identity_.base, anchor_, clock) {}

    [[nodiscard]] Settings const& settings() const noexcept { return settings_; }
    [[nodiscard]] Identity const& identity() const noexcept { return identity_; }
    [[nodiscard]] Writer const& writer() const noexcept { return writer_; }
    [[nodiscard]] Anchor const& anchor() const noexcept { return anchor_; }

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

    /// Takes down how far the store has come, as a commit that this process made shows; at most every few seconds.
    void keep_mark(Mark const& mark) {
        // Without full durability a power cut may take that commit back.
        if (settings_.synchronous != Synchronous::full) return;
        constexpr auto interval = std::chrono::seconds{5};
        auto const time = clock_.steady_now();
        if (time < mark_again_.load()) return;
        mark_again_ = time + interval;
        if (!find_older(settings_.path, mark)) write_mark(settings_.path, mark);
    }

private:
    Settings settings_;
    Identity identity_;
    Anchor anchor_;
    Clock& clock_;
    std::atomic<SteadyInstant> mark_again_ = SteadyInstant::min();
    Readers readers_;
    Writer writer_;
};

}  // namespace rgrid::sqlite
