import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0002_guards"),
        ("feature_flags", "0003_serving"),
    ]
    operations = [
        migrations.AddField(
            model_name="changerequest",
            name="approval",
            field=models.OneToOneField(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="flag_change",
                to="approvals.request",
            ),
        ),
        migrations.AlterField(
            model_name="changerequest",
            name="status",
            field=models.CharField(
                choices=[
                    ("waiting", "Waiting for consent"),
                    ("approved", "Consented, waits for its time"),
                    ("applied", "Applied"),
                    ("rejected", "Refused"),
                    ("returned", "Sent back for changes"),
                    ("withdrawn", "Withdrawn"),
                    ("expired", "Expired"),
                    ("void", "Void: what it would change has moved"),
                ],
                default="waiting",
                editable=False,
                max_length=9,
            ),
        ),
    ]
