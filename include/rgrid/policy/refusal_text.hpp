#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <rgrid/base/result.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/model/memory.hpp>
#include <rgrid/model/offer.hpp>
#include <rgrid/policy/learn.hpp>
#include <rgrid/policy/params.hpp>
#include <string>
#include <vector>

namespace rgrid {

/// A provider's refusal that holds for every offer, with what follows from it.
struct PausedCreates {
    Errc code = Errc::rejected;
    std::string message;       ///< The provider's words, as its adapter tells them.
    int attempt = 1;           ///< Which try of its round the last one was.
    int tries = 3;             ///< Of a round.
    Duration left{0};          ///< Until one create is tried.
    std::int64_t workers = 0;  ///< That work meanwhile.
};

namespace detail {

/// A span in whole seconds up to two minutes, so that it can be compared with another at a glance.
[[nodiscard]] inline std::string in_seconds(Duration span) {
    auto const seconds = std::chrono::round<std::chrono::seconds>(std::max(span, Duration{0}));
    return seconds < 2min ? std::to_string(seconds.count()) + "s" : to_rough_text(span);
}

[[nodiscard]] inline std::string number_of(std::int64_t count, std::string const& noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

/// "try 2 of 3 in 10s"; after the last of a round "next try in 5m 00s".
[[nodiscard]] inline std::string next_try(PausedCreates const& paused) {
    auto const when = paused.left > Duration{0} ? " in " + in_seconds(paused.left) : std::string{" now"};
    if (paused.code == Errc::retry_later && paused.attempt < paused.tries)
        return "try " + std::to_string(paused.attempt + 1) + " of " + std::to_string(paused.tries) + when;
    return "next try" + when;
}

[[nodiscard]] inline std::string those_that_work(std::int64_t workers) {
    if (workers == 0) return "no worker runs";
    return number_of(workers, "worker") + (workers == 1 ? " runs on" : " run on");
}

/// A provider's message as the beginning of a sentence.
[[nodiscard]] inline std::string opening(std::string const& message, char const* otherwise) {
    auto text = message.empty() ? std::string{otherwise} : message;
    while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
    return text;
}

}  // namespace detail

/// For whoever runs the fleet: the provider's own words, what it means, what is tried next and when.
[[nodiscard]] inline std::string tell_operator(PausedCreates const& paused) {
    auto const* otherwise = paused.code == Errc::quota ? "the provider's limit is reached: raise it, or lower max_workers"
                            : paused.code == Errc::denied
                                ? "the provider has refused the access: nothing can be ordered until it is renewed"
                            : paused.code == Errc::retry_later ? "the provider could not take the order"
                                                               : "the provider has refused the order";
    return detail::opening(paused.message, otherwise) + "; " + detail::those_that_work(paused.workers) + "; " +
           detail::next_try(paused);
}

/// For the owner of a job that waits: what it means for the job, and nothing of the account behind it.
[[nodiscard]] inline std::string tell_owner(PausedCreates const& paused) {
    auto const next = detail::next_try(paused);
    auto const workers = paused.workers == 1 ? std::string{"the one worker that there is"}
                                             : "one of the " + detail::number_of(paused.workers, "worker");
    auto const meanwhile =
        paused.workers == 0 ? std::string{} : "; it starts on " + workers + " as soon as a slot is free";
    switch (paused.code) {
        case Errc::quota:
            return "no more workers can be had: the limit of the cloud account is reached" + meanwhile + "; " + next;
        case Errc::denied:
            return "no worker can be ordered until an operator has renewed the access to the cloud" + meanwhile + "; " +
                   next;
        case Errc::retry_later:
            return "the cloud provider does not take orders at the moment" + meanwhile + "; " + next;
        default:
            return "the cloud provider refuses to make a worker, and an operator has to look at it" + meanwhile + "; " +
                   next;
    }
}

/// What of a pool's offers cannot be had, and what is tried next.
struct SoldOut {
    OfferKey offer;                ///< The one that is asked for again first.
    std::string message;           ///< The provider's words.
    bool unfinished = false;       ///< A server of it was made and never finished.
    std::optional<OfferKey> next;  ///< The one that is tried instead; none if none of those that the pool names is left.
    Duration left{0};              ///< Until `offer` is asked for again.
    std::size_t offers = 0;        ///< How many the pool names; 0: it takes all there are.

