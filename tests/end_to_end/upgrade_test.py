"""Programs of another version take over a running fleet: by a new start, in place, and back; strangers are told."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import unittest

from fleet import wait_until
from fleet_test import PROGRAMS, FleetTest

NEXT = PROGRAMS / "next"
STRANGER = PROGRAMS / "other_protocol"
NAMES = ("rgrid", "rgridd", "rgrid-worker", "rgrid-keeper")

# Works for as long as it is told to.
SHORT_JOB = """#!/bin/sh
echo "start $2 $RGRID_EPOCH $$" >> "$1/journal"
sleep "$3"
echo "end $2 $RGRID_EPOCH $$" >> "$1/journal"
"""


def version_of(programs):
    said = subprocess.run([programs / "rgrid-worker", "--version"], check=True, capture_output=True, text=True).stdout
    return said.split()[1]


def program_of(pid):
    return os.readlink(f"/proc/{pid}/exe")


class UpgradeTest(FleetTest):
    def look_around(self, fleet, passes=4):
        """Waits until a daemon has looked at the world and decided a few times more."""
        passes += fleet.passes()
        wait_until("the daemon has looked around", lambda: fleet.passes() >= passes)

    def copy_programs(self, fleet, source):
        """Puts programs into a folder of the fleet's own, in place of those that are there."""
        folder = fleet.home / "bin"
        folder.mkdir(exist_ok=True)
        for name in NAMES:
            shutil.copy(source / name, folder / f".{name}.new")
            (folder / f".{name}.new").rename(folder / name)
        return folder

    def let_age(self, fleet):
        """Makes all servers more than a day old: a server is as old as its record says."""
        for server in fleet.folders():
            path = fleet.home / "servers" / server / "server.json"
            record = json.loads(path.read_text())
            record["created_steady"] = "-90000s"
            path.with_suffix(".new").write_text(json.dumps(record))
            path.with_suffix(".new").rename(path)

    def assert_once(self, fleet, names):
        """Each of these jobs has run once, to its end: none was lost with a worker, failed, or done again."""
        lines = [line.split() for line in (fleet.home / "journal").read_text().splitlines()]
        said = {}
        for word, name, epoch, _ in lines:
            said.setdefault(name, []).append((word, int(epoch)))
        for name in names:
            self.assertEqual(said.get(name), [("start", 1), ("end", 1)], name)


