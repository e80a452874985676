"""A configuration that changes under running workers, and a calendar that jumps: nothing that works is disturbed."""

import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

from fleet import FleetCase, wait_until

PROGRAMS = pathlib.Path(os.environ["RGRID_PROGRAMS"]).resolve()
HERE = pathlib.Path(__file__).parent

DAY = 24 * 3600
MONTH = 30 * DAY


class FleetTest(FleetCase):
    def run_jobs(self, fleet, names, gate="gate", options=()):
        numbers = [fleet.submit(name, gate, options) for name in names]
        for name in names:
            wait_until(f"{name} has begun", lambda: fleet.journal("start", name))
        return numbers

    def restart(self, fleet, daemon, **changes):
        """The daemon with another configuration; what runs goes on meanwhile."""
        fleet.configure(**changes)
        self.assertEqual(daemon.end(), 0)
        return fleet.start_leader()

    def look_around(self, fleet, passes=5):
        """Waits until the daemon has looked at the world and decided a few times more."""
        passes += fleet.passes()
        wait_until("the daemon has looked around", lambda: fleet.passes() >= passes)

    def assert_undisturbed(self, fleet, names):
        """Each job ran once, to its end."""
        for name in names:
            self.assertEqual((fleet.journal("start", name), fleet.journal("end", name)), ([1], [1]), name)


class ChangeTest(FleetTest):
    """One fleet lives through it all, since each start of a fleet takes its time."""

    def test_a_pool_that_is_taken_out_finishes_what_it_runs_and_its_queue_waits(self):
        fleet = self.start_fleet(pool__extra={"slots": 1}, pool__extra__scaling={"min_queued": 1, "max_wait": "0s",
                                                                                "max_workers": 1})
        daemon = fleet.start_leader()
        running, = self.run_jobs(fleet, ["a"], options=["--pool", "extra"])
        waiting = fleet.submit("b", options=["--pool", "extra"])
        worker = fleet.job(running)["worker"]

        daemon = self.restart(fleet, daemon, pool__extra=None)

        daemon.wait_for("worker_drain", worker)
        self.assertEqual(fleet.job(running)["state"], "running")
        fleet.open()
        fleet.wait_for_job(running, "succeeded")
        daemon.wait_for("server_deleted", worker)
        self.assert_undisturbed(fleet, ["a"])
        # Nobody loses it, nobody runs it, and it says why.
        self.assertEqual(fleet.job(waiting)["state"], "queued")
        self.assertIn("pool 'extra'", fleet.ask("status", str(waiting))["waiting"])
        self.assertIn("extra", fleet.rgrid("explain"))
        self.assertIn(worker, fleet.rgrid("cost"))

        self.restart(fleet, daemon, pool__extra={"slots": 1},
                     pool__extra__scaling={"min_queued": 1, "max_wait": "0s", "max_workers": 1})
        fleet.wait_for_job(waiting, "succeeded")

    def test_fewer_workers_and_other_slots_and_another_server_type(self):
        fleet = self.start_fleet(pool__default={"slots": 1})
        daemon = fleet.start_leader()
        jobs = self.run_jobs(fleet, ["a", "b", "c"])
        before = fleet.folders()
        self.assertEqual(len(before), 3)

        # Fewer workers than there are: the surplus finishes its jobs and goes.
        daemon = self.restart(fleet, daemon, pool__default__scaling={"max_workers": 1})
        wait_until("two workers drain", lambda: len(daemon.events("worker_drain")) == 2)
        self.look_around(fleet)
        self.assertEqual(fleet.folders(), before)
        self.assertIn("1 ready, 2 draining (1 of 1 slots busy, 2 busy on workers that take no more jobs)",
                      fleet.rgrid("status"))
        queued = fleet.submit("d", "later")
        kept, = fleet.workers("ready")

        # Other slots and another type of server: what stands stays as it is, also in the books.
        daemon = self.restart(
            fleet, daemon, pool__default={"slots": 4}, pool__default__scaling={"max_workers": 4},
            cloud__process__offers=[{"type": "large", "location": "there", "price": "0.04 EUR", "period": "1h"}])
        big = fleet.submit("e", "later", ["--slots", "3"])
        wait_until("the big job runs", lambda: fleet.journal("start", "e"))
        self.assertEqual(fleet.folders()[:3], before)
        new, = [worker for worker in fleet.workers("ready") if worker["worker"] != kept["worker"]]
        self.assertEqual((kept["slots"], new["slots"], fleet.job(big)["worker"]), (1, 4, new["worker"]))
        bills = {line["bill"]["server"]: line["bill"] for line in fleet.bills()}
        self.assertEqual((bills[kept["worker"]]["price"], bills[kept["worker"]]["offer"]["type"]), ("0.01 EUR", "small"))
        self.assertEqual((bills[new["worker"]]["price"], bills[new["worker"]]["offer"]["type"]), ("0.04 EUR", "large"))

        # Fewer slots than a job that runs needs: it is not touched.
        daemon = self.restart(fleet, daemon, pool__default={"slots": 1})
        self.look_around(fleet)
        self.assertEqual(fleet.job(big)["state"], "running")
        fleet.open()
        fleet.open("later")
        for job in [*jobs, queued, big]:
            fleet.wait_for_job(job, "succeeded")
        self.assert_undisturbed(fleet, "abcde")


