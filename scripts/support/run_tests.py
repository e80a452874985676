#!/usr/bin/env python3
"""Builds and runs tests in the presets they belong to, and counts them truthfully: run_tests.py PLAN [CTEST OPTIONS...]

A plan of plans.py is a list of parts: builds, and runs of what was built. Tests often wait, so the builds that come later
are made beside them, one after another and at the lowest priority. A GoogleTest program counts as its test cases, every
other test as one. A program that crashed, ran out of time or failed outside its cases counts as one failure more,
and so does a build that failed; what needed it is not run then. The last line reads `N passed, N failed` or `N passed, N
failed, N skipped`; the exit code is 0 only if nothing failed and at least one test ran.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from plans import PLANS, Build

ROOT = Path(__file__).resolve().parents[2]
OUTPUT_SHOWN = 200  # Lines of a failed test.
# A sanitizer says where, also where only binutils can tell; what it finds ends the program.
SANITIZERS = {"ASAN_OPTIONS": "allow_addr2line=1:detect_stack_use_after_return=1:strict_string_checks=1",
              "UBSAN_OPTIONS": "allow_addr2line=1:print_stacktrace=1",
              "TSAN_OPTIONS": "allow_addr2line=1:halt_on_error=1:second_deadlock_stack=1"}
FINISHED = re.compile(r"^\s*\d+/\d+ Test\s+#\d+: (.+?) \.*\s*(?:\*{3})?(\S.*?)\s+(\d+\.\d+) sec\s*$")


@dataclass
class Tally:
    """What came of one test program."""

    name: str
    passed: int = 0
    failed: list = field(default_factory=list)  # (case, output)
    skipped: list = field(default_factory=list)  # (case, reason)

    @property
    def count(self):
        return self.passed + len(self.failed) + len(self.skipped)


def tally_gtest(name, report):
    """Counts the cases of a GoogleTest report."""
    tally = Tally(name)
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        title = f"{case.get('classname')}.{case.get('name')}"
        failures = [failure.get("message", "") for failure in case.findall("failure")]
        skip = case.find("skipped")
        if failures:
            tally.failed.append((title, "\n".join(failures)))
        elif skip is not None:
            tally.skipped.append((title, last_line(skip.get("message", ""))))
        elif case.get("status") == "notrun":
            tally.skipped.append((title, "disabled in the source"))
        else:
            tally.passed += 1
    return tally


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def tally_test(test, report):
    """Counts one test of ctest's own report, with its GoogleTest report if it wrote one."""
    name, state = test.get("name"), test.get("status")
    output = test.findtext("system-out") or ""
    broken = report is not None and not readable(report)
    tally = Tally(name) if report is None or broken else tally_gtest(name, report)
    if state == "fail" and not tally.failed:
        reason = test.find("failure")
        why = (reason.get("message") or "failed") if reason is not None else "failed"
        case = name if report is None else f"{name} (the program itself)"
        tally.failed.append((case, f"{why}\n{output}"))
    elif state in ("notrun", "disabled"):
        reason = test.find("skipped")
        explained = reason is not None and "SKIP" in (reason.get("message") or "")
        if explained or state == "disabled":
            tally.skipped.append((name, last_line(output) if explained else "disabled in the build"))
        else:  # Such as a program that was not built: a test that cannot start is no success.
            why = reason.get("message") if reason is not None else "it was not started"
            tally.failed.append((name, f"{why}\n{output}"))
    elif state == "run" and report is None:
        tally.passed = 1
    elif broken:
        tally.failed.append((name, f"its report {report} cannot be read"))
    return tally


def readable(report):
    try:
        ElementTree.parse(report)
        return True
    except (ElementTree.ParseError, OSError):
        return False


def tally_all(ctest_report, reports):
    """Counts a whole run; `reports` maps a test's name to the GoogleTest report it was told to write."""
    tallies, counted = [], {}
    for test in ElementTree.parse(ctest_report).getroot().iter("testcase"):
        name = test.get("name")
        report = reports.get(name)
        report = report if report and report.exists() else None
        if report is not None and report in counted:  # The second run has overwritten or renamed the first one's report.
            why = f"runs the same GoogleTest program as {counted[report]}; their cases cannot be told apart"
            tallies.append(Tally(name, failed=[(name, why)]))
            continue
        counted[report] = name
        tallies.append(tally_test(test, report))
    return tallies


def summary(tallies):
    """(exit code, lines); the last line is the count."""
    lines = []
    for tally in tallies:
        for case, reason in tally.skipped:
            lines.append(f"skipped  {tally.name}: {case}: {reason}")
    for tally in tallies:
        for case, output in tally.failed:
            shown = output.strip().splitlines()
            cut = [f"... {len(shown) - OUTPUT_SHOWN} lines before"] if len(shown) > OUTPUT_SHOWN else []
            lines += ["", f"FAILED   {tally.name}: {case}", *(f"    {line}" for line in cut + shown[-OUTPUT_SHOWN:])]
    passed = sum(tally.passed for tally in tallies)
    failed = sum(len(tally.failed) for tally in tallies)
    skipped = sum(len(tally.skipped) for tally in tallies)
    if passed + failed == 0:
        lines.append("no test ran")
    count = f"{passed} passed, {failed} failed"
    return (1 if failed or passed == 0 else 0), [*lines, "", count + (f", {skipped} skipped" if skipped else "")]


def list_tests(folder, options):
    """The names and commands of the tests that ctest would run."""
    listed = subprocess.run(["ctest", "--test-dir", folder, "--show-only=json-v1", *options], capture_output=True,
                            text=True)
    if listed.returncode != 0:
        sys.exit(f"ctest cannot list the tests of {folder}:\n{listed.stderr}")
    return {test["name"]: test.get("command", []) for test in json.loads(listed.stdout)["tests"]}


