"""What users do wrong: each is one clear message, and nobody else is harmed by it."""

import ctypes
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from fleet import Fleet, FleetCase, process_state, wait_until

PROGRAMS = pathlib.Path(os.environ["RGRID_PROGRAMS"]).resolve()
NOBODY = 65534

# Tells that it runs and goes on until it is ended.
PATIENT = "echo began; exec sleep 600\n"


class MisuseTest(FleetCase):
    def assert_refused(self, done, code, *parts):
        """One sentence with these parts, nothing on standard output."""
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)

    def script(self, fleet, name, text):
        path = fleet.home / name
        path.write_text(text)
        return path

    def submit(self, fleet, name, text, *options, suffix=".sh"):
        return int(fleet.rgrid("run", "--detach", *options, str(self.script(fleet, name + suffix, text))))


class ConfigurationTest(MisuseTest):
    def test_all_mistakes_of_a_configuration_are_told_in_one_run_by_each_program(self):
        fleet = self.start_fleet(
            fleet={"name": "UPPER case", "interval": "5", "unknown": 1},
            store={"url": "mysql://user:password@host/db", "synchronous": "sometimes", "max_log": "16"},
            files={"url": "/no/scheme"}, worker={"pol": "1s", "kill_grace": "1y", "max_processes": -1},
            pool__default={"slots": 0}, pool__default__scaling={"min_workers": 5, "max_workers": 3, "max_wait": True},
            pool__gpu__placement={"offers": ["smal@here"]}, cloud__proces={"x": 1}, log={"level": "loud"})
        before = fleet.home_content()
        places = ["fleet.name", "fleet.interval", "fleet.unknown", "store.url", "store.synchronous", "store.max_log",
                  "files.url", "worker.pol:", "did you mean 'poll'?", "worker.kill_grace", "worker.max_processes",
                  "pool.default.slots", "pool.default.scaling.min_workers", "pool.default.scaling.max_wait",
                  "pool.gpu.placement.offers[0]", "did you mean 'small@here'?", "cloud.proces",
                  "did you mean 'process'?", "log.level"]

        for program, arguments in (("rgrid", ["status"]), ("rgrid", ["config", "check"]), ("rgridd", ["--check"]),
                                   ("rgridd", ["--once"]),
                                   ("rgrid-worker", ["--worker", "w", "--pool", "default", "--slots", "1"])):
            done = fleet.call(program, *arguments)
            with self.subTest(program=program, arguments=arguments):
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                for place in places:
                    self.assertIn(place, done.stderr)
                self.assertNotIn("password", done.stderr)
        self.assertEqual(fleet.home_content(), before)


