"""One fleet, one store: a daemon on a store that has not made the fleet's servers touches nothing and leads nobody."""

import unittest

from fleet_test import FleetTest


class ForeignServersTest(FleetTest):
    def test_a_daemon_on_an_empty_store_leaves_the_servers_of_the_old_one_alone_and_names_both(self):
        fleet = self.start_fleet(pool__default__scaling={"min_workers": 2})
        first = fleet.start_leader()
        fleet.wait_for_workers(2)
        self.assertEqual(first.end(), 0)
        servers, old = fleet.folders(), fleet.home / "old"
        old.mkdir()
        for file in fleet.home.glob("rgrid.db*"):
            file.rename(old / file.name)

        daemon = fleet.start_daemon()
        said = daemon.wait_for("finding")[0]

        self.assertEqual(said["severity"], "error")
        for part in ("servers test-default-1 and test-default-2 of fleet test were made from store ",
                     "'rgrid store adopt --store ", "give this fleet another name"):
            self.assertIn(part, said["text"])
        self.assertEqual(fleet.ask("status")["leader"], "")
        self.assertIn(said["text"], fleet.run_daemon("--dry-run").stdout)
        for mode in ("--once", "--until-idle"):
            self.assertEqual(fleet.run_daemon(mode).returncode, 1, mode)
        self.assertEqual(daemon.end(), 0)
        self.assertEqual(fleet.folders(), servers)
        self.assertEqual(len(daemon.events("finding")), 1, "told once")

    def test_once_fails_where_the_listing_is_not_believed(self):
        fleet = self.start_fleet(pool__default__scaling={"min_workers": 1})
        first = fleet.start_leader()
        fleet.wait_for_workers(1)
        self.assertEqual(first.end(), 0)
        # Another project's token: a list that is valid and empty, while the workers go on.
        fleet.configure(cloud__process={"folder": str(fleet.home / "elsewhere")})
        done = fleet.run_daemon("--once")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("is this another project's token?", done.stderr)
        fleet.configure(cloud__process={"folder": str(fleet.home / "servers")})
        self.assertEqual(fleet.run_daemon("--once").returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
