"""A fleet on PostgreSQL with something between them: a network that is cut, or a transaction-mode pooler."""

import ctypes
import fcntl
import pathlib
import signal
import socket
import struct
import subprocess
import unittest

from fleet import wait_until
from fleet_test import FleetTest
from postgres_server import PGBOUNCER, Pooler, PostgresServer

NFT = pathlib.Path("/usr/sbin/nft")


def enter_own_network():
    """From now on this process and its children have a network with nothing but a loopback device."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:  # CLONE_NEWNET
        raise unittest.SkipTest("no network of its own can be made here: only the superuser may")
    if not NFT.exists():
        raise unittest.SkipTest(f"there is no {NFT}; scripts/bootstrap installs it")
    if subprocess.run([NFT, "add table inet partition; delete table inet partition"], capture_output=True).returncode:
        raise unittest.SkipTest("nft may not change the rules of a network of its own here")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        set_flags, up_and_running = 0x8914, 0x41
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", up_and_running))


class Partition:
    """While it lasts, no packet to or from the database arrives, and nobody is told."""

    def __enter__(self):
        subprocess.run([NFT, "add table inet partition; "
                        "add chain inet partition input { type filter hook input priority 0; }; "
                        "add rule inet partition input tcp dport 5432 drop; "
                        "add rule inet partition input tcp sport 5432 drop"], check=True)

    def __exit__(self, *_):
        subprocess.run([NFT, "delete table inet partition"], check=True)


class PartitionTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        enter_own_network()
        cls.server = PostgresServer(listen="127.0.0.1")
        cls.addClassCleanup(cls.server.destroy)

    def test_a_partition_ends_no_job_and_loses_nobody(self):
        fleet = self.start_cut_fleet("short", lost_after="30s")
        daemon = fleet.start_leader("--drain")
        jobs = {name: fleet.submit(name, "first" if name in "ab" else "second") for name in "abcd"}
        wait_until("all run", lambda: all(fleet.journal("start", name) for name in jobs))

        with Partition():
            for server in fleet.folders():
                wait_until(f"{server} has noticed", lambda: "a heartbeat failed" in fleet.agent_log(server))
            # They end while nobody can hear of it.
            fleet.open("first")
            wait_until("two have ended", lambda: all(fleet.journal("end", name) for name in "ab"))

        fleet.open("second")
        for name, job in jobs.items():
            view = fleet.wait_for_job(job, "succeeded")
            self.assertEqual((view["epoch"], view["attempts"], view["losses"]), (1, 0, 0), name)
            self.assertEqual((fleet.journal("start", name), fleet.journal("end", name)), ([1], [1]), name)
        self.end(fleet, daemon)

    def test_a_partition_longer_than_lost_after_loses_nobody(self):
        fleet = self.start_cut_fleet("long", lost_after="3s")
        daemon = fleet.start_leader("--drain")
        jobs = {name: fleet.submit(name) for name in "abcd"}
        wait_until("all run", lambda: all(fleet.journal("start", name) for name in jobs))

        with Partition():
            # Who cannot renew its leases ends its jobs before they may be given to another one.
            wait_until("the agents have ended their jobs", lambda: not any(fleet.pids_of_job(name) for name in jobs))
            wait_until("they have been silent for longer than they may", lambda: self.least_silence("long") > 4000)

        fleet.open()
        for name, job in jobs.items():
            view = fleet.wait_for_job(job, "succeeded")
            self.assertEqual(view["losses"], 0, name)
            self.assertEqual(len(fleet.journal("end", name)), 1, name)
        self.end(fleet, daemon)

    def start_cut_fleet(self, database, lost_after):
        fleet = self.start_fleet(store=None, pool__default__health={"lost_after": lost_after})
        self.server.database(database)
        fleet.configure(store={"url": self.server.network_url(database)})
        return fleet

    def least_silence(self, database):
        """Milliseconds; asked through the server's own socket, which no partition cuts."""
        return int(self.server.sql("SELECT min(rgrid.clock() - beat_at) FROM rgrid.session WHERE state < 2", database))

    def end(self, fleet, daemon):
        self.assertEqual(daemon.events("worker_lost"), [])
        self.assertEqual(daemon.end(signal.SIGTERM), 0)
        fleet.wait_for_nothing_left()


class PoolerTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        if not PGBOUNCER.exists():
            raise unittest.SkipTest(f"there is no {PGBOUNCER}; scripts/bootstrap installs it")
        cls.server = PostgresServer()
        cls.addClassCleanup(cls.server.destroy)
        cls.pooler = Pooler(cls.server)
        cls.addClassCleanup(cls.pooler.destroy)

    def test_a_fleet_behind_a_transaction_mode_pooler_does_all_its_jobs_once(self):
        fleet = self.start_fleet(store=None, pool__default={"slots": 8})
        fleet.configure(store={"url": self.server.database("pooled")})
        fleet.rgrid("migrate")
        fleet.configure(store={"url": self.pooler.url("pooled")},
                        store__postgres={"prepared": False, "listen": False, "poll": "100ms"})
        daemon = fleet.start_leader("--drain")
        files = [fleet.home / f"part{number:02}.txt" for number in range(50)]
        for path in files:
            path.write_text(f"this is {path.name}\n")
        fleet.rgrid("batch", "--detach", "--each", f"{fleet.home}/part*.txt", "/bin/cat", "{}")
        fleet.wait_for_counts(accepted=50, succeeded=50)
        self.assertEqual(fleet.rgrid("logs", "50"), "this is part49.txt\n")
        self.assertEqual(self.server.sql("SELECT count(*) FROM rgrid.result WHERE epoch = 1 AND attempts = 0 AND "
                                         "losses = 0", "pooled"), "50")
        held = fleet.submit("held", "never")
        wait_until("it runs", lambda: fleet.journal("start", "held"))
        fleet.rgrid("cancel", str(held))
        fleet.wait_for_job(held, "cancelled")
        self.assertEqual([check for check in fleet.ask("doctor") if check["health"] == "fail"], [])
        self.assertEqual(daemon.events("worker_lost"), [])
        self.assertEqual(daemon.end(signal.SIGTERM), 0)
        fleet.wait_for_nothing_left()


if __name__ == "__main__":
    unittest.main(verbosity=2)
