"""Clients of Hetzner Cloud that nobody here wrote work against the simulated one; strangers get civil answers."""

import datetime
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from simulated_hetzner import READ_ONLY_TOKEN, TIMES, TOKEN, SimulatedCase

HERE = pathlib.Path(__file__).resolve().parent
LIBRARY = "2.27.0"  # Of hcloud-python, the newest when this was written.
SKIPPED = 77

# All codes that the API is known to answer with, and their statuses.
ERRORS = {
    "json_error": 400, "unauthorized": 401, "token_readonly": 401, "forbidden": 403, "maintenance": 403,
    "resource_limit_exceeded": 403, "not_found": 404, "method_not_allowed": 405, "uniqueness_error": 409,
    "conflict": 409, "deprecated_api_endpoint": 410, "resource_unavailable": 412, "invalid_input": 422,
    "service_error": 422, "unsupported_error": 422, "placement_error": 422, "locked": 423, "protected": 423,
    "rate_limit_exceeded": 429, "server_error": 500, "bad_gateway": 502, "unavailable": 503, "timeout": 504,
}
# Those of single calls; the simulated cloud takes 422 for a code that it does not know.
CALL_ERRORS = dict.fromkeys([
    "primary_ip_assigned", "primary_ip_datacenter_mismatch", "server_already_attached", "ip_not_available",
    "no_subnet_available", "networks_overlap", "server_not_stopped", "already_in_placement_group",
    "invalid_server_type", "server_has_ipv4", "server_has_ipv6", "primary_ip_already_assigned",
    "server_is_load_balancer_target", "must_be_unassigned", "resource_in_use", "firewall_already_applied",
    "server_already_added", "incompatible_network_type", "private_net_only_server",
    "firewall_managed_by_label_selector", "unknown_error", "robot_unavailable", "resource_locked",
    "no_space_left_in_location", "volume_already_attached", "vswitch_id_already_used", "never_heard_of_it"], 422) | {
        "primary_ip_version_mismatch": 412, "firewall_resource_not_found": 404}

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFDGfNriyfDh5oRK56eBXQ4WT+ToaAGip+dNYp+ibg31 someone"


def make_certificate(folder):
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2", "-keyout", key,
                    "-out", certificate], check=True, capture_output=True)
    return certificate, key


