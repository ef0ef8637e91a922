from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("incidents", "0006_silent_requesters")]

    operations = [
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(
                models.F("workspace"),
                models.OrderBy(
                    models.Case(
                        models.When(
                            status__in=(
                                "resolved",
                                "review_pending",
                                "closed",
                                "merged",
                                "cancelled",
                            ),
                            then=models.Value(1),
                        ),
                        default=models.Value(0),
                        output_field=models.IntegerField(),
                    )
                ),
                models.F("severity"),
                models.OrderBy(models.F("id"), descending=True),
                name="incident_as_listed",
            ),
        ),
    ]
