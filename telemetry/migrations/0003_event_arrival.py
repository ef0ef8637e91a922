"""What came in lately is found by when it came: late events stand far back in their own time.

The table is filled in that order, so the index is a few pages; it keeps up by itself."""

from __future__ import annotations

from django.db import migrations

INDEX = """
CREATE INDEX telemetry_event_by_arrival
    ON telemetry_events USING brin (received_at) WITH (autosummarize = on)
"""


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0002_event_table")]

    operations = [migrations.RunSQL(INDEX, "DROP INDEX telemetry_event_by_arrival")]