class ClientCase(SimulatedCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rgrid-clients-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def start_secure_hetzner(self):
        self.certificate, key = make_certificate(self.folder)
        return self.start_hetzner("--tls-cert", self.certificate, "--tls-key", key)

    def environment(self, cloud, token=TOKEN, **more):
        inherited = {name: value for name, value in os.environ.items()
                     if name not in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")}
        # A client that finds no endpoint would turn to the real cloud.
        return inherited | {"HCLOUD_TOKEN": token, "HCLOUD_ENDPOINT": cloud.url,
                            "HCLOUD_CONFIG": str(self.folder / "none.toml")} | more


class CliTest(ClientCase):
    """Debian's hcloud, which is older than most of what the cloud answers today."""

    def setUp(self):
        super().setUp()
        if not shutil.which("hcloud"):
            self.skipTest("there is no hcloud: Debian's package hcloud-cli is not installed")

    def run_cli(self, cloud, *arguments, **environment):
        return subprocess.run(["timeout", "60", "hcloud", "--poll-interval", "50ms", *map(str, arguments)],
                              capture_output=True, text=True, env=self.environment(cloud, **environment))

    def hcloud(self, cloud, *arguments, **environment):
        done = self.run_cli(cloud, *arguments, **environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)
        return done.stdout

    def assert_refused(self, code, cloud, *arguments, **environment):
        done = self.run_cli(cloud, *arguments, **environment)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertTrue(done.stderr.rstrip().endswith(f"({code})"), done.stderr)

    def rows(self, cloud, *arguments):
        """What a listing shows, its columns apart."""
        return [line.split() for line in self.hcloud(cloud, *arguments, "-o", "noheader").splitlines()]

    def test_a_server_from_its_creation_to_its_end(self):
        cloud = self.start_hetzner()
        (self.folder / "user-data").write_text("#cloud-config\n")
        (self.folder / "key.pub").write_text(PUBLIC_KEY)
        self.hcloud(cloud, "ssh-key", "create", "--name", "k1", "--public-key-from-file", self.folder / "key.pub")
        said = self.hcloud(cloud, "server", "create", "--name", "w1", "--type", "cx23", "--image", "ubuntu-24.04",
                           "--location", "fsn1", "--ssh-key", "k1", "--label", "pool=a", "--user-data-from-file",
                           self.folder / "user-data")
        self.assertRegex(said, r"Server [0-9]+ created\nIPv4: 198\.1[89]\.[0-9.]+\nIPv6: 2001:db8:[0-9a-f:]+::1\n")
        self.assertNotIn("Root password", said)
        known, = cloud.owner("GET", "servers")["servers"]
        self.assertEqual((known["status"], known["user_data"], known["labels"]),
                         ("running", "#cloud-config\n", {"pool": "a"}))

        def column(name):
            listing = ["server", "list", "-l", "pool=a", "-o", "noheader", "-o", f"columns={name}"]
            return self.hcloud(cloud, *listing).strip()

        self.assertEqual(column("name"), "w1")
        said = self.hcloud(cloud, "server", "describe", "w1")
        for text in ("Status:\t\trunning", "Server Type:\tcx23", "Name:\t\tubuntu-24.04", "pool: a",
                     "Included:\t20 TiB"):
            self.assertIn(text, said)
        cloud.owner("POST", "advance", {"span": "1h"})  # It cannot draw fewer than two measurements.
        begin = datetime.datetime.now(datetime.timezone.utc)
        end = begin + datetime.timedelta(minutes=30)
        span = ["--start", f"{begin:%FT%TZ}", "--end", f"{end:%FT%TZ}"]
        self.assertIn("Metric: cpu", self.hcloud(cloud, "server", "metrics", "w1", "--type", "cpu", *span))
        self.hcloud(cloud, "server", "add-label", "w1", "stage=test")
        self.assertEqual(column("labels"), "pool=a, stage=test")
        self.hcloud(cloud, "server", "remove-label", "w1", "stage")
        self.assertEqual(column("labels"), "pool=a")
        for command, status in (("poweroff", "off"), ("poweron", "running"), ("reboot", "running"),
                                ("reset", "running"), ("shutdown", "off")):
            self.hcloud(cloud, "server", command, "w1")
            self.assertEqual(column("status"), status, command)
        self.hcloud(cloud, "server", "update", "w1", "--name", "w2")
        self.hcloud(cloud, "server", "enable-protection", "w2", "delete", "rebuild")
        self.assert_refused("protected", cloud, "server", "delete", "w2")
        self.hcloud(cloud, "server", "disable-protection", "w2", "delete", "rebuild")
        self.hcloud(cloud, "server", "delete", "w2")
        self.assertIn("Server not found: 99999", self.run_cli(cloud, "server", "delete", "99999").stderr)
        self.hcloud(cloud, "ssh-key", "delete", "k1")
        self.assertEqual(self.hcloud(cloud, "ssh-key", "list", "-o", "noheader"), "")

    def test_sixty_servers_are_listed_on_pages_and_by_selectors(self):
        cloud = self.start_hetzner()
        for number in range(60):
            cloud.create_server(f"w{number}", labels={"number": str(number), "half": "ab"[number % 2]})
        names = [row[1] for row in self.rows(cloud, "server", "list")]
        self.assertEqual(names, [f"w{number}" for number in range(60)])
        for selector, count in (("half=a", 30), ("half!=a,number!=1", 29), ("number in (1,2,77)", 2), ("!half", 0),
                                ("half,number notin (3)", 59)):
            self.assertEqual(len(self.rows(cloud, "server", "list", "-l", selector)), count, selector)
        self.assert_refused("invalid_input", cloud, "server", "list", "-l", "a=b=c")

    def test_the_catalogue(self):
        cloud = self.start_hetzner()
        self.assertIn("cx23", [row[1] for row in self.rows(cloud, "server-type", "list")])
        self.assertIn("Cores:\t\t2", self.hcloud(cloud, "server-type", "describe", "cx23"))
        self.assertEqual(len(self.rows(cloud, "location", "list")), 6)
        self.assertIn("Network Zone:\teu-central", self.hcloud(cloud, "location", "describe", "fsn1"))
        self.assertIn("ubuntu-24.04", [row[2] for row in self.rows(cloud, "image", "list")])
        self.assertIn("OS flavor:\tubuntu", self.hcloud(cloud, "image", "describe", "ubuntu-24.04"))
        self.assert_refused("deprecated_api_endpoint", cloud, "datacenter", "list")

    # What is made, and what is done with it and a server before it is deleted.
    CONNECTED = {
        "network": (["--ip-range", "10.0.0.0/16"], [
            "network add-subnet NAME --type cloud --network-zone eu-central --ip-range 10.0.1.0/24",
            "network add-route NAME --destination 10.9.0.0/16 --gateway 10.0.1.1",
            "server attach-to-network SERVER --network NAME", "server detach-from-network SERVER --network NAME",
            "network remove-route NAME --destination 10.9.0.0/16 --gateway 10.0.1.1",
            "network remove-subnet NAME --ip-range 10.0.1.0/24"]),
        "firewall": ([], [
            "firewall add-rule NAME --direction in --protocol tcp --port 22 --source-ips 0.0.0.0/0",
            "firewall apply-to-resource NAME --type server --server SERVER",
            "firewall remove-from-resource NAME --type server --server SERVER"]),
        "placement-group": (["--type", "spread"], [
            "server add-to-placement-group SERVER --placement-group NAME",
            "server remove-from-placement-group SERVER"]),
        "primary-ip": (["--type", "ipv4", "--datacenter", "fsn1-dc14"], ["primary-ip add-label NAME of=test"]),
        "volume": (["--size", "10", "--location", "fsn1"], [
            "volume attach NAME --server SERVER", "volume detach NAME", "volume resize NAME --size 20"]),
    }

    def test_what_servers_are_connected_with(self):
        cloud = self.start_hetzner("--legacy-datacenter")  # It cannot ask for a primary IP in another way.

        def try_out(kind):
            options, calls = self.CONNECTED[kind]
            made = cloud.create_server(f"server-of-{kind}", start_after_create=False)
            cloud.wait_for_server(made)
            name, server = f"our-{kind}", made["name"]
            self.hcloud(cloud, kind, "create", "--name", name, *options)
            for call in calls:
                self.hcloud(cloud, *call.replace("NAME", name).replace("SERVER", server).split())
            self.assertIn(name, self.hcloud(cloud, kind, "list"))
            self.assertIn(f"{name}\n", self.hcloud(cloud, kind, "describe", name))
            self.hcloud(cloud, kind, "delete", name)
            self.assertNotIn(name, self.hcloud(cloud, kind, "list"))

        # It waits for half a second after each.
        with ThreadPoolExecutor(len(self.CONNECTED)) as pool:
            for done in [pool.submit(try_out, kind) for kind in self.CONNECTED]:
                done.result()

    def test_data_centres_as_until_autumn(self):
        cloud = self.start_hetzner("--legacy-datacenter")
        self.hcloud(cloud, "server", "create", "--name", "w1", "--type", "cx23", "--image", "debian-12", "--datacenter",
                    "nbg1-dc3")
        listing = ["server", "list", "-o", "noheader", "-o", "columns=name,datacenter"]
        self.assertEqual(self.hcloud(cloud, *listing).split(), ["w1", "nbg1-dc3"])
        self.assertIn("nbg1-dc3", self.hcloud(cloud, "datacenter", "list"))
        self.assertIn("City:\t\tNuremberg", self.hcloud(cloud, "datacenter", "describe", "nbg1-dc3"))

    LISTING = ["server", "list", "-o", "noheader", "-o", "columns=name"]

    def test_each_error_is_told_with_its_code(self):
        cloud = self.start_hetzner()
        cloud.create_server("w1")
        for code in [*ERRORS, *list(CALL_ERRORS)[:3]]:
            cloud.inject(method="GET", path="/servers", code=code)
            if code != "conflict":
                self.assert_refused(code, cloud, *self.LISTING)
            # It tries again after a conflict, and for as long as there is one.
            self.assertEqual(self.hcloud(cloud, *self.LISTING).strip(), "w1", code)
            self.assertEqual(cloud.owner("GET", "faults")["faults"], [])

    def test_a_broken_wire(self):
        cloud = self.start_broken_hetzner()
        cloud.create_server("w1")
        for fault in ({"kind": "html"}, {"kind": "empty"}, {"kind": "reset"}, {"kind": "truncated"},
                      {"kind": "reset_mid_body"}):
            cloud.inject(method="GET", path="/servers", times=0, **fault)
            done = self.run_cli(cloud, *self.LISTING)
            self.assertEqual((done.returncode, done.stdout), (1, ""), fault)
            cloud.owner("DELETE", "faults")
            self.assertEqual(self.hcloud(cloud, *self.LISTING).strip(), "w1", fault)

    def test_a_server_that_cannot_be_made(self):
        cloud = self.start_hetzner()
        create = ["server", "create", "--type", "cx23", "--image", "ubuntu-24.04", "--location", "fsn1", "--name"]
        self.assert_refused("invalid_input", cloud, *create, "under_score")
        cloud.owner("POST", "stock", {"type": "cx23", "location": "fsn1", "stock": 0})
        self.assert_refused("resource_unavailable", cloud, *create, "w1")
        cloud.owner("POST", "stock", {"type": "cx23", "location": "fsn1"})
        cloud.inject(kind="action_error", method="POST", path="/servers", code="server_error", message="no luck")
        self.assertIn("no luck (server_error)", self.run_cli(cloud, *create, "w1").stderr)
        self.assert_refused("uniqueness_error", cloud, *create, "w1")
        self.hcloud(cloud, *create, "w2")

    def test_tokens_and_their_budget(self):
        cloud = self.start_hetzner()
        self.hcloud(cloud, "server", "list", token=READ_ONLY_TOKEN)
        self.assert_refused("forbidden", cloud, "server", "create", "--name", "w1", "--type", "cx23", "--image",
                            "ubuntu-24.04", token=READ_ONLY_TOKEN)
        self.assert_refused("unauthorized", cloud, "server", "list", token="x" * 64)
        tight = self.start_hetzner(requests_an_hour=2)
        self.hcloud(tight, "location", "list")
        status, headers, _ = tight.call("GET", "/v1/locations")
        self.assertEqual((status, headers["RateLimit-Limit"], headers["RateLimit-Remaining"]), (200, "2", "0"))
        self.assert_refused("rate_limit_exceeded", tight, "location", "list")

    def test_a_certificate_of_our_own(self):
        cloud = self.start_secure_hetzner()
        self.assertIn("fsn1", self.hcloud(cloud, "location", "list", SSL_CERT_FILE=str(self.certificate)))
        refused = self.run_cli(cloud, "location", "list")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("certificate", refused.stderr)


class LibraryCase(ClientCase):
    def work_with(self, interpreter, *options, **environment):
        """Runs the tests of the library that the interpreter finds."""
        cloud, tight = self.start_hetzner(*options), self.start_hetzner(requests_an_hour=3)
        broken = self.start_broken_hetzner(*options)
        environment |= {"RGRID_TIGHT_ENDPOINT": tight.url, "RGRID_BROKEN_ENDPOINT": broken.url,
                        "RGRID_READ_ONLY_TOKEN": READ_ONLY_TOKEN, "RGRID_ERRORS": json.dumps(ERRORS | CALL_ERRORS),
                        "RGRID_TIMES": json.dumps(TIMES), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(["timeout", "120", interpreter, "-W", "ignore", HERE / "hetzner_library.py"], text=True,
                              capture_output=True, env=self.environment(cloud, **environment))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"Ran 1[0-9] tests")

    def look_at_certificates(self, interpreter, **environment):
        cloud = self.start_secure_hetzner()
        program = ["timeout", "60", interpreter, "-W", "ignore", "-c",
                   "import os, hcloud; print(len(hcloud.Client(token=os.environ['HCLOUD_TOKEN'], "
                   "api_endpoint=os.environ['HCLOUD_ENDPOINT']).locations.get_all()))"]
        trusting = self.environment(cloud, REQUESTS_CA_BUNDLE=str(self.certificate), **environment)
        self.assertEqual(subprocess.run(program, capture_output=True, text=True, env=trusting).stdout, "6\n")
        refused = subprocess.run(program, capture_output=True, text=True, env=self.environment(cloud, **environment))
        self.assertIn("CERTIFICATE_VERIFY_FAILED", refused.stderr)


class DebianLibraryTest(LibraryCase):
    """Debian's python3-hcloud; its way to ask for a primary IP is that of until autumn 2026."""

    python = "/usr/bin/python3"

    def setUp(self):
        super().setUp()
        found = subprocess.run([self.python, "-c", "import hcloud"], capture_output=True)
        if found.returncode != 0:
            self.skipTest("Debian's package python3-hcloud is not installed")

    def test_all_of_it(self):
        self.work_with(self.python, "--legacy-datacenter")

    def test_a_certificate_of_our_own(self):
        self.look_at_certificates(self.python)


class NewLibraryTest(LibraryCase):
    def setUp(self):
        super().setUp()
        self.path = str(self.installed())

    def installed(self):
        """The folder that the library is in: got once, and kept where caches are."""
        caches = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
        folder = caches / "rgrid-tests" / f"hcloud-{LIBRARY}-python{sys.version_info.major}.{sys.version_info.minor}"
        if folder.exists():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
            got = subprocess.run(["timeout", "120", sys.executable, "-m", "pip", "install", "--quiet", "--retries", "0",
                                  "--timeout", "15", "--disable-pip-version-check", "--only-binary", ":all:",
                                  "--target", f"{fresh}/library", f"hcloud=={LIBRARY}"], capture_output=True, text=True)
            if got.returncode != 0:
                reason = (got.stderr.strip().splitlines() or [f"pip ended with {got.returncode}"])[-1]
                self.skipTest(f"hcloud {LIBRARY} of the Python package index cannot be got: {reason}")
            try:
                os.rename(f"{fresh}/library", folder)
            except OSError:  # Somebody else was quicker.
                self.assertTrue(folder.exists())
        return folder

    def test_all_of_it(self):
        self.work_with(sys.executable, PYTHONPATH=self.path)

    def test_a_certificate_of_our_own(self):
        self.look_at_certificates(sys.executable, PYTHONPATH=self.path)


class StrangerTest(SimulatedCase):
    """Whatever is asked, the answer is one of the API's, and the simulated cloud goes on."""

    GOOD = {
        "servers": {"name": "w", "server_type": "cx23", "image": "ubuntu-24.04", "location": "fsn1", "ssh_keys": [],
                    "user_data": "", "labels": {}, "start_after_create": True, "automount": False, "networks": [],
                    "firewalls": [], "volumes": [], "placement_group": None, "public_net": {"enable_ipv4": True}},
        "ssh_keys": {"name": "k", "public_key": PUBLIC_KEY, "labels": {}},
        "networks": {"name": "n", "ip_range": "10.0.0.0/16", "labels": {}, "subnets": [], "routes": [],
                     "expose_routes_to_vswitch": False},
        "firewalls": {"name": "f", "labels": {}, "rules": [], "apply_to": []},
        "placement_groups": {"name": "g", "type": "spread", "labels": {}},
        "primary_ips": {"name": "p", "type": "ipv4", "location": "fsn1", "labels": {}, "auto_delete": False},
        "volumes": {"name": "v", "size": 10, "location": "fsn1", "labels": {}, "automount": False, "format": "ext4"},
    }
    NAMES_OR_NUMBERS = ("server_type", "image", "location")
    STRANGE = [None, True, 0, -1, 1.5, 2**70, "", "x", "ä\u0000", "10", [], [1], ["x"], [{}], {}, {"a": 1},
               {"a": None}]
    COMMANDS = ["poweron", "poweroff", "reboot", "reset", "shutdown", "change_protection", "attach_to_network",
                "detach_from_network", "change_alias_ips", "add_to_placement_group", "remove_from_placement_group",
                "add_subnet", "delete_subnet", "add_route", "delete_route", "change_ip_range", "set_rules",
                "apply_to_resources", "remove_from_resources", "assign", "unassign", "change_dns_ptr", "attach",
                "detach", "resize", "explode"]
    MEMBERS = ["delete", "rebuild", "network", "ip", "alias_ips", "ip_range", "placement_group", "type", "network_zone",
               "destination", "gateway", "rules", "apply_to", "remove_from", "assignee_id", "assignee_type", "dns_ptr",
               "server", "size", "automount", "name", "labels"]
    SELECTORS = ["", ",", "a", "!a", "a=", "a=b", "a==b", "a!=b", "a in (b,c)", "a notin ()", "a in", "((",
                 "a=b=c", "!", "=", "ä=ö", "a,,b", "a=b,", " a ", "a" * 300, "hetzner.cloud/x=y", "\u0000"]

    def setUp(self):
        self.cloud = self.start_hetzner()
        self.connection = self.cloud.connect()
        self.addCleanup(self.connection.close)

    def ask(self, method, path, body=None):
        """The status and the code of an answer, "" without an error."""
        status, _, content = self.cloud.call(method, "/v1" + path, body, connection=self.connection)
        about = f"{method} {path} {body}: {status} {content[:300]}"
        self.assertLess(status, 500, about)
        if status == 204 or method == "HEAD":
            self.assertEqual(content, b"", about)
            return status, ""
        answer = json.loads(content)
        if status < 400:
            return status, ""
        self.assertEqual(set(answer["error"]), {"code", "message", "details"}, about)
        return status, answer["error"]["code"]

    def test_statuses_are_those_of_the_codes(self):
        for code, status in ERRORS.items():
            self.cloud.inject(code=code)
            answer = self.cloud.call("GET", "/v1/locations", connection=self.connection)
            self.assertEqual((answer[0], json.loads(answer[2])["error"]["code"]), (status, code))
            self.assertRegex(answer[1]["X-Correlation-Id"], "^[0-9a-f]{16}$")

    def test_unknown_methods_and_paths(self):
        for path in ("/servers", "/servers/1", "/servers/1/actions/reboot", "/actions/1", "/locations", "/pricing"):
            for method in ("PATCH", "OPTIONS", "TRACE", "HEAD", "get", "BREW"):
                self.assertEqual(self.ask(method, path)[0], 405, (method, path))
        self.assertEqual(self.ask("DELETE", "/servers"), (405, "method_not_allowed"))
        for path in ("", "/", "/server", "/servers/1/2/3/4", "/servers/x", "/../servers", "/servers/%zz", "/limits"):
            self.assertEqual(self.ask("GET", path), (404, "not_found"), path)

    def test_a_head_leaves_nothing_before_the_next_answer(self):
        self.connection.connect()
        wire = self.connection.sock
        head = f"/v1/locations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        wire.sendall(f"HEAD {head}\r\nGET {head}Connection: close\r\n\r\n".encode())
        with wire.makefile("rb") as file:
            first, _, rest = file.read().partition(b"\r\n\r\n")
        self.assertTrue(first.startswith(b"HTTP/1.1 405 "), first)
        self.assertTrue(rest.startswith(b"HTTP/1.1 200 "), rest[:100])

    def test_malformed_selectors(self):
        for selector in ("a=b=c", "=a", "a,", "a in b", "a in (", "!", "a b", "-a", "a=ä", "x/y/z", "a" * 64):
            for kind in self.GOOD:
                path = f"/{kind}?label_selector={urllib.parse.quote(selector)}"
                self.assertEqual(self.ask("GET", path), (422, "invalid_input"), path)

    def test_wrong_types_of_known_members(self):
        for kind, good in self.GOOD.items():
            before = self.cloud.api("GET", f"/{kind}")[kind]
            for name, value in good.items():
                for wrong in (True, 1, 1.5, "x", [1], {"a": 1}, ["x"], [[]]):
                    if self.could_be_right(name, value, wrong):
                        continue
                    answer = self.ask("POST", f"/{kind}", good | {name: wrong})
                    self.assertEqual(answer, (422, "invalid_input"), (kind, name, wrong))
            for body in ([1], "x", 5, None):
                self.assertEqual(self.ask("POST", f"/{kind}", json.dumps(body).encode())[0], 422, (kind, body))
            for body in (b"{", b"\xff", b'{"a": }', b"[" * 5000, b"{}{}"):
                self.assertEqual(self.ask("POST", f"/{kind}", body), (400, "json_error"), (kind, body[:10]))
            self.assertEqual(self.cloud.api("GET", f"/{kind}")[kind], before)
            self.assertEqual(self.ask("POST", f"/{kind}", good), (201, ""), kind)

    def could_be_right(self, name, value, wrong):
        if name in self.NAMES_OR_NUMBERS or name == "placement_group":
            return type(wrong) in (int, str) and name != "placement_group" or wrong == 1 and wrong is not True
        if name == "ssh_keys" and wrong in ([1], ["x"]):
            return True
        if isinstance(value, list) and wrong == [1] and name in ("networks", "volumes"):
            return True
        if name in ("public_net",) and isinstance(wrong, dict):
            return True
        return type(wrong) is type(value) and wrong not in ([1], ["x"], [[]], {"a": 1})

    def test_random_requests(self):
        chance = random.Random(20261126)
        self.cloud.create_server("w1")
        for kind, good in self.GOOD.items():
            self.ask("POST", f"/{kind}", good)
        kinds = [*self.GOOD, "actions", "server_types", "locations", "images", "pricing", "datacenters", "isos"]
        numbers = [item["id"] for kind in self.GOOD for item in self.cloud.api("GET", f"/{kind}")[kind]]
        seen = set()
        for _ in range(600):
            kind = chance.choice(kinds)
            path = f"/{kind}"
            if chance.random() < 0.7:
                path += f"/{chance.choice([*numbers, *numbers, 1, -1, 2**63, 2**64, 'x', '%00', ''])}"
                path += chance.choice(["", "", "/metrics", "/actions", "/actions/1", "/actions/actions"] +
                                      [f"/actions/{chance.choice(self.COMMANDS)}"] * 4)
            query = [(name, chance.choice([*self.SELECTORS, "1", "0", "-1", "99999999999999999999", "id:asc", "x:y",
                                           "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "cpu", "cpu,disk"]))
                     for name in chance.choices(["label_selector", "name", "page", "per_page", "sort", "status", "id",
                                                 "start", "end", "step", "type", "architecture", "strange"], k=3)]
            body = chance.choice([None, self.GOOD.get(kind), {}, chance.choice(self.STRANGE),
                                  *[self.strange(chance)] * 3])
            method = chance.choice(["GET", "POST", "POST", "POST", "PUT", "DELETE", "PATCH"])
            seen.add(self.ask(method, path + chance.choice(["", "?" + urllib.parse.urlencode(query)]), body)[0])
        self.assertLessEqual({200, 201, 404, 405, 409, 422}, seen, "all kinds of calls were made")
        self.assertEqual(self.ask("GET", "/servers"), (200, ""))

    def strange(self, chance):
        return {name: chance.choice([*self.STRANGE, "10.0.0.0/16", "10.0.1.0/24", "10.0.1.5", "cloud", "server",
                                     "eu-central", [{"type": "server", "server": {"id": 1}}], {"enable_ipv4": "no"}])
                for name in chance.choices([*self.MEMBERS, *self.GOOD["servers"]], k=chance.randint(0, 6))}


def main():
    """As unittest.main(), but for its exit code if it had to skip everything."""
    done = unittest.main(verbosity=2, exit=False).result
    if done.wasSuccessful() and len(done.skipped) == done.testsRun:
        print(done.skipped[0][1])
        sys.exit(SKIPPED)
    sys.exit(0 if done.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
