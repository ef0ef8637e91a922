"""What the database holds to, whoever writes: what guards a mission moves by known steps, is
settled in Define, is of one workspace, and stays to be read."""

from django.db import migrations

STEPS = """
CREATE FUNCTION missions_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status
        AND NOT (OLD.status || '>' || NEW.status) = ANY (string_to_array(TG_ARGV[0], ' ')) THEN
        RAISE EXCEPTION '% does not move: % cannot become %', TG_TABLE_NAME, OLD.status, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION missions_first_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT NEW.status = ANY (string_to_array(TG_ARGV[0], ' ')) THEN
        RAISE EXCEPTION '% does not begin as %', TG_TABLE_NAME, NEW.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
UNSTEPS = "DROP FUNCTION missions_first_step(); DROP FUNCTION missions_steps();"

# table: (begins as, known steps)
MOVES = {
    "safeguard": (
        "suggested",
        "suggested>accepted suggested>edited suggested>rejected accepted>edited accepted>rejected "
        "edited>rejected rejected>accepted rejected>edited",
    ),
    "finding": (
        "noted open",
        "open>resolved open>excepted excepted>open excepted>resolved",
    ),
    "violation": ("open", "open>settled"),
    "override": (
        "requested",
        "requested>granted requested>denied granted>revoked granted>expired",
    ),
    "missiontoolkit": (
        "undecided",
        "undecided>approved undecided>dropped approved>undecided approved>dropped "
        "dropped>undecided",
    ),
    "toolkitconnection": (
        "initiated",
        "initiated>approved initiated>failed initiated>expired initiated>revoked "
        "approved>expired approved>revoked",
    ),
    "agentsession": (
        "active",
        "active>idle active>terminated idle>active idle>terminated terminated>active",
    ),
}
# table: what of a row never changes
KEPT = {
    "policytemplate": "uid, workspace_id, slug",
    "safeguard": "uid, mission_id, template_id, template_number, suggested_by, suggested_at",
    "finding": "uid, mission_id, external_id, episode, safeguard_id, violation_id, phase, stage, result, "
    "severity, message, step, toolkit, details, auto_fix_attempted, auto_fix_success, unhandled, "
    "found_at, reported_by, reported_at",
    "violation": "uid, mission_id, severity, paused, opened_at",
    "override": "uid, mission_id, kind, subject, finding_id, reason, requested_by, requested_at",
    "missiontoolkit": "uid, mission_id, integration_id, proposed_by, proposed_at",
    "toolkitconnection": "uid, toolkit_id, link_id, requested_scopes, initiated_by, initiated_at",
    "agentsession": "uid, mission_id, agent, opened_by",
}
# table: never written again
FIXED = ("templateversion", "safeguardack", "datainspection")


def _moves() -> tuple[str, str]:
    made, gone = [], []
    for table, (first, steps) in MOVES.items():
        made.append(
            f"CREATE TRIGGER mission_{table}_begins BEFORE INSERT ON missions_{table} "
            f"FOR EACH ROW EXECUTE FUNCTION missions_first_step('{first}');"
            f"CREATE TRIGGER mission_{table}_moves BEFORE UPDATE OF status ON missions_{table} "
            f"FOR EACH ROW EXECUTE FUNCTION missions_steps('{steps}');"
        )
        gone.append(
            f"DROP TRIGGER mission_{table}_moves ON missions_{table};"
            f"DROP TRIGGER mission_{table}_begins ON missions_{table};"
        )
    return "".join(made), "".join(gone)


def _kept() -> tuple[str, str]:
    made, gone = [], []
    for table, columns in KEPT.items():
        made.append(
            f"CREATE TRIGGER mission_{table}_stays BEFORE UPDATE OF {columns} "
            f"ON missions_{table} FOR EACH ROW EXECUTE FUNCTION missions_stays();"
        )
        gone.append(f"DROP TRIGGER mission_{table}_stays ON missions_{table};")
    for table in FIXED:
        made.append(
            f"CREATE TRIGGER mission_{table}_stays BEFORE UPDATE ON missions_{table} "
            "FOR EACH ROW EXECUTE FUNCTION missions_stays();"
        )
        gone.append(f"DROP TRIGGER mission_{table}_stays ON missions_{table};")
    for table in sorted({*KEPT, *FIXED} - {"agentsession"}):  # sessions go after their time
        made.append(
            f"CREATE TRIGGER mission_{table}_is_kept BEFORE DELETE ON missions_{table} "
            "FOR EACH ROW EXECUTE FUNCTION missions_stays();"
        )
        gone.append(f"DROP TRIGGER mission_{table}_is_kept ON missions_{table};")
    return "".join(made), "".join(gone)


DEFINE = """
CREATE FUNCTION missions_safeguard_in_define() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM missions_mission m WHERE m.id = NEW.mission_id
                    AND m.stage = 'define' AND m.status IN ('draft', 'active', 'paused')) THEN
        RAISE EXCEPTION 'safeguards are settled in Define' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_safeguard_in_define BEFORE INSERT OR UPDATE ON missions_safeguard
    FOR EACH ROW EXECUTE FUNCTION missions_safeguard_in_define();
