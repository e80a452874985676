"""What the documentation checks read of a Markdown page: its fenced blocks, headings, links and code spans."""

import re
import unicodedata
from dataclasses import dataclass

FENCE = re.compile(r"^(\s*)(```+|~~~+)\s*([\w+-]*)\s*$")
LINK = re.compile(r"\[[^\]\[]*\]\(([^()\s]+)\)")
SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)")


@dataclass
class Block:
    language: str
    line: int  # Of the first line inside the fence.
    text: str


@dataclass
class Page:
    blocks: list
    prose: list  # (line number, text) of every line outside of fenced and indented blocks.

    def links(self):
        return [(line, match[1]) for line, text in self.prose for match in LINK.finditer(SPAN.sub("", text))] + [
            (line, match[1]) for line, text in self.prose for match in LINK.finditer(text)
            if SPAN.search(match[0])]

    def code_spans(self):
        return [(line, match[2].strip()) for line, text in self.prose for match in SPAN.finditer(text)]

    def anchors(self):
        """The names of the headings, as GitHub makes them."""
        seen = {}
        for _, text in self.prose:
            heading = re.match(r"^#{1,6}\s+(.*?)\s*$", text)
            if not heading:
                continue
            slug = "".join(c for c in heading[1].lower() if unicodedata.category(c)[0] in "LN" or c in " -_")
            slug = slug.replace(" ", "-")
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            if count:
                seen[f"{slug}-{count}"] = 1
        return set(seen)


def read_page(text):
    blocks, prose, fence, begin, lines = [], [], None, 0, []
    before = ""
    for number, line in enumerate(text.splitlines(), 1):
        match = FENCE.match(line)
        if fence is None and match:
            fence, language, begin, lines = match[2], match[3], number + 1, []
        elif fence is not None and line.strip() == fence:
            blocks.append(Block(language, begin, "".join(f"{one}\n" for one in lines)))
            fence = None
        elif fence is not None:
            lines.append(line)
        elif not (line.startswith("    ") and (not before.strip() or before.startswith("    "))):
            prose.append((number, line))
        before = line
    if fence is not None:
        raise ValueError(f"line {begin - 1}: this block is never closed")
    return Page(blocks, prose)
