#include "adapters/hetzner/boot_files.hpp"

namespace rgrid::hetzner {

std::string_view const boot_script = R"script(#!/bin/bash
# Makes this server a worker (boot), and what is done beside its work (images, ray). The gateway is told of each stage,
# and of a failure with the end of the log.
set -Eeuo pipefail
umask 022
export LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1

task=$1
log=/var/log/rgrid-$task.log
(umask 077 && touch "$log")
exec >>"$log" 2>&1
# Not exported: no program that is started here sees the token.
# shellcheck source=/dev/null
. /etc/rgrid/agent.env
# shellcheck source=/dev/null
. /etc/rgrid/boot.env

stage=$task
reason=

say() { printf '%s %s\n' "$(date -u +%FT%TZ)" "$*"; }

die() {
    reason=$1
    say "$1"
    exit 1
}

# again TIMES COMMAND...: until it succeeds, with breaks of up to 30 s.
again() {
    local times=$1 pause=1 n
    shift
    for ((n = 1; ; n++)); do
        "$@" && return 0
        ((n < times)) || return 1
        say "try $n of $times failed; the next one in $pause s: $1"
        sleep "$pause"
        pause=$((pause < 15 ? pause * 2 : 30))
    done
}

# ask URL OPTION...: with nothing of the request on a command line that others may read but the URL.
ask() {
    local url=$1 trust=()
    shift
    [ -z "${RGRID_CA:-}" ] || trust=(--cacert "$RGRID_CA")
    curl --disable --silent --show-error --fail --globoff --proto "=${url%%:*}" --connect-timeout 10 \
        "${trust[@]}" "$@" --url "$url"
}

# tell TEXT: to the gateway; its answer is all that is waited for.
tell() {
    ask "$RGRID_GATEWAY/v1/workers/$RGRID_SERVER/boot-log" --max-time 20 --output /dev/null \
        --header @<(printf 'Authorization: Bearer %s\n' "$RGRID_TOKEN") --header 'Content-Type: text/plain' \
        --data-binary @- <<<"$1"
}

# report STAGE [TEXT]
report() {
    say "stage $1"
    tell "rgrid-boot: stage=$1${2:+$'\n'$2}" || say "the gateway could not be told"
}

enter() {
    stage=$1
    report "$1"
}

# The end of a log, as text that any other log can take.
end_of_log() {
    local text
    text=$(tail -c 48000 "$log" | tr -cd '\t\n -~')
    printf '%s' "${text//"$RGRID_TOKEN"/***}"
}

# Of the command only the words of the script, in which no variable has its value yet.
on_error() {
    local status=$?
    [ -n "$reason" ] || reason="line $1 exited with $status: ${2%%$'\n'*}"
}
trap 'on_error "$LINENO" "$BASH_COMMAND"' ERR

on_exit() {
    local status=$?
    trap - EXIT ERR
    set +e
    [ "$status" -ne 0 ] || exit 0
    [ -n "$reason" ] || reason="exit code $status"
    say "failed in stage $stage: $reason"
    reason="at=$stage status=$status reason=${reason//"$RGRID_TOKEN"/***}"
    again 8 tell "rgrid-boot: stage=failed $reason"$'\n'"$(end_of_log)" || say "the gateway could not be told"
    exit "$status"
}
trap on_exit EXIT
# Like all that is waited for, short enough that a failure is told before the server is given up.
# Nobody waits for the lock of the lists, which apt's own first look may hold; only tries do.
update_lists() { timeout 120 apt-get -q update; }

install_packages() {
    timeout 400 apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 \
        -o Dpkg::Options::=--force-confold install "$@"
}

# Names what the image lacks.
missing_packages() {
    command -v curl >/dev/null || echo curl ca-certificates
    command -v nft >/dev/null || echo nftables
    # Where the kernel has AppArmor, Debian's Docker starts no container without its programs.
    [ "$RGRID_DOCKER" = no ] || command -v docker >/dev/null || echo docker.io apparmor
}

install_missing() {
    local packages
    read -r -d '' -a packages < <(missing_packages) || true
    [ ${#packages[@]} -gt 0 ] || return 0
    say "installing ${packages[*]}"
    again 6 update_lists || die "apt-get could not read the lists of packages"
    again 3 install_packages "${packages[@]}" || die "apt-get could not install ${packages[*]}"
}

private_address() {
    local dev=()
    [ -z "$RGRID_PRIVATE_INTERFACE" ] || dev=(dev "$RGRID_PRIVATE_INTERFACE")
    ip -4 -o address show scope global "${dev[@]}" | grep -Ev '^[0-9]+: (docker|br-|veth)' |
        grep -E 'inet (10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.)'
}

await_private_network() {
    [ "$RGRID_PRIVATE_NETWORK" = yes ] || return 0
    again 7 private_address ||
        die "no address in a private network on ${RGRID_PRIVATE_INTERFACE:-any interface}; is the server in one?"
}

fetch_agent() { ask "$RGRID_AGENT_URL" --max-time 120 --output "$RGRID_AGENT.new"; }

install_agent() {
    local sum
    if [ -n "$RGRID_AGENT_URL" ]; then
        again 8 fetch_agent || die "the agent could not be fetched from $RGRID_AGENT_URL"
        sum=$(sha256sum <"$RGRID_AGENT.new")
        sum=${sum%% *}
        if [ "$sum" != "$RGRID_AGENT_SHA256" ]; then
            rm -f "$RGRID_AGENT.new"
            die "what $RGRID_AGENT_URL gave has the SHA-256 $sum, expected $RGRID_AGENT_SHA256"
        fi
        chmod 755 "$RGRID_AGENT.new"
        mv "$RGRID_AGENT.new" "$RGRID_AGENT"
    fi
    [ -x "$RGRID_AGENT" ] || die "the image has no agent: $RGRID_AGENT is no program"
    "$RGRID_AGENT" --version || die "$RGRID_AGENT does not run here"
}

make_user() {
    getent passwd rgrid >/dev/null ||
        useradd --system --user-group --home-dir /var/lib/rgrid --shell /usr/sbin/nologin rgrid
    # A job must not look into the agent, which runs as the same user and knows the token.
    echo 'kernel.yama.ptrace_scope = 1' >/etc/sysctl.d/60-rgrid.conf
    sysctl -q -p /etc/sysctl.d/60-rgrid.conf || say "this kernel cannot keep jobs from looking into the agent"
}

docker_answers() { docker info >/dev/null; }

start_docker() {
    [ "$RGRID_DOCKER" = yes ] || return 0
    systemctl enable --now docker.service || die "Docker's service does not start"
    again 8 docker_answers || die "Docker does not answer"
    usermod --append --groups docker rgrid
}

start_agent() {
    local n
    systemctl enable --now rgrid-agent.service || die "the agent's service does not start"
    for ((n = 0; n < 120; n++)); do
        if journalctl -q -o cat -u rgrid-agent.service | grep -F ' is registered (' >/dev/null; then return 0; fi
        if [ "$(systemctl show -P NRestarts rgrid-agent.service)" -ge 3 ] ||
            [ "$(systemctl show -P ActiveState rgrid-agent.service)" = failed ]; then
            journalctl -q -o cat -n 50 -u rgrid-agent.service || true
            die "the agent ends again and again"
        fi
        sleep 1
    done
    say "the agent runs, but has not been seen to register"
}

boot() {
    stage=booting
    await_private_network
    enter booting
    # Packages renewed under a running job could restart Docker; a worker does not live long enough to need that.
    systemctl mask --now apt-daily.timer apt-daily-upgrade.timer || true
    # It only fetches. An upgrade that has begun is waited for: dpkg must not be ended half-way.
    timeout 60 systemctl stop apt-daily.service || true
    enter installing
    install_missing
    make_user
    systemctl daemon-reload
    systemctl enable --now rgrid-firewall.service || die "the metadata service could not be kept from jobs"
    install_agent
    start_docker
    enter starting
    start_agent
    enter ready
    if [ -e /etc/rgrid/images ]; then systemctl start --no-block rgrid-images.service; fi
    if [ -e /etc/rgrid/ray.env ]; then systemctl enable --now --no-block rgrid-ray.service; fi
}

images() {
    local image pulled=0 failed=0
    while read -r image; do
        if again 3 timeout 1800 docker pull --quiet "$image"; then
            pulled=$((pulled + 1))
        else
            failed=$((failed + 1))
        fi
    done </etc/rgrid/images
    if [ "$failed" -eq 0 ]; then
        report "images pulled=$pulled failed=0"
    else
        report "images pulled=$pulled failed=$failed" "$(end_of_log)"
    fi
}

make_ray() {
    timeout 300 python3 -m venv /opt/rgrid-ray &&
        timeout 1200 /opt/rgrid-ray/bin/pip install --quiet --no-cache-dir "ray==$RGRID_RAY_VERSION"
}

ray() {
    # shellcheck source=/dev/null
    . /etc/rgrid/ray.env
    if [ ! -x /opt/rgrid-ray/bin/ray ]; then
        again 6 update_lists || die "apt-get could not read the lists of packages"
        again 3 install_packages python3-venv || die "apt-get could not install python3-venv"
        again 3 make_ray || die "Ray $RGRID_RAY_VERSION could not be installed"
    fi
    report ray
}

case $task in
    boot | images | ray) "$task" ;;
    *) die "no such task: $task" ;;
esac
)script";

}  // namespace rgrid::hetzner
