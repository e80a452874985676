#pragma once

#include <sys/types.h>
#include <boost/describe/class.hpp>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/base/time.hpp>
#include <rgrid/model/offer.hpp>
#include <string>

#include "adapters/process/fd.hpp"

namespace rgrid::process {

/// What a server's folder says of it, in server.json.
struct ServerRecord {
    ServerId id;
    ServerName name;
    FleetId fleet;
    PoolName pool;
    OfferKey offer;
    StoreId store;
    Generation generation;
    int slots = 1;
    Instant created;             ///< For people.
    Duration created_steady{0};  ///< Means something as long as the machine runs, as does the keeper.
    Duration boot_delay{0};
    Duration stop_grace{0};
    std::string scratch;  ///< Goes with the server; empty: nothing does.
};
BOOST_DESCRIBE_STRUCT(ServerRecord, (),
                      (id, name, fleet, pool, offer, store, generation, slots, created, created_steady, boot_delay,
                       stop_grace, scratch))

inline constexpr char record_file[] = "server.json";
inline constexpr char lock_file[] = "lock";
inline constexpr char log_file[] = "agent.log";
inline constexpr char deleting_file[] = "deleting";

/// The environment variable by which all processes of a server are marked.
inline constexpr char server_mark[] = "RGRID_SERVER_ID";

/// Folders with these beginnings are on their way in or out and no servers; a server's name begins with no dot.
inline constexpr char coming[] = ".new-";
inline constexpr char going[] = ".gone-";

/// Errors: `not_found`, `rejected` (may not be read, is not what a record looks like), `retry_later`.
Result<ServerRecord> read_record(std::string const& folder);

/// Errors: `retry_later`, `denied`.
Result<> write_record(std::string const& folder, ServerRecord const& record);

/// Removes what the server's agent kept outside of its folder, as far as it can.
void remove_scratch(ServerRecord const& record);

/// The process that holds the folder's lock; 0 if none does. The kernel names it, so it cannot be mistaken.
/// Errors: `denied`, `retry_later`.
Result<pid_t> keeper_of(std::string const& folder);

/// Asks the folder's keeper to end. `not_found` if it has none.
///
/// The keeper's pid cannot have passed to another process: the lock is looked at again after a handle of the process
/// was taken, and a keeper holds its lock as long as it lives.
Result<> signal_keeper(std::string const& folder, int signal);

}  // namespace rgrid::process
