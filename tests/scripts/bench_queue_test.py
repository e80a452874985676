#!/usr/bin/env python3
"""Shows that bench/queue tells what was measured: figures as printed, ratios inside a round, and who is left out."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/queues"))
import figures  # noqa: E402
import floor  # noqa: E402
import peers  # noqa: E402
import rows  # noqa: E402


def run(row, rate, round=1, part="drain", clients=8, **more):
    return {"part": part, "row": row, "clients": clients, "round": round, "jobs": 100, "name": "queue",
            "version": "1.2", "drain_per_s": rate, **more}


def tables(*runs):
    return "\n".join(figures.report(figures.Runs(runs)))


class Reading(unittest.TestCase):
    def test_the_last_line_of_a_program_counts(self):
        self.assertEqual(figures.read_line('hello\n{"drain_per_s": 7}\n'), {"drain_per_s": 7})

    def test_a_program_that_prints_no_figures_is_named_by_what_it_prints(self):
        for text, found in (("", "nothing"), ("oh dear\n", "oh dear"), ("[1]\n", r"\[1\]")):
            with self.assertRaisesRegex(figures.Unreadable, found):
                figures.read_line(text)

    def test_what_pgbench_says_is_taken_without_the_time_to_connect(self):
        said = "initial connection time = 9 ms\ntps = 1234.5 (without initial connection time)\n"
        self.assertEqual(floor.transactions_a_second(said), 1234.5)
        with contextlib.redirect_stderr(io.StringIO()), self.assertRaisesRegex(SystemExit, "no transactions.*oh dear"):
            floor.transactions_a_second("oh dear")


class Telling(unittest.TestCase):
    def test_a_median_stands_with_the_least_and_the_most(self):
        self.assertEqual(figures.spread([3000, 1000, 2500]), "2.5k (1.0k–3.0k)")
        self.assertEqual(figures.spread([123456]), "123k")
        self.assertEqual(figures.spread([None, 0.5]), "0.50")
        self.assertEqual(figures.spread([]), "–")

    def test_ratios_are_taken_inside_a_round(self):
        runs = figures.Runs([run("rgrid", 10, 1), run("floor-two", 20, 1), run("floor-two", 50, 2), run("rgrid", 50, 2),
                             run("rgrid", 70, 3)])
        self.assertEqual(runs.ratios("drain", "rgrid", "floor-two", 8, "drain_per_s"), [0.5, 1.0])

    def test_a_row_is_compared_with_its_floor(self):
        text = tables(run("rgrid", 1500), run("floor-two", 1000))
        self.assertIn("| rgrid (÷ floor-two) | 1.5k | 1.50 |", text)
        self.assertIn("| floor-two | 1.0k | – |", text)
        self.assertIn("| rgrid | queue 1.2 | a connection a worker | yes | refused; taken", text)

    def test_bytes_are_told_by_job_that_was_submitted_or_completed(self):
        cut = run("rgrid", 1, completed=50, wal=[0, 25_000, 90_000, 130_000])
        none = run("rgrid-batch", 1, completed=0, wal=[0, 1, 2, 3])
        self.assertIn("| rgrid | 250 | 800 | 1.1k |", tables(cut, none))
        self.assertNotIn("| rgrid-batch | 0", tables(cut, none))

    def test_more_may_have_been_submitted_than_was_drained(self):
        self.assertIn("| floor-two | 100 | 400 | 500 |",
                      tables(run("floor-two", 1, completed=100, submitted=200, wal=[0, 20_000, 90_000, 130_000])))

    def test_a_flow_is_told_in_pieces_before_while_and_after_it_is_pinned(self):
        text = tables(run("rgrid", None, part="pinned", per_second=[10] * 4 + [6, 4] * 2 + [8] * 3, piece=2, before=4,
                          during=4))
        self.assertIn("| before | before | pinned | pinned | after |", text)
        self.assertIn("| rgrid | 10.0 | 10.0 | 5.00 | 5.00 | 8.00 |", text)

    def test_latencies_and_submits_have_tables(self):
        text = tables(run("rgrid", 1, part="latency", p50_ms=2, p99_ms=9, latency_ms={"max": 12}),
                      run("rgrid", 1, part="submit", enqueue_bulk_per_s=5000, enqueue_per_s=200),
                      run("floor-batch", 1, part="submit", enqueue_bulk_per_s=10_000, enqueue_per_s=100))
        self.assertIn("| rgrid | 2.00 | 9.00 | 12.00 |", text)
        self.assertIn("| rgrid | 1,000 a call, one caller | 5.0k | 0.50 | 200 |", text)

    def test_a_run_that_failed_is_no_figure(self):
        runs = figures.Runs([run("rgrid", 10), {**run("rgrid", 0, 2), "error": "it fell over"}])
        self.assertEqual(runs.values("drain", "rgrid", 8, "drain_per_s"), [10])
        self.assertEqual(runs.errors[0]["error"], "it fell over")


class Peers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_who_needs_what_is_not_there_is_left_out_with_the_reason(self):
        with unittest.mock.patch.dict(os.environ, PATH=str(self.folder)):
            made, left_out = peers.bring({"node", "river"}, self.folder)
        self.assertEqual(made, {})
        self.assertEqual(left_out, {"node": "npm is not on this machine", "river": "go is not on this machine"})

    def program(self, name, text):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def test_what_cannot_be_made_is_left_out_with_the_last_word(self):
        self.program("go", "echo first; echo 'no such module' >&2; exit 1")
        with unittest.mock.patch.dict(os.environ, PATH=f"{self.folder}:/usr/bin:/bin"):
            _, left_out = peers.bring({"river"}, self.folder / "cache")
        self.assertEqual(left_out, {"river": "`go build` failed: no such module"})

    def test_what_was_made_is_made_again_only_for_other_sources(self):
        self.program("go", f"echo made >> {self.folder}/log; touch river")
        source = self.folder / "main.go"
        source.write_text("1")
        with unittest.mock.patch.dict(os.environ, PATH=f"{self.folder}:/usr/bin:/bin"):
            for text in ("1", "1", "2"):
                source.write_text(text)
                peers.make(self.folder / "cache", [source], self.folder / "cache/river", ["go"])
        self.assertEqual((self.folder / "log").read_text(), "made\nmade\n")


class TheCommand(unittest.TestCase):
    def bench_queue(self, *arguments, **environment):
        return subprocess.run([ROOT / "bench/queue", *arguments], capture_output=True, text=True,
                              env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment})

    def test_it_tells_which_parts_and_rows_there_are(self):
        self.assertRegex(self.bench_queue("drian").stderr, "unknown parts: drian; known: drain submit")
        self.assertRegex(self.bench_queue("drain", "--only", "rgird").stderr, "unknown rows: rgird; known: floor-batch")

    def test_it_tells_what_to_build(self):
        self.assertRegex(self.bench_queue("--build", "/nowhere").stderr, "is not built: cmake --build /nowhere")

    def test_tables_are_made_again_from_what_was_kept_and_a_failure_is_told(self):
        with tempfile.NamedTemporaryFile("w") as kept:
            for one in (run("rgrid", 1500), run("floor-two", 1000), {**run("rgrid", 0, 2), "error": "it fell over"}):
                print(json.dumps(one), file=kept, flush=True)
            done = self.bench_queue("--read", kept.name)
        self.assertEqual(done.returncode, 1)
        self.assertIn("| rgrid (÷ floor-two) | 1.5k | 1.50 |", done.stdout)
        self.assertIn("failed: drain round 2, 8 clients, rgrid: error it fell over", done.stdout)

    def test_every_row_is_compared_with_one_of_its_part(self):
        for part, some in rows.PARTS.items():
            names = [row.name for row in some]
            self.assertEqual(len(names), len(set(names)), part)
            if part != "latency":
                self.assertLessEqual({row.base for row in some if row.base}, set(names), part)


if __name__ == "__main__":
    unittest.main()
