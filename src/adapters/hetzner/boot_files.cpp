#include "adapters/hetzner/boot_files.hpp"

namespace rgrid::hetzner {

// A table of its own, so that it neither depends on Docker's rules nor is lost with them, and a container cannot get
// around it: an accept in another table does not undo a reject here.
std::string_view const metadata_rules = R"(table inet rgrid_metadata
delete table inet rgrid_metadata
table inet rgrid_metadata {
    chain own {
        type filter hook output priority -10; policy accept;
        ip daddr 169.254.169.254 reject
        ip6 daddr fe80::a9fe:a9fe reject
    }
    chain containers {
        type filter hook forward priority -10; policy accept;
        ip daddr 169.254.169.254 reject
        ip6 daddr fe80::a9fe:a9fe reject
    }
}
)";

// After cloud-init has read its own data, also when the server starts again, and before anything that runs jobs.
std::string_view const firewall_unit = R"([Unit]
Description=RGrid: no job reads the metadata of this server
After=cloud-init.service cloud-init-network.service nftables.service
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /etc/rgrid/metadata.nft

[Install]
WantedBy=multi-user.target
)";

// No PrivateTmp: a job may tell Docker of files in /tmp. No limits of namespaces or system calls: jobs are any
// programs.
std::string_view const agent_unit = R"([Unit]
Description=RGrid agent: runs jobs of a queue on this machine
After=network-online.target docker.service rgrid-firewall.service
Wants=network-online.target
Requires=rgrid-firewall.service
StartLimitIntervalSec=0

[Install]
WantedBy=multi-user.target

[Service]
User=rgrid
StateDirectory=rgrid
StateDirectoryMode=0750
EnvironmentFile=/etc/rgrid/agent.env
KillMode=mixed
OOMPolicy=continue
TasksMax=infinity
LimitNOFILE=65536
UMask=0027

# Wrong use (2) is not mended by trying again.
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2

NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ReadWritePaths=/tmp /var/tmp
ProtectHome=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
)";

std::string_view const images_unit = R"([Unit]
Description=RGrid: pulls the images that jobs are likely to want
After=docker.service

[Service]
Type=oneshot
Nice=19
ExecStart=/bin/bash /usr/local/lib/rgrid/boot.sh images
)";

std::string_view const ray_unit = R"([Unit]
Description=RGrid: makes this worker a part of a Ray cluster
After=network-online.target rgrid-firewall.service
Wants=network-online.target
Requires=rgrid-firewall.service
StartLimitIntervalSec=0

[Service]
User=rgrid
StateDirectory=rgrid
StateDirectoryMode=0750
EnvironmentFile=/etc/rgrid/ray.env
ExecStartPre=+/bin/bash /usr/local/lib/rgrid/boot.sh ray
ExecStart=/opt/rgrid-ray/bin/ray start --address=${RGRID_RAY_HEAD} --block
TimeoutStartSec=30min
Restart=on-failure
RestartSec=15
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=full
ProtectHome=yes

[Install]
WantedBy=multi-user.target
)";

}  // namespace rgrid::hetzner
