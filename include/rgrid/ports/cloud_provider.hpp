#pragma once

#include <optional>
#include <rgrid/base/call.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/model/offer.hpp>
#include <rgrid/model/server.hpp>
#include <vector>

namespace rgrid {

/// Where servers come from. One object serves one fleet: it marks what it creates with that fleet's label and never
/// shows or touches anything without it.
///
/// Listings may lag behind creates and deletes by the provider's listing lag (seconds). Thread safety: all methods
/// from any thread, several at a time. No method throws.
class CloudProvider {
public:
    virtual ~CloudProvider() = default;

    /// What can be rented now, in no particular order. May be served from a cache of minutes.
    virtual Result<std::vector<Offer>> offers(Call const& call) = 0;

    /// All servers of the fleet, complete or an error: a listing that could not be read to its end is an error.
    virtual Result<std::vector<Server>> list(Call const& call) = 0;

    /// The server of that name, or nothing if there certainly is none. Not served from a cache.
    virtual Result<std::optional<Server>> find(Call const& call, ServerName const& name) = 0;

    /// Orders a server. Idempotent under `request.name`: if a server of that name exists it is returned, and no
    /// second one is made.
    ///
    /// Errors: `capacity` (try another offer), `quota` (no other can be had either), `rejected`, `denied`,
    /// `retry_later`: nothing was made.
    /// `in_doubt`: it may have been made; look with `find` before anything else.
    virtual Result<Server> create(Call const& call, ServerRequest const& request) = 0;

    /// Ends a server for good. Success means the provider has accepted it, not that it is gone: it is gone when it is
    /// no longer listed. `not_found` counts as success. Idempotent under `id`. Harmless when late, since ids are
    /// never used again.
    virtual Result<> destroy(Call const& call, ServerId const& id) = 0;
};

}  // namespace rgrid
