"""A ticket says that whoever asked was reminded and said nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0005_runbooks"),
    ]

    operations = [
        migrations.AddField(
            model_name="ticket",
            name="silent_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
