#include "adapters/postgres/functions.hpp"

#include <rgrid/model/job_rules.hpp>

namespace rgrid::postgres {

namespace {

constexpr char const* functions = R"sql(
CREATE FUNCTION rgrid.refuse(problem text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = problem, ERRCODE = '22023';
END $$;

-- What was read, for a sentence about it.
CREATE FUNCTION rgrid.found_text(found jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE jsonb_typeof(found) WHEN 'string' THEN to_json(left(found #>> '{}', 60))::text WHEN 'array' THEN 'a list'
        WHEN 'object' THEN 'a table' WHEN 'null' THEN 'nothing' ELSE found::text END
$$;

-- Milliseconds; null if it is no duration. One whole number with a unit is exact and may be negative, anything else is
-- added up in doubles, as C++ does.
CREATE FUNCTION rgrid.read_duration(written text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    part text[] := regexp_match(written, '^(-?[0-9]{1,19})(ms|s|m|h|d)$');
    exact numeric;
    total float8 := 0;
BEGIN
    IF part IS NOT NULL THEN
        exact := part[1]::numeric * CASE part[2] WHEN 'ms' THEN 1 WHEN 's' THEN 1000 WHEN 'm' THEN 60000
            WHEN 'h' THEN 3600000 ELSE 86400000 END;
        IF exact BETWEEN -9223372036854775808 AND 9223372036854775807 THEN RETURN exact; END IF;
    END IF;
    IF written !~ '^(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?(ms|s|m|h|d))+$' THEN RETURN NULL; END IF;
    FOR part IN SELECT regexp_matches(written,
        '((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)(ms|s|m|h|d)', 'g')
    LOOP
        exact := part[1]::numeric;
        IF exact > 1e290 OR (exact <> 0 AND exact < 1e-307) THEN RETURN NULL; END IF;
        total := total + exact::float8 * CASE part[2] WHEN 'ms' THEN 1 WHEN 's' THEN 1000 WHEN 'm' THEN 60000
            WHEN 'h' THEN 3600000 ELSE 86400000 END;
    END LOOP;
    RETURN CASE WHEN total < 9e15 THEN trunc(total + 0.5)::bigint END;
END $$;

CREATE FUNCTION rgrid.duration_text(ms bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN ms = 0 THEN '0s' WHEN ms % 3600000 = 0 THEN ms / 3600000 || 'h' WHEN ms % 60000 = 0
        THEN ms / 60000 || 'm' WHEN ms % 1000 = 0 THEN ms / 1000 || 's' ELSE ms || 'ms' END
$$;

-- Null if it is no size.
CREATE FUNCTION rgrid.read_bytes(written text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    part text[] := regexp_match(written, '^(-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)([KMGT]i?|)B$');
    amount numeric;
    factor numeric;
BEGIN
    IF part IS NULL THEN RETURN NULL; END IF;
    factor := CASE part[2] WHEN '' THEN 1 WHEN 'Ki' THEN 1024 WHEN 'Mi' THEN 1048576 WHEN 'Gi' THEN 1073741824
        WHEN 'Ti' THEN 1099511627776 WHEN 'K' THEN 1e3 WHEN 'M' THEN 1e6 WHEN 'G' THEN 1e9 ELSE 1e12 END;
    amount := part[1]::numeric;
    IF part[1] ~ '^-?[0-9]{1,19}$' AND part[2] !~ '^[KMGT]$'
       AND amount * factor BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
        RETURN amount * factor;
    END IF;
    IF amount < 0 OR amount > 1e290 OR (amount <> 0 AND amount < 1e-307) THEN RETURN NULL; END IF;
    RETURN CASE WHEN amount::float8 * factor::float8 < 9e18 THEN trunc(amount::float8 * factor::float8)::bigint END;
END $$;

CREATE FUNCTION rgrid.bytes_text(bytes bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN bytes = 0 OR bytes % 1024 <> 0 THEN bytes || 'B' WHEN bytes % 1048576 <> 0 THEN bytes / 1024 || 'KiB'
        WHEN bytes % 1073741824 <> 0 THEN bytes / 1048576 || 'MiB' WHEN bytes % 1099511627776 <> 0
        THEN bytes / 1073741824 || 'GiB' ELSE bytes / 1099511627776 || 'TiB' END
$$;

-- Null if it is no whole number that fits.
CREATE FUNCTION rgrid.read_whole(given jsonb, most bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE number numeric;
BEGIN
    IF jsonb_typeof(given) <> 'number' THEN RETURN NULL; END IF;
    number := given::numeric;
    RETURN CASE WHEN number = trunc(number) AND number BETWEEN -most::numeric - 1 AND most THEN number END;
END $$;

CREATE FUNCTION rgrid.is_inner_path(path text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT path !~ '(^|/)\.{0,2}(/|$)' $$;

-- A list of texts as it is stored.
CREATE FUNCTION rgrid.read_texts(given jsonb, path text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE wrong record;
BEGIN
    IF jsonb_typeof(given) <> 'array' THEN
        PERFORM rgrid.refuse(path || ': found ' || rgrid.found_text(given) || ', expected a list');
    END IF;
    SELECT value, place INTO wrong FROM jsonb_array_elements(given) WITH ORDINALITY AS e(value, place)
        WHERE jsonb_typeof(value) <> 'string' LIMIT 1;
    IF FOUND THEN
        PERFORM rgrid.refuse(format('%s[%s]: found %s, expected a text', path, wrong.place - 1,
                                    rgrid.found_text(wrong.value)));
    END IF;
    RETURN '[' || coalesce((SELECT string_agg(value::text, ',' ORDER BY place)
                            FROM jsonb_array_elements(given) WITH ORDINALITY AS e(value, place)), '') || ']';
END $$;

-- One input as it is stored. Whether it can be used is asked afterwards.
CREATE FUNCTION rgrid.read_input(given jsonb, path text, lenient boolean) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    file text := '';
    sha256 text := '';
    size bigint := 0;
    executable boolean := false;
    name text;
    value jsonb;
    expected text;
BEGIN
    IF jsonb_typeof(given) <> 'object' THEN
        PERFORM rgrid.refuse(path || ': found ' || rgrid.found_text(given) || ', expected a table');
    END IF;
    FOR name, value IN SELECT * FROM jsonb_each(given) LOOP
        CASE name
        WHEN 'path' THEN IF jsonb_typeof(value) = 'string' THEN file := value #>> '{}'; ELSE expected := 'a text'; END IF;
        WHEN 'sha256' THEN
            IF jsonb_typeof(value) = 'string' THEN sha256 := value #>> '{}'; ELSE expected := 'a text'; END IF;
        WHEN 'size' THEN
            size := rgrid.read_whole(value, 9223372036854775807);
            IF size IS NULL THEN expected := 'a whole number'; END IF;
        WHEN 'executable' THEN
            IF jsonb_typeof(value) = 'boolean' THEN executable := value::boolean; ELSE expected := 'true or false'; END IF;
        ELSE IF NOT lenient THEN PERFORM rgrid.refuse(path || '.' || name || ': unknown setting'); END IF;
        END CASE;
        IF expected IS NOT NULL THEN
            PERFORM rgrid.refuse(format('%s.%s: found %s, expected %s', path, name, rgrid.found_text(value), expected));
        END IF;
    END LOOP;
    RETURN '{"path":' || to_json(file) || ',"sha256":' || to_json(sha256) || ',"size":' || size || ',"executable":'
        || executable || '}';
END $$;

CREATE FUNCTION rgrid.inputs_problem(inputs jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    input jsonb;
    path text;
    paths text[] := '{}';
BEGIN
    FOR input IN SELECT jsonb_array_elements(inputs) LOOP
        path := input ->> 'path';
        IF NOT rgrid.is_inner_path(path) THEN
            RETURN 'input path "' || path || '" leaves the working folder; expected a relative path without ".."';
        ELSIF path = ANY(paths) THEN
            RETURN 'input path "' || path || '" is given twice';
        ELSIF input ->> 'sha256' !~ '^[0-9a-f]{64}$' THEN
            RETURN format('input "%s" has the sha256 "%s"; expected 64 lower-case hexadecimal digits', path,
                          input ->> 'sha256');
        ELSIF (input -> 'size')::bigint < 0 THEN
            RETURN format('input "%s" has the size %s; expected 0 or more', path, input ->> 'size');
        END IF;
        paths := paths || path;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION rgrid.name_given_twice(spec json) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT name FROM json_object_keys(spec) AS name GROUP BY name HAVING count(*) > 1 LIMIT 1
$$;

CREATE TYPE rgrid.new_job AS (
    pool text, priority int, slots int, timeout bigint, delay bigint, owner text, batch text, submit_key text, spec text);

-- Reads and judges a spec; raises what is wrong with it. Lenient: members that this version does not know were written
-- by a newer one and are passed over. What is stored is what C++ would have stored: what is not as by default, member for
-- member.
CREATE FUNCTION rgrid.read_spec(given json, beside text, lenient boolean) RETURNS rgrid.new_job
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    job rgrid.new_job := ROW('default', 0, 1, 3600000, 0, '', '', '', NULL);
    spec jsonb;
    of_name text := '';
    command text := '[]';
    program text := '';
    runtime text := '';
    env text := '{}';
    inputs text := '[]';
    outputs text := '[]';
    memory bigint;
    cpu numeric;
    max_attempts bigint := 1;
    max_losses bigint := 3;
    retry_delay bigint := 10000;
    longest CONSTANT bigint := 3153600000000;
    name text;
    value jsonb;
    written text;
    kind text;
    path text;
    expected text;
    problem text;
BEGIN
    BEGIN
        spec := given::jsonb;
    EXCEPTION
        WHEN untranslatable_character THEN PERFORM rgrid.refuse('the spec holds a NUL character; expected text');
        WHEN invalid_text_representation OR numeric_value_out_of_range THEN
            PERFORM rgrid.refuse('the spec cannot be read: ' || SQLERRM);
    END;
    IF spec IS NULL OR jsonb_typeof(spec) <> 'object' THEN
        PERFORM rgrid.refuse('found ' || coalesce(rgrid.found_text(spec), 'nothing') || ', expected a table');
    END IF;
    problem := rgrid.name_given_twice(given);
    IF problem IS NULL AND json_typeof(given -> 'env') = 'object' THEN problem := rgrid.name_given_twice(given -> 'env');
    END IF;
    IF problem IS NOT NULL THEN PERFORM rgrid.refuse('the name "' || problem || '" stands there twice'); END IF;

    FOR name, value IN SELECT * FROM jsonb_each(spec) LOOP
        kind := jsonb_typeof(value);
        path := name;
        IF name IN ('name', 'runtime', 'pool', 'owner', 'batch', 'submit_key') AND kind <> 'string' THEN
            expected := 'a text';
        ELSIF name IN ('timeout', 'delay', 'retry_delay') THEN
            written := CASE WHEN kind = 'string' THEN rgrid.read_duration(value #>> '{}')::text END;
            IF written IS NULL THEN expected := 'a duration such as "90s" or "15m"'; END IF;
        ELSIF name IN ('slots', 'priority', 'max_attempts', 'max_losses') THEN
            written := rgrid.read_whole(value, 2147483647)::text;
            IF written IS NULL THEN expected := 'a whole number from -2147483648 to 2147483647'; END IF;
        ELSE
            written := value #>> '{}';
        END IF;
        IF expected IS NULL THEN
            CASE name
            WHEN 'name' THEN of_name := written;
            WHEN 'runtime' THEN runtime := written;
            WHEN 'pool' THEN job.pool := written;
            WHEN 'owner' THEN job.owner := written;
            WHEN 'batch' THEN job.batch := written;
            WHEN 'submit_key' THEN job.submit_key := written;
            WHEN 'timeout' THEN job.timeout := written;
            WHEN 'delay' THEN job.delay := written;
            WHEN 'retry_delay' THEN retry_delay := written;
            WHEN 'slots' THEN job.slots := written;
            WHEN 'priority' THEN job.priority := written;
            WHEN 'max_attempts' THEN max_attempts := written;
            WHEN 'max_losses' THEN max_losses := written;
            WHEN 'command' THEN
                command := rgrid.read_texts(value, name);
                program := coalesce(value ->> 0, '');
            WHEN 'outputs' THEN outputs := rgrid.read_texts(value, name);
            WHEN 'memory_limit' THEN
                IF kind <> 'null' THEN
                    memory := CASE WHEN kind = 'string' THEN rgrid.read_bytes(written) END;
                    IF memory IS NULL THEN expected := 'a size such as "512MiB"'; END IF;
                END IF;
            WHEN 'cpu_limit' THEN
                IF kind = 'number' THEN cpu := written; ELSIF kind <> 'null' THEN expected := 'a number'; END IF;
                IF abs(cpu) > 1.7976931348623157e308 THEN expected := 'a number'; END IF;
            WHEN 'env' THEN
                IF kind <> 'object' THEN expected := 'a table';
                ELSE
                    SELECT 'env.' || e.key, e.value, 'a text' INTO path, value, expected FROM jsonb_each(value) e
                        WHERE jsonb_typeof(e.value) <> 'string' LIMIT 1;
                    IF NOT FOUND THEN
                        path := name;
                        value := spec -> name;
                        SELECT '{' || coalesce(string_agg(to_json(e.key) || ':' || e.value, ',' ORDER BY e.key COLLATE "C"),
                                               '') || '}' INTO env FROM jsonb_each(value) e;
                    END IF;
                END IF;
            WHEN 'inputs' THEN
                IF kind <> 'array' THEN expected := 'a list';
                ELSE
                    SELECT '[' || coalesce(string_agg(rgrid.read_input(e.value, format('inputs[%s]', e.place - 1), lenient),
                                                      ',' ORDER BY e.place), '') || ']'
                        INTO inputs FROM jsonb_array_elements(value) WITH ORDINALITY AS e(value, place);
                END IF;
            ELSE
                IF NOT lenient THEN PERFORM rgrid.refuse(name || ': unknown setting'); END IF;
            END CASE;
        END IF;
        IF expected IS NOT NULL THEN
            PERFORM rgrid.refuse(format('%s: found %s, expected %s', path, rgrid.found_text(value), expected));
        END IF;
    END LOOP;
    IF beside <> '' THEN
        IF job.submit_key NOT IN ('', beside) THEN
            PERFORM rgrid.refuse(format('the submit key is "%s" in the spec and "%s" beside it; expected one', job.submit_key,
                                        beside));
        END IF;
        job.submit_key := beside;
    END IF;

    problem := CASE
        WHEN program = '' THEN 'command is empty; expected a program and its arguments'
        WHEN job.pool = '' THEN 'pool is empty; expected the name of a pool' END;
    IF problem IS NULL AND env <> '{}' THEN
        SELECT 'environment variable "' || e || '" cannot be set; expected a name without "=" and text without NUL'
            INTO problem FROM jsonb_object_keys(spec -> 'env') e WHERE e = '' OR position('=' IN e) > 0
            ORDER BY e COLLATE "C" LIMIT 1;
    END IF;
    problem := coalesce(problem, CASE
        WHEN job.timeout <= 0 THEN 'timeout is ' || rgrid.duration_text(job.timeout) || '; expected more than 0s'
        WHEN job.delay < 0 THEN 'delay is ' || rgrid.duration_text(job.delay) || '; expected 0s or more'
        WHEN retry_delay < 0 THEN 'retry_delay is ' || rgrid.duration_text(retry_delay) || '; expected 0s or more'
        WHEN job.timeout > longest THEN 'timeout is ' || rgrid.duration_text(job.timeout) || '; expected at most 876000h'
        WHEN job.delay > longest THEN 'delay is ' || rgrid.duration_text(job.delay) || '; expected at most 876000h'
        WHEN retry_delay > longest THEN
            'retry_delay is ' || rgrid.duration_text(retry_delay) || '; expected at most 876000h'
        WHEN job.slots < 1 THEN 'slots is ' || job.slots || '; expected 1 or more'
        WHEN max_attempts < 1 THEN 'max_attempts is ' || max_attempts || '; expected 1 or more'
        WHEN max_losses < 1 THEN 'max_losses is ' || max_losses || '; expected 1 or more'
        WHEN memory <= 0 THEN 'memory_limit is ' || rgrid.bytes_text(memory) || '; expected more than 0B'
        WHEN cpu < 5e-324 THEN 'cpu_limit is ' || round(cpu, 6) || '; expected more than 0 cores' END);
    IF problem IS NULL AND inputs <> '[]' THEN problem := rgrid.inputs_problem(inputs::jsonb); END IF;
    IF problem IS NULL AND outputs <> '[]' THEN
        SELECT 'output "' || o || '" leaves the working folder; expected a relative pattern without ".."'
            INTO problem FROM jsonb_array_elements_text(spec -> 'outputs') o WHERE NOT rgrid.is_inner_path(o) LIMIT 1;
    END IF;
    IF problem IS NOT NULL THEN PERFORM rgrid.refuse(problem); END IF;

    job.spec := '{' || concat_ws(',',
        CASE WHEN of_name <> '' THEN '"name":' || to_json(of_name) END,
        CASE WHEN command <> '[]' THEN '"command":' || command END,
        CASE WHEN runtime <> '' THEN '"runtime":' || to_json(runtime) END,
        CASE WHEN env <> '{}' THEN '"env":' || env END,
        CASE WHEN inputs <> '[]' THEN '"inputs":' || inputs END,
        CASE WHEN outputs <> '[]' THEN '"outputs":' || outputs END,
        CASE WHEN job.timeout <> 3600000 THEN '"timeout":"' || rgrid.duration_text(job.timeout) || '"' END,
        '"memory_limit":"' || rgrid.bytes_text(memory) || '"',
        '"cpu_limit":' || cpu::float8::text,
        CASE WHEN job.slots <> 1 THEN '"slots":' || job.slots END,
        CASE WHEN job.priority <> 0 THEN '"priority":' || job.priority END,
        CASE WHEN job.pool <> 'default' THEN '"pool":' || to_json(job.pool) END,
        CASE WHEN job.owner <> '' THEN '"owner":' || to_json(job.owner) END,
        CASE WHEN job.batch <> '' THEN '"batch":' || to_json(job.batch) END,
        CASE WHEN job.delay <> 0 THEN '"delay":"' || rgrid.duration_text(job.delay) || '"' END,
        CASE WHEN max_attempts <> 1 THEN '"max_attempts":' || max_attempts END,
        CASE WHEN max_losses <> 3 THEN '"max_losses":' || max_losses END,
        CASE WHEN retry_delay <> 10000 THEN '"retry_delay":"' || rgrid.duration_text(retry_delay) || '"' END,
        CASE WHEN job.submit_key <> '' THEN '"submit_key":' || to_json(job.submit_key) END) || '}';
    RETURN job;
END $$;

-- Which spec of a list is the first that is refused, for people.
CREATE FUNCTION rgrid.place_of_problem(specs json, numbered boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    spec json;
    place int := 0;
BEGIN
    IF NOT numbered THEN RETURN ''; END IF;
    FOR spec IN SELECT json_array_elements(specs) LOOP
        PERFORM rgrid.read_spec(spec, '', false);
        place := place + 1;
    END LOOP;
    RETURN '';
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN format('specs[%s]: ', place);
END $$;

-- Nothing that others need is locked until the caller's transaction ends, however long that takes: rows are only added.
-- A kind that is not there yet is not made, since whoever else needs it would wait for the caller; such a job waits in
-- the schedule, due at once, and is queued by the next who tends the store. So do the jobs of a transaction that sees
-- the past, since the kinds that it sees may be gone.
CREATE FUNCTION rgrid.submit_specs(specs json, submit_keys text[], numbered boolean)
RETURNS TABLE(place int, job bigint, duplicate boolean) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    items rgrid.new_job[];
    problem text;
    sees_now boolean := current_setting('transaction_isolation') IN ('read committed', 'read uncommitted');
    answer record;
    known record;
BEGIN
    IF specs IS NULL OR json_typeof(specs) <> 'array' THEN
        PERFORM rgrid.refuse('specs: found ' || coalesce(rgrid.found_text(specs::jsonb), 'nothing') || ', expected a list');
    END IF;
    BEGIN
        items := ARRAY(SELECT rgrid.read_spec(value, submit_keys[e.place], false)
                       FROM json_array_elements(specs) WITH ORDINALITY AS e(value, place) ORDER BY e.place);
    EXCEPTION WHEN invalid_parameter_value THEN
        problem := SQLERRM;
    END;
    IF problem IS NOT NULL THEN PERFORM rgrid.refuse(rgrid.place_of_problem(specs, numbered) || problem); END IF;
    FOR answer IN
        WITH item AS MATERIALIZED (
            SELECT i.*, nextval('rgrid.job_id') AS id, now
            FROM rgrid.clock() AS now, unnest(items) WITH ORDINALITY
                 AS i(pool, priority, slots, timeout, delay, owner, batch, submit_key, spec, place)),
        put AS (
            INSERT INTO rgrid.job(id, submitted, run_at, pool, priority, slots, timeout, owner, batch, submit_key, spec)
            SELECT id, now, CASE WHEN delay > 0 THEN now + delay END, pool, priority, slots, timeout, owner, batch,
                   nullif(submit_key, ''), spec::json
            FROM item ORDER BY nullif(submit_key, '') NULLS LAST, id
            ON CONFLICT (submit_key) WHERE submit_key IS NOT NULL DO NOTHING
            RETURNING id, submitted, run_at, pool, priority, slots),
        placed AS MATERIALIZED (
            SELECT p.id, p.submitted, p.run_at, CASE WHEN p.run_at IS NULL AND sees_now THEN k.id END AS kind
            FROM put p
            LEFT JOIN rgrid.kind k ON k.pool = p.pool AND k.rank = -p.priority::bigint AND k.slots = p.slots),
        queued AS (
            INSERT INTO rgrid.ready(kind, job, ready_at, epoch, attempts, losses, again)
            SELECT kind, id, submitted, 0, 0, 0, false FROM placed WHERE kind IS NOT NULL RETURNING kind),
        later AS (
            INSERT INTO rgrid.scheduled(job, due_at, epoch, attempts, losses)
            SELECT id, coalesce(run_at, submitted), 0, 0, 0 FROM placed WHERE kind IS NULL RETURNING job),
        counted AS (
            INSERT INTO rgrid.tally(kind, state, jobs)
            SELECT kind, 1, count(*) FROM queued GROUP BY kind
            UNION ALL SELECT NULL, 0, count(*) FROM later HAVING count(*) > 0)
        SELECT i.place, i.id, i.id IN (SELECT id FROM placed) AS fresh, i.submit_key, i.spec FROM item i ORDER BY i.place
    LOOP
        place := answer.place;
        job := answer.id;
        duplicate := NOT answer.fresh;
        IF duplicate THEN
            SELECT j.id, j.spec INTO known FROM rgrid.job j WHERE j.submit_key = answer.submit_key;
            IF NOT FOUND THEN
                RAISE EXCEPTION USING ERRCODE = '40001',
                    MESSAGE = format('the job of the submit key "%s" ended its time just now; do it again', answer.submit_key);
            END IF;
            IF known.spec::text <> answer.spec AND (rgrid.read_spec(known.spec, '', true)).spec <> answer.spec THEN
                PERFORM rgrid.refuse(format('%ssubmit key "%s" belongs to job %s with another spec; expected the same spec '
                    'or a new key', CASE WHEN numbered THEN format('specs[%s]: ', place - 1) ELSE '' END, answer.submit_key,
                    known.id));
            END IF;
            job := known.id;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

CREATE FUNCTION rgrid.json_of(written text) RETURNS json LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN written::json;
EXCEPTION WHEN invalid_text_representation THEN
    PERFORM rgrid.refuse('not JSON: ' || SQLERRM);
END $$;

CREATE FUNCTION rgrid.submit(spec json, submit_key text DEFAULT NULL) RETURNS bigint LANGUAGE sql VOLATILE
    AS 'SELECT job FROM rgrid.submit_specs(json_build_array(spec), ARRAY[submit_key], false)';
CREATE FUNCTION rgrid.submit(spec jsonb, submit_key text DEFAULT NULL) RETURNS bigint LANGUAGE sql VOLATILE
    AS 'SELECT job FROM rgrid.submit_specs(json_build_array(spec), ARRAY[submit_key], false)';
CREATE FUNCTION rgrid.submit(spec text, submit_key text DEFAULT NULL) RETURNS bigint LANGUAGE sql VOLATILE
    AS 'SELECT job FROM rgrid.submit_specs(json_build_array(rgrid.json_of(spec)), ARRAY[submit_key], false)';
COMMENT ON FUNCTION rgrid.submit(json, text) IS
    'Submits a job in the caller''s transaction, with which it comes or not. The spec is JSON; what is absent has its default. The same submit key and spec: the same job again.';

CREATE FUNCTION rgrid.submit_many(specs json) RETURNS TABLE(place int, job bigint, duplicate boolean)
    LANGUAGE sql VOLATILE ROWS 1000 AS $$ SELECT * FROM rgrid.submit_specs(specs, '{}', true) $$;
CREATE FUNCTION rgrid.submit_many(specs jsonb) RETURNS TABLE(place int, job bigint, duplicate boolean)
    LANGUAGE sql VOLATILE ROWS 1000 AS $$ SELECT * FROM rgrid.submit_specs(specs::json, '{}', true) $$;
CREATE FUNCTION rgrid.submit_many(specs text) RETURNS TABLE(place int, job bigint, duplicate boolean)
    LANGUAGE sql VOLATILE ROWS 1000 AS $$ SELECT * FROM rgrid.submit_specs(rgrid.json_of(specs), '{}', true) $$;
COMMENT ON FUNCTION rgrid.submit_many(json) IS
    'Submits all jobs of a list or none: one row for each, in its order, with its place from 1.';

CREATE FUNCTION rgrid.notify() RETURNS void LANGUAGE sql VOLATILE
    AS $$ SELECT pg_notify(('rgrid_' || fleet)::name::text, '') FROM rgrid.store $$;
COMMENT ON FUNCTION rgrid.notify() IS
    'Tells waiting workers that there are jobs. To be called after the commit, outside of a transaction: the commits of all transactions that notify wait for each other.';

CREATE FUNCTION rgrid.grant_service(role text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA rgrid TO %I', role);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rgrid TO %I', role);
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON rgrid.migration FROM %I', role);
    EXECUTE format('GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA rgrid TO %I', role);
    EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA rgrid TO %I', role);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA rgrid GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', role);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA rgrid GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO %I', role);
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA rgrid GRANT EXECUTE ON FUNCTIONS TO %I', role);
END $$;
COMMENT ON FUNCTION rgrid.grant_service(text) IS
    'Lets a role do all that programs of the fleet do except changing the schema. By the owner; later steps included.';
)sql";

static_assert(longest_span == Duration{3'153'600'000'000}, "the function takes no constant");

}  // namespace

char const* function_step() { return functions; }

}  // namespace rgrid::postgres
