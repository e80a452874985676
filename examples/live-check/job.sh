#!/bin/sh
# What runs on the rented server.
set -eu
echo "hello from $(uname -n), $(uname -sr)"
uname -n > host.txt
