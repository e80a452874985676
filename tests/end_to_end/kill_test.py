"""Agents, keepers, daemons, jobs and their children are killed and frozen at random moments, and nothing is lost.

RGRID_SEED repeats a run's choices, RGRID_KILLS says how many kills there are."""

import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

from fleet import PATIENCE, process_state, wait_until
from fleet_test import FleetTest
from ledger import FINAL, STATES, Job, Ledger, check_books, check_moves, check_outputs, wait_quietly

KILLS = int(os.environ.get("RGRID_KILLS", "200"))
SEED = int(os.environ.get("RGRID_SEED") or random.SystemRandom().randrange(1_000_000))
MOST_WORKERS = 6

# What a job does. Each but the one that fails tells by its output which attempt it is.
JOB = """#!/bin/sh
name=$1 kind=$2 home=$3
echo "start $name $RGRID_EPOCH $$" >> "$home/journal"
case $kind in
    short) sleep 0.3 ;;
    long) sleep 3 ;;
    family)
        setsid sleep 1000 &
        sh -c 'sleep 1000; true' &
        sleep 1.5 & one=$!
        (sleep 0.5; sleep 1) & two=$!
        wait $one && wait $two || exit 5 ;;
    talker) for i in 1 2 3 4 5 6 7 8; do echo "line $i of $RGRID_EPOCH"; sleep 0.2; done ;;
    failing) sleep 0.2; exit 3 ;;
esac
echo "$name $RGRID_EPOCH" > result.txt
echo "end $name $RGRID_EPOCH $$" >> "$home/journal"
"""
KINDS = ["short", "short", "long", "family", "family", "talker", "failing"]

# Of a hundred kills, how many each kind of victim gets.
SHARES = {"job": 28, "child": 22, "agent": 10, "keeper": 7, "job keeper": 10, "daemon": 14, "agent and daemon": 3,
          "submitter": 6}
# For every hundred kills so many are frozen besides, and for how long.
FREEZES = {"agent": (4, 7.0), "keeper": (2, 4.0), "job keeper": (2, 3.0), "job": (4, 2.0), "machine": (4, 8.0),
           "daemon": (5, 6.0)}

Process = collections.namedtuple("Process", "pid parent role server attempt")


def role_of(name, words, environment, parent_is_job):
    """What a process of the fleet is."""
    if "RGRID_JOB" in environment:
        return "child" if parent_is_job else "job"
    if name == "rgrid-keeper":
        return "keeper" if "serve" in words else "job keeper"
    return {"rgridd": "daemon", "rgrid-worker": "agent", "rgrid": "submitter"}.get(name)


def look_around(mark):
    """The living processes whose environment has the mark."""
    raw = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            environment = folder.joinpath("environ").read_bytes()
            if mark not in environment.split(b"\0"):
                continue
            name, _, rest = folder.joinpath("stat").read_text().partition("(")[2].rpartition(")")
            state, parent = rest.split()[:2]
            if state in "ZX":
                continue
            variables = dict(entry.partition("=")[::2] for entry in environment.decode(errors="replace").split("\0"))
            words = folder.joinpath("cmdline").read_text(errors="replace").split("\0")
            raw[int(folder.name)] = (int(parent), name, words, variables)
    found = []
    for pid, (parent, name, words, variables) in raw.items():
        parent_is_job = parent not in raw or "RGRID_JOB" in raw[parent][3]
        attempt = (int(variables["RGRID_JOB"]), int(variables["RGRID_EPOCH"])) if "RGRID_JOB" in variables else None
        found.append(Process(pid, parent, role_of(name, words, variables, parent_is_job),
                             variables.get("RGRID_SERVER_ID"), attempt))
    return found


class Daemons:
    """Keeps one daemon running, and a second one as long as the first is frozen."""

    def __init__(self, fleet):
        self.fleet = fleet
        self.running = []
        self.frozen = set()

    def tend(self):
        self.running = [daemon for daemon in self.running if daemon.process.poll() is None]
        awake = [daemon for daemon in self.running if daemon.pid not in self.frozen]
        if not awake and len(self.running) < 3:
            self.running.append(self.fleet.start_daemon("--drain"))

    def end(self):
        """All but one are killed; that one drains. Returns it."""
        for daemon in self.running[1:]:
            daemon.end(signal.SIGKILL)
        wait_until("the last one leads", self.running[0].leads)
        return self.running[0]


