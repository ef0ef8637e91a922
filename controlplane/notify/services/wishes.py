"""What a person wants to be told and when; what a workspace wants its messages to say."""

from __future__ import annotations

from datetime import time

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.notify import wording
from controlplane.notify.models import MessageTemplate, Preference, QuietHours


def own(actor: Actor, user: User) -> None:
    """Wishes are one's own: nobody silences somebody else."""
    if actor.kind != "job" and actor.user_id != user.pk:
        raise NotAllowed(
            "Only the person can change this.",
            denial={
                "actor": actor,
                "action": "notify.view",
                "subject": user,
                "rule": "own_wishes",
                "reason": "another person's preferences",
            },
        )


@transaction.atomic
def set_preference(user: User, *, actor: Actor, kind: str, method: str, wanted: bool) -> Preference:
    own(actor, user)
    if kind != "*" and kind not in wording.CATALOGUE:
        raise Invalid(f"There is no message kind {kind!r}.", details={"kind": "Unknown kind."})
    if method not in {"inbox", "email"}:
        raise Invalid("Methods are inbox and email.", details={"method": "inbox or email."})
    preference, _ = Preference.objects.update_or_create(
        user=user, kind=kind, method=method, defaults={"wanted": wanted}
    )
    record(
        actor,
        "notify.set_preference",
        user,
        after={"kind": kind, "method": method, "wanted": wanted},
    )
    return preference


@transaction.atomic
def set_quiet_hours(
    user: User, *, actor: Actor, starts: time, ends: time, weekends: bool = False
) -> QuietHours:
    own(actor, user)
    if starts == ends:
        raise Invalid("Quiet hours need a length.", details={"ends": "Same as the start."})
    hours, _ = QuietHours.objects.update_or_create(
        user=user, defaults={"starts": starts, "ends": ends, "weekends": weekends}
    )
    record(actor, "notify.set_quiet_hours", user, after={"hours": str(hours), "weekends": weekends})
    return hours


@transaction.atomic
def clear_quiet_hours(user: User, *, actor: Actor) -> None:
    own(actor, user)
    deleted, _ = QuietHours.objects.filter(user=user).delete()
    if deleted:
        record(actor, "notify.set_quiet_hours", user, after={"hours": None})


@transaction.atomic
def set_wording(
    workspace: Workspace,
    *,
    actor: Actor,
    kind: str,
    subject: str,
    body: str,
    version: int | None = None,
) -> MessageTemplate:
    """A workspace's own words for a kind of message; `version` guards against lost edits."""
    policy.require(actor, "notify.manage_channels", workspace)
    wording.check(kind, subject, body)
    if not subject.strip() or len(subject) > 200 or len(body) > 8000:
        raise Invalid(
            "The wording is not right yet.",
            details={"subject": "1 to 200 characters.", "body": "At most 8,000 characters."},
        )
    row = MessageTemplate.objects.select_for_update().filter(workspace=workspace, kind=kind).first()
    if row is not None and version is not None and row.version != version:
        raise Conflict("Somebody changed this wording meanwhile. Reload and look.")
    before = {"subject": row.subject, "body": row.body} if row else None
    row = row or MessageTemplate(workspace=workspace, kind=kind, version=0)
    row.subject, row.body = subject, body
    row.version += 1
    row.changed_at = clock.now()
    row.save()
    record(
        actor,
        "notify.manage_channels",
        row,
        before=before,
        after={"subject": subject, "body": body},
    )
    return row


@transaction.atomic
def reset_wording(template: MessageTemplate, *, actor: Actor) -> None:
    policy.require(actor, "notify.manage_channels", template)
    record(
        actor,
        "notify.manage_channels",
        template,
        before={"subject": template.subject, "body": template.body},
        reason="back to the shipped wording",
    )
    template.delete()
