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
    def __init__(self, listen=""):
        """Listens at this address too, at port 5432, if there is one."""
        self.listen = listen
        # A server refuses to be root.
        self.user = "postgres" if os.geteuid() == 0 else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rgrid-pg-"))
        self.process = None
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.run("initdb", "-D", str(self.folder / "data"), "-A", "trust", "-U", "rgrid", "--no-sync",
                 "--no-instructions", "--locale=C", "--encoding=UTF8")
        if listen:
            with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {listen}/32 trust\n")
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

    def network_url(self, database):
        return f"postgresql://rgrid@{self.listen}:5432/{database}"

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
        for setting in (f"listen_addresses={self.listen}", "max_connections=60", "shared_buffers=32MB", "fsync=off",
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


PGBOUNCER = pathlib.Path("/usr/sbin/pgbouncer")


class Pooler:
    """PgBouncer in front of a server: each transaction may get another one of its few connections."""

    def __init__(self, server):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rgrid-pooler-"))
        shutil.copystat(server.folder, self.folder)
        owner = server.folder.stat()
        os.chown(self.folder, owner.st_uid, owner.st_gid)
        settings = self.folder / "pooler.ini"
        settings.write_text(f"""
            [databases]
            * = host={server.folder} user=rgrid
            [pgbouncer]
            listen_addr =
            listen_port = 6432
            unix_socket_dir = {self.folder}
            auth_type = any
            pool_mode = transaction
            default_pool_size = 4
            """)
        self.log = (self.folder / "log").open("w")
        self.process = subprocess.Popen([PGBOUNCER, "-q", settings], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, user=server.user, group=server.user, cwd="/")
        wait_until("PgBouncer answers", (self.folder / ".s.PGSQL.6432").exists)

    def url(self, database):
        return f"postgresql://rgrid@:6432/{database}?host={self.folder}"

    def destroy(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
