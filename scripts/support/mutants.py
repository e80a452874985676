#!/usr/bin/env python3
"""Removes the product's guards one at a time and shows which test notices: mutants.py [OPTIONS]

The guards are the entries of tests/mutants/*.toml:

    [[guard]]
    name = "fence in complete"
    promise = "A result counts only for the attempt that is the job's last."
    file = "src/adapters/memory/work_source.cpp"
    code = 'if («completion.epoch != view.epoch» || ...'   # Found in the file exactly once; the guard is what « » hold.
    becomes = 'false'                                      # What stands there without it. A statement becomes nothing.
    sql = " AND epoch = $3"                                # The guard is a `Statement`: this part of its SQL becomes that.
    programs = ["test_unit_control"]                       # Besides those of the file's folder.
    equivalent = "why no test can notice"                  # It is then not run, but listed with its reason.

All are compiled at once, into a copy of the tree: each guard stands there beside what replaces it, and the environment
says which one is chosen. So a build serves them all, and one mutant takes only as long as the tests that notice it.
"""

import argparse
import concurrent.futures
import fnmatch
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import zlib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHOICE = "RGRID_MUTANT"
SIMULATION = "test_sim"
TIME_LIMIT = 600  # Seconds for one program with every guard in place.
PATIENCE = 5  # Times as long and a minute: then a mutant has kept the program from ending, which is noticed.

# The test programs that may notice, by the beginning of the guard's file.
PROGRAMS = (
    ("include/rgrid/policy/", ("test_unit_policy", "test_property", "test_unit_control")),
    ("src/control/", ("test_unit_control",)),
    ("include/rgrid/control/", ("test_unit_control",)),
    ("src/worker/", ("test_unit_worker", "test_property")),
    ("include/rgrid/worker/", ("test_unit_worker", "test_property")),
    ("src/adapters/memory/", ("test_conformance_memory",)),
    ("src/adapters/sqlite/", ("test_conformance_sqlite",)),
    ("src/adapters/postgres/", ("test_conformance_postgres",)),
    ("src/adapters/process/", ("test_conformance_process",)),
    ("src/adapters/files/", ("test_conformance_files",)),
    ("src/adapters/http/", ("test_conformance_http",)),
    ("src/adapters/gateway/", ("test_conformance_gateway",)),
    ("src/adapters/hetzner/", ("test_conformance_hetzner",)),
    ("src/hetzner_sim/", ("test_conformance_hetzner_sim",)),
    ("include/rgrid/model/", ("test_unit_model", "test_unit_policy", "test_unit_control", "test_conformance_memory")),
    ("include/rgrid/ports/", ("test_conformance_memory", "test_conformance_sqlite")),
)
# In the simulation runs only what those are linked with.
SIMULATED = ("include/rgrid/", "src/control/", "src/worker/machine", "src/adapters/memory/")

SWITCH = """#pragma once
#include <cstdlib>

namespace rgrid_mutants {

inline bool is_chosen(int number) {
    static int const chosen = [] {
        auto const* text = std::getenv("%s");
        return text == nullptr ? 0 : std::atoi(text);
    }();
    return chosen == number;
}

constexpr bool on(int number) { return !__builtin_is_constant_evaluated() && is_chosen(number); }

}  // namespace rgrid_mutants
""" % CHOICE


class Problem(Exception):
    """The list does not fit the tree, or the tree cannot be built and pass its tests."""


