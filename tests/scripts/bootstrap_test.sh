#!/bin/bash
# bootstrap_test.sh SOURCE: scripts/bootstrap on machines that are made up: its PATH holds only what each case puts there.
set -euo pipefail

bootstrap=$1/scripts/bootstrap
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A machine with the usual tools; the cases add what matters to them.
machine() {
    rm -rf "$work/bin" "$work/asked"
    mkdir "$work/bin"
    for tool in bash cat env mktemp rm; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done
}

# program NAME BODY: puts a shell script into the machine.
# Never through one of the links: those are the tools of the real machine.
program() { rm -f "$work/bin/$1" && printf '#!/bin/bash\n%s\n' "$2" >"$work/bin/$1" && chmod +x "$work/bin/$1"; }

# expect CODE TEXT...: runs bootstrap and checks its exit code, and that its output holds each text.
expect() {
    local code=0 output wanted=$1
    shift
    output=$(PATH=$work/bin bash "$bootstrap" 2>&1) || code=$?
    if [ "$code" -ne "$wanted" ]; then echo "exit code $code, expected $wanted; it said: $output"; exit 1; fi
    for text; do
        if [[ $output != *"$text"* ]]; then echo "expected '$text' in: $output"; exit 1; fi
    done
    if [ $# -eq 0 ] && [ -n "$output" ]; then echo "expected no output, found: $output"; exit 1; fi
}

all_but_cmake='[ "${@: -1}" = cmake ] && echo not-installed || echo installed'
record="echo \"\$*\" >>$work/asked"

machine  # Nothing is missing: nothing is said and nothing is touched.
program dpkg-query 'echo installed'
program apt-get "$record"
program id 'echo 1000'
expect 0
[ ! -e "$work/asked" ]

machine  # Root needs no sudo, and only what is missing is installed.
program dpkg-query "$all_but_cmake"
program apt-get "$record"
program id 'echo 0'
expect 0 'installing 1 missing packages with apt: cmake'
grep -q -- '--no-install-recommends cmake$' "$work/asked"

machine  # A database server is installed for tests and not set up for the machine.
program dpkg-query '[ "${@: -1}" = postgresql-15 ] && echo not-installed || echo installed'
program apt-get "$record"
program install "echo \"install \$*: \$(cat)\" >>$work/asked"
program id 'echo 0'
expect 0 'installing 1 missing packages with apt: postgresql-15'
grep -q '^install .*/etc/postgresql-common/createcluster.d/.*: create_main_cluster = false$' "$work/asked"
grep -q -- '--no-install-recommends postgresql-15$' "$work/asked"

machine  # A pooler is installed for tests, and the service that Debian makes of it is switched off.
program dpkg-query '[ "${@: -1}" = pgbouncer ] && echo not-installed || echo installed'
program apt-get "$record"
program systemctl "echo \"systemctl \$*\" >>$work/asked"
program id 'echo 0'
expect 0 'installing 1 missing packages with apt: pgbouncer'
[ "$(tail -n 1 "$work/asked")" = 'systemctl disable --quiet --now pgbouncer' ]

machine  # A user is told why sudo asks.
program dpkg-query "$all_but_cmake"
program apt-get "$record"
program id 'echo 1000'
program sudo '"$@"'
expect 0 'sudo is needed because only root may install packages'
grep -q ' cmake$' "$work/asked"

machine  # A user without sudo is given the command for whoever is root.
program dpkg-query "$all_but_cmake"
program apt-get "$record"
program id 'echo 1000'
expect 1 'only root may install them' 'apt-get install --no-install-recommends cmake'
[ ! -e "$work/asked" ]

machine  # What apt says is shown when it fails.
program dpkg-query "$all_but_cmake"
program apt-get 'echo "Temporary failure resolving"; exit 100'
program id 'echo 0'
expect 1 'Temporary failure resolving' 'Is there a network'

machine  # Another kind of system: it says what is needed and does not stand in the way.
expect 0 'this system has no apt' 'libsqlite3-dev' 'libclang-rt-14-dev'

echo "8 machines"
