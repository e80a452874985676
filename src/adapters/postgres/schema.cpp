#include <array>

#include "adapters/postgres/functions.hpp"
#include "adapters/postgres/migrations.hpp"

namespace rgrid::postgres {

namespace {

// A job's state is which of ready, scheduled, lease and result holds it. A move deletes from one and inserts into
// another in one statement or transaction, so a job can neither be lost nor be in two states. The wide row in job is
// written once; what moves is narrow.
//
// All times are milliseconds since 1970 by rgrid.clock(); the view rgrid.jobs shows them to people.
constexpr char const* tables = R"sql(
CREATE FUNCTION rgrid.clock() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE
    AS 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint';
COMMENT ON FUNCTION rgrid.clock() IS 'The store''s clock: every age and every due time is measured by it.';

CREATE TABLE rgrid.store(
    one boolean PRIMARY KEY DEFAULT true CHECK(one),
    id text NOT NULL,
    fleet text NOT NULL,
    generation bigint NOT NULL DEFAULT 1,
    frozen text NOT NULL DEFAULT '',
    forgotten bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE rgrid.store IS 'Whose store this is, and in which of its lives.';

CREATE SEQUENCE rgrid.job_id;
CREATE TABLE rgrid.job(
    id bigint PRIMARY KEY,
    submitted bigint NOT NULL,
    run_at bigint,
    pool text NOT NULL,
    priority int NOT NULL,
    slots int NOT NULL,
    timeout bigint NOT NULL,
    owner text NOT NULL,
    batch text NOT NULL,
    submit_key text,
    spec json NOT NULL
);
COMMENT ON TABLE rgrid.job IS 'What was submitted: written once, deleted when it has been kept long enough.';
CREATE UNIQUE INDEX job_submit_key ON rgrid.job(submit_key) WHERE submit_key IS NOT NULL;
CREATE INDEX job_batch ON rgrid.job(batch) WHERE batch <> '';
CREATE INDEX job_owner ON rgrid.job(owner) WHERE owner <> '';

CREATE TABLE rgrid.kind(
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool text NOT NULL,
    rank bigint NOT NULL,
    slots int NOT NULL,
    UNIQUE(pool, rank, slots)
);
COMMENT ON TABLE rgrid.kind IS 'Jobs of one kind queue together; rank is minus the priority.';
CREATE FUNCTION rgrid.kind_of(of_pool text, of_rank bigint, of_slots int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
DECLARE found_id int;
BEGIN
    LOOP
        SELECT id INTO found_id FROM rgrid.kind k WHERE k.pool = of_pool AND k.rank = of_rank AND k.slots = of_slots;
        IF FOUND THEN RETURN found_id; END IF;
        INSERT INTO rgrid.kind(pool, rank, slots) VALUES(of_pool, of_rank, of_slots) ON CONFLICT DO NOTHING;
    END LOOP;
END $$;
COMMENT ON FUNCTION rgrid.kind_of(text, bigint, int) IS 'The kind of such jobs, made if there is none.';

CREATE TABLE rgrid.ready(
    kind int NOT NULL,
    job bigint NOT NULL,
    ready_at bigint NOT NULL,
    epoch bigint NOT NULL,
    attempts int NOT NULL,
    losses int NOT NULL,
    again boolean NOT NULL,
    PRIMARY KEY(kind, job)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE rgrid.ready IS 'Queued jobs. Its key is the order of claims among jobs of one kind.';
-- Jobs that came back or were due later are not in the order of their ids: only they need an index by age.
CREATE INDEX ready_again ON rgrid.ready(kind, ready_at) WHERE again;

CREATE TABLE rgrid.scheduled(
    job bigint PRIMARY KEY,
    due_at bigint NOT NULL,
    epoch bigint NOT NULL,
    attempts int NOT NULL,
    losses int NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE rgrid.scheduled IS 'Jobs that wait for a time.';
CREATE INDEX scheduled_due ON rgrid.scheduled(due_at);

CREATE TABLE rgrid.lease(
    job bigint PRIMARY KEY,
    epoch bigint NOT NULL,
    attempts int NOT NULL,
    losses int NOT NULL,
    worker text NOT NULL,
    slots int NOT NULL,
    started bigint NOT NULL,
    ends_at bigint NOT NULL,
    cancel boolean NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE rgrid.lease IS 'Running jobs: who may run which attempt, and until when.';
CREATE INDEX lease_worker ON rgrid.lease(worker);

CREATE TABLE rgrid.result(
    job bigint PRIMARY KEY,
    state smallint NOT NULL,
    finished_at bigint NOT NULL,
    epoch bigint NOT NULL,
    attempts int NOT NULL,
    losses int NOT NULL,
    cancel boolean NOT NULL,
    outcome smallint,
    exit_code int NOT NULL,
    message text NOT NULL,
    outputs text NOT NULL,
    worker text NOT NULL,
    started bigint
);
COMMENT ON TABLE rgrid.result IS 'Finished jobs. An outcome that is null: the last attempt was given up, or there was none.';
-- Rows come in the order of their time, so a summary of blocks is enough, and costs a job nothing.
CREATE INDEX result_age ON rgrid.result USING brin(finished_at) WITH (autosummarize = on, pages_per_range = 32);

CREATE TABLE rgrid.report(
    job bigint PRIMARY KEY,
    outcome smallint,
    exit_code int NOT NULL,
    message text NOT NULL,
    outputs text NOT NULL,
    worker text NOT NULL,
    started bigint NOT NULL
);
COMMENT ON TABLE rgrid.report IS 'How the last attempt of a job ended that waits for its next one.';

CREATE TABLE rgrid.tally(
    kind int,
    state smallint NOT NULL,
    jobs bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE rgrid.tally IS
    'How many jobs are queued (by kind), scheduled and finished: what is to be added up. State -1 counts the swept.';

CREATE TABLE rgrid.log(
    job bigint NOT NULL,
    epoch bigint NOT NULL,
    number bigint NOT NULL,
    text bytea NOT NULL,
    PRIMARY KEY(job, epoch, number)
);
CREATE TABLE rgrid.log_size(job bigint PRIMARY KEY, bytes bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE rgrid.log_cut(job bigint NOT NULL, epoch bigint NOT NULL, PRIMARY KEY(job, epoch));

CREATE TABLE rgrid.session(
    worker text PRIMARY KEY,
    server text NOT NULL,
    pool text NOT NULL,
    incarnation bigint NOT NULL,
    state smallint NOT NULL,
    slots int NOT NULL,
    registered_at bigint NOT NULL,
    beat bigint NOT NULL,
    beat_at bigint NOT NULL,
    idle_at bigint NOT NULL,
    drain_at bigint,
    version text NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE rgrid.session IS 'Workers. What a beat changes is in no index, so that it costs no index anything.';
CREATE INDEX session_server ON rgrid.session(server);

CREATE TABLE rgrid.idle(worker text PRIMARY KEY, since bigint NOT NULL) WITH (fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE rgrid.idle IS
    'When each worker last gave up a lease. Apart from session, so that ending a job waits for nobody who has a session.';

CREATE TABLE rgrid.leader(
    one boolean PRIMARY KEY DEFAULT true CHECK(one),
    epoch bigint NOT NULL,
    candidate text NOT NULL,
    until_at bigint NOT NULL
);
CREATE TABLE rgrid.fleet(
    one boolean PRIMARY KEY DEFAULT true CHECK(one),
    next_number bigint NOT NULL,
    mass_loss_released boolean NOT NULL,
    memory json NOT NULL
);
CREATE TABLE rgrid.intent(
    server text PRIMARY KEY,
    written_at bigint NOT NULL,
    remove_at bigint,
    body json NOT NULL
);
CREATE TABLE rgrid.bill(
    server text PRIMARY KEY,
    created bigint NOT NULL,
    deleted bigint,
    body json NOT NULL
);
CREATE INDEX bill_deleted ON rgrid.bill(deleted);
CREATE TABLE rgrid.hold(pool text PRIMARY KEY, since bigint NOT NULL);

INSERT INTO rgrid.leader(epoch, candidate, until_at) VALUES(0, '', 0);
INSERT INTO rgrid.fleet(next_number, mass_loss_released, memory) VALUES(1, false, '{}');

CREATE FUNCTION rgrid.at(ms bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT timestamptz ''epoch'' + ms * interval ''1 millisecond''';

CREATE VIEW rgrid.jobs AS
    SELECT j.id, CASE WHEN l.job IS NOT NULL THEN 'running' WHEN r.job IS NOT NULL THEN 'queued'
               WHEN s.job IS NOT NULL THEN 'scheduled' WHEN f.state = 3 THEN 'succeeded' WHEN f.state = 4 THEN 'failed'
               WHEN f.state = 5 THEN 'cancelled' WHEN f.state = 6 THEN 'dead' END AS state,
           j.pool, j.priority, j.owner, j.batch, j.submit_key, l.worker, coalesce(l.attempts, r.attempts, s.attempts,
           f.attempts) AS attempts, coalesce(l.losses, r.losses, s.losses, f.losses) AS losses, f.exit_code, f.message,
           rgrid.at(j.submitted) AS submitted, rgrid.at(coalesce(l.started, f.started)) AS started,
           rgrid.at(f.finished_at) AS finished, rgrid.at(s.due_at) AS due, j.spec
    FROM rgrid.job j LEFT JOIN rgrid.lease l ON l.job = j.id LEFT JOIN rgrid.scheduled s ON s.job = j.id
    LEFT JOIN rgrid.result f ON f.job = j.id
    LEFT JOIN rgrid.kind k ON k.pool = j.pool AND k.rank = -j.priority::bigint AND k.slots = j.slots
    LEFT JOIN rgrid.ready r ON r.kind = k.id AND r.job = j.id;
COMMENT ON VIEW rgrid.jobs IS 'Jobs as people want to see them. Only for looking.';
)sql";

// What was released is never edited: databases of it exist. A step only adds, with defaults, so that programs of before
// go on working beside it.
std::array const steps{
    Migration{1, "jobs, workers and the fleet", tables},
    Migration{2, "jobs are submitted and roles let in by SQL", function_step()},
    Migration{3, "servers tell how their boot goes", "ALTER TABLE rgrid.intent ADD COLUMN boot_at bigint, ADD COLUMN boot json"},
};

}  // namespace

std::span<Migration const> migrations() {
    return steps;
}

}  // namespace rgrid::postgres
