"""Whole fleets of real processes: how a daemon ends, who leads, what becomes of losses, what operators may ask."""

import os
import pathlib
import shutil
import signal
import tempfile
import unittest

from fleet import PATIENCE, FleetCase, process_state, wait_until

PROGRAMS = pathlib.Path(os.environ["RGRID_PROGRAMS"]).resolve()

# Whatever happens within a test's patience then was caused by an event, not by the time.
SLOW = {"fleet": {"interval": "10m", "leadership": "10m"},
        "pool__default__health": {"lost_after": "10m", "boot_timeout": "10m"}}


class FleetTest(FleetCase):
    def run_a_job(self, fleet, name="a"):
        """Submits a job and waits until it runs. Returns its view."""
        number = fleet.submit(name)
        wait_until(f"{name} has begun", lambda: fleet.journal("start", name))
        return fleet.job(number)

    def freeze(self, pid):
        os.kill(pid, signal.SIGSTOP)
        wait_until(f"{pid} is frozen", lambda: process_state(pid) == "T")


class CheckTest(FleetTest):
    def test_a_broken_configuration_is_told_in_full_and_nothing_is_opened(self):
        fleet = self.start_fleet(
            fleet={"intervall": "1s", "leadership": "0s"}, pool__default={"slots": "two"},
            pool__default__scaling={"min_workers": 5, "max_workers": 3})
        before = fleet.home_content()

        for mode in (["--check"], [], ["--dry-run"], ["--once"]):
            done = fleet.run_daemon(*mode)

            self.assertEqual(done.returncode, 2, mode)
            for part in ("fleet.intervall", "did you mean 'interval'", "fleet.leadership", "pool.default.slots",
                         "pool.default.scaling.min_workers"):
                self.assertIn(part, done.stderr)
            self.assertEqual(fleet.home_content(), before)

    def test_a_good_configuration_is_told_to_be_good_and_nothing_is_opened(self):
        fleet = self.start_fleet()
        before = fleet.home_content()

        done = fleet.run_daemon("--check")

        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, f"OK: {fleet.home}/rgrid.toml\n")
        self.assertEqual(fleet.home_content(), before)


class OneLookTest(FleetTest):
    def test_a_dry_run_says_what_and_why_and_touches_nothing(self):
        fleet = self.start_fleet()
        for name in "abcde":
            fleet.submit(name)
        before = fleet.store_content()

        done = fleet.run_daemon("--dry-run")

        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(),
                         ["create test-default-1 to test-default-3 (small@here): 5 queued, 0 free slots, 2 slots a "
                          "worker: 3 workers"])
        self.assertEqual(fleet.store_content(), before)
        self.assertEqual(fleet.folders(), [])
        self.assertEqual(fleet.processes(), [])
        self.assertFalse((fleet.home / "decisions.jsonl").exists())

    def test_a_dry_run_beside_a_daemon_leaves_it_leading(self):
        fleet = self.start_fleet()
        leader = fleet.start_leader()

        done = fleet.run_daemon("--dry-run")

        self.assertEqual((done.returncode, done.stdout), (0, "nothing to do\n"))
        self.run_a_job(fleet)
        self.assertEqual(len(leader.events("leading")), 1)

    def test_once_makes_one_look_and_waits_for_its_steps(self):
        fleet = self.start_fleet()
        for name in "abcde":
            fleet.submit(name)

        done = fleet.run_daemon("--once")

        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(fleet.decisions()), 1)
        self.assertEqual(fleet.folders(), ["test-default-1", "test-default-2", "test-default-3"])
        # Nobody leads any more, yet what was ordered comes up and works.
        fleet.open()
        fleet.wait_for_counts(succeeded=5)
        self.assertEqual(fleet.ask("status")["leader"], "")

    def test_once_beside_a_daemon_does_nothing(self):
        fleet = self.start_fleet()
        leader = fleet.start_leader()

        done = fleet.run_daemon("--once")

        self.assertEqual(done.returncode, 1)
        self.assertIn("the fleet is led by", done.stderr)
        self.run_a_job(fleet)
        self.assertEqual(len(leader.events("leading")), 1)


