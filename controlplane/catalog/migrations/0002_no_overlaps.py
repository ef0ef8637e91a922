"""Intervals of one probe never overlap, whoever writes them: each second is counted once.

btree_gist is not there everywhere, so the probe stands in the constraint as a range of one.
"""

from django.db import migrations

_TABLES = (("downinterval", "downinterval_no_overlap"), ("watchperiod", "watchperiod_no_overlap"))

FORWARD = [
    f"""ALTER TABLE catalog_{table} ADD CONSTRAINT {name} EXCLUDE USING gist (
        int8range(probe_id, probe_id, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&
    ) WHERE (probe_id IS NOT NULL)"""
    for table, name in _TABLES
]
BACKWARD = [f"ALTER TABLE catalog_{table} DROP CONSTRAINT {name}" for table, name in _TABLES]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_entries_and_probes")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
