from django.db import migrations, models
from django.db.models import Q

# What is found again counts on from a time that was put right.
AGAIN = """
CREATE FUNCTION missions_finding_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM missions_finding f
                    WHERE f.mission_id = NEW.mission_id AND f.external_id = NEW.external_id
                      AND f.episode = NEW.episode - 1 AND f.status = 'resolved') THEN
        RAISE EXCEPTION 'it is found again once it was put right'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_finding_again BEFORE INSERT ON missions_finding
    FOR EACH ROW WHEN (NEW.episode > 1) EXECUTE FUNCTION missions_finding_again();
CREATE TRIGGER mission_finding_episode_stays BEFORE UPDATE OF episode ON missions_finding
    FOR EACH ROW EXECUTE FUNCTION missions_stays();
"""
UNAGAIN = """
DROP TRIGGER mission_finding_episode_stays ON missions_finding;
DROP TRIGGER mission_finding_again ON missions_finding;
DROP FUNCTION missions_finding_again();
"""


class Migration(migrations.Migration):
    dependencies = [("missions", "0016_step_guards")]
    operations = [
        migrations.AddField(
            model_name="agentsession",
            name="creation_ms",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="finding",
            name="episode",
            field=models.PositiveSmallIntegerField(default=1, editable=False),
        ),
        migrations.RemoveConstraint(model_name="finding", name="finding_once"),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.UniqueConstraint(
                fields=("mission", "external_id", "episode"), name="finding_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.UniqueConstraint(
                condition=~Q(status="resolved"),
                fields=("mission", "external_id"),
                name="finding_again_when_resolved",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(condition=Q(episode__gte=1), name="finding_episode"),
        ),
        migrations.RunSQL(AGAIN, UNAGAIN),
    ]
