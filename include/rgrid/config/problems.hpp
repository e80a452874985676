#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rgrid::config {

/// Looks an environment variable up; none if it is not set.
using Environment = std::function<std::optional<std::string>(std::string const& name)>;

/// One thing that is wrong with a configuration or a document. Never holds a secret.
struct Problem {
    std::string path;      ///< Of the value, with dots: "pool.default.scaling.max_workers".
    std::string found;     ///< As it is to be shown: "\"ten\"", "12", "a list". Empty if only the hint says it.
    std::string expected;  ///< "a whole number from 0 to 10000".
    std::string hint;      ///< A further half sentence, or the whole message if nothing was expected.

    friend bool operator==(Problem const&, Problem const&) = default;
};

/// One line: "pool.default.scaling.max_workers: found \"ten\", expected a whole number from 0 to 10000".
[[nodiscard]] std::string to_text(Problem const& problem);

/// All that is wrong, in the order in which it was found.
class Problems {
public:
    void add(Problem problem) { list_.push_back(std::move(problem)); }

    [[nodiscard]] bool empty() const noexcept { return list_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }
    [[nodiscard]] auto begin() const noexcept { return list_.begin(); }
    [[nodiscard]] auto end() const noexcept { return list_.end(); }
    [[nodiscard]] bool names(std::string_view path) const;  ///< Is there one with exactly this path?

private:
    std::vector<Problem> list_;
};

/// The problems, each as to_text(Problem) writes it, with this between them.
[[nodiscard]] std::string to_text(Problems const& problems, std::string_view separator = "\n");

/// A string as a problem shows it: in quotation marks, control characters escaped, shortened if it is long.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// The candidate that this is probably a misspelling of; empty if none is near.
[[nodiscard]] std::string nearest(std::string_view name, std::vector<std::string> const& candidates);

}  // namespace rgrid::config
