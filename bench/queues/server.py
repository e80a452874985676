"""A PostgreSQL server of one's own: durable, with the settings that it ships with, reachable by its socket alone."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

# Workers of every queue and those who submit. All else is as PostgreSQL ships it.
SETTINGS = {"max_connections": "200"}


class Problem(Exception):
    """What a person has to do something about."""


def programs():
    """The folder of the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    if on_path := shutil.which("postgres"):
        return Path(on_path).parent
    raise Problem("PostgreSQL's server is neither below /usr/lib/postgresql nor in PATH: scripts/bootstrap installs it")


def account():
    """Who the server runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        raise Problem("there is no user postgres: scripts/bootstrap installs PostgreSQL") from None
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Server:
    def __init__(self, folder, bin):
        self.folder, self.bin = folder, bin

    def environment(self, database):
        """What every program needs to reach it."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {**inherited, "PGHOST": str(self.folder), "PGPORT": "5432", "PGUSER": "bench", "PGDATABASE": database,
                "PATH": f"{self.bin}:{os.environ['PATH']}"}

    def ask(self, *commands, database="postgres"):
        words = [word for command in commands for word in ("-c", command)]
        done = subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", *words], env=self.environment(database),
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise Problem(f"{commands[-1]}: {done.stderr.strip()}")
        return done.stdout.strip()

    @contextmanager
    def database(self):
        """A new and empty one."""
        self.ask("DROP DATABASE IF EXISTS bench WITH (FORCE)", "CREATE DATABASE bench", "CHECKPOINT")
        yield "bench"
        self.ask("DROP DATABASE bench WITH (FORCE)")

    @contextmanager
    def pinned_snapshot(self, database):
        """No row that is deleted meanwhile can be removed."""
        psql = subprocess.Popen(["psql", "-qAtX"], env=self.environment(database), stdin=subprocess.PIPE, text=True)
        try:
            psql.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_class LIMIT 0;\n")
            psql.stdin.flush()
            held = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND application_name = 'psql' " \
                   "AND state = 'idle in transaction' AND backend_xmin IS NOT NULL"
            wait_for("a transaction that stays open", lambda: self.ask(held) == "1")
            yield
        finally:
            psql.stdin.close()
            psql.wait()


def wait_for(what, condition, limit=30.0):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise Problem(f"{what}: nothing after {limit:.0f} s")
        time.sleep(0.02)


def dies_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGINT)


@contextmanager
def private_server():
    """In the folder for temporary files: choose a disk, not a memory file system."""
    bin, who = programs(), account()
    with tempfile.TemporaryDirectory(prefix="rgrid-queues-") as name:
        folder = Path(name)
        log = folder / "log"
        os.chmod(folder, 0o755)
        if who:
            os.chown(folder, who["user"], who["group"])
        made = subprocess.run([bin / "initdb", "-D", folder / "data", "-A", "trust", "-U", "bench", "--locale=C",
                               "--encoding=UTF8"], capture_output=True, text=True, cwd=folder, **who)
        if made.returncode != 0:
            raise Problem(f"initdb: {made.stderr.strip()}")
        words = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with open(log, "w") as output:
            process = subprocess.Popen([bin / "postgres", "-D", folder / "data", "-k", folder, "-p", "5432",
                                        "-c", "listen_addresses=", *words], stdout=output, stderr=output, cwd=folder,
                                       start_new_session=True, preexec_fn=dies_with_parent, **who)
        try:
            server = Server(folder, bin)
            ready = [bin / "pg_isready", "-q", "-h", str(folder)]
            wait_for(f"PostgreSQL (its log: {log.read_text()[-500:]})", lambda: subprocess.run(ready).returncode == 0)
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
