"""Agents that see no store: they work through a gateway, over TLS, each with a token of its own."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import unittest

from fleet import FleetCase, as_toml, wait_until

PROGRAMS = pathlib.Path(os.environ["RGRID_PROGRAMS"]).resolve()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def holds_token(text, hashed):
    """Whether a token stands anywhere in the text, of which the store keeps only the hash."""
    return any(hashlib.sha256(word.group(1).encode()).hexdigest() == hashed
               for word in re.finditer(r"(?=([A-Za-z0-9_-]{43}))", text))


class GatewayTest(FleetCase):
    programs = PROGRAMS

    def token_hash(self, fleet, server):
        with contextlib.closing(sqlite3.connect(f"file:{fleet.home}/rgrid.db?mode=ro", uri=True)) as database:
            (intent,), = database.execute("SELECT body FROM intent WHERE server = ?", (server,))
        hashed = json.loads(intent)["token_hash"]
        self.assertRegex(hashed, "^[0-9a-f]{64}$")
        return hashed

    def configure_leader(self, fleet):
        """The leader's configuration: the same, but that it listens nowhere."""
        leader = fleet.home / "leader.toml"
        gateway = {name: value for name, value in fleet.settings["gateway"].items()
                   if name not in ("listen", "certificate", "key")}
        leader.write_text(as_toml(fleet.settings | {"gateway": gateway}))
        return str(leader)

    def start_remote_fleet(self):
        """A fleet whose leader and gateway are two processes."""
        fleet = self.start_fleet(self.programs)
        self.certificate, key = fleet.home / "gateway.pem", fleet.home / "gateway.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=gateway", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                        "-keyout", key, "-out", self.certificate], check=True, capture_output=True)
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        # While there is no gateway, nobody gives its workers up.
        fleet.configure(pool__default__health={"lost_after": "60s"})
        fleet.configure(gateway={"url": self.url, "ca": str(self.certificate), "poll": "50ms",
                                 "identity_retry": "100ms"})
        fleet.configure(gateway={"listen": f"127.0.0.1:{self.port}", "certificate": str(self.certificate),
                                 "key": str(key)})
        self.leader = fleet.start_leader("--config", self.configure_leader(fleet))
        return fleet

    def start_gateway(self, fleet):
        gateway = fleet.start_daemon("--gateway-only")
        wait_until("the gateway listens", lambda: "gateway listens" in gateway.log_path.read_text())
        return gateway

    def agent_of(self, fleet):
        worker, = fleet.wait_for_workers(1)
        return worker["worker"], fleet.pid_of("rgrid-worker", worker["worker"])

    def test_a_job_lives_through_the_death_of_the_gateway(self):
        fleet = self.start_remote_fleet()
        gateway = self.start_gateway(fleet)
        script = fleet.home / "work.sh"
        script.write_text('#!/bin/sh\nenv\nsh "$1" "$2" "$3" a && cat input.txt > result.txt\n')
        (fleet.home / "input.txt").write_text("what comes in goes out\n")
        job = fleet.ask("run", "--detach", "--input", str(fleet.home / "input.txt"), "--output", "result.txt",
                        str(script), str(fleet.script), str(fleet.home), "gate")
        wait_until("it has begun", lambda: fleet.journal("start", "a"))
        name, agent = self.agent_of(fleet)
        opened = [os.readlink(link) for link in pathlib.Path(f"/proc/{agent}/fd").iterdir() if link.is_symlink()]
        self.assertFalse([path for path in opened if "rgrid.db" in path], "an agent of a gateway opens no store")
        hashed = self.token_hash(fleet, name)
        self.assertTrue(holds_token("-token-of-" + "x" * 43, hashlib.sha256(("x" * 43).encode()).hexdigest()))
        environment = pathlib.Path(f"/proc/{agent}/environ").read_text()
        self.assertIn("RGRID_SERVER", environment)
        self.assertFalse(holds_token(environment, hashed), "a job of the same user sees the token")

        gateway.end(9)
        fleet.open()
        wait_until("it has ended", lambda: fleet.journal("end", "a"))
        self.assertEqual(fleet.job(job)["state"], "running")
        self.start_gateway(fleet)

        fleet.wait_for_job(job, "succeeded")
        self.assertEqual((fleet.journal("start", "a"), fleet.journal("end", "a")), ([1], [1]))
        self.assertEqual((fleet.home / f"files/outputs/{job}/1/result.txt").read_text(), "what comes in goes out\n")
        said = fleet.rgrid("logs", str(job))
        self.assertIn("a was done in epoch 1", said)
        for log in [said, fleet.agent_log(name), *(daemon.log_path.read_text() for daemon in fleet.daemons)]:
            self.assertFalse(holds_token(log, hashed), log)

    def test_nobody_works_with_a_token_that_is_not_theirs(self):
        fleet = self.start_remote_fleet()
        self.start_gateway(fleet)
        fleet.submit("a")
        name, agent = self.agent_of(fleet)
        token = fleet.home / "token"
        token.write_text("made up\n")

        def work_as(worker, *options, **variables):
            return subprocess.run([self.programs / "rgrid-worker", "--gateway", self.url, *options,
                                   "--folder", fleet.home / "thief", "--token-file", token, "--worker", worker],
                                  capture_output=True, text=True, env=fleet.environment | variables, timeout=60)

        thief = work_as(name, "--ca", self.certificate)
        self.assertEqual(thief.returncode, 1, thief.stderr)
        self.assertIn("token that is not its own", thief.stderr)
        self.assertNotIn("made up", thief.stderr)
        stranger = work_as("stranger", RGRID_CA=str(self.certificate))
        self.assertEqual(stranger.returncode, 1, stranger.stderr)
        self.assertIn("not one of this fleet's", stranger.stderr)
        self.assertEqual(len(fleet.workers()), 1)
        with open(f"/proc/{agent}/status", encoding="ascii") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        self.check_resident(resident)

    def test_a_pool_that_a_reload_adds_gets_its_agents(self):
        fleet = self.start_remote_fleet()
        gateway = self.start_gateway(fleet)
        right = (fleet.home / "rgrid.toml").read_text()
        (fleet.home / "rgrid.toml").write_text(right + "\n[pool.late]\nslots = 0\n")
        gateway.kill(signal.SIGHUP)
        wait_until("a mistake is told", lambda: "pool.late.slots" in gateway.log_path.read_text())
        self.assertIn("the one before stays in force", gateway.log_path.read_text())

        fleet.configure(pool__late={"slots": 1}, pool__late__scaling=fleet.settings["pool.default.scaling"],
                        pool__late__health=fleet.settings["pool.default.health"])
        self.configure_leader(fleet)
        for daemon in (gateway, self.leader):
            daemon.kill(signal.SIGHUP)
        fleet.open()

        fleet.wait_for_job(fleet.submit("a", options=("--pool", "late")), "succeeded")
        fleet.wait_for_job(fleet.submit("b"), "succeeded")

    def check_resident(self, kilobytes):
        """Of the agent; rgrid-worker may have what it likes."""


