"""The table of events: one partition a day, no default one.

A default partition would catch what nobody planned for, and would forbid detaching the others
while people write. What has no day is refused by the ingest with a reason instead.
"""

from django.db import migrations

TABLE = """
CREATE TABLE telemetry_events (
    id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    workspace_id bigint,
    event_type text NOT NULL,
    received_name text,
    status text NOT NULL,
    level smallint NOT NULL,
    stage text NOT NULL,
    env text NOT NULL,
    service text NOT NULL,
    agent text NOT NULL,
    toolkit text NOT NULL,
    operation text NOT NULL,
    code text NOT NULL,
    source text NOT NULL,
    mission text,
    work_item text,
    correlation_id text,
    session text,
    trace_id text,
    span_id text,
    parent_span_id text,
    user_ref text,
    weight integer NOT NULL,
    duration_ms double precision,
    amount double precision,
    flags smallint NOT NULL,
    message text,
    context jsonb NOT NULL,
    redactions jsonb,
    CONSTRAINT telemetry_event_status
        CHECK (status IN ('info', 'success', 'warning', 'error')),
    CONSTRAINT telemetry_event_weight CHECK (weight > 0)
) PARTITION BY RANGE (occurred_at);
-- Installation-wide events have no workspace, which a primary key would not allow.
CREATE UNIQUE INDEX telemetry_event_once
    ON telemetry_events (id, occurred_at, workspace_id) NULLS NOT DISTINCT;
CREATE INDEX telemetry_event_by_workspace ON telemetry_events (workspace_id, occurred_at);
CREATE INDEX telemetry_event_by_mission
    ON telemetry_events (mission, occurred_at) WHERE mission IS NOT NULL;
CREATE INDEX telemetry_event_by_correlation
    ON telemetry_events (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX telemetry_event_by_time ON telemetry_events USING brin (occurred_at);
"""

# A table of its own first, then attached: creating a partition in place would lock out writers.
# The CHECK spares the scan that attaching would do, and goes when it is attached.
#
# With its owner's rights: ingest opens today's table where nothing else ran for a week, and the
# portal's role owns none. It can open days about now and nothing else. What counts is the table:
# one that was detached by hand is attached again, one that was dropped is made anew.
OPEN_DAY = """
CREATE FUNCTION telemetry_open_day(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name text := 'telemetry_events_' || to_char(day, 'YYYYMMDD');
    low text := to_char(day, 'YYYY-MM-DD') || ' 00:00:00+00';
    high text := to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00';
BEGIN
    IF day NOT BETWEEN current_date - 410 AND current_date + 60 THEN
        RAISE EXCEPTION 'no day of telemetry: %', day USING ERRCODE = '22023';
    END IF;
    -- Two at once would both find it missing.
    PERFORM pg_advisory_xact_lock(x'74656C656D2D6F70'::bigint);
    IF EXISTS (SELECT 1 FROM telemetry_partition p
               WHERE p.day = telemetry_open_day.day AND p.state <> 'open') THEN
        RETURN false;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = 'telemetry_events'::regclass
               AND inhrelid = to_regclass(name)) THEN
        RETURN false;
    END IF;
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE telemetry_events INCLUDING ALL)', name);
    END IF;
    EXECUTE format(
        'ALTER TABLE %I ADD CONSTRAINT day_bounds CHECK (occurred_at >= %L AND occurred_at < %L)',
        name, low, high);
    EXECUTE format(
        'ALTER TABLE telemetry_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        name, low, high);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT day_bounds', name);
    INSERT INTO telemetry_partition (day, state, rows, bytes, made_at, archive, archive_sha256)
    VALUES (day, 'open', 0, 0, now(), '', '') ON CONFLICT DO NOTHING;
    RETURN true;
END $$;
"""

FIRST_DAYS = """
SELECT telemetry_open_day(day::date)
FROM generate_series(current_date - 35, current_date + 8, interval '1 day') AS day
"""


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0001_telemetry_tables")]

    operations = [
        migrations.RunSQL(TABLE, "DROP TABLE telemetry_events"),
        migrations.RunSQL(OPEN_DAY, "DROP FUNCTION telemetry_open_day(date)"),
        migrations.RunSQL(FIRST_DAYS, "DELETE FROM telemetry_partition"),
    ]
