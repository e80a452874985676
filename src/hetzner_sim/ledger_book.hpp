#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <rgrid/base/time.hpp>
#include <rgrid/hetzner_sim/ledger.hpp>
#include <string>

namespace rgrid::hetzner_sim {

/// Notes what exists and is billed. What each has cost is computed when somebody asks.
class LedgerBook {
public:
    /// `created` and `gone` are of the cloud's calendar.
    void begin(std::int64_t id, BillItem item);
    void end(std::int64_t id, Instant gone);
    /// It is called so from now on.
    void rename(std::int64_t id, std::string const& name);

    [[nodiscard]] Ledger ledger(Instant now) const;

private:
    std::map<std::int64_t, BillItem> items_;
};

}  // namespace rgrid::hetzner_sim
