"""Who comes to a review: whoever was on it, the Engineering Lead and the Product Manager."""

from __future__ import annotations

from controlplane.access.models import Grant, User
from controlplane.access.policy import role_label
from incidents.models import Incident

ROLES = ("engineering_lead", "product_manager")
_MOST = 20


def expected(row: Incident) -> list[str]:
    """Names, each with what brings it. A role that nobody holds stands by its own name."""
    found: dict[str, str] = {}
    for what, column in (
        ("commander", "commander_id"), ("communications", "communications_id"),
        ("operations", "operations_id"), ("scribe", "scribe_id"),
        ("answered", "acknowledged_by_id"),
    ):  # fmt: skip
        _add(found, User.objects.filter(pk=getattr(row, column) or 0).first(), what)
    answered = row.pages.filter(answered_at__isnull=False, user__isnull=False)
    for page in answered.select_related("user").order_by("pk")[:_MOST]:
        _add(found, page.user, "was called")
    book = row.pages.filter(answered_at__isnull=False, contact__isnull=False)
    for page in book.select_related("contact").order_by("pk")[:_MOST]:
        found.setdefault(page.target, f"{page.whom} (was called, without an account)"[:160])
    for role in ROLES:
        held = Grant.objects.held().filter(membership__workspace=row.workspace_id, role=role)
        grant = held.select_related("membership__user").order_by("pk").first()
        if grant is None:
            found.setdefault(role_label(role), role_label(role))
        else:
            _add(found, grant.membership.user, role_label(role))
    return list(found.values())[:_MOST]


def _add(found: dict[str, str], user: User | None, what: str) -> None:
    if user is not None:
        name = str(user.name or user.email)
        found.setdefault(str(user.pk), f"{name} ({what})"[:160])
