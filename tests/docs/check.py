#!/usr/bin/env python3
"""Checks that the documentation is true: check.py ROOT PROGRAMS COMPILER [FLAGS...] [-- LIBRARIES...]

In README.md, CONTRIBUTING.md, CHANGELOG.md and docs/**/*.md: every call of rgrid and rgridd in a block of shell commands,
in a transcript and in backticks names commands and options that the programs in the folder PROGRAMS have; every
relative link and every path in backticks leads somewhere; every TOML block is a configuration that rgridd accepts;
every C++ block with a main() compiles with COMPILER, links with LIBRARIES and prints the block that follows it. Prints
each offence as FILE:LINE and exits with 1 if there is one.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from commands import Programs, command_lines
from markdown import read_page

PROGRAMS = ("rgrid", "rgridd")
SHELL = ("sh", "bash")
TRANSCRIPT = "console"
SOURCE_FILE = re.compile(r"^[\w-]+\.(?:hpp|cpp|py|cmake)$")
PATH = re.compile(r"^[\w.+-]+(?:/[\w.+-]+)*/?$")
# Made by a build, or in the home folder by a run.
NOT_IN_THE_TREE = ("build/", "files/", "servers/")


class Check:
    def __init__(self, root, programs, compiler, libraries):
        self.root = root
        self.programs = Programs(programs)
        self.compiler = compiler
        self.libraries = libraries
        self.offences = 0
        self.anchors = {}
        self.names = {file.name for file in root.rglob("*.*") if "build" not in file.relative_to(root).parts}

    def offend(self, page, line, text):
        self.offences += 1
        print(f"{page.relative_to(self.root)}:{line}: {text}")

    def check_commands(self, path, line, script, complete=True):
        try:
            for at, words in command_lines(script, PROGRAMS):
                if problem := self.programs.problem(words, complete):
                    self.offend(path, line + at - 1, problem)
        except ValueError as error:
            self.offend(path, line, f"no shell command: {error}")

    def check_link(self, path, line, target):
        if re.match(r"^[a-z]+:", target):
            return
        name, _, anchor = target.partition("#")
        file = path if not name else path.parent / name
        if not file.exists():
            return self.offend(path, line, f"the link leads nowhere: {target}")
        if not anchor:
            return
        if file not in self.anchors:
            self.anchors[file] = read_page(file.read_text()).anchors()
        if anchor not in self.anchors[file]:
            self.offend(path, line, f"there is no heading for {target}")

    def check_path(self, path, line, text):
        if SOURCE_FILE.match(text):
            if text not in self.names:
                self.offend(path, line, f"there is no file {text}")
        elif "/" in text and PATH.match(text) and not text.startswith(NOT_IN_THE_TREE):
            places = (self.root, path.parent, self.root / "include", self.root / "include/rgrid")
            if not any((place / text).exists() for place in places):
                self.offend(path, line, f"there is no {text}")

    def check_configuration(self, path, block):
        with tempfile.TemporaryDirectory() as home:
            file = Path(home, "rgrid.toml")
            file.write_text(block.text)
            done = subprocess.run([self.programs.folder / "rgridd", "--check", "--home", home, "--config", file],
                                  capture_output=True, text=True,
                                  env={"PATH": "/usr/bin:/bin", "HETZNER_API_TOKEN": "secret"})
        if done.returncode != 0:
            self.offend(path, block.line, f"rgridd does not accept this: {done.stderr.strip()}")

    def check_program(self, path, block, follower):
        with tempfile.TemporaryDirectory() as folder:
            source, program = Path(folder, "program.cpp"), Path(folder, "program")
            source.write_text(block.text)
            command = [*self.compiler, "-std=c++20", f"-I{self.root / 'include'}", source, "-o", program,
                       *self.libraries]
            built = subprocess.run(command, capture_output=True, text=True)
            if built.returncode != 0:
                return self.offend(path, block.line, f"this program does not compile:\n{built.stderr}")
            ran = subprocess.run([program], capture_output=True, text=True)
        if follower is None or follower.language:
            self.offend(path, block.line, "this program is not followed by what it prints")
        elif (ran.returncode, ran.stdout) != (0, follower.text):
            self.offend(path, follower.line, f"the program ends with {ran.returncode} and prints:\n{ran.stdout}")

    def check_page(self, path):
        try:
            page = read_page(path.read_text())
        except ValueError as error:
            return self.offend(path, 1, str(error))
        for block, follower in zip(page.blocks, [*page.blocks[1:], None]):
            if block.language in SHELL:
                self.check_commands(path, block.line, block.text)
            elif block.language == TRANSCRIPT:
                for number, line in enumerate(block.text.splitlines()):
                    if line.startswith("$ "):
                        self.check_commands(path, block.line + number, line[2:])
            elif block.language == "toml":
                self.check_configuration(path, block)
            elif block.language == "cpp" and "int main" in block.text:
                self.check_program(path, block, follower)
        for line, text in page.code_spans():
            if text.startswith(tuple(f"{name} " for name in PROGRAMS)):
                self.check_commands(path, line, text, complete=False)
            else:
                self.check_path(path, line, text)
        for line, target in page.links():
            self.check_link(path, line, target)


def main(root, programs, *build):
    build = [*build, "--"]
    split = build.index("--")
    check = Check(Path(root), Path(programs), build[:split], build[split + 1:-1])
    pages = [file for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
             if (file := check.root / name).exists()] + sorted((check.root / "docs").rglob("*.md"))
    if not pages:
        sys.exit(f"{root} has no documentation")
    for page in pages:
        check.check_page(page)
    return 1 if check.offences else 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
