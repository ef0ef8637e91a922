"""What the database holds to of feedback, retrospectives, the library, training and meetings: what
was said stays, states move by known steps, and nothing reaches into another workspace."""

from django.db import migrations

KEPT = "".join(
    f"""
CREATE TRIGGER {name}_is_kept BEFORE DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION missions_stays();
"""
    for name, table in (
        ("mission_feedback", "missions_feedback"),
        ("mission_retrospective", "missions_retrospective"),
        ("mission_training", "missions_trainingitem"),
        ("mission_asset", "missions_asset"),
        ("mission_asset_use", "missions_assetuse"),
        ("mission_series", "missions_meetingseries"),
        ("mission_meeting", "missions_meeting"),
        ("mission_followup", "missions_followup"),
    )
)
UNKEPT = """
DROP TRIGGER mission_followup_is_kept ON missions_followup;
DROP TRIGGER mission_meeting_is_kept ON missions_meeting;
DROP TRIGGER mission_series_is_kept ON missions_meetingseries;
DROP TRIGGER mission_asset_use_is_kept ON missions_assetuse;
DROP TRIGGER mission_asset_is_kept ON missions_asset;
DROP TRIGGER mission_training_is_kept ON missions_trainingitem;
DROP TRIGGER mission_retrospective_is_kept ON missions_retrospective;
DROP TRIGGER mission_feedback_is_kept ON missions_feedback;
"""

STAYS = """
CREATE TRIGGER mission_feedback_stays
    BEFORE UPDATE OF uid, mission_id, person_id, asked_at, asked_by
    ON missions_feedback FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_retrospective_stays BEFORE UPDATE OF uid, visit_id, created_at
    ON missions_retrospective FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_training_stays
    BEFORE UPDATE OF uid, workspace_id, mission_id, created_by, created_at
    ON missions_trainingitem FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_asset_stays
    BEFORE UPDATE OF uid, workspace_id, source_mission_id, created_by, created_at
    ON missions_asset FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_asset_version_stays BEFORE UPDATE ON missions_assetversion
    FOR EACH ROW WHEN (OLD.published_at IS NOT NULL) EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_asset_version_is_kept BEFORE DELETE ON missions_assetversion
    FOR EACH ROW WHEN (OLD.published_at IS NOT NULL) EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_asset_use_stays BEFORE UPDATE ON missions_assetuse
    FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_series_stays
    BEFORE UPDATE OF uid, workspace_id, cadence, time_zone, created_by, created_at
    ON missions_meetingseries FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_meeting_stays
    BEFORE UPDATE OF uid, series_id, planned_at, began_at, began_by, agenda
    ON missions_meeting FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_meeting_closed_once BEFORE UPDATE ON missions_meeting
    FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL) EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_followup_stays
    BEFORE UPDATE OF uid, workspace_id, retrospective_id, meeting_id, title, owner_id, due_on,
        created_by, created_at
    ON missions_followup FOR EACH ROW EXECUTE FUNCTION missions_stays();
"""
UNSTAYS = """
DROP TRIGGER mission_followup_stays ON missions_followup;
DROP TRIGGER mission_meeting_closed_once ON missions_meeting;
DROP TRIGGER mission_meeting_stays ON missions_meeting;
DROP TRIGGER mission_series_stays ON missions_meetingseries;
DROP TRIGGER mission_asset_use_stays ON missions_assetuse;
DROP TRIGGER mission_asset_version_is_kept ON missions_assetversion;
DROP TRIGGER mission_asset_version_stays ON missions_assetversion;
DROP TRIGGER mission_asset_stays ON missions_asset;
DROP TRIGGER mission_training_stays ON missions_trainingitem;
DROP TRIGGER mission_retrospective_stays ON missions_retrospective;
DROP TRIGGER mission_feedback_stays ON missions_feedback;
"""