@dataclass(frozen=True)
class Guard:
    name: str
    promise: str
    file: str
    code: str
    becomes: str = ""
    programs: tuple = ()
    equivalent: str = ""
    sql: str = ""

    @property
    def number(self):
        """Depends on the name alone, so that an edit of the list does not build everything anew."""
        return zlib.crc32(self.name.encode()) % (2**31 - 1) + 1

    def span(self, text):
        """Where the guard stands in the file's text: (begin, end)."""
        before, found, rest = self.code.partition("«")
        inside, closed, after = rest.partition("»")
        if not found:
            before, inside, after = "", self.code, ""
        elif not closed:
            raise Problem(f"{self.name}: its code has a « without a »")
        whole = before + inside + after
        times = text.count(whole)
        if times != 1:
            raise Problem(f"{self.name}: its code is found {times} times in {self.file}; expected once:\n{whole}")
        if self.sql and self.sql not in text:
            raise Problem(f"{self.name}: its SQL is not found in {self.file}; expected there:\n{self.sql}")
        begin = text.index(whole) + len(before)
        return begin, begin + len(inside)

    def tried(self):
        """The programs that may notice."""
        near = next((programs for folder, programs in PROGRAMS if self.file.startswith(folder)), ())
        last = (SIMULATION,) if self.file.startswith(SIMULATED) else ()
        return {*self.programs, *near, *last}


def load_guards(folder):
    """The guards of all files of a folder."""
    guards = []
    for path in sorted(folder.glob("*.toml")):
        try:
            entries = tomllib.loads(path.read_text())["guard"]
            for entry in entries:
                entry["programs"] = tuple(entry.get("programs", ()))
                entry["code"] = entry["code"].strip("\n")
                guards.append(Guard(**entry))
        except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise Problem(f"{path}: {error}") from error
    names = [guard.name for guard in guards]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Problem(f"two guards have the name {twice[0]}")
    return guards


def switched(guard, old):
    """Code that is `old` unless the guard's mutant is chosen."""
    on = f"::rgrid_mutants::on({guard.number})"
    if guard.sql:
        return edited(guard, on, old)
    if old.endswith(";"):
        return f"if ({on}) {{ {guard.becomes} }} else {{ {old} }}"
    if guard.becomes in ("true", "false"):
        return f"({on} ? {guard.becomes} : static_cast<bool>({old}))"
    return f"({on} ? ({guard.becomes}) : ({old}))"


def edited(guard, on, old):
    """A `Statement` that is `old` unless the mutant is chosen. SQL that does not have the part stays: nobody notices."""
    part, other = (f'R"mutant({text})mutant"' for text in (guard.sql, guard.becomes))
    return (f"[&](auto const& given) {{ using Given = std::decay_t<decltype(given)>; if (!{on}) return Given{{given}}; "
            f"static std::string const text = [&] {{ std::string sql{{given.sql}}; auto const at = sql.find({part}); "
            f"return at == sql.npos ? sql : sql.replace(at, sizeof({part}) - 1, {other}); }}(); "
            f"return Given{{\"mutant_{guard.number}\", text.c_str()}}; }}({old})")


def mutated(text, guards):
    """The file's text with all its guards switched; one may stand inside another."""
    spans = sorted(((*guard.span(text), guard) for guard in guards), key=lambda span: (span[0], -span[1]))

    def render(begin, end, inside):
        result, at = "", begin
        while inside:
            first, last, guard = inside[0]
            within = [span for span in inside[1:] if span[0] < last]
            if within and max(span[1] for span in within) > last:
                raise Problem(f"{guard.name} and another guard of {guard.file} overlap")
            result += text[at:first] + switched(guard, render(first, last, within))
            at, inside = last, inside[1 + len(within):]
        return result + text[at:end]

    return render(0, len(text), spans)


def write_if_changed(path, content):
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def make_copy(source, folder, guards):
    """Brings the copy up to date: the files that git would take, with every guard switched."""
    listed = subprocess.run(["git", "-C", source, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            check=True, capture_output=True).stdout
    names = {name for name in listed.decode().split("\0") if name and (source / name).is_file()}
    missing = sorted({guard.file for guard in guards} - names)
    if missing:
        raise Problem(f"{missing[0]} is not there; a guard is said to be in it")
    for name in names:
        mine = [guard for guard in guards if guard.file == name]
        content = (source / name).read_bytes()
        if mine:
            content = mutated(content.decode(), mine).encode()
        write_if_changed(folder / name, content)
        shutil.copymode(source / name, folder / name)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        name = path.relative_to(folder).as_posix()
        if name not in names and not name.startswith("build/"):
            path.unlink()
    write_if_changed(folder / "build/mutants.hpp", SWITCH.encode())


def run_quietly(command, what, environment=None):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment)
    if done.returncode != 0:
        raise Problem(f"{what} failed:\n" + "\n".join((done.stdout + done.stderr).splitlines()[-60:]))


