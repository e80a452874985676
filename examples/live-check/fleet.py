"""A fleet of one server, with a home folder, a name and a daemon of its own."""

import json
import os
import pathlib
import queue
import secrets
import shutil
import subprocess
import tempfile
import threading
import urllib.parse

CALL_LIMIT = 60  # Seconds for one command; deletes have a limit of their own.


class CommandFailure(Exception):
    """A program said no."""


def as_text(words):
    """A list of TOML."""
    return json.dumps(list(words))


class Fleet:
    def __init__(self, options, token):
        self.options = options
        self.programs = pathlib.Path(options.programs).resolve()
        self.name = f"live-check-{secrets.token_hex(3)}"
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="rgrid-live-check-"))
        # What the caller's environment says about another fleet does not concern this one.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("RGRID_")
                            and name not in ("DATABASE_URL", "RAY_HEAD_ADDRESS", "HCLOUD_TOKEN")}
        self.environment["HETZNER_API_TOKEN"] = token
        self.daemon = None
        self.events = queue.SimpleQueue()

    # The configuration.

    def configure(self, spend=None):
        """Writes it; with `spend`, such as "0.0096 EUR", nothing beyond one server of that price can be ordered."""
        options, gateway = self.options, urllib.parse.urlsplit(self.options.gateway_url)
        lines = ["[fleet]", f'name = "{self.name}"', 'interval = "2s"', 'sessions_max_age = "1s"', "",
                 "[cloud.hetzner]", f"url = {json.dumps(options.url)}", f"types = {as_text([options.type])}"]
        if options.location:
            lines.append(f"locations = {as_text(options.location)}")
        if options.ssh_key:
            lines.append(f"ssh_key = {json.dumps(os.path.abspath(options.ssh_key))}")
        lines += ["", "[gateway]", f"url = {json.dumps(options.gateway_url)}"]
        if gateway.scheme == "http":
            lines.append(f'listen = "{options.listen or gateway.netloc}"')
        else:
            certificate, key, authority = self.certificate(gateway.hostname)
            lines += [f'listen = "{options.listen or f"0.0.0.0:{gateway.port or 443}"}"',
                      f"certificate = {json.dumps(certificate)}", f"key = {json.dumps(key)}"]
            lines += [f"ca = {json.dumps(authority)}"] if authority else []
        lines += ["", "[limits]", "max_workers = 1"]
        lines += [f'spend_per_hour = "{spend}"', f'spend_per_month = "{spend}"'] if spend else []
        lines += ["", "[pool.default.scaling]", "min_queued = 1", ""]
        (self.home / "rgrid.toml").write_text("\n".join(lines))

    def certificate(self, host):
        """Certificate, key and authority: the user's, or one of this check's own, which its server is told to believe."""
        options = self.options
        if options.certificate:
            return (*(os.path.abspath(path) for path in (options.certificate, options.key)),
                    os.path.abspath(options.ca) if options.ca else "")
        certificate, key = self.home / "gateway.pem", self.home / "gateway.key"
        if not certificate.exists():
            kind = "IP" if ":" in host or host.replace(".", "").isdigit() else "DNS"
            made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                                   "-nodes", "-subj", "/CN=rgrid-live-check", "-addext", f"subjectAltName={kind}:{host}",
                                   "-days", "2", "-keyout", key, "-out", certificate], capture_output=True, text=True)
            if made.returncode != 0:
                raise CommandFailure(f"openssl cannot make a certificate for {host}: {made.stderr.strip()}")
        return str(certificate), str(key), str(certificate)

    # Programs.

    def run(self, *arguments, limit=CALL_LIMIT):
        command = [self.programs / "rgrid", "--home", self.home, *arguments]
        try:
            # A group of its own: the Ctrl-C that ends the check must not end what cleans up.
            return subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=limit,
                                  start_new_session=True)
        except subprocess.TimeoutExpired:
            raise CommandFailure(f"'rgrid {' '.join(arguments)}' has not ended in {limit} s") from None

    def ask(self, *arguments):
        done = self.run(*arguments, "--json")
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise CommandFailure(f"'rgrid {' '.join(arguments)}' failed: {done.stderr.strip() or done.returncode}") from None

    def problems(self):
        """What 'rgrid doctor' says against renting a server."""
        return [f"{check['subject']}: {check['found']}" for check in self.ask("doctor") if check["health"] == "fail"]

    def start_daemon(self, tell):
        self.daemon = subprocess.Popen([self.programs / "rgridd", "--home", self.home], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True, start_new_session=True,
                                       env={**self.environment, "RGRID_LOG_FORMAT": "json"})
        threading.Thread(target=self.follow_daemon, args=[tell], daemon=True).start()

    def follow_daemon(self, tell):
        with (self.home / "rgridd.log").open("w") as log:
            for line in self.daemon.stderr:
                log.write(line)
                log.flush()
                try:
                    event = json.loads(line)
                except ValueError:
                    event = {"text": line.rstrip()}
                if event.get("severity") != "debug":
                    tell(f"rgridd: {event.get('text', '')}")
                self.events.put(event)

    def new_events(self):
        events = []
        while not self.events.empty():
            events.append(self.events.get())
        return events

    def stop_daemon(self):
        if self.daemon is None or self.daemon.poll() is not None:
            return
        self.daemon.terminate()
        try:
            self.daemon.wait(30)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()

    def delete_everything(self, seconds):
        """With nothing but the API: no store, no daemon. Returns what went wrong; empty: nothing."""
        done = self.run("servers", "delete", "--provider-only", "--belongings", "--yes", "--fleet", self.name,
                        "--limit", f"{seconds:.0f}s", limit=seconds + CALL_LIMIT)
        return "" if done.returncode == 0 else done.stderr.strip() or f"exit code {done.returncode}"

    def forget(self):
        shutil.rmtree(self.home, ignore_errors=True)