    friend bool operator==(SoldOut const&, SoldOut const&) = default;
};

namespace detail {

[[nodiscard]] inline std::string offer_words(OfferKey const& offer) {
    return offer.type + " in " + offer.location;
}

[[nodiscard]] inline std::string what_next(SoldOut const& sold) {
    if (sold.next) return "trying " + offer_words(*sold.next) + " next";
    if (sold.offers == 0) return "any other that there is is taken; it is tried again in " + in_seconds(sold.left);
    return "next try in " + in_seconds(sold.left);
}

}  // namespace detail

[[nodiscard]] inline std::string tell_operator(SoldOut const& sold) {
    auto const* otherwise = sold.unfinished ? "a server of it was never finished" : "sold out";
    return detail::opening(sold.message, otherwise) + " (" + to_text(sold.offer) + "); " + detail::what_next(sold);
}

[[nodiscard]] inline std::string tell_owner(SoldOut const& sold) {
    if (!sold.next && sold.offers > 1)
        return "none of the " + std::to_string(sold.offers) + " kinds of worker of its pool is available; " +
               detail::what_next(sold);
    if (sold.unfinished)
        return "the cloud provider could not finish a worker on " + detail::offer_words(sold.offer) + "; " +
               detail::what_next(sold);
    return sold.offer.type + " is sold out in " + sold.offer.location + "; " + detail::what_next(sold);
}

/// The refusal that keeps a pool from the offer it would take, of several the one that ends first; nothing if none does.
/// `placement` says which offers are the pool's.
[[nodiscard]] inline std::optional<SoldOut> sold_out(Memory const& memory, PlacementParams const& placement,
                                                     Instant now) {
    auto const left_of = [&](Refusal const& refusal) {
        return detail::remaining(now, refusal.until, placement.refusal_memory * 16);
    };
    auto const refused = [&](std::string const& offer) {
        return std::any_of(memory.refusals.begin(), memory.refusals.end(), [&](Refusal const& refusal) {
            return left_of(refusal) > Duration{0} && to_text(refusal.offer) == offer;
        });
    };
    auto const& wanted = placement.offers;
    auto const next = std::find_if_not(wanted.begin(), wanted.end(), refused);
    std::optional<SoldOut> first;
    for (auto const& refusal : memory.refusals) {
        auto const left = left_of(refusal);
        bool const preferred = wanted.empty() || std::find(wanted.begin(), next, to_text(refusal.offer)) != next;
        if (preferred && left > Duration{0} && (!first || left < first->left))
            first = SoldOut{refusal.offer, refusal.message, refusal.unfinished, {}, left, wanted.size()};
    }
    if (first && next != wanted.end()) {
        auto const at = next->find('@');
        first->next = OfferKey{next->substr(0, at), at == std::string::npos ? "" : next->substr(at + 1)};
    }
    return first;
}

/// The pause of a pool's creates as people are told of it; nothing if there is none, or if it is over.
[[nodiscard]] inline std::optional<PausedCreates> paused_creates(Memory const& memory, PoolName const& pool,
                                                                 PlacementParams const& placement, Instant now,
                                                                 std::int64_t workers) {
    auto const* pause = pause_of(memory, pool, now, placement);
    if (pause == nullptr) return std::nullopt;
    auto const left = detail::remaining(now, pause->until, detail::longest_pause(placement));
    if (left == Duration{0}) return std::nullopt;
    return PausedCreates{pause->code,
                         pause->message,
                         detail::try_of_round(placement, pause->tries),
                         placement.create_tries,
                         left,
                         workers};
}

}  // namespace rgrid
