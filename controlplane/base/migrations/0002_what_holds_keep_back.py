"""How many rows of a clean-up legal holds kept back."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("base", "0001_base_tables"),
    ]

    operations = [
        migrations.AddField(
            model_name="retentionrun",
            name="held",
            field=models.BigIntegerField(default=0),
        ),
    ]