class EndTest(FleetTest):
    def take_over_after(self, end):
        """One daemon ends, as `end` does it, while a job runs; another takes its fleet over."""
        fleet = self.start_fleet()
        first = fleet.start_leader()
        job = self.run_a_job(fleet)
        keeper = fleet.pid_of("rgrid-keeper", job["worker"])

        end(first)
        # The job goes on and ends with no daemon there.
        fleet.open()
        done = fleet.wait_for_job(job["job"], "succeeded")
        self.assertEqual((done["epoch"], done["losses"], done["worker"]), (1, 0, job["worker"]))
        self.assertEqual(fleet.pid_of("rgrid-keeper", job["worker"]), keeper)

        second = fleet.start_leader()
        wait_until("the new daemon has seen the server",
                   lambda: any(record["snapshot"]["epoch"] == 2 and record["snapshot"]["servers"]["value"]
                               for record in fleet.decisions()))
        next_job = fleet.wait_for_job(fleet.submit("b"), "succeeded")
        self.assertEqual(next_job["worker"], job["worker"])
        self.assertEqual([bill["bill"]["server"] for bill in fleet.bills()], [job["worker"]])
        self.assertEqual(fleet.folders(), [job["worker"]])
        self.assertEqual(second.events("server_create"), [])
        self.assertEqual(second.events("server_adopted"), [])

    def test_sigterm_leaves_workers_and_jobs(self):
        def end(daemon):
            self.assertEqual(daemon.end(signal.SIGTERM), 0)
            self.assertEqual(daemon.events()[-1]["text"], "ended")
        self.take_over_after(end)

    def test_sigint_is_as_good(self):
        self.take_over_after(lambda daemon: self.assertEqual(daemon.end(signal.SIGINT), 0))

    def test_kill_9_leaves_workers_and_jobs(self):
        self.take_over_after(lambda daemon: self.assertEqual(daemon.end(signal.SIGKILL), -signal.SIGKILL))

    def test_drain_lets_running_jobs_finish_and_leaves_no_server(self):
        fleet = self.start_fleet()
        daemon = fleet.start_leader("--drain")
        jobs = [self.run_a_job(fleet, name) for name in "abc"]

        daemon.kill(signal.SIGTERM)
        for worker in {job["worker"] for job in jobs}:
            daemon.wait_for("worker_drain", worker)
        late = fleet.submit("late")
        self.assertIsNone(daemon.process.poll())
        fleet.open()

        self.assertEqual(daemon.process.wait(PATIENCE), 0)
        for job in jobs:
            view = fleet.job(job["job"])
            self.assertEqual((view["state"], view["epoch"]), ("succeeded", 1))
        self.assertEqual(fleet.job(late)["state"], "queued")
        fleet.wait_for_nothing_left()

    def test_a_second_signal_ends_a_drain(self):
        fleet = self.start_fleet()
        daemon = fleet.start_leader("--drain")
        job = self.run_a_job(fleet)

        daemon.kill(signal.SIGTERM)
        daemon.wait_for("worker_drain", job["worker"])

        self.assertEqual(daemon.end(signal.SIGTERM), 1)
        self.assertIn("not all servers are gone yet", daemon.log_path.read_text())
        fleet.open()
        self.assertEqual(fleet.wait_for_job(job["job"], "succeeded")["epoch"], 1)

    def test_until_idle_ends_by_itself_with_nothing_left(self):
        fleet = self.start_fleet()
        jobs = [fleet.submit(name) for name in "abcde"]
        daemon = fleet.start_daemon("--until-idle")
        daemon.wait_for("worker_ready", count=3)
        fleet.open()

        self.assertEqual(daemon.process.wait(PATIENCE), 0)
        self.assertEqual([fleet.job(job)["state"] for job in jobs], ["succeeded"] * 5)
        self.assertEqual([bill["phase"] for bill in fleet.bills()], ["gone"] * 3)
        self.assertEqual(fleet.ask("status")["leader"], "")
        fleet.wait_for_nothing_left()


