#!/usr/bin/env python3
"""Checks the arrows between layers: check.py ROOT [TABLE]

Reads every #include of ROOT/include and ROOT/src and compares it with the table (ROOT/cmake/layers.txt). Prints each
offence as FILE:LINE and exits with 1 if there is one. Also keeps clocks, randomness and streams out of the decisions,
and clocks out of everything but the system adapter.
"""

import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
COMMENT_OR_STRING = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'""", re.S)

# What a pure decision cannot contain, whatever it includes.
IMPURE = [
    (re.compile(r"::now\s*\("), "a decision reads a clock; time is a member of the snapshot"),
    (re.compile(r"#\s*include\s*<(random|iostream|fstream|thread|mutex|unordered_map|unordered_set)>"),
     "a decision is pure and deterministic; it cannot need <{0}>"),
    (re.compile(r"\b(random_device|mt19937(?:_64)?|rand|getenv)\s*[({]"), "a decision is pure; it cannot use {0}"),
]
WALL_OR_STEADY_CLOCK = re.compile(r"\b(?:system|steady|high_resolution)_clock::now\s*\(")


def read_table(path):
    """layer -> (allowed layers, allowed third-party prefixes)"""
    table = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        columns = [column.strip() for column in line.split("|")]
        if len(columns) != 3:
            sys.exit(f"{path}:{number}: expected 'layer | layers | third-party headers', found {line!r}")
        table[columns[0]] = (set(columns[1].split()) | {columns[0]}, tuple(columns[2].split()))
    for layer, (allowed, _) in table.items():
        for other in sorted(allowed - set(table)):
            sys.exit(f"{path}: layer {layer} may include {other}, which is no layer of the table")
    return table


def layer_of(relative):
    """The layer of a path below include/rgrid or src: its folder, or its first two for adapters; a header beside the
    folders, which includes several of them, is one by itself."""
    parts = Path(relative).parts
    if len(parts) == 1:
        return parts[0]
    depth = 2 if parts[0] == "adapters" else 1
    return "/".join(parts[:depth]) if len(parts) > depth else None


def project_target(root, file, spelling):
    """The path below include/rgrid or src that an include means, or None if it is not ours."""
    if spelling.startswith("rgrid/"):
        return spelling.removeprefix("rgrid/")
    for base in (file.parent, root / "src"):
        found = (base / spelling).resolve()
        if found.is_file():
            for tree in (root / "src", root / "include/rgrid"):
                if found.is_relative_to(tree.resolve()):
                    return str(found.relative_to(tree.resolve()))
    return None


def is_third_party(spelling):
    """The standard library's headers have neither a folder nor an ending."""
    return "/" in spelling or "." in spelling


def check_include(root, file, layer, public, quote, spelling, table):
    allowed, third_party = table[layer]
    target = project_target(root, file, spelling)
    if target is None and quote == '"':
        return f'includes "{spelling}", which is neither beside it nor below src/'
    if target is not None:
        other = layer_of(target)
        if other not in table:
            return f"includes {spelling}, which belongs to no layer of the table"
        if other not in allowed:
            return f"{layer} may not include {other} ({spelling}); it may include {', '.join(sorted(allowed))}"
    elif public and is_third_party(spelling) and not spelling.startswith(third_party):
        permitted = " ".join(third_party) or "none"
        return f"a public header of {layer} may not include <{spelling}>; third-party headers permitted: {permitted}"
    return None


def without_comments(text):
    """The text with comments and strings blanked, so that line numbers stay; includes keep their quotes."""

    def blank(match):
        found = match.group(0)
        return found if found[0] in "\"'" else re.sub(r"[^\n]", " ", found)

    return COMMENT_OR_STRING.sub(blank, text)


def check_purity(layer, lines):
    for number, line in lines:
        code = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
        if layer == "policy":
            for pattern, complaint in IMPURE:
                if found := pattern.search(code):
                    yield number, complaint.format(*found.groups())
        elif layer != "adapters/system" and WALL_OR_STEADY_CLOCK.search(code):
            yield number, "reads a clock of the standard library; time comes from the Clock port"


def check_file(root, file, tree, public, table):
    layer = layer_of(file.relative_to(tree))
    if layer not in table:
        yield 1, f"lies in no layer of the table (found {layer or 'no folder'})"
        return
    lines = list(enumerate(without_comments(file.read_text(errors="replace")).splitlines(), 1))
    for number, line in lines:
        if found := INCLUDE.match(line):
            if offence := check_include(root, file, layer, public, *found.groups(), table):
                yield number, offence
    yield from check_purity(layer, lines)


def check_tree(root, table):
    """Yields (path, line, offence); the last value says how many files were read."""
    count = 0
    for tree, public in ((root / "include/rgrid", True), (root / "src", False)):
        for file in sorted(path for path in tree.rglob("*") if path.suffix in (".hpp", ".cpp", ".ipp", ".h")):
            count += 1
            for number, offence in check_file(root, file, tree, public, table):
                yield file.relative_to(root), number, offence
    if count == 0:
        yield Path("include/rgrid"), 1, "no sources found: nothing was checked"


def main(arguments):
    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    root = Path(arguments[0]).resolve()
    table = read_table(Path(arguments[1]) if len(arguments) == 2 else root / "cmake/layers.txt")
    offences = list(check_tree(root, table))
    for path, number, offence in offences:
        print(f"{path}:{number}: {offence}")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
