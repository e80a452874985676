#pragma once

#include <string>
#include <utility>

namespace rgrid {

/// Text that no log, error, metric or printed configuration may show. Only `reveal()` gives it out.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string text) : text_(std::move(text)) {}

    [[nodiscard]] std::string const& reveal() const noexcept { return text_; }
    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
    friend bool operator==(Secret const&, Secret const&) = default;

private:
    std::string text_;
};

}  // namespace rgrid
