"""The books of a fleet's jobs and servers, read from its store in one transaction, and the laws that always hold."""

import collections
import contextlib
import hashlib
import json
import sqlite3
import threading
import time

STATES = ["scheduled", "queued", "running", "succeeded", "failed", "cancelled", "dead"]
FINAL = {"succeeded", "failed", "cancelled", "dead"}

Job = collections.namedtuple("Job", "state epoch attempts losses worker finished")

# One row for each place that holds a job; a job that two places hold has two.
PLACES = """
SELECT job, 'scheduled', epoch, attempts, losses, NULL, NULL FROM scheduled
UNION ALL SELECT job, 'queued', epoch, attempts, losses, NULL, NULL FROM ready
UNION ALL SELECT job, 'running', epoch, attempts, losses, worker, NULL FROM lease
UNION ALL SELECT job, state, epoch, attempts, losses, NULL, finished FROM result
"""


class Look:
    """What one read transaction finds."""

    def __init__(self, database):
        database.execute("BEGIN")
        try:
            self.accepted = [row[0] for row in database.execute("SELECT id FROM job ORDER BY id")]
            self.places = [(row[0], Job(row[1] if isinstance(row[1], str) else STATES[row[1]], *row[2:]))
                           for row in database.execute(PLACES)]
            self.tally = dict(database.execute("SELECT state, jobs FROM tally"))
            self.depth = database.execute("SELECT coalesce(sum(jobs), 0) FROM depth").fetchone()[0]
            self.intents = {name: json.loads(body) for name, body in
                            database.execute("SELECT server, body FROM intent")}
            self.closed = {row[0] for row in database.execute("SELECT worker FROM session WHERE state = 2")}
            self.bills = {name: (deleted, json.loads(body)) for name, deleted, body in
                          database.execute("SELECT server, deleted, body FROM bill")}
            self.leader_epoch = database.execute("SELECT epoch FROM leader").fetchone()[0]
        finally:
            database.execute("COMMIT")
        self.jobs = dict(self.places)

    def workers(self):
        """Servers that work, may come to work, or may exist without our knowledge."""
        return sorted(name for name, intent in self.intents.items()
                      if name not in self.closed and not intent["remove"] and intent["create"] != "refused")


def check_books(look):
    """Every accepted job is in exactly one place, and the counters say the same as the rows."""
    held = sorted(job for job, _ in look.places)
    assert held == look.accepted, f"accepted are {look.accepted}, but in some place are {held}"
    rows = collections.Counter(job.state for job in look.jobs.values())
    counted = {state: look.tally[number] for number, state in enumerate(STATES)}
    assert look.tally[-1] == 0, f"{look.tally[-1]} jobs are said to be swept"
    assert counted == {state: rows[state] for state in STATES}, f"the tally has {counted}, the rows are {dict(rows)}"
    assert look.depth == rows["queued"], f"the depth is {look.depth}, queued are {rows['queued']}"


def why_illegal(before, after):
    """Why a job cannot have got from one place to the other, if it cannot."""
    if before.state in FINAL:
        return None if after == before else "it had ended"
    if after.epoch < before.epoch or after.attempts < before.attempts or after.losses < before.losses:
        return "a counter went back"
    # One attempt can be both: its worker was given up, and then told that it had failed.
    if max(after.attempts, after.losses) > after.epoch:
        return "it was charged more attempts than it had"
    if after.epoch == 0 and after.state not in ("scheduled", "queued", "cancelled"):
        return "it was never claimed"
    if after.epoch == before.epoch and after.state == "running":
        if before.state != "running":
            return "it was claimed without a new epoch"
        if before.worker != after.worker:
            return "its lease changed hands without a new epoch"
    return None


def check_moves(before, after):
    """Nothing that was accepted is lost, and jobs move only as they may."""
    for number, job in before.jobs.items():
        assert number in after.jobs, f"job {number} is gone; it was {job}"
        why = why_illegal(job, after.jobs[number])
        assert not why, f"job {number} went from {job} to {after.jobs[number]}: {why}"
    assert after.leader_epoch >= before.leader_epoch, "the leader's epoch went back"
    late = [name for name in set(after.intents) - set(before.intents)
            if after.intents[name]["epoch"] < before.leader_epoch]
    assert not late, f"intents were written by a leader of the past: {late}"
    lost = set(before.bills) - set(after.bills)
    assert not lost, f"the bill has lost {lost}"
    opened = [name for name, (deleted, _) in after.bills.items() if not deleted and before.bills.get(name, (0, 0))[0]]
    assert not opened, f"bill lines that were closed are open again: {opened}"


class Ledger:
    """Looks at the store again and again on a thread of its own. The first law that is broken ends that."""

    def __init__(self, fleet, most_workers, pause=0.05):
        self.fleet = fleet
        self.most_workers = most_workers
        self.pause = pause
        self.looks = 0
        self.states = set()
        self.server_ids = collections.defaultdict(set)
        self.problem = None
        self.acknowledged = set()
        self.last = None
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def acknowledge(self, job):
        """From now on each look has to find this job."""
        self.acknowledged.add(job)

    def check(self):
        """Fails if a law was broken so far."""
        if self.problem:
            raise AssertionError(self.problem)

    def close(self):
        self.ended.set()
        self.thread.join()

    def watch(self):
        uri = f"file:{self.fleet.home}/rgrid.db?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=60)) as database:
            while not self.ended.is_set():
                try:
                    self.look(database)
                except Exception as error:  # Whatever it is, the test has to hear of it.
                    self.problem = f"look {self.looks}: {type(error).__name__}: {error}"
                    return
                self.ended.wait(self.pause)

    def read(self, database):
        return Look(database)

    def look(self, database):
        acknowledged = set(self.acknowledged)
        found = self.read(database)
        check_books(found)
        lost = acknowledged - set(found.accepted)
        assert not lost, f"jobs were acknowledged and are not there: {sorted(lost)}"
        assert len(found.workers()) <= self.most_workers, \
            f"there are more than {self.most_workers} workers: {found.workers()}"
        if self.last:
            check_moves(self.last, found)
        self.note_servers(found)
        self.states.update(job.state for job in found.jobs.values())
        self.last = found
        self.looks += 1

    def note_servers(self, look):
        for name, intent in look.intents.items():
            if intent.get("server_id"):
                self.server_ids[name].add(intent["server_id"])
        for record in (self.fleet.home / "servers").glob("[!.]*/server.json"):
            with contextlib.suppress(OSError, ValueError):
                self.server_ids[record.parent.name].add(json.loads(record.read_text())["id"])
        doubled = {name: ids for name, ids in self.server_ids.items() if len(ids) > 1}
        assert not doubled, f"one name had several servers: {doubled}"


def check_outputs(fleet, number, name):
    """A job's outputs are those of the attempt that counts, and are there."""
    view = fleet.job(number)
    assert [output["path"] for output in view["outputs"]] == ["result.txt"], f"job {number} has {view['outputs']}"
    path = fleet.home / "files" / "outputs" / str(number) / str(view["epoch"]) / "result.txt"
    content = path.read_bytes()
    assert content == f"{name} {view['epoch']}\n".encode(), f"{path} holds {content}"
    assert hashlib.sha256(content).hexdigest() == view["outputs"][0]["sha256"]


def wait_quietly(seconds, *ledgers):
    """Lets time pass; fails at once if a law is broken meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        for ledger in ledgers:
            ledger.check()
        left = deadline - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, 0.05))