MOVES = """
CREATE TRIGGER mission_feedback_moves BEFORE UPDATE OF status ON missions_feedback
    FOR EACH ROW EXECUTE FUNCTION missions_part_moves(
        'asked>given', 'asked>declined', 'declined>given');
CREATE TRIGGER mission_training_moves BEFORE UPDATE OF status ON missions_trainingitem
    FOR EACH ROW EXECUTE FUNCTION missions_part_moves(
        'open>in_progress', 'open>done', 'open>dropped', 'in_progress>open', 'in_progress>done',
        'in_progress>dropped', 'done>open', 'dropped>open');
CREATE TRIGGER mission_asset_moves BEFORE UPDATE OF status ON missions_asset
    FOR EACH ROW EXECUTE FUNCTION missions_part_moves(
        'draft>published', 'draft>retired', 'published>retired', 'retired>published',
        'retired>draft');
CREATE FUNCTION missions_retrospective_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM missions_stagevisit v
                    WHERE v.id = NEW.visit_id AND v.left_at IS NULL
                      AND v.stage = 'reflect_improve') THEN
        RAISE EXCEPTION 'a retrospective is written in Reflect & Improve, until that is left'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_retrospective_is_open BEFORE INSERT OR UPDATE ON missions_retrospective
    FOR EACH ROW EXECUTE FUNCTION missions_retrospective_is_open();
"""
UNMOVES = """
DROP TRIGGER mission_retrospective_is_open ON missions_retrospective;
DROP FUNCTION missions_retrospective_is_open();
DROP TRIGGER mission_asset_moves ON missions_asset;
DROP TRIGGER mission_training_moves ON missions_trainingitem;
DROP TRIGGER mission_feedback_moves ON missions_feedback;
"""

SAME = """
CREATE FUNCTION missions_learning_same_workspace() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    other bigint;
BEGIN
    IF TG_TABLE_NAME = 'missions_asset' THEN
        SELECT workspace_id INTO other FROM missions_mission WHERE id = NEW.source_mission_id;
    ELSIF TG_TABLE_NAME = 'missions_trainingitem' THEN
        SELECT workspace_id INTO other FROM missions_mission WHERE id = NEW.mission_id;
    ELSIF NEW.meeting_id IS NOT NULL THEN
        SELECT s.workspace_id INTO other FROM missions_meeting m
          JOIN missions_meetingseries s ON s.id = m.series_id WHERE m.id = NEW.meeting_id;
    ELSE
        SELECT m.workspace_id INTO other FROM missions_retrospective r
          JOIN missions_stagevisit v ON v.id = r.visit_id
          JOIN missions_mission m ON m.id = v.mission_id WHERE r.id = NEW.retrospective_id;
    END IF;
    IF other IS NOT NULL AND other <> NEW.workspace_id THEN
        RAISE EXCEPTION 'it is of another workspace' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_asset_same_workspace BEFORE INSERT ON missions_asset
    FOR EACH ROW EXECUTE FUNCTION missions_learning_same_workspace();
CREATE TRIGGER mission_training_same_workspace BEFORE INSERT ON missions_trainingitem
    FOR EACH ROW EXECUTE FUNCTION missions_learning_same_workspace();
CREATE TRIGGER mission_followup_same_workspace BEFORE INSERT ON missions_followup
    FOR EACH ROW EXECUTE FUNCTION missions_learning_same_workspace();
CREATE FUNCTION missions_followup_item() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM work_item i
                WHERE i.id = NEW.item_id AND i.workspace_id <> NEW.workspace_id) THEN
        RAISE EXCEPTION 'the work item is of another workspace'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_followup_item BEFORE INSERT OR UPDATE OF item_id ON missions_followup
    FOR EACH ROW EXECUTE FUNCTION missions_followup_item();
CREATE FUNCTION missions_asset_is_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM missions_assetversion v
          JOIN missions_asset a ON a.id = v.asset_id
          JOIN missions_mission m ON m.id = NEW.mission_id
         WHERE v.id = NEW.used_id AND a.id = NEW.asset_id AND v.published_at IS NOT NULL
           AND a.workspace_id = m.workspace_id AND a.source_mission_id IS DISTINCT FROM m.id
           AND (NEW.play_id IS NULL OR EXISTS (
                SELECT 1 FROM missions_play p WHERE p.id = NEW.play_id AND p.mission_id = m.id)))
    THEN
        RAISE EXCEPTION 'a mission uses what was published, of its workspace, made by others'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_asset_is_used BEFORE INSERT ON missions_assetuse
    FOR EACH ROW EXECUTE FUNCTION missions_asset_is_used();
"""
UNSAME = """
DROP TRIGGER mission_asset_is_used ON missions_assetuse;
DROP FUNCTION missions_asset_is_used();
DROP TRIGGER mission_followup_item ON missions_followup;
DROP FUNCTION missions_followup_item();
DROP TRIGGER mission_followup_same_workspace ON missions_followup;
DROP TRIGGER mission_training_same_workspace ON missions_trainingitem;
DROP TRIGGER mission_asset_same_workspace ON missions_asset;
DROP FUNCTION missions_learning_same_workspace();
"""


class Migration(migrations.Migration):
    dependencies = [("missions", "0010_learning_tables")]
    operations = [
        migrations.RunSQL(KEPT, UNKEPT),
        migrations.RunSQL(STAYS, UNSTAYS),
        migrations.RunSQL(MOVES, UNMOVES),
        migrations.RunSQL(SAME, UNSAME),
    ]
