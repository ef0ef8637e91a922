"""The words an update begins with: by audience and kind, each workspace's own where it has some.
Every one names when the next follows."""

from __future__ import annotations

from datetime import datetime

from controlplane.lib import moments
from controlplane.notify import wording
from incidents.models import Incident, SeverityLevel, Update

_NEXT = "{next}"
_SHIPPED: tuple[tuple[str, str, str, str, str], ...] = (
    ("internal", "initial", "First update of an incident",
     "{ref} {level}: {title}",
     "We are on {ref}, {level}. It began {since} and touches {impact} of users. {symptoms}\n\n"
     f"What we do now: \n\n{_NEXT}"),
    ("internal", "update", "Update of an incident",
     "{ref} {level}: {title}",
     f"{{ref}} is {{status}}. Since the last update: \n\nWhat comes next: \n\n{_NEXT}"),
    ("internal", "recovery", "An incident's recovery",
     "{ref} works again: {title}",
     f"{{service}} works again. What was done: \n\nWhat is left: \n\n{_NEXT}"),
    ("customers", "initial", "First word to customers",
     "{service}: we are looking into a problem",
     "Since {since} {service} does not work as it should. {customers} We are working on it.\n\n"
     f"{_NEXT}"),
    ("customers", "update", "Update to customers",
     "{service}: we are still working on a problem",
     f"We know more of the problem with {{service}}: \n\n{_NEXT}"),
    ("customers", "recovery", "Recovery told to customers",
     "{service} works again",
     "{service} works again as it should. It did not since {since}. We are sorry for it."
     f"\n\n{_NEXT}"),
)  # fmt: skip


def kind_of(audience: str, kind: str) -> str:
    return f"incident.{audience}_{kind}"


def register() -> None:
    for audience, kind, label, subject, body in _SHIPPED:
        wording.register(kind_of(audience, kind), label, subject=subject, body=body)
    wording.register(
        "incident.update_near",
        "An update of an incident is due soon",
        subject="{ref}: an update is due at {at} UTC",
        body="{title}\n\nThree sentences are enough: how it stands, what is done, what comes next.",
    )
    wording.register(
        "incident.update_missed",
        "A promised update of an incident did not come",
        subject="{ref}: the update promised for {at} UTC did not come",
        body="{title}\n\nSay how it stands. The next one is due at {next} UTC.",
    )
    wording.register(
        "incident.update_drafted",
        "Somebody drafted what customers are told",
        subject="{ref}: {who} drafted a message to customers",
        body="{text}\n\nPublish it, or hold it back: with the incident, on the review desk, or"
        " POST /api/v1/incidents/{ref}/updates/{uid}/publish.",
    )
    wording.register(
        "incident.update_held",
        "What somebody drafted for customers was held back",
        subject="{ref}: {who} held back your message to customers",
        body="Because: {why}\n\nYou wrote:\n\n{text}\n\nNobody outside read it. Write another.",
    )


def drafted(
    incident: Incident,
    level: SeverityLevel,
    audience: str,
    kind: str,
    next_at: datetime | None,
) -> tuple[str, str]:
    """(subject, text) to begin with. Whoever reads it elsewhere has no clock that we know: it is
    told by the workspace's."""
    began = incident.started_at or incident.detected_at
    impact = incident.impact_percent
    values = {
        "ref": incident.ref,
        "level": level.title,
        "title": incident.title,
        "service": str(incident.service.name) if incident.service else "The service",
        "since": moments.utc(began),
        "impact": "an unknown share" if impact is None else f"{impact} %",
        "customers": "" if impact is None else f"About {impact} % of users notice it.",
        "symptoms": incident.symptoms,
        "status": incident.get_status_display().lower(),
        "next": _promise(next_at),
    }
    subject, text = wording.render(incident.workspace_id, kind_of(audience, kind), values)
    zone = incident.workspace.time_zone
    return moments.by_clock(subject, zone), moments.by_clock(text, zone)


def _promise(next_at: datetime | None) -> str:
    if next_at is None:
        return "This is the last update."
    return f"Next update by {moments.utc(next_at)}."


def suggested(incident: Incident, audience: str) -> str:
    """Which of the three comes next for these readers."""
    if incident.status in {"mitigated", "monitoring", "resolved", "review_pending"}:
        return str(Update.Kind.RECOVERY)
    if incident.updates.posted().filter(audience=audience).exists():
        return str(Update.Kind.UPDATE)
    return str(Update.Kind.INITIAL)