CREATE FUNCTION missions_ack_begins() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_mission missions_mission;
BEGIN
    SELECT * INTO of_mission FROM missions_mission WHERE id = NEW.mission_id;
    IF of_mission.stage <> 'define' OR of_mission.status NOT IN ('active', 'paused') THEN
        RAISE EXCEPTION 'safeguards are acknowledged in Define'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.slot = 'gv' AND NEW.person_id = of_mission.owner_id THEN
        RAISE EXCEPTION 'the owner is no validator of the mission'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_safeguardack_begins BEFORE INSERT ON missions_safeguardack
    FOR EACH ROW EXECUTE FUNCTION missions_ack_begins();
"""
UNDEFINE = """
DROP TRIGGER mission_safeguardack_begins ON missions_safeguardack;
DROP FUNCTION missions_ack_begins();
DROP TRIGGER mission_safeguard_in_define ON missions_safeguard;
DROP FUNCTION missions_safeguard_in_define();
"""

VIOLATIONS = """
CREATE FUNCTION missions_violation_settles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'settled' AND EXISTS (
        SELECT 1 FROM missions_finding f WHERE f.violation_id = NEW.id AND f.status = 'open') THEN
        RAISE EXCEPTION 'a finding of the violation is open' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_violation_settles BEFORE UPDATE OF status ON missions_violation
    FOR EACH ROW EXECUTE FUNCTION missions_violation_settles();
CREATE FUNCTION missions_resumes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'paused' AND NEW.status = 'active' AND EXISTS (
        SELECT 1 FROM missions_violation v WHERE v.mission_id = NEW.id AND v.status = 'open') THEN
        RAISE EXCEPTION 'a violation of its safeguards is open'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_resumes BEFORE UPDATE OF status ON missions_mission
    FOR EACH ROW EXECUTE FUNCTION missions_resumes();
CREATE FUNCTION missions_finding_passes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'excepted' AND NOT EXISTS (
        SELECT 1 FROM missions_override o WHERE o.finding_id = NEW.id AND o.status = 'granted') THEN
        RAISE EXCEPTION 'nobody let this finding pass' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_finding_passes BEFORE UPDATE OF status ON missions_finding
    FOR EACH ROW EXECUTE FUNCTION missions_finding_passes();
"""
UNVIOLATIONS = """
DROP TRIGGER mission_finding_passes ON missions_finding;
DROP FUNCTION missions_finding_passes();
DROP TRIGGER mission_resumes ON missions_mission;
DROP FUNCTION missions_resumes();
DROP TRIGGER mission_violation_settles ON missions_violation;
DROP FUNCTION missions_violation_settles();
"""

# What is found again counts on from a time that was put right.
AGAIN = """
CREATE FUNCTION missions_finding_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM missions_finding f
                    WHERE f.mission_id = NEW.mission_id AND f.external_id = NEW.external_id
                      AND f.episode = NEW.episode - 1 AND f.status = 'resolved') THEN
        RAISE EXCEPTION 'it is found again once it was put right'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_finding_again BEFORE INSERT ON missions_finding
    FOR EACH ROW WHEN (NEW.episode > 1) EXECUTE FUNCTION missions_finding_again();
