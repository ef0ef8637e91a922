"""What the database holds to about evidence: a file is what was received, it moves by known steps,
what is held by law stays, and a record outlives its year before it goes."""

from django.db import migrations

ARTIFACTS = """
CREATE FUNCTION missions_held(which bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM missions_evidencehold h
                    WHERE h.mission_id = which AND h.released_at IS NULL);
END $$;
CREATE FUNCTION missions_artifact_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'receiving' THEN
        RAISE EXCEPTION 'a file is received before it is anything else'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM missions_stagevisit v JOIN missions_mission m
                       ON m.id = v.mission_id
                    WHERE v.id = NEW.visit_id AND v.mission_id = NEW.mission_id
                      AND v.stage = NEW.stage AND v.left_at IS NULL
                      AND m.workspace_id = NEW.workspace_id) THEN
        RAISE EXCEPTION 'evidence belongs to the stage its mission is in'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_artifact_begins BEFORE INSERT ON missions_artifact
    FOR EACH ROW EXECUTE FUNCTION missions_artifact_begins();
CREATE FUNCTION missions_artifact_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    refused text := '';
BEGIN
    IF (OLD.uid, OLD.workspace_id, OLD.mission_id, OLD.visit_id, OLD.stage, OLD.kind,
        OLD.uploaded_by, OLD.created_at, OLD.sha256, OLD.size)
        IS DISTINCT FROM
       (NEW.uid, NEW.workspace_id, NEW.mission_id, NEW.visit_id, NEW.stage, NEW.kind,
        NEW.uploaded_by, NEW.created_at, NEW.sha256, NEW.size) THEN
        refused := 'what was received stays as it was received';
    ELSIF OLD.status <> 'receiving'
        AND (OLD.path, OLD.media_type) IS DISTINCT FROM (NEW.path, NEW.media_type) THEN
        refused := 'what was received stays as it was received';
    ELSIF OLD.status <> NEW.status AND NOT (
        (OLD.status = 'receiving' AND NEW.status IN ('stored', 'failed'))
        OR (OLD.status = 'stored' AND NEW.status IN ('verified', 'failed', 'deleted'))
        OR (OLD.status = 'verified' AND NEW.status IN ('failed', 'archived', 'deleted'))
        OR (OLD.status = 'failed' AND NEW.status IN ('verified', 'deleted'))
        OR (OLD.status = 'deleted' AND NEW.status = 'verified')) THEN
        refused := OLD.status || ' cannot become ' || NEW.status;
    ELSIF OLD.storage_key <> NEW.storage_key AND OLD.status <> 'receiving'
        AND NEW.storage_key <> '' THEN
        refused := 'another file is put in its place';
    ELSIF ((NEW.status IN ('archived', 'deleted') AND OLD.status <> NEW.status)
           OR (NEW.storage_key = '' AND OLD.storage_key <> '' AND OLD.stored_at IS NOT NULL))
        AND missions_held(OLD.mission_id) THEN
        refused := 'a legal hold stands';
    END IF;
    IF refused <> '' THEN
        RAISE EXCEPTION 'the artifact does not move: %', refused
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_artifact_moves BEFORE UPDATE ON missions_artifact
    FOR EACH ROW EXECUTE FUNCTION missions_artifact_moves();
CREATE FUNCTION missions_artifact_goes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status NOT IN ('archived', 'deleted', 'failed') OR OLD.storage_key <> ''
        OR OLD.stored_at > statement_timestamp() - interval '365 days'
        OR missions_held(OLD.mission_id) THEN
        RAISE EXCEPTION 'DELETE on missions_artifact is refused: it is evidence'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER mission_artifact_goes BEFORE DELETE ON missions_artifact
    FOR EACH ROW EXECUTE FUNCTION missions_artifact_goes();
"""
UNARTIFACTS = """
DROP TRIGGER mission_artifact_goes ON missions_artifact;
DROP FUNCTION missions_artifact_goes();
DROP TRIGGER mission_artifact_moves ON missions_artifact;
DROP FUNCTION missions_artifact_moves();
DROP TRIGGER mission_artifact_begins ON missions_artifact;
DROP FUNCTION missions_artifact_begins();
DROP FUNCTION missions_held(bigint);
"""

