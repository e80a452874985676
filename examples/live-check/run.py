"""Whether a fleet works in your Hetzner Cloud project, shown with one server that costs one server-hour at most: it
is made, boots, runs a job and is deleted, each step is measured, and then nothing of it is left. Whatever happens, the
server is deleted. Asks before it rents. The token is taken from HETZNER_API_TOKEN or HCLOUD_TOKEN."""

import datetime
import math
import os
import pathlib
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from fleet import CommandFailure, Fleet  # noqa: E402
from options import parse  # noqa: E402
from project import COLLECTIONS, ApiFailure, Project  # noqa: E402

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LATE_LOOKS = 5  # After an order of which no server has been seen: it may still be on its way.


class Failure(Exception):
    """Why the check has not passed."""


class Stopped(BaseException):
    """The user has had enough; no failure, and never taken for one."""


def wall(text):
    """Seconds since 1970 of a time as RGrid and the API write it."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class LiveCheck:
    def __init__(self, options, token):
        self.options = options
        self.project = Project(options.url, token)
        self.fleet = Fleet(options, token)
        self.begin = time.monotonic()
        self.at = {}  # What has happened, by our calendar: its name -> seconds since 1970.
        self.server = None  # As the API showed it last.
        self.standing = []  # Of the fleet, when they were looked for in the end or last.
        self.addresses = set()
        self.refused = None  # When and why a server was refused, as long as no other try has gone better.
        self.rented = self.cleaning = self.stop_wanted = False
        self.may_stop = True

    def say(self, text=""):
        print(text, flush=True)

    def tell(self, text):
        self.say(f"  {time.monotonic() - self.begin:6.1f} s  {text}")

    # Before anything is rented.

    def prepare(self):
        self.fleet.configure()
        if problems := self.fleet.problems():
            raise Failure("nothing can be rented: " + "; ".join(problems))
        self.currency, prices = self.project.prices(self.options.type, self.options.location)
        if not prices:
            raise Failure(f"{self.options.type} has no price in {', '.join(self.options.location)}")
        self.price = max(prices.values(), key=lambda price: price.net)
        self.fleet.configure(f"{self.price.net:.9f} {self.currency}")

    def ask(self):
        where = " or ".join(self.options.location) or "the first of the usual locations that has one"
        self.say(f"""This rents one server in the Hetzner Cloud project of your token, at {self.options.url}:

  what        a {self.options.type} in {where}, for some minutes, as fleet "{self.fleet.name}";
              with it a private network and a firewall of that name
  cost        one started hour at most: {self.cost()}, as the API says; the fleet may not spend more
  then        it boots, fetches its agent from {self.options.gateway_url}, runs one job, and is deleted;
              also if anything fails, on Ctrl-C, and after {self.options.time_limit / 60:g} minutes
  not         touched is anything that is in the project already
