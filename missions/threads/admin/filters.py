"""What lists of threads are usually asked."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from controlplane.base.admin.questions import question
from controlplane.jobs import leases
from missions.threads import numbers
from missions.threads.models import AgentPulse, Participant, WakeTrigger


def _unread() -> Exists:
    rows = Participant.objects.present().filter(thread=OuterRef("pk"))
    return Exists(rows.filter(last_read_seq__lt=OuterRef("last_seq")))


def _wakes(**given: object) -> Exists:
    return Exists(WakeTrigger.objects.filter(thread=OuterRef("pk"), **given))


def _asleep() -> Exists:
    since = Now() - timedelta(seconds=numbers.FRESH_SECONDS.value)
    awake = AgentPulse.objects.filter(agent_id=OuterRef("agent_id"), seen_at__gt=since)
    return Exists(Participant.objects.present().filter(~Exists(awake), thread=OuterRef("pk")))


STANDING = question(
    "Standing",
    "standing",
    {
        "open": ("Open", lambda rows: rows.filter(status__in=["active", "blocked"])),
        "blocked": ("Blocked", lambda rows: rows.filter(status="blocked")),
        "unread": ("Waiting for a reader", lambda rows: rows.filter(_unread(), status="active")),
        "findings": ("With open findings", lambda rows: rows.open().exclude(findings={})),
        "resolved": ("Resolved", lambda rows: rows.filter(status="resolved")),
        "closed": ("Closed", lambda rows: rows.filter(status="closed", archived_at=None)),
        "archived": ("Put away", lambda rows: rows.exclude(archived_at=None)),
    },
)
WAKES = question(
    "Wakes",
    "wakes",
    {
        "open": ("Under way", lambda rows: rows.filter(_wakes(state__in=leases.OPEN))),
        "dead": ("Given up", lambda rows: rows.filter(_wakes(state=leases.DEAD))),
        "paused": ("Paused", lambda rows: rows.filter(wakes_paused=True)),
    },
)
PEOPLE = question(
    "Who takes part",
    "people",
    {
        "asleep": ("Somebody sleeps", lambda rows: rows.open().filter(_asleep())),
        "alone": ("Nobody is asked when it is stuck", lambda rows: rows.open().filter(
            owner=None, escalation_owner=None)),
    },
)  # fmt: skip
