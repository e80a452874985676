"""A fleet whose servers are rented from a simulated Hetzner Cloud; each of them runs a real agent on this machine."""

import contextlib
import datetime
import http.client
import json
import pathlib
import signal
import socket
import subprocess

from fleet import Fleet, wait_until

TOKEN = "t" * 64


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def seconds_of(text):
    """Of a duration as RGrid writes it: "90s", "1m", "1500ms"."""
    for unit, factor in (("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400)):
        if text.endswith(unit):
            return float(text[: -len(unit)]) * factor
    raise ValueError(text)


def nanos_of(text):
    """Billionths of an amount as RGrid writes it: "0.0096 EUR"."""
    whole, _, decimals = text.split(" ")[0].partition(".")
    return int(whole) * 10**9 + int((decimals + "0" * 9)[:9])


def age(begin, end):
    """Seconds between two instants as RGrid writes them."""
    begin, end = (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (begin, end))
    return (end - begin).total_seconds()


class HetznerCloud:
    """One run of hetzner-sim, and what its owner may ask of it."""

    def __init__(self, fleet, *options, token=TOKEN):
        self.token = token
        self.log = (fleet.home / "hetzner-sim.log").open("w")
        command = [fleet.programs / "hetzner-sim", "--token", token, "--folder", fleet.home / "cloud",
                   "--requests-an-hour", "0", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log,
                                        text=True, env=fleet.environment)
        line = self.process.stdout.readline()
        if not line.startswith("hetzner-sim: http"):
            raise AssertionError(f"hetzner-sim said '{line}'")
        self.url = line.split()[1]
        self.port = int(self.url.split(":")[2].split("/")[0])

    def request(self, method, target, body=None, headers=None):
        """The status and the object of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, target, None if body is None else json.dumps(body), headers or {})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else {}

    def control(self, method, name, /, **body):
        status, answer = self.request(method, f"/_sim/{name}", body if method != "GET" else None)
        if status != 200:
            raise AssertionError(f"{method} /_sim/{name} {body}: {status} {answer}")
        return answer

    def call(self, method, path, body=None, token=None):
        """A call of a customer."""
        return self.request(method, f"/v1{path}", body, {"Authorization": f"Bearer {token or self.token}"})

    def servers(self, project="default"):
        """By name, as the cloud itself knows them; also those that are being deleted."""
        return {server["name"]: server for server in self.control("GET", "servers")["servers"]
                if server["project"] == project}

    def created(self):
        """How many there ever were."""
        return self.control("GET", "servers")["created"]

    def advance(self, span):
        self.control("POST", "advance", span=span)

    def fault(self, **fault):
        self.control("POST", "faults", **fault)

    def faults(self):
        """Those that have not happened yet."""
        return self.control("GET", "faults")["faults"]

    def calls(self, call):
        return self.control("GET", "calls").get(call, 0)

    def ledger(self):
        """Its own book: the servers that there ever were by name, and the total in billionths."""
        ledger = self.control("GET", "ledger")
        servers = {item["name"]: item for item in ledger["items"] if item["kind"] == "server"}
        for server in servers.values():
            server["age"] = None if server["gone"] is None else age(server["created"], server["gone"])
        return servers, nanos_of(ledger["total"])

    def end(self):
        self.process.kill()
        self.process.wait(30)
        self.process.stdout.close()
        self.log.close()


class HetznerFleet(Fleet):
    """The daemon is the gateway of its agents; servers boot in less than half a second."""

    def __init__(self, programs, **changes):
        super().__init__(programs)
        agent = self.programs / "rgrid-agent"
        if not agent.exists():  # Where it cannot be linked as one file.
            agent = self.programs / "rgrid-worker"
        self.cloud = HetznerCloud(self, "--create-time", "0.4", "--delete-time", "0.3", "--agents", agent)
        port = free_port()
        self.write_token(TOKEN)
        self.configure(cloud__process=None)
        self.configure(
            cloud__hetzner={"token": f"file:{self.home}/token", "url": self.cloud.url},
            cloud__boot={"agent": "/usr/local/bin/rgrid-agent"},
            gateway={"listen": f"127.0.0.1:{port}", "url": f"http://127.0.0.1:{port}", "poll": "50ms",
                     "identity_retry": "100ms"},
            pool__default__scaling={"min_queued": 5, "max_wait": "10m", "max_workers": 10},
            pool__default__placement={"offers": ["cx23@nbg1", "cx23@fsn1"]},
            pool__default__health={"lost_after": "6s", "boot_timeout": "10m"})
        self.configure(**changes)

    def write_token(self, token):
        (self.home / "token").write_text(token + "\n")

    def reload(self, daemon, **changes):
        """Takes changed settings, and a token that was written."""
        before = len(daemon.events())
        self.configure(**changes)
        daemon.kill(signal.SIGHUP)
        wait_until("the configuration is read again",
                   lambda: any("was read again" in event["text"] for event in daemon.events()[before:]))

    def wait_for_looks(self, count=2):
        """Until the fleet has looked at the cloud anew, and has decided with what it saw there."""
        looks = self.cloud.calls("GET /servers") + count
        wait_until("the servers are listed", lambda: self.cloud.calls("GET /servers") >= looks)
        passes = self.passes() + count
        wait_until("that is decided about", lambda: self.passes() >= passes)

    def wait_for_servers(self, *names):
        """Until these are all that the cloud has of this fleet."""
        wait_until(f"the servers are {names}", lambda: self.folders() == sorted(names))

    # What the fleet is where its servers are local processes.

    def folders(self):
        if self.cloud.process.poll() is not None:
            return []
        return sorted(name for name in self.cloud.servers() if name.startswith("test-"))

    def agent_of(self, server):
        for pid in self.processes():
            with contextlib.suppress(OSError):
                process = pathlib.Path(f"/proc/{pid}")
                parent = int(process.joinpath("stat").read_text().rpartition(")")[2].split()[1])
                variables = process.joinpath("environ").read_bytes().split(b"\0")
                if parent == self.cloud.process.pid and f"RGRID_SERVER={server}".encode() in variables:
                    return pid
        raise AssertionError(f"{server} has no agent")

    def kill_all(self):
        super().kill_all()
        self.cloud.end()

    def story(self):
        logs = sorted(self.home.glob("cloud/*/agent.log"))
        agents = "\n".join(f"--- {log.relative_to(self.home)}\n" + "\n".join(log.read_text().splitlines()[-10:])
                           for log in logs)
        return super().story() + "\n" + agents