""")
        if self.options.yes:
            return
        print('Type "yes" to go on: ', end="", flush=True)
        if sys.stdin.readline().strip() != "yes":
            raise Failure("not agreed to; nothing was rented")

    def cost(self):
        return f"{self.price.net:.4f} {self.currency} net, {self.price.gross:.4f} {self.currency} with VAT"

    # With a server.

    def work(self):
        self.say("The server:")
        self.deadline = time.monotonic() + self.options.time_limit
        self.start_daemon()
        submitted = self.fleet.run("run", "--detach", "--output", "host.txt", str(HERE / "job.sh"))
        if submitted.returncode != 0:
            raise Failure(f"the job cannot be submitted: {submitted.stderr.strip()}")
        self.job = submitted.stdout.strip()
        self.wait("the worker's first beat", self.has_beaten)
        self.wait("the job's end", self.has_ended)
        self.let_go()

    def wait(self, what, condition):
        while not condition():
            if time.monotonic() > self.deadline:
                raise Failure(f"{self.options.time_limit / 60:g} minutes are over without {what}")
            if self.fleet.daemon.poll() is not None:
                raise Failure(f"rgridd has ended with {self.fleet.daemon.returncode}")
            time.sleep(self.options.look_every)
            self.look()

    def note(self, name, at=None):
        if name not in self.at:
            self.at[name] = time.time() if at is None else at
            self.tell(f"{name}")

    def look(self):
        for event in self.fleet.new_events():
            self.take(event)
        try:
            seen = self.project.of_fleet("servers", self.fleet.name)
        except ApiFailure as failure:
            return self.tell(f"{failure}; looking again")
        for server in seen:
            self.see(server)
        if self.refused and not seen and time.monotonic() - self.refused[0] > self.options.patience:
            raise Failure(f"no server is to be had: {self.refused[1]}")

    def see(self, server):
        self.server, self.standing = server, [server]
        for kind in ("ipv4", "ipv6"):
            if address := (server["public_net"].get(kind) or {}).get("id"):
                self.addresses.add(address)
        self.note("listed")
        if server["status"] == "running":
            self.note("running")
        elif server["status"] == "deleting":
            self.note("deleting")

    def take(self, event):
        kind = event.get("kind")
        if kind == "server_create":
            self.at.setdefault("ordered", wall(event["at"]))
            self.refused = None
        elif kind in ("server_refused", "step_failed"):
            self.refused = time.monotonic(), event["text"]
        elif kind == "server_delete":
            self.note("delete asked for", wall(event["at"]))
            if "let go" not in self.at:
                raise Failure(f"the fleet gave the server up: {event['text']}")
        elif kind == "worker_lost":
            raise Failure(event["text"])

    def has_beaten(self):
        if any(worker["phase"] == "ready" for worker in self.fleet.ask("workers")):
            self.note("first beat")
        return "first beat" in self.at

    def has_ended(self):
        job = self.fleet.ask("status", self.job)["job"]
        if job["state"] not in ("succeeded", "failed", "dead", "cancelled"):
            return False
        if job["state"] != "succeeded":
            raise Failure(f"the job has {job['state']}: {job['message'] or 'exit code ' + str(job['exit_code'])}")
        self.note("job done", wall(job["finished"]))
        return True

    def let_go(self):
        """The daemon's own way of deleting a server, to the API's 404."""
        self.note("let go")
        done = self.fleet.run("workers", "delete", self.server["name"])
        if done.returncode != 0:
            raise Failure(f"the worker cannot be let go: {done.stderr.strip()}")
        self.wait("the server's end", lambda: self.has_gone(self.server["id"]))

    def has_gone(self, number):
        try:
            gone = self.project.call("GET", f"/servers/{number}") is None
        except ApiFailure:
            return False
        if gone:
            self.note("404")
        return gone

    # Whatever has happened.

    def clean(self):
        """Returns why it is not known to be clean; empty: it is."""
        self.say("Cleaning up:")
        self.fleet.stop_daemon()
        self.take_orders()
        looks = LATE_LOOKS if "ordered" in self.at and not self.server else 0
        for look in range(looks + 1):
            time.sleep(self.options.look_every if look > 0 else 0)
            left, why = self.delete_everything()
            if self.standing:
                break
        return self.alarm(left, why) if left or why else ""

    def take_orders(self):
        for event in self.fleet.new_events():
            if event.get("kind") == "server_create":
                self.at.setdefault("ordered", wall(event["at"]))

    def delete_everything(self):
        """What is left, and why that is not known."""
        try:
            problem = self.fleet.delete_everything(self.options.delete_limit)
        except CommandFailure as failure:
            problem = str(failure)
        if problem:
            self.tell(problem)
        try:
            self.delete_by_hand()
            self.standing = self.project.of_fleet("servers", self.fleet.name)
            return self.project.left_of(self.fleet.name, self.addresses), ""
        except ApiFailure as failure:
            return [("servers", server["id"], server["name"]) for server in self.standing], str(failure)

    def delete_by_hand(self):
        """The last resort, with nothing of RGrid in it."""
        until = time.monotonic() + self.options.delete_limit
        while servers := self.project.of_fleet("servers", self.fleet.name):
            self.standing = servers
            for server in servers:
                self.delete_server(server)
            if time.monotonic() > until:
                return
            time.sleep(self.options.look_every)

    def delete_server(self, server):
        try:
            self.project.call("DELETE", f"/servers/{server['id']}")
            self.tell(f"server {server['id']} ({server['name']}) is deleted by hand")
        except ApiFailure as failure:
            self.tell(f"server {server['id']} ({server['name']}) cannot be deleted by hand either: {failure}")

    def alarm(self, left, why):
        """Says loudly what there may be, and how it goes."""
        line = "!" * 100
        self.say(f"\n{line}\nTHE PROJECT IS NOT KNOWN TO BE CLEAN{': ' + why if why else ''}")
        for collection, number, name in left:
            what = "a server may go on costing" if collection == "servers" else "left"
            self.say(f"  {what}: {COLLECTIONS[collection]} {number} {name}\n"
                     f'    curl -X DELETE -H "Authorization: Bearer $HETZNER_API_TOKEN" '
                     f"{self.options.url}/{collection}/{number}")
        self.say(f"  Everything of this check has the label rgrid/fleet={self.fleet.name}: look for it in the Console\n"
                 f"  and delete it there, or with\n    HETZNER_API_TOKEN=... {self.fleet.programs}/rgrid --home "
                 f"{self.fleet.home} servers delete --provider-only --belongings --fleet {self.fleet.name}\n{line}\n")
        return "the project is not known to be clean; see above"

    # What came of it.

    def between(self, first, second):
        if first not in self.at or second not in self.at:
            return "-"
        return f"{max(self.at[second] - self.at[first], 0):.1f} s"

    def table(self):
        every = f"{self.options.look_every:g} s"
        rows = [("ordered -> in the API's listing", self.between("ordered", "listed")),
                ("in the listing -> running", self.between("listed", "running")),
                ("running -> the worker's first beat", self.between("running", "first beat")),
                ("ordered -> the worker's first beat", self.between("ordered", "first beat")),
                ("first beat -> the job's end", self.between("first beat", "job done")),
                ("delete asked for -> 404", self.between("delete asked for", "404"))]
        self.say(f"\nMeasured, looking every {every}:\n")
        for what, took in rows:
            self.say(f"  {what:<40} {took:>10}")
        if self.server and math.isfinite(self.project.ahead[0]):
            self.show_anchor()

    def show_anchor(self):
        """Where the paid hour may begin, as far as the API shows it. Its times have whole seconds."""
        least, most = self.project.ahead
        ahead, doubt = (least + most) / 2, abs(most - least) / 2
        created = wall(self.server["created"]) + 0.5 - ahead
        side = "before" if ahead >= 0 else "behind"
        self.say(f"\n  the API's calendar is {abs(ahead):.1f} s {side} this machine's (within {doubt:.1f} s, by its Date)\n"
                 f"  the server's `created` is {self.server['created']}")
        for name, what in (("ordered", "the order"), ("running", "the first look that showed it running")):
            if name in self.at:
                after = created - self.at[name]
                self.say(f"  that is {abs(after):.1f} s {'after' if after >= 0 else 'before'} {what} "
                         f"(within {doubt + 0.5:.1f} s)")
        self.say("  RGrid counts the paid hour from `created`. If Hetzner counts from a later moment, an hour ends later than\n"
                 "  RGrid thinks and nothing is lost; the API does not show it, the invoice does.")

    # The whole.

    def on_signal(self, *_):
        """Ends the check once, and never in the middle of a start or of cleaning up."""
        self.stop_wanted = True
        if self.may_stop:
            self.may_stop = False
            raise Stopped
        if self.cleaning:
            self.say("Deleting the server; please let it end.")

    def start_daemon(self):
        self.may_stop = False
        self.rented = True
        self.fleet.start_daemon(self.tell)
        self.may_stop = True
        if self.stop_wanted:
            self.may_stop = False
            raise Stopped

    def attempt(self):
        """Why it has not passed; empty: it has. From its end on nothing is stopped by a signal."""
        problem = ""
        try:
            try:
                self.prepare()
                self.ask()
                self.work()
            except (Failure, CommandFailure, ApiFailure) as failure:
                problem = str(failure)
                self.explain()
            except Exception as defect:  # Nothing may keep the server from being deleted.
                problem = f"a defect of this check: {defect!r}"
            self.may_stop = False
        except Stopped:
            problem = "stopped by a signal"
        return problem

    def explain(self):
        """What the fleet says of a server that did not do what it should; its boot's log with it."""
        if not self.server:
            return
        try:
            said = self.fleet.run("explain", "--worker", self.server["name"]).stdout
        except CommandFailure as failure:
            said = str(failure)
        self.say("\n".join(said.splitlines()[-30:]))

    def run(self):
        for each in STOP_SIGNALS:
            signal.signal(each, self.on_signal)
        problem = self.attempt()
        self.cleaning = True
        unclean = self.clean() if self.rented else ""
        if self.rented:
            self.table()
        if problem or unclean:
            self.say(f"\nConfiguration, logs and store of this check are kept in {self.fleet.home}")
        else:
            self.fleet.forget()
        outcome = f"FAILED: {problem}" if problem else "FAILED" if unclean else "passed"
        if self.rented:
            outcome += f"; {unclean or 'nothing of it is left in the project'}"
        self.say(f"\nlive-check: {outcome}")
        return 1 if problem or unclean else 0


def main(arguments):
    options = parse(arguments, __doc__)
    token = os.environ.get("HETZNER_API_TOKEN") or os.environ.get("HCLOUD_TOKEN")
    if not token:
        print("live-check: there is no token; set HETZNER_API_TOKEN to one of your project with the right to read and "
              "write (Console: Security -> API Tokens)", file=sys.stderr)
        return 2
    return LiveCheck(options, token).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
