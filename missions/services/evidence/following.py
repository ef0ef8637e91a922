"""Bundles that follow what became of their mission: made once more at its end, which no bundle
that was signed can hold, and in place of one that is handed out no more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import DateTimeField, Exists, F, Max, OuterRef, Q, Subquery

from controlplane.lib import clock
from controlplane.lib.errors import ControlPlaneError
from missions.evidence.limits import FINAL_DAYS
from missions.models import Bundle, Feedback, Mission
from missions.querysets import ENDED
from missions.services.evidence.bundles import ask_bundle
from missions.services.noting import PORTAL

_AT_ONCE = 20
_END = "The mission has ended: its last signatures and what was learnt belong to it."
_ANEW = "The one before held what was taken away since."


def follow() -> dict[str, int]:
    """Ask for what is missing. One that failed is not asked for again: somebody was told."""
    counts = {"ended": 0, "withheld": 0}
    for mission in _without_their_end()[:_AT_ONCE]:
        counts["ended"] += _ask(mission, "internal", _END)
    for row in _withheld()[:_AT_ONCE]:
        counts["withheld"] += _ask(row.mission, row.audience, _ANEW)
    return counts


def _ask(mission: Mission, audience: str, why: str) -> int:
    try:
        ask_bundle(mission, actor=PORTAL, audience=audience, reason=why)
    except ControlPlaneError:
        return 0  # it moved since; the next round looks again
    return 1


def _without_their_end() -> Any:
    """Ended lately, with no bundle from after the end and after the last thing said of it."""
    made = Bundle.objects.filter(mission=OuterRef("pk"), audience="internal").order_by()
    newest = made.values("mission").annotate(at=Max("created_at")).values("at")
    said = Feedback.objects.filter(mission=OuterRef("pk"), answered_at__isnull=False).order_by()
    last = said.values("mission").annotate(at=Max("answered_at")).values("at")
    rows = Mission.objects.filter(
        status__in=ENDED,
        started_at__isnull=False,
        closed_at__gt=clock.now() - timedelta(days=FINAL_DAYS.value),
    ).annotate(
        made_at=Subquery(newest, output_field=DateTimeField()),
        said_at=Subquery(last, output_field=DateTimeField()),
    )
    late = Q(made_at=None) | Q(made_at__lt=F("closed_at")) | Q(made_at__lt=F("said_at"))
    return rows.filter(late).order_by("closed_at", "pk")


def _withheld() -> Any:
    """The newest of its kind, and handed out no more."""
    newer = Bundle.objects.filter(
        mission=OuterRef("mission"), audience=OuterRef("audience"), number__gt=OuterRef("number")
    )
    rows = Bundle.objects.filter(withheld_at__isnull=False).exclude(Exists(newer))
    return rows.select_related("mission").order_by("pk")
