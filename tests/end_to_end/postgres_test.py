"""The same programs on PostgreSQL, with no other change than store.url."""

import collections
import json
import pathlib
import re
import signal
import subprocess
import unittest

from fleet import PATIENCE, wait_until
from fleet_test import FleetTest
from ledger import Job, Ledger, STATES
from postgres_server import Away, PostgresServer

server = None


def setUpModule():
    global server
    server = PostgresServer()
    unittest.addModuleCleanup(server.destroy)


LOOK = """
SELECT json_build_object(
    'accepted', (SELECT coalesce(json_agg(id ORDER BY id), '[]') FROM rgrid.job),
    'places', (SELECT coalesce(json_agg(json_build_array(job, state, epoch, attempts, losses, worker, finished)), '[]') FROM (
        SELECT job, 0, epoch, attempts, losses, NULL::text, NULL::bigint FROM rgrid.scheduled
        UNION ALL SELECT job, 1, epoch, attempts, losses, NULL, NULL FROM rgrid.ready
        UNION ALL SELECT job, 2, epoch, attempts, losses, worker, NULL FROM rgrid.lease
        UNION ALL SELECT job, state, epoch, attempts, losses, NULL, finished_at FROM rgrid.result
    ) AS place(job, state, epoch, attempts, losses, worker, finished)),
    'tally', (SELECT coalesce(json_object_agg(state, jobs), '{}') FROM
        (SELECT state, sum(jobs) AS jobs FROM rgrid.tally GROUP BY state) AS sums),
    'intents', (SELECT coalesce(json_object_agg(server, body), '{}') FROM rgrid.intent),
    'closed', (SELECT coalesce(json_agg(worker), '[]') FROM rgrid.session WHERE state = 2),
    'bills', (SELECT coalesce(json_object_agg(server, json_build_array(deleted, body)), '{}') FROM rgrid.bill),
    'leader_epoch', (SELECT epoch FROM rgrid.leader))
"""


class DatabaseLook:
    """What one statement finds, as ledger.Look finds it in a SQLite store."""

    def __init__(self, found):
        self.accepted = found["accepted"]
        self.places = [(place[0], Job(STATES[place[1]], *place[2:])) for place in found["places"]]
        self.jobs = dict(self.places)
        told = {int(state): jobs for state, jobs in found["tally"].items()}
        # Of running jobs the leases are the only books.
        running = sum(job.state == "running" for _, job in self.places)
        self.tally = {number: told.get(number, 0) for number in range(-1, len(STATES))} | {2: running}
        self.depth = self.tally[1]
        self.intents = found["intents"]
        self.closed = set(found["closed"])
        self.bills = {name: tuple(line) for name, line in found["bills"].items()}
        self.leader_epoch = found["leader_epoch"]

    def workers(self):
        return sorted(name for name, intent in self.intents.items()
                      if name not in self.closed and not intent["remove"] and intent["create"] != "refused")


class DatabaseLedger(Ledger):
    """Looks whenever the server answers."""

    def __init__(self, fleet, most_workers, database):
        self.database = database
        super().__init__(fleet, most_workers, pause=0.1)

    def read(self, _):
        return DatabaseLook(json.loads(server.sql(LOOK, self.database)))

    def watch(self):
        while not self.ended.is_set():
            try:
                self.look(None)
            except Away:
                pass  # Then there is nothing to be seen.
            except Exception as error:  # Whatever it is, the test has to hear of it.
                self.problem = f"look {self.looks}: {type(error).__name__}: {error}"
                return
            self.ended.wait(self.pause)


class PostgresTest(FleetTest):
    def start_on(self, database, **changes):
        fleet = self.start_fleet(store=None, **changes)
        fleet.configure(store={"url": server.database(database)})
        return fleet

    def check_each_ran_once(self, fleet, jobs):
        """All have succeeded in their first attempt, and no worker was given up."""
        for name, job in jobs.items():
            view = fleet.wait_for_job(job, "succeeded")
            self.assertEqual((view["epoch"], view["attempts"], view["losses"]), (1, 0, 0), name)
            self.assertEqual((fleet.journal("start", name), fleet.journal("end", name)), ([1], [1]), name)
        self.assertEqual([event for daemon in fleet.daemons for event in daemon.events("worker_lost")], [])


