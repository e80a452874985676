"""The daemon: how it begins, what it leaves alone, how it ends."""

import signal
import unittest

from programs import ProgramTest, wait_for


class Daemon(ProgramTest):
    def start_daemon(self, *arguments):
        daemon = self.start("rgridd", *arguments)
        if not wait_for(lambda: self.ask("status")["leader"]):
            daemon.kill()
            self.fail("the daemon does not lead: " + daemon.communicate()[1])
        return daemon

    def end_daemon(self, daemon, code=0):
        daemon.send_signal(signal.SIGTERM)
        _, errors = daemon.communicate(timeout=60)
        self.assertEqual(daemon.returncode, code, errors)
        self.assertEqual(self.ask("status")["leader"], "")
        return errors

    def tidy_up(self):
        done = self.run_program("rgridd", "--until-idle")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_nothing_runs()

    def test_check_opens_nothing_and_names_every_problem(self):
        good = self.run_program("rgridd", "--check")
        self.assertEqual(good.returncode, 0, good.stderr)
        self.assertEqual([path.name for path in self.home.iterdir()], ["rgrid.toml"])

        (self.home / "rgrid.toml").write_text("[fleet]\ninterval = 30\nnam = 'x'\n")
        bad = self.run_program("rgridd", "--check")
        self.assertEqual(bad.returncode, 2)
        self.assertIn("fleet.interval", bad.stderr)
        self.assertIn("fleet.nam", bad.stderr)

    def test_dry_run_says_what_would_be_done_and_does_nothing(self):
        self.submit(self.script("a.sh", "true\n"))
        plan = self.run_program("rgridd", "--dry-run", "--eager")
        self.assertEqual(plan.returncode, 0, plan.stderr)
        self.assertIn("create default-default-1", plan.stdout)
        self.assertIn("1 queued, 0 free slots, 2 slots a worker: 1 worker", plan.stdout)
        self.assertEqual(self.ask("servers"), [])
        self.assertEqual(self.ask("status")["leader"], "")

    def test_once_acts_once_and_leaves_the_server(self):
        job = self.submit(self.script("a.sh", "echo done\n"))
        once = self.run_program("rgridd", "--once", "--eager")
        self.assertEqual(once.returncode, 0, once.stderr)
        self.assertEqual(len(self.ask("servers")), 1)
        self.assertEqual(self.ask("status")["leader"], "")
        self.assertTrue(wait_for(lambda: self.state_of(job) == "succeeded"), self.rgrid("status", job).stdout)
        self.tidy_up()

    def test_a_signal_ends_it_and_leaves_workers_and_jobs_as_they_are(self):
        daemon = self.start_daemon("--eager")
        job = self.submit(self.script("wait.sh", f"echo began; while ! test -e {self.work}/go; do sleep 0.1; done\n"))
        self.assertTrue(wait_for(lambda: self.rgrid("logs", job).stdout == "began\n"))

        errors = self.end_daemon(daemon)

        self.assertIn("worker_ready", errors)
        self.assertEqual(self.state_of(job), "running")
        self.assertEqual(len(self.ask("workers")), 1)
        (self.work / "go").touch()
        self.assertTrue(wait_for(lambda: self.state_of(job) == "succeeded"))
        self.tidy_up()

    def test_with_drain_a_signal_lets_jobs_finish_and_every_server_go(self):
        daemon = self.start_daemon("--eager", "--drain")
        job = self.submit(self.script("wait.sh", f"echo began; while ! test -e {self.work}/go; do sleep 0.1; done\n"))
        self.assertTrue(wait_for(lambda: self.rgrid("logs", job).stdout == "began\n"))

        daemon.send_signal(signal.SIGTERM)
        self.assertTrue(wait_for(lambda: [w["phase"] for w in self.ask("workers")] == ["draining"]))
        (self.work / "go").touch()
        _, errors = daemon.communicate(timeout=60)

        self.assertEqual(daemon.returncode, 0, errors)
        self.assertEqual(self.state_of(job), "succeeded")
        self.assertEqual(self.ask("servers"), [])
        self.assert_nothing_runs()

    def test_a_second_signal_ends_a_drain(self):
        daemon = self.start_daemon("--eager", "--drain")
        job = self.submit(self.script("wait.sh", "echo began; sleep 600\n"))
        self.assertTrue(wait_for(lambda: self.rgrid("logs", job).stdout == "began\n"))

        daemon.send_signal(signal.SIGTERM)
        self.assertTrue(wait_for(lambda: [w["phase"] for w in self.ask("workers")] == ["draining"]))
        self.end_daemon(daemon, code=1)

        self.assertEqual(self.state_of(job), "running")
        self.assertEqual(self.rgrid("cancel", job).returncode, 0)
        self.tidy_up()

    def test_a_second_daemon_watches_and_one_that_runs_until_idle_ends(self):
        daemon = self.start_daemon()
        second = self.run_program("rgridd", "--until-idle")
        self.assertEqual(second.returncode, 0)
        self.assertIn("the fleet is led by", second.stderr)
        self.end_daemon(daemon)

    def test_until_idle_waits_for_the_last_job_and_lets_every_server_go(self):
        jobs = [self.submit(self.script("a.sh", "sleep 1\n")) for _ in range(3)]
        done = self.run_program("rgridd", "--until-idle", "--eager")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([self.state_of(job) for job in jobs], ["succeeded"] * 3)
        self.assertEqual(self.ask("servers"), [])
        self.assert_nothing_runs()

    def test_a_worker_can_be_drained_and_deleted_by_hand(self):
        daemon = self.start_daemon("--eager")
        job = self.submit(self.script("wait.sh", "echo began; sleep 600\n"))
        self.assertTrue(wait_for(lambda: self.rgrid("logs", job).stdout == "began\n"))
        worker = self.ask("workers")[0]["worker"]

        self.assertIn("takes no more jobs", self.rgrid("workers", "drain", worker).stdout)
        self.assertEqual(self.ask("workers")[0]["phase"], "draining")
        deleted = self.rgrid("workers", "delete", worker)
        self.assertIn(f"Queued again: job {job}", deleted.stdout)
        self.assertTrue(wait_for(lambda: worker not in [w["worker"] for w in self.ask("workers")]))
        self.assertEqual(self.rgrid("cancel", job).returncode, 0)
        self.end_daemon(daemon)
        self.tidy_up()

    def test_a_missing_store_is_code_3_and_wrong_use_code_2(self):
        (self.folder / "file").write_text("in the way")
        unreachable = self.run_program("rgridd", "--once", "--home", self.folder / "file" / "home")
        self.assertEqual(unreachable.returncode, 3)
        self.assertEqual(self.run_program("rgridd", "--once", "--dry-run").returncode, 2)
        self.assertEqual(self.run_program("rgridd", "--drain-limit", "5").returncode, 2)

    def test_logs_for_machines_are_json(self):
        import json
        self.environment["RGRID_LOG_FORMAT"] = "json"
        done = self.run_program("rgridd", "--until-idle")
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertIn("leading", [line.get("kind") for line in lines])


if __name__ == "__main__":
    unittest.main(verbosity=2)
