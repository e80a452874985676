"""Whole fleets in a simulated Hetzner Cloud: real agents on its servers, and hours that pass when they are told to."""

import os
import pathlib
import signal
import threading
import unittest

from fleet import FleetCase, wait_until
from hetzner_cloud import TOKEN, HetznerFleet, nanos_of

PROGRAMS = pathlib.Path(os.environ["RGRID_PROGRAMS"]).resolve()
MINUTE = 60
HOUR = 60 * MINUTE
IPV4_AN_HOUR = 800_000  # Billionths.
OTHERS = {"name": "theirs", "server_type": "cx23", "image": "debian-12", "location": "hel1"}


class Watch:
    """Looks again and again how many servers of ours there are."""

    def __init__(self, fleet):
        self.most = 0
        self.problem = None
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch, args=(fleet,), daemon=True)
        self.thread.start()

    def watch(self, fleet):
        try:
            while not self.ended.wait(0.02):
                self.most = max(self.most, len(fleet.folders()))
        except Exception as error:  # Whatever it is, the test has to hear of it.
            self.problem = error

    def end(self):
        self.ended.set()
        self.thread.join()
        if self.problem:
            raise self.problem
        return self.most


class HetznerTest(FleetCase):
    def start_hetzner_fleet(self, **changes):
        fleet = HetznerFleet(PROGRAMS, **changes)
        self.addCleanup(fleet.destroy)
        self.addCleanup(self.tell_story, fleet)
        return fleet

    def submit_many(self, fleet, names, gate="gate"):
        """As many jobs, in one submit. Each runs until the gate is opened."""
        folder = fleet.home / f"inputs-{names[0]}"
        folder.mkdir()
        for name in names:
            (folder / name).touch()
        fleet.rgrid("batch", "--detach", "--each", f"{folder}/*", str(fleet.script), str(fleet.home), gate, "{name}")

    def wait_for_starts(self, fleet, names, epoch=1):
        for name in names:
            wait_until(f"{name} has begun", lambda name=name: epoch in fleet.journal("start", name))

    def check_bills(self, fleet, others=()):
        """Nothing is left, and the fleet's bill and the cloud's agree in each server's hours and in the sum."""
        wait_until("no server of ours is left", lambda: not fleet.folders())
        wait_until("the fleet knows that they are gone",
                   lambda: all(line["phase"] == "gone" for line in fleet.bills()))
        servers, total = fleet.cloud.ledger()
        self.assertEqual([name for name, item in servers.items() if item["gone"] is None], list(others))
        for name in others:
            item = servers.pop(name)
            total -= nanos_of(item["cost"]) + item["hours"] * IPV4_AN_HOUR
        bills = {line["bill"]["server"]: line for line in fleet.bills()}
        self.assertEqual({name: bill["periods"] for name, bill in bills.items()},
                         {name: item["hours"] for name, item in servers.items()})
        self.assertEqual(sum(nanos_of(bill["cost"]) for bill in bills.values()), total)
        report = fleet.ask("cost")["report"]
        self.assertEqual(sum(map(nanos_of, report["total"])), total)
        addresses = fleet.cloud.call("GET", "/primary_ips")[1]["primary_ips"]
        self.assertEqual(len(addresses), 2 * len(others))
        return servers


