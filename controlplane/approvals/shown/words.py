"""A request in words, marks and addresses, as lists, pages and the palette share them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from controlplane.access.policy import role_label
from controlplane.approvals.models import Decision, Request
from controlplane.base.admin import addresses

LONGEST_TITLE = 120
HALF = 50
# What a signature is called once it is given.
GIVEN = {
    "approved": "approved",
    "rejected": "rejected",
    "changes_requested": "asked for changes",
}
PACE_TONES: dict[str, Any] = {"fresh": "info", "ageing": "warn", "late": "bad"}


def request_url(request: Any) -> str:
    return addresses.of_row("admin:approvals_request_change", request.uid)


def decide_url(request: Any) -> str:
    return reverse("approvals:decide", args=(request.uid,))


def lookup(request: Request) -> str:
    """Ref and title in a line of text."""
    return f"{request.ref} {request.title}"


def titled(request: Request) -> SafeString:
    """Of a long title as much as one knows it by; its own page has it whole."""
    title = Truncator(request.title).chars(LONGEST_TITLE)
    again = format_html(' <span class="apr-rev">rev. {}</span>', request.revision)
    mark = again if request.revision > 1 else ""
    return format_html('<code class="small apr-ref">{}</code> {}{}', request.ref, title, mark)


def roles_words(roles: Iterable[str]) -> str:
    return " or ".join(role_label(role) for role in roles)


def fresh_share(request: Request) -> float:
    """How much of the target is left when the clock turns amber."""
    reminders = [percent for percent in request.policy_snapshot.get("remind_at") or () if percent]
    return 1 - min(reminders, default=HALF) / 100


def clock_mark(request: Request) -> SafeString:
    """The answer's clock: running while it is open, and whether it was in time afterwards."""
    return render_to_string(
        "approvals/_clock.html", {"approval": request, "share": fresh_share(request)}
    )


def missing_words(request: Request) -> str:
    """Whose signatures it waits for now. Reads the slots that were fetched with it."""
    if not request.is_open:
        return ""
    waiting = [slot for slot in request.slots.all() if slot.waiting]
    told = []
    for slot in waiting:
        left = slot.needed - slot.signed
        told.append(f"{left} × {roles_words(slot.roles)}" if left > 1 else roles_words(slot.roles))
    return ", ".join(told)


def given(decision: Decision) -> str:
    return GIVEN.get(decision.verdict, decision.verdict)