class RollingTest(UpgradeTest):
    """Thirty workers of one slot."""

    workers = 30
    most_draining = 10
    shorts = 0
    gates = ()

    def start_thirty(self):
        fleet = self.start_fleet(pool__default={"slots": 1},
                                 pool__default__scaling={"min_workers": self.workers, "max_workers": self.workers},
                                 pool__default__health={"heartbeat": "1s", "lost_after": "20s", "drain_share": 0.34},
                                 limits={"creates_per_minute": 1000})
        (fleet.home / "short.sh").write_text(SHORT_JOB)
        return fleet

    def submit_many(self, fleet, names, script, *arguments):
        """One job a name, {name} in the arguments, with one command."""
        folder = pathlib.Path(fleet.home / "batches" / names[0])
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).touch()
        done = fleet.call("rgrid", "batch", "--detach", "--each", "*", script, fleet.home, *arguments, cwd=folder)
        self.assertEqual(done.returncode, 0, done.stderr)

    def occupy(self, fleet, gate):
        """Gives each worker a job that runs until the gate is opened."""
        names = [f"{gate}-{i:02}" for i in range(self.workers)]
        self.submit_many(fleet, names, fleet.script, gate, "{name}")
        fleet.wait_for_counts(running=self.workers, queued=0)
        wait_until("each has begun", lambda: all(fleet.journal("start", name) for name in names))
        self.gates += (gate,)
        return names

    def submit_shorts(self, fleet, count):
        names = [f"short-{self.shorts + i:04}" for i in range(count)]
        self.shorts += count
        self.submit_many(fleet, names, fleet.home / "short.sh", "{name}", "1")

    def versions(self, fleet):
        return {worker["version"] for worker in fleet.workers()}

    def replace_daemon(self, fleet, daemon, programs, number):
        """Ends the daemon by a signal and starts that of other programs; shows that nothing but the daemon changes."""
        before, versions = fleet.folders(), self.versions(fleet)
        if number == signal.SIGTERM:
            self.assertEqual(daemon.end(), 0)
        else:
            self.assertEqual(daemon.end(number), -number)
        fleet.programs = programs
        daemon = fleet.start_leader()
        self.look_around(fleet)

        self.assertEqual(program_of(daemon.pid), str(programs / "rgridd"))
        self.assertEqual(fleet.folders(), before)
        self.assertEqual([worker["phase"] for worker in fleet.workers()], ["ready"] * self.workers)
        self.assertEqual(self.versions(fleet), versions)
        for kind in ("server_create", "server_deleted", "worker_drain", "worker_lost"):
            self.assertEqual(daemon.events(kind), [], kind)
        return daemon

    def roll_over(self, fleet, daemon, programs, gate):
        """Lets the workers age until all have been replaced, jobs running all the while."""
        old = set(fleet.folders())
        self.let_age(fleet)

        # Who has a job finishes it; a third may drain at a time, and all others work on.
        wait_until("a third drains", lambda: len(fleet.workers("draining")) == self.most_draining)
        self.look_around(fleet)
        self.assertEqual(len(fleet.workers("draining")), self.most_draining)
        self.assertEqual(len(fleet.workers("ready")), self.workers - self.most_draining)
        self.assertEqual(fleet.ask("status")["jobs"]["running"], self.workers)
        self.assertEqual(set(fleet.folders()), old)

        self.submit_shorts(fleet, self.workers)
        fleet.open(gate)

        def rolled():
            workers = fleet.workers()
            draining = [worker for worker in workers if worker["phase"] == "draining"]
            self.assertLessEqual(len(draining), self.most_draining)
            self.assertLessEqual(len(fleet.folders()), self.workers)
            self.assertGreaterEqual(len([worker for worker in workers if worker["phase"] == "ready"]),
                                    self.workers - 2 * self.most_draining, "the pool works on")
            if fleet.ask("status")["jobs"]["queued"] < self.workers / 3:
                self.submit_shorts(fleet, self.workers // 2)
            ready = [worker for worker in workers if worker["phase"] == "ready"]
            return len(ready) == self.workers and {worker["version"] for worker in ready} == {version_of(programs)}
        wait_until("all workers are new ones", rolled, 120)

        self.assertFalse(old & set(fleet.folders()))
        for program in ("rgrid-worker", "rgrid-keeper"):
            self.assertEqual(program_of(fleet.pid_of(program, fleet.folders()[0])), str(programs / program))
        self.assertEqual(daemon.events("worker_lost"), [])

    def test_another_daemon_takes_over_thirty_workers_which_roll_over_by_age_and_back_again(self):
        fleet = self.start_thirty()
        daemon = fleet.start_leader()
        fleet.wait_for_workers(self.workers)
        names = self.occupy(fleet, "first")

        daemon = self.replace_daemon(fleet, daemon, NEXT, signal.SIGTERM)
        self.assertEqual(self.versions(fleet), {version_of(PROGRAMS)})
        self.roll_over(fleet, daemon, NEXT, "first")

        fleet.wait_for_counts(queued=0, running=0)
        names += self.occupy(fleet, "second")
        daemon = self.replace_daemon(fleet, daemon, PROGRAMS, signal.SIGKILL)
        self.assertEqual(self.versions(fleet), {version_of(NEXT)})
        self.roll_over(fleet, daemon, PROGRAMS, "second")

        names += [f"short-{i:04}" for i in range(self.shorts)]
        fleet.wait_for_counts(succeeded=len(names), queued=0, running=0, scheduled=0, failed=0, dead=0, cancelled=0)
        self.assert_once(fleet, names)
        self.assertEqual(daemon.end(), 0)


class InPlaceTest(UpgradeTest):
    def test_program_files_replaced_under_a_running_fleet_are_for_what_starts_from_then_on(self):
        fleet = self.start_fleet(pool__default__scaling={"max_workers": 2})
        fleet.programs = self.copy_programs(fleet, PROGRAMS)
        daemon = fleet.start_leader()
        names = ["before", "between", "elsewhere", "after"]
        fleet.submit("before")
        wait_until("before has begun", lambda: fleet.journal("start", "before"))
        first, = fleet.folders()

        self.copy_programs(fleet, NEXT)

        # The agent of before runs another job, in a keeper of after.
        fleet.submit("between")
        wait_until("between has begun", lambda: fleet.journal("start", "between"))
        self.assertEqual(fleet.folders(), [first])
        self.assertEqual(program_of(fleet.pid_of("rgrid-worker", first)), f"{fleet.programs}/rgrid-worker (deleted)")
        keepers = [program_of(keeper) for keeper in fleet.keepers(first)]
        self.assertEqual(sorted(keepers), sorted([f"{fleet.programs}/rgrid-keeper (deleted)"] * 2
                                                 + [f"{fleet.programs}/rgrid-keeper"]))
        # The daemon of before orders a server of after.
        fleet.submit("elsewhere")
        wait_until("elsewhere has begun", lambda: fleet.journal("start", "elsewhere"))
        second, = set(fleet.folders()) - {first}
        self.assertEqual({worker["worker"]: worker["version"] for worker in fleet.workers()},
                         {first: version_of(PROGRAMS), second: version_of(NEXT)})

        # And the daemon of after finds both, and ends both.
        self.assertEqual(daemon.end(), 0)
        daemon = fleet.start_leader()
        fleet.submit("after")
        wait_until("after has begun", lambda: fleet.journal("start", "after"))
        self.look_around(fleet)
        self.assertEqual(fleet.folders(), [first, second])
        fleet.open()
        fleet.wait_for_counts(succeeded=4, queued=0, running=0)
        self.assert_once(fleet, names)
        for worker in (first, second):
            fleet.rgrid("workers", "drain", worker)
        wait_until("both servers are gone", lambda: not fleet.folders())


class StrangerTest(UpgradeTest):
    def test_old_workers_stay_while_new_agents_do_not_come_up(self):
        fleet = self.start_fleet(pool__default={"slots": 1},
                                 pool__default__scaling={"min_workers": 3, "max_workers": 4},
                                 pool__default__health={"boot_timeout": "2s", "probe_interval": "1s"})
        fleet.programs = self.copy_programs(fleet, PROGRAMS)
        daemon = fleet.start_leader()
        fleet.wait_for_workers(3)
        old = fleet.folders()
        for name in "abc":
            fleet.submit(name)
        fleet.wait_for_counts(running=3)
        (fleet.programs / "rgrid-worker").unlink()
        (fleet.programs / "rgrid-worker").write_text("#!/bin/sh\nexit 127\n")
        (fleet.programs / "rgrid-worker").chmod(0o755)

        self.let_age(fleet)
        fleet.open()
        wait_until("three new servers never came up", lambda: len(
            [event for event in daemon.events("worker_lost") if "has not registered" in event["text"]]) == 3, 90)

        self.assertEqual(len(set(fleet.folders()) & set(old)), 2)
        fleet.submit("d")
        fleet.wait_for_counts(succeeded=4, queued=0, running=0)
        self.assert_once(fleet, "abcd")

        # Agents that do come up replace them all.
        self.copy_programs(fleet, NEXT)
        wait_until("all workers are new ones", lambda: [worker["version"] for worker in fleet.workers("ready")]
                   == [version_of(NEXT)] * 3, 90)

    def test_an_agent_of_an_unknown_protocol_says_so_and_its_server_never_came_up(self):
        fleet = self.start_fleet(pool__default__health={"boot_timeout": "1s"})
        fleet.programs = self.copy_programs(fleet, PROGRAMS)
        (fleet.programs / "rgrid-worker").unlink()
        shutil.copy(STRANGER / "rgrid-worker", fleet.programs / "rgrid-worker")
        daemon = fleet.start_leader()
        job = fleet.submit("a")

        daemon.wait_for("server_deleted", "test-default-1")

        explained = fleet.rgrid("explain", "--worker", "test-default-1")
        log = pathlib.Path(re.search(r"Its agent's log: (.*)", explained)[1]).read_text().splitlines()
        said = [json.loads(line)["text"] for line in log if line.startswith("{")]
        sentence = (f'worker "test-default-1" runs an agent of version "{version_of(PROGRAMS)}" that speaks protocol '
                    "2; this store speaks protocols 1 to 1: use an older agent, or a newer RGrid where the store is")
        self.assertTrue(all(text.endswith(sentence) for text in said), log)
        self.assertIn("[keeper] the agent ended with exit code 1", log)
        self.assertEqual(fleet.job(job)["state"], "queued")
        self.assertEqual(fleet.journal("start", "a"), [])

        # The right agent, and the job runs.
        self.copy_programs(fleet, PROGRAMS)
        fleet.open()
        fleet.wait_for_job(job, "succeeded")

    def test_a_store_raised_under_running_agents_serves_them_and_is_refused_to_whoever_starts(self):
        fleet = self.start_fleet(pool__default={"slots": 1}, pool__default__scaling={"max_workers": 1})
        daemon = fleet.start_leader()
        names = ["runs", "waits"]
        jobs = [fleet.submit(name, name) for name in names]
        wait_until("the first job runs", lambda: fleet.journal("start", "runs"))
        worker, = fleet.folders()
        self.assertEqual(daemon.end(), 0)

        # As the daemon of a later version would: a step adds what statements of before do not notice.
        def in_store(*statements):
            with contextlib.closing(sqlite3.connect(fleet.home / "rgrid.db", isolation_level=None)) as store:
                return [store.execute(statement).fetchall() for statement in ("BEGIN IMMEDIATE", *statements, "COMMIT")]
        known = in_store("PRAGMA user_version")[1][0][0]
        in_store("ALTER TABLE store ADD COLUMN later TEXT NOT NULL DEFAULT ''",
                 "ALTER TABLE session ADD COLUMN later INTEGER NOT NULL DEFAULT 0",
                 "CREATE TABLE later(one INTEGER PRIMARY KEY, why TEXT NOT NULL) STRICT",
                 f"PRAGMA user_version = {known + 1}")

        sentence = (f"has the store format {known + 1}; this program knows formats up to {known}: "
                    "use the newer RGrid that made it")
        for program, arguments, code in (("rgridd", [], 3), ("rgrid", ["status"], 3),
                                         ("rgrid-worker", ["--worker", "another"], 3)):
            done = fleet.call(program, *arguments)
            self.assertEqual(done.returncode, code, program)
            self.assertIn(sentence, done.stdout + done.stderr, program)

        # The agent that has it open finishes its job, says so, and takes the next one.
        fleet.open("runs")
        fleet.open("waits")
        wait_until("both results are in the store",
                   lambda: len(in_store("SELECT job FROM result WHERE state = 3 ORDER BY job")[1]) == 2)
        self.assertEqual([row[0] for row in in_store("SELECT job FROM result ORDER BY job")[1]], jobs)
        self.assert_once(fleet, names)
        self.assertEqual(fleet.folders(), [worker])
        self.assertNotRegex(fleet.agent_log(worker), r"SQL|no such|format")


if __name__ == "__main__":
    unittest.main(verbosity=2)
