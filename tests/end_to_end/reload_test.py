"""SIGHUP: a daemon reads its configuration again, says what follows before it acts, and refuses what is wrong."""

import os
import pty
import signal
import unittest

from fleet import wait_until
from fleet_test import FleetTest


class ReloadTest(FleetTest):
    def reload(self, daemon, part):
        """Sends the signal and returns what is said from then on, once a line holds this part."""
        before = len(daemon.events())
        daemon.kill(signal.SIGHUP)
        def said():
            texts = [event["text"] for event in daemon.events()[before:]]
            return texts if any(part in text for text in texts) else None
        return wait_until(f"the daemon says '{part}'", said)

    def test_new_limits_and_pools_take_effect_and_are_told_before(self):
        # Passes come by themselves once in ten minutes: whatever happens sooner, the reload has brought about.
        fleet = self.start_fleet(fleet={"interval": "10m", "leadership": "10m"},
                                 pool__default__scaling={"min_workers": 3})
        fleet.configure(pool__gone={"slots": 1}, pool__gone__scaling={"min_workers": 1})
        daemon = fleet.start_leader()
        fleet.wait_for_workers(4)

        fleet.configure(pool__gone=None, pool__default__scaling={"min_workers": 0, "max_workers": 1},
                        pool__new={"slots": 1}, pool__new__scaling={"min_workers": 1}, log={"level": "info"})
        said = self.reload(daemon, "pool new is new")

        self.assertIn(f"the configuration was read again ({fleet.home}/rgrid.toml)", said)
        self.assertIn("pool gone is removed: its 1 worker drains", said)
        self.assertIn("pool default: scaling.max_workers 3 -> 1: 2 of its 3 workers drain, booting and idle ones first",
                      said)
        self.assertIn("pool default: scaling.min_workers 3 -> 0: it has 3 now", said)
        self.assertIn("pool new is new: at most 10 workers of 1 slot", said)
        self.assertIn("log.level debug -> info: at once", said)

        def reached():
            pools = sorted(worker["pool"] for worker in fleet.workers("ready"))
            return pools == ["default", "new"] and len(fleet.folders()) == 2
        wait_until("one worker of each pool is left", reached)
        texts = [event["text"] for event in daemon.events()]
        told = texts.index("pool gone is removed: its 1 worker drains")
        acted = next(i for i, event in enumerate(daemon.events()) if event.get("kind") == "worker_closed")
        self.assertLess(told, acted)
        self.assertEqual(daemon.events("leading")[1:], [], "it was the same daemon all the time")

    def test_a_configuration_that_is_wrong_is_refused_in_full_and_the_old_one_stays(self):
        fleet = self.start_fleet(pool__default__scaling={"min_workers": 1})
        daemon = fleet.start_leader()
        fleet.wait_for_workers(1)
        fleet.configure(fleet={"intervall": "1s"}, pool__default__scaling={"max_workers": "many"})

        said = self.reload(daemon, "max_workers")

        self.assertIn("the configuration cannot be used; the one before stays in force", said)
        wait_until("each problem is told", lambda: len([event for event in daemon.events() if event["severity"] == "error"]) == 3)
        texts = [event["text"] for event in daemon.events() if event["severity"] == "error"]
        self.assertTrue(any("fleet.intervall" in text and "did you mean 'interval'" in text for text in texts), texts)
        (fleet.home / "rgrid.toml").rename(fleet.home / "moved.toml")
        said = self.reload(daemon, "there is no such file any more")
        self.assertEqual(fleet.folders(), ["test-default-1"])

        # It goes on as before, and takes a right one.
        self.assertEqual(daemon.process.poll(), None)
        (fleet.home / "moved.toml").rename(fleet.home / "rgrid.toml")
        fleet.settings["fleet"].pop("intervall")
        fleet.configure(pool__default__scaling={"max_workers": 3, "min_workers": 2})
        said = self.reload(daemon, "scaling.min_workers 1 -> 2: 1 worker is ordered")
        fleet.wait_for_workers(2)

    def test_what_is_open_stays_as_it_is_until_a_restart(self):
        fleet = self.start_fleet()
        daemon = fleet.start_leader()
        fleet.configure(fleet={"name": "another"}, store={"url": "sqlite:other.db"})

        said = self.reload(daemon, "store.url")

        self.assertIn("fleet.name test -> another: needs a restart", said)
        self.assertIn("store.url is another: needs a restart; workers that start before it go by the new one", said)
        self.assertFalse((fleet.home / "other.db").exists())
        said = self.reload(daemon, "was read again")
        self.assertEqual(daemon.end(), 0)

    def test_a_daemon_whose_terminal_is_closed_ends(self):
        fleet = self.start_fleet()
        daemon, terminal = pty.fork()
        if daemon == 0:
            os.execve(fleet.programs / "rgridd", ["rgridd", "--home", str(fleet.home)], fleet.environment)
        output = b""
        while b"leading" not in output:
            output += os.read(terminal, 4096)
        os.close(terminal)

        def ended():
            pid, status = os.waitpid(daemon, os.WNOHANG)
            return (pid, status) if pid else None
        self.assertEqual(os.waitstatus_to_exitcode(wait_until("it has ended", ended)[1]), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
