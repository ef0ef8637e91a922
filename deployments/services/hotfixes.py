"""The fast lane in one step: planned, prepared, and told which validations are skipped and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from controlplane.access.models import Workspace
from controlplane.lib.actors import Actor
from deployments.gates import table
from deployments.gates.kinds import Definition
from deployments.models import Deployment
from deployments.services import reading
from deployments.services.checking import waive_gate
from deployments.services.planning import create_deployment, prepare


def skippable() -> list[Definition]:
    """Validations that a hotfix may skip before it goes; each is owed afterwards."""
    return [
        gate
        for gate in table.GATES.values()
        if gate.phase == table.BEFORE and (gate.debt or gate.waivable == "hotfix")
    ]


@transaction.atomic
def plan_hotfix(
    workspace: Workspace,
    *,
    actor: Actor,
    skipped: Mapping[str, str] | None = None,
    **given: Any,
) -> Deployment:
    """`skipped`: slugs of validations, each with the reason. One that does not apply to what is
    brought needs no reason, and is left out."""
    reasons = {slug: reading.reason(why) for slug, why in (skipped or {}).items()}
    unknown = set(reasons) - {gate.slug for gate in skippable()}
    if unknown:
        raise reading.refuse("skipped", f"{min(unknown)} can't be skipped.")
    row = create_deployment(workspace, actor=actor, kind=Deployment.Kind.HOTFIX, **given)
    row = prepare(row, actor=actor)
    for gate in row.gates.filter(slug__in=reasons).order_by("position"):
        waive_gate(gate, actor=actor, reason=reasons[gate.slug])
    row.refresh_from_db()
    return row
