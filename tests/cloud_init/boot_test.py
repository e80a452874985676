#!/usr/bin/env python3
"""Runs the boot script of the golden user data on a made-up machine: its paths lead into a temporary folder, and its
PATH holds only the programs that it may use, most of them made up too."""

import hashlib
import http.server
import os
import re
import shutil
import subprocess
import tempfile
import textwrap
import threading
import unittest
from pathlib import Path

from cloud_config import GOLDEN, files

TOKEN = "3q2-7wAAq83vEjRWeJq83v8SNFZ4mrze-xI0VniavN4"
REPORTS = [f"rgrid-boot: stage={stage}\n" for stage in ("booting", "installing", "starting", "ready")]
AGENT = "#!/bin/sh\necho rgrid-agent 0.1.0\n"
REAL = ("bash", "cat", "chmod", "date", "grep", "mv", "rm", "sha256sum", "tail", "timeout", "touch", "tr")

# $M is the machine: calls (one line each), reports/N, and files that say how it behaves.
PROGRAMS = {
    "curl": r"""
        url= output= data= header=
        while [ $# -gt 0 ]; do
            case $1 in
                --url) url=$2; shift ;;
                --output) output=$2; shift ;;
                --data-binary) data=$2; shift ;;
                --header) case $2 in @*) header=$(cat "${2#@}") ;; esac; shift ;;
            esac
            shift
        done
        case $url in
            */boot-log)
                [ ! -e "$M/deaf" ] || { echo 'curl: (7) Failed to connect to gateway.example port 8443' >&2; exit 7; }
                n=$(($(cat "$M/count") + 1)); echo $n >"$M/count"
                cat >"$M/reports/$n"
                printf '%s' "$header" >"$M/reports/$n.header" ;;
            *)
                left=$(cat "$M/away")
                if [ "$left" -gt 0 ]; then
                    echo $((left - 1)) >"$M/away"
                    echo 'curl: (7) Failed to connect to gateway.example port 8443 after 9 ms' >&2; exit 7
                fi
                cat "$M/agent" >"$output" ;;
        esac
        """,
    "apt-get": r"""
        [ ! -e "$M/apt-says" ] || cat "$M/apt-says"
        case " $* " in
            *' update '*)
                left=$(cat "$M/lists-locked")
                if [ "$left" -gt 0 ]; then
                    echo $((left - 1)) >"$M/lists-locked"
                    echo 'E: Could not get lock /var/lib/apt/lists/lock.' >&2; exit 100
                fi ;;
            *' install '*)
                [ ! -e "$M/apt-broken" ] || { echo 'E: Unable to fetch some archives' >&2; exit 100; }
                case " $* " in *' curl '*) cp "$M/packages/curl" "$M/bin/curl" ;; esac
                case " $* " in *' docker.io '*) cp "$M/packages/docker" "$M/bin/docker" ;; esac
                case " $* " in *' nftables '*) cp "$M/packages/nft" "$M/bin/nft" ;; esac ;;
        esac
        """,
    "docker": r"""
        case $1 in
            info) [ ! -e "$M/docker-silent" ] || { echo 'Cannot connect to the Docker daemon' >&2; exit 1; } ;;
            pull)
                ! grep -qx -e "$3" "$M/bad-images" || { echo "manifest for $3 not found" >&2; exit 1; } ;;
        esac
        """,
    "systemctl": r"""
        case "$*" in
            'show -P NRestarts '*) cat "$M/restarts" ;;
            'show -P ActiveState '*) echo active ;;
            *) ! grep -qF -e "$*" "$M/bad-units" || { echo 'Job failed. See journalctl.' >&2; exit 1; } ;;
        esac
        """,
    "journalctl": 'cat "$M/journal"',
    "ip": r"""
        left=$(cat "$M/no-address")
        echo '1: docker0    inet 172.17.0.1/16 scope global docker0'
        if [ "$left" -gt 0 ]; then echo $((left - 1)) >"$M/no-address"; exit 0; fi
        echo '3: enp7s0    inet 10.0.0.3/32 scope global dynamic enp7s0'
        """,
    "python3": r"""mkdir -p "$3/bin" && cp "$M/packages/pip" "$3/bin/" """,
    "pip": r"""
        [ ! -e "$M/pip-broken" ] || { echo 'ERROR: No matching distribution' >&2; exit 1; }
        cp "$0" "${0%pip}ray"
        """,
    "getent": "exit 2",
    "nft": "", "sleep": "", "sysctl": "", "useradd": "", "usermod": "",
}
# What the made-up programs themselves need is not in the machine's PATH.
HEAD = "#!/bin/bash\nPATH=/usr/bin:/bin\necho \"{name} $*\" >>\"$M/calls\"\n"


