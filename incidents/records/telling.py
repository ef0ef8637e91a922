"""Who hears of an incident beside those who are called. News are rows; sending is the outbox's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controlplane.access.models import Grant
from controlplane.audit.refs import subject_ref
from controlplane.notify import wording
from controlplane.notify.models import Notification, Urgency
from controlplane.notify.services import To, notify
from incidents import links
from incidents.models import Incident, SeverityLevel
from incidents.paging.who import Called

_NAMED = 10
wording.register(
    "incident.opened",
    "An incident was opened",
    subject="{ref} {level}: {title}",
    body="{summary}\n\n{called}\n\nService: {service}. Work item: {item}. Next update by {update}.",
)
wording.register(
    "incident.moved",
    "An incident came to another state",
    subject="{ref} {what}: {title}",
    body="{why}\n\nWork item: {item}.",
)
wording.register(
    "incident.missed",
    "A target of an incident was missed",
    subject="{ref}: {what}: {title}",
    body="{why}\n\nOpen it and say how it goes on.",
)


def opened(
    incident: Incident,
    level: SeverityLevel,
    roles: Sequence[str],
    *,
    called: Sequence[Called] = (),
    on_call: Sequence[Called] = (),
) -> Notification:
    """In the channels, and to whom the level or the rule names. Calls are `paging`'s; whoever reads
    of it sees whom to ask."""
    update = f"{level.update_s // 60} minutes" if level.update_s else "when there is news"
    return notify(
        workspace_id=incident.workspace_id,
        kind="incident.opened",
        to=To(roles=held(incident, {*level.informed, *roles}), channels=None),
        key=f"incident.opened:{incident.uid}",
        values={
            "ref": incident.ref,
            "level": level.title,
            "title": incident.title,
            "summary": incident.summary or incident.symptoms or "Nothing more is known yet.",
            "service": incident.service or "not known",
            "item": incident.item.key if incident.item else "",
            "called": _called(called, on_call),
            "update": update,
        },
        urgency=Urgency.NORMAL,
        link=links.page_of(incident),
        about=subject_ref(incident),
    )


def _called(called: Sequence[Called], on_call: Sequence[Called]) -> str:
    if called:
        return f"Called first: {_names(called)}."
    if on_call:
        return f"Nobody is called for it. On call: {_names(on_call)}."
    return "Nobody is called for it, and nobody is on call."


def _names(people: Sequence[Called]) -> str:
    return ", ".join(f"{one.name} ({one.why})" for one in people[:_NAMED])


def moved(incident: Incident, what: str, why: str, *, roles: Iterable[str] = ()) -> Notification:
    return _said(incident, "incident.moved", what, why, roles=roles, channels=True)


def missed(incident: Incident, what: str, why: str, *, roles: Iterable[str]) -> Notification:
    return _said(incident, "incident.missed", what, why, roles=roles, channels=False)


def _said(
    incident: Incident, kind: str, what: str, why: str, *, roles: Iterable[str], channels: bool
) -> Notification:
    people = {incident.commander_id, incident.acknowledged_by_id, incident.communications_id}
    return notify(
        workspace_id=incident.workspace_id,
        kind=kind,
        to=To(
            users=sorted(pk for pk in people if pk is not None),
            roles=held(incident, set(roles)),
            channels=None if channels else (),
        ),
        key=f"{kind}:{incident.uid}:{incident.version}:{what}"[:200],
        values={
            "ref": incident.ref,
            "what": what,
            "title": incident.title,
            "why": why or "No reason was given.",
            "item": incident.item.key if incident.item else "",
        },
        urgency=Urgency.NORMAL,
        link=links.page_of(incident),
        about=subject_ref(incident),
    )


def held(incident: Incident, roles: set[str]) -> list[str]:
    """Of these the roles that somebody holds: who is only to be informed falls to nobody else."""
    grants = Grant.objects.held().filter(
        membership__workspace_id=incident.workspace_id, role__in=roles
    )
    return sorted(set(grants.values_list("role", flat=True)))
