"""Rows of `feature_flags` written by hand, whole.

Any column that changes while the version stays is a change by hand: counted and kept. Only
`stale_since` and `cleanup_id` are not: marks that the portal sets each night and puts right itself.

A row that comes by hand gets its state in each environment, off, and the beginning of its history,
when its transaction commits. Services have written both by then; so it is told whether they did.
"""

from django.db import migrations

UPDATED = """
DROP TRIGGER flag_by_hand ON public.feature_flags;
CREATE OR REPLACE FUNCTION public.feature_flags_flag_by_hand() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    was jsonb;
    becomes jsonb;
    told text := 'flag.change';
BEGIN
    -- Keys are spelled as services spell them, so that such a change is undone like any other.
    SELECT jsonb_object_agg(name, o.value), jsonb_object_agg(name, n.value) INTO was, becomes
    FROM jsonb_each(to_jsonb(OLD)) o JOIN jsonb_each(to_jsonb(NEW)) n USING (key),
        LATERAL (SELECT CASE key WHEN 'owner_id' THEN 'owner' WHEN 'item_id' THEN 'item'
                        ELSE key END AS name) spelled
    WHERE o.value IS DISTINCT FROM n.value;
    NEW.version := OLD.version + 1;
    NEW.changed_at := clock_timestamp();
    NEW.changed_by := left('database:' || session_user, 80);
    IF OLD.enabled AND NOT NEW.enabled THEN
        told := 'flag.kill';
    ELSIF NEW.enabled AND NOT OLD.enabled THEN
        told := 'flag.enable';
    END IF;
    PERFORM public.feature_flags_note(
        NEW, NULL, NEW.flag_name, told, was, becomes, NEW.version);
    RETURN NEW;
END $$;
CREATE TRIGGER flag_by_hand BEFORE UPDATE ON public.feature_flags FOR EACH ROW
    WHEN (OLD.version = NEW.version AND
        to_jsonb(OLD) - ARRAY['stale_since', 'cleanup_id']
            IS DISTINCT FROM to_jsonb(NEW) - ARRAY['stale_since', 'cleanup_id'])
    EXECUTE FUNCTION public.feature_flags_flag_by_hand();
"""

NOT_UPDATED = """
DROP TRIGGER flag_by_hand ON public.feature_flags;
CREATE TRIGGER flag_by_hand BEFORE UPDATE ON public.feature_flags FOR EACH ROW
    WHEN (OLD.version = NEW.version AND (
        OLD.flag_name, OLD.enabled, OLD.kind, OLD.value_type, OLD.off_value, OLD.on_value,
        OLD.impression_data, OLD.archived_at
    ) IS DISTINCT FROM (
        NEW.flag_name, NEW.enabled, NEW.kind, NEW.value_type, NEW.off_value, NEW.on_value,
        NEW.impression_data, NEW.archived_at))
    EXECUTE FUNCTION public.feature_flags_flag_by_hand();
"""

INSERTED = """
CREATE FUNCTION public.feature_flags_flag_come() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    flag public.feature_flags;
BEGIN
    SELECT * INTO flag FROM public.feature_flags WHERE id = NEW.id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO public.feature_flags_flagstate
        (uid, workspace_id, flag_id, environment_id, settings, changed_at, changed_by, version)
    SELECT gen_random_uuid(), flag.workspace_id, flag.id, e.id,
        '{"on": false, "allow": [], "deny": [], "rules": [], "variants": [], "requires": []}',
        clock_timestamp(), left('database:' || session_user, 80), 1
    FROM public.catalog_environment e
    WHERE e.workspace_id = flag.workspace_id
        AND NOT EXISTS (SELECT FROM public.feature_flags_flagstate s
                        WHERE s.flag_id = flag.id AND s.environment_id = e.id)
    ORDER BY e.id
    ON CONFLICT (flag_id, environment_id) DO NOTHING;
    IF NOT EXISTS (SELECT FROM public.feature_flags_flagchange c WHERE c.flag_id = flag.id
                   AND c.environment_id IS NULL AND c.before IS NULL) THEN
        PERFORM public.feature_flags_note(
            flag, NULL, flag.flag_name, 'flag.create', NULL,
            to_jsonb(NEW) - ARRAY['id', 'uid', 'workspace_id', 'created_at', 'created_by',
                                  'changed_at', 'changed_by', 'version'],
            NEW.version);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER flag_come AFTER INSERT ON public.feature_flags
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.feature_flags_flag_come();
"""

NOT_INSERTED = """
DROP TRIGGER flag_come ON public.feature_flags;
DROP FUNCTION public.feature_flags_flag_come();
"""


class Migration(migrations.Migration):
    dependencies = [("feature_flags", "0003_token_triggers")]
    operations = [
        migrations.RunSQL(UPDATED, NOT_UPDATED),
        migrations.RunSQL(INSERTED, NOT_INSERTED),
    ]
