#!/usr/bin/env python3
"""Shows that the closing line of scripts/test is true: what counts as passed, failed and skipped, and when it fails."""

import contextlib
import sys
import tempfile
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts/support"))
import run_tests  # noqa: E402
from plans import PLANS, Build, Run  # noqa: E402

PASSED = '<testcase name="{0}" time="1" status="run"><system-out></system-out></testcase>'
FAILED = '<testcase name="{0}" time="1" status="fail"><failure message="{1}"/><system-out>{2}</system-out></testcase>'
NOT_RUN = '<testcase name="{0}" time="0" status="notrun"><skipped message="{1}"/><system-out>{2}</system-out></testcase>'

GOOD_CASE = '<testcase name="good" classname="Suite" status="run"/>'
BAD_CASE = '<testcase name="bad" classname="Suite" status="run"><failure message="1 is not 2"/></testcase>'
SKIPPED_CASE = '<testcase name="net" classname="Suite" status="run"><skipped message="x.cpp:1&#x0A;no network"/></testcase>'
DISABLED_CASE = '<testcase name="DISABLED_later" classname="Suite" status="notrun"/>'


class ClosingLine(unittest.TestCase):
    def closing(self, ctest_cases, gtest_cases=None, tests=("unit",)):
        """(exit code, text) of a run whose ctest report holds these cases and whose GoogleTest report those."""
        with tempfile.TemporaryDirectory() as folder:
            ctest_report, gtest_report = Path(folder, "ctest-report.xml"), Path(folder, "unit.xml")
            ctest_report.write_text(f"<testsuite>{''.join(ctest_cases)}</testsuite>")
            if gtest_cases is not None:
                gtest_report.write_text(f"<testsuites><testsuite>{''.join(gtest_cases)}</testsuite></testsuites>")
            tallies = run_tests.tally_all(ctest_report, {name: gtest_report for name in tests})
        code, lines = run_tests.summary(tallies)
        return code, "\n".join(lines)

    def test_each_case_of_a_program_counts(self):
        code, text = self.closing([PASSED.format("unit"), PASSED.format("script")], [GOOD_CASE, GOOD_CASE])
        self.assertEqual((code, text.splitlines()[-1]), (0, "3 passed, 0 failed"))

    def test_a_failed_case_is_named_with_its_output(self):
        code, text = self.closing([FAILED.format("unit", "", "")], [GOOD_CASE, BAD_CASE])
        self.assertEqual((code, text.splitlines()[-1]), (1, "1 passed, 1 failed"))
        self.assertIn("FAILED   unit: Suite.bad\n    1 is not 2", text)

    def test_skipped_cases_are_listed_with_their_reason(self):
        code, text = self.closing([PASSED.format("unit"), NOT_RUN.format("db", "SKIP_RETURN_CODE=77", "no server")],
                                  [GOOD_CASE, SKIPPED_CASE, DISABLED_CASE])
        self.assertEqual((code, text.splitlines()[-1]), (0, "1 passed, 0 failed, 3 skipped"))
        for line in ("unit: Suite.net: no network", "unit: Suite.DISABLED_later: disabled", "db: db: no server"):
            self.assertIn(line, text)

    def test_a_program_that_crashed_without_a_report_is_a_failure(self):
        code, text = self.closing([FAILED.format("unit", "Segfault", "last words")])
        self.assertEqual((code, text.splitlines()[-1]), (1, "0 passed, 1 failed"))
        self.assertIn("last words", text)

    def test_a_program_that_failed_after_its_cases_passed_is_a_failure(self):
        code, text = self.closing([FAILED.format("unit", "", "leaked")], [GOOD_CASE])
        self.assertEqual((code, text.splitlines()[-1]), (1, "1 passed, 1 failed"))
        self.assertIn("the program itself", text)

    def test_a_half_written_report_is_a_failure(self):
        code, text = self.closing([PASSED.format("unit")], ["<testcase"])
        self.assertEqual((code, text.splitlines()[-1]), (1, "0 passed, 1 failed"))

    def test_a_test_that_cannot_start_is_a_failure(self):
        code, text = self.closing([NOT_RUN.format("script", "Unable to find executable", "")])
        self.assertEqual((code, text.splitlines()[-1]), (1, "0 passed, 1 failed"))

    def test_one_report_is_never_counted_twice(self):
        code, text = self.closing([PASSED.format("unit"), PASSED.format("again")], [GOOD_CASE], ("unit", "again"))
        self.assertEqual((code, text.splitlines()[-1]), (1, "1 passed, 1 failed"))
        self.assertIn("same GoogleTest program as unit", text)

    def test_no_test_is_no_success(self):
        self.assertEqual(self.closing([])[0], 1)
        code, text = self.closing([PASSED.format("unit")], [])
        self.assertEqual((code, text.splitlines()[-1]), (1, "0 passed, 0 failed"))
        self.assertIn("no test ran", text)

    def test_everything_skipped_is_no_success(self):
        self.assertEqual(self.closing([PASSED.format("unit")], [SKIPPED_CASE])[0], 1)


