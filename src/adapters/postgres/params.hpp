#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/postgres/array.hpp"

namespace rgrid::postgres {

/// The values of one statement, in order, as the text that goes to the server. A vector or span is an array.
class Params {
public:
    template <class... Args>
    explicit Params(Args const&... args) {
        starts_.reserve(sizeof...(args));
        (add(args), ...);
    }

    template <class T>
    void add(T const& value) {
        begin();
        append_value(text_, value);
        end();
    }
    template <class T>
    void add(std::vector<T> const& values) {
        add(std::span{values});
    }
    void add(std::vector<bool> const& values) {
        begin();
        append_array(text_, values);
        end();
    }
    template <class T>
    void add(std::span<T const> values) {
        begin();
        append_array(text_, values);
        end();
    }
    template <class T>
    void add(std::optional<T> const& value) {
        if (value)
            add(*value);
        else
            add(std::nullopt);
    }
    void add(std::nullopt_t) { starts_.push_back(null); }

    [[nodiscard]] std::size_t size() const noexcept { return starts_.size(); }

    /// Zero-terminated texts, null for NULL; valid as long as this is not changed.
    [[nodiscard]] std::vector<char const*> texts() const;

    /// The number (from 1) of a value that holds a zero byte, which text in PostgreSQL cannot; 0 if there is none.
    [[nodiscard]] std::size_t unfit() const noexcept { return unfit_; }

private:
    static constexpr std::size_t null = static_cast<std::size_t>(-1);

    void begin() { starts_.push_back(text_.size()); }
    void end();

    std::string text_;
    std::vector<std::size_t> starts_;
    std::size_t unfit_ = 0;
};

}  // namespace rgrid::postgres
