"""A fleet of real processes in a folder of its own, with seconds where there are minutes in earnest."""

import contextlib
import copy
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

# Waiting for a condition that should come true at once takes this long only if it does not come true at all.
PATIENCE = 60

SETTINGS = {
    "fleet": {"name": "test", "interval": "1s", "leadership": "2s", "servers_max_age": "500ms",
              "sessions_max_age": "200ms"},
    # What a power cut takes back is not tested here, and a disk that is waited for slows everything down.
    "store": {"synchronous": "normal"},
    "worker": {"poll": "100ms", "kill_grace": "500ms", "margin": "500ms", "stop_grace": "1s", "log_flush": "50ms"},
    "cloud.process": {"boot_delay": "100ms", "stop_grace": "1s"},
    "cloud.process.offers": [{"type": "small", "location": "here", "price": "0.01 EUR", "period": "1h"}],
    "pool.default": {"slots": 2},
    "pool.default.scaling": {"min_queued": 1, "max_wait": "0s", "max_workers": 3},
    "pool.default.health": {"heartbeat": "500ms", "lost_after": "4s", "boot_timeout": "60s", "orphan_grace": "2s",
                            "create_settle": "30s", "listing_lag": "1s", "delete_timeout": "20s"},
    "log": {"format": "json", "level": "debug"},
}

# Tells that it runs, waits until its gate or that of its epoch is opened, tells that it has ended. Told to end, it
# ends without that.
GATE_JOB = """#!/bin/sh
echo "start $3 $RGRID_EPOCH $$" >> "$1/journal"
while [ ! -e "$1/$2.open" ] && [ ! -e "$1/$2-$RGRID_EPOCH.open" ]; do sleep 0.05; done
echo "end $3 $RGRID_EPOCH $$" >> "$1/journal"
echo "$3 was done in epoch $RGRID_EPOCH"
"""


def wait_until(what, condition, patience=PATIENCE):
    """Returns the condition's value as soon as it is true; fails, saying what did not happen, if it never is."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s in vain: {what}")
        time.sleep(0.03)


def process_state(pid):
    """One letter as the kernel has it ("T" is stopped); nothing if there is no such process or only its remains."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None
    return None if state in "ZX" else state


def as_toml(settings):
    lines = []
    for section, values in settings.items():
        for table in values if isinstance(values, list) else [values]:
            lines.append(f"[[{section}]]" if isinstance(values, list) else f"[{section}]")
            lines += [f"{name} = {json.dumps(value)}" for name, value in table.items()]
    return "\n".join(lines) + "\n"