class WhenAsked(contextlib.nullcontext):
    """In the place of a thread that builds: each build is made when its outcome is needed."""

    class Outcome:
        def __init__(self, work):
            self.result = work

    def submit(self, work, *arguments, **named):
        return self.Outcome(lambda: work(*arguments, **named))

    def shutdown(self, **_):
        pass

    def __enter__(self):
        return self


class Parts(unittest.TestCase):
    """What a plan of builds and runs comes to."""

    PLAN = [Build("plain", 2), Run("all of it", "plain", 1), Build("hard", 3, ("cases",)),
            Run("cases", "hard", 1, ("-L", "cases")), Run("fuzzing", "hard", 1, ("-L", "fuzz"))]

    def carry_out(self, options=(), failing=(), tests={}):
        """Notes what is built and run; `tests` are those that the options leave of a preset, `failing` what cannot be
        built."""
        self.done, ticks = [], iter(range(0, 6000, 60))

        def build(part, *targets, **_):
            self.done.append(" ".join(["build", part.preset, *(targets or part.targets)]))
            return "--configure" in targets or part.preset not in failing

        def run(part, options):
            self.done.append(f"run {part.name}")
            return [run_tests.Tally(f"{part.preset}/x", passed=2)]

        progress = run_tests.Progress(list(options), build, run, lambda folder, _: tests.get(folder.name, {}),
                                      lambda: next(ticks), WhenAsked)
        progress.carry_out(self.PLAN)
        return progress

    def test_later_builds_are_made_beside_tests_at_the_lowest_priority(self):
        begun, beside = threading.Event(), {}

        def build(part, beside_tests=False):
            beside[part.preset] = beside_tests
            if part.preset == "hard":
                begun.set()
            return True

        def run(part, options):
            passed = begun.wait(60)  # The first tests end only once the second build has begun.
            return [run_tests.Tally(part.name, passed=1 if passed else 0)]

        progress = run_tests.Progress([], build, run)
        progress.carry_out(self.PLAN)
        self.assertEqual([tally.passed for tally in progress.tallies], [1, 1, 1])
        self.assertEqual(beside, {"plain": False, "hard": True})

    def test_what_interrupts_tests_begins_no_other_build(self):
        plan = [Build("plain", 1), Run("tests", "plain", 1), Build("hard", 1), Build("harder", 1)]
        ended, built = threading.Event(), []

        class Builder(ThreadPoolExecutor):
            def shutdown(self, wait=True, cancel_futures=False):
                super().shutdown(wait=False, cancel_futures=cancel_futures)
                ended.set()
                super().shutdown(wait=wait)

        def build(part, beside_tests=False):
            built.append(part.preset)
            return part.preset == "plain" or ended.wait(60)

        def run(part, options):
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            run_tests.Progress([], build, run, builder=Builder).carry_out(plan)
        self.assertNotIn("harder", built)

    def test_all_builds_are_counted_together(self):
        progress = self.carry_out()
        self.assertEqual(self.done, ["build plain", "run all of it", "build hard cases", "run cases", "run fuzzing"])
        code, lines = run_tests.summary(progress.tallies)
        self.assertEqual((code, lines[-1]), (0, "6 passed, 0 failed"))

    def test_a_build_that_fails_is_a_failure_and_the_other_builds_are_tested(self):
        progress = self.carry_out(failing=["plain"])
        self.assertEqual(self.done, ["build plain", "build hard cases", "run cases", "run fuzzing"])
        code, lines = run_tests.summary(progress.tallies)
        self.assertEqual((code, lines[-1]), (1, "4 passed, 1 failed"))
        self.assertIn("FAILED   build/plain: build/plain", lines)

    def test_nothing_is_built_that_no_chosen_test_needs(self):
        progress = self.carry_out(options=["-R", "x"], tests={"hard": {"x": []}})
        self.assertNotIn("build plain", self.done)
        self.assertIn("build hard cases", self.done)

    def test_each_part_is_shown_with_its_time_and_what_it_may_take(self):
        table = run_tests.times_table(self.carry_out().times)
        self.assertEqual(table[1].split(), ["1.0", "2.0", "build", "plain"])
        self.assertEqual(table[-1].split(), ["5.0", "8.0", "all"])

    def test_the_standard_run_stays_within_its_budget(self):
        self.assertLessEqual(sum(part.minutes for part in PLANS["standard"]), 30)
        self.assertLessEqual(sum(part.minutes for part in PLANS["quick"]), 3)

    def test_the_thread_sanitizer_gets_the_addresses_it_needs(self):
        self.assertEqual(run_tests.launcher("tsan", 28), [])
        self.assertEqual(run_tests.launcher("tsan", 32), ["setarch", "--addr-no-randomize"])
        self.assertEqual(run_tests.launcher("asan", 32), [])

    def test_whatever_is_run_was_built_before(self):
        for name, plan in PLANS.items():
            built = set()
            for part in plan:
                if isinstance(part, Build):
                    built.add(part.preset)
                self.assertIn(part.preset, built, f"{name}: {part.name}")


if __name__ == "__main__":
    unittest.main()
