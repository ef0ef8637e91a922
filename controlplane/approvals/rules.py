"""Who may do what to which request, beside the table of roles."""

from __future__ import annotations

from typing import Any

from controlplane.access import policy
from controlplane.approvals.models import Request
from controlplane.lib.actors import Actor
from controlplane.work.querysets import SEEN_FROM_OUTSIDE


@policy.rule("approval.withdraw")
def asked_by_whom(actor: Actor, obj: Any) -> str | None:
    if not isinstance(obj, Request) or obj.requested_by_ref == actor.ref:
        return None
    if policy.can(actor, "approval.manage", obj):
        return None
    return "only whoever asked for it, or who manages approvals"


@policy.rule("approval.sign", "approval.delegate")
def people_only(actor: Actor, obj: Any) -> str | None:
    """A break-glass belongs to a person, but an agent may be given any role by mistake."""
    return None if actor.kind == "person" and actor.user_id is not None else "only people sign"


def items_asked_about(actor: Actor) -> Any:
    """What somebody is asked to sign for, with its files and what is said about it."""
    return Request.objects.of_signer(actor).exclude(item=None).values("item_id")


SEEN_FROM_OUTSIDE.append(items_asked_about)