class ExampleTest(HetznerTest):
    def test_a_day_of_a_fleet(self):
        fleet = self.start_hetzner_fleet(pool__default__scaling={"min_workers": 2})
        cloud = fleet.cloud
        self.assertEqual(cloud.call("POST", "/servers", OTHERS)[0], 201)
        daemon = fleet.start_leader()
        first = {worker["worker"] for worker in fleet.wait_for_workers(2)}
        fleet.reload(daemon, pool__default__scaling={"min_workers": 0})
        long_jobs = [fleet.submit(name, "day") for name in ("long-1", "long-2")]
        self.wait_for_starts(fleet, ["long-1", "long-2"])
        busy = {fleet.job(number)["worker"] for number in long_jobs}

        # 8 queued, 2 workers of 2 slots, 2 running: 3 more.
        names = [f"job-{i}" for i in range(8)]
        self.submit_many(fleet, names)
        daemon.wait_for("server_create", count=5)
        fleet.wait_for_workers(5)
        self.wait_for_starts(fleet, names)
        fleet.wait_for_looks()
        self.assertEqual(cloud.created(), 1 + 2 + 3)
        fleet.reload(daemon, pool__default__scaling={"max_wait": "1s"})

        # A dead one is given up and replaced; its jobs run elsewhere.
        dead = sorted(set(fleet.folders()) - first)[0]
        os.kill(fleet.agent_of(dead), signal.SIGKILL)
        lost, = daemon.wait_for("worker_lost", dead)
        self.assertEqual(len(lost["jobs"]), 2)
        wait_until("its server is gone", lambda: dead not in fleet.folders())
        again = [fleet.job(number) for number in lost["jobs"]]
        self.wait_for_starts(fleet, [job["spec"]["name"].rpartition(" ")[2] for job in again], epoch=2)
        self.assertEqual(len(fleet.folders()), 5)
        fleet.open()
        fleet.wait_for_counts(succeeded=8, running=2)

        # Idle ones go five minutes before their hour, and no earlier; busy ones stay.
        cloud.advance("53m")
        fleet.wait_for_looks()
        self.assertEqual(daemon.events("worker_closed"), [])
        self.assertEqual(len(fleet.folders()), 5)
        cloud.advance("150s")
        wait_until("the idle ones are gone", lambda: set(fleet.folders()) == busy)
        cloud.advance("30m")
        fleet.wait_for_looks()
        self.assertEqual(set(fleet.folders()), busy)

        # One of 24 hours is replaced, since nobody else has room for its jobs, and goes when they have ended.
        for number in range(2 * len(busy) - 2):
            long_jobs.append(fleet.submit(f"long-{number + 3}", "day"))
        fleet.wait_for_counts(running=2 * len(busy))
        cloud.advance("23h")
        drained = daemon.wait_for("worker_drain")[0]["server"]
        wait_until("there is a replacement", lambda: len(fleet.folders()) > len(busy))
        self.assertIn(drained, busy)
        fleet.open("day")
        fleet.wait_for_counts(succeeded=8 + len(long_jobs))
        for number in long_jobs:
            self.assertEqual((fleet.job(number)["epoch"], fleet.job(number)["losses"]), (1, 0))
        wait_until("the old ones are gone", lambda: not busy & set(fleet.folders()))
        cloud.advance("57m")

        servers = self.check_bills(fleet, others=["theirs"])
        for name, server in servers.items():
            if name == dead:
                self.assertLess(server["age"], 10 * MINUTE)
            elif name in busy:
                self.assertGreater(server["age"], 24 * HOUR)
            else:
                self.assertTrue(55 * MINUTE <= server["age"] < HOUR, f"{name} was there for {server['age']} s")
        said = fleet.rgrid("explain", "--worker", drained)
        self.assertIn(f"drain {drained}: it is 1d 0h old, the limit is 1d 0h; its jobs finish first", said)

    def test_a_burst_stays_below_the_cap_though_half_of_the_creates_answer_504_after_the_effect(self):
        fleet = self.start_hetzner_fleet()
        cloud = fleet.cloud
        cloud.fault(kind="error", code="timeout", method="POST", path="/servers", after=True, chance=0.5, times=0)
        script = fleet.home / "short.sh"
        script.write_text("#!/bin/sh\nsleep 0.3\n")
        folder = fleet.home / "inputs"
        folder.mkdir()
        for number in range(200):
            (folder / f"{number}.txt").touch()
        watch = Watch(fleet)
        daemon = fleet.start_leader()
        fleet.rgrid("batch", "--detach", "--each", f"{folder}/*.txt", str(script), "{}")
        fleet.wait_for_counts(succeeded=200)
        fleet.wait_for_workers(10)

        self.assertEqual(watch.end(), 10)
        self.assertEqual(cloud.created(), 10)
        # None was ordered again whose answer was lost.
        self.assertEqual(cloud.calls("POST /servers"), 10)
        self.assertEqual(len(daemon.events("server_create")), 10)
        cloud.control("DELETE", "faults")
        cloud.advance("56m")
        self.check_bills(fleet)


