#!/usr/bin/env python3
"""What programs that nobody here wrote say of the golden user data: cloud-init, bash, shellcheck, systemd, nft."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from cloud_config import GOLDEN, files

# Debian's modules are those of Debian's Python.
if importlib.util.find_spec("yaml") is None or importlib.util.find_spec("jsonschema") is None:
    if sys.executable != "/usr/bin/python3" and os.access("/usr/bin/python3", os.X_OK):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])

VARIANTS = sorted(GOLDEN.glob("*.yaml"))

# All that may be written, by whom it may be read, and all that may be run.
PATHS = {
    "/etc/rgrid/agent.env": "0600",
    "/etc/rgrid/boot.env": "0600",
    "/etc/rgrid/ca.pem": "0644",
    "/etc/rgrid/images": "0644",
    "/etc/rgrid/metadata.nft": "0644",
    "/etc/rgrid/ray.env": "0644",
    "/etc/systemd/system/rgrid-agent.service": "0644",
    "/etc/systemd/system/rgrid-firewall.service": "0644",
    "/etc/systemd/system/rgrid-images.service": "0644",
    "/etc/systemd/system/rgrid-ray.service": "0644",
    "/usr/local/lib/rgrid/boot.sh": "0755",
}
COMMANDS = [["/bin/bash", "/usr/local/lib/rgrid/boot.sh", "boot"]]
MODULES = "python3 has no modules yaml and jsonschema (Debian: python3-yaml, python3-jsonschema)"


def program(name):
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if found is None:
        raise unittest.SkipTest(f"{name} is not installed")
    return found


def run(*command, **options):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, **options)
    return done.returncode, done.stdout


class Golden(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def documents(self):
        try:
            import yaml
        except ImportError:
            self.skipTest(MODULES)
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.assertTrue(VARIANTS)
        return [(path.name, yaml.load(path.read_text(), Loader=loader)) for path in VARIANTS]

    def test_cloud_inits_schema_takes_each(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest(MODULES)
        schema = json.loads((Path(__file__).parent / "cloud_config_schema.json").read_text())
        for name, document in self.documents():
            with self.subTest(name):
                jsonschema.Draft4Validator(schema).validate(document)

    def test_cloud_init_itself_takes_each(self):
        cloud_init = program("cloud-init")
        for path in VARIANTS:
            code, said = run(cloud_init, "schema", "--config-file", str(path))
            self.assertEqual((code, "Valid" in said), (0, True), said)

    def test_nothing_is_written_or_run_but_what_is_expected(self):
        for name, document in self.documents():
            with self.subTest(name):
                self.assertEqual(set(document), {"ssh_pwauth", "write_files", "runcmd"})
                self.assertIs(document["ssh_pwauth"], False)
                self.assertEqual(document["runcmd"], COMMANDS)
                for file in document["write_files"]:
                    self.assertEqual(set(file), {"path", "owner", "permissions", "content"})
                    self.assertEqual((file["owner"], file["permissions"]), ("root:root", PATHS.get(file["path"])),
                                     file["path"])
                self.assertEqual({file["path"]: file["content"] for file in document["write_files"]},
                                 files((GOLDEN / name).read_text()))

    def test_each_starts_as_cloud_init_wants_and_is_small_enough(self):
        for path in VARIANTS:
            text = path.read_text()
            self.assertTrue(text.startswith("#cloud-config\n"), path)
            self.assertLessEqual(len(text.encode()), 32768, path)

    def test_bash_and_shellcheck_have_nothing_to_say(self):
        for path in VARIANTS:
            script = self.write("boot.sh", files(path.read_text())["/usr/local/lib/rgrid/boot.sh"])
            self.assertEqual(run("bash", "-n", script), (0, ""))
        self.assertEqual(run(program("shellcheck"), script), (0, ""))

    def test_systemd_understands_the_units(self):
        analyze = program("systemd-analyze")
        for path in VARIANTS:
            units = {Path(name).name: text for name, text in files(path.read_text()).items()
                     if name.endswith(".service")}
            for name, text in units.items():
                # The programs are on the servers only.
                self.write(name, re.sub(r"^(Exec\w+=\+?)\S+", r"\1/bin/true", text, flags=re.MULTILINE))
            code, said = run(analyze, "verify", *(str(self.folder / name) for name in units),
                             env={**os.environ, "SYSTEMD_UNIT_PATH": f"{self.folder}:"})
            ours = [line for line in said.splitlines() if "rgrid" in line]
            self.assertEqual((code, ours), (0, []), said)


class MetadataService(unittest.TestCase):
    """Three machines that are network namespaces: the server, a container on it, and the metadata service."""

    SCRIPT = r"""
set -e
sleep 50 & server=$!
unshare -n sleep 50 & meta=$!
unshare -n sleep 50 & container=$!
trap 'kill $server $meta $container $(jobs -p) 2>/dev/null' EXIT
for pid in $meta $container; do
    until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
done
inside() { local pid=$1; shift; nsenter -t $pid -n "$@"; }
ip link set lo up
ip link add to_meta type veth peer name eth0 netns $meta
ip link add to_container type veth peer name eth0 netns $container
ip address add 169.254.0.1/16 dev to_meta && ip link set to_meta up
ip address add 172.17.0.1/24 dev to_container && ip link set to_container up
inside $meta ip address add 169.254.169.254/16 dev eth0 && inside $meta ip link set eth0 up
inside $meta ip route add default via 169.254.0.1
inside $container ip address add 172.17.0.2/24 dev eth0 && inside $container ip link set eth0 up
inside $container ip route add default via 172.17.0.1
echo 1 >/proc/sys/net/ipv4/ip_forward
mkdir "$1/www" && echo secret >"$1/www/userdata"
inside $meta python3 -m http.server --bind 169.254.169.254 --directory "$1/www" 80 >/dev/null 2>&1 &
read_it() { curl -sS --max-time 5 http://169.254.169.254/userdata 2>&1; }
try_it() { if read_it >/dev/null; then echo read; else echo refused; fi; }
for try in $(seq 100); do [ "$(read_it)" != secret ] || break; sleep 0.05; done
export -f read_it try_it
echo "before: $(read_it), $(inside $container bash -c read_it)"
nft -f "$2" && nft -f "$2"
echo "after: $(try_it), $(inside $container bash -c try_it)"
"""

    def test_neither_the_server_nor_a_container_reads_it(self):
        for name in ("nft", "ip", "unshare", "nsenter", "curl"):
            program(name)
        if run("unshare", "-n", "true")[0] != 0:
            self.skipTest("no network namespaces can be made here")
        with tempfile.TemporaryDirectory() as folder:
            rules = Path(folder, "metadata.nft")
            rules.write_text(files(VARIANTS[0].read_text())["/etc/rgrid/metadata.nft"])
            script = Path(folder, "machines.sh")
            script.write_text(self.SCRIPT)
            code, said = run("unshare", "-n", "bash", str(script), folder, str(rules))
        self.assertEqual((code, said), (0, "before: secret, secret\nafter: refused, refused\n"))


if __name__ == "__main__":
    unittest.main()
