#pragma once

#include <cstdint>
#include <optional>
#include <rgrid/base/id.hpp>
#include <string>

#include "adapters/sqlite/database.hpp"

namespace rgrid::sqlite {

/// How far a store had come at some moment.
struct Mark {
    StoreId store;
    Generation generation;
    std::int64_t change = 0;  ///< How often its jobs had changed.
};

/// Read inside a transaction.
[[nodiscard]] Mark current_mark(Connection& connection);

/// A small file beside the store that says how far it had come, at least. It is written only once that is on the disk
/// for good, so a store that has not come as far is an older one that was put in its place. A mark that is missing or
/// cannot be read says nothing.
[[nodiscard]] std::optional<Mark> read_mark(std::string const& store_path);

/// Replaces the mark; what cannot be written is left as it is. It need not survive a power cut.
void write_mark(std::string const& store_path, Mark const& mark);

/// Why a store that stands at `now` must be frozen: its mark has come further. Nothing if the mark proves nothing. To
/// be asked inside a transaction that writes, so that the mark cannot be of a later moment than `now`.
[[nodiscard]] std::optional<std::string> find_older(std::string const& store_path, Mark const& now);

}  // namespace rgrid::sqlite
