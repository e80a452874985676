#!/usr/bin/env python3
"""Shows that check.py finds what it is there to find: each case is a small tree with one offence, or with none."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
TABLE = HERE.parent.parent / "cmake/layers.txt"


def run_on(files):
    """Runs the check on a tree of {path: text} and returns (exit code, output)."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        done = subprocess.run([sys.executable, HERE / "check.py", folder, TABLE], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


class LayeringCheck(unittest.TestCase):
    def refuses(self, path, text, place, *words):
        code, output = run_on({path: text})
        self.assertEqual(code, 1, output)
        self.assertIn(f"{path}:{place}: ", output)
        for word in words:
            self.assertIn(word, output)

    def accepts(self, files):
        code, output = run_on(files)
        self.assertEqual((code, output), (0, ""))

    def test_allowed_arrows_pass(self):
        self.accepts({
            "include/rgrid/base/id.hpp": "#include <string>\n",
            "include/rgrid/model/job.hpp": "#include <boost/describe/class.hpp>\n#include <rgrid/base/id.hpp>\n",
            "include/rgrid/policy/limits.hpp": "#include <rgrid/model/job.hpp>\n",
            "src/adapters/sqlite/database.hpp": "#include <rgrid/base/id.hpp>\n",
            "src/adapters/sqlite/store.cpp": '#include "adapters/sqlite/database.hpp"\n#include <sqlite3.h>\n',
            "src/adapters/sqlite/other.cpp": '#include "database.hpp"\n',
        })

    def test_every_file_is_read_including_its_last_line(self):
        self.refuses("include/rgrid/base/id.hpp", "\n\n#include <rgrid/model/job.hpp>", 3, "base may not include model")

    def test_policy_and_ports_do_not_know_each_other(self):
        self.refuses("include/rgrid/policy/a.hpp", "#include <rgrid/ports/clock.hpp>\n", 1, "policy", "ports")
        self.refuses("include/rgrid/ports/a.hpp", "#include <rgrid/policy/params.hpp>\n", 1, "ports", "policy")

    def test_adapters_know_neither_the_policy_nor_each_other(self):
        self.refuses("src/adapters/memory/a.cpp", "#include <rgrid/policy/params.hpp>\n", 1, "adapters/memory")
        self.refuses("src/adapters/memory/a.cpp", "#include <rgrid/adapters/sqlite/store.hpp>\n", 1, "adapters/sqlite")

    def test_the_worker_does_not_need_the_configuration(self):
        self.refuses("src/worker/a.cpp", "#include <rgrid/config/json.hpp>\n", 1, "worker", "config")

    def test_quotes_do_not_hide_an_arrow(self):
        self.refuses("src/worker/a.cpp", '#include "rgrid/control/controller.hpp"\n', 1, "worker", "control")

    def test_third_party_headers_stay_out_of_public_headers(self):
        self.refuses("include/rgrid/ports/a.hpp", "#include <boost/json.hpp>\n", 1, "boost/json.hpp")
        self.refuses("include/rgrid/adapters/sqlite/a.hpp", "#include <sqlite3.h>\n", 1, "sqlite3.h")
        self.accepts({"src/adapters/sqlite/a.cpp": "#include <sqlite3.h>\n",
                      "include/rgrid/config/json.hpp": "#include <boost/json.hpp>\n",
                      "include/rgrid/testing/a.hpp": "#include <gtest/gtest.h>\n"})

    def test_decisions_read_no_clock_and_draw_no_numbers(self):
        self.refuses("include/rgrid/policy/a.hpp", "auto t = Clock::now();\n", 1, "clock")
        self.refuses("include/rgrid/policy/a.hpp", "#include <random>\n", 1, "random")
        self.refuses("src/policy/a.cpp", "#include <iostream>\n", 1, "iostream")

    def test_time_comes_from_the_port(self):
        code = "auto t = std::chrono::steady_clock::now();\n"
        self.refuses("src/control/a.cpp", code, 1, "Clock port")
        self.accepts({"src/adapters/system/clock.cpp": code})

    def test_comments_and_texts_are_not_code(self):
        self.accepts({"src/control/a.cpp": '// steady_clock::now()\nauto text = "steady_clock::now()";\n',
                      "include/rgrid/policy/a.hpp": "/// Never Clock::now().\n/* #include <random>\n*/\n"})

    def test_unknown_places_are_offences(self):
        self.refuses("include/rgrid/misc/a.hpp", "", 1, "misc")
        self.refuses("src/worker/a.cpp", '#include "nowhere.hpp"\n', 1, "nowhere.hpp")
        self.refuses("include/rgrid/top.hpp", "", 1, "no layer")

    def test_an_empty_tree_is_not_a_success(self):
        code, output = run_on({"README.md": ""})
        self.assertEqual(code, 1)
        self.assertIn("nothing was checked", output)


if __name__ == "__main__":
    unittest.main()
