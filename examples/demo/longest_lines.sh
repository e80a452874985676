#!/bin/sh
# Writes the three longest lines of a text file and how many lines it has to lines.txt.
set -eu
wc -l < "$1" > lines.txt
awk '{ print length($0) "\t" $0 }' "$1" | sort -rn | head -n 3 >> lines.txt
echo "$1: $(head -n 1 lines.txt) lines"