class Daemon:
    """One run of rgridd, and what it said."""

    def __init__(self, fleet, arguments, name):
        self.name = name
        self.log_path = fleet.home / f"{name}.log"
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen([str(fleet.programs / "rgridd"), "--home", str(fleet.home), *arguments],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=fleet.environment,
                                            user=fleet.user)

    @property
    def pid(self):
        return self.process.pid

    def lines(self):
        return self.log_path.read_text().splitlines()

    def events(self, kind=None, server=None):
        """What it said so far, as objects; a line that is being written is left out."""
        found = []
        for line in self.log_path.read_text().splitlines(keepends=True):
            if not line.endswith("\n"):
                continue
            event = json.loads(line)
            if (kind is None or event.get("kind") == kind) and (server is None or event.get("server") == server):
                found.append(event)
        return found

    def wait_for(self, kind, server=None, count=1):
        def seen():
            found = self.events(kind, server)
            return found if len(found) >= count else None
        return wait_until(f"{self.name} says {kind} {server or ''} {count} times", seen)

    def leads(self):
        """Whether it leads now, or watches; nothing before it has said so. If it was killed, that is its last word."""
        said = [event["kind"] for event in self.events() if event.get("kind") in ("leading", "watching")]
        return said[-1] == "leading" if said else None

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Sends the signal and returns the exit code."""
        self.kill(number)
        return self.process.wait(PATIENCE)


class Fleet:
    def __init__(self, programs, **changes):
        self.programs = pathlib.Path(programs).resolve()
        self.user = None  # Whose rights the programs have, if not ours.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="rgrid-e2e-"))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RGRID_", "DATABASE_"))}
        # By this, every process that comes from here is found, wherever it runs.
        self.environment = {**inherited, "RGRID_TEST_HOME": str(self.home)}
        self.settings = copy.deepcopy(SETTINGS)
        self.daemons = []
        self.script = self.home / "gate.sh"
        self.script.write_text(GATE_JOB)
        (self.home / "journal").touch()
        self.configure(**changes)

    # Configuration.

    def configure(self, **changes):
        """Changes settings; a section's dots are written as two underscores: pool__default__scaling={...}."""
        for section, values in changes.items():
            section = section.replace("__", ".")
            if values is None:
                for name in [name for name in self.settings if name == section or name.startswith(section + ".")]:
                    del self.settings[name]
            elif isinstance(values, list):
                self.settings[section] = values
            else:
                self.settings.setdefault(section, {}).update(values)
        (self.home / "rgrid.toml").write_text(as_toml(self.settings))

    # Programs.

    def start_daemon(self, *arguments):
        daemon = Daemon(self, arguments, f"rgridd-{len(self.daemons) + 1}")
        self.daemons.append(daemon)
        return daemon

    def start_leader(self, *arguments):
        daemon = self.start_daemon(*arguments)
        daemon.wait_for("leading")
        return daemon

    def run_daemon(self, *arguments):
        """Runs rgridd to its end."""
        return subprocess.run([str(self.programs / "rgridd"), "--home", str(self.home), *arguments], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, env=self.environment, timeout=2 * PATIENCE)

    def call(self, program, *arguments, home=None, user=None, cwd=None, **variables):
        """Runs a program to its end, whatever that is."""
        done = subprocess.run([self.programs / program, "--home", home or self.home, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, cwd=cwd, user=user or self.user,
                              env=self.environment | variables, timeout=2 * PATIENCE)
        done.stdout, done.stderr = (text.decode(errors="surrogateescape") for text in (done.stdout, done.stderr))
        return done

    def rgrid(self, *arguments):
        done = subprocess.run([str(self.programs / "rgrid"), "--home", str(self.home), *arguments], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, env=self.environment, timeout=2 * PATIENCE,
                              user=self.user)
        if done.returncode != 0:
            raise AssertionError(f"rgrid {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def ask(self, *arguments):
        return json.loads(self.rgrid(*arguments, "--json"))

    # Jobs.

    def submit(self, name, gate="gate", options=()):
        """A job that runs until the gate is opened. Returns its number."""
        done = self.ask("run", "--detach", "--name", name, *options, str(self.script), str(self.home), gate, name)
        return done["job"] if isinstance(done, dict) else done

    def open(self, gate="gate"):
        (self.home / f"{gate}.open").touch()

    def journal(self, word, name):
        """The epochs in which the job of that name said the word, in order."""
        lines = [line.split() for line in (self.home / "journal").read_text().splitlines()]
        return [int(line[2]) for line in lines if line[:2] == [word, name]]

    def pids_of_job(self, name):
        """Of the job's attempts that are still alive."""
        lines = [line.split() for line in (self.home / "journal").read_text().splitlines()]
        return [int(line[3]) for line in lines if line[:2] == ["start", name] and process_state(line[3])]

    def job(self, number):
        return self.ask("status", str(number))["job"]

    def wait_for_job(self, number, *states):
        def reached():
            view = self.job(number)
            return view if view["state"] in states else None
        return wait_until(f"job {number} is {' or '.join(states)}", reached)

    def wait_for_counts(self, **wanted):
        def reached():
            counts = self.ask("status")["jobs"]
            return counts if all(counts[name] == count for name, count in wanted.items()) else None
        return wait_until(f"the jobs are {wanted}", reached)

    # Servers.

    def workers(self, phase=None):
        return [worker for worker in self.ask("workers") if phase in (None, worker["phase"])]

    def wait_for_workers(self, count, phase="ready"):
        def reached():
            workers = self.workers(phase)
            return workers if len(workers) == count else None
        return wait_until(f"there are {count} workers {phase}", reached)

    def bills(self):
        """What was ever paid for: a line for each server there is or was."""
        return self.ask("servers", "--all")

    def folders(self):
        """The servers that the provider has, by name."""
        servers = self.home / "servers"
        return sorted(entry.name for entry in servers.glob("[!.]*")) if servers.is_dir() else []

    def pid_of(self, program, server):
        """The keeper or agent of a server."""
        for pid in self.processes():
            with contextlib.suppress(OSError):
                process = pathlib.Path(f"/proc/{pid}")
                if process.joinpath("comm").read_text().strip() != program:
                    continue
                if program == "rgrid-worker":
                    if f"RGRID_SERVER={server}".encode() in process.joinpath("environ").read_bytes().split(b"\0"):
                        return pid
                elif os.readlink(process / "cwd") == str(self.home / "servers" / server):
                    return pid
        raise AssertionError(f"{server} has no {program}")

    def keepers(self, server):
        """The keeper of a server and those of the attempts that it runs; the former first."""
        keeper = self.pid_of("rgrid-keeper", server)
        agent = self.pid_of("rgrid-worker", server)
        children = pathlib.Path(f"/proc/{agent}/task").glob("*/children")
        return [keeper] + [int(pid) for child in children for pid in child.read_text().split()]

    def agent_log(self, server):
        return (self.home / "servers" / server / "agent.log").read_text()

    # Records.

    def home_content(self):
        return sorted(str(path.relative_to(self.home)) for path in self.home.rglob("*"))

    def store_content(self):
        """The whole content of the store."""
        with contextlib.closing(sqlite3.connect(f"file:{self.home}/rgrid.db?mode=ro", uri=True)) as database:
            return "\n".join(database.iterdump())

    def decisions(self):
        """The decision log's lines that hold a plan."""
        lines = (self.home / "decisions.jsonl").read_text().splitlines()
        return [record for record in map(json.loads, lines) if record.get("plan")]

    def passes(self):
        """How often a leader has looked around and decided; each pass is a line of the decision log."""
        return sum(path.read_bytes().count(b"\n") for path in self.home.glob("decisions.jsonl*"))

    # The end.

    def processes(self):
        """All processes that come from this fleet."""
        mark = str(self.home).encode()
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            pid = int(process.name)
            if pid == os.getpid() or not process_state(pid):
                continue
            with contextlib.suppress(OSError):
                if (mark in process.joinpath("cmdline").read_bytes() or mark in process.joinpath("environ").read_bytes()
                        or os.readlink(process / "cwd").startswith(str(self.home))):
                    found.append(pid)
        return found

    def wait_for_nothing_left(self):
        wait_until("no process of the fleet is left", lambda: not self.processes())
        assert not self.folders(), f"servers are left: {self.folders()}"

    def kill_all(self):
        """Kills whatever is left, one process after the other."""
        def killed():
            left = self.processes()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left
        wait_until("the fleet's processes can be killed", killed)
        for daemon in self.daemons:
            daemon.process.wait(PATIENCE)

    def destroy(self):
        """Ends and removes everything."""
        self.kill_all()
        shutil.rmtree(self.home)

    def story(self):
        """What everybody said, for a test that failed."""
        logs = sorted(self.home.glob("*.log")) + sorted(self.home.glob("servers/*/agent.log"))
        return "\n".join(f"--- {log.relative_to(self.home)}\n" + "\n".join(log.read_text().splitlines()[-60:])
                         for log in logs)


class FleetCase(unittest.TestCase):
    """Tests with fleets, which tell what happened in them if they fail."""

    maxDiff = None

    def run(self, result=None):
        self.result = result
        return super().run(result)

    def start_fleet(self, programs=None, **changes):
        fleet = Fleet(programs or os.environ["RGRID_PROGRAMS"], **changes)
        self.addCleanup(fleet.destroy)
        self.addCleanup(self.tell_story, fleet)
        return fleet

    def tell_story(self, fleet):
        if any(case is self for case, _ in self.result.failures + self.result.errors):
            print(fleet.story(), file=sys.stderr)
