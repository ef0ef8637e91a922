from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("missions", "0012_governance_tables")]

    operations = [
        migrations.AddIndex(
            model_name="mission",
            index=models.Index(
                condition=models.Q(
                    ("status__in", ("completed", "cancelled", "failed")), _negated=True
                ),
                fields=["workspace", "stage", "status"],
                name="mission_going_on",
            ),
        ),
    ]