class Machine:
    def __init__(self, variant, without=("docker",)):
        self.folder = tempfile.TemporaryDirectory()
        self.at = Path(self.folder.name)
        for name in ("bin", "packages", "reports", "etc/sysctl.d", "var/log", "usr/local/bin", "opt/rgrid"):
            (self.at / name).mkdir(parents=True)
        for name in REAL:
            (self.at / "bin" / name).symlink_to(shutil.which(name))
        for name, body in PROGRAMS.items():
            path = self.at / ("packages" if name in (*without, "pip") else "bin") / name
            path.write_text(HEAD.format(name=name) + textwrap.dedent(body) + "\n")
            path.chmod(0o755)
        self.set(count="0", away="0", restarts="0", agent=AGENT, calls="")
        self.set(**{"no-address": "0", "bad-images": "", "bad-units": "", "lists-locked": "0",
                    "journal": "worker ci-small-7 is registered (incarnation 1)\n"})
        self.expect_agent(AGENT, variant)

    def set(self, **values):
        for name, value in values.items():
            (self.at / name).write_text(value)

    def expect_agent(self, agent, variant):
        """The files of the user data, with a checksum that is that of this agent."""
        for path, text in files((GOLDEN / f"{variant}.yaml").read_text()).items():
            text = re.sub(r'(RGRID_AGENT_SHA256="|v1/agent/)[0-9a-f]{64}',
                          lambda found: found[1] + hashlib.sha256(agent.encode()).hexdigest(), text)
            target = self.at / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(re.sub(r"(?<![\w./:-])/(etc|var|opt|usr/local)/", rf"{self.at}/\1/", text))

    def run(self, task="boot"):
        """The exit code, and the reports that reached the gateway."""
        done = subprocess.run(["bash", self.at / "usr/local/lib/rgrid/boot.sh", task],
                              env={"PATH": str(self.at / "bin"), "M": str(self.at)},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, cwd=self.at)
        assert (done.stdout, done.stderr) == ("", ""), done
        return done.returncode, [(self.at / f"reports/{n + 1}").read_text() for n in range(int(self.read("count")))]

    def read(self, name):
        return (self.at / name).read_text()

    def log(self, task="boot"):
        return self.read(f"var/log/rgrid-{task}.log")

    def calls(self, *programs):
        return [line for line in self.read("calls").splitlines() if line.split()[0] in programs]


