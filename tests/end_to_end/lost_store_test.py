"""A store whose file is taken away under the programs that have it open."""

import pathlib
import shutil
import unittest

from fleet import PATIENCE, wait_until
from fleet_test import FleetTest


class LostStoreTest(FleetTest):
    def start(self):
        fleet = self.start_fleet()
        daemon = fleet.start_leader()
        return fleet, daemon, fleet.home / "rgrid.db"

    def replace(self, store):
        """Puts a copy in the store's place."""
        copy = store.with_name("copy.db")
        files = [(f"{copy}{suffix}", f"{store}{suffix}") for suffix in ("-shm", "-wal", "")]
        for new, old in files:
            shutil.copy(old, new)
        for new, old in files:
            pathlib.Path(new).rename(old)

    def test_a_daemon_whose_store_is_moved_away_says_so_and_goes_on_when_it_is_back(self):
        fleet, daemon, store = self.start()
        away = fleet.home / "away.db"

        store.rename(away)
        told = daemon.wait_for("source_unknown")[0]["text"]
        self.assertIn(f"{store} was deleted while it was open", told)
        away.rename(store)

        daemon.wait_for("source_known")
        self.assertIsNone(daemon.process.poll(), "the same daemon goes on")
        self.assertEqual(fleet.ask("status")["jobs"]["accepted"], 0)

    def test_a_daemon_whose_store_is_replaced_ends_with_3_and_started_again_has_the_new_one(self):
        fleet, daemon, store = self.start()

        self.replace(store)

        self.assertEqual(daemon.process.wait(PATIENCE), 3)
        said = [event["text"] for event in daemon.events()]
        self.assertTrue(any("was replaced while it was open" in text and "start them again" in text for text in said),
                        said)
        fleet.start_leader()

    def test_an_agent_whose_store_is_replaced_ends_and_its_job_with_it(self):
        fleet, daemon, store = self.start()
        self.run_a_job(fleet)
        server = "test-default-1"
        agent = fleet.pid_of("rgrid-worker", server)
        jobs = fleet.pids_of_job("a")

        self.replace(store)

        self.assertEqual(daemon.process.wait(PATIENCE), 3)
        for pid in [agent, *jobs]:
            wait_until(f"{pid} has ended", lambda: not pathlib.Path(f"/proc/{pid}").exists())
        self.assertIn("was replaced while it was open", fleet.agent_log(server))
        self.assertEqual(fleet.journal("end", "a"), [])


if __name__ == "__main__":
    unittest.main()
