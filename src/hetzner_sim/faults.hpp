#pragma once

#include <optional>
#include <rgrid/hetzner_sim/fault.hpp>
#include <rgrid/sim/chance.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "hetzner_sim/errors.hpp"

namespace rgrid::hetzner_sim {

/// What a fault is compared with.
struct CallFacts {
    std::string method;
    std::string path;  ///< "/servers/42".
    std::string type;
    std::string location;
    std::string name;
    std::string token;
};

/// Whether the text is that of a pattern, in which `*` stands for any text. The empty pattern is any text.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text);

/// The faults that are still to come.
class FaultScript {
public:
    void add(Fault fault) { faults_.push_back(std::move(fault)); }
    void clear() { faults_.clear(); }
    [[nodiscard]] std::vector<Fault> const& left() const { return faults_; }

    /// What goes wrong with this call, which counts for all faults that it matches up to the one that happens.
    [[nodiscard]] std::optional<Fault> draw(CallFacts const& call, sim::Chance& chance);

private:
    std::vector<Fault> faults_;
};

/// The API's error of a fault, with what the cloud says with its code unless the fault says something else.
[[nodiscard]] Refusal refusal_of(Fault const& fault, std::string_view token, int requests_an_hour);

/// Whether the call is carried out although it gets another answer, or none.
[[nodiscard]] bool happens_after(Fault const& fault);

}  // namespace rgrid::hetzner_sim
