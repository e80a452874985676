"""The command line as a user meets it."""

import signal
import unittest

from programs import ProgramTest, wait_for


class EmptyMachine(ProgramTest):
    """No configuration, no daemon, no home folder."""

    config = None

    def test_run_works_streams_the_log_fetches_the_output_and_leaves_nothing_running(self):
        self.script("double.py", "import os, sys\n"
                                 "print('hello', sys.argv[1:], os.environ['SIZE'])\n"
                                 "open('out.txt', 'w').write(open('data/in.txt').read() * 2)\n")
        (self.work / "data").mkdir()
        (self.work / "data/in.txt").write_text("abc\n")

        done = self.rgrid("run", "--input", "data/in.txt", "--output", "out.txt", "--env", "SIZE=5", "double.py", "-x", "--json")

        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "hello ['-x', '--json'] 5\n")
        self.assertEqual((self.work / "out.txt").read_text(), "abc\nabc\n")
        self.assertIn("No daemon is running: starting rgridd until the work is done", done.stderr)
        self.assertIn("Job 1 succeeded", done.stderr)
        self.assert_nothing_runs()
        self.assertEqual(self.ask("status")["leader"], "")
        self.assertEqual(self.ask("servers"), [])
        self.assertEqual(len(self.ask("servers", "--all")), 1)

    def test_looking_at_nothing_is_no_error(self):
        for command in (["status"], ["workers"], ["servers"], ["cost"], ["explain"], ["config", "check"]):
            with self.subTest(command):
                answer = self.rgrid(*command)
                self.assertEqual(answer.returncode, 0, answer.stderr)
                self.assertNotEqual(answer.stdout, "")