"""
UNAGAIN = """
DROP TRIGGER mission_finding_again ON missions_finding;
DROP FUNCTION missions_finding_again();
"""

CONNECTS = """
CREATE FUNCTION missions_connects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'approved' AND OLD.status <> 'approved' THEN
        IF NOT EXISTS (SELECT 1 FROM missions_missiontoolkit t
                        WHERE t.id = NEW.toolkit_id AND t.status = 'approved') THEN
            RAISE EXCEPTION 'its scopes are not approved' USING ERRCODE = 'restrict_violation';
        END IF;
        IF NOT EXISTS (SELECT 1 FROM missions_datainspection i
                        WHERE i.toolkit_id = NEW.toolkit_id AND i.read_only
                          AND i.result <> 'fail' AND i.inspected_at <= NEW.connected_at) THEN
            RAISE EXCEPTION 'it was not inspected first' USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_connects BEFORE UPDATE OF status ON missions_toolkitconnection
    FOR EACH ROW EXECUTE FUNCTION missions_connects();
"""
UNCONNECTS = """
DROP TRIGGER mission_connects ON missions_toolkitconnection;
DROP FUNCTION missions_connects();
"""

SAME = """
CREATE FUNCTION missions_guarding_same() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    theirs bigint;
    ours bigint;
BEGIN
    IF TG_TABLE_NAME = 'missions_safeguard' THEN
        SELECT workspace_id INTO theirs FROM missions_policytemplate WHERE id = NEW.template_id;
        SELECT workspace_id INTO ours FROM missions_mission WHERE id = NEW.mission_id;
    ELSIF TG_TABLE_NAME = 'missions_missiontoolkit' THEN
        SELECT workspace_id INTO theirs FROM catalog_integration WHERE id = NEW.integration_id;
        SELECT workspace_id INTO ours FROM missions_mission WHERE id = NEW.mission_id;
    ELSIF TG_TABLE_NAME = 'missions_override' THEN
        SELECT mission_id INTO theirs FROM missions_finding WHERE id = NEW.finding_id;
        ours := NEW.mission_id;
    ELSE
        SELECT mission_id INTO theirs FROM missions_safeguard WHERE id = NEW.safeguard_id;
        ours := NEW.mission_id;
        IF theirs IS NULL OR theirs = ours THEN
            SELECT mission_id INTO theirs FROM missions_violation WHERE id = NEW.violation_id;
        END IF;
    END IF;
    IF theirs <> ours THEN
        RAISE EXCEPTION '% names a row of another mission or workspace', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER mission_safeguard_same BEFORE INSERT ON missions_safeguard
    FOR EACH ROW EXECUTE FUNCTION missions_guarding_same();
CREATE TRIGGER mission_toolkit_same BEFORE INSERT ON missions_missiontoolkit
    FOR EACH ROW EXECUTE FUNCTION missions_guarding_same();
CREATE TRIGGER mission_override_same BEFORE INSERT ON missions_override
    FOR EACH ROW EXECUTE FUNCTION missions_guarding_same();
CREATE TRIGGER mission_finding_same BEFORE INSERT ON missions_finding
    FOR EACH ROW EXECUTE FUNCTION missions_guarding_same();
"""
UNSAME = """
DROP TRIGGER mission_finding_same ON missions_finding;
DROP TRIGGER mission_override_same ON missions_override;
DROP TRIGGER mission_toolkit_same ON missions_missiontoolkit;
DROP TRIGGER mission_safeguard_same ON missions_safeguard;
DROP FUNCTION missions_guarding_same();
"""


class Migration(migrations.Migration):
    dependencies = [("missions", "0004_guarding_tables")]
    operations = [
        migrations.RunSQL(STEPS, UNSTEPS),
        migrations.RunSQL(*_moves()),
        migrations.RunSQL(*_kept()),
        migrations.RunSQL(DEFINE, UNDEFINE),
        migrations.RunSQL(VIOLATIONS, UNVIOLATIONS),
        migrations.RunSQL(AGAIN, UNAGAIN),
        migrations.RunSQL(CONNECTS, UNCONNECTS),
        migrations.RunSQL(SAME, UNSAME),
    ]
