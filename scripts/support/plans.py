"""What scripts/test and scripts/nightly do, part by part, with the minutes that each may take on two cores from nothing.

All but the first build are made beside the tests that come before them; their minutes are what is left then.
The minutes are a budget to keep an eye on, not a limit: run_tests.py prints them beside what a part took.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Build:
    """Targets of a preset; the tests of the preset's later runs need them."""

    preset: str
    minutes: float
    targets: tuple = ()

    @property
    def name(self):
        return f"build {self.preset}"


@dataclass(frozen=True)
class Run:
    """The tests of a preset that ctest selects by `options`."""

    name: str
    preset: str
    minutes: float
    options: tuple = ()
    environment: dict = field(default_factory=dict)
    time_limit: int = 600  # Seconds for one program.


# All that users get. Cases are the GoogleTest programs but those that take long: they run in the sanitized builds, where
# they show more.
PRODUCTS = ("src/all", "examples/all", "bench/all", "bindings/python/all", "tests/end_to_end/all", "test_sim",
            "test_sim_scenarios", "test_property", "test_conformance_hetzner_faults")

STANDARD = [
    Build("unity", 4.5, PRODUCTS),
    Run("simulation", "unity", 3.5, ("-L", "sim")),
    Run("end to end, consumers, headers, documentation", "unity", 7, ("-LE", "cases|sim")),
    Run("laws with all their seeds", "unity", 0.2, ("-L", "property")),
    Build("asan", 2.5, ("rgrid_cases", "rgrid_fuzzers")),
    Run("cases under address and undefined-behaviour sanitizers", "asan", 1.5, ("-L", "cases")),
    Run("fuzzing", "asan", 0.3, ("-L", "fuzz")),
    Build("tsan", 2, ("rgrid_threaded_cases",)),
    # Failing disks and power cuts are one thread's; they run above.
    Run("cases with threads under the thread sanitizer", "tsan", 1, ("-L", "threads"),
        {"GTEST_FILTER": "-*FaultTest*:Fault.*:*PowerCut*"}),
]

QUICK = [
    Build("default", 1.5, ("rgrid_cases", "test_sim", "test_sim_scenarios")),
    Run("cases and a part of the simulation", "default", 1.5, ("-L", "cases|sim"), {"RGRID_SEEDS": "500"}),
]

# The tests say what each of them is for; where it is not set they take little enough for scripts/test.
NIGHTLY_SIZES = {"RGRID_KILLS": "2000", "RGRID_MORE_SEEDS": "10", "RGRID_MANY_JOBS": "1000000",
                 "RGRID_PINNED_SECONDS": "60", "RGRID_CROWD_JOBS": "500000", "RGRID_CROWD_KILLS": "400",
                 "RGRID_POOLER": "1"}

NIGHTLY = [
    Build("default", 12),
    Run("everything, with more kills and seeds, and with the many jobs of a large store", "default", 150, (), NIGHTLY_SIZES,
        14400),
    Build("asan", 7, ("rgrid_cases", "test_sim", "test_sim_scenarios", "rgrid_fuzzers")),
    Run("cases and simulation under address and undefined-behaviour sanitizers", "asan", 60, ("-L", "cases|sim"), {},
        7200),
    Run("fuzzing", "asan", 60, ("-L", "fuzz"), {"RGRID_FUZZ_SECONDS": "1200"}, 7200),
    Build("tsan", 3, ("rgrid_threaded_cases",)),
    Run("cases with threads under the thread sanitizer, ten times", "tsan", 15,
        ("-L", "threads", "--repeat", "until-fail:10"), {}, 7200),
    Build("release", 12),
    Run("everything as it is installed", "release", 15),
]

PLANS = {"standard": STANDARD, "quick": QUICK, "nightly": NIGHTLY}