def configure(folder):
    """Makes the build folder of a copy: quick to compile, and quick enough for the simulation."""
    out = folder / "build/mutants"
    if not (out / "build.ninja").exists():
        run_quietly(["cmake", "-S", folder, "-B", out, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DRGRID_WERROR=OFF",
                     "-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_UNITY_BUILD_BATCH_SIZE=6", "-DRGRID_BUILD_BENCHMARKS=OFF",
                     "-DRGRID_BUILD_PYTHON=OFF", "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g0",
                     f"-DCMAKE_CXX_FLAGS=-w -include {folder}/build/mutants.hpp"], "configuring")
    return out


def build(out, program):
    """Builds a test program. The compiler's cache may take what it has from another copy."""
    environment = {**os.environ, "CCACHE_BASEDIR": str(out.parents[1]), "CCACHE_NOHASHDIR": "1"}
    began = time.monotonic()
    print(f"mutants: building {program}", flush=True)
    run_quietly(["cmake", "--build", out, "--target", program], f"building {program}", environment)
    print(f"mutants: built {program} in {time.monotonic() - began:.0f} s", flush=True)


@dataclass
class Noticed:
    program: str
    case: str
    note: str = ""

    def __str__(self):
        return f"{self.program} {self.case}" + (f" ({self.note})" if self.note else "")


def judge(program, code, output):
    """What a run of a GoogleTest program says: None if all its tests passed."""
    if code == 0:
        return None
    failed = re.search(r"^\[  FAILED  \] ([^\s,(]+(?:/\d+)?)", output, re.MULTILINE)
    seed = re.search(r"seed=(\d+)", output)
    note = f"seed {seed[1]}" if seed and program == SIMULATION else ""
    if failed:
        return Noticed(program, failed[1], note)
    if code in (-signal.SIGTERM, -signal.SIGINT):
        raise Problem(f"{program} was ended from outside; that tells nothing of a guard")
    began = re.findall(r"^\[ RUN      \] (\S+)", output, re.MULTILINE)
    how = "did not end" if code is None else f"died of signal {-code}" if code < 0 else f"exit code {code}"
    return Noticed(program, began[-1] if began else "before its first test", how)


