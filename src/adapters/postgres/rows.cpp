#include "adapters/postgres/rows.hpp"

#include <charconv>
#include <pqxx/result>
#include <utility>

#include "adapters/postgres/failure.hpp"

namespace rgrid::postgres {

namespace {

int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    throw PostgresFailure{"22000", "the database answered something else than bytes"};
}

}  // namespace

std::int64_t Row::integer(int column) const {
    auto const text = view(column);
    std::int64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
        throw PostgresFailure{"22000", "the database answered something else than a whole number"};
    return value;
}

std::string Row::bytes(int column) const {
    auto text = view(column);
    if (null(column)) return {};
    if (!text.starts_with("\\x") || text.size() % 2 != 0)
        throw PostgresFailure{"22000", "the database answered something else than bytes"};
    text.remove_prefix(2);
    std::string bytes(text.size() / 2, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
    return bytes;
}

Rows::Rows(pqxx::result&& answer) : answer_(std::make_shared<pqxx::result const>(std::move(answer))) {
    auto const count = static_cast<std::size_t>(answer_->size());
    rows_ = count;
    columns_ = static_cast<std::size_t>(answer_->columns());
    changed_ = static_cast<std::int64_t>(answer_->affected_rows());
    cells_.reserve(rows_ * columns_);
    for (auto row = answer_->begin(); row != answer_->end(); ++row)
        for (auto field = row.begin(); field != row.end(); ++field)
            cells_.push_back(field.is_null() ? Cell{} : Cell{field.c_str(), field.size()});
}

}  // namespace rgrid::postgres
