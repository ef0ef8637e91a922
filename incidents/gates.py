"""What stands in the way of an incident's next step, in sentences."""

from __future__ import annotations

from typing import Any

GRAVE = ("sev1", "sev2")


def triaged(incident: Any) -> list[str]:
    missing = []
    if incident.impact_percent is None:
        missing.append("Say what share of users it touches.")
    if not incident.symptoms:
        missing.append("Say what is seen of it.")
    if incident.started_at is None:
        missing.append("Say since when.")
    return missing


def nothing_fires(incident: Any) -> list[str]:
    """Somebody may resolve it over an alert that fires only by saying that this is over, too."""
    firing = incident.alerts.filter(status="firing").count()
    if not firing:
        return []
    noun = "alert fires" if firing == 1 else "alerts fire"
    return [f"{firing} {noun} still: say that they are over, or move them to another incident."]


def describable(incident: Any) -> list[str]:
    if incident.severity in GRAVE:
        return ["What is this grave is reviewed before it is closed."]
    return _explained(incident)


def reviewed(incident: Any) -> list[str]:
    return _explained(incident)


def _explained(incident: Any) -> list[str]:
    return [] if incident.root_cause else ["Say what caused it."]
