"""An alert that is said again stays on its page. A sender repeats all that fires each few minutes,
and where the page has no room each repeat is written into every index of the table."""

from django.db import migrations

ROOM = "ALTER TABLE incidents_alert SET (fillfactor = 45)"
NO_ROOM = "ALTER TABLE incidents_alert RESET (fillfactor)"


class Migration(migrations.Migration):
    dependencies = [("incidents", "0014_support_knowledge")]
    operations = [migrations.RunSQL(ROOM, NO_ROOM)]
