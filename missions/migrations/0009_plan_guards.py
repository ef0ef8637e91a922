"""What the database holds to of plans, undoing and runs: what a play says never changes, states
move by known steps, nothing is asked for while a mission is held, no failure is left alone, what
was let go stays what it was, and what is taken back is of the plan."""

from django.db import migrations

KEPT = "".join(
    f"""
CREATE TRIGGER {name}_is_kept BEFORE DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION missions_stays();
"""
    for name, table in (
        ("mission_play", "missions_play"),
        ("mission_play_step", "missions_playstep"),
        ("mission_plan_note", "missions_plannote"),
        ("mission_risk", "missions_riskentry"),
        ("mission_hook_check", "missions_hookcheck"),
        ("mission_duty", "missions_dutywindow"),
        ("mission_undo_plan", "missions_undoplan"),
        ("mission_undo_step", "missions_undostep"),
        ("mission_undo_run", "missions_undorun"),
        ("mission_undo_attempt", "missions_undoattempt"),
        ("mission_run", "missions_run"),
        ("mission_run_step", "missions_runstep"),
    )
)
UNKEPT = """
DROP TRIGGER mission_run_step_is_kept ON missions_runstep;
DROP TRIGGER mission_run_is_kept ON missions_run;
DROP TRIGGER mission_undo_attempt_is_kept ON missions_undoattempt;
DROP TRIGGER mission_undo_run_is_kept ON missions_undorun;
DROP TRIGGER mission_undo_step_is_kept ON missions_undostep;
DROP TRIGGER mission_undo_plan_is_kept ON missions_undoplan;
DROP TRIGGER mission_duty_is_kept ON missions_dutywindow;
DROP TRIGGER mission_hook_check_is_kept ON missions_hookcheck;
DROP TRIGGER mission_risk_is_kept ON missions_riskentry;
DROP TRIGGER mission_plan_note_is_kept ON missions_plannote;
DROP TRIGGER mission_play_step_is_kept ON missions_playstep;
DROP TRIGGER mission_play_is_kept ON missions_play;
"""

STAYS = """
CREATE TRIGGER mission_play_stays
    BEFORE UPDATE OF uid, mission_id, key, rank, title, rationale, impact, confidence, effort, risk,
        precedents, digest, proposed_by, proposed_at
    ON missions_play FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_play_step_stays BEFORE UPDATE ON missions_playstep
    FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_hook_check_stays BEFORE UPDATE ON missions_hookcheck
    FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_risk_stays BEFORE UPDATE OF uid, mission_id, created_by, created_at
    ON missions_riskentry FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_risk_removed_once BEFORE UPDATE ON missions_riskentry
    FOR EACH ROW WHEN (OLD.removed_at IS NOT NULL) EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_duty_stays
    BEFORE UPDATE OF uid, mission_id, person_id, starts_at, ends_at, note, by, at
    ON missions_dutywindow FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_duty_cancelled_once BEFORE UPDATE ON missions_dutywindow
    FOR EACH ROW WHEN (OLD.cancelled_at IS NOT NULL) EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_undo_plan_stays BEFORE UPDATE OF uid, play_id, made_by
    ON missions_undoplan FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_undo_step_stays
    BEFORE UPDATE OF plan_id, position, play_step_id, action, inverse, verify, alternate
    ON missions_undostep FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_undo_run_stays
    BEFORE UPDATE OF uid, plan_id, drill, alternate, takes, late, reason, requested_by, requested_at
    ON missions_undorun FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_undo_attempt_stays BEFORE UPDATE ON missions_undoattempt
    FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_run_stays
    BEFORE UPDATE OF uid, mission_id, visit_id, play_id, external_id, agent, queued_at
    ON missions_run FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_run_step_stays
    BEFORE UPDATE OF uid, mission_id, run_id, external_id, first_at
    ON missions_runstep FOR EACH ROW EXECUTE FUNCTION missions_stays();
"""
UNSTAYS = """
DROP TRIGGER mission_run_step_stays ON missions_runstep;
DROP TRIGGER mission_run_stays ON missions_run;
DROP TRIGGER mission_undo_attempt_stays ON missions_undoattempt;
DROP TRIGGER mission_undo_run_stays ON missions_undorun;
DROP TRIGGER mission_undo_step_stays ON missions_undostep;
DROP TRIGGER mission_undo_plan_stays ON missions_undoplan;
DROP TRIGGER mission_duty_cancelled_once ON missions_dutywindow;
DROP TRIGGER mission_duty_stays ON missions_dutywindow;
DROP TRIGGER mission_risk_removed_once ON missions_riskentry;
DROP TRIGGER mission_risk_stays ON missions_riskentry;
DROP TRIGGER mission_hook_check_stays ON missions_hookcheck;
DROP TRIGGER mission_play_step_stays ON missions_playstep;
DROP TRIGGER mission_play_stays ON missions_play;
"""

