#!/bin/bash
# run.sh WAY SOURCE BUILD: uses RGrid as its users do. BUILD is a built tree of SOURCE; it is installed to a temporary
# prefix, and the consumer project in this folder is configured, built and run against it.
set -euo pipefail

way=$1 source=$2 build=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The same compiler and, because sanitizers have to match, the same flags; neither optimised nor debuggable.
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
settings=(-G "$(cached CMAKE_GENERATOR)" -DCMAKE_BUILD_TYPE= -DCMAKE_UNITY_BUILD=ON)
for name in CMAKE_CXX_COMPILER CMAKE_CXX_FLAGS; do settings+=("-D$name=$(cached "$name")"); done
if ccache=$(command -v ccache); then settings+=("-DCMAKE_CXX_COMPILER_LAUNCHER=$ccache"); fi

# A machine that has nothing but a compiler and Boost's headers.
bare=()
for package in SQLite3 OpenSSL tomlplusplus boost_json boost_context ZLIB PostgreSQL Libpqxx CLI11 spdlog GTest pybind11; do
    bare+=("-DCMAKE_DISABLE_FIND_PACKAGE_$package=ON")
done

# Runs a command and shows its output only if it fails.
quietly() { "$@" >"$work/log" 2>&1 || { echo "failed: $*"; cat "$work/log"; exit 1; }; }

install_tree() {
    quietly cmake --install "$1" --prefix "$work/prefix"
    if grep -rl "$source" "$work/prefix"/lib*/cmake "$work/prefix"/lib*/*/cmake "$work/prefix/include" 2>"$work/grep"; then
        echo "the files above were installed and name the source tree $source"
        exit 1
    fi
}

# consume PROJECT SETTING...: configures, builds and runs a consumer.
consume() {
    local project=$1
    shift
    quietly cmake -S "$here/$project" -B "$work/build" "${settings[@]}" "$@"
    quietly cmake --build "$work/build"
    "$work/build/consumer"
}

case $way in
core_installed)
    install_tree "$build"
    consume core "-DCMAKE_PREFIX_PATH=$work/prefix" "${bare[@]}"
    ;;
core_alone)
    quietly cmake -S "$source" -B "$work/rgrid" "${settings[@]}" -DRGRID_CORE_ONLY=ON "${bare[@]}"
    install_tree "$work/rgrid"
    consume core "-DCMAKE_PREFIX_PATH=$work/prefix" "${bare[@]}"
    ;;
full_installed)
    install_tree "$build"
    consume full "-DCMAKE_PREFIX_PATH=$work/prefix"
    ;;
full_subdirectory)
    consume full "-DRGRID_SUBDIRECTORY=$source"
    ;;
unknown_component)
    install_tree "$build"
    if cmake -S "$here/core" -B "$work/build" "${settings[@]}" "-DCMAKE_PREFIX_PATH=$work/prefix" \
        -DRGRID_COMPONENT=cloud >"$work/log" 2>&1; then
        echo "find_package accepted a component that does not exist"
        exit 1
    fi
    # CMake wraps its messages.
    if ! tr -s ' \n' ' ' <"$work/log" | grep -F "There is no component 'cloud'; expected one of core, config,"; then
        echo "find_package refused a component that does not exist, but did not say which do:"
        cat "$work/log"
        exit 1
    fi
    ;;
*)
    echo "unknown way '$way'"
    exit 2
    ;;
esac
