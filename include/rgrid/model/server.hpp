#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/secret.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/model/offer.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// What the provider says of a server.
enum class ServerStatus {
    starting,
    running,
    stopped,   ///< Still billed, but nothing runs on it.
    deleting,  ///< The provider has accepted the delete; the server may still be billed.
    failed,    ///< The provider could not finish it: it never runs, and is billed until it is deleted.
    unknown,
};
BOOST_DESCRIBE_ENUM(ServerStatus, starting, running, stopped, deleting, failed, unknown)

/// A server as the provider's listing shows it: what is billed.
struct Server {
    ServerId id;
    ServerName name;
    PoolName pool;  ///< From its label; empty if it has none.
    OfferKey offer;
    ServerStatus status = ServerStatus::unknown;
    Duration age{0};  ///< Since the provider created it, by the provider's clock.
    StoreId store;    ///< From its label: the store whose fleet made it; empty if it has none.
    Generation generation;  ///< From its label: that store's when the server was made; zero if it has none.

    friend bool operator==(Server const&, Server const&) = default;
};
BOOST_DESCRIBE_STRUCT(Server, (), (id, name, pool, offer, status, age, store, generation))

/// What a new server is to be. `name` is the idempotency key.
struct ServerRequest {
    ServerName name;
    FleetId fleet;
    PoolName pool;
    OfferKey offer;
    StoreId store;
    Generation generation;
    int slots = 1;  ///< What its worker offers.
    /// Container images to fetch in the background once its worker takes jobs, those that are wanted soonest first.
    std::vector<std::string> images{};
    Secret token{};   ///< That its worker shows to a gateway; empty: it needs none. Not described: never written down.

    friend bool operator==(ServerRequest const&, ServerRequest const&) = default;
};
BOOST_DESCRIBE_STRUCT(ServerRequest, (), (name, fleet, pool, offer, store, generation, slots, images))

}  // namespace rgrid
