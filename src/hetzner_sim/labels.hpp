#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace rgrid::hetzner_sim {

using Labels = std::map<std::string, std::string>;

/// Why this cannot be a label of anything; empty if it can.
[[nodiscard]] std::string label_problem(std::string_view key, std::string_view value);

/// A label selector: terms of which all have to hold.
class Selector {
public:
    /// Nothing if the text is no selector. The empty text selects everything.
    static std::optional<Selector> parse(std::string_view text);

    [[nodiscard]] bool matches(Labels const& labels) const;

private:
    /// Whether the key's value is one of `values` (any, without `values`), or is not. A key that is absent has no
    /// value.
    struct Term {
        std::string key;
        std::optional<std::set<std::string>> values;
        bool wanted = true;
    };

    class Parser;
    std::vector<Term> terms_;
};

}  // namespace rgrid::hetzner_sim