def progress_line(preset, name, state, seconds, reports):
    """What a person sees as soon as a test program has ended."""
    words = {"passed": "ok", "failed": "FAILED", "timeout": "TIMEOUT", "skipped": "skipped", "not run": "NOT RUN"}
    word = words.get(state.lower(), "disabled" if "Disabled" in state else "CRASHED")
    report = reports.get(name)
    count = tally_gtest(name, report).count if report and readable(report) else 1
    return f"  {word:<9} {preset + '/' + name:<40} {count:>5} {'test ' if count == 1 else 'tests'} {float(seconds):>8.1f} s"


def launcher(preset, random_bits):
    """What a test is started by. The thread sanitizer of clang 14 finds no room for its shadow memory where addresses
    are more random than it expects."""
    return ["setarch", "--addr-no-randomize"] if preset == "tsan" and random_bits > 28 else []


def random_bits():
    try:
        return int(Path("/proc/sys/vm/mmap_rnd_bits").read_text())
    except (OSError, ValueError):
        return 0


def run(part, options):
    """Runs the tests of a part; their names begin with the preset they were built in."""
    folder = ROOT / "build" / part.preset
    options = [*part.options, *options]
    commands = list_tests(folder, options)
    print(f"test: running {len(commands)} programs: {part.name}", flush=True)
    with tempfile.TemporaryDirectory() as reports_folder:
        # GoogleTest names its report after the program, so each program has one place whatever runs beside it.
        reports = {name: Path(reports_folder, Path(command[0]).name + ".xml")
                   for name, command in commands.items() if command}
        ctest_report = Path(reports_folder, "ctest-report.xml")
        command = [*launcher(part.preset, random_bits()), "ctest", "--test-dir", folder,
                   "--parallel", str(os.cpu_count() or 2), "--timeout", str(part.time_limit),
                   "--output-junit", ctest_report, "--test-output-size-passed", "100000",
                   "--test-output-size-failed", "1000000", *options]
        environment = {**SANITIZERS, **os.environ, **part.environment, "GTEST_OUTPUT": f"xml:{reports_folder}/",
                       "GTEST_COLOR": "no"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=environment) as ctest:
            for line in ctest.stdout:
                if found := FINISHED.match(line):
                    print(progress_line(part.preset, *found.groups(), reports), flush=True)
        tallies = tally_all(ctest_report, reports) if ctest_report.exists() else []
    for tally in tallies:
        tally.name = f"{part.preset}/{tally.name}"
    return tallies


def build(part, *targets, beside_tests=False):
    """Whether scripts/build could."""
    priority = ["nice", "-n", "19"] if beside_tests else []
    return subprocess.run([*priority, ROOT / "scripts/build", part.preset, *(targets or part.targets)]).returncode == 0


class Progress:
    """Carries a plan out and remembers what came of it and how long each part took."""

    def __init__(self, options, build=build, run=run, list_tests=list_tests, clock=time.monotonic,
                 builder=ThreadPoolExecutor):
        self.options, self.build, self.run, self.list_tests, self.clock = options, build, run, list_tests, clock
        self.builder = builder
        self.tallies, self.times, self.broken = [], [], set()

    def carry_out(self, plan):
        with self.builder(1) as builder:
            builds = self.begin_builds(plan, builder)
            try:
                for part in plan:
                    self.do(part, builds)
            finally:
                builder.shutdown(cancel_futures=True)

    def begin_builds(self, plan, builder):
        """The builds that the options leave something to do for, on their way: part -> its outcome to come."""
        needed = [part for i, part in enumerate(plan)
                  if isinstance(part, Build) and self.is_needed(part, plan[i + 1:])]
        return {part: builder.submit(self.build, part, beside_tests=part is not needed[0]) for part in needed}

    def do(self, part, builds):
        if part.preset in self.broken or (isinstance(part, Build) and part not in builds):
            return
        began = self.clock()
        if not isinstance(part, Build):
            self.tallies += self.run(part, self.options)
        elif not builds[part].result():
            self.broken.add(part.preset)
            name = f"build/{part.preset}"
            self.tallies.append(Tally(name, failed=[(name, "cannot be built; none of its tests were run")]))
        self.times.append((part, self.clock() - began))

    def is_needed(self, part, later):
        """Whether the options leave a test to run with what this part builds."""
        if not self.options:
            return True
        if not self.build(part, "--configure"):
            return True  # The build will say why.
        runs = [run for run in later if not isinstance(run, Build) and run.preset == part.preset]
        return not runs or any(self.list_tests(ROOT / "build" / part.preset, [*run.options, *self.options])
                               for run in runs)


def times_table(times):
    """How long each part took, beside what it may take."""
    total, allowed = sum(seconds for _, seconds in times), sum(part.minutes for part, _ in times)
    rows = [(part.name, seconds, part.minutes) for part, seconds in times] + [("all", total, allowed)]
    return ["minutes   allowed", *(f"{seconds / 60:>7.1f} {minutes:>9.1f}   {name}" for name, seconds, minutes in rows)]


def main(arguments):
    if not arguments or arguments[0] not in PLANS:
        print(f"{__doc__}\nPlans: {', '.join(PLANS)}", file=sys.stderr)
        return 2
    progress = Progress(arguments[1:])
    progress.carry_out(PLANS[arguments[0]])
    code, lines = summary(progress.tallies)
    print("\n".join(["", *times_table(progress.times), *lines]))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
