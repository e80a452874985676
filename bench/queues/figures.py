"""From what the programs print to the tables of docs/performance.md."""

import json
import statistics
from collections import defaultdict

import rows


class Unreadable(Exception):
    """A program has not printed what it should."""


def read_line(text):
    """The figures in the last line of what a program has printed."""
    lines = text.strip().splitlines()
    try:
        figures = json.loads(lines[-1]) if lines else None
    except ValueError:
        figures = None
    if not isinstance(figures, dict):
        raise Unreadable(f"expected a line of JSON, found {lines[-1][:200] if lines else 'nothing'!r}")
    return figures


def short(number):
    """Three digits that mean something, or two and a k."""
    if number >= 100_000:
        return f"{number / 1000:.0f}k"
    if number >= 1000:
        return f"{number / 1000:.1f}k"
    return f"{number:.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def spread(values, form=short):
    """Median and, of several, least and most."""
    values = [value for value in values if value is not None]
    if not values:
        return "–"
    median = form(statistics.median(values))
    return median if len(values) == 1 else f"{median} ({form(min(values))}–{form(max(values))})"


def two_places(number):
    return f"{number:.2f}"


class Runs:
    """A dict a run, with `part`, `row`, `clients`, `round` and what the program printed, or `error`."""

    def __init__(self, runs):
        self.cells = defaultdict(list)
        self.errors = []
        for run in runs:
            if "error" in run:
                self.errors.append(run)
            else:
                self.cells[run["part"], run["row"], run["clients"]].append(run)

    def of(self, part, row):
        return [run for key, some in self.cells.items() if key[:2] == (part, row) for run in some]

    def has(self, part, row):
        return bool(self.of(part, row))

    def clients(self, part):
        return sorted({key[2] for key in self.cells if key[0] == part})

    def values(self, part, row, clients, key):
        return [run.get(key) for run in self.cells[part, row, clients]]

    def ratios(self, part, row, base, clients, key):
        """To `base`, each inside its round."""
        of_base = {run["round"]: run.get(key) for run in self.cells[part, base, clients]}
        return [run[key] / of_base[run["round"]] for run in self.cells[part, row, clients]
                if run.get(key) and of_base.get(run["round"])]

    def version(self, row):
        for key, runs in self.cells.items():
            if key[1] == row and runs[0].get("version"):
                return f"{runs[0]['name']} {runs[0]['version']}"
        return ""


def table(title, columns, rows):
    """Markdown; every column but the first is of numbers."""
    lines = [title + ":", "", "| " + " | ".join(columns) + " |", "|---" + "|---:" * (len(columns) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in rows]) + "\n"


def present(runs, part, among):
    return [row for row in among if runs.has(part, row.name)]


def rates(title, runs, part, among, key="drain_per_s"):
    """Jobs a second by clients, and the ratio to the row's base."""
    among = present(runs, part, among)
    if not among:
        return []
    clients = runs.clients(part)
    cells = []
    for row in among:
        name = f"{row.name} (÷ {row.base})" if row.base else row.name
        rate = [spread(runs.values(part, row.name, count, key)) for count in clients]
        ratio = [spread(runs.ratios(part, row.name, row.base, count, key), two_places) for count in clients]
        cells.append([name, *rate, *ratio])
    columns = ["jobs/s, by clients", *map(str, clients), *(f"ratio, {count}" for count in clients)]
    return [table(title, columns, cells)]


def who(runs, among):
    cells = [[row.name, runs.version(row.name), row.settings, row.keeps, row.late]
             for row in among if runs.version(row.name)]
    lines = ["| row | version | settings | keeps a finished job | report of a worker that was replaced |",
             "|---|---|---|---|---|", *("| " + " | ".join(words) + " |" for words in cells)]
    return ["\n".join(lines) + "\n"] if cells else []


def written(run):
    """Bytes written ahead a job: (by its submit, by its claim and completion)."""
    begin, submitted, settled, drained = run["wal"]
    return (submitted - begin) / run.get("submitted", run["jobs"]), (drained - settled) / run["completed"]


def bytes_a_job(runs, among):
    cells = []
    for row in present(runs, "drain", among):
        ended = [run for run in runs.of("drain", row.name) if run.get("completed") and len(run.get("wal", ())) == 4]
        pairs = [written(run) for run in ended]
        if pairs:
            submits, drains = zip(*pairs)
            cells.append([row.name, spread(submits), spread(drains), spread([sum(pair) for pair in pairs])])
    columns = ["bytes a job", "submit", "claim and completion", "both"]
    return [table("Written ahead, full pages after a checkpoint included", columns, cells)] if cells else []


def submits(runs, among):
    cells = []
    for row in present(runs, "submit", among):
        [clients] = runs.clients("submit")
        cells.append([row.name, row.settings, spread(runs.values("submit", row.name, clients, "enqueue_bulk_per_s")),
                      spread(runs.ratios("submit", row.name, "floor-batch", clients, "enqueue_bulk_per_s"), two_places),
                      spread(runs.values("submit", row.name, clients, "enqueue_per_s"))])
    columns = ["jobs/s", "in bulk", "rate", "÷ floor-batch", "one a call, 8 callers"]
    return [table("Submit", columns, cells)] if cells else []


def latencies(runs, among):
    cells = []
    for row in present(runs, "latency", among):
        [clients] = runs.clients("latency")
        most = [span["max"] for span in runs.values("latency", row.name, clients, "latency_ms") if span]
        quantiles = [spread(runs.values("latency", row.name, clients, key), two_places) for key in ("p50_ms", "p99_ms")]
        cells.append([row.name, *quantiles, spread(most, two_places)])
    columns = ["milliseconds", "p50", "p99", "most"]
    return [table("Submit to start on an idle system, 50 jobs a second", columns, cells)] if cells else []


def pieces(per_second, length):
    """Jobs a second over pieces of so many seconds."""
    return [sum(per_second[at:at + length]) / length for at in range(0, len(per_second) - length + 1, length)]


def pinned(runs, among):
    tables = []
    for row in present(runs, "pinned", among):
        of_row = runs.of("pinned", row.name)
        length, before, during = (of_row[0][key] for key in ("piece", "before", "during"))
        columns = [f"jobs/s, {row.settings}, over {length} s"]
        by_piece = list(zip(*(pieces(run["per_second"], length) for run in of_row)))
        for i in range(len(by_piece)):
            second = i * length
            columns.append("before" if second < before else "pinned" if second < before + during else "after")
        cells = [[row.name] + [spread(values) for values in by_piece]]
        tables.append(table(f"Claim and complete while a snapshot is pinned for {during} s", columns, cells))
    return tables


def report(runs):
    """All tables that there are figures for."""
    every = {row.name: row for row in rows.DRAINS + rows.LATENCIES}
    return [*who(runs, every.values()),
            *rates("Claim and complete, one job at a time", runs, "drain", rows.ONE_BY_ONE),
            *rates("Claim and complete, batches of 100", runs, "drain", rows.BATCHES),
            *rates("Claim and complete, default settings", runs, "drain", rows.DEFAULTS),
            *bytes_a_job(runs, rows.DRAINS),
            *submits(runs, rows.SUBMITS),
            *latencies(runs, rows.LATENCIES),
            *rates("Claim and complete with 1,000,000 jobs queued behind", runs, "backlog", rows.BACKLOGS),
            *pinned(runs, rows.FLOWS)]
