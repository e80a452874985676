"""Who takes part in bench/queue, and under which settings."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A queue under some settings, as a program that speaks as rgrid_queue_drain does."""

    name: str
    command: str  # {build}, {here}: the build folder and this one; the others: what peers.py has made.
    settings: str
    base: str = ""  # Whom to compare it with.
    times: int = 1  # As many jobs as --jobs says, times this.
    needs: str = ""  # Of peers.py.
    keeps: str = "yes"  # A finished job.
    late: str = "refused"  # What a worker reports that was given up, after another one has taken the job.


def floor(name, variant, settings, base="", **more):
    return Row(name, "{here}/floor.py " + variant, "pgbench: " + settings, base, **more)


def rgrid(name, options, settings, base="", **more):
    return Row(name, "{build}/bench/rgrid_queue_drain " + options, settings, base, **more,
               late="refused; taken as long as nobody has replaced it")


def node(name, program, settings, base, **more):
    return Row(name, "{node} {node_folder}/" + program, settings, base, needs="node", **more)


def river(name, variant, settings, base):
    return Row(name, "{river} " + variant, settings, base, needs="river", keeps="24 h", late=TAKEN)


TAKEN = "accepted: the owner's outcome is lost"

ONE_BY_ONE = (
    floor("floor-one", "one", "claim and completion in one statement", "floor-two", late="nobody can tell"),
    floor("floor-two", "two", "claim, commit, complete, commit"),
    rgrid("rgrid", "", "a connection a worker", "floor-two"),
    rgrid("rgrid-ahead", "--ahead", "the same; a second thread reports while the next claim is under way", "floor-two"),
    river("river-quick", "quick", "fetch cooldown 2 ms, poll 20 ms, as in its own benchmark", "floor-two"),
)
BATCHES = (
    floor("floor-batch", "batch", "batches of 100, the least tables that fence and keep", times=5),
    rgrid("rgrid-batch", "--batch 100", "claims of 100, a connection a worker", "floor-batch", times=5),
    rgrid("rgrid-batch-ahead", "--batch 100 --ahead", "the same, reported by a second thread", "floor-batch", times=5),
    node("graphile-preset", "graphile.mjs preset", "as its own performance test: queue of 500, completion in batches",
         "floor-batch", times=5, keeps="no", late=TAKEN),
    node("pgboss-batch", "pgboss.mjs batch", "`work()`, NOTIFY, batches of 100, again while full", "floor-batch",
         times=5),
)
DEFAULTS = (
    rgrid("rgrid-default", "--defaults", "as rgrid, with the store's default settings (8 connections)", "rgrid"),
    rgrid("rgrid-agent", "--defaults --agent",
          "RGrid's agent with as many slots, all else by default; jobs run inside of it, without working folders",
          "rgrid-agent-tuned"),
    rgrid("rgrid-agent-tuned", "--agent --batch-wait 0", "the same, no result waits, a connection a slot",
          "rgrid-ahead"),
    rgrid("rgrid-agent-batch", "--defaults --agent --batch 100", "as many agents of 100 slots, all else by default",
          "rgrid-batch"),
    node("graphile", "graphile.mjs default", "by default", "graphile-preset", keeps="no", late=TAKEN),
    node("pgboss", "pgboss.mjs default", "`work()` by default", "pgboss-batch"),
    river("river", "default", "by default", "river-quick"),
)
DRAINS = ONE_BY_ONE + BATCHES + DEFAULTS
SUBMITS = (
    floor("floor-batch", "batch", "1,000 a statement, one caller"),
    rgrid("rgrid", "", "1,000 a call, one caller", "floor-batch"),
    rgrid("rgrid-10000", "--bulk 10000", "10,000 a call, one caller", "floor-batch"),
    rgrid("rgrid-callers", "--callers 4", "1,000 a call, four callers", "floor-batch"),
    rgrid("rgrid-10000-callers", "--bulk 10000 --callers 2", "10,000 a call, two callers", "floor-batch"),
    node("graphile", "graphile.mjs default", "1,000 a call, one caller", "floor-batch"),
    node("pgboss", "pgboss.mjs default", "1,000 a call, one caller", "floor-batch"),
    river("river", "default", "`InsertManyFast`, 1,000 a call, one caller", "floor-batch"),
)
LATENCIES = tuple(row for row in DRAINS if row.name in (
    "rgrid", "rgrid-agent", "graphile", "graphile-preset", "pgboss", "pgboss-batch", "river", "river-quick"))
LATENCIES += (rgrid("rgrid-notify", "--notify 1", "NOTIFY up to once a millisecond, not every 5"),)
BACKLOGS = (
    rgrid("rgrid", "", ""),
    rgrid("rgrid-behind", "--backlog 1000000", "", "rgrid"),
    rgrid("rgrid-batch", "--batch 100", "", times=5),
    rgrid("rgrid-batch-behind", "--batch 100 --backlog 1000000", "", "rgrid-batch", times=5),
)
FLOWS = (
    Row("rgrid", "{build}/bench/rgrid_queue_flow {seconds}", "one at a time"),
    Row("rgrid-batch", "{build}/bench/rgrid_queue_flow {seconds} --batch 100", "batches of 100"),
)
PARTS = {"drain": DRAINS, "submit": SUBMITS, "latency": LATENCIES, "backlog": BACKLOGS, "pinned": FLOWS}