# One function for the five: the table's moves come with the trigger, as `from>to` words.
MOVES = """
CREATE FUNCTION missions_part_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status
        AND NOT (OLD.status || '>' || NEW.status = ANY (TG_ARGV)) THEN
        RAISE EXCEPTION '% does not move: % cannot become %', TG_TABLE_NAME, OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_play_moves BEFORE UPDATE OF status ON missions_play
    FOR EACH ROW EXECUTE FUNCTION missions_part_moves(
        'proposed>selected', 'proposed>withdrawn', 'selected>proposed', 'selected>withdrawn');
CREATE TRIGGER mission_undo_plan_moves BEFORE UPDATE OF status ON missions_undoplan
    FOR EACH ROW EXECUTE FUNCTION missions_part_moves(
        'draft>ready', 'ready>draft', 'ready>executed', 'ready>expired', 'executed>draft',
        'expired>draft');
CREATE TRIGGER mission_undo_run_moves BEFORE UPDATE OF status ON missions_undorun
    FOR EACH ROW EXECUTE FUNCTION missions_part_moves(
        'requested>running', 'requested>withdrawn', 'running>completed', 'running>failed');
CREATE TRIGGER mission_run_moves BEFORE UPDATE OF status ON missions_run
    FOR EACH ROW EXECUTE FUNCTION missions_part_moves(
        'queued>running', 'queued>aborted', 'running>finished', 'running>aborted');
CREATE TRIGGER mission_run_step_moves BEFORE UPDATE OF status ON missions_runstep
    FOR EACH ROW EXECUTE FUNCTION missions_part_moves(
        'queued>running', 'queued>skipped', 'queued>failed', 'queued>succeeded',
        'running>skipped', 'running>failed', 'running>succeeded',
        'skipped>failed', 'skipped>succeeded', 'failed>skipped', 'failed>succeeded',
        'succeeded>skipped', 'succeeded>failed');
"""
UNMOVES = """
DROP TRIGGER mission_run_step_moves ON missions_runstep;
DROP TRIGGER mission_run_moves ON missions_run;
DROP TRIGGER mission_undo_run_moves ON missions_undorun;
DROP TRIGGER mission_undo_plan_moves ON missions_undoplan;
DROP TRIGGER mission_play_moves ON missions_play;
DROP FUNCTION missions_part_moves();
"""