class CalendarTest(FleetTest):
    """The calendar of daemon, agents and commands jumps; steady clocks do not."""

    def start_shifted(self, **changes):
        fleet = self.start_fleet(**changes)
        library = fleet.home / "shifted_clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, HERE / "shifted_clock.c"], check=True)
        self.shift = fleet.home / "clock"
        self.jump(0)
        fleet.environment |= {"LD_PRELOAD": str(library), "RGRID_TEST_CLOCK": str(self.shift)}
        return fleet

    def jump(self, seconds):
        # In place: programs have it in their memory.
        with self.shift.open("r+b" if self.shift.exists() else "w+b") as file:
            file.write(struct.pack("q", seconds))

    def assert_no_nonsense(self, fleet, days):
        """Nobody is told of times that have not passed."""
        texts = [fleet.rgrid(*command) for command in (["status"], ["workers"], ["servers", "--all"], ["cost"])]
        for text in texts:
            self.assertNotRegex(text, r"(^|[\s(])-\d", text)
        for line in fleet.ask("cost")["report"]["servers"] + fleet.ask("cost")["report"]["jobs"]:
            for name in ("slot_time", "slot_time_used", "lifetime"):
                self.assertRegex(line.get(name, "1s"), r"^(\d+m)?(\d+s)?(\d+ms)?$", line)
        for line in fleet.bills():
            self.assertRegex(line["bill"]["lifetime"], r"^(\d+m)?(\d+s)?(\d+ms)?$")
            self.assertEqual(line["periods"], 1)

    def test_a_day_back_and_a_month_forward_lose_kill_and_order_nothing(self):
        fleet = self.start_shifted()
        daemon = fleet.start_leader()
        self.run_jobs(fleet, ["done"], "early")
        fleet.open("early")
        fleet.wait_for_counts(succeeded=1)
        names = ["a", "b", "c"]
        jobs = self.run_jobs(fleet, names)
        later = fleet.submit("later", "early", ["--delay", "1h"])
        before = fleet.folders()
        created = len(daemon.events("server_create"))
        lines = len(daemon.lines())

        for shift in (-DAY, MONTH, -DAY):
            self.jump(shift)
            self.look_around(fleet, 8)
            self.assertEqual(fleet.folders(), before)
            self.assertEqual([fleet.job(job)["state"] for job in jobs], ["running"] * 3)
            self.assertEqual(fleet.job(later)["state"], "scheduled", "an hour has not passed")
            self.assertEqual(fleet.ask("status")["jobs"]["succeeded"], 1)
            self.assertEqual(fleet.ask("status")["jobs"]["swept"], 0)
            self.assertEqual(len(daemon.events("leading")), 1)
            self.assert_no_nonsense(fleet, shift)
        self.assertEqual(len(daemon.events("server_create")), created)
        for kind in ("worker_lost", "worker_drain", "server_deleted"):
            self.assertEqual(daemon.events(kind), [])

        # Also for a daemon and jobs that begin in another time than the workers.
        self.jump(MONTH)
        self.assertEqual(daemon.end(), 0)
        daemon = fleet.start_leader()
        self.look_around(fleet, 8)
        self.assertEqual(fleet.folders(), before)
        fleet.open()
        for job in jobs:
            fleet.wait_for_job(job, "succeeded")
        self.assert_undisturbed(fleet, names)
        self.jump(-DAY)
        self.run_jobs(fleet, ["d"], "early")
        fleet.wait_for_counts(succeeded=5, scheduled=1)
        self.assertEqual(daemon.events("worker_lost"), [])
        self.assert_no_nonsense(fleet, -DAY)
        for job in [*jobs, later + 1]:
            self.assertNotRegex(fleet.rgrid("status", str(job)), r"\s-\d")


if __name__ == "__main__":
    unittest.main(verbosity=2)
