"""A simulated Hetzner Cloud of a test's own, asked as its owner does and as anybody does; its answers are compared with
the schema."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from fleet import wait_until

PROGRAMS = pathlib.Path(os.environ["RGRID_PROGRAMS"]).resolve()
SIMULATOR_TESTS = pathlib.Path(__file__).resolve().parent.parent / "conformance" / "hetzner_sim"
sys.path.append(str(SIMULATOR_TESTS))

from openapi_check import Description, check  # noqa: E402
from schema_check import Schema  # noqa: E402

TOKEN = "t" * 64
READ_ONLY_TOKEN = "r" * 64
# Long enough to be seen, short enough for a test.
TIMES = {"create": "100ms", "start": "100ms", "destroy": "100ms", "power": "50ms", "other": "30ms"}


class SimulatedHetzner:
    def __init__(self, *options, requests_an_hour=0):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rgrid-hetzner-"))
        self.record = self.folder / "record.jsonl"
        command = [PROGRAMS / "hetzner-sim", "--token", TOKEN, "--read-only-token", READ_ONLY_TOKEN,
                   "--requests-an-hour", str(requests_an_hour), "--record", self.record, *options]
        with (self.folder / "errors").open("w") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        said = self.process.stdout.readline()
        if not said.startswith("hetzner-sim: http"):
            raise AssertionError(f"hetzner-sim does not serve: {said}{(self.folder / 'errors').read_text()}")
        self.url = said.split()[1]
        self.port = int(self.url.rpartition(":")[2].removesuffix("/v1"))
        if self.url.startswith("http:"):
            self.owner("POST", "times", TIMES)

    def end(self):
        """Its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.process.stdout.close()
        return code

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def call(self, method, path, body=None, token=TOKEN, connection=None):
        """The status, the headers and the body of an answer; the body is bytes. What is to be sent is bytes or JSON."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        through = connection or self.connect()
        through.request(method, path, sent, {"Authorization": f"Bearer {token}"})
        answer = through.getresponse()
        content = answer.read()
        if connection is None:
            through.close()
        return answer.status, dict(answer.getheaders()), content

    def api(self, method, path, body=None):
        status, _, content = self.call(method, "/v1" + path, body)
        if status >= 400:
            raise AssertionError(f"{method} {path} was answered with {status}: {content.decode()}")
        return json.loads(content) if content else None

    def owner(self, method, path, body=None):
        status, _, content = self.call(method, "/_sim/" + path, body)
        if status != 200:
            raise AssertionError(f"{method} /_sim/{path} was answered with {status}: {content.decode()}")
        return json.loads(content)

    def inject(self, **fault):
        self.owner("POST", "faults", fault)

    def create_server(self, name, **more):
        return self.api("POST", "/servers", {"name": name, "server_type": "cx23", "image": "ubuntu-24.04",
                                             "location": "fsn1"} | more)["server"]

    def wait_for_server(self, server):
        wait_until(f"{server['name']} is unlocked",
                   lambda: not self.api("GET", f"/servers/{server['id']}")["server"]["locked"])

    def answers(self):
        return self.record.read_text().splitlines()

    def schema_problems(self):
        """What about its answers is not as the schema says, nor as the OpenAPI description that RGRID_HETZNER_OPENAPI
        names, if it does."""
        schema = Schema(SIMULATOR_TESTS / "schema.json")
        description = os.environ.get("RGRID_HETZNER_OPENAPI")
        description = Description(json.loads(pathlib.Path(description).read_text())) if description else None
        found = set()
        for line in self.answers():
            answer = json.loads(line)
            found.update(schema.problems(answer["method"], answer["target"], answer["status"], answer["body"]))
            found.update(f"{path} {text}" for path, text in (check(description, line) if description else []))
        return sorted(found)


class SimulatedCase(unittest.TestCase):
    maxDiff = None

    def start_hetzner(self, *options, **more):
        cloud = self.start_broken_hetzner(*options, **more)
        self.addCleanup(self.look_at_answers, cloud)
        return cloud

    def start_broken_hetzner(self, *options, **more):
        """One whose answers will not all be as the schema says, by faults."""
        cloud = SimulatedHetzner(*options, **more)
        self.addCleanup(shutil.rmtree, cloud.folder)
        self.addCleanup(lambda: self.assertEqual(cloud.end(), 0))
        return cloud

    def look_at_answers(self, cloud):
        self.assertEqual(cloud.schema_problems(), [])
        self.assertNotEqual(cloud.answers(), [])
