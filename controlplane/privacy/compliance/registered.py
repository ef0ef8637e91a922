"""Palette, refs, governance rule and words of the log."""

from __future__ import annotations

from datetime import timedelta

from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.audit import words
from controlplane.base.registries import (
    AuditRule,
    PaletteAction,
    RefFinder,
    Target,
    Verdict,
    audit_rules,
    palette_actions,
    ref_finders,
)
from controlplane.lib import actors, clock
from controlplane.lib.actors import Actor
from controlplane.privacy.compliance import periods, standing
from controlplane.privacy.models import ComplianceReport

_MOMENT = timedelta(seconds=1)
palette_actions.register(
    PaletteAction(
        "compliance",
        "Compliance",
        "compliance:board",
        "compliance.view",
        ("audit", "soc 2", "iso 27001", "evidence", "controls", "report"),
    )
)


def _report(actor: Actor, workspace_id: int | None, number: int) -> Target | None:
    rows = ComplianceReport.objects.visible_to(actor).filter(ref=f"CRP-{number}")
    if workspace_id is not None:
        rows = rows.filter(workspace=workspace_id)
    row = rows.order_by("-pk").first()
    if row is None:
        return None
    url = reverse("admin:privacy_compliancereport_change", args=[row.pk])
    return Target(f"{row.ref} on {row.period}", url)


ref_finders.register(RefFinder("CRP", "compliance report", _report))


def _shown(workspace_id: int) -> Verdict:
    """The quarter that is over last: what is missing of it is what an auditor finds first."""
    workspace = Workspace.objects.get(pk=workspace_id)
    now = periods.at(periods.QUARTERLY, clock.now(), workspace)
    last = periods.at(periods.QUARTERLY, now.start - _MOMENT, workspace)
    rows = standing.cells(workspace, actors.job("compliance"), [last])
    missing = [row for row in rows.values() if row.state == "missing"]
    link = f"{reverse('compliance:board')}?year={last.name[:4]}"
    if missing:
        text = f"{len(missing)} controls lack evidence of {last.name}."
        return Verdict("failing", text, value=len(missing), link=link)
    if all(row.state == "not_applicable" for row in rows.values()):
        return Verdict("not_applicable", f"Nothing was asked of {last.name}.", link=link)
    return Verdict("ok", f"Every control has its evidence of {last.name}.", value=0, link=link)


audit_rules.register(
    AuditRule("compliance.shown", "The last quarter's controls are shown to be kept", _shown)
)
words.define(
    "compliance",
    {
        "attach": "add/added evidence to a control",
        "scope": "say/said whether a control applies",
        "report": "make/made a compliance report",
        "read": "read/read evidence of compliance",
        "export": "write/wrote the files of readiness",
    },
)
