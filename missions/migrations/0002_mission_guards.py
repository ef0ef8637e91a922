"""What the database holds to, whoever writes: a mission moves by known steps, passes no stage that
was not signed, and its history stays as it was."""

from django.db import migrations

STAYS = """
CREATE FUNCTION missions_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: it is history', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER mission_is_kept BEFORE DELETE ON missions_mission
    FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_stays
    BEFORE UPDATE OF uid, workspace_id, ref, source, external_ref, created_by, created_at
    ON missions_mission FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_visit_is_kept BEFORE DELETE ON missions_stagevisit
    FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_visit_stays
    BEFORE UPDATE OF uid, mission_id, stage, attempt, entered_at, entered_by
    ON missions_stagevisit FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_tick_is_kept BEFORE DELETE ON missions_checklisttick
    FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_tick_stays
    BEFORE UPDATE OF uid, visit_id, line, note, evidence, by, at
    ON missions_checklisttick FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_tick_retracted_once BEFORE UPDATE ON missions_checklisttick
    FOR EACH ROW WHEN (OLD.retracted_at IS NOT NULL) EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_brief_is_kept BEFORE DELETE ON missions_brief
    FOR EACH ROW EXECUTE FUNCTION missions_stays();
"""
UNSTAYS = """
DROP TRIGGER mission_brief_is_kept ON missions_brief;
DROP TRIGGER mission_tick_retracted_once ON missions_checklisttick;
DROP TRIGGER mission_tick_stays ON missions_checklisttick;
DROP TRIGGER mission_tick_is_kept ON missions_checklisttick;
DROP TRIGGER mission_visit_stays ON missions_stagevisit;
DROP TRIGGER mission_visit_is_kept ON missions_stagevisit;
DROP TRIGGER mission_stays ON missions_mission;
DROP TRIGGER mission_is_kept ON missions_mission;
DROP FUNCTION missions_stays();
"""

# What is left as completed was signed, but for the past of missions that came from elsewhere.
VISITS = """
CREATE FUNCTION missions_visit_begins() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_mission missions_mission;
BEGIN
    SELECT * INTO of_mission FROM missions_mission WHERE id = NEW.mission_id;
    IF of_mission.source <> 'import' AND NEW.left_at IS NOT NULL THEN
        RAISE EXCEPTION 'a stage is entered before it is left'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.left_at IS NULL
        AND of_mission.status IN ('completed', 'cancelled', 'failed') THEN
        RAISE EXCEPTION 'the mission has ended' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_visit_begins BEFORE INSERT ON missions_stagevisit
    FOR EACH ROW EXECUTE FUNCTION missions_visit_begins();
CREATE FUNCTION missions_visit_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.left_at IS NOT NULL THEN
        RAISE EXCEPTION 'the stage was left' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.outcome = 'completed' AND NOT EXISTS (
        SELECT 1 FROM approvals_request r
         WHERE r.id = NEW.approval_id AND r.status = 'approved'
           AND r.subject = 'missions.stagevisit:' || NEW.uid) THEN
        RAISE EXCEPTION 'nobody signed this stage' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_visit_ends BEFORE UPDATE ON missions_stagevisit
    FOR EACH ROW EXECUTE FUNCTION missions_visit_ends();
CREATE FUNCTION missions_tick_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM missions_stagevisit v
                    WHERE v.id = NEW.visit_id AND v.left_at IS NULL) THEN
        RAISE EXCEPTION 'the stage was left' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_tick_begins BEFORE INSERT ON missions_checklisttick
    FOR EACH ROW EXECUTE FUNCTION missions_tick_begins();
"""
UNVISITS = """
DROP TRIGGER mission_tick_begins ON missions_checklisttick;
DROP FUNCTION missions_tick_begins();
DROP TRIGGER mission_visit_ends ON missions_stagevisit;
DROP FUNCTION missions_visit_ends();
DROP TRIGGER mission_visit_begins ON missions_stagevisit;
DROP FUNCTION missions_visit_begins();
"""