class StoreTest(MisuseTest):
    def test_what_is_no_store_of_ours_is_named_and_left_alone(self):
        fleet = self.start_fleet()
        fleet.rgrid("status")
        database = fleet.home / "rgrid.db"
        text = self.script(fleet, "notes.txt", "no database at all, but more than a few words of text\n" * 100)
        foreign = fleet.home / "foreign.db"
        newer = fleet.home / "newer.db"
        shutil.copy(database, newer)
        for path, statement in ((foreign, "CREATE TABLE t(x)"), (newer, "PRAGMA user_version = 99")):
            connection = sqlite3.connect(path)
            connection.execute(statement)
            connection.commit()
            connection.close()
        for url, code, parts in (
                ("mysql://anna:password@host/db", 2, ["store.url", 'expected "sqlite:FILE" or "postgresql:']),
                ("postgres://anna:password@host/db", 2, ["store.synchronous", "expected none"]),
                ("sqlite:", 2, ["store.url", 'expected "sqlite:FILE"']),
                ("sqlite:/proc/none/x.db", 3, ["/proc/none"]),
                (f"sqlite:{fleet.home}", 3, ["is a directory; expected a database file"]),
                ("sqlite:/dev/null", 3, ["/dev/null is not a regular file"]),
                (f"sqlite:{text}", 3, ["notes.txt is not a SQLite database; expected an RGrid store or a new file"]),
                (f"sqlite:{foreign}", 3, ["foreign.db is a SQLite database of another program"]),
                (f"sqlite:{newer}", 3, ["newer.db has the store format 99", "knows formats up to",
                                        "use the newer RGrid"])):
            path = pathlib.Path(url.removeprefix("sqlite:"))
            before = path.read_bytes() if path.is_file() else None
            for program, arguments in (("rgrid", ["status"]), ("rgridd", ["--once"]),
                                       ("rgrid-worker", ["--worker", "w", "--pool", "default", "--slots", "1"])):
                done = fleet.call(program, *arguments, RGRID_STORE_URL=url)
                with self.subTest(program=program, url=url):
                    self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
                    self.assertEqual(len(done.stderr.splitlines()), 1 if code == 3 else 2, done.stderr)
                    for part in parts:
                        self.assertIn(part, json.loads(done.stderr)["text"] if done.stderr[0] == "{" else done.stderr)
                    self.assertNotIn("password", done.stderr)
            self.assertEqual(path.read_bytes() if path.is_file() else None, before)

    def test_a_store_serves_one_fleet(self):
        fleet = self.start_fleet()
        fleet.rgrid("status")
        fleet.configure(fleet={"name": "other"})

        for program, arguments in (("rgrid", ["status"]), ("rgridd", ["--once"]),
                                   ("rgrid-worker", ["--worker", "w", "--pool", "default", "--slots", "1"])):
            done = fleet.call(program, *arguments)
            self.assertEqual((done.returncode, done.stdout), (3, ""), program)
            for part in ("rgrid.db belongs to the fleet", "test", "other", "a store serves one fleet"):
                self.assertIn(part, done.stderr)

    @unittest.skipIf(os.geteuid() != 0, "only the superuser can look with the rights of somebody else")
    def test_files_of_somebody_else(self):
        fleet = self.start_fleet()
        fleet.rgrid("status")
        fleet.home.chmod(0o755)
        script = self.script(fleet, "secret.sh", "true\n")
        script.chmod(0o600)
        theirs = pathlib.Path(tempfile.mkdtemp(prefix="rgrid-e2e-"))
        self.addCleanup(shutil.rmtree, theirs)
        os.chown(theirs, NOBODY, NOBODY)

        def as_nobody(*arguments, home):
            return fleet.call("rgrid", *arguments, home=home, user=NOBODY)

        self.assert_refused(as_nobody("run", "--detach", str(script), home=theirs / "home"), 2,
                            f"script '{script}' cannot be read: Permission denied")
        self.assert_refused(as_nobody("status", home=fleet.home), 3, "rgrid.db", "Permission denied")
        (fleet.home / "rgrid.toml").chmod(0)
        done = as_nobody("status", "--config", str(fleet.home / "rgrid.toml"), home=theirs / "home")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("rgrid.toml: cannot be read: Permission denied", done.stderr)


