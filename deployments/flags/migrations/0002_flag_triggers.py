"""What the database does about flags by itself, whoever writes.

- A change that an SDK could see raises the revision of each environment it reaches and tells
  whoever listens. Rows are taken in the order of their ids: two statements that reach the same
  environments never wait for each other in a circle.
- `UPDATE feature_flags SET enabled = false WHERE flag_name = '…'`, by hand, is a change like any
  other: counted, audited under the database's user, kept with the flag's changes, told. It is by
  hand when the version stays: services raise it in the same statement.
- An environment brings its row here along, and the state of each flag.

What is written on behalf of whoever may update a flag runs with the owner's rights: in an
emergency, the right to that one column must do. The search path of these ends with pg_temp, so
that no temporary table stands in for a real one.
"""

from django.db import migrations

REVISIONS = """
CREATE FUNCTION public.feature_flags_revise(ids bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM public.feature_flags_flagenvironment
        WHERE environment_id = ANY(ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE public.feature_flags_flagenvironment SET revision = revision + 1
        WHERE environment_id = ANY(ids);
END $$;

CREATE FUNCTION public.feature_flags_revise_workspaces(ids bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.feature_flags_revise(ARRAY(
        SELECT environment_id FROM public.feature_flags_flagenvironment
        WHERE workspace_id = ANY(ids)));
END $$;

CREATE FUNCTION public.feature_flags_tell() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.revision < OLD.revision THEN
        RAISE EXCEPTION 'the revision of flags only rises' USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM pg_notify('flags', NEW.environment_id || ':' || NEW.revision);
    RETURN NULL;
END $$;
CREATE TRIGGER flag_environment_tell AFTER UPDATE OF revision
    ON public.feature_flags_flagenvironment FOR EACH ROW
    WHEN (OLD.revision IS DISTINCT FROM NEW.revision)
    EXECUTE FUNCTION public.feature_flags_tell();

CREATE FUNCTION public.feature_flags_flag_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    reached bigint[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(DISTINCT w) INTO reached
        FROM old_rows o JOIN new_rows n USING (id), unnest(ARRAY[o.workspace_id, n.workspace_id]) w
        WHERE (o.workspace_id, o.flag_name, o.enabled, o.kind, o.value_type, o.off_value,
               o.on_value, o.impression_data, o.archived_at, o.description)
            IS DISTINCT FROM
              (n.workspace_id, n.flag_name, n.enabled, n.kind, n.value_type, n.off_value,
               n.on_value, n.impression_data, n.archived_at, n.description);
    ELSIF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT workspace_id) INTO reached FROM new_rows;
    ELSE
        SELECT array_agg(DISTINCT workspace_id) INTO reached FROM old_rows;
    END IF;
    IF reached IS NOT NULL THEN
        PERFORM public.feature_flags_revise_workspaces(reached);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER flag_made AFTER INSERT ON public.feature_flags
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION public.feature_flags_flag_changed();
CREATE TRIGGER flag_changed AFTER UPDATE ON public.feature_flags
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION public.feature_flags_flag_changed();
CREATE TRIGGER flag_gone AFTER DELETE ON public.feature_flags
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION public.feature_flags_flag_changed();

CREATE FUNCTION public.feature_flags_state_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    reached bigint[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(DISTINCT e) INTO reached
        FROM old_rows o JOIN new_rows n USING (id),
            unnest(ARRAY[o.environment_id, n.environment_id]) e
        WHERE (o.flag_id, o.environment_id, o.settings)
            IS DISTINCT FROM (n.flag_id, n.environment_id, n.settings);
    ELSIF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT environment_id) INTO reached FROM new_rows;
    ELSE
        SELECT array_agg(DISTINCT environment_id) INTO reached FROM old_rows;
    END IF;
    IF reached IS NOT NULL THEN
        PERFORM public.feature_flags_revise(reached);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER flag_state_made AFTER INSERT ON public.feature_flags_flagstate
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION public.feature_flags_state_changed();
CREATE TRIGGER flag_state_changed AFTER UPDATE ON public.feature_flags_flagstate
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION public.feature_flags_state_changed();
CREATE TRIGGER flag_state_gone AFTER DELETE ON public.feature_flags_flagstate
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION public.feature_flags_state_changed();

CREATE FUNCTION public.feature_flags_segment_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    reached bigint[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(DISTINCT w) INTO reached
        FROM old_rows o JOIN new_rows n USING (id), unnest(ARRAY[o.workspace_id, n.workspace_id]) w
        WHERE (o.workspace_id, o.slug, o.constraints)
            IS DISTINCT FROM (n.workspace_id, n.slug, n.constraints);
    ELSIF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT workspace_id) INTO reached FROM new_rows;
    ELSE
        SELECT array_agg(DISTINCT workspace_id) INTO reached FROM old_rows;
    END IF;
    IF reached IS NOT NULL THEN
        PERFORM public.feature_flags_revise_workspaces(reached);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER flag_segment_made AFTER INSERT ON public.feature_flags_segment
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION public.feature_flags_segment_changed();
CREATE TRIGGER flag_segment_changed AFTER UPDATE ON public.feature_flags_segment
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION public.feature_flags_segment_changed();
CREATE TRIGGER flag_segment_gone AFTER DELETE ON public.feature_flags_segment
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION public.feature_flags_segment_changed();
"""

