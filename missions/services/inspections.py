"""Looks at the data behind a toolkit, which change nothing there."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from missions import guarding, reads
from missions.models import DataInspection, Mission, MissionToolkit, PolicyTemplate
from missions.services import given, reading, toolkits
from missions.services.checkpoints import go_on_if_signed, packet_moved
from missions.services.holding import hold, require_status
from missions.services.noting import note, tell

_SAME = ("source", "read_only", "coverage_percent", "sample_count", "result")


@transaction.atomic
def record_inspection(
    toolkit: MissionToolkit,
    *,
    actor: Actor,
    source: str,
    coverage_percent: Any,
    sample_count: int,
    result: str,
    read_only: bool,
    proof: str = "",
    external_id: str = "",
    freshness_at: Any = None,
    pii_flags: Any = (),
    duplicates: int = 0,
    duration_ms: int | None = None,
    note_: str = "",
    inspected_at: Any = None,
) -> DataInspection:
    """What was found. Only one that was read-only, with what shows it, opens the way to a
    connection. Reported again under its external id, it is answered as it is."""
    policy.require(actor, "mission.connect", toolkit)
    values: dict[str, Any] = {
        "external_id": given.name("external_id", external_id) if external_id else uuid.uuid4().hex,
        "source": reading.kept_line("source", source, 200, required=True),
        "coverage_percent": given.percent("coverage_percent", coverage_percent),
        "sample_count": given.amount("sample_count", sample_count),
        "result": reading.choice("result", result, DataInspection.Result.values),
        "read_only": given.switch("read_only", read_only),
        "proof": reading.kept_line("proof", proof, 500),
        "freshness_at": given.past("freshness_at", freshness_at) if freshness_at else None,
        "pii_flags": given.words("pii_flags", pii_flags),
        "duplicates": given.amount("duplicates", duplicates),
        "duration_ms": None
        if duration_ms is None
        else given.amount("duration_ms", duration_ms, 2**31 - 1),
        "note": reading.kept("note", note_, 4_000),
        "inspected_at": given.past("inspected_at", inspected_at),
    }
    if values["read_only"] and not values["proof"]:
        raise reading.refuse("proof", "Say what shows that it changed nothing.")
    mission = hold(toolkit.mission)
    require_status(mission, "draft", "active", "paused")
    row = toolkits.again(toolkit, mission)
    there: DataInspection | None = row.inspections.filter(external_id=values["external_id"]).first()
    if there is not None:
        return _same(there, values)
    made = DataInspection.objects.create(toolkit=row, by=actor.ref[:80], **values)
    note(
        mission, "mission.inspect", actor=actor,
        after={"toolkit": str(row), "source": made.source, "coverage": str(made.coverage_percent),
               "result": made.result, "read_only": made.read_only},
        reason=made.note[:500],
    )  # fmt: skip
    _tell(mission, row, made, actor)
    packet_moved(mission, actor=actor, why=f"{row} was inspected.")
    go_on_if_signed(mission)
    return made


def _same(there: DataInspection, values: dict[str, Any]) -> DataInspection:
    differs = [name for name in _SAME if getattr(there, name) != values[name]]
    if differs:
        raise Conflict(
            f"{there.external_id} was reported with another {differs[0]}.",
            details={name: str(getattr(there, name)) for name in differs},
        )
    return there


def _tell(mission: Mission, row: MissionToolkit, made: DataInspection, actor: Actor) -> None:
    slug = row.integration.slug
    said: dict[str, Any] = {
        "toolkit": slug,
        "sample_count": made.sample_count,
        "pii_flags": made.pii_flags,
        "duplicate_cluster_count": made.duplicates,
    }
    enough = made.result == "pass" and made.coverage_percent >= threshold(mission)
    fine = {"status": "success" if enough and not made.pii_flags else "warning"}
    tell(mission, "data_preview_generated", said, actor=actor, **fine)
    said = {
        "status": "ready" if enough else "needs_data",
        "coverage_percent": float(made.coverage_percent),
        "blocking_items": [] if enough else [slug],
    }
    status = {"status": "info" if enough else "warning"}
    tell(mission, "readiness_status_changed", said, actor=actor, **status)


def _of_workspace(workspace_id: int) -> Decimal | None:
    asked = kept.ask(
        lambda workspace: (
            PolicyTemplate.objects.of(workspace)
            .in_use()
            .filter(slug=guarding.COVERAGE_TEMPLATE)
            .order_by("pk")
            .values_list("params", flat=True)[:1]
        ),
        workspace_id,
    )
    return _percent(next(iter(asked), None))


def threshold(mission: Mission) -> Decimal:
    """What the data of this mission must cover: by its own safeguard, by its workspace's
    template, or by the shipped number."""
    own = (
        row.params
        for row in reads.SAFEGUARDS.of(mission)
        if row.holds and row.template and row.template.slug == guarding.COVERAGE_TEMPLATE
    )
    found = _percent(next(own, None))
    if found is None:
        workspace = mission.workspace_id
        found = reads.once(mission, ("coverage", workspace), lambda: _of_workspace(workspace))
    return Decimal(str(guarding.COVERAGE.value)) if found is None else found


def _percent(params: Any) -> Decimal | None:
    said = params.get(guarding.PERCENT) if isinstance(params, dict) else None
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= 100:
        return None
    return Decimal(str(said))
