"""Files of closed days; and a way to open days that helps whoever finds one missing."""

from django.db import migrations, models

# With its owner's rights: ingest opens today's table where nothing else ran for a week, and the
# portal's role owns none. It can open days about now and nothing else. What counts is the table:
# one that was detached by hand is attached again, one that was dropped is made anew.
OPEN_DAY = """
CREATE OR REPLACE FUNCTION telemetry_open_day(day date) RETURNS boolean
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
BEFORE = """
CREATE OR REPLACE FUNCTION telemetry_open_day(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY INVOKER AS $$
DECLARE
    name text := 'telemetry_events_' || to_char(day, 'YYYYMMDD');
    low text := to_char(day, 'YYYY-MM-DD') || ' 00:00:00+00';
    high text := to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00';
BEGIN
    IF EXISTS (SELECT 1 FROM telemetry_partition p WHERE p.day = telemetry_open_day.day) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE telemetry_events INCLUDING ALL)', name);
    EXECUTE format(
        'ALTER TABLE %I ADD CONSTRAINT day_bounds CHECK (occurred_at >= %L AND occurred_at < %L)',
        name, low, high);
    EXECUTE format(
        'ALTER TABLE telemetry_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        name, low, high);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT day_bounds', name);
    INSERT INTO telemetry_partition (day, state, rows, bytes, made_at)
    VALUES (day, 'open', 0, 0, now());
    RETURN true;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('telemetry', '0007_tool_sessions_and_snapshots'),
    ]

    operations = [
        migrations.AddField(
            model_name='partition',
            name='archive',
            field=models.CharField(blank=True, default='', max_length=200),
        ),
        migrations.AddField(
            model_name='partition',
            name='archive_sha256',
            field=models.CharField(blank=True, default='', max_length=64),
        ),
        migrations.RunSQL(OPEN_DAY, BEFORE),
    ]