NO_REVISIONS = """
DROP TRIGGER flag_segment_gone ON public.feature_flags_segment;
DROP TRIGGER flag_segment_changed ON public.feature_flags_segment;
DROP TRIGGER flag_segment_made ON public.feature_flags_segment;
DROP FUNCTION public.feature_flags_segment_changed();
DROP TRIGGER flag_state_gone ON public.feature_flags_flagstate;
DROP TRIGGER flag_state_changed ON public.feature_flags_flagstate;
DROP TRIGGER flag_state_made ON public.feature_flags_flagstate;
DROP FUNCTION public.feature_flags_state_changed();
DROP TRIGGER flag_gone ON public.feature_flags;
DROP TRIGGER flag_changed ON public.feature_flags;
DROP TRIGGER flag_made ON public.feature_flags;
DROP FUNCTION public.feature_flags_flag_changed();
DROP TRIGGER flag_environment_tell ON public.feature_flags_flagenvironment;
DROP FUNCTION public.feature_flags_tell();
DROP FUNCTION public.feature_flags_revise_workspaces(bigint[]);
DROP FUNCTION public.feature_flags_revise(bigint[]);
"""

# The outbox row makes the portal tell people; the signal is for the packages above.
BY_HAND = """
CREATE FUNCTION public.feature_flags_note(
    flag public.feature_flags, environment bigint, about text, action text,
    was jsonb, becomes jsonb, counted integer
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    change uuid := gen_random_uuid();
    who text := left('database:' || session_user, 80);
    told jsonb;
BEGIN
    INSERT INTO public.feature_flags_flagchange
        (uid, workspace_id, flag_id, environment_id, kind, before, after, reason, item,
         actor_ref, at, version, revision, undoes_id)
    VALUES (change, flag.workspace_id, flag.id, environment, 'sql', was, becomes, '', '',
            who, clock_timestamp(), counted, NULL, NULL);
    INSERT INTO public.audit_auditevent
        (uid, workspace_id, actor_kind, actor_ref, actor_label, action, subject_type,
         subject_ref, subject_label, outcome, reason, rule, before, after, details, source,
         request_id, correlation_id, address)
    VALUES (gen_random_uuid(), flag.workspace_id, 'service', who,
            left(session_user || ' in the database', 200), action, 'feature_flags.flag',
            'feature_flags.flag:' || flag.id, left(about, 200), 'done', '', '', was, becomes,
            jsonb_build_object(
                'change', change, 'by', 'sql', 'version', counted, 'role', current_setting('role'),
                'application', current_setting('application_name')),
            'system', '', '', coalesce(host(inet_client_addr()), ''));
    told := jsonb_build_object('change', change);
    INSERT INTO public.notify_outboxmessage
        (uid, workspace_id, topic, key, payload, subject, correlation_id, state, ready_at,
         lease_token, attempts, max_attempts, last_error, created_at, claimed_at, finished_at)
    VALUES (gen_random_uuid(), flag.workspace_id, 'flags.told', 'flag-change:' || change, told,
            'feature_flags.flag:' || flag.id, '', 'waiting', clock_timestamp(),
            NULL, 0, 8, '', clock_timestamp(), NULL, NULL);
    INSERT INTO public.base_signal
        (workspace_id, kind, key, payload, correlation_id, max_attempts, ready_at, state,
         attempts, last_error, created_at)
    VALUES (flag.workspace_id, 'flags.changed', change,
            told || jsonb_build_object('flag', flag.flag_name, 'kind', 'sql'), '', 8,
            '9999-01-01 00:00+00', 'waiting', 0, '', clock_timestamp());
END $$;

CREATE FUNCTION public.feature_flags_flag_by_hand() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    was jsonb;
    becomes jsonb;
    told text := 'flag.change';
BEGIN
    NEW.version := OLD.version + 1;
    NEW.changed_at := clock_timestamp();
    NEW.changed_by := left('database:' || session_user, 80);
    SELECT jsonb_object_agg(o.key, o.value), jsonb_object_agg(n.key, n.value) INTO was, becomes
    FROM jsonb_each(to_jsonb(OLD)) o JOIN jsonb_each(to_jsonb(NEW)) n USING (key)
    WHERE o.value IS DISTINCT FROM n.value AND key NOT IN ('version', 'changed_at', 'changed_by');
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
    WHEN (OLD.version = NEW.version AND (
        OLD.flag_name, OLD.enabled, OLD.kind, OLD.value_type, OLD.off_value, OLD.on_value,
        OLD.impression_data, OLD.archived_at
    ) IS DISTINCT FROM (
        NEW.flag_name, NEW.enabled, NEW.kind, NEW.value_type, NEW.off_value, NEW.on_value,
        NEW.impression_data, NEW.archived_at))
    EXECUTE FUNCTION public.feature_flags_flag_by_hand();

CREATE FUNCTION public.feature_flags_state_by_hand() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    flag public.feature_flags;
    place text;
BEGIN
    NEW.version := OLD.version + 1;
    NEW.changed_at := clock_timestamp();
    NEW.changed_by := left('database:' || session_user, 80);
    SELECT * INTO flag FROM public.feature_flags WHERE id = NEW.flag_id;
    SELECT name INTO place FROM public.catalog_environment WHERE id = NEW.environment_id;
    PERFORM public.feature_flags_note(
        flag, NEW.environment_id, flag.flag_name || ' in ' || place, 'flag.change',
        OLD.settings, NEW.settings, NEW.version);
    RETURN NEW;
END $$;
CREATE TRIGGER flag_state_by_hand BEFORE UPDATE ON public.feature_flags_flagstate FOR EACH ROW
    WHEN (OLD.version = NEW.version AND OLD.settings IS DISTINCT FROM NEW.settings)
    EXECUTE FUNCTION public.feature_flags_state_by_hand();
"""

