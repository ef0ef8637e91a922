"""What gates, packets and rules read of missions, once for all that are looked at together.

    with reads.together(missions):          # nothing is written within
        reads.TOOLKITS.of(mission)          # one statement for all of them, asked at the first

Without it each answers for its one mission, and anew each time: whoever holds a mission to change
it sees what stands, not what stood when somebody looked. Rows are shared; nobody changes them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from django.db.models import F, QuerySet

from controlplane.approvals.models import Decision
from controlplane.lib.kept import Question
from missions.models import (
    Artifact,
    Brief,
    Bundle,
    ChecklistTick,
    DataInspection,
    DutyWindow,
    Finding,
    HookCheck,
    Mission,
    MissionToolkit,
    Override,
    PlanNote,
    Play,
    PlayStep,
    RiskEntry,
    Safeguard,
    SafeguardAck,
    StageVisit,
    ToolkitConnection,
    UndoPlan,
    UndoStep,
    Violation,
)

T = TypeVar("T")
_HELD = "_read_together"


@dataclass
class _Shelf:
    """What was read of these missions."""

    missions: dict[int, Mission]
    rows: dict[int, dict[int, list[Any]]] = field(default_factory=dict)
    said: dict[Hashable, Any] = field(default_factory=dict)

    def of(self, kind: Kind[Any], mission: Mission) -> list[Any]:
        found = self.rows.get(id(kind))
        if found is None:
            found = self.rows[id(kind)] = kind.read(self.missions)
        return found.get(mission.pk, [])


@contextmanager
def together(missions: Sequence[Mission]) -> Iterator[None]:
    """Those that are read together already stay so."""
    mine = [each for each in missions if _HELD not in each.__dict__]
    shelf = _Shelf({each.pk: each for each in mine})
    for each in mine:
        each.__dict__[_HELD] = shelf
    try:
        yield
    finally:
        for each in mine:
            each.__dict__.pop(_HELD, None)


def once(mission: Mission, key: Hashable, produce: Callable[[], T]) -> T:
    """What is the same for all that are read together, or asked of one by several gates. The key
    names whose it is: a mission, a visit, a workspace."""
    shelf: _Shelf | None = mission.__dict__.get(_HELD)
    if shelf is None:
        return produce()
    if key not in shelf.said:
        shelf.said[key] = produce()
    return cast("T", shelf.said[key])


class Kind(Generic[T]):
    """Rows of missions; `path` leads from one to its mission."""

    def __init__(self, rows: Callable[[], QuerySet[Any]], path: str = "mission_id") -> None:
        self.rows, self.path = rows, path
        self.asked: Question[Any] = Question(self._those)

    def of(self, mission: Mission) -> list[T]:
        shelf: _Shelf | None = mission.__dict__.get(_HELD)
        if shelf is None:
            shelf = _Shelf({mission.pk: mission})
        return shelf.of(self, mission)

    def _those(self, missions: Sequence[int]) -> QuerySet[Any]:
        rows = self.rows().filter(**{f"{self.path}__in": missions})
        return rows if self.path == "mission_id" else rows.annotate(_of_mission=F(self.path))

    def read(self, missions: dict[int, Mission]) -> dict[int, list[Any]]:
        keys = list(missions)
        # Of one its text is kept; of many there would be one for each number of them.
        rows = self.asked.rows(keys) if len(keys) == 1 else list(self._those(keys))
        found: dict[int, list[Any]] = {}
        for row in rows:
            if self.path == "mission_id":
                row.mission = missions[row.mission_id]
                found.setdefault(row.mission_id, []).append(row)
            else:
                found.setdefault(row._of_mission, []).append(row)
        return found


def _first(rows: QuerySet[Any], each: str, *order: str) -> QuerySet[Any]:
    """The first of each."""
    return rows.order_by(each, *order).distinct(each)


# Without what was signed itself: the hash of it is what gates compare.
VISITS: Kind[StageVisit] = Kind(
    lambda: (
        StageVisit.objects.select_related("approval")
        .defer("approval__packet_text", "approval__policy_snapshot")
        .order_by("pk")
    )
)
BRIEFS: Kind[Brief] = Kind(lambda: Brief.objects.all())
TICKS: Kind[ChecklistTick] = Kind(
    lambda: ChecklistTick.objects.standing().order_by("pk"), "visit__mission_id"
)
ARTIFACTS: Kind[Artifact] = Kind(lambda: Artifact.objects.order_by("pk"))
BUNDLES: Kind[Bundle] = Kind(lambda: Bundle.objects.filter(status="stored").order_by("pk"))

SAFEGUARDS: Kind[Safeguard] = Kind(
    lambda: Safeguard.objects.select_related("template").order_by("pk")
)
ACKS: Kind[SafeguardAck] = Kind(
    lambda: SafeguardAck.objects.select_related("person").order_by("pk")
)
TOOLKITS: Kind[MissionToolkit] = Kind(
    lambda: MissionToolkit.objects.select_related("integration", "attested_by").order_by("pk")
)
_CONNECTIONS = "toolkit__mission_id"
CONNECTED: Kind[ToolkitConnection] = Kind(
    lambda: ToolkitConnection.objects.connected().order_by("pk"), _CONNECTIONS
)
LAST_CONNECTED: Kind[ToolkitConnection] = Kind(
    lambda: _first(
        ToolkitConnection.objects.exclude(connected_at=None), "toolkit_id", "-connected_at", "-pk"
    ),
    _CONNECTIONS,
)
FIRST_LOOKS: Kind[DataInspection] = Kind(
    lambda: _first(DataInspection.objects.read_only(), "toolkit_id", "inspected_at", "pk"),
    _CONNECTIONS,
)
LAST_LOOKS: Kind[DataInspection] = Kind(
    lambda: _first(DataInspection.objects.read_only(), "toolkit_id", "-inspected_at", "-pk"),
    _CONNECTIONS,
)
OPEN_FINDINGS: Kind[Finding] = Kind(
    lambda: Finding.objects.open().select_related("safeguard").order_by("pk")
)
VIOLATIONS: Kind[Violation] = Kind(lambda: _first(Violation.objects.all(), "mission_id", "-pk"))
# Those that were granted, whether or not their time is over.
OVERRIDES: Kind[Override] = Kind(
    lambda: Override.objects.filter(status__in=["granted", "expired"]).order_by("pk")
)

PLAYS: Kind[Play] = Kind(lambda: Play.objects.live().order_by("rank", "-pk"))
# Of the play that is selected.
STEPS: Kind[PlayStep] = Kind(
    lambda: PlayStep.objects.filter(play__status="selected").order_by("position"),
    "play__mission_id",
)
UNDO_PLANS: Kind[UndoPlan] = Kind(
    lambda: UndoPlan.objects.filter(play__status="selected").order_by("pk"), "play__mission_id"
)
UNDO_STEPS: Kind[UndoStep] = Kind(
    lambda: (
        UndoStep.objects.standing()
        .filter(plan__play__status="selected")
        .select_related("play_step")
        .order_by("position")
    ),
    "plan__play__mission_id",
)
RISKS: Kind[RiskEntry] = Kind(lambda: RiskEntry.objects.standing().order_by("pk"))
NOTES: Kind[PlanNote] = Kind(lambda: PlanNote.objects.all())
HOOKS: Kind[HookCheck] = Kind(
    lambda: _first(HookCheck.objects.all(), "visit_id", "-pk"), "visit__mission_id"
)
DUTY: Kind[DutyWindow] = Kind(
    lambda: DutyWindow.objects.standing().select_related("person").order_by("-ends_at", "-pk")
)
# Who approved which slot of what a visit's people were asked.
APPROVED: Kind[Decision] = Kind(
    lambda: Decision.objects.filter(verdict="approved").select_related("slot").order_by("pk"),
    "request__mission_visit__mission_id",
)


def brief(mission: Mission) -> Brief:
    found = BRIEFS.of(mission)
    if not found:
        raise Brief.DoesNotExist(f"{mission.ref} has no brief")
    return found[0]


def selected_play(mission: Mission) -> Play | None:
    return next((each for each in PLAYS.of(mission) if each.status == "selected"), None)


def undo_plan(mission: Mission) -> UndoPlan | None:
    """Of the play that is selected."""
    return next(iter(UNDO_PLANS.of(mission)), None)


def by_toolkit(kind: Kind[T], mission: Mission) -> dict[int, T]:
    return {row.toolkit_id: row for row in kind.of(mission)}  # type: ignore[attr-defined]
