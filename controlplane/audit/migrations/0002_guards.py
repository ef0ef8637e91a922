"""The rules the database itself keeps, whoever connects.

All triggers are ENABLE ALWAYS, so that `session_replication_role = replica` does not pass them.
The functions have a fixed search path that ends with pg_temp: a caller's temporary table must
not stand in for a real one.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION public.audit_event_stamp() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.at := clock_timestamp();
    NEW.form := 1;
    NEW.leaf := sha256(convert_to(json_build_array(
        NEW.form, NEW.id, NEW.uid, (extract(epoch FROM NEW.at) * 1000000)::bigint,
        NEW.workspace_id, NEW.actor_kind, NEW.actor_ref, NEW.actor_label, NEW.action,
        NEW.subject_type, NEW.subject_ref, NEW.subject_label, NEW.outcome, NEW.reason, NEW.rule,
        NEW.before, NEW.after, NEW.details, NEW.source, NEW.request_id, NEW.correlation_id,
        NEW.address)::text, 'UTF8'));
    RETURN NEW;
END $$;

-- SECURITY DEFINER: the application may add events but not touch the list of waiting ones.
CREATE FUNCTION public.audit_event_enqueue() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.audit_auditpending (event_id) VALUES (NEW.id);
    RETURN NULL;
END $$;

CREATE FUNCTION public.audit_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the audit log can only be added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

-- A row leaves after its year, and only when the chain of seals says so.
CREATE FUNCTION public.audit_event_leave() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF OLD.at < clock_timestamp() - interval '365 days' AND EXISTS (
        SELECT FROM public.audit_auditseal s WHERE s.kind = 'prune' AND s.ids @> OLD.id
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'DELETE on % is refused: the audit log can only be added to', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_stamp BEFORE INSERT ON public.audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_stamp();
CREATE TRIGGER audit_enqueue AFTER INSERT ON public.audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_enqueue();
CREATE TRIGGER audit_no_update BEFORE UPDATE ON public.audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse();
CREATE TRIGGER audit_no_delete BEFORE DELETE ON public.audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION public.audit_event_leave();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.audit_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();
CREATE TRIGGER seal_no_change BEFORE UPDATE OR DELETE ON public.audit_auditseal
    FOR EACH ROW EXECUTE FUNCTION public.audit_refuse();
CREATE TRIGGER seal_no_truncate BEFORE TRUNCATE ON public.audit_auditseal
    FOR EACH STATEMENT EXECUTE FUNCTION public.audit_refuse();

ALTER TABLE public.audit_auditevent ENABLE ALWAYS TRIGGER audit_stamp;
ALTER TABLE public.audit_auditevent ENABLE ALWAYS TRIGGER audit_enqueue;
ALTER TABLE public.audit_auditevent ENABLE ALWAYS TRIGGER audit_no_update;
ALTER TABLE public.audit_auditevent ENABLE ALWAYS TRIGGER audit_no_delete;
ALTER TABLE public.audit_auditevent ENABLE ALWAYS TRIGGER audit_no_truncate;
ALTER TABLE public.audit_auditseal ENABLE ALWAYS TRIGGER seal_no_change;
ALTER TABLE public.audit_auditseal ENABLE ALWAYS TRIGGER seal_no_truncate;

REVOKE EXECUTE ON FUNCTION public.audit_event_stamp(), public.audit_event_enqueue(),
    public.audit_refuse(), public.audit_event_leave() FROM PUBLIC;

-- Sealed prunes are few; this keeps asking them cheap.
CREATE INDEX audit_prunes ON public.audit_auditseal (n) WHERE kind = 'prune';
-- Rows arrive nearly in the order of time: a block index serves "since" at almost no cost.
CREATE INDEX audit_at ON public.audit_auditevent USING brin (at) WITH (pages_per_range = 32);
-- What people look for first is what was not done.
CREATE INDEX audit_refused ON public.audit_auditevent (workspace_id, id) WHERE outcome <> 'done';
"""

REVERSE = """
DROP INDEX IF EXISTS public.audit_refused, public.audit_at, public.audit_prunes;
DROP TRIGGER seal_no_truncate ON public.audit_auditseal;
DROP TRIGGER seal_no_change ON public.audit_auditseal;
DROP TRIGGER audit_no_truncate ON public.audit_auditevent;
DROP TRIGGER audit_no_delete ON public.audit_auditevent;
DROP TRIGGER audit_no_update ON public.audit_auditevent;
DROP TRIGGER audit_enqueue ON public.audit_auditevent;
DROP TRIGGER audit_stamp ON public.audit_auditevent;
DROP FUNCTION public.audit_event_leave();
DROP FUNCTION public.audit_refuse();
DROP FUNCTION public.audit_event_enqueue();
DROP FUNCTION public.audit_event_stamp();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_audit_log")]
    operations = [migrations.RunSQL(FORWARD, REVERSE)]