BUNDLES = """
CREATE FUNCTION missions_bundle_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'building' OR NOT EXISTS (
        SELECT 1 FROM missions_mission m
         WHERE m.id = NEW.mission_id AND m.workspace_id = NEW.workspace_id) THEN
        RAISE EXCEPTION 'a bundle is made before it is stored'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_bundle_begins BEFORE INSERT ON missions_bundle
    FOR EACH ROW EXECUTE FUNCTION missions_bundle_begins();
CREATE FUNCTION missions_bundle_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    refused text := '';
BEGIN
    IF (OLD.uid, OLD.workspace_id, OLD.mission_id, OLD.number, OLD.audience, OLD.asked_by,
        OLD.created_at)
        IS DISTINCT FROM
       (NEW.uid, NEW.workspace_id, NEW.mission_id, NEW.number, NEW.audience, NEW.asked_by,
        NEW.created_at) THEN
        refused := 'it stays what it was asked for';
    ELSIF OLD.status <> 'building'
        AND (OLD.manifest, OLD.manifest_hash, OLD.sha256, OLD.size, OLD.stored_at)
        IS DISTINCT FROM
       (NEW.manifest, NEW.manifest_hash, NEW.sha256, NEW.size, NEW.stored_at) THEN
        refused := 'what was stored stays as it was stored';
    ELSIF OLD.status <> NEW.status AND NOT (
        (OLD.status = 'building' AND NEW.status IN ('stored', 'failed'))
        OR (OLD.status = 'stored' AND NEW.status IN ('superseded', 'archived', 'failed'))) THEN
        refused := OLD.status || ' cannot become ' || NEW.status;
    ELSIF ((NEW.storage_key = '' AND OLD.storage_key <> '' AND OLD.stored_at IS NOT NULL)
           OR (NEW.status = 'archived' AND OLD.status <> 'archived'))
        AND missions_held(OLD.mission_id) THEN
        refused := 'a legal hold stands';
    END IF;
    IF refused <> '' THEN
        RAISE EXCEPTION 'the bundle does not move: %', refused
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_bundle_moves BEFORE UPDATE ON missions_bundle
    FOR EACH ROW EXECUTE FUNCTION missions_bundle_moves();
CREATE FUNCTION missions_bundle_goes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status NOT IN ('superseded', 'archived', 'failed') OR OLD.storage_key <> ''
        OR OLD.stored_at > statement_timestamp() - interval '365 days'
        OR missions_held(OLD.mission_id) THEN
        RAISE EXCEPTION 'DELETE on missions_bundle is refused: it is evidence'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER mission_bundle_goes BEFORE DELETE ON missions_bundle
    FOR EACH ROW EXECUTE FUNCTION missions_bundle_goes();
"""
UNBUNDLES = """
DROP TRIGGER mission_bundle_goes ON missions_bundle;
DROP FUNCTION missions_bundle_goes();
DROP TRIGGER mission_bundle_moves ON missions_bundle;
DROP FUNCTION missions_bundle_moves();
DROP TRIGGER mission_bundle_begins ON missions_bundle;
DROP FUNCTION missions_bundle_begins();
"""

HOLDS = """
CREATE TRIGGER mission_hold_is_kept BEFORE DELETE ON missions_evidencehold
    FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_hold_stays
    BEFORE UPDATE OF uid, mission_id, reason, placed_by, placed_at
    ON missions_evidencehold FOR EACH ROW EXECUTE FUNCTION missions_stays();
CREATE TRIGGER mission_hold_released_once BEFORE UPDATE ON missions_evidencehold
    FOR EACH ROW WHEN (OLD.released_at IS NOT NULL) EXECUTE FUNCTION missions_stays();
"""
UNHOLDS = """
DROP TRIGGER mission_hold_released_once ON missions_evidencehold;
DROP TRIGGER mission_hold_stays ON missions_evidencehold;
DROP TRIGGER mission_hold_is_kept ON missions_evidencehold;
"""


class Migration(migrations.Migration):
    dependencies = [("missions", "0006_evidence_tables")]
    operations = [
        migrations.RunSQL(ARTIFACTS, UNARTIFACTS),
        migrations.RunSQL(BUNDLES, UNBUNDLES),
        migrations.RunSQL(HOLDS, UNHOLDS),
    ]
