#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <optional>
#include <rgrid/base/money.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <vector>

namespace rgrid::hetzner_sim {

enum class BillKind { server, primary_ipv4 };
BOOST_DESCRIBE_ENUM(BillKind, server, primary_ipv4)

/// A line of the bill: something that existed and what it cost, net.
struct BillItem {
    BillKind kind = BillKind::server;
    std::int64_t id = 0;
    std::string name;
    std::string project;
    std::string type;
    std::string location;
    Instant created{};
    std::optional<Instant> gone;  ///< Nothing: it exists.
    Money hourly;                 ///< As when it was ordered.
    Money monthly;                ///< The most it costs in a calendar month.
    std::int64_t hours = 0;       ///< Begun ones.
    Money cost;
};
BOOST_DESCRIBE_STRUCT(BillItem, (),
                      (kind, id, name, project, type, location, created, gone, hourly, monthly, hours, cost))

/// What everything has cost that there ever was, by number.
struct Ledger {
    std::vector<BillItem> items;
    Money total;
};
BOOST_DESCRIBE_STRUCT(Ledger, (), (items, total))

}  // namespace rgrid::hetzner_sim
