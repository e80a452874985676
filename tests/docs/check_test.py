#!/usr/bin/env python3
"""Shows that check.py and messages.py find what they are there to find: each case is a page with one mistake, or with none.

The programs are stand-ins, so that this needs no build.
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent

RGRID = """#!/bin/sh
case "$1" in
run) printf 'Usage: rgrid run [OPTIONS]\\n\\nOptions:\\n  -h,--help    Help\\n  --input PATH ...    A file\\n  --detach    Now\\n' ;;
status) printf 'Usage: rgrid status [OPTIONS] [JOB]\\n\\nPositionals:\\n  JOB TEXT    A job\\n\\nOptions:\\n  --last INT=10    How many\\n' ;;
logs) printf 'Positionals:\\n  JOB TEXT REQUIRED    A job\\n\\nOptions:\\n  -f,--follow    On\\n' ;;
*) printf 'Options:\\n  --version    Which\\n\\nSubcommands:\\n  run    Runs\\n  status    Shows\\n  logs    Prints\\n' ;;
esac
"""
RGRIDD = """#!/bin/sh
for word; do last=$word; done
if grep -q good -- "$last" 2>/dev/null; then exit 0; fi
case "$*" in *--help*) printf 'Options:\\n  --once    One pass\\n'; exit 0 ;; esac
echo "the configuration cannot be used" >&2; exit 2
"""


def run_on(page, other_files=()):
    """Runs the check on a tree with this README and returns (exit code, output)."""
    with tempfile.TemporaryDirectory() as folder:
        root, programs = Path(folder, "root"), Path(folder, "programs")
        (root / "docs").mkdir(parents=True)
        programs.mkdir()
        for name, text in (("rgrid", RGRID), ("rgridd", RGRIDD)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        (root / "README.md").write_text(page)
        for path in other_files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text("# A heading\n")
        done = subprocess.run([sys.executable, HERE / "check.py", root, programs, "g++"], capture_output=True,
                              text=True)
        return done.returncode, done.stdout + done.stderr


def block(language, text):
    return f"```{language}\n{text}\n```\n"


class DocumentationCheck(unittest.TestCase):
    def refuses(self, page, *words):
        code, output = run_on(page)
        self.assertEqual(code, 1, output)
        for word in ("README.md:", *words):
            self.assertIn(word, output)

    def accepts(self, page, other_files=()):
        self.assertEqual(run_on(page, other_files), (0, ""))

    def test_what_is_true_passes(self):
        self.accepts(
            "See [the guide](docs/guide.md#a-heading), `docs/guide.md`, [out](https://example.org) and `limits.hpp`.\n\n"
            "`rgrid status 7`, `rgrid run` and `rgridd --once`; `a/b c` and `/etc/x` are no paths of ours.\n\n"
            + block("sh", "rgrid run --input a.csv \\\n    --detach job.py --its-own x   # one job\nls --anything\n"
                          "rgrid status --last 5 | head && rgrid logs -f 7")
            + block("console", "$ rgrid status\nrgrid nonsense is output") + block("toml", "good = 1"),
            ["docs/guide.md", "include/rgrid/policy/limits.hpp"])

    def test_commands_exist(self):
        self.refuses(block("sh", "ls\nrgrid frobnicate"), "README.md:3:", "no command frobnicate")
        self.refuses(block("console", "$ rgrid frobnicate"), "no command frobnicate")
        self.refuses("Say `rgrid frobnicate`.", "no command frobnicate")
        self.refuses(block("sh", "FOO=1 rgrid status && rgrid frobnicate"), "no command frobnicate")

    def test_options_exist(self):
        self.refuses(block("sh", "rgrid run --detached job.py"), "no option --detached")
        self.refuses(block("sh", "rgrid run \\\n  --detached job.py"), "README.md:2:", "no option --detached")
        self.refuses(block("sh", "rgridd --twice"), "no option --twice")

    def test_arguments_fit(self):
        self.refuses(block("sh", "rgrid run --detach"), "names no script")
        self.refuses(block("sh", "rgrid run job.py --input a.csv"), "--input comes after job.py")
        self.refuses(block("sh", "rgrid logs"), "needs an argument")
        self.refuses(block("sh", "rgrid status 7 8"), "takes no '8'")
        self.refuses(block("sh", "rgrid status --last"), "has no value")

    def test_links_and_paths_lead_somewhere(self):
        self.refuses("[gone](docs/gone.md)", "docs/gone.md")
        self.refuses("# One\n\n[two](#two)", "no heading")
        self.refuses("`docs/gone.md`", "there is no docs/gone.md")
        self.refuses("`gone.hpp`", "there is no file gone.hpp")

    def test_configurations_are_accepted(self):
        self.refuses(block("toml", "bad = 1"), "cannot be used")

    def test_programs_compile_and_print_what_the_page_says(self):
        program = '#include <cstdio>\nint main() { std::puts("true"); }'
        self.accepts(block("cpp", program) + block("", "true"))
        self.accepts(block("cpp", "struct Part;"))
        self.refuses(block("cpp", program) + block("", "false"), "prints:\ntrue")
        self.refuses(block("cpp", program), "not followed by what it prints")
        self.refuses(block("cpp", "int main() { return unknown; }") + block("", ""), "does not compile")

    def test_an_unclosed_block_is_found(self):
        self.refuses("```sh\nrgrid status\n", "never closed")


SOURCE = 'fail("the server type " + name + " is no longer orderable" + (next.empty() ? "" : "; use " + next) +\n' \
         '     "twice as " \n "long");\n'


class MessagesCheck(unittest.TestCase):
    def run_on(self, message):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for path, text in (("docs/hetzner.md", f"## Messages\n\n| message | what |\n|---|---|\n| `{message}` | it is |\n"),
                               ("src/adapters/hetzner/x.cpp", SOURCE)):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            done = subprocess.run([sys.executable, HERE / "messages.py", root], capture_output=True, text=True)
            return done.returncode, done.stdout + done.stderr

    def test_a_message_that_the_sources_put_together_passes(self):
        self.assertEqual(self.run_on("the server type TYPE is no longer orderable; use OTHER"), (0, ""))
        self.assertEqual(self.run_on("twice as long"), (0, ""), "a literal goes over the end of a line")

    def test_a_message_that_nothing_says_is_named_with_its_line(self):
        code, output = self.run_on("the server type TYPE is not orderable today")
        self.assertEqual(code, 1)
        self.assertIn("docs/hetzner.md:5: nothing says 'the server type TYPE is not orderable today'", output)


if __name__ == "__main__":
    unittest.main()