@unittest.skipUnless((PROGRAMS / "rgrid-agent").exists(), "rgrid-agent is not built")
class OneFileTest(GatewayTest):
    """The same with the agent for other machines, which is one file."""

    @classmethod
    def setUpClass(cls):
        cls.programs = pathlib.Path(tempfile.mkdtemp(prefix="rgrid-programs-"))
        cls.addClassCleanup(shutil.rmtree, cls.programs)
        for program in ("rgridd", "rgrid", "rgrid-keeper"):
            shutil.copy(PROGRAMS / program, cls.programs)
        shutil.copy(PROGRAMS / "rgrid-agent", cls.programs / "rgrid-worker")

    def check_resident(self, kilobytes):
        self.assertLess(kilobytes, 10 * 1024)

    def test_it_needs_no_library_but_the_c_library_of_an_older_system(self):
        agent = self.programs / "rgrid-worker"
        needed = subprocess.run(["objdump", "-p", agent], check=True, capture_output=True, text=True).stdout
        libraries = {line.split()[1] for line in needed.splitlines() if line.split()[:1] == ["NEEDED"]}
        self.assertLessEqual(libraries, {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "libpthread.so.0", "libdl.so.2"})
        versions = {tuple(map(int, word.removeprefix("GLIBC_").split(".")))
                    for word in needed.split() if word.startswith("GLIBC_2")}
        self.assertLessEqual(max(versions), (2, 35), "Ubuntu 22.04 has this one")


if __name__ == "__main__":
    unittest.main()
