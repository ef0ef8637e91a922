"""What the database holds to, whoever writes: what was seen and tried stays as it was, nothing
goes to guarded environments without consent, and nothing points into another workspace."""

from django.db import migrations

STAYS = """
CREATE FUNCTION deployments_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: its rows are only added', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER deployment_snapshot_stays BEFORE UPDATE OR DELETE ON deployments_snapshot
    FOR EACH ROW EXECUTE FUNCTION deployments_stays();
CREATE TRIGGER deployment_snapshot_is_kept BEFORE TRUNCATE ON deployments_snapshot
    FOR EACH STATEMENT EXECUTE FUNCTION deployments_stays();
CREATE TRIGGER deployment_attempt_stays BEFORE UPDATE OR DELETE ON deployments_stepattempt
    FOR EACH ROW EXECUTE FUNCTION deployments_stays();
CREATE TRIGGER deployment_attempt_is_kept BEFORE TRUNCATE ON deployments_stepattempt
    FOR EACH STATEMENT EXECUTE FUNCTION deployments_stays();
CREATE TRIGGER deployment_is_kept BEFORE DELETE ON deployments_deployment
    FOR EACH ROW EXECUTE FUNCTION deployments_stays();
CREATE TRIGGER deployment_stays
    BEFORE UPDATE OF uid, workspace_id, ref, environment_id, kind, reverses_id, source, created_by,
        created_at
    ON deployments_deployment
    FOR EACH ROW EXECUTE FUNCTION deployments_stays();
"""
UNSTAYS = """
DROP TRIGGER deployment_stays ON deployments_deployment;
DROP TRIGGER deployment_is_kept ON deployments_deployment;
DROP TRIGGER deployment_attempt_is_kept ON deployments_stepattempt;
DROP TRIGGER deployment_attempt_stays ON deployments_stepattempt;
DROP TRIGGER deployment_snapshot_is_kept ON deployments_snapshot;
DROP TRIGGER deployment_snapshot_stays ON deployments_snapshot;
DROP FUNCTION deployments_stays();
"""

# A rollback needs no consent: it brings back what was consented to once.
CONSENT = """
CREATE FUNCTION deployments_consented() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.kind <> 'rollback'
        AND EXISTS (SELECT 1 FROM catalog_environment e
                     WHERE e.id = NEW.environment_id AND e.needs_approval)
        AND NOT EXISTS (SELECT 1 FROM approvals_request r
                         WHERE r.id = NEW.approval_id AND r.status = 'approved'
                           AND r.subject = 'deployments.deployment:' || NEW.uid) THEN
        RAISE EXCEPTION 'nobody consented to this deployment'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER deployment_consented BEFORE UPDATE OF status ON deployments_deployment
    FOR EACH ROW WHEN (NEW.status = 'deploying' AND OLD.status = 'approved')
    EXECUTE FUNCTION deployments_consented();
CREATE FUNCTION deployments_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'draft' THEN
        RAISE EXCEPTION 'a deployment begins as a draft' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER deployment_begins BEFORE INSERT ON deployments_deployment
    FOR EACH ROW EXECUTE FUNCTION deployments_begins();
"""
UNCONSENT = """
DROP TRIGGER deployment_begins ON deployments_deployment;
DROP FUNCTION deployments_begins();
DROP TRIGGER deployment_consented ON deployments_deployment;
DROP FUNCTION deployments_consented();
"""

SAME = """
CREATE FUNCTION deployments_same_workspace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM catalog_environment e
                WHERE e.id = NEW.environment_id AND e.workspace_id <> NEW.workspace_id)
        OR EXISTS (SELECT 1 FROM work_item i
                    WHERE i.id = NEW.item_id AND i.workspace_id <> NEW.workspace_id)
        OR EXISTS (SELECT 1 FROM approvals_request r
                    WHERE r.id = NEW.approval_id AND r.workspace_id <> NEW.workspace_id)
        OR EXISTS (SELECT 1 FROM deployments_deployment d
                    WHERE d.id IN (NEW.previous_id, NEW.reverses_id)
                      AND (d.workspace_id, d.environment_id)
                          <> (NEW.workspace_id, NEW.environment_id)) THEN
        RAISE EXCEPTION 'a deployment points into another place'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER deployment_same_workspace
    BEFORE INSERT OR UPDATE OF item_id, approval_id, previous_id ON deployments_deployment
    FOR EACH ROW EXECUTE FUNCTION deployments_same_workspace();
CREATE FUNCTION deployments_part_same_workspace() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM deployments_deployment d, catalog_component c
                WHERE d.id = NEW.deployment_id AND c.id = NEW.component_id
                  AND c.workspace_id <> d.workspace_id) THEN
        RAISE EXCEPTION 'the component is of another workspace'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER deployment_part_same_workspace BEFORE INSERT ON deployments_deploymentcomponent
    FOR EACH ROW EXECUTE FUNCTION deployments_part_same_workspace();
"""
UNSAME = """
DROP TRIGGER deployment_part_same_workspace ON deployments_deploymentcomponent;
DROP FUNCTION deployments_part_same_workspace();
DROP TRIGGER deployment_same_workspace ON deployments_deployment;
DROP FUNCTION deployments_same_workspace();
"""


class Migration(migrations.Migration):
    dependencies = [("deployments", "0001_release_tables")]
    operations = [
        migrations.RunSQL(STAYS, UNSTAYS),
        migrations.RunSQL(CONSENT, UNCONSENT),
        migrations.RunSQL(SAME, UNSAME),
    ]
