"""Controls × periods: how each stands, and everything that shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.privacy.compliance import periods, readings
from controlplane.privacy.compliance.controls import BY_SLUG, CONTROLS, Control, Demand
from controlplane.privacy.compliance.periods import Span
from controlplane.privacy.compliance.readings import Asked, Reading, State
from controlplane.privacy.models import ControlEvidence, ControlScope

# The worst of what is demanded is how the control stands.
_GRAVITY: tuple[State, ...] = ("missing", "due", "met", "not_applicable", "ahead")
WORDS: dict[State, str] = {
    "met": "Met",
    "due": "Due",
    "missing": "Missing",
    "not_applicable": "Does not apply",
    "ahead": "To come",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One demand with its answer."""

    demand: Demand
    reading: Reading


@dataclass(frozen=True, slots=True)
class Cell:
    """One control in one period."""

    control: Control
    span: Span
    state: State
    why: str
    told: Sequence[Told] = ()
    files: Sequence[ControlEvidence] = ()
    scope: ControlScope | None = None

    @property
    def words(self) -> str:
        return WORDS[self.state]

    @property
    def before(self) -> bool:
        """Over before the workspace began: nothing could be asked of it."""
        return self.state == "not_applicable" and not self.told and self.scope is None


def cells(
    workspace: Workspace,
    actor: Actor,
    spans: Sequence[Span],
    controls: Iterable[Control] = CONTROLS,
) -> dict[tuple[str, str], Cell]:
    """By (control, period). Periods that are looked at in a control's own cadence only."""
    asked = Asked(workspace, actor, list(spans), clock.now())
    scopes = _scopes(asked)
    found: dict[tuple[str, str], Cell] = {}
    for control in controls:
        own = [span for span in spans if span.cadence == control.cadence]
        for cell in _of_control(asked.narrowed(own), control, scopes):
            found[control.slug, cell.span.name] = cell
    return found


def cell(workspace: Workspace, actor: Actor, control: Control, span: Span) -> Cell:
    return cells(workspace, actor, [span], [control])[control.slug, span.name]


def year(workspace: Workspace, actor: Actor, number: int) -> dict[tuple[str, str], Cell]:
    """Everything of one calendar year: its quarters, and the year itself."""
    whole = periods.named(str(number), workspace)
    return cells(workspace, actor, [*periods.quarters(number, workspace), whole])


def of_period(workspace: Workspace, actor: Actor, span: Span) -> list[Cell]:
    """What a report on this period shows, control by control, the older period first."""
    wanted = {
        control.slug: periods.asked_of(control.cadence, span, workspace) for control in CONTROLS
    }
    spans = {each.name: each for many in wanted.values() for each in many}
    known = cells(workspace, actor, list(spans.values()))
    return [known[slug, each.name] for slug, many in wanted.items() for each in many]


def figures(rows: Iterable[Cell]) -> dict[str, int]:
    counted = Counter(row.state for row in rows)
    return {state: counted.get(state, 0) for state in WORDS}


def control_named(slug: str) -> Control | None:
    return BY_SLUG.get(slug)


def _scopes(asked: Asked) -> Mapping[tuple[str, str], ControlScope]:
    names = [span.name for span in asked.spans]
    rows = ControlScope.objects.filter(workspace=asked.workspace, period__in=names)
    return {(row.control, row.period): row for row in rows.order_by("id")}


def _of_control(
    asked: Asked, control: Control, scopes: Mapping[tuple[str, str], ControlScope]
) -> Iterable[Cell]:
    began = asked.workspace.created_at
    open_ = [span for span in asked.spans if span.start <= asked.now and span.end > began]
    answers = (
        [(demand, demand.read(asked.narrowed(open_))) for demand in control.demands]
        if open_ else []
    )  # fmt: skip
    for span in asked.spans:
        scope = scopes.get((control.slug, span.name))
        kept = [
            row for row in readings.evidence(asked)
            if row.control == control.slug and row.period == span.name
        ]  # fmt: skip
        told = [Told(demand, known[span.name]) for demand, known in answers if span.name in known]
        state, why = _state(asked, span, told, scope)
        yield Cell(control, span, state, why, told, kept, scope)


def _state(
    asked: Asked, span: Span, told: Sequence[Told], scope: ControlScope | None
) -> tuple[State, str]:
    if scope is not None and not scope.applies:
        return "not_applicable", scope.reason
    if span.start > asked.now:
        return "ahead", f"It begins on {span.start:%Y-%m-%d}."
    if span.end <= asked.workspace.created_at:
        return "not_applicable", f"The workspace began on {asked.workspace.created_at:%Y-%m-%d}."
    deciding = [one for one in told if not one.demand.supports]
    if not deciding:
        return "not_applicable", "Nothing was asked of it then."
    worst = min((one.reading.state for one in deciding), key=_GRAVITY.index)
    lead = next(one.reading for one in deciding if one.reading.state == worst)
    return worst, lead.text