class SubmitTest(MisuseTest):
    def test_inputs_that_are_no_files_and_names_that_are_no_text(self):
        fleet = self.start_fleet()
        job = self.script(fleet, "a.sh", "true\n")
        os.mkfifo(fleet.home / "pipe")
        (fleet.home / "data").mkdir()
        os.mkfifo(fleet.home / "data/pipe")
        (fleet.home / "links").mkdir()
        (fleet.home / "links/gone").symlink_to("nowhere")
        bad = os.fsencode(fleet.home) + b"/bad\xff.sh"
        with open(bad, "w") as file:
            file.write("true\n")
        for arguments, part in (
                (["run", "--detach", "--input", "pipe", "a.sh"], "input 'pipe' is neither a file nor a folder"),
                (["run", "--detach", "--input", "data", "a.sh"], "input folder 'data' holds 'data/pipe', which is no file"),
                (["run", "--detach", "--input", "links", "a.sh"], "input 'links/gone' does not exist"),
                (["run", "--detach", "--input", b"bad\xff.sh", "a.sh"],
                 "input 'bad\\xff.sh' has a name that is no UTF-8; expected text"),
                (["run", "--detach", b"bad\xff.sh"], "script 'bad\\xff.sh' has a name that is no UTF-8"),
                (["run", "--detach", "a.sh", b"\xff"], 'command part "\\xff" holds bytes that are no UTF-8'),
                (["run", "--detach", "--name", b"\xff", "a.sh"], 'name "\\xff" holds bytes that are no UTF-8'),
                (["run", "--detach", "--env", b"KEY=hidden\xff", "a.sh"],
                 'environment variable "KEY" has a value that is no UTF-8'),
                (["run", "--detach", "--output", b"\xff*", "a.sh"], 'output "\\xff*" holds bytes that are no UTF-8'),
                (["batch", "--detach", "--each", "b*.sh", "a.sh", "{}"], "'bad\\xff.sh' has a name that is no UTF-8")):
            with self.subTest(arguments):
                done = fleet.call("rgrid", *arguments, cwd=fleet.home)
                self.assert_refused(done, 2, part)
                self.assertNotIn("hidden", done.stderr)
        self.assertEqual(fleet.ask("status")["jobs"]["accepted"], 0)

    def test_hundred_thousand_jobs_at_once(self):
        fleet = self.start_fleet()
        self.script(fleet, "t.sh", "true\n")
        data = fleet.home / "data"
        data.mkdir()
        for number in range(100_000):
            os.close(os.open(data / f"f{number}", os.O_CREAT))

        done = fleet.call("rgrid", "batch", "--detach", "--each", "data/*", "t.sh", "{}", cwd=fleet.home)

        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(fleet.ask("status")["jobs"]["queued"], 100_000)
        self.assertEqual(fleet.ask("status", "77777")["job"]["state"], "queued")
        self.assertEqual(fleet.rgrid("logs", "77777"), "")
        leader = fleet.start_leader()
        wait_until("jobs are done", lambda: fleet.ask("status")["jobs"]["succeeded"] >= 20)
        self.assertLess(memory_most(leader.pid), 100)
        cancelled = fleet.rgrid("cancel", "--batch", done.stdout.strip())
        self.assertEqual(len(cancelled.splitlines()), 100_000)
        jobs = fleet.wait_for_counts(queued=0, running=0)
        self.assertEqual(jobs["succeeded"] + jobs["cancelled"], 100_000)


