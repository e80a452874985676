#!/usr/bin/env python3
"""Checks that what docs/hetzner.md calls a message is one: messages.py ROOT

In its section "Messages" the first column of each table quotes messages, in which words in capital letters, numbers and
spans of time stand for others. What is between them has to stand in the sources; prints what does not."""

import re
import sys
from pathlib import Path

from markdown import SPAN

SOURCES = ("src/adapters/hetzner", "include/rgrid/policy", "examples/app")
# What differs from one message to the next.
OPEN = re.compile(r"\b[A-Z]{4,}\b|\b(?:WHY|SUM|URL|AGE|N)\b|(?<=[ ~(])\d+(?:m \d+)?s?\b|;")


def sources(root):
    """All that their programs can print, as one text: a literal that is broken over lines is one."""
    files = [file for folder in SOURCES for file in sorted((root / folder).rglob("*.[ch]pp"))]
    text = "\n".join(file.read_text() for file in files)
    return re.sub(r'"\s*\n\s*"', "", text).replace('\\"', '"')


def messages(page):
    """(line number, text) of each quoted message."""
    inside = False
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith("## "):
            inside = line == "## Messages"
        elif inside and line.startswith("| `"):
            yield from ((number, match[2]) for match in SPAN.finditer(line.split(" | ")[0]))


def is_said(words, text):
    """Whether the words are made of pieces that the sources have, each of two words or more but the last."""
    while words:
        least = min(2, len(words))
        lengths = [n for n in range(len(words), least - 1, -1) if " ".join(words[:n]) in text]
        if not lengths:
            return False
        words = words[lengths[0]:]
    return True


def missing(message, text):
    """The parts of a message that no source has."""
    parts = [part.strip(' ()"') for part in OPEN.split(message)]
    return [part for part in parts if not is_said(part.split(), text)]


def main(root):
    page = root / "docs/hetzner.md"
    text = sources(root)
    found = list(messages(page.read_text()))
    offences = [(line, message, parts) for line, message in found if (parts := missing(message, text))]
    for line, message, parts in offences:
        print(f"docs/hetzner.md:{line}: nothing says {message!r}: not found: {parts}")
    if not found:
        print("docs/hetzner.md: no messages")
    return 1 if offences or not found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) if len(sys.argv) == 2 else __doc__)