class LeadershipTest(FleetTest):
    def test_a_second_daemon_watches_and_takes_over_when_the_first_is_killed(self):
        fleet = self.start_fleet()
        first = fleet.start_leader()
        second = fleet.start_daemon()
        second.wait_for("watching")

        for name in "abcdef":
            fleet.submit(name)
        first.wait_for("worker_ready", count=3)
        self.assertEqual(len(first.events("server_create")), 3)
        self.assertEqual(second.events("server_create"), [])
        self.assertEqual(second.events("leading"), [])

        first.end(signal.SIGKILL)
        second.wait_for("leading")
        fleet.open()
        fleet.wait_for_counts(succeeded=6)
        self.assertEqual(second.events("server_create"), [])
        self.assertEqual(len(fleet.bills()), 3)

    def test_a_daemon_that_ends_hands_over_at_once(self):
        fleet = self.start_fleet(fleet={"leadership": "10m"})
        first = fleet.start_leader()
        second = fleet.start_daemon()
        second.wait_for("watching")

        first.end(signal.SIGTERM)

        # The other one looks when a job is submitted; the term would have ended minutes later.
        self.run_a_job(fleet)
        self.assertEqual(len(second.events("leading")), 1)

    def test_a_daemon_that_was_frozen_only_watches_when_it_wakes(self):
        fleet = self.start_fleet()
        first = fleet.start_leader()
        job = self.run_a_job(fleet)
        self.freeze(first.pid)
        second = fleet.start_leader()
        for name in "bcd":
            fleet.submit(name)
        second.wait_for("worker_ready", count=1)
        told = len(first.events())

        first.kill(signal.SIGCONT)
        first.wait_for("watching")
        for name in "ef":
            fleet.submit(name)
        fleet.open()
        fleet.wait_for_counts(succeeded=6)

        since = {event.get("kind") for event in first.events()[told:]}
        self.assertLessEqual(since, {"watching", "step_failed"})
        self.assertEqual(fleet.job(job["job"])["epoch"], 1)
        ordered = {event["server"] for daemon in (first, second) for event in daemon.events("server_create")}
        self.assertEqual({bill["bill"]["server"] for bill in fleet.bills()}, ordered)
        self.assertLessEqual(len(ordered), 3)


class SlowKeepers:
    """Programs whose servers come into being only once that is allowed."""

    def __init__(self, test):
        self.folder = pathlib.Path(test.enterContext(tempfile.TemporaryDirectory(prefix="rgrid-e2e-programs-")))
        self.gate = self.folder / "servers.may.come"
        self.begun = self.folder / "begun"
        self.begun.touch()
        # The daemon looks for the others beside the file that it is, not beside a link to it.
        shutil.copy2(PROGRAMS / "rgridd", self.folder)
        for name in ("rgrid", "rgrid-worker"):
            (self.folder / name).symlink_to(PROGRAMS / name)
        keeper = self.folder / "rgrid-keeper"
        keeper.write_text(f'#!/bin/sh\n[ "$1" = serve ] && echo $$ >> "{self.begun}"\n'
                          f'while [ "$1" = serve ] && [ ! -e "{self.gate}" ]; do sleep 0.05; done\n'
                          f'exec "{PROGRAMS}/rgrid-keeper" "$@"\n')
        keeper.chmod(0o755)

    def wait_for_one(self):
        """The process of a server that is being made."""
        return int(wait_until("a server is being made", lambda: self.begun.read_text().split())[0])

    def let_them_come(self):
        self.gate.touch()


