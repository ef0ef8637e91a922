"""Home rows, key figures, governance rules and words of the log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, QuerySet

from controlplane.audit import words
from controlplane.base.registries import (
    AuditRule,
    HomeRow,
    Kpi,
    PaletteAction,
    Parts,
    Verdict,
    Waiting,
    audit_rules,
    home_rows,
    kpis,
    palette_actions,
)
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from controlplane.privacy import numbers
from controlplane.privacy.models import DeletionRequest, PrivacyPolicy
from controlplane.privacy.services.copies import copied_at
from controlplane.privacy.services.holding import person_is_held

VIEW = "privacy.view"
LIST = "/admin/privacy/deletionrequest/"
SHOWN = 6


def _open(actor: Actor, workspace_id: int | None) -> QuerySet[DeletionRequest]:
    rows = DeletionRequest.objects.visible_to(actor).open()
    return rows if workspace_id is None else rows.filter(workspace=workspace_id)


_FIRST_DUE: ForReader[DeletionRequest] = ForReader(
    lambda actor, workspace_id: (
        _open(actor, workspace_id).select_related("person").order_by("due_at")[:SHOWN]
    )
)


def waiting(actor: Actor, workspace_id: int | None) -> Sequence[Waiting]:
    soon = clock.now() + timedelta(days=numbers.WARN_DAYS.value)
    return [
        Waiting(
            title=f"Erasure of {row.person.name or row.person.email}",
            url=f"{LIST}{row.pk}/change/",
            text=row.last_error or row.held_for or "Goes by itself when the days of grace are over",
            state=row.get_status_display(),
            tone="bad" if row.due_at < soon else "warn" if row.last_error else "info",
            due=row.due_at,
        )
        for row in _FIRST_DUE.rows(actor, workspace_id)
    ]


def last_done(actor: Actor, workspace_id: int | None) -> QuerySet[Any, datetime | None]:
    rows = DeletionRequest.objects.visible_to(actor).filter(status="done")
    if workspace_id is not None:
        rows = rows.filter(workspace=workspace_id)
    return rows.order_by("-finished_at").values_list("finished_at", flat=True)


home_rows.register(
    HomeRow(
        slug="privacy.deletions",
        title="Requests for erasure",
        action=VIEW,
        rows=waiting,
        count=lambda actor, workspace_id: _open(actor, workspace_id).count(),
        most=SHOWN,
        empty="nobody waits for erasure.",
        link=LIST,
        order=70,
        last=last_done,
        then="done",
    )
)
palette_actions.register(
    PaletteAction(
        "privacy.mine",
        "Privacy",
        "privacy:mine",
        "workspace.view",
        ("export", "erase", "gdpr", "consent"),
    )
)


def _in_time(workspace_id: int, since: datetime, until: datetime) -> Parts:
    done = DeletionRequest.objects.filter(
        workspace=workspace_id, status="done", finished_at__gte=since, finished_at__lt=until
    )
    whole, kept = done.count(), done.filter(finished_at__lte=F("due_at")).count()
    return Parts(kept / whole * 100 if whole else None, kept, whole)


kpis.register(
    Kpi(
        slug="privacy.erased_in_time",
        title="Erasures done in time",
        unit="%",
        formula="erasures done by their due day ÷ erasures done",
        compute=lambda *asked: _in_time(*asked).value,
        parts=_in_time,
        target=100.0,
        better="higher",
        link=LIST,
        source="the first erasure done",
        action=VIEW,
        on_home=False,
    )
)


def _free(rows: QuerySet[DeletionRequest]) -> int:
    """Without those whom a legal hold keeps: the law is stronger than the promise."""
    return sum(not person_is_held(who) for who in rows.values_list("person_id", flat=True))


def _promise(workspace_id: int) -> Verdict:
    rows = DeletionRequest.objects.open().filter(workspace=workspace_id)
    late = _free(rows.filter(status="waiting", due_at__lt=clock.now()))
    near = _free(rows.filter(due_at__lt=clock.now() + timedelta(days=numbers.WARN_DAYS.value)))
    if late:
        return Verdict("failing", f"{late} erasures are past their 30 days.", value=late, link=LIST)
    if near:
        return Verdict("attention", f"{near} erasures are due soon.", value=near, link=LIST)
    return Verdict("ok", "Every erasure asked for is done or in time.", value=0)


def _told(workspace_id: int) -> Verdict:
    newest = PrivacyPolicy.objects.filter(workspace=workspace_id).order_by("-version").first()
    if newest is None:
        return Verdict("attention", "No privacy policy is published.")
    return Verdict("ok", f"Version {newest.version} is in force.", value=newest.version)


def _copied(workspace_id: int) -> Verdict:
    at = copied_at(workspace_id)
    if at is None:
        return Verdict("not_applicable", "No sanitised copy was ever reported.")
    days = (clock.now() - at).total_seconds() / 86_400
    text = f"The newest sanitised copy is {days:.0f} days old."
    fresh = days <= numbers.COPY_DAYS.value
    return Verdict("ok" if fresh else "failing", text, value=days)


for rule in (
    AuditRule("privacy.erased_in_time", "Erasures keep their 30 days", _promise, "critical"),
    AuditRule("privacy.policy", "People are told what is kept about them", _told),
    AuditRule("privacy.copy", "Testing data is a fresh copy without people", _copied),
):
    audit_rules.register(rule)

words.define(
    "legal_hold",
    {"place": "place/placed the legal hold", "lift": "lift/lifted the legal hold"},
)
words.define(
    "privacy",
    {
        "ask": "ask/asked for an erasure",
        "ask:cancelled": "withdraw/withdrew the request for erasure",
        "erase": "erase/erased what was held about a person",
        "erase:done": "erase/erased what was held about a person",
        "hold": "hold/held back the erasure",
        "hold:held": "hold/held back the erasure",
        "hold:waiting": "release/released the erasure",
        "export": "hand/handed out what is held about a person",
        "publish": "publish/published the privacy policy",
        "consent": "say/said whether they agree to the privacy policy",
        "copy": "report/reported a sanitised copy",
    },
)
