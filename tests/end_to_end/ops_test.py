#!/usr/bin/env python3
"""What an operator does: backs up and restores, adopts, deletes servers behind everybody's back, asks the doctor."""

import json
import signal
import subprocess
import unittest

from fleet import PATIENCE, process_state, wait_until
from fleet_test import PROGRAMS, FleetTest

# As in fleet.py, and leaves a result.
GATE_JOB_WITH_OUTPUT = """#!/bin/sh
echo "start $3 $RGRID_EPOCH $$" >> "$1/journal"
while [ ! -e "$1/$2.open" ]; do sleep 0.05; done
echo "$3 in epoch $RGRID_EPOCH" > out.txt
echo "end $3 $RGRID_EPOCH $$" >> "$1/journal"
"""


class OpsTest(FleetTest):
    settings = {}

    def setUp(self):
        self.fleet = self.start_fleet(**self.settings)
        self.fleet.script.write_text(GATE_JOB_WITH_OUTPUT)

    def try_rgrid(self, *arguments, home=None):
        return subprocess.run([str(PROGRAMS / "rgrid"), "--home", str(home or self.fleet.home), *map(str, arguments)],
                              text=True, stdin=subprocess.DEVNULL, capture_output=True, env=self.fleet.environment,
                              timeout=2 * PATIENCE)

    def submit(self, name, gate=None, output=True):
        return self.fleet.submit(name, gate or name, ["--output", "out.txt"] if output else [])

    def wait_for_start(self, name, count=1):
        wait_until(f"{name} starts {count} times", lambda: len(self.fleet.journal("start", name)) >= count)

    def frozen(self):
        return self.fleet.ask("store", "info")["frozen"]