class Run(ProgramTest):
    def test_it_ends_with_the_jobs_exit_code(self):
        done = self.rgrid("run", self.script("fail.sh", "echo oops; exit 7\n"))
        self.assertEqual(done.returncode, 7)
        self.assertEqual(done.stdout, "oops\n")
        self.assertIn("failed", done.stderr.splitlines()[-1])

    def test_an_output_that_is_not_there_is_a_failure_that_names_it(self):
        done = self.rgrid("run", "--output", "result.txt", self.script("nothing.sh", "true\n"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("result.txt", done.stderr.splitlines()[-1])

    def test_with_json_standard_output_is_one_document(self):
        import json
        done = self.rgrid("run", "--json", self.script("talk.sh", "echo words\n"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["state"], "succeeded")
        self.assertIn("words", done.stderr)

    def test_ctrl_c_cancels_the_job(self):
        running = self.start("rgrid", "run", self.script("long.sh", "echo began; sleep 600\n"))
        self.assertEqual(running.stdout.readline(), "began\n")
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
        self.assertEqual(running.returncode, 130, errors)
        self.assertIn("Cancelling job 1", errors)
        self.assertEqual(self.state_of("1"), "cancelled")
        self.assert_nothing_runs()

    def test_the_same_submit_key_is_the_same_job(self):
        script = self.script("once.sh", "echo once\n")
        first = self.rgrid("run", "--submit-key", "k", script)
        second = self.rgrid("run", "--submit-key", "k", script)
        self.assertEqual((first.returncode, second.returncode), (0, 0), second.stderr)
        self.assertEqual(second.stdout, "once\n")
        self.assertEqual(self.ask("status")["jobs"]["accepted"], 1)
        other = self.rgrid("run", "--submit-key", "k", self.script("other.sh", "echo other\n"))
        self.assertEqual(other.returncode, 2)

    def test_a_failed_job_can_be_looked_at_and_retried(self):
        script = self.script("flaky.sh", "test -e ../../../second && exit 0; echo first try; exit 3\n")
        self.assertEqual(self.rgrid("run", script).returncode, 3)
        self.assertEqual(self.rgrid("logs", "1").stdout, "first try\n")
        self.assertIn("exit code   3", self.rgrid("status", "1").stdout)
        retried = self.rgrid("retry", "1")
        self.assertEqual((retried.returncode, retried.stdout), (0, "Job 1 is queued again\n"))
        self.assertEqual(self.rgrid("cancel", "1").returncode, 0)


class Batch(ProgramTest):
    def setUp(self):
        super().setUp()
        (self.work / "data").mkdir()
        for number in range(1, 7):
            (self.work / f"data/f{number}.txt").write_text("line\n" * number)
        self.script("count.sh", 'wc -l < "$1" > "$2"\ncase $1 in *f3.txt) echo bad file >&2; exit 4;; esac\n')

    def test_one_job_a_file_with_results_failures_and_a_bill(self):
        done = self.rgrid("batch", "--each", "data/*.txt", "--output", "{stem}.count", "--flat", "--output-dir", "out",
                          "count.sh", "{}", "{stem}.count")
        self.assertEqual(done.returncode, 1)
        counts = {path.name: int(path.read_text()) for path in (self.work / "out").iterdir()}
        self.assertEqual(counts, {f"f{number}.count": number for number in (1, 2, 4, 5, 6)})
        self.assertIn("5 of 6 jobs succeeded", done.stderr)
        self.assertIn("failed job 3 (f3.txt) with exit code 4", done.stderr)
        self.assertIn("    bad file", done.stderr)

        cost = self.ask("cost", "--by", "job")
        self.assertEqual(len(cost["report"]["jobs"]), 6)
        nanos = lambda money: round(float(money.split()[0]) * 1e9)
        self.assertEqual(sum(nanos(line["cost"]) for line in cost["lines"]), nanos(cost["report"]["total"][0]))
        explained = self.rgrid("explain", "--job", "1")
        self.assertIn("6 queued", explained.stdout)
        self.assert_nothing_runs()

    def test_each_job_has_a_folder_of_its_own_otherwise(self):
        done = self.rgrid("batch", "--each", "data/f[12].txt", "--output", "n", "--output-dir", "out", "count.sh", "{}", "n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.work / "out/f2.txt/n").read_text().strip(), "2")

    def test_detached_it_prints_its_id(self):
        batch = self.rgrid("batch", "--detach", "--each", "data/*.txt", "count.sh", "{}", "/dev/null").stdout.strip()
        self.assertEqual(len(self.ask("status", "--batch", batch)), 6)
        self.assertEqual(self.rgrid("cancel", "--batch", batch).returncode, 0)
        self.assertEqual(self.ask("status")["jobs"]["cancelled"], 6)


class Waiting(ProgramTest):
    def test_a_job_says_why_it_waits(self):
        job = self.submit(self.script("a.sh", "true\n"))
        self.assertIn("no daemon is running", self.rgrid("status", job).stdout)
        self.assertIn("no daemon is running", self.ask("status", job)["waiting"])

    def test_pause_and_resume(self):
        self.assertEqual(self.rgrid("pause", "default").returncode, 0)
        self.assertEqual([hold["pool"] for hold in self.ask("status")["holds"]], ["default"])
        self.assertIn("paused", self.rgrid("status").stdout)
        self.assertEqual(self.rgrid("resume", "default").returncode, 0)
        self.assertEqual(self.ask("status")["holds"], [])

    def test_download_waits_for_the_end(self):
        job = self.submit(self.script("a.sh", "true\n"))
        early = self.rgrid("download", job)
        self.assertEqual(early.returncode, 1)
        self.assertIn("is queued", early.stderr)


class Workers(ProgramTest):
    def start_daemon(self, *arguments):
        daemon = self.start("rgridd", *arguments)
        if not wait_for(lambda: self.ask("status")["leader"]):
            daemon.kill()
            self.fail("the daemon does not lead: " + daemon.communicate()[1])
        return daemon

    def test_a_worker_can_be_drained_and_deleted_by_hand(self):
        daemon = self.start_daemon("--eager")
        job = self.submit(self.script("wait.sh", "echo began; sleep 600\n"))
        self.assertTrue(wait_for(lambda: self.rgrid("logs", job).stdout == "began\n"))
        worker = self.ask("workers")[0]["worker"]

        self.assertIn("takes no more jobs", self.rgrid("workers", "drain", worker).stdout)
        self.assertEqual(self.ask("workers")[0]["phase"], "draining")
        deleted = self.rgrid("workers", "delete", worker)
        self.assertIn(f"Queued again: job {job}", deleted.stdout)
        self.assertTrue(wait_for(lambda: worker not in [w["worker"] for w in self.ask("workers")]))
        self.assertEqual(self.rgrid("cancel", job).returncode, 0)
        daemon.send_signal(signal.SIGTERM)
        _, errors = daemon.communicate(timeout=60)
        self.assertEqual(daemon.returncode, 0, errors)
        done = self.run_program("rgridd", "--until-idle")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_nothing_runs()


class Misuse(ProgramTest):
    def test_every_misuse_is_one_sentence_and_code_2(self):
        self.script("a.sh", "true\n")
        self.script("notes.txt", "words\n")
        (self.work / "data").mkdir()
        (self.work / "data/x").write_text("x")
        (self.work / "data/y").write_text("y")
        cases = [
            (["run"], "no script"),
            (["run", "gone.py"], "script 'gone.py' does not exist"),
            (["run", "data"], "script 'data' is no file"),
            (["run", "notes.txt"], "cannot tell how to run 'notes.txt'"),
            (["run", "--nonsense", "a.sh"], "unknown option '--nonsense'"),
            (["run", "--input", "gone", "a.sh"], "input 'gone' does not exist"),
            (["run", "--input", "a.sh", "a.sh"], "\"a.sh\" is given twice"),
            (["run", "--env", "NOVALUE", "a.sh"], "'NOVALUE'"),
            (["run", "--timeout", "5", "a.sh"], "--timeout is '5'"),
            (["run", "--memory", "lots", "a.sh"], "--memory is 'lots'"),
            (["run", "--slots", "3", "a.sh"], "--slots is 3"),
            (["run", "--slots", "many", "a.sh"], "many"),
            (["run", "--output", "/etc/passwd", "a.sh"], "leaves the working folder"),
            (["run", "--pool", "gpu", "a.sh"], "there is no pool 'gpu'"),
            (["batch", "a.sh", "{}"], "--each"),
            (["batch", "--each", "*.csv", "a.sh", "{}"], "no file matches '*.csv'"),
            (["batch", "--each", "data/*", "--flat", "--output", "same", "a.sh"], "would both fetch 'same'"),
            (["status", "99"], "there is no job 99"),
            (["status", "x"], "'x' is no job"),
            (["status", "--batch", "b"], "there is no batch 'b'"),
            (["logs", "99"], "there is no job 99"),
            (["download", "99"], "there is no job 99"),
            (["cancel", "99"], "job 99 does not exist"),
            (["cancel"], "no jobs"),
            (["pause", "gpu"], "there is no pool 'gpu'"),
            (["workers", "drain", "w"], "there is no worker 'w'"),
            (["explain", "--worker", "w"], "'w'"),
            (["cost", "--since", "monday"], "--since is 'monday'"),
            (["cost", "--by", "colour"], "--by is 'colour'"),
            (["nonsense"], "there is no command 'nonsense'"),
            (["statsu"], "did you mean 'status'?"),
            (["config", "chek"], "did you mean 'check'?"),
        ]
        for arguments, expected in cases:
            with self.subTest(arguments):
                answer = self.rgrid(*arguments)
                self.assertEqual(answer.returncode, 2, answer.stderr)
                self.assertIn(expected, answer.stderr)
                self.assertEqual(len(answer.stderr.splitlines()), 1, answer.stderr)
                self.assertEqual(answer.stdout, "")

    def test_an_unreadable_script_is_named(self):
        script = self.work / "secret.sh"
        script.write_text("true\n")
        script.chmod(0)
        try:
            script.read_text()
        except PermissionError:
            answer = self.rgrid("run", "secret.sh")
            self.assertEqual(answer.returncode, 2)
            self.assertIn("cannot be read", answer.stderr)

    def test_a_store_that_cannot_be_opened_is_code_3(self):
        (self.folder / "file").write_text("in the way")
        answer = self.rgrid("status", "--home", self.folder / "file" / "home")
        self.assertEqual(answer.returncode, 3)
        self.assertIn("cannot make the folder", answer.stderr)

    def test_a_wrong_configuration_names_everything_that_is_wrong(self):
        (self.home / "rgrid.toml").write_text("[pool.default.scaling]\nmax_workrs = 3\nmin_queued = 'five'\n")
        for arguments in (["status"], ["config", "check"]):
            answer = self.rgrid(*arguments)
            self.assertEqual(answer.returncode, 2)
            self.assertIn("max_workrs", answer.stderr)
            self.assertIn("did you mean 'max_workers'?", answer.stderr)
            self.assertIn("min_queued", answer.stderr)

    def test_the_daemon_tells_a_missing_store_from_wrong_use(self):
        (self.folder / "file").write_text("in the way")
        unreachable = self.run_program("rgridd", "--once", "--home", self.folder / "file" / "home")
        self.assertEqual(unreachable.returncode, 3)
        self.assertEqual(self.run_program("rgridd", "--once", "--dry-run").returncode, 2)
        self.assertEqual(self.run_program("rgridd", "--drain-limit", "5").returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
