"""Counts the words of a text file and finds the lines that resemble each other most; writes counts.json."""

import collections
import difflib
import json
import re
import sys


def count_words(text):
    return collections.Counter(re.findall(r"[a-z]+", text.lower()))


def most_similar_lines(lines):
    matcher = difflib.SequenceMatcher(autojunk=False)
    best = (0.0, "", "")
    for i, line in enumerate(lines):
        matcher.set_seq2(line)
        for other in lines[:i]:
            matcher.set_seq1(other)
            if matcher.real_quick_ratio() > best[0] and matcher.quick_ratio() > best[0]:
                best = max(best, (matcher.ratio(), other, line))
    return best


def main(path):
    with open(path) as file:
        text = file.read()
    words = count_words(text)
    print(f"{path}: {sum(words.values())} words, {len(words)} different ones", flush=True)
    ratio, first, second = most_similar_lines(text.splitlines()[:120])
    print(f"most similar lines ({ratio:.2f}): {first!r} and {second!r}")
    with open("counts.json", "w") as file:
        json.dump({"words": sum(words.values()), "different": len(words), "top": words.most_common(5)}, file)


if __name__ == "__main__":
    main(sys.argv[1])
