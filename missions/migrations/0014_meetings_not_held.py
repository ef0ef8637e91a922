"""A meeting that nobody held is a row, too, with a place for what was said of it afterwards; and
since when a rhythm is as it is."""

from django.db import migrations, models

import controlplane.lib.clock

# What is closed stays as it is, but for words about a meeting that was not held: said once.
AFTERWARDS = """
DROP TRIGGER mission_meeting_closed_once ON missions_meeting;
CREATE TRIGGER mission_meeting_closed_once BEFORE UPDATE ON missions_meeting
    FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL AND (
        OLD.missed_at IS NULL OR OLD.afterwards <> ''
        OR to_jsonb(OLD.*) - ARRAY['afterwards', 'afterwards_by', 'afterwards_at', 'version']
            IS DISTINCT FROM
            to_jsonb(NEW.*) - ARRAY['afterwards', 'afterwards_by', 'afterwards_at', 'version']
    )) EXECUTE FUNCTION missions_stays();
"""
CLOSED_ONCE = """
DROP TRIGGER mission_meeting_closed_once ON missions_meeting;
CREATE TRIGGER mission_meeting_closed_once BEFORE UPDATE ON missions_meeting
    FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL) EXECUTE FUNCTION missions_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("missions", "0013_what_goes_on")]

    operations = [
        migrations.AddField(
            model_name="meeting",
            name="missed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="meetingseries",
            name="since",
            field=models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
        ),
        migrations.AddConstraint(
            model_name="meeting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("missed_at", None), ("closed_at__isnull", False), _connector="OR"
                ),
                name="meeting_missed_is_over",
            ),
        ),
        migrations.AddField(
            model_name="meeting",
            name="afterwards",
            field=models.TextField(blank=True, default="", editable=False),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="meeting",
            name="afterwards_by",
            field=models.CharField(blank=True, default="", editable=False, max_length=80),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="meeting",
            name="afterwards_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name="meeting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("afterwards", ""), ("afterwards_at", None), ("afterwards_by", "")
                )
                | models.Q(
                    ("afterwards__gt", ""),
                    ("afterwards_at__isnull", False),
                    ("afterwards_by__gt", ""),
                    ("missed_at__isnull", False),
                ),
                name="meeting_afterwards_of_missed",
            ),
        ),
        migrations.RunSQL(AFTERWARDS, CLOSED_ONCE),
    ]
