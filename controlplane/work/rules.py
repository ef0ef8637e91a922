"""Governance questions about work items."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.base.registries import AuditRule, Verdict, audit_rules
from controlplane.lib import clock
from controlplane.work import vocabulary
from controlplane.work.models import Item
from controlplane.work.services import checking, graph

_NAMED = 5
_DAYS = 30


def _some(rows: Any) -> str:
    keys = list(rows.values_list("key", flat=True)[: _NAMED + 1])
    return ", ".join(keys[:_NAMED]) + (", …" if len(keys) > _NAMED else "")


def _labels(workspace_id: int) -> Verdict:
    rows = checking.unlabelled(workspace_id)
    number = rows.count()
    if number:
        text = f"{number} lack the label of their kind: {_some(rows)}."
        return Verdict("attention", text, value=number, link="/admin/work/item/")
    return Verdict("ok", "Deployments, incidents and maintenance carry their labels.")


def _evidence(workspace_id: int) -> Verdict:
    """Closing carries a reason, which is enforced, and evidence, which is asked for here."""
    since = clock.now() - timedelta(days=_DAYS)
    closed = Item.objects.filter(
        workspace_id=workspace_id, item_type__in=vocabulary.OPERATIONS_TYPES, closed_at__gte=since
    ).queued()
    if not closed.exists():
        return Verdict("not_applicable", f"No operations item was closed in {_DAYS} days.")
    bare = closed.filter(links=None).order_by("pk")
    number = bare.count()
    if number:
        text = f"{number} were closed without a link to evidence: {_some(bare)}."
        return Verdict("attention", text, value=number, link="/admin/work/item/")
    return Verdict("ok", "Every operations item was closed with evidence.")


def _readiness(workspace_id: int) -> Verdict:
    wrong = len(graph.mismatches(workspace_id))
    if wrong:
        return Verdict("failing", f"The kept readiness of {wrong} items is wrong.", value=wrong)
    return Verdict("ok", "The kept readiness is what the definition says.", value=0)


audit_rules.register(
    AuditRule(
        slug="work.labels",
        title="Deployments, incidents and maintenance items carry the label of their kind",
        check=_labels,
    )
)
audit_rules.register(
    AuditRule(
        slug="work.evidence",
        title="Operations items are closed with a link to evidence",
        check=_evidence,
    )
)
audit_rules.register(
    AuditRule(
        slug="work.readiness",
        title="The kept readiness of work items is what its definition says",
        check=_readiness,
        severity="critical",
    )
)