class TokenTest(HetznerTest):
    def test_tokens_change_while_30_workers_run(self):
        fleet = self.start_hetzner_fleet(
            pool__default={"slots": 1}, pool__default__scaling={"min_workers": 30, "max_workers": 33},
            pool__default__health={"heartbeat": "2s", "lost_after": "20s"}, limits={"creates_per_minute": 100})
        cloud = fleet.cloud
        daemon = fleet.start_leader("--drain")
        fleet.wait_for_workers(30)
        early = [f"early-{i}" for i in range(10)]
        self.submit_many(fleet, early)
        self.wait_for_starts(fleet, early)
        before = {name: server["id"] for name, server in cloud.servers().items()}
        said = len(daemon.events())

        def check_nothing_happened():
            self.assertEqual({name: server["id"] for name, server in cloud.servers().items()}, before)
            self.assertEqual(cloud.created(), 30)
            acts = [event["text"] for event in daemon.events()[said:]
                    if event.get("kind") in ("server_create", "server_delete", "worker_drain", "worker_closed",
                                             "worker_lost", "server_adopted")]
            self.assertEqual(acts, [])

        # The old one is void before the new one is known here.
        cloud.control("POST", "tokens", token="n" * 64)
        cloud.control("DELETE", "tokens", token=TOKEN)
        refused = cloud.calls("refused") + 2
        wait_until("the old token is refused", lambda: cloud.calls("refused") >= refused)
        fleet.wait_for_job(fleet.submit("meanwhile", "meanwhile"), "running")
        fleet.open("meanwhile")
        fleet.wait_for_counts(succeeded=1)
        check_nothing_happened()
        fleet.write_token("n" * 64)
        fleet.reload(daemon)
        fleet.wait_for_looks()
        check_nothing_happened()

        # That of another project is good, and shows nothing.
        cloud.control("POST", "tokens", token="o" * 64, project="other")
        fleet.write_token("o" * 64)
        fleet.reload(daemon)
        wait_until("it is doubted", lambda: any("another project's token" in event["text"]
                                                for event in daemon.events("source_unknown")))
        late = [f"late-{i}" for i in range(23)]
        self.submit_many(fleet, late)
        fleet.wait_for_counts(running=30, queued=3)
        fleet.wait_for_looks(3)
        check_nothing_happened()
        self.assertEqual(cloud.servers("other"), {})

        # What waited for it goes on.
        fleet.write_token("n" * 64)
        fleet.reload(daemon)
        fleet.reload(daemon, pool__default__scaling={"max_wait": "1s"})
        fleet.wait_for_workers(33)
        fleet.open()
        fleet.wait_for_counts(succeeded=34)
        for name in early + late:
            self.assertEqual(fleet.journal("end", name), [1], name)
        self.assertEqual(daemon.end(signal.SIGTERM), 0)
        cloud.token = "n" * 64
        self.check_bills(fleet)
        log = daemon.log_path.read_text()
        for letter in "tno":
            self.assertNotIn(letter * 16, log)


    def test_a_daemon_that_starts_and_sees_no_server_orders_nothing_until_it_is_told_that_they_are_gone(self):
        fleet = self.start_hetzner_fleet(pool__default={"slots": 1}, pool__default__scaling={"min_workers": 2},
                                         cloud__hetzner={"network": "none", "firewall": "none"})
        cloud = fleet.cloud
        cloud.call("POST", "/primary_ips", {"name": "lonely", "type": "ipv4", "assignee_type": "server", "location": "nbg1",
                                            "auto_delete": False, "labels": {"rgrid/fleet": "test"}})
        # So that no worker is heard of.
        cloud.fault(kind="never_boots", method="POST", path="/servers", times=2)

        def start_in_doubt():
            doubting = fleet.start_leader()
            wait_until("it is doubted", lambda: any("another project's token" in event["text"]
                                                    for event in doubting.events("source_unknown")))
            fleet.wait_for_looks()
            return doubting

        daemon = fleet.start_leader()
        wait_until("both are there", lambda: len(daemon.events("server_created")) == 2)
        wait_until("what is left is told", lambda: any("(lonely) of this fleet belongs to no server and may cost" in
                                                       event["text"] for event in daemon.events()))
        fleet.wait_for_looks()
        before = fleet.folders()
        daemon.end(signal.SIGTERM)

        cloud.control("POST", "tokens", token="o" * 64, project="other")
        fleet.write_token("o" * 64)
        daemon = start_in_doubt()
        self.assertEqual((fleet.folders(), cloud.created()), (before, 2))
        self.assertEqual(len(fleet.workers()), 2)
        fleet.write_token(TOKEN)
        fleet.reload(daemon)
        cloud.advance("11m")
        fleet.wait_for_workers(2)
        self.assertEqual((cloud.servers("other"), cloud.created()), ({}, 4))
        daemon.end(signal.SIGTERM)

        # As Hetzner made them: without a label.
        kept = [address for address in cloud.call("GET", "/primary_ips")[1]["primary_ips"] if address["assignee_id"]]
        for address in kept:
            cloud.call("PUT", f"/primary_ips/{address['id']}", {"auto_delete": False})
        done = fleet.call("rgrid", "servers", "delete", "--provider-only", "--fleet", "test", "--yes")
        self.assertEqual((done.returncode, cloud.servers()), (1, {}), done.stderr)
        for address in kept:
            self.assertIn(f"primary IP {address['id']} ", done.stderr)
        start_in_doubt().end(signal.SIGTERM)
        self.assertEqual(cloud.created(), 4)
        fleet.start_leader("--servers-are-gone")
        wait_until("both are replaced", lambda: cloud.created() == 6)
        fleet.wait_for_workers(2)


