"""An alert whose sender moves its end with each repeat is written without its indexes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("incidents", "0008_ticket_calls")]

    operations = [
        migrations.AddField(
            model_name="alert",
            name="look_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.RunSQL(
            "UPDATE incidents_alert SET look_at = resolve_due_at WHERE status = 'firing'",
            migrations.RunSQL.noop,
        ),
        migrations.RemoveIndex(model_name="alert", name="alert_resolve_due"),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                fields=["look_at"],
                condition=models.Q(("look_at__isnull", False), ("status", "firing")),
                name="alert_looked_at",
            ),
        ),
    ]
