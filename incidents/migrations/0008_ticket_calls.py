"""Whoever is called for a ticket is called by the engine that calls for incidents."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


FORWARD = """
CREATE TRIGGER page_ticket_stays BEFORE UPDATE OF ticket_id
    ON incidents_page FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER run_ticket_stays BEFORE UPDATE OF ticket_id
    ON incidents_escalationrun FOR EACH ROW EXECUTE FUNCTION incidents_stays();
"""
BACKWARD = """
DROP TRIGGER run_ticket_stays ON incidents_escalationrun;
DROP TRIGGER page_ticket_stays ON incidents_page;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0002_agents_owners_before"),
        ("incidents", "0007_as_listed"),
        ("notify", "0005_contacts_are_called"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="escalationrun",
            name="why",
            field=models.CharField(
                choices=[
                    ("opened", "It was opened"),
                    ("raised", "It became graver"),
                    ("more", "More of it came"),
                    ("hand", "Somebody asked for it"),
                    ("late", "It was open for too long"),
                    ("silent", "Acknowledged, and nothing since"),
                    ("specialist", "A specialist is needed"),
                    ("drill", "A drill"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="escalationrun",
            name="ticket",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="escalations",
                to="incidents.ticket",
            ),
        ),
        migrations.AddField(
            model_name="page",
            name="ticket",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="pages",
                to="incidents.ticket",
            ),
        ),
        migrations.AlterField(
            model_name="escalationrun",
            name="incident",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="escalations",
                to="incidents.incident",
            ),
        ),
        migrations.AlterField(
            model_name="page",
            name="incident",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="pages",
                to="incidents.incident",
            ),
        ),
        migrations.AddIndex(
            model_name="escalationrun",
            index=models.Index(
                condition=models.Q(("ticket__isnull", False)),
                fields=["ticket", "-id"],
                name="escalationrun_of_ticket",
            ),
        ),
        migrations.AddIndex(
            model_name="page",
            index=models.Index(
                condition=models.Q(("ticket__isnull", False)),
                fields=["ticket", "-id"],
                name="page_of_ticket",
            ),
        ),
        migrations.AddConstraint(
            model_name="escalationrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "running")),
                fields=("ticket", "policy"),
                name="escalationrun_once_of_ticket",
            ),
        ),
        migrations.AddConstraint(
            model_name="escalationrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("incident__isnull", False), ("ticket", None)),
                    models.Q(("incident", None), ("ticket__isnull", False)),
                    _connector="OR",
                ),
                name="escalationrun_for_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="page",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("incident__isnull", False), ("ticket", None)),
                    models.Q(("incident", None), ("ticket__isnull", False)),
                    _connector="OR",
                ),
                name="page_for_one",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
