"""What the database holds to of wakes: they move forward only, tries and runs stay as they ended, and
all go with a thread that is cleared."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION threads_wake_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND (OLD.state IN ('done', 'cancelled')
            OR OLD.state = 'dead' AND NEW.state <> 'waiting')
        OR NEW.status <> OLD.status AND (OLD.status IN ('delivered', 'cancelled')
            OR OLD.status = 'dead' AND NEW.status <> 'queued') THEN
        RAISE EXCEPTION 'a wake that is % (%) does not become % (%)',
            OLD.state, OLD.status, NEW.state, NEW.status USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER thread_wake_moves BEFORE UPDATE OF state, status ON threads_waketrigger
    FOR EACH ROW EXECUTE FUNCTION threads_wake_moves();
CREATE TRIGGER thread_wake_stays
    BEFORE UPDATE OF uid, workspace_id, thread_id, participant_id, agent_id, created_at,
        correlation_id ON threads_waketrigger
    FOR EACH ROW EXECUTE FUNCTION threads_stays();

-- Of a try that is under way, what came of it; then nothing, but that its session may be gone.
CREATE FUNCTION threads_attempt_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := ARRAY['session_id'];
BEGIN
    IF OLD.result = 'sent' THEN
        free := free || ARRAY['result', 'error_code', 'detail', 'duration_ms', 'pushed_at'];
    END IF;
    IF to_jsonb(NEW) - free <> to_jsonb(OLD) - free
        OR OLD.pushed_at IS NOT NULL AND NEW.pushed_at IS DISTINCT FROM OLD.pushed_at
        OR NEW.session_id IS DISTINCT FROM OLD.session_id AND NEW.session_id IS NOT NULL THEN
        RAISE EXCEPTION 'a try is not changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER thread_attempt_stays BEFORE UPDATE ON threads_wakeattempt
    FOR EACH ROW EXECUTE FUNCTION threads_attempt_stays();

-- A command that ended keeps how it ended; its number may be noted a moment later.
CREATE FUNCTION threads_run_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := ARRAY['pid', 'process_started'];
BEGIN
    IF OLD.status = 'running' THEN
        free := free || ARRAY['status', 'exit_code', 'output', 'ended_at', 'kill_asked_at',
            'kill_asked_by', 'version'];
    END IF;
    IF to_jsonb(NEW) - free <> to_jsonb(OLD) - free
        OR OLD.pid IS NOT NULL AND NEW.pid IS DISTINCT FROM OLD.pid THEN
        RAISE EXCEPTION 'a command that was started is not changed'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER thread_run_stays BEFORE UPDATE ON threads_wakerun
    FOR EACH ROW EXECUTE FUNCTION threads_run_stays();

-- They go with what was said, after its thread was put away and its time is over.
CREATE FUNCTION threads_wake_leaves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wake bigint := to_jsonb(OLD) ->> CASE TG_TABLE_NAME WHEN 'threads_waketrigger' THEN 'id'
        ELSE 'trigger_id' END;
BEGIN
    IF EXISTS (SELECT FROM threads_waketrigger w JOIN threads_thread t ON t.id = w.thread_id
        WHERE w.id = wake AND (t.cleared_at IS NULL OR threads_is_held(t.id))) THEN
        RAISE EXCEPTION 'who was woken, and how, stays' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER thread_wake_leaves BEFORE DELETE ON threads_waketrigger
    FOR EACH ROW EXECUTE FUNCTION threads_wake_leaves();
CREATE TRIGGER thread_attempt_leaves BEFORE DELETE ON threads_wakeattempt
    FOR EACH ROW EXECUTE FUNCTION threads_wake_leaves();
CREATE TRIGGER thread_run_leaves BEFORE DELETE ON threads_wakerun
    FOR EACH ROW EXECUTE FUNCTION threads_wake_leaves();
"""

REVERSE = """
DROP TRIGGER thread_run_leaves ON threads_wakerun;
DROP TRIGGER thread_attempt_leaves ON threads_wakeattempt;
DROP TRIGGER thread_wake_leaves ON threads_waketrigger;
DROP FUNCTION threads_wake_leaves();
DROP TRIGGER thread_run_stays ON threads_wakerun;
DROP FUNCTION threads_run_stays();
DROP TRIGGER thread_attempt_stays ON threads_wakeattempt;
DROP FUNCTION threads_attempt_stays();
DROP TRIGGER thread_wake_stays ON threads_waketrigger;
DROP TRIGGER thread_wake_moves ON threads_waketrigger;
DROP FUNCTION threads_wake_moves();
"""


class Migration(migrations.Migration):
    dependencies = [("threads", "0003_thread_keeping")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