class HalfDoneTest(FleetTest):
    """What becomes of a create that was under way when its daemon was stopped."""

    def start_create(self, **changes):
        keepers = SlowKeepers(self)
        fleet = self.start_fleet(keepers.folder, **changes)
        first = fleet.start_leader()
        job = fleet.submit("a")
        return fleet, first, job, keepers, keepers.wait_for_one()

    def check_one_server(self, fleet, job):
        fleet.open()
        self.assertEqual(fleet.wait_for_job(job, "succeeded")["epoch"], 1)
        self.assertEqual(fleet.folders(), ["test-default-1"])
        self.assertEqual([bill["bill"]["server"] for bill in fleet.bills()], ["test-default-1"])

    def test_killed_while_a_server_is_made(self):
        fleet, first, job, keepers, _ = self.start_create()

        first.end(signal.SIGKILL)
        second = fleet.start_leader()
        keepers.let_them_come()

        self.check_one_server(fleet, job)
        self.assertEqual(second.events("server_create"), [])
        self.assertEqual(second.events("server_adopted"), [])

    def test_frozen_while_a_server_is_made(self):
        fleet, first, job, keepers, _ = self.start_create()

        self.freeze(first.pid)
        second = fleet.start_leader()
        keepers.let_them_come()
        fleet.wait_for_workers(1)
        first.kill(signal.SIGCONT)
        first.wait_for("watching")

        self.check_one_server(fleet, job)
        self.assertEqual(second.events("server_create"), [])

    def test_killed_with_the_server_that_it_was_making(self):
        fleet, first, job, keepers, making = self.start_create(pool__default__health={"create_settle": "2s"})

        first.end(signal.SIGKILL)
        os.kill(making, signal.SIGKILL)
        keepers.let_them_come()
        second = fleet.start_leader()

        refused = second.wait_for("server_refused", "test-default-1")
        self.assertIn("its create came to nothing", refused[0]["text"])
        fleet.open()
        self.assertEqual(fleet.wait_for_job(job, "succeeded")["epoch"], 1)
        self.assertEqual(fleet.folders(), ["test-default-2"])


class LossTest(FleetTest):
    def start_with_two_workers(self):
        """Two workers, one of which runs a job. Returns the fleet, its daemon and the job's view."""
        fleet = self.start_fleet(pool__default__scaling={"min_workers": 2})
        daemon = fleet.start_leader()
        fleet.wait_for_workers(2)
        return fleet, daemon, self.run_a_job(fleet)

    def lose_frozen_worker(self):
        """A worker's agent is frozen, its job is given to another, and its server is left alone."""
        fleet, daemon, job = self.start_with_two_workers()
        # Otherwise the server would be deleted as soon as its worker is lost.
        fleet.rgrid("pause")
        agent = fleet.pid_of("rgrid-worker", job["worker"])
        self.freeze(agent)
        lost = daemon.wait_for("worker_lost", job["worker"])
        self.assertEqual(lost[0]["jobs"], [job["job"]])
        wait_until("the job runs again", lambda: fleet.journal("start", "a") == [1, 2])
        self.assertNotEqual(fleet.job(job["job"])["worker"], job["worker"])
        return fleet, daemon, job, agent

    def test_a_frozen_agent_that_wakes_is_refused_and_ends_its_jobs(self):
        fleet, daemon, job, agent = self.lose_frozen_worker()
        self.assertEqual(len(fleet.pids_of_job("a")), 2)
        first_attempt = fleet.pids_of_job("a")[0]

        os.kill(agent, signal.SIGCONT)

        wait_until("the agent has ended", lambda: not process_state(agent))
        wait_until("its job's process has ended", lambda: not process_state(first_attempt))
        wait_until("the agent's last word is stored", lambda: "no longer wanted" in fleet.agent_log(job["worker"]))
        fleet.open()
        done = fleet.wait_for_job(job["job"], "succeeded")
        self.assertEqual((done["epoch"], done["losses"]), (2, 1))
        self.assertEqual(fleet.journal("end", "a"), [2])
        fleet.rgrid("resume")
        daemon.wait_for("server_deleted", job["worker"])

    def test_a_completion_counts_for_nothing_while_the_job_runs_elsewhere(self):
        fleet, _, job, agent = self.lose_frozen_worker()
        running = fleet.job(job["job"])
        fleet.open("gate-1")
        wait_until("the first attempt has ended", lambda: fleet.journal("end", "a") == [1])

        os.kill(agent, signal.SIGCONT)
        wait_until("the agent has ended", lambda: not process_state(agent))

        self.assertEqual(fleet.job(job["job"]), running)
        fleet.open()
        self.assertEqual(fleet.wait_for_job(job["job"], "succeeded")["worker"], running["worker"])
        self.assertEqual(fleet.rgrid("logs", str(job["job"])), "a was done in epoch 2\n")

    def test_a_completion_counts_for_nothing_after_the_job_has_ended_elsewhere(self):
        fleet, _, job, agent = self.lose_frozen_worker()
        fleet.open()
        done = fleet.wait_for_job(job["job"], "succeeded")
        wait_until("both attempts have ended", lambda: sorted(fleet.journal("end", "a")) == [1, 2])

        os.kill(agent, signal.SIGCONT)
        wait_until("the agent has ended", lambda: not process_state(agent))

        self.assertEqual(fleet.job(job["job"]), done)
        self.assertEqual((done["epoch"], done["losses"]), (2, 1))
        self.assertEqual(fleet.rgrid("logs", str(job["job"])), "a was done in epoch 2\n")

    def test_a_frozen_agents_server_is_deleted_with_all_it_runs(self):
        fleet, daemon, job = self.start_with_two_workers()
        first_attempt = fleet.pids_of_job("a")[0]
        agent = fleet.pid_of("rgrid-worker", job["worker"])

        self.freeze(agent)
        daemon.wait_for("server_deleted", job["worker"])

        wait_until("nothing of it is left", lambda: not process_state(agent) and not process_state(first_attempt))
        self.assertNotIn(job["worker"], fleet.folders())
        daemon.wait_for("server_create", count=3)
        fleet.open()
        self.assertEqual(fleet.wait_for_job(job["job"], "succeeded")["epoch"], 2)
        self.assertEqual(fleet.journal("end", "a"), [2])

    def test_a_killed_agents_jobs_run_elsewhere(self):
        fleet, daemon, job = self.start_with_two_workers()

        os.kill(fleet.pid_of("rgrid-worker", job["worker"]), signal.SIGKILL)
        daemon.wait_for("server_deleted", job["worker"])
        fleet.open()

        done = fleet.wait_for_job(job["job"], "succeeded")
        self.assertEqual((done["epoch"], done["losses"]), (2, 1))
        self.assertEqual(fleet.journal("end", "a"), [2])

    def test_a_killed_keeper_is_a_vanished_server_and_leaves_nothing(self):
        fleet, daemon, job = self.start_with_two_workers()
        # What a job leaves running in a session of its own is nobody's child once its keepers are dead.
        fleet.script.write_text(fleet.script.read_text().replace(
            "while", 'setsid sleep 1000 & echo "start left 0 $!" >> "$1/journal"\nwhile', 1))
        other = self.run_a_job(fleet, "b")
        left = wait_until("it has left something", lambda: fleet.pids_of_job("left"))[0]

        for pid in fleet.keepers(other["worker"]):
            os.kill(pid, signal.SIGKILL)
        lost = daemon.wait_for("worker_lost", other["worker"])

        self.assertIn("no longer", lost[0]["text"])
        wait_until("what it left is swept", lambda: not process_state(left))
        fleet.open()
        self.assertEqual(fleet.wait_for_job(other["job"], "succeeded")["epoch"], 2)
        self.assertNotIn(other["worker"], fleet.folders())
        fleet.wait_for_job(job["job"], "succeeded")


