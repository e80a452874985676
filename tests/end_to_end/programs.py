"""What the end-to-end tests share: a home folder, the programs on it, and the certainty that nothing is left running."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAMS = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]) else "build/default/bin").resolve()

# Short enough for a test, long enough for a busy machine.
QUICK = """
[fleet]
interval = "500ms"
sessions_max_age = "200ms"
leadership = "3s"
[worker]
poll = "100ms"
kill_grace = "1s"
"""


def wait_for(condition, seconds=60):
    """The first true value of `condition`, or its last one when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(0.05)


class ProgramTest(unittest.TestCase):
    maxDiff = None
    config = QUICK

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rgrid-test-"))
        self.home = self.folder / "home"
        self.work = self.folder / "work"
        self.work.mkdir()
        if self.config:
            self.home.mkdir()
            (self.home / "rgrid.toml").write_text(self.config)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("RGRID_") and name not in ("DATABASE_URL", "XDG_STATE_HOME")}
        self.environment["RGRID_HOME"] = str(self.home)

    def tearDown(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for(lambda: not self.processes())
        shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self):
        """The processes that belong to this test's home: its name is in their environment or command line."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                text = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
                ended = " Z " in (process / "stat").read_text()
            except OSError:
                continue
            if str(self.home).encode() in text and not ended:
                found.append(int(process.name))
        return found

    def start(self, program, *arguments, **options):
        return subprocess.Popen([str(PROGRAMS / program), *map(str, arguments)], cwd=self.work, env=self.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def run_program(self, program, *arguments, seconds=90):
        process = self.start(program, *arguments)
        output, errors = process.communicate(timeout=seconds)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def rgrid(self, *arguments, **options):
        return self.run_program("rgrid", *arguments, **options)

    def ask(self, *arguments):
        answer = self.rgrid(*arguments, "--json")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return json.loads(answer.stdout)

    def submit(self, *arguments):
        submitted = self.rgrid("run", "--detach", *arguments)
        self.assertEqual(submitted.returncode, 0, submitted.stderr)
        return submitted.stdout.strip()

    def state_of(self, job):
        return self.ask("status", job)["job"]["state"]

    def script(self, name, text):
        (self.work / name).write_text(text)
        return name

    def assert_nothing_runs(self):
        left = wait_for(lambda: not self.processes(), 60)
        self.assertTrue(left, f"still running: {self.processes()}")
