#pragma once

#include <rgrid/base/result.hpp>
#include <rgrid/model/offer.hpp>
#include <rgrid/model/server.hpp>

namespace rgrid::hetzner {

template <class Codes>
constexpr Codes quota_or_rejected() {
    if constexpr (requires { Codes::quota; }) return Codes::quota;
    else return Codes::rejected;
}

template <class Statuses>
constexpr Statuses failed_or_stopped() {
    if constexpr (requires { Statuses::failed; }) return Statuses::failed;
    else return Statuses::stopped;
}

/// The project's limit is reached, whatever the offer.
inline constexpr Errc quota_code = quota_or_rejected<Errc>();

/// The provider could not finish it: it never runs.
inline constexpr ServerStatus failed_status = failed_or_stopped<ServerStatus>();

template <class OfferLike>
void set_ipv4_price(OfferLike& offer, Money price) {
    if constexpr (requires { offer.ipv4; }) offer.ipv4 = price;
}

}  // namespace rgrid::hetzner