NOT_BY_HAND = """
DROP TRIGGER flag_state_by_hand ON public.feature_flags_flagstate;
DROP FUNCTION public.feature_flags_state_by_hand();
DROP TRIGGER flag_by_hand ON public.feature_flags;
DROP FUNCTION public.feature_flags_flag_by_hand();
DROP FUNCTION public.feature_flags_note(
    public.feature_flags, bigint, text, text, jsonb, jsonb, integer);
"""

ENVIRONMENTS = """
CREATE FUNCTION public.feature_flags_environment_made() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.feature_flags_flagenvironment
        (workspace_id, environment_id, revision, needs_approval, version)
    VALUES (NEW.workspace_id, NEW.id, 1, false, 1);
    INSERT INTO public.feature_flags_flagstate
        (uid, workspace_id, flag_id, environment_id, settings, changed_at, changed_by, version)
    SELECT gen_random_uuid(), workspace_id, id, NEW.id,
        '{"on": false, "allow": [], "deny": [], "rules": [], "variants": [], "requires": []}',
        clock_timestamp(), '', 1
    FROM public.feature_flags WHERE workspace_id = NEW.workspace_id;
    RETURN NULL;
END $$;
CREATE TRIGGER flag_environment_made AFTER INSERT ON public.catalog_environment FOR EACH ROW
    EXECUTE FUNCTION public.feature_flags_environment_made();
INSERT INTO public.feature_flags_flagenvironment
    (workspace_id, environment_id, revision, needs_approval, version)
    SELECT workspace_id, id, 1, false, 1 FROM public.catalog_environment ORDER BY id;
"""

NO_ENVIRONMENTS = """
DROP TRIGGER flag_environment_made ON public.catalog_environment;
DROP FUNCTION public.feature_flags_environment_made();
DELETE FROM public.feature_flags_flagenvironment;
"""

HISTORY = """
CREATE FUNCTION public.feature_flags_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: changes of flags are only added', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER flag_change_stays BEFORE UPDATE OR DELETE ON public.feature_flags_flagchange
    FOR EACH ROW EXECUTE FUNCTION public.feature_flags_stays();
CREATE TRIGGER flag_change_not_truncated BEFORE TRUNCATE ON public.feature_flags_flagchange
    FOR EACH STATEMENT EXECUTE FUNCTION public.feature_flags_stays();
"""

NO_HISTORY = """
DROP TRIGGER flag_change_not_truncated ON public.feature_flags_flagchange;
DROP TRIGGER flag_change_stays ON public.feature_flags_flagchange;
DROP FUNCTION public.feature_flags_stays();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("feature_flags", "0001_flag_tables"),
        ("audit", "0002_guards"),
        ("base", "0001_base_tables"),
        ("notify", "0001_outbox_and_channels"),
        ("catalog", "0001_entries_and_probes"),
    ]
    operations = [
        migrations.RunSQL(REVISIONS, NO_REVISIONS),
        migrations.RunSQL(BY_HAND, NOT_BY_HAND),
        migrations.RunSQL(ENVIRONMENTS, NO_ENVIRONMENTS),
        migrations.RunSQL(HISTORY, NO_HISTORY),
    ]
