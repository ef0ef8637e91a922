"""What of a mission somebody has to decide before it may go on."""

from __future__ import annotations

from controlplane.lib import kept
from controlplane.lib.errors import GateNotMet
from missions.models import Finding, Mission

_MOST = 10


def unhandled(mission: Mission) -> list[Finding]:
    """Findings that stop it."""
    return kept.of(
        mission,
        "findings",
        lambda rows: (
            rows.filter(unhandled=True, status="open")
            .select_related("safeguard")
            .order_by("pk")[:_MOST]
        ),
    )


def require_decided(mission: Mission) -> None:
    found = unhandled(mission)
    if found:
        conditions = [f"{each} is open." for each in found]
        raise GateNotMet(
            f"Safeguards hold {mission.ref}: resolve each finding, or let it pass. "
            + " ".join(conditions)[:1_500],
            details={"conditions": conditions, "findings": [str(each.uid) for each in found]},
        )
