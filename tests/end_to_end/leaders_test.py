"""Several daemons on one store: one leads, the others watch, and together they do what one alone would have done."""

import contextlib
import json
import signal
import sqlite3
import unittest

from fleet import wait_until
from fleet_test import FleetTest


def leaders(daemons):
    return [daemon for daemon in daemons if daemon.leads()]


class LeadersTest(FleetTest):
    def check_each_was_ordered_once(self, fleet, daemons):
        ordered = [event["server"] for daemon in daemons for event in daemon.events("server_create")]
        self.assertEqual(len(ordered), len(set(ordered)), f"ordered more than once: {ordered}")
        # A daemon that is killed over a create cannot tell of it; the bill can.
        self.assertEqual(sorted(bill["bill"]["server"] for bill in fleet.bills()), fleet.folders())
        self.assertEqual([event for daemon in daemons for event in daemon.events("server_adopted")], [])

    def end_all(self, fleet, daemons):
        """Lets the one that leads drain, and the others end first."""
        leader = wait_until("one leads", lambda: leaders(daemons))[0]
        for daemon in daemons:
            if daemon is not leader:
                self.assertEqual(daemon.end(signal.SIGTERM), 0)
        self.assertEqual(leader.end(signal.SIGTERM), 0)
        fleet.wait_for_nothing_left()
        self.assertEqual({bill["phase"] for bill in fleet.bills()}, {"gone"})


class TwoDaemonsTest(LeadersTest):
    def test_whichever_leader_is_killed_the_other_goes_on_and_no_server_is_doubled(self):
        fleet = self.start_fleet()
        daemons = [fleet.start_leader("--drain")]
        jobs = []
        for round_number in range(4):
            leader = daemons[-1]
            daemons.append(fleet.start_daemon("--drain"))
            daemons[-1].wait_for("watching")
            # With new jobs there is something under way when the leader dies.
            jobs += [fleet.submit(f"{name}{round_number}", gate=f"gate{round_number}") for name in "abc"]
            leader.end(signal.SIGKILL)
            daemons[-1].wait_for("leading")
            wait_until("all jobs run", lambda: all(fleet.journal("start", f"{name}{round_number}") for name in "abc"))
            fleet.open(f"gate{round_number}")

        views = [fleet.wait_for_job(job, "succeeded") for job in jobs]
        self.assertEqual({(view["epoch"], view["losses"]) for view in views}, {(1, 0)})
        self.check_each_was_ordered_once(fleet, daemons)
        self.assertLessEqual(len(fleet.bills()), 3)
        self.end_all(fleet, daemons[-1:])

    def test_a_frozen_leader_that_wakes_after_another_took_over_writes_nothing(self):
        fleet = self.start_fleet(pool__default__scaling={"min_workers": 1})
        first = fleet.start_leader("--drain")
        fleet.wait_for_workers(1)
        self.freeze(first.pid)
        # The second one keeps its turn for minutes, and is then frozen, too: whatever is written now, the first wrote.
        fleet.configure(fleet={"leadership": "10m"})
        second = fleet.start_leader("--drain")
        wait_until("it has looked", lambda: any(record["snapshot"]["epoch"] == 2 for record in fleet.decisions()))
        wait_until("it is done", lambda: {intent["create"] for intent in self.books(fleet)["intent"]} == {"created"})
        self.freeze(second.pid)
        for name in "abcd":
            fleet.submit(name)
        wait_until("two jobs run", lambda: fleet.ask("status")["jobs"]["running"] == 2)
        books, folders, told = self.books(fleet), fleet.folders(), len(first.events())

        first.kill(signal.SIGCONT)
        first.wait_for("watching")
        # Two jobs wait, for which a leader would order a server, and one that drains would delete what there is.
        fleet.submit("e")
        self.assertEqual(first.end(signal.SIGTERM), 0)

        self.assertEqual(self.books(fleet), books)
        self.assertEqual(fleet.folders(), folders)
        self.assertLessEqual({event.get("kind") for event in first.events()[told:]}, {"watching", "step_failed", None})
        second.kill(signal.SIGCONT)
        fleet.open()
        fleet.wait_for_counts(succeeded=5)
        self.check_each_was_ordered_once(fleet, [first, second])

    def books(self, fleet):
        """What only a leader writes."""
        with contextlib.closing(sqlite3.connect(f"file:{fleet.home}/rgrid.db?mode=ro", uri=True)) as database:
            found = {table: sorted(map(list, database.execute(f"SELECT * FROM {table}")))
                     for table in ("leader", "fleet", "bill", "hold")}
            found["intent"] = [json.loads(row[0]) for row in database.execute("SELECT body FROM intent ORDER BY server")]
        return found


class TenDaemonsTest(LeadersTest):
    def test_ten_at_once_in_a_fresh_home_do_what_one_would_do(self):
        fleet = self.start_fleet(pool__default__scaling={"min_workers": 2})
        daemons = [fleet.start_daemon("--drain") for _ in range(10)]
        wait_until("each has said whether it leads", 
                   lambda: all(daemon.leads() is not None for daemon in daemons))
        self.assertEqual([daemon.process.poll() for daemon in daemons], [None] * 10)
        self.assertEqual(len(leaders(daemons)), 1)
        fleet.wait_for_workers(2)
        jobs = [fleet.submit(name) for name in "abcd"]
        wait_until("all jobs run", lambda: all(fleet.journal("start", name) for name in "abcd"))

        # One leader after the other is killed; the next one finds what the first has made.
        for _ in range(3):
            leader = wait_until("one leads", lambda: leaders(daemons))[0]
            leader.end(signal.SIGKILL)
            daemons.remove(leader)
            wait_until("the next one leads", lambda: leaders(daemons))
            self.assertEqual(len(leaders(daemons)), 1)
        self.assertEqual(fleet.folders(), ["test-default-1", "test-default-2"])

        fleet.open()
        views = [fleet.wait_for_job(job, "succeeded") for job in jobs]
        self.assertEqual({(view["epoch"], view["losses"]) for view in views}, {(1, 0)})
        self.check_each_was_ordered_once(fleet, fleet.daemons)
        self.assertEqual(len(fleet.bills()), 2)
        self.end_all(fleet, daemons)


if __name__ == "__main__":
    unittest.main(verbosity=2)