BELONGS = """
CREATE FUNCTION missions_undo_step_belongs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    plan missions_undoplan;
BEGIN
    SELECT * INTO plan FROM missions_undoplan WHERE id = NEW.plan_id;
    IF NEW.play_step_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM missions_playstep s
         WHERE s.id = NEW.play_step_id AND s.play_id = plan.play_id) THEN
        RAISE EXCEPTION 'the step is of another play' USING ERRCODE = 'restrict_violation';
    END IF;
    IF plan.status <> 'draft' AND NOT NEW.alternate THEN
        RAISE EXCEPTION 'the undo plan is %', plan.status USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_undo_step_belongs BEFORE INSERT ON missions_undostep
    FOR EACH ROW EXECUTE FUNCTION missions_undo_step_belongs();
CREATE FUNCTION missions_undo_step_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.removed_at IS NOT NULL OR EXISTS (
        SELECT 1 FROM missions_undoplan p WHERE p.id = NEW.plan_id AND p.status <> 'draft') THEN
        RAISE EXCEPTION 'the undo plan is not being written' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_undo_step_removed BEFORE UPDATE OF removed_at ON missions_undostep
    FOR EACH ROW WHEN (OLD.removed_at IS DISTINCT FROM NEW.removed_at)
    EXECUTE FUNCTION missions_undo_step_removed();
CREATE FUNCTION missions_undo_attempt_belongs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM missions_undorun r
                    WHERE r.id = NEW.run_id AND NEW.step_id = ANY (r.takes)
                      AND r.status = 'running') THEN
        RAISE EXCEPTION 'the undo run takes no such step now' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_undo_attempt_belongs BEFORE INSERT ON missions_undoattempt
    FOR EACH ROW EXECUTE FUNCTION missions_undo_attempt_belongs();
CREATE FUNCTION missions_run_belongs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM missions_play p, missions_stagevisit v
         WHERE p.id = NEW.play_id AND v.id = NEW.visit_id AND p.mission_id = NEW.mission_id
           AND v.mission_id = NEW.mission_id AND v.stage = 'execute_observe'
           AND v.left_at IS NULL AND p.status = 'selected') THEN
        RAISE EXCEPTION 'it runs no selected play of a mission that executes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_run_belongs BEFORE INSERT ON missions_run
    FOR EACH ROW EXECUTE FUNCTION missions_run_belongs();
CREATE FUNCTION missions_run_step_belongs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_run missions_run;
BEGIN
    SELECT * INTO of_run FROM missions_run WHERE id = NEW.run_id;
    IF of_run.mission_id <> NEW.mission_id
        OR (NEW.play_step_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM missions_playstep s
             WHERE s.id = NEW.play_step_id AND s.play_id = of_run.play_id))
        OR (NEW.undo_step_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM missions_undostep u JOIN missions_undoplan p ON p.id = u.plan_id
             WHERE u.id = NEW.undo_step_id AND p.play_id = of_run.play_id)) THEN
        RAISE EXCEPTION 'the step is of another play' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_run_step_belongs
    BEFORE INSERT OR UPDATE OF play_step_id, undo_step_id ON missions_runstep
    FOR EACH ROW EXECUTE FUNCTION missions_run_step_belongs();
"""
UNBELONGS = """
DROP TRIGGER mission_run_step_belongs ON missions_runstep;
DROP FUNCTION missions_run_step_belongs();
DROP TRIGGER mission_run_belongs ON missions_run;
DROP FUNCTION missions_run_belongs();
DROP TRIGGER mission_undo_attempt_belongs ON missions_undoattempt;
DROP FUNCTION missions_undo_attempt_belongs();
DROP TRIGGER mission_undo_step_removed ON missions_undostep;
DROP FUNCTION missions_undo_step_removed();
DROP TRIGGER mission_undo_step_belongs ON missions_undostep;
DROP FUNCTION missions_undo_step_belongs();
"""

# Nothing is let go while the mission is held, whatever the service believes it saw.
DISPATCHED = """
CREATE FUNCTION missions_step_is_let_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM missions_mission m
                    WHERE m.id = NEW.mission_id AND m.status = 'active'
                      AND m.stage = 'execute_observe') THEN
        RAISE EXCEPTION 'the mission does not execute' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.dispatched_at IS NOT NULL THEN
        RAISE EXCEPTION 'the step was let go' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_step_begins_let_go BEFORE INSERT ON missions_runstep
    FOR EACH ROW WHEN (NEW.dispatched_at IS NOT NULL) EXECUTE FUNCTION missions_step_is_let_go();
CREATE TRIGGER mission_step_is_let_go BEFORE UPDATE OF dispatched_at ON missions_runstep
    FOR EACH ROW WHEN (OLD.dispatched_at IS DISTINCT FROM NEW.dispatched_at)
    EXECUTE FUNCTION missions_step_is_let_go();
"""
UNDISPATCHED = """
DROP TRIGGER mission_step_is_let_go ON missions_runstep;
DROP TRIGGER mission_step_begins_let_go ON missions_runstep;
DROP FUNCTION missions_step_is_let_go();
"""

# Looked at when the change is committed: the run that follows is made after this one ended.
FAILED = """
CREATE FUNCTION missions_failed_undo_is_followed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM missions_undorun r
                WHERE r.id = NEW.id AND r.status = 'failed' AND NOT r.drill
                  AND r.followed_by_id IS NULL AND r.item_key = '') THEN
        RAISE EXCEPTION 'an undo failed, and neither alternates nor an incident follow'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER mission_failed_undo_is_followed AFTER INSERT OR UPDATE
    ON missions_undorun DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.status = 'failed') EXECUTE FUNCTION missions_failed_undo_is_followed();
"""
UNFAILED = """
DROP TRIGGER mission_failed_undo_is_followed ON missions_undorun;
DROP FUNCTION missions_failed_undo_is_followed();
"""

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
    dependencies = [("missions", "0008_plan_tables")]
    operations = [
        migrations.RunSQL(KEPT, UNKEPT),
        migrations.RunSQL(STAYS, UNSTAYS),
        migrations.RunSQL(MOVES, UNMOVES),
        migrations.RunSQL(BELONGS, UNBELONGS),
        migrations.RunSQL(DISPATCHED, UNDISPATCHED),
        migrations.RunSQL(FAILED, UNFAILED),
        migrations.RunSQL(LET_GO, UNLET_GO),
        migrations.RunSQL(TAKEN, UNTAKEN),
    ]