class OperatorTest(FleetTest):
    def test_the_age_of_a_standing_server_and_its_jobs_part_of_the_bill_are_told(self):
        fleet = self.start_fleet()
        fleet.start_leader()
        fleet.open()
        job = fleet.wait_for_job(self.run_a_job(fleet)["job"], "succeeded")
        server, = fleet.ask("servers")

        # Its paid period has only begun, and nothing happens any more.
        wait_until("it grows older", lambda: fleet.ask("servers")[0]["bill"]["lifetime"] != server["bill"]["lifetime"])
        self.assertEqual(fleet.ask("servers")[0]["periods"], 1)
        self.assertEqual([line["job"] for line in fleet.ask("cost")["report"]["jobs"]], [job["job"]])

    def test_a_pause_holds_orders_and_a_resume_releases_them(self):
        fleet = self.start_fleet()
        daemon = fleet.start_leader()
        fleet.rgrid("pause")

        job = fleet.submit("a")
        daemon.wait_for("finding")
        self.assertIn("on hold by an operator", daemon.events("finding")[0]["text"])
        self.assertEqual(daemon.events("server_create"), [])
        self.assertEqual(fleet.folders(), [])

        fleet.open()
        fleet.rgrid("resume")
        self.assertEqual(fleet.wait_for_job(job, "succeeded")["epoch"], 1)

    def test_a_pause_holds_deletes_too(self):
        fleet = self.start_fleet()
        daemon = fleet.start_leader()
        fleet.open()
        worker = fleet.wait_for_job(self.run_a_job(fleet)["job"], "succeeded")["worker"]
        fleet.rgrid("pause", "default")

        fleet.rgrid("workers", "delete", worker)
        daemon.wait_for("finding")
        self.assertEqual(daemon.events("server_delete"), [])
        self.assertEqual(fleet.folders(), [worker])

        fleet.rgrid("resume", "default")
        daemon.wait_for("server_deleted", worker)
        self.assertEqual(fleet.folders(), [])

    def test_a_smaller_maximum_drains_what_is_too_much(self):
        fleet = self.start_fleet()
        daemon = fleet.start_leader()
        jobs = [fleet.submit(name) for name in "abcdef"]
        wait_until("all jobs run", lambda: all(fleet.journal("start", name) for name in "abcdef"))
        daemon.end()

        fleet.configure(pool__default__scaling={"max_workers": 1})
        daemon = fleet.start_leader()
        daemon.wait_for("worker_drain", count=2)
        fleet.open()
        daemon.wait_for("server_deleted", count=2)

        views = [fleet.wait_for_job(job, "succeeded") for job in jobs]
        self.assertEqual([(view["epoch"], view["losses"]) for view in views], [(1, 0)] * 6)
        self.assertEqual(len(fleet.folders()), 1)
        self.assertEqual(len(fleet.workers("ready")), 1)

    def test_a_pool_that_is_taken_from_the_configuration_drains(self):
        fleet = self.start_fleet(pool__extra={"slots": 1}, pool__extra__scaling={"min_queued": 1})
        daemon = fleet.start_leader()
        self.run_a_job(fleet)
        extra = fleet.submit("extra", options=["--pool", "extra"])
        wait_until("it has begun", lambda: fleet.journal("start", "extra"))
        worker = fleet.job(extra)["worker"]
        daemon.end()

        fleet.configure(pool__extra=None)
        daemon = fleet.start_leader()
        daemon.wait_for("worker_drain", worker)
        fleet.open()
        daemon.wait_for("server_deleted", worker)

        view = fleet.wait_for_job(extra, "succeeded")
        self.assertEqual((view["epoch"], view["losses"]), (1, 0))
        self.assertEqual(len(fleet.folders()), 1, "the other pool's worker stays")


