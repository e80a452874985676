#!/usr/bin/env python3
"""Shows that scripts/mutants says what is true: where a guard stands, what replaces it, and who noticed that it was gone."""

import contextlib
import io
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/support"))
import mutants  # noqa: E402
from mutants import Guard, Problem  # noqa: E402

TEXT = "int f(int a) {\n    if (a < 0) return 0;\n    if (a > 9) return 9;\n    count += a;\n    return a;\n}\n"


def guard(code, becomes="false", name="low", **more):
    return Guard(name=name, promise="It holds.", file="src/control/f.cpp", code=code, becomes=becomes, **more)


class TheList(unittest.TestCase):
    def load(self, text):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "one.toml").write_text(text)
            return mutants.load_guards(Path(folder))

    def test_the_one_of_this_tree_fits_it(self):
        done = subprocess.run([ROOT / "scripts/mutants", "--list"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout.splitlines()[-1], r"^\d+ guards$")

    def test_an_entry_is_read_as_it_is_written(self):
        guards = self.load("[[guard]]\nname='a'\npromise='b'\nfile='f'\ncode='''\nif («x»)'''\nbecomes='true'\nprograms=['p']\n")
        self.assertEqual(guards, [Guard("a", "b", "f", "if («x»)", "true", ("p",))])

    def test_an_unknown_key_is_named_with_its_file(self):
        with self.assertRaisesRegex(Problem, "one.toml.*'becoms'"):
            self.load("[[guard]]\nname='a'\npromise='b'\nfile='f'\ncode='c'\nbecoms='true'\n")

    def test_two_guards_cannot_have_one_name(self):
        entry = "[[guard]]\nname='a'\npromise='b'\nfile='f'\ncode='c'\n"
        with self.assertRaisesRegex(Problem, "two guards have the name a"):
            self.load(entry + entry)

    def test_code_that_is_not_there_is_named(self):
        with self.assertRaisesRegex(Problem, "(?s)low: its code is found 0 times in src/control/f.cpp.*a < 1"):
            mutants.mutated(TEXT, [guard("if («a < 1»)")])

    def test_code_that_is_there_twice_is_named(self):
        with self.assertRaisesRegex(Problem, "low: its code is found 2 times"):
            mutants.mutated(TEXT, [guard("if (")])


class TheCode(unittest.TestCase):
    def test_a_condition_is_chosen_when_it_is_evaluated(self):
        low = guard("if («a < 0»)")
        self.assertIn(f"if ((::rgrid_mutants::on({low.number}) ? false : static_cast<bool>(a < 0))) return 0;",
                      mutants.mutated(TEXT, [low]))

    def test_a_statement_is_left_out(self):
        sum_up = guard("«count += a;»", "")
        self.assertIn(f"if (::rgrid_mutants::on({sum_up.number})) {{  }} else {{ count += a; }}",
                      mutants.mutated(TEXT, [sum_up]))

    def test_one_guard_may_stand_in_another(self):
        outer, inner = guard("«if (a > 9) return 9;»", "", "outer"), guard("if («a > 9»)", "true", "inner")
        text = mutants.mutated(TEXT, [inner, outer])
        self.assertIn(f"if (::rgrid_mutants::on({outer.number})) {{  }} else {{ "
                      f"if ((::rgrid_mutants::on({inner.number}) ? true : static_cast<bool>(a > 9))) return 9; }}", text)

    def test_one_place_may_have_two_mutants(self):
        never, always = guard("if («a > 9»)", "false", "never"), guard("if («a > 9»)", "true", "always")
        text = mutants.mutated(TEXT, [never, always])
        for number in (never.number, always.number):
            self.assertEqual(text.count(f"on({number})"), 1)
        self.assertEqual(text.count("a > 9"), 1)

    def test_guards_that_overlap_are_named(self):
        with self.assertRaisesRegex(Problem, "first and another guard of src/control/f.cpp overlap"):
            mutants.mutated(TEXT, [guard("«return 0;\n    if (a > 9)»", "1", "first"),
                                   guard("«(a > 9) return 9»", "1", "second")])

    def test_part_of_a_statements_sql_is_replaced_when_it_runs(self):
        fenced = guard("run(«fence»)", "true", "fenced", sql="epoch = $1")
        text = mutants.mutated('Statement fence{"f", "WHERE epoch = $1"};\nrun(fence);\n', [fenced])
        self.assertIn(f"if (!::rgrid_mutants::on({fenced.number})) return Given{{given}};", text)
        self.assertIn('sql.find(R"mutant(epoch = $1)mutant")', text)
        self.assertIn('R"mutant(true)mutant"', text)
        self.assertTrue(text.endswith("}(fence));\n"), text)

    def test_sql_that_is_not_there_is_named(self):
        with self.assertRaisesRegex(Problem, "(?s)low: its SQL is not found in src/control/f.cpp.*epoch = 1"):
            mutants.mutated(TEXT, [guard("if («a < 0»)", sql="epoch = 1")])

    def test_without_guards_nothing_changes(self):
        self.assertEqual(mutants.mutated(TEXT, []), TEXT)


class WhoTries(unittest.TestCase):
    def test_a_guard_is_tried_by_its_folder_by_what_it_names_and_by_the_simulation(self):
        self.assertEqual(guard("x", programs=("test_property",)).tried(), {"test_property", "test_unit_control", "test_sim"})

    def test_what_is_not_in_the_simulation_is_not_tried_there(self):
        sqlite = Guard("a", "b", "src/adapters/sqlite/claim.cpp", "c")
        self.assertEqual(sqlite.tried(), {"test_conformance_sqlite"})

    def test_near_and_quick_programs_come_first_and_the_simulation_last(self):
        guards = [guard("x", programs=("test_app", "test_property")), Guard("a", "b", "include/rgrid/policy/x.hpp", "c")]
        self.assertEqual(mutants.programs_of(guards),
                         ["test_unit_policy", "test_property", "test_unit_control", "test_app", "test_sim"])

    def test_a_guard_that_was_noticed_is_tried_no_more(self):
        built, given = [], []

        def try_program(tests, program, guards, jobs, seeds):
            given.append((program, [each.name for each in guards]))
            return {each.name: program if each.name == "a" else None for each in guards}

        policy = [Guard(name, "b", "include/rgrid/policy/x.hpp", "c") for name in ("a", "d")]
        with unittest.mock.patch.multiple(mutants, build=lambda out, program: built.append(program),
                                          try_program=try_program):
            found = mutants.try_all(policy, Path("out"), 1, 20)
        self.assertEqual(found, {"a": "test_unit_policy", "d": None})
        self.assertEqual(given[:2], [("test_unit_policy", ["a", "d"]), ("test_property", ["d"])])
        self.assertEqual(built, ["test_unit_policy", "test_property", "test_unit_control", "test_sim"])


class WhoNoticed(unittest.TestCase):
    def test_a_program_that_passed_noticed_nothing(self):
        self.assertIsNone(mutants.judge("test_unit_control", 0, "[  PASSED  ] 3 tests."))

    def test_a_case_that_failed_is_named(self):
        output = "[ RUN      ] A.b\n[  FAILED  ] A.b (0 ms)\n[  FAILED  ] 1 test, listed below:\n"
        self.assertEqual(str(mutants.judge("test_unit_control", 1, output)), "test_unit_control A.b")

    def test_a_case_with_a_parameter_is_named(self):
        output = "[ RUN      ] M/A.b/0\n[  FAILED  ] M/A.b/0, where GetParam() = x (0 ms)\n"
        self.assertEqual(str(mutants.judge("test_unit_control", 1, output)), "test_unit_control M/A.b/0")

    def test_the_seed_of_the_simulation_is_named(self):
        output = "[ RUN      ] Swarm.three_hours\nseed=41 (three_hours)\n[  FAILED  ] Swarm.three_hours (5 ms)\n"
        self.assertEqual(str(mutants.judge("test_sim", 1, output)), "test_sim Swarm.three_hours (seed 41)")

    def test_a_case_that_crashed_is_named(self):
        output = "[ RUN      ] A.a\n[       OK ] A.a (0 ms)\n[ RUN      ] A.b\n"
        self.assertEqual(str(mutants.judge("test_unit_control", -11, output)), "test_unit_control A.b (died of signal 11)")

    def test_a_program_that_somebody_ended_noticed_nothing(self):
        with self.assertRaisesRegex(Problem, "test_unit_control was ended from outside"):
            mutants.judge("test_unit_control", -15, "[ RUN      ] A.b\n")

    def test_a_case_that_did_not_end_is_named(self):
        self.assertEqual(str(mutants.judge("test_unit_control", None, "[ RUN      ] A.b\n")),
                         "test_unit_control A.b (did not end)")

    def program(self, folder, text):
        path = Path(folder, "test_unit_control")
        path.write_text("#!/bin/bash\n" + text)
        path.chmod(0o755)
        return Path(folder)

    def test_the_mutant_and_the_seeds_are_told_to_the_program(self):
        with tempfile.TemporaryDirectory() as folder:
            tests = self.program(folder, 'echo "[ RUN      ] A.$RGRID_MUTANT-$RGRID_SEEDS"; exit 1')
            self.assertEqual(mutants.run_program(tests, "test_unit_control", 7, 20).case, "A.7-20")

    def test_a_program_is_ended_at_its_time_limit(self):
        with tempfile.TemporaryDirectory() as folder:
            tests = self.program(folder, 'echo "[ RUN      ] A.b"; sleep 100')
            self.assertEqual(mutants.run_program(tests, "test_unit_control", 7, 20, limit=1).note, "did not end")

    def test_a_tree_whose_tests_fail_by_themselves_is_no_ground_to_stand_on(self):
        with tempfile.TemporaryDirectory() as folder:
            tests = self.program(folder, 'echo "[  FAILED  ] A.b (0 ms)"; exit 1')
            with self.assertRaisesRegex(Problem, "with every guard in place test_unit_control A.b fails"):
                mutants.try_program(tests, "test_unit_control", [], 1, 20)

    def test_each_guard_is_tried_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            low, high = guard("x", name="low"), guard("y", name="high")
            tests = self.program(folder, f'[ $RGRID_MUTANT != {low.number} ] || {{ echo "[  FAILED  ] A.b (0 ms)"; exit 1; }}')
            with contextlib.redirect_stdout(io.StringIO()) as said:
                found = mutants.try_program(tests, "test_unit_control", [low, high], 2, 20)
            self.assertEqual((str(found["low"]), found["high"]), ("test_unit_control A.b", None))
            self.assertEqual(said.getvalue(), "noticed: low: test_unit_control A.b\n")

    def test_the_table_has_survivors_and_equivalents(self):
        guards = [guard("x", name="a"), guard("y", name="b"), guard("z", name="c", equivalent="it says | so")]
        found = {"a": mutants.Noticed("test_sim", "Swarm.three_hours", "seed 3"), "b": None}
        self.assertEqual(mutants.table(guards, found).splitlines()[2:],
                         ["| a | It holds. | `test_sim` Swarm.three_hours, seed 3 |",
                          "| b | It holds. | **nothing** |",
                          "| c | It holds. | nothing can: it says \\| so |"])


class TheCopy(unittest.TestCase):
    def test_it_has_the_guards_switched_and_follows_the_tree(self):
        with tempfile.TemporaryDirectory() as source, tempfile.TemporaryDirectory() as copy:
            source, copy = Path(source), Path(copy)
            subprocess.run(["git", "init", "-q", source], check=True)
            (source / "src/control").mkdir(parents=True)
            (source / "src/control/f.cpp").write_text(TEXT)
            (source / "old").write_text("old")
            low = guard("if («a < 0»)")
            mutants.make_copy(source, copy, [low])
            (source / "old").unlink()
            mutants.make_copy(source, copy, [low])
            self.assertIn(f"on({low.number})", (copy / "src/control/f.cpp").read_text())
            self.assertEqual((source / "src/control/f.cpp").read_text(), TEXT)
            self.assertFalse((copy / "old").exists())
            self.assertTrue((copy / "build/mutants.hpp").exists())

    def test_a_guard_of_a_file_that_is_gone_is_named(self):
        with tempfile.TemporaryDirectory() as source, tempfile.TemporaryDirectory() as copy:
            subprocess.run(["git", "init", "-q", source], check=True)
            with self.assertRaisesRegex(Problem, "src/control/f.cpp is not there"):
                mutants.make_copy(Path(source), Path(copy), [guard("x")])


if __name__ == "__main__":
    unittest.main()
