"""What the database holds to, whoever writes: what was received, happened and was called stays; a
policy's version never changes; an alert that is over stays over; an incident's name stays."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION incidents_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: it is history', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER inbound_stays
    BEFORE UPDATE OF workspace_id, source_id, form, content_type, headers, body, size, digest
    ON incidents_inboundevent FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER policyversion_stays BEFORE UPDATE
    ON incidents_policyversion FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER page_stays
    BEFORE DELETE OR UPDATE OF uid, workspace_id, run_id, incident_id, step, round, target,
        user_id, channel_id, contact_id, created_at
    ON incidents_page FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER run_stays
    BEFORE DELETE OR UPDATE OF uid, workspace_id, incident_id, policy_id, why, started_at
    ON incidents_escalationrun FOR EACH ROW EXECUTE FUNCTION incidents_stays();
CREATE TRIGGER incident_stays BEFORE DELETE OR UPDATE OF uid, workspace_id, ref, origin, created_by
    ON incidents_incident FOR EACH ROW EXECUTE FUNCTION incidents_stays();

-- What the message was that it came with is forgotten when that is; nothing else ever changes.
CREATE FUNCTION incidents_event_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.inbound_id IS NULL
        AND to_jsonb(NEW) - 'inbound_id' = to_jsonb(OLD) - 'inbound_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what happened to an alert stays' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER alertevent_stays BEFORE UPDATE
    ON incidents_alertevent FOR EACH ROW EXECUTE FUNCTION incidents_event_stays();

CREATE FUNCTION incidents_alert_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'resolved' AND NEW.status <> 'resolved' THEN
        RAISE EXCEPTION 'an alert that is over fires as another one'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER alert_moves BEFORE UPDATE OF status
    ON incidents_alert FOR EACH ROW EXECUTE FUNCTION incidents_alert_moves();
CREATE TRIGGER alert_stays BEFORE UPDATE OF uid, workspace_id, source_id, dedup_key, first_at
    ON incidents_alert FOR EACH ROW EXECUTE FUNCTION incidents_stays();

-- An escalation that ended never calls again; another one begins.
CREATE FUNCTION incidents_run_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'running' AND NEW.status = 'running' THEN
        RAISE EXCEPTION 'an escalation that ended stays ended'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER run_moves BEFORE UPDATE OF status
    ON incidents_escalationrun FOR EACH ROW EXECUTE FUNCTION incidents_run_moves();

-- An alert that is said again stays on its page. A sender repeats all that fires each few minutes,
-- and where the page has no room each repeat is written into every index of the table.
ALTER TABLE incidents_alert SET (fillfactor = 45);
"""

BACKWARD = """
ALTER TABLE incidents_alert RESET (fillfactor);
DROP TRIGGER run_moves ON incidents_escalationrun;
DROP TRIGGER alert_stays ON incidents_alert;
DROP TRIGGER alert_moves ON incidents_alert;
DROP TRIGGER alertevent_stays ON incidents_alertevent;
DROP TRIGGER incident_stays ON incidents_incident;
DROP TRIGGER run_stays ON incidents_escalationrun;
DROP TRIGGER page_stays ON incidents_page;
DROP TRIGGER policyversion_stays ON incidents_policyversion;
DROP TRIGGER inbound_stays ON incidents_inboundevent;
DROP FUNCTION incidents_run_moves();
DROP FUNCTION incidents_alert_moves();
DROP FUNCTION incidents_event_stays();
DROP FUNCTION incidents_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_incident_tables")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
