"""Who was on duty is not told anew: rotations and swaps stay as they were made, whoever writes.

Two versions of one layer never count at once, nor two swaps of one schedule. btree_gist is not
there everywhere, so keys stand in the constraints as ranges of one.
"""

from django.db import migrations

APART = """
ALTER TABLE oncall_layer ADD CONSTRAINT oncall_layer_one_at_a_time EXCLUDE USING gist (
    int8range(schedule_id, schedule_id, '[]') WITH &&,
    int4range(position, position, '[]') WITH &&,
    tstzrange(from_at, until_at) WITH &&
) WHERE (withdrawn_at IS NULL);
ALTER TABLE oncall_override ADD CONSTRAINT oncall_override_no_overlap EXCLUDE USING gist (
    int8range(schedule_id, schedule_id, '[]') WITH &&, tstzrange(starts, ends) WITH &&
) WHERE (cancelled_at IS NULL);
"""
TOGETHER = """
ALTER TABLE oncall_override DROP CONSTRAINT oncall_override_no_overlap;
ALTER TABLE oncall_layer DROP CONSTRAINT oncall_layer_one_at_a_time;
"""

STAYS = """
CREATE FUNCTION oncall_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% keeps what it says', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER oncall_schedule_is_kept BEFORE DELETE ON oncall_schedule
    FOR EACH ROW EXECUTE FUNCTION oncall_stays();
CREATE TRIGGER oncall_layer_is_kept BEFORE DELETE ON oncall_layer
    FOR EACH ROW EXECUTE FUNCTION oncall_stays();
CREATE TRIGGER oncall_layerperson_stays BEFORE UPDATE OR DELETE ON oncall_layerperson
    FOR EACH ROW EXECUTE FUNCTION oncall_stays();
CREATE TRIGGER oncall_override_is_kept BEFORE DELETE ON oncall_override
    FOR EACH ROW EXECUTE FUNCTION oncall_stays();
CREATE TRIGGER oncall_schedule_stays
    BEFORE UPDATE OF uid, workspace_id, slug, created_at ON oncall_schedule
    FOR EACH ROW WHEN ((OLD.uid, OLD.workspace_id, OLD.slug, OLD.created_at)
        IS DISTINCT FROM (NEW.uid, NEW.workspace_id, NEW.slug, NEW.created_at))
    EXECUTE FUNCTION oncall_stays();
CREATE TRIGGER oncall_layer_stays
    BEFORE UPDATE OF uid, schedule_id, position, turn, every, handoff_time, handoff_weekday,
        time_zone, starts_on, days, hours_from, hours_until, from_at, created_at, made_by_ref
    ON oncall_layer
    FOR EACH ROW EXECUTE FUNCTION oncall_stays();
CREATE TRIGGER oncall_override_stays
    BEFORE UPDATE OF uid, workspace_id, schedule_id, person_id, starts, reason, made_by_id,
        made_by_ref, created_at
    ON oncall_override
    FOR EACH ROW EXECUTE FUNCTION oncall_stays();
"""
UNSTAYS = """
DROP TRIGGER oncall_override_stays ON oncall_override;
DROP TRIGGER oncall_layer_stays ON oncall_layer;
DROP TRIGGER oncall_schedule_stays ON oncall_schedule;
DROP TRIGGER oncall_override_is_kept ON oncall_override;
DROP TRIGGER oncall_layerperson_stays ON oncall_layerperson;
DROP TRIGGER oncall_layer_is_kept ON oncall_layer;
DROP TRIGGER oncall_schedule_is_kept ON oncall_schedule;
DROP FUNCTION oncall_stays();
"""

# An end is moved to an earlier time, never to a later one; what was taken back stays so.
SHORTENS = """
CREATE FUNCTION oncall_layer_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.until_at IS NOT NULL AND (NEW.until_at IS NULL OR NEW.until_at > OLD.until_at)
        OR OLD.withdrawn_at IS NOT NULL AND NEW.withdrawn_at IS DISTINCT FROM OLD.withdrawn_at THEN
        RAISE EXCEPTION 'a rotation only ends earlier' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER oncall_layer_ends BEFORE UPDATE OF until_at, withdrawn_at ON oncall_layer
    FOR EACH ROW EXECUTE FUNCTION oncall_layer_ends();
CREATE FUNCTION oncall_override_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.ends > OLD.ends
        OR OLD.cancelled_at IS NOT NULL AND NEW.cancelled_at IS DISTINCT FROM OLD.cancelled_at THEN
        RAISE EXCEPTION 'a swap only ends earlier' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER oncall_override_ends BEFORE UPDATE OF ends, cancelled_at ON oncall_override
    FOR EACH ROW EXECUTE FUNCTION oncall_override_ends();
"""
UNSHORTENS = """
DROP TRIGGER oncall_override_ends ON oncall_override;
DROP FUNCTION oncall_override_ends();
DROP TRIGGER oncall_layer_ends ON oncall_layer;
DROP FUNCTION oncall_layer_ends();
"""

# A swap stands in its schedule's workspace.
STANDS = """
CREATE FUNCTION oncall_override_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM oncall_schedule s
                    WHERE s.id = NEW.schedule_id AND s.workspace_id = NEW.workspace_id) THEN
        RAISE EXCEPTION 'the schedule is of another workspace' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER oncall_override_stands BEFORE INSERT ON oncall_override
    FOR EACH ROW EXECUTE FUNCTION oncall_override_stands();
"""
UNSTANDS = """
DROP TRIGGER oncall_override_stands ON oncall_override;
DROP FUNCTION oncall_override_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("oncall", "0001_rotas")]
    operations = [
        migrations.RunSQL(APART, TOGETHER),
        migrations.RunSQL(STAYS, UNSTAYS),
        migrations.RunSQL(SHORTENS, UNSHORTENS),
        migrations.RunSQL(STANDS, UNSTANDS),
    ]