def run_program(tests, program, number, seeds, limit=TIME_LIMIT):
    """Runs one test program with one mutant chosen; 0 is none."""
    command = [tests / program, "--gtest_fail_fast", "--gtest_brief=0", "--gtest_color=no"]
    if program == SIMULATION:
        command.append("--gtest_filter=Swarm.three_hours")
    environment = {**os.environ, CHOICE: str(number), "RGRID_SEEDS": str(seeds)}
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # A server that a test starts may run as another user.
        process = subprocess.Popen(command, cwd=folder, env={**environment, "TMPDIR": folder}, start_new_session=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            output, code = process.communicate(timeout=limit)[0], process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            output, code = process.communicate()[0], None
    return judge(program, code, output.decode(errors="replace"))


def table(guards, found):
    """The result in Markdown."""
    def cell(text):
        return " ".join(str(text).split()).replace("|", "\\|")

    lines = ["| guard | promise | noticed by |", "|---|---|---|"]
    for guard in guards:
        by = f"nothing can: {guard.equivalent}" if guard.equivalent else found.get(guard.name) or "**nothing**"
        by = f"`{by.program}` {by.case}" + (f", {by.note}" if by.note else "") if isinstance(by, Noticed) else by
        lines.append(f"| {cell(guard.name)} | {cell(guard.promise)} | {cell(by)} |")
    return "\n".join(lines) + "\n"


def programs_of(guards):
    """The programs that the guards name, each before those that follow it in PROGRAMS; the simulation is last."""
    order = [program for _, programs in PROGRAMS for program in programs]
    wanted = {program for guard in guards for program in guard.tried()}
    known = [program for program in dict.fromkeys(order) if program in wanted]
    return known + sorted(wanted - {*known, SIMULATION}) + [SIMULATION] * (SIMULATION in wanted)


def try_program(tests, program, guards, jobs, seeds):
    """What the program notices of each guard, by name; some run side by side, and each is told as it is known."""
    began = time.monotonic()
    without = run_program(tests, program, 0, seeds)
    limit = PATIENCE * (time.monotonic() - began) + 60
    if without:
        raise Problem(f"with every guard in place {without} fails; expected it to pass")

    def one(guard):
        noticed = run_program(tests, program, guard.number, seeds, limit)
        if noticed:
            print(f"noticed: {guard.name}: {noticed}", flush=True)
        return guard.name, noticed

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return dict(pool.map(one, guards))


def try_all(guards, out, jobs, seeds):
    """The first test that notices for each guard, by name; None if none does. A program that is not needed is not built."""
    found = {guard.name: None for guard in guards}
    for program in programs_of(guards):
        mine = [guard for guard in guards if program in guard.tried() and not found[guard.name]]
        if mine:
            build(out, program)
            found.update(try_program(out / "tests", program, mine, jobs, seeds))
    return found


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="check the list against the tree, print it and end")
    parser.add_argument("--only", metavar="PATTERN", action="append",
                        help="guards whose name or file holds or matches it; with several, any of them")
    parser.add_argument("--seeds", type=int, default=1000, help="of the simulation for one guard (default: 1000)")
    parser.add_argument("--no-simulation", action="store_true", help="only unit, property and conformance tests")
    parser.add_argument("--jobs", type=int, default=2, help="guards tried side by side (default: 2)")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write the table there")
    parser.add_argument("--folder", metavar="DIR", type=Path, help="keep the copy there: the next run builds less")
    return parser.parse_args(arguments)


def matches(guard, pattern):
    return any(fnmatch.fnmatch(text, pattern) or pattern in text for text in (guard.name, guard.file))


def main(arguments):
    options = parse(arguments)
    every = load_guards(ROOT / "tests/mutants")
    patterns = options.only or ["*"]
    chosen = [guard for guard in every if any(matches(guard, pattern) for pattern in patterns)]
    if not chosen:
        raise Problem(f"no guard matches {' or '.join(patterns)}")
    if options.list:
        for file in sorted({guard.file for guard in every}):
            mutated((ROOT / file).read_text(), [guard for guard in every if guard.file == file])
        for guard in chosen:
            print(f"{guard.file}: {guard.name}: {guard.promise}")
        print(f"{len(chosen)} guards")
        return 0
    if options.no_simulation:
        global SIMULATED
        SIMULATED = ()
    tried = [guard for guard in chosen if not guard.equivalent]
    folder = options.folder.resolve() if options.folder else Path(tempfile.mkdtemp(prefix="rgrid-mutants-"))
    try:
        make_copy(ROOT, folder, every)
        found = try_all(tried, configure(folder), options.jobs, options.seeds)
    finally:
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)
    if options.markdown:
        options.markdown.write_text(table(chosen, found))
    survivors = [guard.name for guard in tried if not found[guard.name]]
    for name in survivors:
        print(f"SURVIVED: {name}")
    print(f"{len(tried) - len(survivors)} of {len(tried)} guards are noticed when they are gone")
    return 1 if survivors else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Problem as problem:
        sys.exit(f"mutants: {problem}")
