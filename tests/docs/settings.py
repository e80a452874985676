#!/usr/bin/env python3
"""Checks that docs/settings.md ends with what 'rgrid config reference' prints: settings.py RGRID PAGE [--write]

With --write it puts it there.
"""

import subprocess
import sys
from pathlib import Path

MARK = "<!-- What follows is printed by 'rgrid config reference'. -->\n"


def main(rgrid, page, *options):
    page = Path(page)
    reference = subprocess.run([rgrid, "config", "reference"], check=True, capture_output=True, text=True).stdout
    head, mark, found = page.read_text().partition(MARK)
    if not mark:
        sys.exit(f"{page} has no line {MARK.strip()!r}")
    expected = "\n" + reference
    if "--write" in options:
        page.write_text(head + mark + expected)
    elif found != expected:
        sys.exit(f"{page} is not what 'rgrid config reference' prints; bring it up to date with\n"
                 f"    tests/docs/settings.py {rgrid} {page} --write")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
