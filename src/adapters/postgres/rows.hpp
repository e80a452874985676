#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <rgrid/base/time.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace pqxx {
class result;
}

namespace rgrid::postgres {

/// One value as the server sent it; no data for NULL.
struct Cell {
    char const* data = nullptr;
    std::size_t size = 0;
};

/// One row of an answer; columns count from 0. Must not outlive its Rows. A value that is not what is asked for throws
/// PostgresFailure: the statement and its reader have to agree.
class Row {
public:
    explicit Row(Cell const* cells) noexcept : cells_(cells) {}

    [[nodiscard]] bool null(int column) const noexcept { return cell(column).data == nullptr; }
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] int small(int column) const { return static_cast<int>(integer(column)); }
    [[nodiscard]] bool boolean(int column) const noexcept { return view(column) == "t"; }
    /// Empty for NULL.
    [[nodiscard]] std::string_view view(int column) const noexcept { return {cell(column).data, cell(column).size}; }
    [[nodiscard]] std::string text(int column) const { return std::string{view(column)}; }
    [[nodiscard]] std::string bytes(int column) const;  ///< Of a bytea.
    [[nodiscard]] Duration duration(int column) const { return Duration{integer(column)}; }
    [[nodiscard]] Instant instant(int column) const { return Instant{duration(column)}; }
    [[nodiscard]] std::optional<Duration> maybe_duration(int column) const {
        return null(column) ? std::nullopt : std::optional{duration(column)};
    }
    [[nodiscard]] std::optional<Instant> maybe_instant(int column) const {
        return null(column) ? std::nullopt : std::optional{instant(column)};
    }

private:
    [[nodiscard]] Cell const& cell(int column) const noexcept { return cells_[column]; }

    Cell const* cells_;
};

/// All rows of an answer.
class Rows {
public:
    class Iterator {
    public:
        Iterator(Cell const* cells, std::size_t index, std::size_t columns) noexcept
            : cells_(cells), index_(index), columns_(columns) {}

        Row operator*() const noexcept { return Row{cells_ + index_ * columns_}; }
        Iterator& operator++() noexcept {
            ++index_;
            return *this;
        }
        bool operator==(Iterator const& other) const noexcept { return index_ == other.index_; }

    private:
        Cell const* cells_;
        std::size_t index_;
        std::size_t columns_;
    };

    Rows() = default;
    explicit Rows(pqxx::result&& answer);

    [[nodiscard]] std::size_t size() const noexcept { return rows_; }
    [[nodiscard]] bool empty() const noexcept { return rows_ == 0; }
    [[nodiscard]] Row operator[](std::size_t row) const noexcept { return Row{cells_.data() + row * columns_}; }
    [[nodiscard]] Row front() const noexcept { return (*this)[0]; }
    [[nodiscard]] Iterator begin() const noexcept { return {cells_.data(), 0, columns_}; }
    [[nodiscard]] Iterator end() const noexcept { return {cells_.data(), rows_, columns_}; }

    /// How many rows an INSERT, UPDATE or DELETE has changed (of a WITH: its last part).
    [[nodiscard]] std::int64_t changed() const noexcept { return changed_; }

private:
    std::shared_ptr<pqxx::result const> answer_;
    std::vector<Cell> cells_;
    std::size_t rows_ = 0;
    std::size_t columns_ = 0;
    std::int64_t changed_ = 0;
};

}  // namespace rgrid::postgres
