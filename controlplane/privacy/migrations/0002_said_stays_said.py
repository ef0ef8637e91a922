"""What the database holds to, whoever writes: a published policy stays as people read it, what was
said is about whom it was about, and a request that is closed stays closed."""

from django.db import migrations

STAYS = """
CREATE FUNCTION privacy_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: what was said stays as it was', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER privacy_policy_stays BEFORE UPDATE OR DELETE ON privacy_privacypolicy
    FOR EACH ROW EXECUTE FUNCTION privacy_stays();
CREATE TRIGGER privacy_consent_stays BEFORE UPDATE OF uid, policy_id, user_id, answer, said_at, door, evidence
    ON privacy_consent
    FOR EACH ROW EXECUTE FUNCTION privacy_stays();
CREATE TRIGGER privacy_deletion_stays
    BEFORE UPDATE OF uid, workspace_id, person_id, asked_by, asked_at, due_at
    ON privacy_deletionrequest
    FOR EACH ROW EXECUTE FUNCTION privacy_stays();
CREATE TRIGGER privacy_deletion_closed BEFORE UPDATE ON privacy_deletionrequest
    FOR EACH ROW WHEN (OLD.status IN ('done', 'cancelled'))
    EXECUTE FUNCTION privacy_stays();
CREATE TRIGGER privacy_deletion_is_kept BEFORE DELETE ON privacy_deletionrequest
    FOR EACH ROW EXECUTE FUNCTION privacy_stays();
"""
GOES = """
DROP TRIGGER privacy_deletion_is_kept ON privacy_deletionrequest;
DROP TRIGGER privacy_deletion_closed ON privacy_deletionrequest;
DROP TRIGGER privacy_deletion_stays ON privacy_deletionrequest;
DROP TRIGGER privacy_consent_stays ON privacy_consent;
DROP TRIGGER privacy_policy_stays ON privacy_privacypolicy;
DROP FUNCTION privacy_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("privacy", "0001_what_people_are_told_and_ask")]
    operations = [migrations.RunSQL(STAYS, GOES)]
