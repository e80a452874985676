"""What `rgrid simulate` answers."""

import gzip
import unittest

from programs import ProgramTest

KEYS = {"jobs", "server_hours", "cost", "wait_mean_s", "wait_p50_s", "wait_p95_s", "wait_p99_s", "wait_max_s", "creations",
        "used_share"}

# A cent an hour, one job at a time.
EAGER = """
[pool.default]
slots = 1
[pool.default.scaling]
min_queued = 1
[[cloud.process.offers]]
price = "0.01 EUR"
"""

PATIENT = EAGER.replace("min_queued = 1", 'min_queued = 100\nmax_wait = "2h"')

# Two jobs of ten minutes, half an hour apart: one worker runs both within its first hour.
TRACE = "submit_time_s,run_time_s,slots,class\n0,600,1,build\n1800,600,1,build\n"


class SimulateTest(ProgramTest):
    config = None

    def setUp(self):
        super().setUp()
        (self.work / "eager.toml").write_text(EAGER)
        (self.work / "patient.toml").write_text(PATIENT)
        (self.work / "jobs.csv").write_text(TRACE)

    def refused(self, *arguments):
        answer = self.rgrid("simulate", *arguments)
        self.assertEqual((answer.returncode, answer.stdout), (2, ""))
        return answer.stderr

    def test_a_trace_is_replayed_under_a_configuration(self):
        report = self.ask("simulate", "eager.toml", "--trace", "jobs.csv")
        self.assertLessEqual(KEYS, set(report))
        self.assertEqual(report["config"], str(self.work / "eager.toml"))
        self.assertEqual((report["jobs"], report["not_run"], report["creations"]), (2, 0, 1))
        self.assertEqual((report["server_hours"], report["cost"]), (1, "0.01 EUR"))
        self.assertAlmostEqual(report["used_share"], 20 / 60)
        self.assertEqual(report["wait_p50_s"], 0)
        self.assertGreater(report["wait_max_s"], 20, "the first job waits for a boot")
        self.assertEqual(report["notes"], [])

    def test_a_compressed_trace_is_the_same(self):
        with gzip.open(self.work / "jobs.csv.gz", "wt") as file:
            file.write(TRACE)
        self.assertEqual(self.ask("simulate", "eager.toml", "--trace", "jobs.csv.gz"),
                         self.ask("simulate", "eager.toml", "--trace", "jobs.csv"))

    def test_configurations_are_compared_row_by_row(self):
        reports = self.ask("simulate", "eager.toml", "patient.toml", "--trace", "jobs.csv")
        self.assertEqual([report["config"].rpartition("/")[2] for report in reports], ["eager.toml", "patient.toml"])
        self.assertGreater(reports[1]["wait_max_s"], 7200)

        table = self.rgrid("simulate", "eager.toml", "patient.toml", "--trace", "jobs.csv")
        self.assertEqual(table.returncode, 0, table.stderr)
        lines = table.stdout.splitlines()
        self.assertEqual(lines[0], "2 jobs submitted within 30m 00s, from jobs.csv")
        self.assertRegex(lines[2], r"^CONFIG +COST +SERVER HOURS +USED ")
        self.assertRegex(lines[3], r"^eager\.toml +€0\.01 +1\.0 +33\.3 % +1 +1 ")
        # Both jobs are queued when the first one has waited long enough: each gets a worker of its own.
        self.assertRegex(lines[4], r"^patient\.toml +€0\.02 +2\.0 +16\.7 % +2 +2 ")

    def test_a_made_up_workload_is_the_same_each_time(self):
        arguments = ("simulate", "--jobs", "500", "--days", "3")
        first = self.ask(*arguments, "--seed", "7")
        self.assertEqual(first["jobs"], 500)
        self.assertEqual(first["config"], "", "no file: the built-in configuration")
        self.assertEqual(self.ask(*arguments, "--seed", "7"), first)
        self.assertNotEqual(self.ask(*arguments, "--seed", "8"), first)

    def test_a_month_of_many_jobs_without_any_option(self):
        answer = self.rgrid("simulate")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertRegex(answer.stdout, r"^40000 jobs submitted within 2[78]d .*, made up from seed 1\n")

    def test_it_leaves_nothing_behind(self):
        self.ask("simulate", "--jobs", "10")
        self.assertFalse(self.home.exists())

    def test_what_was_left_out_is_told(self):
        (self.work / "jobs.csv").write_text(TRACE + "1900,1,4,build\n")
        report = self.ask("simulate", "eager.toml", "--trace", "jobs.csv")
        self.assertEqual((report["jobs"], report["not_run"]), (2, 1))
        self.assertIn("1 job did not run for want of slots", report["notes"][0])
        self.assertIn(report["notes"][0], self.rgrid("simulate", "eager.toml", "--trace", "jobs.csv").stdout)

    def test_a_trace_with_a_mistake_is_told_with_its_line(self):
        (self.work / "jobs.csv").write_text(TRACE + "1900,long,1,build\n")
        self.assertIn("jobs.csv: line 4 has the run_time_s \"long\"; expected seconds from 0 to",
                      self.refused("eager.toml", "--trace", "jobs.csv"))
        self.assertIn('the trace "none.csv" cannot be read: No such file', self.refused("--trace", "none.csv"))

    def test_a_configuration_with_a_mistake_is_told_before_anything_is_replayed(self):
        (self.work / "wrong.toml").write_text("[pool.default.scaling]\nmax_workrs = 3\n")
        errors = self.refused("eager.toml", "wrong.toml")
        self.assertIn("wrong.toml", errors)
        self.assertIn("did you mean 'max_workers'?", errors)
        self.assertIn("there is no such file", self.refused("none.toml"))

    def test_options_out_of_range_are_all_told(self):
        errors = self.refused("--jobs", "0", "--run-time", "5", "--burst-share", "2")
        for part in ("--jobs: found 0, expected", "--run-time: found \"5\", expected a duration",
                     "--burst-share: found 2, expected"):
            self.assertIn(part, errors)
        self.assertIn("--days: found 0, expected a whole number from 1 to 3650", self.refused("--days", "0"))
        self.assertIn("--boot-time: found \"soon\"", self.refused("--boot-time", "soon"))
        self.assertIn("--trace excludes --jobs", self.refused("--trace", "jobs.csv", "--jobs", "3"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
