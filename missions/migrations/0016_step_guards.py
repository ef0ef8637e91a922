"""What was let go stays what it was, a change is never made to be none, and what is taken back is
of the plan and of a step that changes something."""

from django.db import migrations

# Reports may say of it what was not said when it was asked for: its arguments, where there are none.
LET_GO = """
CREATE TRIGGER mission_let_go_stays BEFORE UPDATE ON missions_runstep
    FOR EACH ROW WHEN (OLD.dispatched_at IS NOT NULL AND (
        OLD.toolkit <> NEW.toolkit OR OLD.action <> NEW.action
        OR OLD.play_step_id IS DISTINCT FROM NEW.play_step_id
        OR OLD.arguments <> '{}'::jsonb AND OLD.arguments <> NEW.arguments
            AND OLD.marks -> 'arguments' ->> 0 = '9'))
    EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_change_stays BEFORE UPDATE OF mutating ON missions_runstep
    FOR EACH ROW WHEN (OLD.mutating AND NOT NEW.mutating) EXECUTE FUNCTION missions_stays();
CREATE FUNCTION missions_step_may_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM missions_run r WHERE r.id = NEW.run_id AND r.status = 'running')
        THEN
        RAISE EXCEPTION 'its run is not under way' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.mutating AND NEW.undo_step_id IS NULL THEN
        RAISE EXCEPTION 'nothing takes it back' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_step_may_begin BEFORE INSERT ON missions_runstep
    FOR EACH ROW WHEN (NEW.dispatched_at IS NOT NULL) EXECUTE FUNCTION missions_step_may_go();
CREATE TRIGGER mission_step_may_go BEFORE UPDATE OF dispatched_at ON missions_runstep
    FOR EACH ROW WHEN (OLD.dispatched_at IS NULL AND NEW.dispatched_at IS NOT NULL)
    EXECUTE FUNCTION missions_step_may_go();
"""
UNLET_GO = """
DROP TRIGGER mission_step_may_go ON missions_runstep;
DROP TRIGGER mission_step_may_begin ON missions_runstep;
DROP FUNCTION missions_step_may_go();
DROP TRIGGER mission_change_stays ON missions_runstep;
DROP TRIGGER mission_let_go_stays ON missions_runstep;
"""

TAKEN = """
CREATE FUNCTION missions_undo_takes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(NEW.takes) = 0 OR EXISTS (
        SELECT 1 FROM unnest(NEW.takes) AS t(id) WHERE NOT EXISTS (
            SELECT 1 FROM missions_undostep s WHERE s.id = t.id AND s.plan_id = NEW.plan_id)) THEN
        RAISE EXCEPTION 'it takes steps of its plan' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT NEW.drill AND EXISTS (SELECT 1 FROM missions_undoplan p
                                  WHERE p.id = NEW.plan_id AND p.status = 'draft') THEN
        RAISE EXCEPTION 'the undo plan is a draft' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_undo_takes BEFORE INSERT ON missions_undorun
    FOR EACH ROW EXECUTE FUNCTION missions_undo_takes();
CREATE FUNCTION missions_undo_of_a_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM missions_playstep s
                    WHERE s.id = NEW.play_step_id AND s.mutating) THEN
        RAISE EXCEPTION 'the step changes nothing' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_undo_step_of_change BEFORE INSERT ON missions_undostep
    FOR EACH ROW WHEN (NEW.play_step_id IS NOT NULL) EXECUTE FUNCTION missions_undo_of_a_change();
CREATE TRIGGER mission_undo_time_only_grows BEFORE UPDATE OF deadline_at ON missions_undoplan
    FOR EACH ROW WHEN (OLD.status = 'ready' AND NEW.status = 'ready' AND OLD.deadline_at IS NOT NULL
        AND (NEW.deadline_at IS NULL OR NEW.deadline_at < OLD.deadline_at))
    EXECUTE FUNCTION missions_stays();
CREATE FUNCTION missions_undo_was_done() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM missions_undorun r WHERE r.plan_id = NEW.id AND NOT r.drill
                    AND r.status = 'completed') THEN
        RAISE EXCEPTION 'nothing was taken back' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_undo_was_done BEFORE UPDATE OF status ON missions_undoplan
    FOR EACH ROW WHEN (OLD.status <> 'executed' AND NEW.status = 'executed')
    EXECUTE FUNCTION missions_undo_was_done();
"""
UNTAKEN = """
DROP TRIGGER mission_undo_was_done ON missions_undoplan;
DROP FUNCTION missions_undo_was_done();
DROP TRIGGER mission_undo_time_only_grows ON missions_undoplan;
DROP TRIGGER mission_undo_step_of_change ON missions_undostep;
DROP FUNCTION missions_undo_of_a_change();
DROP TRIGGER mission_undo_takes ON missions_undorun;
DROP FUNCTION missions_undo_takes();
"""


class Migration(migrations.Migration):
    dependencies = [("missions", "0015_bundles_withheld")]
    operations = [migrations.RunSQL(LET_GO, UNLET_GO), migrations.RunSQL(TAKEN, UNTAKEN)]