class WakeTest(FleetTest):
    def test_a_submit_wakes_the_daemon(self):
        fleet = self.start_fleet(**SLOW)
        daemon = fleet.start_leader()
        wait_until("it has looked once", lambda: len(fleet.decisions()) == 1)

        fleet.submit("a")

        daemon.wait_for("server_create")

    def test_the_end_of_a_job_wakes_the_daemon(self):
        fleet = self.start_fleet(**SLOW)
        fleet.submit("a")
        daemon = fleet.start_daemon("--until-idle")
        wait_until("the job has begun", lambda: fleet.journal("start", "a"))
        daemon.wait_for("worker_ready")

        fleet.open()

        self.assertEqual(daemon.process.wait(PATIENCE), 0)
        fleet.wait_for_nothing_left()


class LogTest(FleetTest):
    def test_each_line_is_an_object_and_each_step_is_one_line(self):
        fleet = self.start_fleet(log={"level": "info"})
        fleet.open()
        fleet.submit("a")
        daemon = fleet.start_daemon("--until-idle")
        self.assertEqual(daemon.process.wait(PATIENCE), 0)

        events = daemon.events()

        for event in events:
            self.assertLessEqual({"at", "severity", "text"}, set(event))
            self.assertRegex(event["at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        story = [event["kind"] for event in events if event.get("server")]
        self.assertEqual(story, ["server_create", "worker_ready", "worker_closed", "server_delete", "server_deleted"])

    def test_lines_for_people_name_what_happened(self):
        fleet = self.start_fleet(log={"format": "text", "level": "info"})
        fleet.open()
        fleet.submit("a")
        daemon = fleet.start_daemon("--until-idle")
        self.assertEqual(daemon.process.wait(PATIENCE), 0)

        lines = daemon.lines()

        for line in lines:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ (INFO |WARN |ERROR) ")
        self.assertEqual(sum("server_create" in line and "test-default-1" in line for line in lines), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
