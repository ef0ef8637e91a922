"""Governance questions about work items."""

from __future__ import annotations

from typing import Any

from controlplane.base.registries import AuditRule, Verdict, audit_rules
from controlplane.lib.text import counted
from controlplane.work.models import Item
from controlplane.work.services import checking, graph

_NAMED = 5
_LIST = "/admin/work/item/"


def _some(rows: Any) -> str:
    keys = list(rows.values_list("key", flat=True)[: _NAMED + 1])
    return ", ".join(keys[:_NAMED]) + (", …" if len(keys) > _NAMED else "")


def _labels(workspace_id: int) -> Verdict:
    rows = checking.unlabelled(workspace_id)
    number = rows.count()
    if number:
        text = f"{number} lack the label of their kind: {_some(rows)}."
        return Verdict("attention", text, value=number, link=f"{_LIST}?queue=unlabelled")
    return Verdict("ok", "Deployments, incidents and maintenance carry their labels.")


def _evidence(workspace_id: int) -> Verdict:
    """Closing carries a reason, which is enforced, and evidence, which is asked for here."""
    closed = checking.closed_lately(Item.objects.filter(workspace_id=workspace_id).queued())
    if not closed.exists():
        days = checking.EVIDENCE_DAYS.value
        return Verdict("not_applicable", f"No operations item was closed in {days} days.")
    bare = checking.without_evidence(closed).order_by("pk")
    number = bare.count()
    if number:
        text = f"{number} were closed without a link to evidence: {_some(bare)}."
        return Verdict("attention", text, value=number, link=f"{_LIST}?queue=unproven")
    return Verdict("ok", "Every operations item was closed with evidence.")


def _readiness(workspace_id: int) -> Verdict:
    wrong = len(graph.mismatches(workspace_id))
    if wrong:
        return Verdict(
            "failing", f"The kept readiness of {counted(wrong, 'item')} is wrong.", value=wrong
        )
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