class Jobs:
    """A stream of jobs, submitted on a thread of its own. A submit whose program was killed is repeated by its key."""

    def __init__(self, fleet, ledger, chance, most_open=14):
        self.fleet = fleet
        self.ledger = ledger
        self.chance = chance
        self.most_open = most_open
        self.kinds = {}  # By number.
        self.repeated = 0
        self.problem = None
        self.ended = threading.Event()
        self.script = fleet.home / "job.sh"
        self.script.write_text(JOB)
        self.thread = threading.Thread(target=self.stream, daemon=True)
        self.thread.start()

    def name(self, number):
        return self.kinds[number][0]

    def stream(self):
        try:
            while not self.ended.is_set():
                look = self.ledger.last
                if look and sum(job.state not in FINAL for job in look.jobs.values()) >= self.most_open:
                    self.ended.wait(0.1)
                    continue
                self.submit(f"j{len(self.kinds) + 1}", self.chance.choice(KINDS))
        except Exception as error:  # Whatever it is, the test has to hear of it.
            self.problem = f"{type(error).__name__}: {error}"

    def submit(self, name, kind):
        command = [str(self.fleet.programs / "rgrid"), "--home", str(self.fleet.home), "--json", "run", "--detach",
                   "--name", name, "--submit-key", f"key of {name}", "--max-attempts", "2",
                   "--env", f"RGRID_TEST_HOME={self.fleet.home}"]
        if kind != "failing":
            command += ["--output", "result.txt"]
        command += [str(self.script), name, kind, str(self.fleet.home)]
        while True:
            done = subprocess.run(command, text=True, stdin=subprocess.DEVNULL, capture_output=True,
                                  env=self.fleet.environment, timeout=PATIENCE)
            if done.returncode == 0:
                break
            assert done.returncode == -signal.SIGKILL, f"a submit ended with {done.returncode}: {done.stderr}"
            self.repeated += 1
        number = json.loads(done.stdout)["job"]
        assert number not in self.kinds, f"{name} got the number of {self.kinds[number]}"
        self.kinds[number] = (name, kind)
        self.ledger.acknowledge(number)

    def close(self):
        self.ended.set()
        self.thread.join()