def memory_most(pid):
    """The most memory that a process ever had, in MiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


class JobTest(MisuseTest):
    """Jobs that misbehave beside jobs that do not."""

    def start_fleet(self, **changes):
        fleet = super().start_fleet(pool__default={"slots": 8}, pool__default__scaling={"max_workers": 1}, **changes)
        fleet.start_leader()
        self.patient = self.submit(fleet, "patient", PATIENT)
        wait_until("the patient job runs", lambda: fleet.rgrid("logs", str(self.patient)) == "began\n")
        return fleet

    def assert_all_others_live(self, fleet):
        self.assertEqual(len(fleet.folders()), 1)
        self.assertEqual(fleet.job(self.patient)["state"], "running")
        view = fleet.job(self.patient)
        self.assertEqual((view["epoch"], view["losses"]), (1, 0))

    def test_a_gigabyte_of_output_is_cut_and_costs_no_memory(self):
        fleet = self.start_fleet(store={"max_log": "1MiB"})
        job = self.submit(fleet, "talk", "head -c 1000000000 /dev/zero | tr '\\0' x | fold -w 99\n")
        agent = fleet.pid_of("rgrid-worker", fleet.folders()[0])
        keepers = fleet.keepers(fleet.folders()[0])

        fleet.wait_for_job(job, "succeeded")

        log = fleet.rgrid("logs", str(job))
        self.assertTrue(log.endswith("\n[rgrid: the log of this job is cut here, at 1MiB]\n"), log[-200:])
        self.assertLess(len(log), 1024 * 1024 + 100)
        for pid in [agent, *keepers]:
            if process_state(pid):
                self.assertLess(memory_most(pid), 64)
        self.assertLess(sum(path.stat().st_size for path in fleet.home.rglob("*") if path.is_file()), 32 * 1024 * 1024)
        self.assert_all_others_live(fleet)

    def test_forks_without_end_timeouts_and_jobs_that_ignore_signals(self):
        fleet = self.start_fleet(worker={"max_processes": 100})
        # Without end as far as anybody can see, but no danger to the machine even if nobody ends it.
        bomb = self.submit(fleet, "bomb", "trap '' TERM HUP INT\n"
                           "f() { [ $1 -eq 0 ] || { f $(($1 - 1)) & f $(($1 - 1)) & }; sleep 45; }\nf 10\n")
        deaf = self.submit(fleet, "deaf", "trap '' TERM HUP INT\nwhile :; do sleep 1; done\n", "--timeout", "1s")
        cancelled = self.submit(fleet, "cancelled", "trap '' TERM HUP INT\necho up\nwhile :; do sleep 1; done\n")
        wait_until("it ignores signals", lambda: fleet.rgrid("logs", str(cancelled)) == "up\n")
        fleet.rgrid("cancel", str(cancelled))
        outside = self.submit(fleet, "outside", 'echo x > ../../neighbour && echo "$PWD"\n')

        view = fleet.wait_for_job(bomb, "failed")
        self.assertRegex(view["message"], r"^had \d+ processes and threads; its limit is 100$")
        view = fleet.wait_for_job(deaf, "failed")
        self.assertEqual(view["message"], "ran longer than its timeout of 1s")
        fleet.wait_for_job(cancelled, "cancelled")
        # Nothing keeps a local job from writing where its user may; its own folder goes with it all the same.
        fleet.wait_for_job(outside, "succeeded")
        self.assertFalse(pathlib.Path(fleet.rgrid("logs", str(outside)).strip()).exists())
        worker = fleet.folders()[0]
        left = [pid for pid in fleet.processes() if command_of(pid).startswith(("sh", "sleep 1", "sleep 45"))]
        self.assertEqual(left, [], [command_of(pid) for pid in left])
        self.assertEqual(fleet.workers("ready")[0]["worker"], worker)
        self.assert_all_others_live(fleet)

    def test_outputs_that_cannot_be_delivered_and_odd_ones_that_can(self):
        fleet = self.start_fleet()
        secret = self.script(fleet, "secret", "key\n")
        refused = {
            "true": "output 'o' names no file in the working folder; it holds",
            f"ln -s {secret} o": f"output 'o' is a link out of the working folder, to {secret}; expected a file inside",
            "ln -s gone o": "output 'o' is a link that leads nowhere",
            "ln -s p o; ln -s o p": "output 'o' is a link that leads nowhere",
            "ln -s . o": "output 'o' is a link to what is no file; expected a file",
            "mkdir o": "output 'o' is a folder without files; expected a file",
            "mkfifo o": "output 'o' is a named pipe; expected a file",
            "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"o\")'": "output 'o' is a socket",
        }
        if os.geteuid() == 0:
            refused["mknod o c 1 3"] = "output 'o' is a device"
        jobs = {text: self.submit(fleet, f"job{number}", text + "\n", "--output", "o")
                for number, text in enumerate(refused)}
        bad = self.submit(fleet, "bad", "open(b'bad\\xff', 'w').close()\n", "--output", "*", suffix=".py")
        names = ["with space", "new\nline", "tab\t", "ünï😀", '"quote', "back\\slash", "-dash", "star*", "deep/er/ x "]
        odd = self.submit(fleet, "odd", f"import os\nos.makedirs('out/deep/er')\nfor name in {names!r}:\n"
                          "    open('out/' + name, 'w').write(name)\n", "--output", "out", suffix=".py")
        folder = self.submit(fleet, "folder", "mkdir -p d/e; echo 1 > d/e/f; mkfifo d/pipe\n", "--output", "d")

        for text, job in jobs.items():
            with self.subTest(text):
                view = fleet.wait_for_job(job, "failed", "succeeded")
                self.assertEqual(view["state"], "failed")
                self.assertIn(refused[text], view["message"])
                self.assertEqual(view["outputs"], [])
        self.assertEqual(fleet.wait_for_job(bad, "failed", "succeeded")["message"],
                         "output 'bad\\xff' has a name that is no UTF-8; expected text")
        fleet.wait_for_job(odd, "succeeded")
        listed = fleet.rgrid("download", str(odd), str(fleet.home / "odd"))
        for name in names:
            self.assertEqual((fleet.home / "odd/out" / name).read_text(), name)
        self.assertNotIn("key", listed)
        fleet.wait_for_job(folder, "succeeded")
        self.assertEqual([output["path"] for output in fleet.job(folder)["outputs"]], ["d/e/f"])
        # The same names as inputs.
        again = fleet.call("rgrid", "run", "--detach", "--input", "out", str(self.script(
            fleet, "names.sh", "find out -type f -print0 | sort -z | tr '\\0' '|'\n")), cwd=fleet.home / "odd")
        self.assertEqual(again.returncode, 0, again.stderr)
        fleet.wait_for_job(int(again.stdout), "succeeded")
        self.assertEqual(sorted(fleet.rgrid("logs", again.stdout.strip()).split("|")[:-1]),
                         sorted("out/" + name for name in names))
        self.assert_all_others_live(fleet)

    @unittest.skipIf(os.geteuid() != 0, "only the superuser can start a fleet as somebody else")
    def test_an_output_without_the_right_to_read_is_named(self):
        fleet = Fleet(PROGRAMS)
        self.addCleanup(fleet.destroy)
        self.addCleanup(self.tell_story, fleet)
        for path in [fleet.home, *fleet.home.iterdir()]:
            os.chown(path, NOBODY, NOBODY)
        fleet.user = NOBODY
        fleet.start_leader()
        job = self.submit(fleet, "mute", "echo 1 > o; chmod 0 o; mkdir d; chmod 0 d\n", "--output", "o")

        view = fleet.wait_for_job(job, "failed", "succeeded")

        self.assertIn("the folder 'd/' cannot be read to find the outputs: Permission denied", view["message"])
        job = self.submit(fleet, "mute", "echo 1 > o; chmod 0 o\n", "--output", "o")
        view = fleet.wait_for_job(job, "failed", "succeeded")
        self.assertRegex(view["message"], "^output 'o' cannot be stored: cannot open .*/o: Permission denied$")
        # Its folder is gone though it had no rights in it.
        wait_until("its folder is gone", lambda: not list((fleet.home / "work").glob(f"*/{job}-*")))


def command_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


class BootTest(MisuseTest):
    def test_an_agent_that_never_came_up_can_be_asked_why(self):
        fleet = self.start_fleet(pool__default__health={"boot_timeout": "1s"})
        programs = fleet.home / "bin"
        programs.mkdir()
        shutil.copy(PROGRAMS / "rgrid", programs / "rgrid")
        shutil.copy(PROGRAMS / "rgridd", programs / "rgridd")
        shutil.copy(PROGRAMS / "rgrid-keeper", programs / "rgrid-keeper")
        (programs / "rgrid-worker").write_text("#!/bin/sh\necho 'libmissing.so: cannot open shared object file' >&2\n"
                                               "exit 127\n")
        (programs / "rgrid-worker").chmod(0o755)
        fleet.programs = programs
        daemon = fleet.start_leader()
        fleet.submit("a")

        daemon.wait_for("server_deleted", "test-default-1")

        explained = fleet.rgrid("explain", "--worker", "test-default-1")
        path = re.search(r"Its agent's log: (.*)", explained)[1]
        self.assertIn("libmissing.so", pathlib.Path(path).read_text())


class DiskTest(MisuseTest):
    @classmethod
    def setUpClass(cls):
        """Mounts of this process and its children are seen by nobody else and end with them."""
        clone_newns, private_recursive = 0x20000, 0x44000
        libc = ctypes.CDLL(None, use_errno=True)
        if (os.geteuid() != 0 or libc.unshare(clone_newns) != 0
                or libc.mount(b"none", b"/", None, private_recursive, None) != 0):
            raise unittest.SkipTest("a small disk can only be mounted by the superuser")

    def mount(self, fleet, folder, size):
        folder.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", folder], check=True)
        self.addCleanup(fleet.kill_all)
        self.addCleanup(self.tell_story, fleet)

    def space_left(self, folder):
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize

    def test_a_job_that_fills_the_disk_of_the_working_folders_fails_and_the_others_go_on(self):
        fleet = self.start_fleet(pool__default={"slots": 4}, pool__default__scaling={"max_workers": 1},
                                 worker={"disk_reserve": "4MiB"})
        self.mount(fleet, fleet.home / "work", "32m")
        self.mount(fleet, fleet.home / "files", "16m")
        fleet.start_leader()
        patient = self.submit(fleet, "patient", PATIENT)
        wait_until("the patient job runs", lambda: fleet.rgrid("logs", str(patient)) == "began\n")

        failing = self.submit(fleet, "failing", "dd if=/dev/zero of=big bs=1M\n")
        view = fleet.wait_for_job(failing, "failed")
        self.assertRegex(view["message"], r"(exit code 1|in its working folder when the disk had only)")
        if "exit code" in view["message"]:
            self.assertIn("No space left on device", fleet.rgrid("logs", str(failing)))

        # One that goes on after the write failed, and would keep the disk full.
        keeping = self.submit(fleet, "keeping", "dd if=/dev/zero of=big bs=1M; exec sleep 600\n")
        view = fleet.wait_for_job(keeping, "failed")
        self.assertRegex(view["message"],
                         r"^had \d+MiB in its working folder when the disk had only \d+(MiB|B) left$")
        wait_until("there is room again", lambda: self.space_left(fleet.home / "work") > 30 * 1024 * 1024)

        # Outputs that the file store has no room for.
        large = self.submit(fleet, "large", "dd if=/dev/zero of=o bs=1M count=20 2>/dev/null\n", "--output", "o")
        view = fleet.wait_for_job(large, "failed")
        self.assertRegex(view["message"], r"^output 'o' cannot be stored: .*/o has 20971520 bytes, but the disk of "
                         r".*files.* has only \d+ left$")
        self.assertEqual(fleet.job(patient)["state"], "running")
        good = self.submit(fleet, "good", "echo 1 > o\n", "--output", "o")
        fleet.wait_for_job(good, "succeeded")

    def test_a_job_that_fills_the_disk_of_the_store_ends_and_nothing_is_lost(self):
        fleet = self.start_fleet()
        fleet.home.rename(f"{fleet.home}.moved")
        self.mount(fleet, fleet.home, "48m")
        moved = pathlib.Path(f"{fleet.home}.moved")
        self.addCleanup(shutil.rmtree, moved)
        shutil.copytree(moved, fleet.home, dirs_exist_ok=True)
        fleet.configure(pool__default={"slots": 4}, pool__default__scaling={"max_workers": 1},
                        worker={"disk_reserve": "8MiB"})
        leader = fleet.start_leader()
        patient = self.submit(fleet, "patient", PATIENT)
        wait_until("the patient job runs", lambda: fleet.rgrid("logs", str(patient)) == "began\n")

        for number in range(3):
            job = self.submit(fleet, f"fill{number}", "dd if=/dev/zero of=big bs=1M; exec sleep 600\n")
            view = fleet.wait_for_job(job, "failed")
            self.assertIn("in its working folder when the disk had only", view["message"])

        good = self.submit(fleet, "good", "echo fine\n")
        fleet.wait_for_job(good, "succeeded")
        self.assertEqual(fleet.rgrid("logs", str(good)), "fine\n")
        view = fleet.job(patient)
        self.assertEqual((view["state"], view["losses"]), ("running", 0))
        self.assertEqual(len(leader.events("leading")), 1)
        jobs = fleet.ask("status")["jobs"]
        self.assertEqual((jobs["accepted"], jobs["failed"], jobs["running"], jobs["succeeded"]), (5, 3, 1, 1))


if __name__ == "__main__":
    unittest.main(verbosity=2)
