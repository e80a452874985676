#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <optional>
#include <rgrid/base/id.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/model/boot_report.hpp>
#include <rgrid/model/offer.hpp>
#include <rgrid/model/reason.hpp>
#include <string>

namespace rgrid {

/// What is known of the create call for a server.
enum class CreateState {
    asked,     ///< The intent is written; the call may or may not have been sent.
    created,   ///< The provider has confirmed the server.
    refused,   ///< The provider has said no; nothing exists.
    in_doubt,  ///< The call failed in a way that leaves open whether the server exists: look it up by name.
};
BOOST_DESCRIBE_ENUM(CreateState, asked, created, refused, in_doubt)

/// What we mean for one server, written before its create call and kept until it is known to be gone. As long as it
/// stands it counts against every limit.
struct Intent {
    ServerName server;
    PoolName pool;
    OfferKey offer;
    Money price;  ///< Of one paid period when it was ordered.
    Duration period{0};
    LeaderEpoch epoch;  ///< Of the leader who wrote it.
    CreateState create = CreateState::asked;
    bool remove = false;  ///< It is to go: its session is closed and its delete may be called at any time.
    bool listed = false;  ///< The provider's listing has shown it: from then on its absence means that it is gone.
    std::optional<ServerId> server_id;    ///< Once the provider has named it.
    Reason reason = Reason::queued_jobs;  ///< Why it was ordered.
    std::optional<Reason> remove_reason;  ///< Why it is to go.
    Duration age{0};                      ///< Since it was written, by the store's clock.
    Duration remove_age{0};               ///< Since `remove` was written, by the store's clock; zero if it was not.
    Duration removed_before{0};           ///< How long it was to go already when its delete was last asked for anew.
    /// SHA-256 of the token that its worker shows to a gateway, 64 lower-case hexadecimal digits. Empty: it has none, and
    /// works only where none is needed.
    std::string token_hash;
    std::optional<Money> monthly_cap{};  ///< As the price: of when it was ordered.
    Money ipv4{};                        ///< The part of `price` that is the public address.
    /// How old the server was when the listing first showed it running; none before that.
    std::optional<Duration> running_from{};
    /// What its boot script last told. The store's own: what a write says of it is passed over.
    std::optional<BootReport> boot{};

    friend bool operator==(Intent const&, Intent const&) = default;
};
BOOST_DESCRIBE_STRUCT(Intent, (),
                      (server, pool, offer, price, period, epoch, create, remove, listed, server_id, reason,
                       remove_reason, age, remove_age, removed_before, token_hash, monthly_cap, ipv4, running_from,
                       boot))

/// A line of the bill: a server that existed, from its creation to the delete that was confirmed.
struct ServerBill {
    ServerName server;
    PoolName pool;
    OfferKey offer;
    Money price;  ///< Of one paid period.
    Duration period{0};
    Instant created;                 ///< By the provider's clock.
    std::optional<Instant> deleted;  ///< None while it exists.
    Duration lifetime{0};            ///< By the provider's clock, so far.
    Reason reason = Reason::queued_jobs;
    std::optional<Reason> remove_reason;
    std::optional<Money> monthly_cap{};  ///< The most it costs in a calendar month; as the price, of when it was ordered.
    Money ipv4{};                        ///< The part of `price` that is the public address.

    friend bool operator==(ServerBill const&, ServerBill const&) = default;
};
BOOST_DESCRIBE_STRUCT(ServerBill, (),
                      (server, pool, offer, price, period, created, deleted, lifetime, reason, remove_reason, monthly_cap,
                       ipv4))

}  // namespace rgrid
