"""What an app does with a question of its own, whatever it is about: ask it anew or as the next
revision, hold what was signed against what stands now, take it back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controlplane.access.models import Workspace
from controlplane.approvals import packets
from controlplane.approvals.models import Request
from controlplane.approvals.services.asking import ask, revise
from controlplane.approvals.services.closing import void, withdraw
from controlplane.lib.actors import Actor
from controlplane.work.models import Item

STANDING = ("open", "approved")


def ask_again(
    before: Request | None,
    workspace: Workspace,
    *,
    policy: str,
    owner: str,
    subject: str,
    title: str,
    packet: Any,
    actor: Actor,
    producers: Iterable[Any] = (),
    behind: Iterable[Any] = (),
    item: Item | None = None,
) -> Request:
    """The next revision of what was sent back, or fell before anybody decided: its clock goes on.
    Otherwise a question of its own. The caller vouches that this actor may change what it is
    about."""
    given: dict[str, Any] = {"actor": actor, "producers": producers, "behind": behind}
    if before is not None and _goes_on(before, policy):
        return revise(before, packet, title=title, vouched=True, **given)
    return ask(
        workspace,
        policy=policy,
        owner=owner,
        subject=subject,
        title=title,
        packet=packet,
        item=item,
        **given,
    )


def _goes_on(request: Request, policy: str) -> bool:
    """A revision is signed by those who were asked first: another policy asks others, anew."""
    if request.policy_snapshot["slug"] != policy:
        return False
    request.refresh_from_db(fields=["status", "decided_at"])
    if request.status in {"open", "changes_requested"}:
        return True
    return bool(request.status == "void" and request.decided_at is None)


def stands(request: Request | None, packet: Any) -> bool:
    """Whether what was asked is what would be done now. What it is about is changed in places that
    know nothing of the question, so this is looked at anew whenever it matters."""
    return request is not None and bool(request.packet_text == packets.clean(packet))


def take_back(request: Request | None, *, actor: Actor, reason: str) -> bool:
    """The question falls with what it is about: withdrawn while it is open, void once it was
    answered. Whether there was something to take back."""
    if request is None or request.status not in STANDING:
        return False
    if request.status == "open":
        withdraw(request, actor=actor, reason=reason, vouched=True)
    else:
        void(request, actor=actor, reason=reason)
    return True