class GoingBackTest(OpsTest):
    """A backup is restored while servers exist: what happened in between is the lost time."""

    settings = {"pool__default": {"slots": 1}, "pool__default__scaling": {"max_workers": 5}}

    def setUp(self):
        super().setUp()
        self.backup = self.fleet.home / "backup.db"

    def go_back(self):
        restored = self.try_rgrid("store", "restore", self.backup, "--yes")
        self.assertEqual(restored.returncode, 0, restored.stderr)
        self.assertIn("stands still until 'rgrid store adopt'", restored.stdout)

    def test_what_was_done_in_the_lost_time_is_not_done_again_and_nothing_of_it_passes_a_fence(self):
        fleet = self.fleet
        daemon = fleet.start_leader()
        # Three jobs run when the backup is taken.
        proven = self.submit("proven")
        unproven = self.submit("unproven", output=False)
        running = self.submit("running")
        for name in ("proven", "unproven", "running"):
            self.wait_for_start(name)
        before = fleet.folders()
        taken = fleet.ask("store", "backup", str(self.backup))
        self.assertEqual(taken["jobs"], 3)

        # The lost time: a job and a server that the backup has never heard of, and two jobs that end.
        late = self.submit("late")
        self.wait_for_start("late")
        for name in ("proven", "unproven", "late"):
            fleet.open(name)
        for job in (proven, unproven, late):
            fleet.wait_for_job(job, "succeeded")
        lost_servers = set(fleet.folders()) - set(before)
        self.assertTrue(lost_servers)
        running_pid = fleet.pids_of_job("running")[0]

        self.go_back()
        self.assertNotEqual(self.frozen(), "")
        wait_until("the daemon says that the store stands still",
                   lambda: any("rgrid store adopt" in event["text"] for event in daemon.events("finding")))
        # Accepted, under a number that the lost time has not used, but not begun.
        patient = self.submit("patient", "all")
        self.assertGreater(patient, late)
        self.assertEqual(fleet.job(proven)["state"], "running")
        doctor = self.try_rgrid("doctor")
        self.assertEqual(doctor.returncode, 1)
        self.assertRegex(doctor.stdout, r"FAIL +store +it stands still")

        shown = self.try_rgrid("store", "adopt")
        self.assertEqual(shown.returncode, 2)
        self.assertIn("nothing was changed", shown.stderr)
        self.assertIn(f"has succeeded, as the outputs prove ({proven})", shown.stdout)
        self.assertNotEqual(self.frozen(), "")
        self.assertEqual(fleet.journal("start", "patient"), [])
        self.assertTrue(process_state(running_pid), "no running job is ended before the adoption")
        said = len(daemon.events())
        self.assertEqual([event for event in daemon.events("server_delete") if event["server"] in lost_servers], [])

        done = fleet.ask("store", "adopt", "--yes")
        self.assertEqual(done["generation"], 2)
        self.assertEqual(done["succeeded"], 1)
        self.assertEqual(done["found"]["proven"], [proven])
        self.assertEqual(done["found"]["unknown"], sorted(lost_servers))
        self.assertEqual(self.frozen(), "")

        # What is proven has run once. What is not runs again, and what ran in the lost time is ended.
        self.assertEqual(fleet.job(proven)["state"], "succeeded")
        self.assertEqual(fleet.journal("start", "proven"), [1])
        fleet.rgrid("download", str(proven), str(fleet.home / "fetched"))
        self.assertEqual((fleet.home / "fetched/out.txt").read_text(), "proven in epoch 1\n")
        self.wait_for_start("running", 2)
        wait_until("the attempt of the lost time is ended", lambda: not process_state(running_pid))
        fleet.open("all")
        fleet.open("running")
        for job in (unproven, running, patient):
            fleet.wait_for_job(job, "succeeded")
        for name in ("unproven", "running", "patient"):
            self.assertGreater(fleet.journal("start", name)[-1], 1_000_000_000, "an epoch of the second generation")
        next_job = self.submit("next", "all")
        self.assertGreater(next_job, patient)
        fleet.wait_for_job(next_job, "succeeded")
        counts = fleet.wait_for_counts(succeeded=5, queued=0, running=0)
        self.assertEqual(counts["accepted"], 5)

        # The servers of the lost time are known again or gone, and no name was given twice.
        for server in lost_servers:
            wait_until(f"{server} is adopted or gone", lambda: server not in fleet.folders() or any(
                event["server"] == server for event in daemon.events("server_adopted")))
        created = [event["server"] for event in daemon.events("server_created")]
        self.assertEqual(len(created), len(set(created)))
        self.assertGreater(len(daemon.events()), said)
        self.assertEqual(daemon.end(), 0)

    def test_an_emptied_store_takes_the_identity_over_that_its_servers_carry(self):
        fleet = self.fleet
        fleet.start_leader()
        proven = self.submit("proven")
        self.wait_for_start("proven")
        identity = fleet.ask("store", "info")["store"]
        fleet.daemons[0].end()
        for file in fleet.home.glob("rgrid.db*"):
            file.unlink()

        wrong = self.try_rgrid("store", "adopt", "--store", "0123", "--yes")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("no server of fleet test was made from store '0123'", wrong.stderr)
        self.assertIn(identity, wrong.stderr)
        done = fleet.ask("store", "adopt", "--store", identity, "--yes")
        self.assertEqual(done["generation"], 2)
        self.assertEqual(fleet.ask("store", "info")["store"], identity)

        daemon = fleet.start_leader()
        fleet.open("all")
        again = self.submit("again", "all")
        self.assertGreaterEqual(again, proven)
        fleet.wait_for_job(again, "succeeded")
        for server in done["found"]["unknown"]:
            wait_until(f"{server} is adopted or gone", lambda: server not in fleet.folders() or any(
                event["server"] == server for event in daemon.events("server_adopted")))

    def test_backup_and_restore_refuse_what_cannot_be(self):
        self.assertEqual(self.try_rgrid("store", "info").returncode, 0)
        self.assertEqual(self.try_rgrid("store", "backup", self.backup).returncode, 0)
        self.assertEqual(oct(self.backup.stat().st_mode & 0o777), "0o600")
        again = self.try_rgrid("store", "backup", self.backup)
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("exists already", again.stderr)
        content = (self.fleet.home / "rgrid.db").read_bytes()
        asked = self.try_rgrid("store", "restore", self.backup)
        self.assertEqual(asked.returncode, 2)
        self.assertIn("--yes", asked.stderr)
        self.assertEqual(self.try_rgrid("store", "restore", self.backup.with_name("none"), "--yes").returncode, 2)
        (self.fleet.home / "junk").write_text("no store at all\n" * 100)
        junk = self.try_rgrid("store", "restore", self.fleet.home / "junk", "--yes")
        self.assertEqual(junk.returncode, 1)
        self.assertIn("is not a SQLite database", junk.stderr)
        self.assertEqual((self.fleet.home / "rgrid.db").read_bytes(), content)
        self.assertEqual(self.frozen(), "")


