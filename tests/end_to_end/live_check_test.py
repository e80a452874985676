"""scripts/live-check against a simulated Hetzner Cloud: when it says that all is well, when it refuses, and that whatever
happens no server and nothing else of it is left."""

import base64
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

from fleet import wait_until
from gateway_test import free_port
from simulated_hetzner import PROGRAMS, READ_ONLY_TOKEN, TOKEN, SimulatedCase

RUN = pathlib.Path(__file__).resolve().parents[2] / "examples/live-check/run.py"
LIMIT = 60  # Seconds that one check may take on a busy machine.


class LiveCheckCase(SimulatedCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="rgrid-live-check-test-")))
        self.cloud = self.start_hetzner("--agents", PROGRAMS / "rgrid-agent", "--folder", self.folder / "agents")

    def start(self, *options, token=TOKEN, agree="--yes"):
        gateway = f"https://127.0.0.1:{free_port()}"
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("RGRID_", "HCLOUD_", "HETZNER_"))}
        check = subprocess.Popen(
            [sys.executable, RUN, "--programs", PROGRAMS, "--url", self.cloud.url, "--gateway-url", gateway,
             "--look-every", "0.2", "--patience", "3", "--delete-limit", "3", *([agree] if agree else []), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**environment, "TMPDIR": str(self.folder), "HETZNER_API_TOKEN": token, "PYTHONDONTWRITEBYTECODE": "1"})
        self.addCleanup(self.end, check)
        return check

    def end(self, check):
        if check.poll() is None:
            check.kill()
        check.communicate()
        for process in self.processes():
            os.kill(int(process.name), signal.SIGKILL)

    def check(self, *options, answer="", **more):
        """The exit code and what is printed."""
        check = self.start(*options, **more)
        output, _ = check.communicate(answer, timeout=LIMIT)
        self.assertNotIn(TOKEN[:16], output)
        return check.returncode, output

    def servers_made(self):
        return self.cloud.owner("GET", "servers")["created"]

    def assert_nothing_is_left(self):
        for collection in ("servers", "primary_ips", "volumes", "networks", "firewalls", "ssh_keys"):
            self.assertEqual(self.cloud.api("GET", f"/{collection}")[collection], [], collection)
        self.assertEqual(self.processes(), [])

    def processes(self):
        """Those of a check, which live in its home folder."""
        return [process for process in pathlib.Path("/proc").glob("[0-9]*") if self.is_ours(process)]

    def is_ours(self, process):
        try:
            return str(self.folder / "rgrid-live-check-").encode() in (process / "cmdline").read_bytes()
        except OSError:
            return False

    def assert_failed_and_clean(self, code, output, reason):
        self.assertEqual(code, 1, output)
        self.assertRegex(output.splitlines()[-1],
                         rf"^live-check: FAILED: .*{reason}.*; nothing of it is left in the project$")
        self.assert_nothing_is_left()


