"""Who of Operations Command watches over a mission now: by a window of its own, or by the rota."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from controlplane.access.models import Grant
from controlplane.lib import clock
from controlplane.lib.kept import Question
from controlplane.oncall import duty
from missions import reads, stages
from missions.models import Mission


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
    windows = [row for row in reads.DUTY.of(mission) if row.starts_at <= at < row.ends_at]
    held = _holding(mission) if windows else set()
    for row in windows:
        if row.person_id in held:
            return Watch(row.person_id, _words(row.person.name, row.ends_at), row.ends_at)
    workspace = mission.workspace_id
    rota = reads.once(
        mission,
        ("rota", workspace, at),
        lambda: duty.on_duty(stages.kinds.OPERATIONS, at, workspace=workspace),
    )
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


def _holding(mission: Mission) -> set[int]:
    """Whoever holds the role here now."""
    workspace = mission.workspace_id
    return reads.once(mission, ("operations", workspace), lambda: set(_HOLDING.rows(workspace)))


_HOLDING: Question[int] = Question(
    lambda workspace: (
        Grant.objects.held()
        .of_active_people()
        .filter(membership__workspace_id=workspace, role=stages.kinds.OPERATIONS)
        .values_list("membership__user_id", flat=True)
    )
)


def _words(name: str, until: datetime, more: str = "") -> str:
    return f"{name} watches until {until:%Y-%m-%d %H:%M} UTC{f', {more}' if more else ''}."
