"""Messages that were taken from their sender and that nothing could be made of. Each may be an
alert that nobody hears of, so somebody is called for it, once for each sender while that burns.

What can't be read at all is refused while its sender waits: they know, and are not among these.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Cast, Concat

from controlplane.jobs import watch
from controlplane.jobs.watch import Finding
from incidents import links
from incidents.models import AlertSource, InboundEvent, Incident
from incidents.querysets import OVER
from incidents.records import opening
from incidents.records.noting import PORTAL

_GROUP = "lost-message:"
_LEVEL = "sev2"


def unread() -> Any:
    """Given up after their senders were told that they had been taken, and seen by nobody."""
    return InboundEvent.objects.unread().filter(attempts__gt=1)


def _standing(**only: Any) -> Exists:
    """An incident that burns for such messages of the same sender, or was opened since."""
    named = Concat(Value(_GROUP), Cast(OuterRef("source_id"), CharField()))
    rows = Incident.objects.filter(workspace=OuterRef("workspace_id"), group_key=named, **only)
    return Exists(rows.filter(~Q(status__in=OVER) | Q(opened_at__gte=OuterRef("finished_at"))))


def call() -> int:
    """Open an incident for each sender of such messages that has none. Asked when one is given up,
    and each minute: whoever was killed right before it asked leaves nothing behind."""
    found = unread().exclude(_standing()).order_by("source_id", "pk").distinct("source_id")
    return sum(_call_for(row.source_id) for row in found)


@transaction.atomic
def _call_for(source_id: int) -> bool:
    # Two that look at once open one incident.
    sources = AlertSource.objects.select_for_update(of=("self",), no_key=True)
    source = sources.select_related("workspace", "service").get(pk=source_id)
    row = unread().filter(source=source).exclude(_standing()).order_by("pk").first()
    if row is None:
        return False
    opening.open_incident(
        source.workspace,
        actor=PORTAL,
        title=f"A message of {source.name} can't be processed: an alert may be lost",
        severity=_LEVEL,
        origin="alert",
        service=source.service,
        environment=source.environment,
        group_key=f"{_GROUP}{source.pk}",
        summary=_summary(row),
    )
    return True


def _summary(row: InboundEvent) -> str:
    return (
        f"{row.source} sent {row.size:,} bytes at {row.created_at:%Y-%m-%d %H:%M} UTC. They were"
        f" tried {row.attempts} times and given up: {row.last_error[:500]}\n\nLook at what was"
        f" sent: {settings.PUBLIC_URL}{links.page_of(row)}. Call whom it concerns, then have it"
        " read again, or say that it was seen."
    )


@watch.probe("incidents.messages")
def lost() -> Iterator[Finding]:
    """Critical as long as nobody has taken the incident that stands for them."""
    rows = unread()
    count = rows.count()
    if not count:
        return
    taken = _standing(acknowledged_at__isnull=False)
    ended = _standing(status__in=OVER)
    alone = rows.exclude(taken).exclude(ended).annotate(name=F("source__name"))
    names = sorted(set(alone.values_list("name", flat=True)))
    noun = "message" if count == 1 else "messages"
    said = f"{count} {noun} of alerts could not be processed; alerts may be lost."
    if names:
        said += f" Nobody answered yet for those of {', '.join(names[:5])}."
    yield Finding("message", "alerts", said, critical=bool(names))
