"""Reads the user data of the golden files without a YAML library. golden_test.py shows that one reads the same."""

import re
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "conformance/hetzner/golden"


def files(text):
    """{path: content} of write_files."""
    found = {}
    for item in re.split(r"^  - path: ", text.partition("\nruncmd:\n")[0], flags=re.MULTILINE)[1:]:
        head, _, body = item.partition("    content: |2\n")
        found[head.splitlines()[0]] = re.sub("^      ", "", body, flags=re.MULTILINE).rstrip("\n") + "\n"
    return found