class OutcomeTest(LiveCheckCase):
    def test_a_server_is_made_works_and_goes_and_each_step_is_measured(self):
        self.cloud.api("POST", "/networks", {"name": "somebodys", "ip_range": "10.0.0.0/16"})
        key = self.folder / "key.pub"
        blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(range(32))
        key.write_text(f"ssh-ed25519 {base64.b64encode(blob).decode()} somebody\n")
        code, output = self.check("--ssh-key", key, agree=None, answer="yes\n")
        self.assertEqual(code, 0, output)
        self.assertEqual(output.splitlines()[-1], "live-check: passed; nothing of it is left in the project")
        self.assertIn("one started hour at most: 0.0096 EUR net, 0.0114 EUR with VAT", output)
        for step in ("in the API's listing", "running", "the worker's first beat", "the job's end", "404"):
            self.assertRegex(output, rf"-> {step} +\d+\.\d s\n")
        self.assertRegex(output, r"the server's `created` is \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n")
        self.assertRegex(output, r"that is \d+\.\d s (after|before) the order \(within \d+\.\d s\)\n")
        self.assertEqual(self.servers_made(), 1)
        self.assertEqual([each["name"] for each in self.cloud.api("GET", "/networks")["networks"]], ["somebodys"])
        self.cloud.api("DELETE", f"/networks/{self.cloud.api('GET', '/networks')['networks'][0]['id']}")
        self.assert_nothing_is_left()
        bill = [item["hours"] for item in self.cloud.owner("GET", "ledger")["items"]]
        self.assertEqual(bill, [1, 1], "one hour of a server and of its address")
        self.assertEqual(list(self.folder.glob("rgrid-live-check-*")), [])

    def test_without_the_answer_yes_nothing_is_rented(self):
        code, output = self.check(agree=None, answer="no\n")
        self.assertEqual(code, 1)
        self.assertEqual(output.splitlines()[-1], "live-check: FAILED: not agreed to; nothing was rented")
        self.assertEqual(self.servers_made(), 0)
        self.assert_nothing_is_left()

    def test_a_token_that_may_only_read_is_noticed_before_anything_is_asked_for(self):
        code, output = self.check(token=READ_ONLY_TOKEN)
        self.assertEqual(code, 1)
        self.assertRegex(output.splitlines()[-1], "^live-check: FAILED: nothing can be rented: cloud: token: .*read-only")
        self.assertNotIn(READ_ONLY_TOKEN[:16], output)
        self.assertEqual(self.servers_made(), 0)

    def test_without_a_token_it_says_where_to_get_one(self):
        code, output = self.check(token="")
        self.assertEqual(code, 2)
        self.assertIn("there is no token; set HETZNER_API_TOKEN", output)
        self.assert_nothing_is_left()

    def test_sold_out_everywhere_ends_it_soon(self):
        for location in ("nbg1", "fsn1", "hel1"):
            self.cloud.owner("POST", "stock", {"type": "cx23", "location": location, "stock": 0})
        code, output = self.check()
        self.assert_failed_and_clean(code, output, "no server is to be had: .*sold out")
        self.assertEqual(self.servers_made(), 0)


class CleaningTest(LiveCheckCase):
    def test_a_server_that_never_boots_is_deleted_when_the_time_is_over(self):
        self.cloud.inject(kind="never_boots", method="POST", path="/servers")
        code, output = self.check("--time-limit", "3")
        self.assert_failed_and_clean(code, output, "minutes are over without the worker's first beat")
        self.assertEqual(self.servers_made(), 1)

    def test_a_server_whose_making_was_not_answered_is_deleted(self):
        self.cloud.inject(method="POST", path="/servers", status=504, code="timeout", after=True)
        check = self.start()
        wait_until("it is made", lambda: self.servers_made() == 1, 30)
        check.send_signal(signal.SIGTERM)
        output, _ = check.communicate(timeout=LIMIT)
        self.assert_failed_and_clean(check.returncode, output, "stopped by a signal")

    def test_ctrl_c_deletes_the_server_and_another_one_changes_nothing(self):
        self.cloud.inject(kind="never_boots", method="POST", path="/servers")
        self.cloud.owner("POST", "times", {"destroy": "2s"})
        check = self.start()
        wait_until("it is made", lambda: self.servers_made() == 1, 30)
        check.send_signal(signal.SIGINT)
        wait_until("it is being deleted",
                   lambda: self.cloud.owner("GET", "servers")["servers"][0:1] == [] or
                   self.cloud.owner("GET", "servers")["servers"][0]["status"] == "deleting", 30)
        check.send_signal(signal.SIGINT)
        output, _ = check.communicate(timeout=LIMIT)
        self.assert_failed_and_clean(check.returncode, output, "stopped by a signal")

    def test_a_server_that_cannot_be_deleted_is_named_with_what_to_do(self):
        self.cloud.inject(kind="never_boots", method="POST", path="/servers")
        check = self.start()
        wait_until("it is seen", lambda: self.servers_made() == 1, 30)
        self.cloud.inject(method="DELETE", path="/servers/*", code="protected", times=0)
        check.send_signal(signal.SIGINT)
        output, _ = check.communicate(timeout=LIMIT)
        self.assertEqual(check.returncode, 1)
        self.assertIn("THE PROJECT IS NOT KNOWN TO BE CLEAN", output)
        number = re.search(rf"curl -X DELETE .* {re.escape(self.cloud.url)}/servers/(\d+)", output)
        self.assertIsNotNone(number, output)
        self.assertRegex(output.splitlines()[-1], "the project is not known to be clean; see above$")


if __name__ == "__main__":
    unittest.main()