class Chaos:
    """Kills and freezes. What it has done, and when, is in `story`."""

    def __init__(self, fleet, daemons, chance):
        self.fleet = fleet
        self.daemons = daemons
        self.chance = chance
        self.mark = f"RGRID_TEST_HOME={fleet.home}".encode()
        self.killed = collections.Counter()
        self.froze = collections.Counter()
        self.asleep = {}  # When a frozen process wakes, by pid.
        self.slept = set()  # Servers on which something was ever frozen.
        self.began = time.monotonic()
        self.story = []

    def tell(self, text):
        self.story.append(f"{time.monotonic() - self.began:7.2f} {text}")

    def deck(self, kills):
        cards = [("kill", role) for role, share in SHARES.items() for _ in range(-(-share * kills // 100))]
        cards += [("freeze", role) for role, (share, _) in FREEZES.items() for _ in range(-(-share * kills // 100))]
        self.chance.shuffle(cards)
        return cards

    def send(self, process, number):
        """The signal reaches this very process or nobody."""
        try:
            handle = os.pidfd_open(process.pid)
        except ProcessLookupError:
            return False
        try:
            if self.mark not in pathlib.Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0"):
                return False
            signal.pidfd_send_signal(handle, number)
            return True
        except OSError:
            return False
        finally:
            os.close(handle)

    def pick(self, there, role):
        among = sorted(process for process in there if process.role == role and process.pid not in self.asleep)
        return self.chance.choice(among) if among else None

    def play(self, card):
        """Says whether there was such a victim."""
        action, role = card
        there = look_around(self.mark)
        self.check_attempts(there)
        if action == "freeze":
            return self.freeze(there, role)
        victims = [self.pick(there, part) for part in role.split(" and ")]
        if not all(victims):
            return False
        hit = [victim for victim in victims if self.send(victim, signal.SIGKILL)]
        self.tell(f"killed {role}: {[victim.pid for victim in hit]}")
        self.killed[role] += len(hit)
        return bool(hit)

    def check_attempts(self, there):
        """A job that was given away no longer runs where it was, unless who should have ended it was frozen."""
        epochs = collections.defaultdict(set)
        for process in there:
            if process.attempt and process.server not in self.slept:
                epochs[process.attempt[0]].add(process.attempt[1])
        twice = {job: sorted(found) for job, found in epochs.items() if len(found) > 1}
        assert not twice, f"attempts of one job run at the same time: {twice}"

    def freeze(self, there, role):
        if role == "daemon" and self.daemons.frozen:
            return False
        victim = self.pick(there, "agent" if role == "machine" else role)
        if not victim:
            return False
        victims = [victim]
        if role == "machine":
            victims = [process for process in there if process.server == victim.server and process.role]
        until = time.monotonic() + self.chance.uniform(0.2, 1.0) * FREEZES[role][1]
        hit = [process for process in victims if self.send(process, signal.SIGSTOP)]
        for process in hit:
            self.asleep[process.pid] = (until, process)
            self.slept.add(process.server)
        if role == "daemon":
            self.daemons.frozen.update(process.pid for process in hit)
        self.froze[role] += bool(hit)
        self.tell(f"froze {role}: {[process.pid for process in hit]} for {until - time.monotonic():.1f} s")
        return bool(hit)

    def wake(self, everybody=False):
        for pid, (until, process) in list(self.asleep.items()):
            if everybody or time.monotonic() >= until:
                if self.send(process, signal.SIGCONT):
                    self.tell(f"woke {process.role}: {pid}")
                del self.asleep[pid]
                self.daemons.frozen.discard(pid)


class KillTest(FleetTest):
    def start(self, seed):
        chance = random.Random(seed)
        fleet = self.start_fleet(
            fleet={"interval": "500ms"}, limits={"creates_per_minute": 1000},
            cloud__process={"stop_grace": "500ms", "boot_delay": "50ms"},
            pool__default__scaling={"max_workers": MOST_WORKERS},
            pool__default__placement={"refusal_memory": "1s"},
            pool__default__health={"lost_after": "3s", "probe_interval": "1s", "create_settle": "8s",
                                   "delete_timeout": "2s", "boot_timeout": "8s"})
        fleet.rgrid("status")  # Makes the store.
        ledger = Ledger(fleet, MOST_WORKERS)
        self.addCleanup(ledger.close)
        jobs = Jobs(fleet, ledger, chance)
        self.addCleanup(jobs.close)
        daemons = Daemons(fleet)
        # What is frozen has to wake before it can be seen to end.
        chaos = Chaos(fleet, daemons, random.Random(seed + 1))
        self.addCleanup(self.tell_chaos, chaos)
        self.addCleanup(chaos.wake, everybody=True)
        return fleet, ledger, jobs, daemons, chaos

    def tell_chaos(self, chaos):
        if any(case is self for case, _ in self.result.failures + self.result.errors):
            print("\n".join(chaos.story), file=sys.stderr)

    def check_all(self, ledger, jobs):
        ledger.check()
        if jobs.problem:
            self.fail(jobs.problem)

    def rage(self, kills, ledger, jobs, daemons, chaos):
        """Plays all cards in turn; one that finds no victim for a while is played later."""
        cards = collections.deque(chaos.deck(kills))
        last = time.monotonic()
        while cards:
            began, card = time.monotonic(), cards.popleft()
            while True:
                daemons.tend()
                chaos.wake()
                self.check_all(ledger, jobs)
                if chaos.play(card):
                    last = time.monotonic()
                    wait_quietly(chaos.chance.expovariate(1 / 0.15), ledger)
                    break
                if time.monotonic() - began > 1:
                    cards.append(card)
                    break
                wait_quietly(0.03, ledger)
            self.assertLess(time.monotonic() - last, PATIENCE, f"there is nobody left to play {set(cards)} with")

    def test_whatever_is_killed_nothing_is_lost_and_nothing_is_left(self):
        print(f"seed {SEED}, {KILLS} kills (RGRID_SEED={SEED} RGRID_KILLS={KILLS} repeats the choices)", flush=True)
        fleet, ledger, jobs, daemons, chaos = self.start(SEED)
        self.rage(KILLS, ledger, jobs, daemons, chaos)

        # No more faults: everything heals.
        chaos.wake(everybody=True)
        chaos.tell("no more faults")
        jobs.close()
        daemons.tend()

        def all_have_ended():
            daemons.tend()
            self.check_all(ledger, jobs)
            look = ledger.last
            return all(job.state in FINAL for job in look.jobs.values()) and look
        wait_until("every job has ended", all_have_ended, 2 * PATIENCE)
        chaos.tell("all jobs have ended")
        daemon = daemons.end()
        self.assertEqual(daemon.end(signal.SIGTERM), 0)
        chaos.tell("drained")
        wait_quietly(0.2, ledger)

        self.check_jobs(fleet, ledger, jobs)
        self.check_daemons(fleet)
        self.assertGreaterEqual(sum(chaos.killed.values()), KILLS)
        ends = collections.Counter(job.state for job in ledger.last.jobs.values())
        print(f"{sum(chaos.killed.values())} kills {dict(chaos.killed)}, frozen {dict(chaos.froze)}, "
              f"{jobs.repeated} submits repeated; {len(jobs.kinds)} jobs {dict(ends)}, "
              f"{sum(job.losses for job in ledger.last.jobs.values())} losses; {len(ledger.last.bills)} servers, "
              f"{len(fleet.daemons)} daemons; {ledger.looks} looks, {time.monotonic() - chaos.began:.0f} s", flush=True)
        self.check_nothing_left(fleet, ledger)

    def check_nothing_left(self, fleet, ledger):
        fleet.wait_for_nothing_left()
        ids = {f"RGRID_SERVER_ID={server}".encode() for ids in ledger.server_ids.values() for server in ids}
        self.assertTrue(ids)
        left = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if ids.intersection(process.joinpath("environ").read_bytes().split(b"\0")):
                    left.append(process.joinpath("cmdline").read_text())
        self.assertEqual(left, [])
        self.assertEqual(ledger.last.intents, {})
        self.assertEqual([name for name, (deleted, _) in ledger.last.bills.items() if not deleted], [])
        self.assertLessEqual(set(ledger.server_ids), set(ledger.last.bills))
        self.assertEqual([path.name for path in (fleet.home / "servers").glob(".[ng]*-*")], [], "half of a server")
        work = fleet.home / "work"
        self.assertEqual(sorted(path.name for path in work.iterdir()) if work.exists() else [], [],
                         "working folders of attempts")

    def check_jobs(self, fleet, ledger, jobs):
        self.assertEqual(set(ledger.last.jobs), set(jobs.kinds), "each submit is one job")
        counts = fleet.ask("status")["jobs"]
        self.assertEqual(counts["accepted"], len(jobs.kinds))
        self.assertEqual(sum(counts[state] for state in FINAL), len(jobs.kinds))
        for number, job in ledger.last.jobs.items():
            name, kind = jobs.kinds[number]
            with self.subTest(job=number, name=name, kind=kind, ended=job):
                self.assertNotEqual(job.state, "cancelled")
                if kind == "failing":
                    self.assertNotEqual(job.state, "succeeded")
                if job.state == "succeeded":
                    self.assertIn(job.epoch, fleet.journal("end", name))
                    check_outputs(fleet, number, name)
                else:
                    self.assertEqual(fleet.job(number)["outputs"], [])
                    self.assertTrue(job.attempts == 2 if job.state == "failed" else job.losses == 3, job)

    def check_daemons(self, fleet):
        created = collections.Counter()
        for daemon in fleet.daemons:
            created.update(event["server"] for event in daemon.events("server_create"))
            self.assertEqual(daemon.events("server_adopted"), [], daemon.name)
            self.assertLessEqual(self.decided_while_watching(daemon), {"source_unknown", "source_known"})
        self.assertEqual([name for name, count in created.items() if count > 1], [], "creates were repeated")

    def decided_while_watching(self, daemon):
        """Kinds of what it decided at a time when another led, by its own account. What it had begun before, as its
        time tells, may end then: a provider cannot be told to refuse it, and it is not recorded."""
        decided, watching_since = set(), None
        for event in daemon.events():
            if event.get("kind") in ("leading", "watching"):
                watching_since = event["at"] if event["kind"] == "watching" else None
            elif event.get("kind") and watching_since and event["at"] >= watching_since:
                decided.add(event["kind"])
        return decided


class FrozenMachineTest(FleetTest):
    def test_a_whole_machine_that_wakes_after_its_jobs_were_given_away_ends_them(self):
        fleet = self.start_fleet(pool__default__scaling={"min_workers": 2})
        daemon = fleet.start_leader()
        fleet.wait_for_workers(2)
        job = self.run_a_job(fleet)
        # Otherwise the server would be deleted as soon as its worker is lost.
        fleet.rgrid("pause")
        keeper, *job_keepers = fleet.keepers(job["worker"])
        gone = [fleet.pid_of("rgrid-worker", job["worker"]), *job_keepers, *fleet.pids_of_job("a")]
        self.assertEqual(len(gone), 3)
        pids = [keeper, *gone]
        for pid in pids:
            self.freeze(pid)
        daemon.wait_for("worker_lost", job["worker"])
        wait_until("the job runs again", lambda: fleet.journal("start", "a") == [1, 2])

        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # Who wakes first may have ended the others.
                os.kill(pid, signal.SIGCONT)

        wait_until("its agent and its job have ended", lambda: not any(map(process_state, gone)))
        self.assertIn("no longer wanted", fleet.agent_log(job["worker"]))
        fleet.open()
        done = fleet.wait_for_job(job["job"], "succeeded")
        self.assertEqual((done["epoch"], done["losses"]), (2, 1))
        self.assertEqual(fleet.journal("end", "a"), [2])
        self.assertEqual(fleet.rgrid("logs", str(job["job"])), "a was done in epoch 2\n")


class FakeLook:
    """A look at books that a test writes itself."""

    def __init__(self, *places, tally=None, **others):
        self.places = list(places)
        self.jobs = dict(places)
        self.accepted = sorted(self.jobs)
        rows = collections.Counter(job.state for job in self.jobs.values())
        self.tally = tally or {-1: 0, **{number: rows[state] for number, state in enumerate(STATES)}}
        self.depth = rows["queued"]
        self.intents, self.bills, self.leader_epoch = {}, {}, 1
        vars(self).update(others)


class LawsTest(unittest.TestCase):
    """The laws that the kills are watched by can be broken."""

    queued = Job("queued", 0, 0, 0, None, None)
    running = Job("running", 1, 0, 0, "w", None)
    done = Job("succeeded", 1, 0, 0, None, 5)

    def test_books_that_are_right(self):
        check_books(FakeLook((1, self.queued), (2, self.running), (3, self.done)))

    def test_books_that_are_wrong(self):
        for look in (FakeLook((1, self.queued), (1, self.running)),
                     FakeLook((1, self.queued), accepted=[1, 2]),
                     FakeLook((1, self.queued), accepted=[]),
                     FakeLook((1, self.done), tally={-1: 0, **dict.fromkeys(range(7), 0)}),
                     FakeLook((1, self.queued), depth=0)):
            with self.assertRaises(AssertionError):
                check_books(look)

    def test_moves_that_are_right(self):
        late = self.queued._replace(epoch=1, losses=1)
        for before, after in ((self.queued, self.running), (self.running, self.done), (self.queued, self.done),
                              (self.running, late), (late, self.done._replace(losses=1)), (self.done, self.done),
                              (late, self.running._replace(epoch=2, losses=1))):
            check_moves(FakeLook((1, before)), FakeLook((1, after)))

    def test_moves_that_are_wrong(self):
        given_up = self.queued._replace(epoch=1, losses=1)
        for before, after in ((self.done, self.queued), (self.done, self.done._replace(finished=6)),
                              (self.done, self.done._replace(state="failed")), (self.running, self.queued),
                              (given_up, self.running._replace(losses=1)), (given_up, given_up._replace(losses=0)),
                              (self.running, self.running._replace(worker="v")),
                              (self.queued, self.done._replace(epoch=0)), (self.queued, self.done._replace(losses=2))):
            with self.subTest(before=before, after=after), self.assertRaises(AssertionError):
                check_moves(FakeLook((1, before)), FakeLook((1, after)))

    def test_records_that_are_wrong(self):
        for before, after in ((FakeLook(leader_epoch=2), FakeLook()), (FakeLook(bills={"s": (None, {})}), FakeLook()),
                              (FakeLook(bills={"s": (3, {})}), FakeLook(bills={"s": (None, {})})),
                              (FakeLook(leader_epoch=2), FakeLook(leader_epoch=2, intents={"s": {"epoch": 1}})),
                              (FakeLook((1, self.done)), FakeLook())):
            with self.assertRaises(AssertionError):
                check_moves(before, after)


if __name__ == "__main__":
    unittest.main(verbosity=2)
