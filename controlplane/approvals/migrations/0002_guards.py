"""History that cannot be rewritten, and a quorum that cannot be talked past: the database holds
to it whoever writes, the portal's own role included."""

from django.db import migrations

# The hash proves itself: no row says it was of another text.
HASH = """
ALTER TABLE approvals_request ADD CONSTRAINT approval_packet_hash
    CHECK (sha256 = encode(sha256(convert_to(packet_text, 'UTF8')), 'hex'));
"""
UNHASH = "ALTER TABLE approvals_request DROP CONSTRAINT approval_packet_hash;"

STAYS = """
CREATE FUNCTION approvals_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER approvals_decision_stays BEFORE UPDATE OR DELETE ON approvals_decision
    FOR EACH ROW EXECUTE FUNCTION approvals_stays();
CREATE TRIGGER approvals_decision_is_kept BEFORE TRUNCATE ON approvals_decision
    FOR EACH STATEMENT EXECUTE FUNCTION approvals_stays();
CREATE TRIGGER approvals_request_is_kept BEFORE DELETE ON approvals_request
    FOR EACH ROW EXECUTE FUNCTION approvals_stays();
CREATE TRIGGER approvals_requestslot_is_kept BEFORE DELETE ON approvals_requestslot
    FOR EACH ROW EXECUTE FUNCTION approvals_stays();
CREATE TRIGGER approvals_delegation_is_kept BEFORE DELETE ON approvals_delegation
    FOR EACH ROW EXECUTE FUNCTION approvals_stays();
CREATE TRIGGER approvals_request_stays
    BEFORE UPDATE OF uid, workspace_id, number, policy_id, policy_snapshot, owner, subject, title,
        packet_text, sha256, question, revision, supersedes_id, requested_by_id,
        requested_by_ref, requested_by_name, producers, requested_at, asked_at, due_at, expires_at
    ON approvals_request
    FOR EACH ROW EXECUTE FUNCTION approvals_stays();
CREATE TRIGGER approvals_requestslot_stays
    BEFORE UPDATE OF request_id, position, slug, title, roles, needed, requester_may
    ON approvals_requestslot
    FOR EACH ROW EXECUTE FUNCTION approvals_stays();
CREATE TRIGGER approvals_delegation_stays
    BEFORE UPDATE OF uid, workspace_id, from_user_id, to_user_id, request_id, role, reason,
        starts, until, created_at
    ON approvals_delegation
    FOR EACH ROW EXECUTE FUNCTION approvals_stays();
"""
UNSTAYS = """
DROP TRIGGER approvals_delegation_stays ON approvals_delegation;
DROP TRIGGER approvals_requestslot_stays ON approvals_requestslot;
DROP TRIGGER approvals_request_stays ON approvals_request;
DROP TRIGGER approvals_delegation_is_kept ON approvals_delegation;
DROP TRIGGER approvals_requestslot_is_kept ON approvals_requestslot;
DROP TRIGGER approvals_request_is_kept ON approvals_request;
DROP TRIGGER approvals_decision_is_kept ON approvals_decision;
DROP TRIGGER approvals_decision_stays ON approvals_decision;
DROP FUNCTION approvals_stays();
"""

# A signature is of an open request, of its very packet, in a slot of its own that is not full.
SIGNS = """
CREATE FUNCTION approvals_signs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked record;
BEGIN
    SELECT r.status, r.sha256, r.workspace_id, r.producers, s.request_id, s.needed
      INTO asked
      FROM approvals_request r, approvals_requestslot s
     WHERE r.id = NEW.request_id AND s.id = NEW.slot_id;
    IF asked IS NULL OR asked.request_id <> NEW.request_id
        OR asked.workspace_id <> NEW.workspace_id THEN
        RAISE EXCEPTION 'the slot is of another request' USING ERRCODE = 'restrict_violation';
    ELSIF asked.status <> 'open' THEN
        RAISE EXCEPTION 'the request is %', asked.status USING ERRCODE = 'restrict_violation';
    ELSIF asked.sha256 <> NEW.sha256 THEN
        RAISE EXCEPTION 'another packet was signed' USING ERRCODE = 'restrict_violation';
    ELSIF NEW.instance < 1 OR NEW.instance > asked.needed THEN
        RAISE EXCEPTION 'the slot has no such place' USING ERRCODE = 'restrict_violation';
    ELSIF ('user:' || NEW.person_id) = ANY (asked.producers) THEN
        RAISE EXCEPTION 'the producer signs nothing' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_decision_signs BEFORE INSERT ON approvals_decision
    FOR EACH ROW EXECUTE FUNCTION approvals_signs();
"""
UNSIGNS = """
DROP TRIGGER approvals_decision_signs ON approvals_decision;
DROP FUNCTION approvals_signs();
"""

# A request begins open and says nothing of an end; its slots begin empty, and with it.
BEGINS = """
CREATE FUNCTION approvals_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'open' OR NEW.decided_at IS NOT NULL OR NEW.closed_at IS NOT NULL
        OR NEW.reason <> '' THEN
        RAISE EXCEPTION 'a request begins open' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_request_begins BEFORE INSERT ON approvals_request
    FOR EACH ROW EXECUTE FUNCTION approvals_begins();
CREATE FUNCTION approvals_slot_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.signed <> 0 THEN
        RAISE EXCEPTION 'a slot begins empty' USING ERRCODE = 'restrict_violation';
    ELSIF NOT EXISTS (
        SELECT 1 FROM approvals_request r WHERE r.id = NEW.request_id AND r.status = 'open') THEN
        RAISE EXCEPTION 'the request is not open' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_requestslot_begins BEFORE INSERT ON approvals_requestslot
    FOR EACH ROW EXECUTE FUNCTION approvals_slot_begins();
"""
UNBEGINS = """
DROP TRIGGER approvals_requestslot_begins ON approvals_requestslot;
DROP FUNCTION approvals_slot_begins();
DROP TRIGGER approvals_request_begins ON approvals_request;
DROP FUNCTION approvals_begins();
"""

