#!/usr/bin/env python3
"""Shows that check.py finds what it is there to find: each case is a small folder of headers; check_test.py COMPILER"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import check  # noqa: E402

# Large enough to be precompiled for the headers that include it.
LARGE = "#pragma once\n#include <string>\nstruct Large {\n    std::string text;\n};\n" + "// text" * 30_000 + "\n"
USES_LARGE = "#pragma once\n#include <large.hpp>\nstruct {0} {{\n    Large large;\n}};\n"


def folder_of(files, folder):
    for path, text in files.items():
        file = Path(folder, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Path(folder)


class HeaderCheck(unittest.TestCase):
    def run_on(self, files):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([sys.executable, HERE / "check.py", folder_of(files, folder), COMPILER, "-Wall",
                                   "-Werror"], capture_output=True, text=True)
            return done.returncode, done.stdout + done.stderr

    def refuses(self, files, *words):
        code, output = self.run_on(files)
        self.assertEqual(code, 1, output)
        for word in words:
            self.assertIn(word, output)

    def accepts(self, files):
        self.assertEqual(self.run_on(files), (0, ""))

    def test_headers_that_include_what_they_need_pass(self):
        self.accepts({"large.hpp": LARGE, "a.hpp": USES_LARGE.format("A"), "b.hpp": USES_LARGE.format("B"),
                      "c/c.hpp": "#pragma once\n#include <a.hpp>\n#include <b.hpp>\nstruct C : A, B {};\n"})

    def test_a_missing_include_is_found(self):
        self.refuses({"a.hpp": "#pragma once\nstd::string a();\n"}, "a.hpp: does not compile on its own", "std::string")

    def test_a_missing_include_is_found_beside_headers_that_have_it(self):
        self.refuses({"large.hpp": LARGE, "a.hpp": USES_LARGE.format("A"), "b.hpp": USES_LARGE.format("B"),
                      "c.hpp": "#pragma once\nLarge c();\n"}, "c.hpp: does not compile on its own", "Large")

    def test_a_missing_include_is_found_in_a_header_that_is_precompiled(self):
        self.refuses({"large.hpp": LARGE.replace("#include <string>\n", ""), "a.hpp": USES_LARGE.format("A"),
                      "b.hpp": USES_LARGE.format("B")}, "large.hpp: does not compile on its own")

    def test_a_missing_guard_is_found(self):
        for name in ("large.hpp", "a.hpp"):
            files = {"large.hpp": LARGE, "a.hpp": USES_LARGE.format("A"), "b.hpp": USES_LARGE.format("B")}
            files[name] = files[name].replace("#pragma once\n", "")
            self.refuses(files, f"{name}: does not compile on its own", "redefinition")

    def test_a_warning_is_found(self):
        self.refuses({"a.hpp": "#pragma once\ninline void a() { int b = 1; }\n"}, "unused-variable")

    def test_an_include_below_a_declaration_is_refused(self):
        self.refuses({"a.hpp": "#pragma once\n/* first */\nstruct A;\n#include <string>\n"},
                     "a.hpp: line 4: includes come before everything else")

    def test_an_empty_folder_is_refused(self):
        self.refuses({"a.txt": ""}, "no headers found")

    def test_what_many_headers_include_is_precompiled_for_those_that_include_it(self):
        files = {"large.hpp": LARGE, "a.hpp": USES_LARGE.format("A"), "b.hpp": USES_LARGE.format("B"),
                 "c.hpp": "#pragma once\n#include <a.hpp>\n", "d.hpp": "#pragma once\n#include <string>\n"}
        with tempfile.TemporaryDirectory() as folder:
            base_of = check.Headers(folder_of(files, folder)).bases()
        self.assertEqual(base_of, {"large.hpp": "large.hpp", "a.hpp": "large.hpp", "b.hpp": "large.hpp",
                                   "c.hpp": "large.hpp", "d.hpp": None})


if __name__ == "__main__":
    COMPILER = sys.argv.pop()
    unittest.main()
