"""Who of Operations Command watches over a mission now: by a window of its own, or by the rota."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from controlplane.access.models import Grant
from controlplane.lib import clock
from controlplane.oncall import duty
from missions import stages
from missions.models import DutyWindow, Mission


@dataclass(frozen=True, slots=True)
class Watch:
    """`person_id` watches until then; nobody, and why, where there is none."""

    person_id: int | None
    words: str
    until: datetime | None = None

    def __bool__(self) -> bool:
        return self.person_id is not None


def on_watch(mission: Mission, at: datetime | None = None) -> Watch:
    """A window counts while its person holds the role."""
    at = at or clock.now()
    rows = DutyWindow.objects.covering(at).filter(mission=mission).select_related("person")
    windows = list(rows.order_by("-ends_at")[:20])
    held = _holding(mission, [row.person_id for row in windows])
    for row in windows:
        if row.person_id in held:
            return Watch(row.person_id, _words(row.person.name, row.ends_at), row.ends_at)
    rota = duty.on_duty(stages.kinds.OPERATIONS, at, workspace=mission.workspace_id)
    if rota:
        last = max(rota, key=lambda one: one.until)
        return Watch(
            last.person.pk, _words(last.person.name, last.until, "by the rota"), last.until
        )
    if windows:
        return Watch(
            None, f"{windows[0].person.name} does not hold the role of Operations Command."
        )
    return Watch(None, "No duty window covers now, and nobody is on duty by the rota.")


def _holding(mission: Mission, people: list[int]) -> set[int]:
    if not people:
        return set()
    rows = Grant.objects.held().of_active_people()
    found = rows.filter(
        membership__workspace_id=mission.workspace_id,
        membership__user_id__in=people,
        role=stages.kinds.OPERATIONS,
    )
    return set(found.values_list("membership__user_id", flat=True))


def _words(name: str, until: datetime, more: str = "") -> str:
    return f"{name} watches until {until:%Y-%m-%d %H:%M} UTC{f', {more}' if more else ''}."
