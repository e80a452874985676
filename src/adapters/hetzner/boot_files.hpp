#pragma once

#include <string_view>

/// What is the same on each worker: its scripts, units and rules. Everything that differs reaches them through files of
/// assignments in /etc/rgrid.
namespace rgrid::hetzner {

/// "boot" makes a server a worker; "images" and "ray" are what is done beside its work.
extern std::string_view const boot_script;

/// Keeps the metadata service, which tells `user_data` and with it the token, from everything on the server.
extern std::string_view const metadata_rules;

extern std::string_view const firewall_unit;
extern std::string_view const images_unit;
extern std::string_view const ray_unit;

/// Lacks its last line, ExecStart.
extern std::string_view const agent_unit;

}  // namespace rgrid::hetzner
