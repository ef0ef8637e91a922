"""What a workspace tells people about their data, version by version."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid
from controlplane.privacy import telling
from controlplane.privacy.models import PrivacyPolicy

LONGEST = 60_000


@transaction.atomic
def publish_policy(
    workspace: Workspace, *, actor: Actor, text: str, changes: str = "", asks_consent: bool = True
) -> PrivacyPolicy:
    """The next version, in force at once. Everybody in the workspace is told, and asked."""
    policy.require(actor, "privacy.publish", workspace)
    # Two who publish at once: the second one's version comes after the first one's.
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    text = text.strip()
    if not text:
        raise Invalid("Say what people are told.", details={"text": ["This is empty."]})
    if len(text) > LONGEST:
        raise Invalid("That is too long.", details={"text": [f"At most {LONGEST:,} characters."]})
    newest = PrivacyPolicy.objects.filter(workspace=workspace).order_by("-version").first()
    if newest is not None and newest.text == text and newest.asks_consent == asks_consent:
        raise Invalid("It says what the version in force says.", details={"text": ["Unchanged."]})
    row = PrivacyPolicy.objects.create(
        workspace=workspace,
        version=1 if newest is None else newest.version + 1,
        text=text,
        changes=changes.strip()[:400],
        asks_consent=asks_consent,
        published_by=str(actor)[:200],
    )
    record(
        actor,
        "privacy.publish",
        row,
        after={"version": row.version, "asks_consent": asks_consent, "changes": row.changes},
    )
    telling.published(row)
    return row
