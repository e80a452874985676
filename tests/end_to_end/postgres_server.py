"""A PostgreSQL server of a test's own, in a folder of its own, reached by a socket there."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from fleet import wait_until


def program(name):
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found:
        raise FileNotFoundError(f"PostgreSQL's {name} is not below /usr/lib/postgresql: scripts/bootstrap installs it")
    return str(found[-1])


class Away(Exception):
    """The server does not answer."""


class PostgresServer:
    def __init__(self):
        # A server refuses to be root.
        self.user = "postgres" if os.geteuid() == 0 else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rgrid-pg-"))
        self.process = None
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.run("initdb", "-D", str(self.folder / "data"), "-A", "trust", "-U", "rgrid", "--no-sync",
                 "--no-instructions", "--locale=C", "--encoding=UTF8")
        self.start()

    def run(self, name, *arguments):
        done = subprocess.run([program(name), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              user=self.user, group=self.user, cwd="/")
        if name == "psql" and done.returncode == 2:
            raise Away(done.stderr)
        if done.returncode != 0:
            raise AssertionError(f"{name} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def url(self, database="postgres", user="rgrid"):
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def sql(self, text, database="postgres"):
        """What psql prints, without alignment."""
        return self.run("psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-c", text, self.url(database)).strip()

    def database(self, name):
        """A new one. Returns its address."""
        self.sql(f"CREATE DATABASE {name} STRATEGY = file_copy")
        return self.url(name)

    def start(self):
        command = [program("postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)]
        # What a power cut takes back is not tested here; what a crash does is, and it takes nothing.
        for setting in ("listen_addresses=", "max_connections=60", "shared_buffers=32MB", "fsync=off",
                        "log_min_messages=warning", "autovacuum_naptime=10s"):
            command += ["-c", setting]

        def answers():
            # A postmaster that was killed may have left children that still hold its memory.
            if self.process is None or self.process.poll() is not None:
                with (self.folder / "log").open("a") as log:
                    self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                    user=self.user, group=self.user, cwd="/")
            done = subprocess.run([program("pg_isready"), "-q", "-h", str(self.folder)], stdin=subprocess.DEVNULL)
            return done.returncode == 0
        wait_until("PostgreSQL answers", answers)

    def kill(self):
        """As a crash would: nothing is written, and its children end as they notice."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def destroy(self):
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
