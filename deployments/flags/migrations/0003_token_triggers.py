from django.db import migrations

# A token that is made, changed or ended raises its environment's revision, and every process
# looks. That it was used is nothing to look at.
TOKENS = """
CREATE FUNCTION public.feature_flags_token_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    reached bigint[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(DISTINCT e) INTO reached
        FROM old_rows o JOIN new_rows n USING (id),
            unnest(ARRAY[o.environment_id, n.environment_id]) e
        WHERE (o.environment_id, o.name, o.kind, o.secret_sha256, o.expires_at, o.revoked_at)
            IS DISTINCT FROM
              (n.environment_id, n.name, n.kind, n.secret_sha256, n.expires_at, n.revoked_at);
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
CREATE TRIGGER flag_token_made AFTER INSERT ON public.feature_flags_sdktoken
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION public.feature_flags_token_changed();
CREATE TRIGGER flag_token_changed AFTER UPDATE ON public.feature_flags_sdktoken
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION public.feature_flags_token_changed();
CREATE TRIGGER flag_token_gone AFTER DELETE ON public.feature_flags_sdktoken
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION public.feature_flags_token_changed();
"""

NO_TOKENS = """
DROP TRIGGER flag_token_gone ON public.feature_flags_sdktoken;
DROP TRIGGER flag_token_changed ON public.feature_flags_sdktoken;
DROP TRIGGER flag_token_made ON public.feature_flags_sdktoken;
DROP FUNCTION public.feature_flags_token_changed();
"""


class Migration(migrations.Migration):
    dependencies = [("feature_flags", "0002_flag_triggers")]
    operations = [migrations.RunSQL(TOKENS, NO_TOKENS)]