class PlacementTest(HetznerTest):
    def locations(self, fleet):
        return sorted(server["offer"]["location"] for server in fleet.cloud.servers().values())

    def test_what_is_sold_out_is_passed_over_and_tried_again_later(self):
        fleet = self.start_hetzner_fleet(pool__default={"slots": 1}, pool__default__scaling={"min_queued": 1},
                                         pool__default__placement={"refusal_memory": "2s"})
        fleet.cloud.control("POST", "stock", type="cx23", location="nbg1", stock=0)
        daemon = fleet.start_leader()
        fleet.submit("a")
        self.wait_for_starts(fleet, ["a"])

        self.assertEqual(self.locations(fleet), ["fsn1"])
        refused, = daemon.events("server_refused")
        self.assertIn("cx23", refused["text"])
        fleet.cloud.control("POST", "stock", type="cx23", location="nbg1")
        # It is asked for again once that may be worth it.
        for number in range(5):
            fleet.wait_for_looks()
            fleet.submit(f"b-{number}")
            self.wait_for_starts(fleet, [f"b-{number}"])
            if "nbg1" in self.locations(fleet):
                return
        self.fail("the preferred one was never asked for again")

    def test_a_reached_limit_of_the_project_is_no_reason_to_try_other_offers(self):
        fleet = self.start_hetzner_fleet(pool__default__scaling={"min_queued": 1})
        fleet.cloud.control("POST", "limits", servers=1)
        # Would be spent if anything else than the first offer was asked for.
        fleet.cloud.fault(kind="slow", method="POST", path="/servers", location="fsn1")
        daemon = fleet.start_leader()
        for name in "abcd":
            fleet.submit(name)
        refused = daemon.wait_for("server_refused")[0]
        self.assertIn("limit", refused["text"])
        asked = fleet.cloud.calls("POST /servers")
        paused = wait_until("creates are paused", lambda: [event for event in daemon.events("finding")
                                                           if "limit" in event["text"]])
        fleet.wait_for_looks(6)

        self.assertEqual(len(fleet.cloud.faults()), 1, "another offer was asked for")
        self.assertEqual(fleet.cloud.calls("POST /servers"), asked, "it was asked again at once")
        self.assertIn("Raise it in Console", paused[0]["text"])
        # Whoever has submitted a job reads of it in other words.
        told = fleet.rgrid("status", str(fleet.submit("e")))
        self.assertIn("the limit of the cloud account is reached", told)
        self.assertNotIn("resource_limit_exceeded", told)
        # What runs is kept, and works.
        self.assertEqual(self.locations(fleet), ["nbg1"])
        fleet.open()
        fleet.wait_for_counts(succeeded=5)


class BootTest(HetznerTest):
    def test_a_server_that_never_boots_is_deleted_until_it_is_gone_and_replaced(self):
        fleet = self.start_hetzner_fleet(pool__default__scaling={"min_queued": 1},
                                         pool__default__health={"delete_timeout": "2s"})
        cloud = fleet.cloud
        cloud.fault(kind="never_boots", method="POST", path="/servers")
        # Its delete is accepted and fails, is refused, and is carried out without an answer.
        a_delete = {"method": "DELETE", "path": "/servers/*"}
        cloud.fault(**a_delete, kind="action_error", code="server_error", message="it did not work")
        cloud.fault(**a_delete, kind="error", code="locked")
        cloud.fault(**a_delete, kind="reset", after=True)
        daemon = fleet.start_leader()
        number = fleet.submit("a")
        dead = daemon.wait_for("server_created")[0]["server"]
        wait_until("it runs", lambda: cloud.servers()[dead]["status"] == "running")
        fleet.wait_for_looks()
        self.assertEqual(fleet.folders(), [dead])

        cloud.advance("11m")
        fleet.open()
        done = fleet.wait_for_job(number, "succeeded")

        self.assertNotEqual(done["worker"], dead)
        fleet.wait_for_servers(done["worker"])
        self.assertEqual(cloud.faults(), [])
        said = fleet.rgrid("explain", "--worker", dead)
        self.assertIn(f"give up {dead}: its worker has not registered after 11m", said)
        self.assertIn(f"delete {dead}: the provider still lists it", said)
        cloud.advance("56m")
        self.check_bills(fleet)


if __name__ == "__main__":
    unittest.main()