class ProviderOnlyTest(OpsTest):
    settings = {"pool__default": {"slots": 1}, "pool__default__scaling": {"max_workers": 2}}

    def start_two_and_lose_the_store(self):
        daemon = self.fleet.start_leader()
        for name in ("a", "b"):
            self.submit(name)
        for name in ("a", "b"):
            self.wait_for_start(name)
        daemon.end(signal.SIGKILL)
        for file in self.fleet.home.glob("rgrid.db*"):
            file.write_text("ruined")
        return self.fleet.folders()

    def test_the_bill_is_stopped_with_a_dead_store_and_a_configuration_with_mistakes_elsewhere(self):
        servers = self.start_two_and_lose_the_store()
        toml = self.fleet.home / "rgrid.toml"
        right = toml.read_text()
        toml.write_text(right.replace("[cloud.process]", "[cloud.process]\nfoldr = \"elsewhere\""))
        unclear = self.try_rgrid("servers", "delete", "--fleet", "test", "--provider-only", "--yes")
        self.assertEqual(unclear.returncode, 2)
        self.assertIn("does not say who provides the servers", unclear.stderr)
        toml.write_text(right.replace('boot_delay = "100ms"', 'boot_delay = "soon"') +
                        "\n[pool.default.billing]\nnonsense = 1\n")

        for words in ([], ["--yes"]):
            self.assertEqual(self.try_rgrid("servers", "delete", "--fleet", "test", *words).returncode, 2)
        asked = self.try_rgrid("servers", "delete", "--fleet", "test", "--provider-only")
        self.assertEqual(asked.returncode, 2)
        self.assertIn("Fleet test has 2 servers", asked.stdout)
        self.assertIn("€0.01 per 1h", asked.stdout)
        self.assertIn("end it first", asked.stderr)
        self.assertEqual(self.fleet.folders(), servers)
        other = self.try_rgrid("servers", "delete", "--fleet", "other", "--provider-only", "--yes")
        self.assertEqual((other.returncode, other.stdout), (0, "Fleet other has no servers; there are servers of: test.\n"))
        wrong = self.try_rgrid("servers", "delete", "--fleet", "Other", "--provider-only", "--yes")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("--fleet is 'Other'; expected a fleet's name", wrong.stderr)
        shown = self.try_rgrid("servers", "delete", "--fleet", "test", "--provider-only", "--json")
        self.assertEqual((shown.returncode, shown.stdout), (2, ""))
        self.assertIn(servers[0], shown.stderr)
        self.assertEqual(self.fleet.folders(), servers)

        done = self.try_rgrid("servers", "delete", "--fleet", "test", "--provider-only", "--yes", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout),
                         {"fleet": "test", "deleted": servers, "left": [], "problems": [], "unclear": [], "kept": []})
        self.fleet.wait_for_nothing_left()

    def test_what_may_be_a_server_and_cannot_be_read_is_no_success(self):
        odd = self.fleet.home / "servers/odd"
        odd.mkdir(parents=True)
        (odd / "server.json").write_text("{ half")
        done = self.try_rgrid("servers", "delete", "--fleet", "test", "--provider-only", "--yes")
        self.assertEqual(done.returncode, 1)
        self.assertIn("this may be a server that runs, or something else that costs: ", done.stderr)
        self.assertIn(str(odd), done.stderr)
        told = self.try_rgrid("servers", "delete", "--fleet", "test", "--provider-only", "--yes", "--json")
        self.assertEqual(told.returncode, 1)
        self.assertEqual(len(json.loads(told.stdout)["unclear"]), 1)

    def test_servers_that_do_not_go_in_time_are_named(self):
        self.fleet.configure(cloud__process={"stop_grace": "10m"}, worker={"stop_grace": "10m"})
        servers = self.start_two_and_lose_the_store()
        done = self.try_rgrid("servers", "delete", "--fleet", "test", "--provider-only", "--yes", "--limit", "1s")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"2 of them are still there: {', '.join(servers)}", done.stderr)


