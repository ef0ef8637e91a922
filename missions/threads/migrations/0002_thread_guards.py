"""What the database holds to, whoever writes: what was said stays, numbers and cursors only rise,
and a thread moves by known steps. Rows that every post writes have room beside them on their page,
so that a new version needs no entry in an index."""

from django.db import migrations

FORWARD = """
ALTER TABLE threads_thread SET (fillfactor = 70);
ALTER TABLE threads_agentpulse SET (fillfactor = 70);
ALTER TABLE threads_participant SET (fillfactor = 70);

CREATE FUNCTION threads_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: it is history', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- Only the key under which it was sent is forgotten, after its time.
CREATE FUNCTION threads_message_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.idempotency_key IS NULL
        AND to_jsonb(NEW) - 'idempotency_key' = to_jsonb(OLD) - 'idempotency_key' THEN
        RETURN NEW;
    END IF;
    -- Who wrote it may go with the account.
    IF NEW.user_id IS NULL
        AND to_jsonb(NEW) - 'user_id' = to_jsonb(OLD) - 'user_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a message is not changed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER thread_message_stays BEFORE UPDATE ON threads_message
    FOR EACH ROW EXECUTE FUNCTION threads_message_stays();

-- Kept until somebody sets a time, and then only of threads that were put away.
CREATE FUNCTION threads_message_leaves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM threads_thread
        WHERE id = OLD.thread_id AND archived_at IS NULL) THEN
        RAISE EXCEPTION 'what was said in a thread stays' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER thread_message_leaves BEFORE DELETE ON threads_message
    FOR EACH ROW EXECUTE FUNCTION threads_message_leaves();

CREATE FUNCTION threads_thread_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.last_seq < OLD.last_seq THEN
        RAISE EXCEPTION 'the numbers of messages only rise' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.last_seq > OLD.last_seq AND OLD.status = 'closed' THEN
        RAISE EXCEPTION 'the thread is closed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status <> OLD.status AND NOT (
        OLD.status = 'active'
        OR OLD.status = 'blocked' AND NEW.status IN ('active', 'closed')
        OR OLD.status = 'resolved' AND NEW.status IN ('active', 'closed')
    ) THEN
        RAISE EXCEPTION '% does not become %', OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER thread_moves BEFORE UPDATE OF last_seq, status ON threads_thread
    FOR EACH ROW EXECUTE FUNCTION threads_thread_moves();
CREATE TRIGGER thread_stays BEFORE UPDATE OF uid, workspace_id, ref, created_by, created_at
    ON threads_thread FOR EACH ROW EXECUTE FUNCTION threads_stays();

CREATE FUNCTION threads_cursor_rises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.last_read_seq < OLD.last_read_seq THEN
        RAISE EXCEPTION 'a cursor only rises' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.last_read_seq > (SELECT last_seq FROM threads_thread WHERE id = NEW.thread_id) THEN
        RAISE EXCEPTION 'a cursor does not pass the end' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER thread_cursor_rises BEFORE UPDATE OF last_read_seq ON threads_participant
    FOR EACH ROW EXECUTE FUNCTION threads_cursor_rises();
CREATE TRIGGER thread_participant_stays
    BEFORE UPDATE OF uid, thread_id, agent_id ON threads_participant
    FOR EACH ROW EXECUTE FUNCTION threads_stays();
"""

REVERSE = """
DROP TRIGGER thread_participant_stays ON threads_participant;
DROP TRIGGER thread_cursor_rises ON threads_participant;
DROP TRIGGER thread_stays ON threads_thread;
DROP TRIGGER thread_moves ON threads_thread;
DROP TRIGGER thread_message_leaves ON threads_message;
DROP TRIGGER thread_message_stays ON threads_message;
DROP FUNCTION threads_cursor_rises();
DROP FUNCTION threads_thread_moves();
DROP FUNCTION threads_message_leaves();
DROP FUNCTION threads_message_stays();
DROP FUNCTION threads_stays();
ALTER TABLE threads_participant RESET (fillfactor);
ALTER TABLE threads_agentpulse RESET (fillfactor);
ALTER TABLE threads_thread RESET (fillfactor);
"""


class Migration(migrations.Migration):
    dependencies = [("threads", "0001_thread_tables")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