MOVES = """
CREATE FUNCTION missions_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    way text[] := ARRAY['define', 'prepare', 'plan_approve', 'execute_observe', 'reflect_improve'];
    step integer := array_position(way, NEW.stage::text) - array_position(way, OLD.stage::text);
    refused text := '';
BEGIN
    IF NEW.status = OLD.status AND step = 0 THEN
        RETURN NEW;
    END IF;
    IF OLD.status IN ('completed', 'cancelled', 'failed') THEN
        refused := 'it has ended';
    ELSIF NEW.status <> OLD.status AND NOT (
        (OLD.status = 'draft' AND NEW.status IN ('active', 'cancelled'))
        OR (OLD.status = 'active' AND NEW.status IN ('paused', 'completed', 'cancelled', 'failed'))
        OR (OLD.status = 'paused' AND NEW.status IN ('active', 'cancelled', 'failed'))) THEN
        refused := OLD.status || ' cannot become ' || NEW.status;
    ELSIF step <> 0 AND (NEW.status <> OLD.status OR OLD.status = 'draft') THEN
        refused := 'the stage moves alone';
    ELSIF step > 1 THEN
        refused := 'a stage is skipped';
    ELSIF step = 1 AND NEW.status <> 'active' THEN
        refused := 'it is ' || NEW.status;
    ELSIF NEW.status = 'completed' AND NEW.stage <> 'reflect_improve' THEN
        refused := 'stages are left';
    ELSIF (step = 1 OR NEW.status = 'completed') AND 'completed' IS DISTINCT FROM (
        SELECT v.outcome FROM missions_stagevisit v
         WHERE v.mission_id = NEW.id AND v.stage = OLD.stage ORDER BY v.attempt DESC LIMIT 1) THEN
        refused := 'its stage is not completed';
    END IF;
    IF refused <> '' THEN
        RAISE EXCEPTION 'the mission does not move: %', refused
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_moves BEFORE UPDATE OF status, stage ON missions_mission
    FOR EACH ROW EXECUTE FUNCTION missions_moves();
CREATE FUNCTION missions_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.source <> 'import' AND (NEW.status, NEW.stage) <> ('draft', 'define') THEN
        RAISE EXCEPTION 'a mission begins as a draft' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_begins BEFORE INSERT ON missions_mission
    FOR EACH ROW EXECUTE FUNCTION missions_begins();
"""
UNMOVES = """
DROP TRIGGER mission_begins ON missions_mission;
DROP FUNCTION missions_begins();
DROP TRIGGER mission_moves ON missions_mission;
DROP FUNCTION missions_moves();
"""

BRIEF = """
CREATE FUNCTION missions_brief_is_locked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.mission_id <> NEW.mission_id
        OR (OLD.locked_at IS NOT NULL AND NEW.locked_at IS NOT NULL
            AND (OLD.objective, OLD.audience, OLD.business_objective, OLD.kpi_name, OLD.kpi_unit,
                 OLD.kpi_baseline, OLD.kpi_target, OLD.kpi_direction, OLD.kpi_deadline,
                 OLD.timeline, OLD.confidence, OLD.revision)
            IS DISTINCT FROM
                (NEW.objective, NEW.audience, NEW.business_objective, NEW.kpi_name, NEW.kpi_unit,
                 NEW.kpi_baseline, NEW.kpi_target, NEW.kpi_direction, NEW.kpi_deadline,
                 NEW.timeline, NEW.confidence, NEW.revision)) THEN
        RAISE EXCEPTION 'the brief is locked' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_brief_is_locked BEFORE UPDATE ON missions_brief
    FOR EACH ROW EXECUTE FUNCTION missions_brief_is_locked();
"""
UNBRIEF = """
DROP TRIGGER mission_brief_is_locked ON missions_brief;
DROP FUNCTION missions_brief_is_locked();
"""

SAME = """
CREATE FUNCTION missions_same_workspace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM work_item i
                WHERE i.id = NEW.item_id AND i.workspace_id <> NEW.workspace_id) THEN
        RAISE EXCEPTION 'the work item is of another workspace'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_same_workspace BEFORE INSERT OR UPDATE OF item_id ON missions_mission
    FOR EACH ROW EXECUTE FUNCTION missions_same_workspace();
CREATE FUNCTION missions_visit_same_workspace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM approvals_request r, missions_mission m
                WHERE r.id = NEW.approval_id AND m.id = NEW.mission_id
                  AND r.workspace_id <> m.workspace_id) THEN
        RAISE EXCEPTION 'the approval is of another workspace'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_visit_same_workspace
    BEFORE INSERT OR UPDATE OF approval_id ON missions_stagevisit
    FOR EACH ROW EXECUTE FUNCTION missions_visit_same_workspace();
"""
UNSAME = """
DROP TRIGGER mission_visit_same_workspace ON missions_stagevisit;
DROP FUNCTION missions_visit_same_workspace();
DROP TRIGGER mission_same_workspace ON missions_mission;
DROP FUNCTION missions_same_workspace();
"""

SHARES = """
CREATE TRIGGER mission_share_is_kept BEFORE DELETE ON missions_missionshare
    FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_share_stays
    BEFORE UPDATE OF uid, mission_id, person_id, reason, shared_by, shared_at
    ON missions_missionshare FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_share_ended_once BEFORE UPDATE ON missions_missionshare
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION missions_stays();
"""
UNSHARES = """
DROP TRIGGER mission_share_ended_once ON missions_missionshare;
DROP TRIGGER mission_share_stays ON missions_missionshare;
DROP TRIGGER mission_share_is_kept ON missions_missionshare;
"""


class Migration(migrations.Migration):
    dependencies = [("missions", "0001_mission_tables")]
    operations = [
        migrations.RunSQL(STAYS, UNSTAYS),
        migrations.RunSQL(VISITS, UNVISITS),
        migrations.RunSQL(MOVES, UNMOVES),
        migrations.RunSQL(BRIEF, UNBRIEF),
        migrations.RunSQL(SAME, UNSAME),
        migrations.RunSQL(SHARES, UNSHARES),
    ]