class DoctorTest(OpsTest):
    def examine(self, home=None):
        answer = self.try_rgrid("doctor", "--json", home=home)
        return answer.returncode, json.loads(answer.stdout)

    def found(self, checks, health, words):
        return [check for check in checks if check["health"] == health and words in check["found"]]

    def test_a_fleet_at_work_is_well_and_stays_as_it_is(self):
        self.fleet.start_leader()
        job = self.submit("a")
        self.wait_for_start("a")
        code, checks = self.examine()
        self.assertEqual([check for check in checks if check["health"] == "fail"], [])
        self.assertEqual(code, 0)
        self.assertTrue(self.found(checks, "ok", "the fleet is led by"))
        self.fleet.open("a")
        self.fleet.wait_for_job(job, "succeeded")

    def test_an_empty_home_is_well_and_stays_empty(self):
        home = self.fleet.home / "new"
        code, checks = self.examine(home)
        self.assertEqual((code, home.exists()), (0, False), checks)

    def test_what_is_wrong_is_named_with_what_to_do(self):
        self.submit("a")
        files = self.fleet.home / "files/outputs/99/1"
        files.mkdir(parents=True)
        (files / "x").write_text("of another past")
        (self.fleet.home / "servers/odd").mkdir(parents=True)
        (self.fleet.home / "rgrid.db").chmod(0o644)
        code, checks = self.examine()
        self.assertEqual(code, 1)
        self.assertTrue(self.found(checks, "fail", "none leads, but there are 1 jobs"))
        self.assertTrue(self.found(checks, "fail", "jobs that this store has never had: 99"))
        self.assertTrue(self.found(checks, "warn", "servers/odd"))
        self.assertTrue(self.found(checks, "warn", "can be opened by other users"))
        self.assertTrue(all(check["advice"] for check in checks if check["health"] != "ok"))

    def test_mistakes_in_the_configuration_and_a_ruined_store_are_failures(self):
        (self.fleet.home / "rgrid.db").write_text("no store\n" * 100)
        code, checks = self.examine()
        self.assertEqual(code, 1)
        self.assertTrue(self.found(checks, "fail", "rgrid.db"))
        (self.fleet.home / "rgrid.toml").write_text("[fleet]\nnmae = 1\n[limits]\nmax_workers = -1\n")
        code, checks = self.examine()
        self.assertEqual(code, 1)
        self.assertEqual(len([check for check in checks if check["subject"] == "configuration"]), 2)

    def test_programs_of_another_version_are_told(self):
        for program in (PROGRAMS / "next").glob("rgrid*"):
            answer = subprocess.run([program, "--version"], text=True, capture_output=True)
            own = subprocess.run([PROGRAMS / program.name, "--version"], text=True, capture_output=True)
            self.assertEqual(answer.stdout, own.stdout.replace("\n", "-next\n"))
        self.fleet.start_leader()
        job = self.submit("a")
        self.wait_for_start("a")
        answer = subprocess.run([PROGRAMS / "next/rgrid", "--home", self.fleet.home, "doctor"], text=True,
                                capture_output=True, env=self.fleet.environment)
        self.assertEqual(answer.returncode, 0, answer.stdout)
        self.assertRegex(answer.stdout, "warn +workers +1 with an agent of version")
        self.fleet.open("a")
        self.fleet.wait_for_job(job, "succeeded")


if __name__ == "__main__":
    unittest.main(verbosity=2)
