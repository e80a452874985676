#!/usr/bin/env python3
"""floor.py one|two|batch: pgbench with the least SQL that makes a queue, under the variables of rgrid_queue_drain.

one     a statement that claims and completes: one commit a job
two     a claim and a completion, a commit each; the completion is refused if the attempt is no longer this worker's
batch   the same for 100 jobs at once, each in the table of its state, with a result that stays
"""

import json
import os
import re
import subprocess
import sys
import tempfile

PAYLOAD = "'{\"nothing\": true}'"

ONE_TABLE = """
CREATE TABLE job(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, priority smallint NOT NULL DEFAULT 0,
    state smallint NOT NULL DEFAULT 0, attempt int NOT NULL DEFAULT 0, worker bigint,
    submitted timestamptz NOT NULL DEFAULT now(), started timestamptz, finished timestamptz, spec jsonb NOT NULL);
CREATE INDEX waiting ON job(priority, id) WHERE state = 0;
"""
SPLIT_TABLES = """
CREATE TABLE job(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, submitted timestamptz NOT NULL DEFAULT now(),
    spec jsonb NOT NULL);
CREATE TABLE ready(priority smallint, job bigint, attempt int DEFAULT 0, PRIMARY KEY(priority, job));
CREATE TABLE lease(job bigint PRIMARY KEY, attempt int, worker bigint, started timestamptz DEFAULT now());
CREATE INDEX lease_worker ON lease(worker);
CREATE TABLE result(job bigint PRIMARY KEY, attempt int, outcome smallint, exit_code int, worker bigint,
    started timestamptz, finished timestamptz DEFAULT now());
"""
FIRST = "SELECT id FROM job WHERE state = 0 ORDER BY priority, id LIMIT 1 FOR UPDATE SKIP LOCKED"
WORKER = "\\set worker random(1, 1000000)\n"


class Variant:
    """SQL of a queue; JOBS in `submit` is how many."""

    def __init__(self, tables, submit, drain, finished, batch=1):
        self.tables, self.drain, self.finished, self.batch = tables, WORKER + drain, finished, batch
        self.submit_sql = submit

    def submit(self, jobs):
        return self.submit_sql.replace("JOBS", str(jobs))


SUBMIT = f"INSERT INTO job(spec) SELECT {PAYLOAD} FROM generate_series(1, JOBS)"
FINISHED = "SELECT count(*) FROM job WHERE state = 2"
VARIANTS = {
    "one": Variant(ONE_TABLE, SUBMIT + ";", f"""
UPDATE job SET state = 2, attempt = attempt + 1, worker = :worker, started = now(), finished = now()
    WHERE id = ({FIRST});
""", FINISHED),
    "two": Variant(ONE_TABLE, SUBMIT + ";", f"""
WITH first AS MATERIALIZED ({FIRST})
    UPDATE job SET state = 1, attempt = attempt + 1, worker = :worker, started = now() FROM first WHERE job.id = first.id
    RETURNING job.id AS mine, job.attempt AS attempt \gset
UPDATE job SET state = 2, finished = now() WHERE id = :mine AND state = 1 AND attempt = :attempt AND worker = :worker;
""", FINISHED),
    "batch": Variant(SPLIT_TABLES, f"""
WITH new AS ({SUBMIT} RETURNING id) INSERT INTO ready(priority, job) SELECT 0, id FROM new;
""", """
WITH first AS MATERIALIZED (
        SELECT priority, job FROM ready ORDER BY priority, job LIMIT 100 FOR UPDATE SKIP LOCKED),
    gone AS (
        DELETE FROM ready USING first WHERE ready.priority = first.priority AND ready.job = first.job
        RETURNING ready.job, ready.attempt),
    held AS (
        INSERT INTO lease(job, attempt, worker) SELECT job, attempt + 1, :worker FROM gone RETURNING job, attempt)
    SELECT array_agg(held.job)::text AS jobs, array_agg(held.attempt)::text AS attempts, count(job.spec) AS specs
    FROM held JOIN job ON job.id = held.job \\gset
WITH ended AS (
        DELETE FROM lease USING unnest(:jobs::bigint[], :attempts::int[]) AS said(job, attempt)
        WHERE lease.job = said.job AND lease.attempt = said.attempt AND lease.worker = :worker
        RETURNING lease.job, lease.attempt, lease.worker, lease.started)
    INSERT INTO result(job, attempt, outcome, exit_code, worker, started)
    SELECT job, attempt, 0, 0, worker, started FROM ended;
""", "SELECT count(*) FROM result", 100),
}
WRITTEN_AHEAD = "SELECT pg_current_wal_lsn() - '0/0'"


def setting(name, otherwise):
    return int(os.environ.get(name, otherwise))


def psql(*commands):
    words = [word for command in commands for word in ("-c", command)]
    done = subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", *words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return [int(line) for line in done.stdout.split()]


def transactions_a_second(said):
    """What pgbench says, without the time of making its connections."""
    found = re.search(r"^tps = ([\d.]+) \(without", said, re.MULTILINE)
    if found is None:
        sys.exit(f"pgbench says no transactions a second: {said[-500:]}")
    return float(found.group(1))


def pgbench(script, clients, each):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        threads = min(clients, os.cpu_count())
        command = ["pgbench", "-n", "-M", "prepared", "-c", clients, "-j", threads, "-t", each, "-f", file.name]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr[-2000:])
    return transactions_a_second(done.stdout)


def main(name):
    variant = VARIANTS[name]
    slots = setting("QB_WORKERS", 8)
    each = max(1, setting("QB_JOBS", 20000) // (slots * variant.batch))
    jobs = each * slots * variant.batch
    version = subprocess.run(["pgbench", "--version"], capture_output=True, text=True).stdout.split()[2]
    figures = {"name": "pgbench", "version": version, "jobs": jobs, "drained": True}
    psql(variant.tables)
    figures["wal"] = psql(WRITTEN_AHEAD)
    if setting("QB_SINGLE", 1) != 0:
        figures["enqueue_per_s"] = pgbench(variant.submit(1), slots, max(1, min(jobs // 4, 5000) // slots))
        psql("TRUNCATE job" + (", ready" if name == "batch" else ""))
        figures["wal"] = psql(WRITTEN_AHEAD)
    # A few more than are taken, so that no client finds nothing.
    bulk = -(-(jobs + 2 * slots * variant.batch) // 1000)
    figures["enqueue_bulk_per_s"] = 1000 * pgbench(variant.submit(1000), 1, bulk)
    figures["submitted"] = 1000 * bulk
    figures["wal"] += psql(WRITTEN_AHEAD, "VACUUM ANALYZE", "CHECKPOINT", WRITTEN_AHEAD)
    if setting("QB_MAX_SECONDS", 5) > 0:
        figures["drain_per_s"] = variant.batch * pgbench(variant.drain, slots, each)
        figures["wal"] += psql(WRITTEN_AHEAD)
        figures["completed"] = jobs
        [finished] = psql(variant.finished)
        if finished != jobs:
            sys.exit(f"{finished} of {jobs} jobs have finished")
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1])