class CommandsTest(PostgresTest):
    def test_a_batch_runs_to_its_end_and_every_command_works(self):
        fleet = self.start_on("commands")
        fleet.configure(store={"url": fleet.settings["store"]["url"].replace("rgrid@", "rgrid:hunter2@")})
        would = fleet.rgrid("migrate", "--dry-run")
        self.assertIn("would be done: 1 jobs, workers and the fleet\n", would)
        self.assertEqual(server.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'rgrid'", "commands"), "0")

        daemon = fleet.start_leader("--drain")  # It makes the schema itself.
        for number in range(12):
            (fleet.home / f"part{number:02}.txt").write_text(f"this is {number}\n")
        fleet.rgrid("batch", "--detach", "--each", f"{fleet.home}/part*.txt", "/bin/cat", "{}")
        fleet.wait_for_counts(succeeded=12, queued=0, running=0)
        self.assertEqual(fleet.rgrid("logs", "1"), "this is 0\n")

        held = fleet.submit("held", "never")
        failing = fleet.ask("run", "--detach", "--max-attempts", "1", "/bin/sh", "-c", f"test -e {fleet.home}/mended")
        wait_until("it runs", lambda: fleet.journal("start", "held"))
        fleet.rgrid("cancel", str(held))
        fleet.wait_for_job(held, "cancelled")
        fleet.wait_for_job(failing, "failed")
        (fleet.home / "mended").touch()
        fleet.rgrid("retry", str(failing))
        fleet.wait_for_job(failing, "succeeded")

        self.assertIn("Nothing is to be done: the schema is at step ", fleet.rgrid("migrate"))
        self.check_doctor(fleet)
        self.check_store_commands(fleet)
        self.check_adoption(fleet)
        told = fleet.rgrid("config", "show") + fleet.rgrid("store", "info") + daemon.log_path.read_text()
        self.assertNotIn("hunter2", told)
        self.assertEqual(daemon.end(signal.SIGTERM), 0)
        fleet.wait_for_nothing_left()

    def check_doctor(self, fleet):
        checks = fleet.ask("doctor")
        self.assertEqual([check for check in checks if check["health"] == "fail"], [])
        self.assertTrue(any("may write" in check["found"] for check in checks), checks)
        self.assertTrue(any("autovacuum is on" in check["found"] for check in checks), checks)

    def check_store_commands(self, fleet):
        info = fleet.ask("store", "info")
        self.assertEqual((info["frozen"], info["jobs"]["succeeded"], info["jobs"]["cancelled"]), ("", 13, 1))
        for command, part in (("backup", "pg_dump"), ("restore", "pg_restore")):
            done = fleet.call("rgrid", "store", command, str(fleet.home / "copy"))
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(part, done.stderr)
            self.assertNotIn("hunter2", done.stderr)

    def check_adoption(self, fleet):
        generation = fleet.ask("store", "info")["generation"]
        server.sql("UPDATE rgrid.store SET frozen = 'a test stops it'", "commands")
        done = fleet.call("rgrid", "doctor")
        self.assertEqual(done.returncode, 1)
        self.assertIn("a test stops it", done.stdout)
        fleet.rgrid("store", "adopt", "--yes")
        info = fleet.ask("store", "info")
        self.assertEqual((info["generation"], info["frozen"]), (generation + 1, ""))

    def test_ten_migrations_at_once_do_each_step_once(self):
        fleet = self.start_on("migrations")
        command = [str(fleet.programs / "rgrid"), "--home", str(fleet.home), "--json", "migrate"]
        programs = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True, env=fleet.environment) for _ in range(10)]
        done = [program.communicate(timeout=PATIENCE) for program in programs]
        self.assertEqual([(program.returncode, told[1]) for program, told in zip(programs, done)], [(0, "")] * 10)
        reports = [json.loads(told[0]) for told in done]
        steps = [report["steps"] for report in reports if report["steps"]]
        self.assertEqual(len(steps), 1, reports)
        self.assertEqual(len(steps[0]), int(server.sql("SELECT count(*) FROM rgrid.migration", "migrations")))
        self.assertEqual({report["to"] for report in reports}, {len(steps[0])})

    def test_a_role_that_may_not_migrate_is_told_who_may(self):
        fleet = self.start_on("owned")
        server.sql("CREATE ROLE guest LOGIN")
        fleet.configure(store={"url": server.url("owned", "guest")})
        done = fleet.call("rgrid", "status")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn('run "rgrid migrate" as the owner of the database', done.stderr)
        done = fleet.call("rgrid", "doctor")
        self.assertIn("there is no schema of RGrid in it", done.stdout)

    def test_nobody_hands_a_database_to_a_second_fleet(self):
        fleet = self.start_on("taken")
        fleet.rgrid("status")
        fleet.configure(fleet={"name": "other"})
        done = fleet.call("rgrid", "status")
        self.assertEqual(done.returncode, 3)
        self.assertIn('belongs to the fleet "test"; expected "other"', done.stderr)


