"""Comments, whom a machine asks for, and how fresh a second factor must be."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import controlplane.lib.clock
import controlplane.lib.ids

# Open questions of machines: whose they are was read from nowhere until now.
BEHIND = """
UPDATE approvals_request r SET behind = ARRAY[a.owner_id]
  FROM access_agent a
 WHERE r.status = 'open' AND a.owner_id IS NOT NULL AND r.requested_by_ref = 'agent:' || a.id;
"""
# What a workspace has changed stays as it made it.
FRESH = """
UPDATE approvals_policy SET fresh_factor_minutes = 15
 WHERE slug IN ('hotfix', 'production_push') AND version = 1;
"""

COMMENTS = """
CREATE TRIGGER approvals_comment_stays BEFORE UPDATE OR DELETE ON approvals_requestcomment
    FOR EACH ROW EXECUTE FUNCTION approvals_stays();
CREATE TRIGGER approvals_comment_is_kept BEFORE TRUNCATE ON approvals_requestcomment
    FOR EACH STATEMENT EXECUTE FUNCTION approvals_stays();
CREATE FUNCTION approvals_comments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM approvals_request r WHERE r.id = NEW.request_id
           AND r.workspace_id = NEW.workspace_id AND r.question = NEW.question) THEN
        RAISE EXCEPTION 'the comment is of another request' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_comment_belongs BEFORE INSERT ON approvals_requestcomment
    FOR EACH ROW EXECUTE FUNCTION approvals_comments();
"""
NO_COMMENTS = """
DROP TRIGGER approvals_comment_belongs ON approvals_requestcomment;
DROP FUNCTION approvals_comments();
DROP TRIGGER approvals_comment_is_kept ON approvals_requestcomment;
DROP TRIGGER approvals_comment_stays ON approvals_requestcomment;
"""

# Whose machines asked is part of what was asked, and who asked signs only where the slot says so.
BEHIND_STAYS = """
CREATE TRIGGER approvals_request_behind_stays BEFORE UPDATE OF behind ON approvals_request
    FOR EACH ROW EXECUTE FUNCTION approvals_stays();
CREATE FUNCTION approvals_requester() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked bigint[];
    may boolean;
BEGIN
    SELECT r.behind || r.requested_by_id, s.requester_may INTO asked, may
      FROM approvals_request r, approvals_requestslot s
     WHERE r.id = NEW.request_id AND s.id = NEW.slot_id;
    IF NOT may AND (NEW.person_id = ANY (asked) OR NEW.delegated_from_id = ANY (asked)) THEN
        RAISE EXCEPTION 'whoever asked does not sign here' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_decision_requester BEFORE INSERT ON approvals_decision
    FOR EACH ROW EXECUTE FUNCTION approvals_requester();
"""
NO_BEHIND_STAYS = """
DROP TRIGGER approvals_decision_requester ON approvals_decision;
DROP FUNCTION approvals_requester();
DROP TRIGGER approvals_request_behind_stays ON approvals_request;
"""

# No request is refused or sent back without somebody's signature that says so.
REFUSED = """
CREATE FUNCTION approvals_refused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM approvals_decision d
         WHERE d.request_id = NEW.id AND d.verdict = NEW.status) THEN
        RAISE EXCEPTION 'nobody answered %', NEW.status USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_request_refused BEFORE UPDATE OF status ON approvals_request
    FOR EACH ROW WHEN (NEW.status IN ('rejected', 'changes_requested')
        AND OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION approvals_refused();
"""
NOT_REFUSED = """
DROP TRIGGER approvals_request_refused ON approvals_request;
DROP FUNCTION approvals_refused();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0001_people_and_agents"),
        ("approvals", "0002_guards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField(
            model_name="policy",
            name="fresh_factor_minutes",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="request",
            name="behind",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), blank=True, default=list, size=None
            ),
        ),
        migrations.CreateModel(
            name="RequestComment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "uid",
                    models.UUIDField(
                        default=controlplane.lib.ids.uuid7, editable=False, unique=True
                    ),
                ),
                ("question", models.UUIDField(editable=False)),
                ("author_ref", models.CharField(max_length=80)),
                ("author_name", models.CharField(blank=True, max_length=200)),
                ("text", models.TextField()),
                ("source", models.CharField(blank=True, max_length=20)),
                (
                    "created_at",
                    models.DateTimeField(default=controlplane.lib.clock.now, editable=False),
                ),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comments",
                        to="approvals.request",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.workspace",
                    ),
                ),
            ],
            options={
                "verbose_name": "approval comment",
                "ordering": ["id"],
                "indexes": [models.Index(fields=["question", "id"], name="approval_comments_of")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True),
                        name="approval_comment_says_something",
                    )
                ],
            },
        ),
        migrations.RunSQL(BEHIND, migrations.RunSQL.noop),
        migrations.RunSQL(FRESH, migrations.RunSQL.noop),
        migrations.RunSQL(COMMENTS, NO_COMMENTS),
        migrations.RunSQL(BEHIND_STAYS, NO_BEHIND_STAYS),
        migrations.RunSQL(REFUSED, NOT_REFUSED),
    ]
