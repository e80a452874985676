#!/usr/bin/env python3
"""Checks that every public header compiles on its own: check.py FOLDER COMPILER [FLAGS...]

A header below FOLDER is compiled twice in a row, so that one without an include guard is found as well. Prints what the
compiler says of each that does not compile and exits with 1 if there is one.

Headers have much in common, so a few of them are precompiled. A header is compiled after a precompiled one only if it
includes that one, directly or through others: it is then given nothing that it did not ask for, and what it asked for
was checked on its own. That is true as long as includes come before everything else in a header, which is checked too.
"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
# What a header costs, in characters of ours: reading one that is not ours, and precompiling one at all.
FOREIGN = {"gtest/gtest.h": 120_000, "gmock/gmock.h": 150_000, "boost/json/value.hpp": 120_000}
OTHER_FOREIGN, PRECOMPILING = 6_000, 150_000


def read_header(path):
    """(what it includes, the line of an include that comes too late or None)"""
    included, late, began = [], None, False
    text = COMMENT.sub(lambda comment: re.sub(r"[^\n]", " ", comment[0]), path.read_text())
    for number, line in enumerate(text.splitlines(), 1):
        if found := INCLUDE.match(line):
            included.append(found[1])
            late = late or (number if began else None)
        elif line.strip() and not line.lstrip().startswith("#"):
            began = True
    return included, late


class Headers:
    """The headers of a folder and what each includes."""

    def __init__(self, folder):
        self.late, self.included, self.sizes, self.reached = {}, {}, {}, {}
        for path in sorted(folder.rglob("*.hpp")):
            name = path.relative_to(folder).as_posix()
            self.included[name], self.late[name] = read_header(path)
            self.sizes[name] = path.stat().st_size
        for name in self.included:
            self.reach(name)

    def reach(self, name):
        """The header and everything that it includes, directly or through others."""
        if name not in self.reached:
            self.reached[name] = {name}  # Headers that include each other end here.
            for other in self.included.get(name, ()):
                self.reached[name] |= self.reach(other)
        return self.reached[name]

    def cost(self, name, base=None):
        """What is left to compile of a header after the precompiled base, which it includes."""
        left = self.reached[name] - (self.reached[base] if base else set())
        return sum(self.sizes.get(each, FOREIGN.get(each, OTHER_FOREIGN)) for each in left)

    def bases(self):
        """For each header the precompiled one to compile it after, or None; a precompiled one has itself."""
        base_of = dict.fromkeys(self.included)

        def gain(base):
            return sum(max(0, self.cost(name, base_of[name]) - self.cost(name, base))
                       for name in base_of if base in self.reached[name])

        while base_of:
            best = max(base_of, key=gain)
            if gain(best) < self.cost(best) + PRECOMPILING:
                break
            for name in base_of:
                if best in self.reached[name] and self.cost(name, best) < self.cost(name, base_of[name]):
                    base_of[name] = best
        return base_of


class Compiler:
    def __init__(self, command, folder, work):
        self.command = [*command, "-std=c++20", "-Winvalid-pch", f"-I{folder}"]
        self.work = work

    def run(self, source, *arguments):
        """What the compiler says of a source, or nothing."""
        done = subprocess.run([*self.command, *arguments, source], capture_output=True, text=True)
        return "" if done.returncode == 0 else done.stderr or f"the compiler ended with {done.returncode}"

    def place_of(self, header, ending=""):
        return self.work / f"{header.replace('/', '_')}{ending}"

    def check(self, header, base):
        source = self.place_of(header, ".cpp")
        source.write_text(f"#include <{header}>\n#include <{header}>\n")
        if header != base:
            after = ["-include", self.place_of(base)] if base else []
            return self.run(source, *after, "-fsyntax-only")
        self.place_of(base).write_text("#error The precompiled header beside this was not used.\n")
        return self.run(source, "-x", "c++-header", "-o", self.place_of(base, ".gch"))


def check_headers(folder, command, jobs):
    """Yields (header, what is wrong with it)."""
    headers = Headers(folder)
    if not headers.included:
        yield folder, "no headers found: nothing was checked"
    for name, line in headers.late.items():
        if line:
            yield name, f"line {line}: includes come before everything else in a header"
    base_of = headers.bases()
    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor(jobs) as pool:
        compiler = Compiler(command, folder, Path(work))
        broken = set()
        for is_base in (True, False):
            names = [name for name, base in base_of.items() if (name == base) == is_base]
            given = [None if base_of[name] in broken else base_of[name] for name in names]
            for name, said in zip(names, pool.map(compiler.check, names, given)):
                if said:
                    broken.add(name)
                    yield name, said


def main(arguments):
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    os.nice(10)  # Tests that run beside this one wait for clocks.
    offences = 0
    for name, said in check_headers(Path(arguments[0]).resolve(), arguments[1:], os.cpu_count() or 2):
        offences += 1
        print(f"{name}: does not compile on its own:\n{said}" if "\n" in said else f"{name}: {said}", flush=True)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