# An application of its own, with its own table, in Debian's Python, which has SQLAlchemy.
BACKEND = """
import json, sys
from sqlalchemy import BigInteger, Column, Integer, create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, declarative_base

Base = declarative_base()

class Invoice(Base):
    __tablename__ = "invoice"
    number = Column(Integer, primary_key=True)
    job = Column(BigInteger)

engine = create_engine(sys.argv[1])
Base.metadata.create_all(engine)
spec = {"command": ["/bin/echo", "invoice 7"]}
exec(sys.argv[2])
try:
    with Session(engine) as session, session.begin():
        session.scalar(text("SELECT rgrid.submit(:spec)"), {"spec": json.dumps(spec)})
        session.add(Invoice(number=7, job=0))
except IntegrityError:
    print("a second invoice 7 was refused")
with Session(engine) as session:
    print([(invoice.number, invoice.job) for invoice in session.query(Invoice)])
"""


class BackendTest(PostgresTest):
    def test_a_row_and_its_job_come_together_or_not_at_all(self):
        guide = pathlib.Path(__file__).resolve().parents[2] / "docs/submitting_in_sql.md"
        example = re.search(r"```python\n(.*?)```", guide.read_text(), re.DOTALL)[1]
        fleet = self.start_on("backend")
        fleet.rgrid("migrate")

        done = subprocess.run(["/usr/bin/python3", "-c", BACKEND, fleet.settings["store"]["url"], example],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)

        self.assertEqual((done.returncode, done.stdout), (0, "a second invoice 7 was refused\n[(7, 1)]\n"), done.stderr)
        self.assertEqual(fleet.ask("status")["jobs"]["accepted"], 1)
        fleet.start_leader("--drain")
        fleet.wait_for_job(1, "succeeded")
        self.assertEqual(fleet.rgrid("logs", "1"), "invoice 7\n")


class CrashTest(PostgresTest):
    def test_a_killed_daemon_starts_again_and_a_second_one_takes_over(self):
        fleet = self.start_on("daemons", pool__default__health={"lost_after": "30s"})
        first = fleet.start_leader("--drain")
        jobs = {name: fleet.submit(name) for name in "abcde"}
        wait_until("all run", lambda: all(fleet.journal("start", name) for name in "abcde"))
        first.end(signal.SIGKILL)
        second = fleet.start_leader("--drain")
        third = fleet.start_daemon("--drain")
        third.wait_for("watching")
        self.assertEqual([daemon.leads() for daemon in (second, third)], [True, False])
        second.end(signal.SIGKILL)
        third.wait_for("leading")
        fleet.open()
        self.check_each_ran_once(fleet, jobs)
        created = collections.Counter(event["server"] for daemon in fleet.daemons
                                      for event in daemon.events("server_create"))
        self.assertEqual([name for name, count in created.items() if count > 1], [])
        self.assertEqual(third.end(signal.SIGTERM), 0)
        fleet.wait_for_nothing_left()

    def test_when_the_server_is_killed_every_job_ends_once_and_nobody_is_given_up(self):
        # Longer than this test keeps the server away: an agent that cannot renew ends its jobs before.
        fleet = self.start_on("outage", pool__default__health={"lost_after": "60s", "boot_timeout": "2m"})
        daemon = fleet.start_leader("--drain")
        ledger = DatabaseLedger(fleet, 3, "outage")
        self.addCleanup(ledger.close)
        jobs = {}
        for name in ["a", "b", "c", "d", "e", "f", "g", "h"]:
            jobs[name] = fleet.submit(name, "first" if len(jobs) < 4 else "second")
            ledger.acknowledge(jobs[name])
        wait_until("six run", lambda: sum(bool(fleet.journal("start", name)) for name in jobs) == 6)

        told = len(daemon.events("source_unknown"))
        server.kill()
        # They end while nobody can hear of it.
        fleet.open("first")
        wait_until("four have ended", lambda: all(fleet.journal("end", name) for name in "abcd"))
        daemon.wait_for("source_unknown", count=told + 1)
        server.start()
        fleet.open("second")

        self.check_each_ran_once(fleet, jobs)
        looks = ledger.looks
        wait_until("the books are looked at again", lambda: ledger.looks > looks + 1 or ledger.problem)
        ledger.check()
        self.assertEqual({job.state for job in ledger.last.jobs.values()}, {"succeeded"})
        self.assertGreater(ledger.looks, 5)
        self.assertEqual(daemon.end(signal.SIGTERM), 0)
        fleet.wait_for_nothing_left()


if __name__ == "__main__":
    unittest.main(verbosity=2)