# When it ended, and by whose answer, is not told anew. Why may change with the state alone: an
# approval that becomes void says why it did.
ENDS = """
CREATE FUNCTION approvals_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'open' AND NEW.status = 'open' AND NEW.reason <> '' THEN
        RAISE EXCEPTION 'an open request has no end' USING ERRCODE = 'restrict_violation';
    ELSIF OLD.status <> 'open' AND (
        NEW.decided_at IS DISTINCT FROM OLD.decided_at
        OR NEW.closed_at IS DISTINCT FROM OLD.closed_at
        OR (NEW.reason IS DISTINCT FROM OLD.reason AND NEW.status = OLD.status)) THEN
        RAISE EXCEPTION 'how it ended is append-only' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_request_outcome BEFORE UPDATE OF status, decided_at, closed_at, reason
    ON approvals_request
    FOR EACH ROW EXECUTE FUNCTION approvals_outcome();
"""
UNENDS = """
DROP TRIGGER approvals_request_outcome ON approvals_request;
DROP FUNCTION approvals_outcome();
"""

# What ended stays ended, and nothing is approved without its signatures.
MOVES = """
CREATE FUNCTION approvals_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lacking integer;
BEGIN
    IF NOT (OLD.status = 'open'
        OR (OLD.status = 'approved' AND NEW.status IN ('void', 'superseded'))
        OR (OLD.status IN ('rejected', 'changes_requested', 'expired')
            AND NEW.status = 'superseded')) THEN
        RAISE EXCEPTION '% cannot become %', OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status = 'approved' THEN
        SELECT count(*) INTO lacking
          FROM approvals_requestslot s
         WHERE s.request_id = NEW.id AND s.needed <> (
            SELECT count(*) FROM approvals_decision d
             WHERE d.slot_id = s.id AND d.verdict = 'approved');
        IF lacking > 0 OR NOT EXISTS (
            SELECT 1 FROM approvals_requestslot s WHERE s.request_id = NEW.id) THEN
            RAISE EXCEPTION 'signatures are missing' USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_request_moves BEFORE UPDATE OF status ON approvals_request
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION approvals_moves();
"""
UNMOVES = """
DROP TRIGGER approvals_request_moves ON approvals_request;
DROP FUNCTION approvals_moves();
"""

# The playbook's own table, for those who read it by SQL: a row for every signature that is
# wanted, with who gave it. The kernel knows nothing of missions; a packet names its own.
VIEW = """
CREATE VIEW mission_approvals AS
SELECT
    r.uid AS id,
    r.workspace_id,
    'APR-' || r.number AS ref,
    r.packet_text::jsonb ->> 'mission' AS mission,
    r.packet_text::jsonb ->> 'mission_play' AS mission_play,
    r.policy_snapshot ->> 'slug' AS checkpoint,
    s.slug AS slot,
    place.instance,
    d.person_id AS approver_id,
    COALESCE(NULLIF(d.as_role, ''), lent.role, array_to_string(s.roles, ',')) AS approver_role,
    CASE
        WHEN r.status IN ('void', 'superseded', 'withdrawn') THEN r.status
        WHEN d.verdict IS NOT NULL THEN d.verdict
        WHEN r.status <> 'open' THEN r.status
        WHEN lent.request_id IS NOT NULL THEN 'delegated'
        ELSE 'requested'
    END AS status,
    d.comment AS rationale,
    r.requested_at,
    r.due_at,
    d.decided_at AS decision_at,
    r.packet_text::jsonb -> 'undo_plan' AS undo_plan,
    r.sha256 AS packet_hash,
    jsonb_build_object(
        'title', r.title,
        'owner', r.owner,
        'subject', r.subject,
        'revision', r.revision,
        'question', r.question,
        'request_status', r.status,
        'summary', r.packet_text::jsonb -> 'summary',
        'delegated_from', d.delegated_from_id
    ) AS metadata
FROM approvals_request r
JOIN approvals_requestslot s ON s.request_id = r.id
CROSS JOIN LATERAL generate_series(1, s.needed) AS place (instance)
LEFT JOIN approvals_decision d ON d.slot_id = s.id AND d.instance = place.instance
LEFT JOIN LATERAL (
    SELECT g.request_id, NULLIF(g.role, '') AS role
      FROM approvals_delegation g
     WHERE g.request_id = r.id AND g.ended_at IS NULL AND d.id IS NULL
       AND (g.role = '' OR g.role = ANY (s.roles))
     ORDER BY g.id DESC LIMIT 1
) AS lent ON true;
"""
UNVIEW = "DROP VIEW mission_approvals;"


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_requests")]
    operations = [
        migrations.RunSQL(HASH, UNHASH),
        migrations.RunSQL(STAYS, UNSTAYS),
        migrations.RunSQL(SIGNS, UNSIGNS),
        migrations.RunSQL(BEGINS, UNBEGINS),
        migrations.RunSQL(ENDS, UNENDS),
        migrations.RunSQL(MOVES, UNMOVES),
        migrations.RunSQL(VIEW, UNVIEW),
    ]
