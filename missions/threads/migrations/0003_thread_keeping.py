"""When what was said may go: of threads that were put away, that were marked as cleared first, and
that no legal hold keeps. The thread itself stays and says so."""

from django.db import migrations

FORWARD = """
-- A hold on a mission keeps the threads of its work item, and of whatever stands below it.
CREATE FUNCTION threads_is_held(asked bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        WITH RECURSIVE above(id) AS (
            SELECT item_id FROM threads_thread WHERE id = asked AND item_id IS NOT NULL
            UNION
            SELECT i.parent_id FROM work_item i JOIN above a ON i.id = a.id
            WHERE i.parent_id IS NOT NULL
        )
        SELECT FROM above a JOIN missions_mission m ON m.item_id = a.id
        JOIN missions_evidencehold h ON h.mission_id = m.id AND h.released_at IS NULL
    );
END $$;

CREATE OR REPLACE FUNCTION threads_message_leaves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM threads_thread
        WHERE id = OLD.thread_id AND cleared_at IS NOT NULL) OR threads_is_held(OLD.thread_id) THEN
        RAISE EXCEPTION 'what was said in a thread stays' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION threads_clearing_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.cleared_at IS NOT NULL AND (NEW.cleared_at IS DISTINCT FROM OLD.cleared_at
            OR NEW.archived_at IS DISTINCT FROM OLD.archived_at)
        OR NEW.cleared_at IS NOT NULL AND OLD.cleared_at IS NULL AND threads_is_held(NEW.id) THEN
        RAISE EXCEPTION 'a thread is cleared once, and not while it is held'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER thread_clearing_stays BEFORE UPDATE OF archived_at, cleared_at ON threads_thread
    FOR EACH ROW EXECUTE FUNCTION threads_clearing_stays();
CREATE TRIGGER thread_leaves BEFORE DELETE ON threads_thread
    FOR EACH ROW EXECUTE FUNCTION threads_stays();
"""

REVERSE = """
DROP TRIGGER thread_leaves ON threads_thread;
DROP TRIGGER thread_clearing_stays ON threads_thread;
DROP FUNCTION threads_clearing_stays();
CREATE OR REPLACE FUNCTION threads_message_leaves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM threads_thread
        WHERE id = OLD.thread_id AND archived_at IS NULL) THEN
        RAISE EXCEPTION 'what was said in a thread stays' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
DROP FUNCTION threads_is_held(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("threads", "0002_thread_guards")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
