#pragma once

#include <boost/describe/class.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/model/offer.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// A refusal of an offer and how long it is remembered; grows with each further one.
struct Refusal {
    OfferKey offer;
    Instant until;
    int count = 0;        ///< In a row; those of one wave count as one.
    std::string message;  ///< The provider's words.
    /// A server of this offer was made and never finished: that another one is made proves nothing, only a worker that
    /// comes up does.
    bool unfinished = false;

    friend bool operator==(Refusal const&, Refusal const&) = default;
};
BOOST_DESCRIBE_STRUCT(Refusal, (), (offer, until, count, message, unfinished))

/// Why and how long no servers of a pool are created: the provider has refused one on a ground that holds for each of its
/// offers. When it is over one create is tried, and the pause ends if that is accepted.
struct CreatePause {
    PoolName pool;
    Errc code = Errc::rejected;
    Instant until;
    int tries = 0;        ///< Refused in a row; those of one wave count as one.
    std::string message;  ///< The provider's words.
    /// A worker has gone for its age meanwhile, so that there should be room for one.
    bool room_made{};

    friend bool operator==(CreatePause const&, CreatePause const&) = default;
};
BOOST_DESCRIBE_STRUCT(CreatePause, (), (pool, code, until, tries, message, room_made))

/// How long the last servers of an offer took until their workers registered.
struct OfferBoots {
    OfferKey offer;
    std::vector<Duration> times;  ///< From the order on; newest last, at most 16.

    friend bool operator==(OfferBoots const&, OfferBoots const&) = default;
};
BOOST_DESCRIBE_STRUCT(OfferBoots, (), (offer, times))

/// How the last boots of a pool went.
struct BootRecord {
    PoolName pool;
    int failures = 0;                  ///< Servers in a row that never came up; at the limit, only probes count.
    Instant next_probe;                ///< With failures at the limit: no create before this.
    std::vector<Duration> boot_times;  ///< Of the last boots, newest last; at most 16.
    std::vector<ServerName> came_up;   ///< Booting servers already counted in `boot_times`; pruned as they go.

    friend bool operator==(BootRecord const&, BootRecord const&) = default;
};
BOOST_DESCRIBE_STRUCT(BootRecord, (), (pool, failures, next_probe, boot_times, came_up))

/// What the controller has learned and must not forget at a restart. Bounded; stored under the leader's epoch.
struct Memory {
    std::vector<Refusal> refusals;        ///< Ordered by offer.
    std::vector<BootRecord> boots;        ///< Ordered by pool.
    std::vector<Duration> delete_times;   ///< Of the last deletes, newest last; at most 16.
    std::vector<Instant> recent_creates;  ///< Of the last minute.
    std::vector<Instant> recent_losses;   ///< When silent workers were given up, newest last; at most 16.
    std::vector<CreatePause> pauses{};    ///< Ordered by pool.
    std::vector<OfferBoots> offer_boots{};  ///< That of the last boot last; at most 64.

    friend bool operator==(Memory const&, Memory const&) = default;
};
BOOST_DESCRIBE_STRUCT(Memory, (), (refusals, boots, delete_times, recent_creates, recent_losses, pauses, offer_boots))

}  // namespace rgrid
