"""The catalogue: every event, what it carries, how often it was seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.base.web import actor_of
from controlplane.lib import clock
from telemetry.catalogue import KINDS, STAGES, Kind
from telemetry.models import RollupDay
from telemetry.shown.words import STAGE_WORDS, event_words, old_names
from telemetry.web.common import page, show, workspace_shown

DAYS = 30


@dataclass(frozen=True, slots=True)
class Line:
    kind: Kind
    words: str
    aliases: list[str]
    total: int
    errors: int
    last: datetime | None

    @property
    def measured(self) -> list[tuple[str, str]]:
        """Which keys become figures, and of what kind."""
        kind = self.kind
        keys = {key.name for key in kind.keys}
        found = [
            ("duration", kind.ms),
            ("amount", kind.amount),
            ("code", kind.code),
            ("operation", kind.operation),
        ]
        return [(what, key) for what, key in found if key and (key in keys or what != "duration")]


@require_safe
@page
def catalogue(request: HttpRequest) -> HttpResponse:
    workspace = workspace_shown(request)
    seen = _seen(request, workspace.pk if workspace else None)
    text = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    stage = request.GET.get("stage", "")
    lines = [_line(kind, seen) for kind in KINDS.values()]
    shown = [line for line in lines if _holds(line, text.lower(), stage)]
    context: dict[str, Any] = {
        "title": "Event catalogue",
        "workspace": workspace,
        "groups": [
            (name, STAGE_WORDS[name] if name else "Any stage", found)
            for name in (*STAGES, "")
            if (found := [line for line in shown if line.kind.stage == name])
        ],
        "text": text,
        "stage": stage,
        "stages": [(name, STAGE_WORDS[name]) for name in STAGES],
        "known": len(lines),
        "reported": sum(1 for line in lines if line.total),
        "strangers": _strangers(seen),
        "days": DAYS,
    }
    return show(request, "telemetry/catalogue.html", context, {})


def _seen(
    request: HttpRequest, workspace_id: int | None
) -> dict[str, tuple[int, int, datetime | None]]:
    """How often each was reported, how many of them errors, and when last."""
    rows = RollupDay.objects.visible_to(actor_of(request)).of(workspace_id)
    rows = rows.filter(bucket__gte=clock.now() - timedelta(days=DAYS)).order_by()
    found = rows.values_list("event_type").annotate(Sum("total"), Sum("errors"), Max("last_at"))
    return {name: (total, errors, last) for name, total, errors, last in found}


def _strangers(seen: dict[str, tuple[int, int, datetime | None]]) -> list[dict[str, Any]]:
    """What was reported under names that the catalogue does not know, the most first."""
    found = sorted(
        ((total, name, last) for name, (total, _, last) in seen.items() if name not in KINDS),
        key=lambda row: (-row[0], row[1]),
    )
    return [{"name": name, "total": total, "last": last} for total, name, last in found[:50]]


def _line(kind: Kind, seen: dict[str, tuple[int, int, datetime | None]]) -> Line:
    total, errors, last = seen.get(kind.name, (0, 0, None))
    return Line(kind, event_words(kind.name), old_names(kind.name), total, errors, last)


def _holds(line: Line, text: str, stage: str) -> bool:
    if stage and line.kind.stage != stage:
        return False
    names = (line.kind.name, line.words.lower(), *line.aliases, *(k.name for k in line.kind.keys))
    return all(any(word in name for name in names) for word in text.split())
