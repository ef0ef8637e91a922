"""What was said and what happened stays as it was. Names may still be replaced when somebody's
account is pseudonymised; rows go with their item alone."""

from django.db import migrations

GUARD = """
CREATE FUNCTION work_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER work_comment_stays
    BEFORE UPDATE OF item_id, workspace_id, text, created_at ON work_comment
    FOR EACH ROW EXECUTE FUNCTION work_stays();
CREATE TRIGGER work_event_stays
    BEFORE UPDATE OF item_id, workspace_id, kind, old, new, comment, forced, at ON work_itemevent
    FOR EACH ROW EXECUTE FUNCTION work_stays();
"""
UNGUARD = """
DROP TRIGGER work_event_stays ON work_itemevent;
DROP TRIGGER work_comment_stays ON work_comment;
DROP FUNCTION work_stays();
"""

# Room on each page for the next version of a row. A counter that moves then touches no index: the
# ten thousand that wait for one item are let go in half the time.
ROOM = "ALTER TABLE work_item SET (fillfactor = 80)"
NO_ROOM = "ALTER TABLE work_item RESET (fillfactor)"


class Migration(migrations.Migration):
    dependencies = [("work", "0001_graph")]
    operations = [migrations.RunSQL(GUARD, UNGUARD), migrations.RunSQL(ROOM, NO_ROOM)]
