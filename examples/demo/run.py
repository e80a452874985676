"""The main job, shown on one machine: real files, real jobs, real processes; every number printed comes from this run.

A batch of 48 files is counted on a fleet that scales up. One worker is killed in the middle; its jobs are handed to
others and it is replaced. Then the idle workers are let go before their next paid period, and the bill is drawn up.
Servers are local processes, or those of a simulated Hetzner Cloud with real agents on them.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import count_words  # noqa: E402
import make_texts  # noqa: E402


class Demo:
    paid_period = 60  # Seconds.
    window = 15       # The last part of it, in which idle workers go.
    last_part = "the last 15 s of a paid minute"

    def __init__(self, programs, files):
        self.programs = pathlib.Path(programs).resolve()
        self.files = files
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="rgrid-demo-"))
        self.begin = time.monotonic()
        self.checks = []
        self.events = []
        self.daemon = None
        self.new_event = threading.Condition()
        # What the caller's environment says about another fleet does not concern this one.
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("RGRID_") and name != "DATABASE_URL"}

    # Telling.

    def say(self, text=""):
        print(text, flush=True)

    def chapter(self, text):
        self.say(f"\n== {text} [{time.monotonic() - self.begin:.0f}s]")

    def check(self, true, text):
        self.checks.append(bool(true))
        self.say(f"  [{'ok' if true else 'NOT TRUE'}] {text}")

    # Programs.

    def command(self, *arguments):
        return [str(self.programs / "rgrid"), "--home", str(self.home), *arguments]

    def ask(self, *arguments):
        done = subprocess.run(self.command(*arguments, "--json"), capture_output=True, text=True, check=True,
                              env=self.environment)
        return json.loads(done.stdout)

    def show(self, *arguments):
        self.say(f"$ rgrid {' '.join(arguments)}")
        return subprocess.run(self.command(*arguments), env=self.environment).returncode

    def show_beginning(self, lines, *arguments):
        """Shows the first lines of what a command prints."""
        self.say(f"$ rgrid {' '.join(arguments)}")
        printed = subprocess.run(self.command(*arguments), capture_output=True, text=True, check=True,
                                 env=self.environment).stdout.splitlines()
        for line in printed[:lines]:
            self.say(line)
        if len(printed) > lines:
            self.say(f"... and {len(printed) - lines} lines more")

    def start_daemon(self):
        self.daemon = subprocess.Popen([str(self.programs / "rgridd"), "--home", str(self.home)],
                                       stderr=subprocess.PIPE, text=True, env={**self.environment, "RGRID_LOG_FORMAT": "json"})
        threading.Thread(target=self.follow_daemon, daemon=True).start()

    def follow_daemon(self):
        for line in self.daemon.stderr:
            try:
                event = json.loads(line)
            except ValueError:
                self.say(f"    rgridd | {line.rstrip()}")
                continue
            if event.get("severity") != "debug":
                self.say(f"    rgridd | {event.get('text', line.rstrip())}")
            with self.new_event:
                self.events.append(event)
                self.new_event.notify_all()

    def wait_for_event(self, kind, seconds, server=None):
        def seen():
            return [event for event in self.events
                    if event.get("kind") == kind and (server is None or event.get("server") == server)]
        with self.new_event:
            self.new_event.wait_for(seen, timeout=seconds)
            return seen()

    # The story.

    def prepare(self):
        shutil.copy(HERE / "demo.toml", self.home / "rgrid.toml")
        self.make_texts()
        self.say("So that you need not wait for hours, this demo's configuration (examples/demo/demo.toml) makes\n"
                 "  a paid period 60 s instead of an hour, a boot 4 s instead of a minute,\n"
                 "  the heartbeat limit 6 s instead of 2 minutes. The prices are those of a small cloud server.")

    def make_texts(self):
        self.texts = self.home / "texts"
        self.texts.mkdir()
        make_texts.main(self.texts, self.files)
        size = sum(path.stat().st_size for path in self.texts.iterdir())
        self.say(f"Input: {self.files} text files, {size / 1e6:.1f} MB, in {self.texts}")

    def kill_a_worker_in_the_middle(self):
        """Kills the agent of a worker that runs jobs, once some of the batch is done."""
        self.killed = None
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self.killed is None:
            counts = self.ask("status")["jobs"]
            if counts["succeeded"] >= self.files // 12:
                for worker in self.ask("workers"):
                    pid = self.pid_of_agent(worker["worker"])
                    if worker["phase"] == "ready" and worker["busy_slots"] > 0 and pid:
                        os.kill(pid, signal.SIGKILL)
                        self.killed = worker["worker"]
                        self.say(f"    demo   | kill -9 {pid}: {self.killed} is dead in the middle of {worker['busy_slots']} jobs")
                        return
            time.sleep(0.2)

    def pid_of_agent(self, worker):
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if (process / "comm").read_text().strip() != "rgrid-worker":
                    continue
                environment = (process / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if f"RGRID_SERVER={worker}".encode() in environment:
                return int(process.name)
        return None

    def count_everything(self):
        self.chapter("Counting words: one Python job a file")
        killer = threading.Thread(target=self.kill_a_worker_in_the_middle)
        killer.start()
        self.counted = self.home / "counted"
        code = self.show("batch", "--each", f"{self.texts}/*.txt", "--output", "counts.json", "--output-dir", str(self.counted),
                         "--max-attempts", "2", str(HERE / "count_words.py"), "{}")
        killer.join()
        self.check(code == 0, "every job of the batch succeeded")

        self.chapter("Longest lines: one shell job a file")
        self.lined = self.home / "lined"
        code = self.show("batch", "--each", f"{self.texts}/*.txt", "--output", "lines.txt", "--output-dir", str(self.lined),
                         str(HERE / "longest_lines.sh"), "{}")
        self.check(code == 0, "every job of the batch succeeded")

    def compare_with_direct_count(self):
        self.chapter("Are the results right? The same count, done directly")
        same_counts = same_lines = 0
        words = 0
        for path in sorted(self.texts.iterdir()):
            text = path.read_text()
            direct = count_words.count_words(text)
            fetched = json.loads((self.counted / path.name / "counts.json").read_text())
            same_counts += fetched["words"] == sum(direct.values()) and fetched["different"] == len(direct)
            words += fetched["words"]
            lines = int((self.lined / path.name / "lines.txt").read_text().split("\n")[0])
            same_lines += lines == text.count("\n")
        self.check(same_counts == self.files, f"{same_counts} of {self.files} word counts agree, {words} words in all")
        self.check(same_lines == self.files, f"{same_lines} of {self.files} line counts agree")

    def look_at_the_loss(self):
        self.chapter("What happened to the killed worker")
        self.check(self.killed is not None, f"a busy worker was killed: {self.killed}")
        lost = self.wait_for_event("worker_lost", 20, self.killed)
        self.check(lost, "it was given up after the heartbeat limit")
        jobs = lost[0].get("jobs", []) if lost else []
        handed = 0
        for job in jobs:
            view = self.ask("status", str(job))["job"]
            handed += view["state"] == "succeeded" and view["worker"] != self.killed and view["losses"] == 1
        self.check(jobs and handed == len(jobs), f"its {len(jobs)} jobs were handed to others and succeeded there")
        at = self.events.index(lost[0]) if lost else len(self.events)
        replaced = [event for event in self.events[at:] if event.get("kind") == "server_create"]
        self.check(replaced, f"a replacement was ordered: {replaced[0]['server'] if replaced else 'none'}")

    def wait_for_the_end(self):
        self.chapter("Nothing is left to do: idle workers go just before their next paid period")
        deadline = time.monotonic() + 100
        servers = self.ask("servers")
        while servers and time.monotonic() < deadline:
            time.sleep(1)
            servers = self.ask("servers")
        self.check(not servers, "no server is left")
        bills = self.ask("servers", "--all")
        overrun = []
        for line in bills:
            lifetime = duration(line["bill"]["lifetime"])
            into = lifetime % self.paid_period
            if line["bill"]["server"] != self.killed and into < self.paid_period - self.window:
                overrun.append(line["bill"]["server"])
        self.check(not overrun, f"each idle worker went in {self.last_part}"
                   + (f", but not {', '.join(overrun)}" if overrun else ""))

    def draw_the_bill(self):
        self.chapter("The bill")
        self.show("servers", "--all")
        self.show("cost", "--by", "worker")
        self.show_beginning(9, "cost", "--by", "job")
        cost = self.ask("cost")
        report = cost["report"]
        nanos = sum(money(job["cost"]) for job in report["jobs"]) + sum(money(idle) for idle in report["idle"])
        total = sum(money(amount) for amount in report["total"])
        self.check(nanos == total, f"{len(report['jobs'])} jobs and the idle time add up to the bill: {total / 1e9:.4f} EUR")
        dearest = max(report["jobs"], key=lambda job: money(job["cost"]))
        self.say(f"  used share of the paid time: {report['used_share']:.0%}; the dearest job: {dearest['name']}, {dearest['cost']}")
        self.report, self.total = report, total

    def explain(self):
        self.chapter("Why? The fleet's own words")
        self.show("explain", "--worker", self.killed or "demo-default-1")

    def stop(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
            try:
                self.daemon.wait(30)
            except subprocess.TimeoutExpired:
                self.daemon.kill()

    def leftovers(self):
        """Processes that still carry this demo's home in their environment or command line."""
        left = []
        mark = str(self.home).encode()
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            if int(process.name) == os.getpid():
                continue
            try:
                if mark in (process / "cmdline").read_bytes() or mark in (process / "environ").read_bytes():
                    left.append(int(process.name))
            except OSError:
                continue
        return left

    def summary(self):
        self.chapter("Summary")
        counts = self.ask("status")["jobs"]
        self.check(counts["succeeded"] == counts["accepted"] == 2 * self.files,
                   f"{counts['succeeded']} of {counts['accepted']} accepted jobs succeeded, none lost")
        self.check(self.daemon.returncode == 0, f"the daemon ended cleanly, exit code {self.daemon.returncode}")
        left = self.leftovers()
        self.check(not left, f"{len(left)} processes are left running")
        self.say(f"  {counts['accepted']} jobs on {len(self.report['servers'])} servers, "
                 f"{sum(server['periods'] for server in self.report['servers'])} paid periods, "
                 f"{self.total / 1e9:.4f} EUR, {time.monotonic() - self.begin:.0f} s")

    def end_leftovers(self):
        """A demo that went wrong keeps its folder, but no process."""
        for pid in self.leftovers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def run(self):
        try:
            return self.tell()
        finally:
            self.end_leftovers()

    def tell(self):
        self.prepare()
        self.chapter("The daemon starts; nothing is queued, so nothing is rented")
        self.start_daemon()
        self.wait_for_event("leading", 20)
        try:
            self.count_everything()
            self.compare_with_direct_count()
            self.look_at_the_loss()
            self.wait_for_the_end()
            self.draw_the_bill()
            self.explain()
        finally:
            self.stop()
        self.summary()
        good = all(self.checks)
        self.say(f"\n{sum(self.checks)} of {len(self.checks)} statements were true.")
        if good:
            shutil.rmtree(self.home)
        else:
            self.say(f"Everything is kept in {self.home}")
        return 0 if good else 1


def duration(text):
    """Seconds of a duration as RGrid writes it: "90s", "1m", "1500ms"."""
    for unit, factor in (("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)):
        if text.endswith(unit):
            return float(text[: -len(unit)]) * factor
    raise ValueError(text)


def money(text):
    """Billionths of an amount as RGrid writes it: "0.009 EUR"."""
    whole, _, decimals = text.split(" ")[0].lstrip("-").partition(".")
    nanos = int(whole) * 10**9 + int((decimals + "0" * 9)[:9])
    return -nanos if text.startswith("-") else nanos


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True, help="folder of rgrid, rgridd, rgrid-worker and rgrid-keeper")
    parser.add_argument("--files", type=int, default=48, help="how many text files to count")
    parser.add_argument("--cloud", choices=("process", "hetzner-sim"), default="process",
                        help="what servers are: local processes, or those of a simulated Hetzner Cloud")
    options = parser.parse_args()
    demo = Demo
    if options.cloud == "hetzner-sim":
        from simulated_hetzner import HetznerDemo as demo
    return demo(options.programs, options.files).run()


if __name__ == "__main__":
    sys.exit(main())
