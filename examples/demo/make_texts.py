"""Writes a folder of text files to count: the same files every time."""

import random
import sys

SYLLABLES = "ba be bi bo da de di do ka ke ki ko la le li lo ma me mi mo na ne ni no ra re ri ro sa se si so ta te ti to".split()


def make_words(source, count):
    return ["".join(source.choice(SYLLABLES) for _ in range(source.choice((1, 2, 2, 3, 3, 4)))) for _ in range(count)]


def make_text(source, words, weights, length):
    lines = []
    while length > 0:
        line = " ".join(source.choices(words, weights, k=source.randint(6, 14)))
        lines.append(line.capitalize() + ".")
        length -= len(line) + 2
    return "\n".join(lines) + "\n"


def main(folder, files):
    source = random.Random(20260310)
    words = make_words(source, 4000)
    weights = [1 / (rank + 3) for rank in range(len(words))]
    for number in range(1, files + 1):
        with open(f"{folder}/chapter-{number:02}.txt", "w") as file:
            file.write(make_text(source, words, weights, source.randint(90_000, 180_000)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
