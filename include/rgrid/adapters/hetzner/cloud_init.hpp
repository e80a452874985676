#pragma once

#include <boost/describe/class.hpp>
#include <cstddef>
#include <optional>
#include <rgrid/base/id.hpp>
#include <rgrid/base/result.hpp>
#include <rgrid/base/secret.hpp>
#include <string>
#include <vector>

namespace rgrid::hetzner {

/// The Ray cluster that a worker joins.
struct RayJoin {
    std::string head;     ///< HOST:PORT of its head.
    std::string version;  ///< Of Ray, as pip knows it; that of the head.

    friend bool operator==(RayJoin const&, RayJoin const&) = default;
};
BOOST_DESCRIBE_STRUCT(RayJoin, (), (head, version))

/// What a new server has to know to become a worker.
struct BootSpec {
    ServerName server;  ///< Also the name of its worker.
    FleetId fleet;
    PoolName pool;
    int slots = 1;
    std::string gateway;  ///< https://HOST:PORT; plain http only to a loopback address.
    std::string ca;       ///< PEM text of the authorities to believe; empty: the system's.
    Secret token;         ///< Of this worker. Not described: never written down.

    /// SHA-256 of the agent's file, as 64 hexadecimal digits. It is fetched from `agent_url`, or if that is empty from
    /// the gateway, which serves it under this number.
    std::string agent_sha256;
    std::string agent_url;
    /// The agent's path, if it is in the image already; nothing is fetched then.
    std::string agent_path;

    /// Jobs may use Docker; its engine is installed unless the image has it. Who may use it may become root of the
    /// server, and root reads the token.
    bool docker = true;
    std::vector<std::string> images;  ///< Pulled in this order once jobs are taken, before `standard_images()`.
    std::optional<RayJoin> ray;
    bool private_network = false;   ///< Wait for an address in a private network before anything is fetched.
    std::string private_interface;  ///< Its interface; empty: any.

    friend bool operator==(BootSpec const&, BootSpec const&) = default;
};
BOOST_DESCRIBE_STRUCT(BootSpec, (),
                      (server, fleet, pool, slots, gateway, ca, agent_sha256, agent_url, agent_path, docker, images,
                       ray, private_network, private_interface))

/// How many bytes of `user_data` Hetzner takes.
inline constexpr std::size_t max_user_data = 32'768;

/// The images that each worker with Docker pulls after those of its pool.
[[nodiscard]] std::vector<std::string> const& standard_images();

/// The `user_data` of a new server with Ubuntu 22.04, Ubuntu 24.04 or Debian 12: cloud-init's YAML. It holds the
/// worker's token and no other secret. Pure.
///
/// The server tells the gateway its stages (`POST /v1/workers/W/boot-log`), each as a text whose first line is
/// "rgrid-boot: stage=STAGE": booting, installing, starting, ready; later "images pulled=N failed=M" and "ray". A boot
/// that fails tells "failed at=STAGE status=N reason=SENTENCE", followed by the end of its log.
///
/// Errors: `rejected`, naming what cannot be used, or how many bytes there would be.
[[nodiscard]] Result<std::string> cloud_init(BootSpec const& spec);

}  // namespace rgrid::hetzner
