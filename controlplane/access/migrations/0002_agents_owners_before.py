from django.db import migrations, models

# Whatever is written there, the list only grows, and by whom the row itself said until now.
GROWS = """
CREATE FUNCTION access_owners_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.owners_before := '[]';
        RETURN NEW;
    END IF;
    NEW.owners_before := OLD.owners_before;
    IF OLD.owner_id IS NOT NULL AND NEW.owner_id IS DISTINCT FROM OLD.owner_id THEN
        NEW.owners_before := OLD.owners_before || jsonb_build_array(jsonb_build_object(
            'user', OLD.owner_id, 'until',
            to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER agent_owners_before
    BEFORE INSERT OR UPDATE OF owner_id, owners_before ON access_agent
    FOR EACH ROW EXECUTE FUNCTION access_owners_before();
"""
UNGROWS = """
DROP TRIGGER agent_owners_before ON access_agent;
DROP FUNCTION access_owners_before();
"""


class Migration(migrations.Migration):
    """Who answered for an agent before."""

    dependencies = [("access", "0001_people_and_agents")]
    operations = [
        migrations.AddField(
            model_name="agent",
            name="owners_before",
            field=models.JSONField(default=list, editable=False),
        ),
        migrations.RunSQL(GROWS, UNGROWS),
    ]
