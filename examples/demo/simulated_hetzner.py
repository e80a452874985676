"""The demo in a simulated Hetzner Cloud: its servers run real agents, and an hour there passes in a minute."""

import http.client
import json
import pathlib
import shutil
import socket
import subprocess

import run

SPEED = 60
TOKEN = "demo" * 16


class HetznerDemo(run.Demo):
    paid_period = 3600
    window = 600
    last_part = "the last 10 minutes of a paid hour"

    def prepare(self):
        self.start_cloud()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self.environment.update(HETZNER_API_TOKEN=TOKEN, DEMO_CLOUD_URL=self.url, DEMO_GATEWAY=f"127.0.0.1:{port}",
                                DEMO_GATEWAY_URL=f"http://127.0.0.1:{port}", DEMO_AGENT=str(self.agent))
        shutil.copy(run.HERE / "hetzner.toml", self.home / "rgrid.toml")
        self.make_texts()
        self.say(f"The cloud is hetzner-sim at {self.url}, which Hetzner's own clients work with unchanged.\n"
                 f"  Its clock runs {SPEED} times as fast as yours: a paid hour is a minute, a boot takes 1.5 s. Jobs run in your\n"
                 "  time, so they use little of those hours. This demo's configuration (examples/demo/hetzner.toml) makes the\n"
                 "  heartbeat limit 6 s instead of 2 minutes.")

    def start_cloud(self):
        """Each of its servers runs the agent that a real one would fetch."""
        self.agent = self.programs / "rgrid-agent"
        if not self.agent.exists():
            self.agent = self.programs / "rgrid-worker"
        self.cloud = subprocess.Popen(
            [self.programs / "hetzner-sim", "--token", TOKEN, "--speed", str(SPEED), "--create-time", "90",
             "--delete-time", "5", "--folder", self.home / "cloud", "--agents", self.agent],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=self.environment)
        said = self.cloud.stdout.readline()
        self.url = said.removeprefix("hetzner-sim: ").strip()
        if not self.url.startswith("http"):
            raise RuntimeError(f"hetzner-sim does not serve: it said '{said}'")

    def control(self, name):
        connection = http.client.HTTPConnection(self.url.split("/")[2], timeout=30)
        connection.request("GET", f"/_sim/{name}")
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def pid_of_agent(self, worker):
        """An agent's parent is the cloud: nothing else here is a child of it."""
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                environment = (process / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if parent == self.cloud.pid and f"RGRID_SERVER={worker}".encode() in environment:
                return int(process.name)
        return None

    def draw_the_bill(self):
        super().draw_the_bill()
        ledger = self.control("ledger")
        servers = [item for item in ledger["items"] if item["kind"] == "server"]
        hours = {item["name"]: item["hours"] for item in servers}
        self.say(f"  The cloud's own ledger: {len(servers)} servers and their addresses, {sum(hours.values())} begun "
                 f"hours, {ledger['total']}")
        self.check(all(item["gone"] for item in ledger["items"]), "the cloud has nothing of ours any more, no address")
        self.check({server["server"]: server["periods"] for server in self.report["servers"]} == hours,
                   "both have counted the same hours of each server")
        self.check(run.money(ledger["total"]) == self.total, "and the same sum")

    def stop(self):
        super().stop()
        self.cloud.terminate()
        self.cloud.wait(30)