class Boot(unittest.TestCase):
    def machine(self, variant="plain", **options):
        machine = Machine(variant, **options)
        self.addCleanup(machine.folder.cleanup)
        return machine

    def fails(self, machine, *expected, task="boot"):
        """The last report of a boot that fails. Its first line holds each text."""
        code, reports = machine.run(task)
        self.assertNotEqual(code, 0, machine.log(task))
        first = reports[-1].splitlines()[0]
        self.assertTrue(first.startswith("rgrid-boot: stage=failed at="), first)
        for text in expected:
            self.assertIn(text, first)
        return reports[-1]

    def in_order(self, calls, *texts):
        places = [next((i for i, call in enumerate(calls) if text in call), None) for text in texts]
        self.assertNotIn(None, places, (texts, calls))
        self.assertEqual(places, sorted(places), calls)

    def test_a_plain_server_becomes_a_worker(self):
        machine = self.machine()
        code, reports = machine.run()
        self.assertEqual(code, 0, machine.log())
        self.assertEqual(reports, REPORTS)
        self.assertEqual(machine.read("usr/local/bin/rgrid-agent"), AGENT)
        self.assertTrue(os.access(machine.at / "usr/local/bin/rgrid-agent", os.X_OK))
        self.assertNotIn("command not found", machine.log())
        self.in_order(machine.read("calls").splitlines(), "install docker.io apparmor", "useradd --system",
                      "--now rgrid-firewall", "v1/agent/", "enable --now docker", "docker info",
                      "usermod --append --groups docker rgrid",
                      "enable --now rgrid-agent", "journalctl", "start --no-block rgrid-images")

    def test_the_token_is_shown_to_the_gateway_only(self):
        machine = self.machine()
        code, reports = machine.run()
        self.assertEqual(code, 0)
        for n in range(len(reports)):
            self.assertEqual(machine.read(f"reports/{n + 1}.header"), f"Authorization: Bearer {TOKEN}")
        self.assertNotIn(TOKEN, machine.read("calls"))
        self.assertNotIn(TOKEN, machine.log())
        self.assertEqual((machine.at / "var/log/rgrid-boot.log").stat().st_mode & 0o777, 0o600)

    def test_all_is_asked_by_https_and_of_the_own_authority(self):
        machine = self.machine("own_authority")
        self.assertEqual(machine.run()[0], 0, machine.log())
        calls = machine.calls("curl")
        self.assertEqual(len(calls), 5)
        for call in calls:
            self.assertIn("--proto =https ", call)
            self.assertIn(f"--cacert {machine.at}/etc/rgrid/ca.pem", call)
            self.assertNotIn("--location", call)
        self.assertIn("--url https://files.example/agents/rgrid-agent?version=1", "\n".join(calls))

    def test_the_systems_authorities_are_believed_where_none_are_given(self):
        machine = self.machine()
        machine.run()
        self.assertNotIn("--cacert", machine.read("calls"))

    def test_a_wrong_agent_is_neither_kept_nor_run(self):
        machine = self.machine()
        machine.set(agent=AGENT + "# changed\n")
        wrong = hashlib.sha256((AGENT + "# changed\n").encode()).hexdigest()
        right = hashlib.sha256(AGENT.encode()).hexdigest()
        self.fails(machine, "at=installing", f"has the SHA-256 {wrong}, expected {right}")
        self.assertEqual(list((machine.at / "usr/local/bin").iterdir()), [])
        self.assertFalse([call for call in machine.calls("systemctl") if "agent" in call])

    def test_the_real_curl_says_the_same_to_a_real_server(self):
        curl = shutil.which("curl")
        if curl is None:
            self.skipTest("curl is not installed")
        asked = []

        class Gateway(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(("GET", self.path, self.headers["Authorization"], ""))
                self.answer(AGENT.encode())

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                asked.append(("POST", self.path, self.headers["Authorization"], body))
                self.answer(b"")

            def answer(self, body):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as gateway:
            threading.Thread(target=gateway.serve_forever, daemon=True).start()
            machine = self.machine(without=("curl", "docker"))
            (machine.at / "bin/curl").symlink_to(curl)
            for name in ("etc/rgrid/agent.env", "etc/rgrid/boot.env"):
                local = f"http://127.0.0.1:{gateway.server_port}"
                machine.set(**{name: machine.read(name).replace("https://gateway.example:8443", local)})
            code, _ = machine.run()
            gateway.shutdown()
        self.assertEqual(code, 0, machine.log())
        self.assertEqual(machine.read("usr/local/bin/rgrid-agent"), AGENT)
        self.assertEqual([body for method, _, _, body in asked if method == "POST"],
                         REPORTS)
        for method, path, authorization, _ in asked:
            if method == "POST":
                self.assertEqual((path, authorization), ("/v1/workers/ci-small-7/boot-log", f"Bearer {TOKEN}"))
            else:
                sum_of_agent = hashlib.sha256(AGENT.encode()).hexdigest()
                self.assertEqual((path, authorization), (f"/v1/agent/{sum_of_agent}", None))

    def test_a_gateway_that_comes_back_is_waited_for(self):
        machine = self.machine()
        machine.set(away="5")
        code, reports = machine.run()
        self.assertEqual((code, reports[-1]), (0, "rgrid-boot: stage=ready\n"), machine.log())
        self.assertEqual(machine.calls("sleep"), [f"sleep {n}" for n in (1, 2, 4, 8, 16)])

    def test_a_gateway_that_gives_no_agent_is_told_what_was_tried(self):
        machine = self.machine()
        machine.set(away="1000")
        report = self.fails(machine, "at=installing", "be fetched from https://gateway.example:8443/v1/agent/")
        self.assertIn("curl: (7) Failed to connect", report)
        self.assertIn("try 7 of 8 failed", report)

    def test_a_gateway_that_is_away_for_good_ends_the_boot(self):
        machine = self.machine()
        machine.set(away="1000", deaf="")
        code, reports = machine.run()
        self.assertNotEqual(code, 0)
        self.assertEqual(reports, [])
        self.assertTrue(machine.log().endswith("the gateway could not be told\n"), machine.log())

    def test_a_gateway_that_takes_no_reports_does_not_stop_a_boot(self):
        machine = self.machine()
        machine.set(deaf="")
        self.assertEqual(machine.run()[0], 0, machine.log())

    def test_a_failed_installation_is_told_with_the_end_of_the_log(self):
        machine = self.machine()
        machine.set(**{"apt-broken": "", "apt-says": "Get:1 http://mirror.example\n" * 10000})
        report = self.fails(machine, "at=installing status=1", "reason=apt-get could not install docker.io apparmor")
        self.assertEqual(len([call for call in machine.calls("apt-get") if " install " in call]), 3)
        self.assertIn("E: Unable to fetch some archives\n", report[-300:])
        self.assertLess(len(report.encode()), 64 * 1024)
        self.assertFalse(machine.calls("docker"))

    def test_apt_s_own_first_look_is_ended_and_its_lock_waited_for(self):
        machine = self.machine()
        machine.set(**{"lists-locked": "5"})
        self.assertEqual(machine.run()[0], 0, machine.log())
        self.in_order(machine.read("calls").splitlines(), "mask --now apt-daily.timer apt-daily-upgrade.timer",
                      "stop apt-daily.service", "apt-get -q update", " install docker.io apparmor")
        self.assertEqual(len([call for call in machine.calls("apt-get") if " update" in call]), 6)

    def test_lists_that_stay_locked_fail_the_boot(self):
        machine = self.machine()
        machine.set(**{"lists-locked": "99"})
        report = self.fails(machine, "at=installing status=1", "reason=apt-get could not read the lists of packages")
        self.assertIn("E: Could not get lock", report)
        self.assertFalse([call for call in machine.calls("apt-get") if " install " in call])

    def test_a_report_holds_neither_the_token_nor_what_no_log_can_take(self):
        machine = self.machine()
        machine.set(**{"apt-broken": "", "apt-says": f"token {TOKEN}\n\x1b[31mred\x07 \u00fc\n"})
        report = self.fails(machine)
        self.assertNotIn(TOKEN, report)
        self.assertIn("token ***\n[31mred \n", report)

    def test_docker_in_the_image_is_not_installed_again(self):
        machine = self.machine(without=())
        self.assertEqual(machine.run()[0], 0, machine.log())
        self.assertFalse(machine.calls("apt-get"))
        self.assertIn("usermod --append --groups docker rgrid", machine.calls("usermod"))

    def test_docker_that_does_not_answer_fails_the_boot(self):
        machine = self.machine()
        machine.set(**{"docker-silent": ""})
        report = self.fails(machine, "at=installing", "Docker does not answer")
        self.assertIn("Cannot connect to the Docker daemon", report)

    def test_without_docker_the_user_is_in_no_group_of_it(self):
        machine = self.machine("no_docker")
        self.assertEqual(machine.run()[0], 0, machine.log())
        self.assertFalse(machine.calls("apt-get", "docker", "usermod"))
        self.assertFalse([call for call in machine.calls("systemctl") if "images" in call or "docker" in call])

    def test_what_an_image_lacks_is_installed(self):
        machine = self.machine("no_docker", without=("curl", "nft", "docker"))
        code, reports = machine.run()
        self.assertEqual(code, 0, machine.log())
        self.assertIn("curl ca-certificates nftables", "\n".join(machine.calls("apt-get")))
        self.assertEqual(reports[-1], "rgrid-boot: stage=ready\n")

    def test_an_agent_in_the_image_is_not_fetched(self):
        machine = self.machine("agent_in_image")
        agent = machine.at / "opt/rgrid/rgrid-agent"
        agent.write_text(AGENT)
        agent.chmod(0o755)
        self.assertEqual(machine.run()[0], 0, machine.log())
        self.assertFalse([call for call in machine.calls("curl") if "boot-log" not in call])

    def test_an_image_without_its_agent_is_told(self):
        self.fails(self.machine("agent_in_image"), "the image has no agent", "/opt/rgrid/rgrid-agent is no program")

    def test_an_agent_that_does_not_run_here_is_told(self):
        machine = self.machine()
        broken = "#!/bin/sh\necho 'version GLIBC_2.38 not found' >&2\nexit 1\n"
        machine.set(agent=broken)
        machine.expect_agent(broken, "plain")
        self.assertIn("GLIBC_2.38 not found", self.fails(machine, "rgrid-agent does not run here"))

    def test_jobs_do_not_start_where_the_metadata_service_is_not_kept_from_them(self):
        machine = self.machine()
        machine.set(**{"bad-units": "enable --now rgrid-firewall.service"})
        self.fails(machine, "at=installing", "the metadata service could not be kept from jobs")
        self.assertFalse([call for call in machine.calls("systemctl") if "rgrid-agent" in call])

    def test_an_agent_that_ends_again_and_again_is_told_with_its_words(self):
        machine = self.machine()
        machine.set(restarts="3", journal="error the token of worker ci-small-7 is not known\n")
        self.assertIn("is not known", self.fails(machine, "at=starting", "the agent ends again and again"))

    def test_a_private_network_is_waited_for(self):
        machine = self.machine("private_network")
        machine.set(**{"no-address": "3"})
        self.assertEqual(machine.run()[0], 0, machine.log())
        self.assertEqual(machine.calls("ip"), ["ip -4 -o address show scope global dev enp7s0"] * 4)
        self.in_order(machine.read("calls").splitlines(), "ip -4", "curl")

    def test_a_private_network_that_does_not_come_fails_the_boot(self):
        machine = self.machine("private_network")
        machine.set(**{"no-address": "1000"})
        self.fails(machine, "at=booting", "no address in a private network on enp7s0")

    def test_a_command_that_nobody_thought_of_is_named(self):
        machine = self.machine()
        (machine.at / "bin/useradd").write_text("#!/bin/bash\nexit 12\n")
        self.fails(machine, "at=installing status=12", "exited with 12: ")

    def test_images_are_pulled_in_order_and_a_missing_one_stops_no_other(self):
        machine = self.machine("images", without=())
        machine.set(**{"bad-images": "node:20-slim\n"})
        code, reports = machine.run("images")
        self.assertEqual(code, 0, machine.log("images"))
        pulled = [call.removeprefix("docker pull --quiet ") for call in machine.calls("docker")]
        self.assertEqual(pulled, ["postgres:15", *["node:20-slim"] * 3,
                                  "registry.example:5000/team/tools@sha256:0123456789abcdef", "python:3.11-slim",
                                  "python:3.10-slim", "python:3.9-slim", "node:18-slim"])
        self.assertEqual(reports[0].splitlines()[0], "rgrid-boot: stage=images pulled=6 failed=1")
        self.assertIn("manifest for node:20-slim not found", reports[0])

    def test_images_that_are_all_there_are_one_line(self):
        machine = self.machine(without=())
        self.assertEqual(machine.run("images"), (0, ["rgrid-boot: stage=images pulled=5 failed=0\n"]))

    def test_a_worker_of_a_ray_cluster_starts_it_beside_its_agent(self):
        machine = self.machine("ray")
        self.assertEqual(machine.run()[0], 0, machine.log())
        self.in_order(machine.calls("systemctl"), "rgrid-agent", "enable --now --no-block rgrid-ray.service")

    def test_ray_is_installed_once_in_the_version_of_its_head(self):
        machine = self.machine("ray")
        for _ in range(2):
            self.assertEqual(machine.run("ray")[0], 0, machine.log("ray"))
        self.assertEqual(machine.calls("pip"), ["pip install --quiet --no-cache-dir ray==2.40.0"])

    def test_ray_that_cannot_be_installed_is_told(self):
        machine = self.machine("ray")
        machine.set(**{"pip-broken": ""})
        report = self.fails(machine, "at=ray", "Ray 2.40.0 could not be installed", task="ray")
        self.assertIn("No matching distribution", report)

    def test_an_unknown_task_is_told(self):
        self.fails(self.machine(), "no such task: shutdown", task="shutdown")


if __name__ == "__main__":
    unittest.main()
