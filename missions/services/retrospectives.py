"""The retrospective of a visit of Reflect & Improve: what people write, what the portal counts,
what can be used again, what should be learnt."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.base.states import plain
from controlplane.lib import clock, kept
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from missions import stages
from missions.learning.figures import figures_of
from missions.models import Mission, Retrospective, StageVisit
from missions.services import reading
from missions.services.checkpoints import packet_moved
from missions.services.holding import hold, require_status, visit_of
from missions.services.noting import note, tell

_READ: dict[str, Any] = {
    "summary": lambda value: reading.kept("summary", value, 8_000),
    "went_well": lambda value: reading.kept("went_well", value, 8_000),
    "to_improve": lambda value: reading.kept("to_improve", value, 8_000),
    "kpi_actual": lambda value: reading.figure("kpi_actual", value),
    "kpi_note": lambda value: reading.kept_line("kpi_note", value, 500),
}
REUSE = tuple(each for each in Retrospective.Reuse.values if each)


def retrospective_of(mission: Mission) -> Retrospective | None:
    """Of the newest visit that has one: what there is to read."""
    rows = Retrospective.objects.filter(visit__mission=mission).select_related("visit")
    found: Retrospective | None = rows.order_by("-visit_id").first()
    if found is not None:
        found.visit.mission = mission
    return found


def of_visit(visit: StageVisit) -> Retrospective | None:
    rows = kept.ask(lambda visit: Retrospective.objects.filter(visit=visit)[:1], visit.pk)
    found: Retrospective | None = next(iter(rows), None)
    if found is not None:
        found.visit = visit
    return found


def hold_retrospective(
    mission: Mission, *, version: int | None = None
) -> tuple[Mission, Retrospective]:
    """The mission and the retrospective of the visit it is in, both held; made at the first word.
    `version`: of the retrospective, 0 while there is none."""
    row = hold(mission)
    require_status(row, "active", "paused")
    visit = visit_of(row)
    if visit.stage != stages.LAST:
        raise InvalidTransition(
            f"{row.ref} is in {visit.definition.label}: a retrospective is written in "
            f"{stages.get(stages.LAST).label}.",
            details={"stage": visit.stage, "legal": stages.LAST},
        )
    rows = Retrospective.objects.select_for_update(of=("self",), no_key=True)
    found: Retrospective | None = rows.filter(visit=visit).first()
    seen = found.version if found is not None else 0
    if version is not None and version != seen:
        raise Conflict(
            "Somebody wrote in the retrospective since you looked. Look again.",
            details={"seen_version": version, "version": seen},
        )
    if found is None:
        found = Retrospective.objects.create(visit=visit)
    found.visit = visit
    return row, found


@transaction.atomic
def write_retrospective(
    mission: Mission, *, actor: Actor, version: int | None = None, **given: Any
) -> Retrospective:
    """Write in it; what is left out stays. The figures are taken anew."""
    policy.require(actor, "mission.retrospective", mission)
    values = _read(given)
    row, found = hold_retrospective(mission, version=version)
    values = {name: value for name, value in values.items() if getattr(found, name) != value}
    if not values and found.figures_at is not None:
        return found
    if found.written_at is not None and values.get("summary") == "":
        raise reading.refuse("summary", "It cannot be empty again.")
    first = found.written_at is None and bool(values.get("summary"))
    before = {name: plain(getattr(found, name)) for name in values}
    after = {name: plain(value) for name, value in values.items()}
    if first:
        values["written_at"] = clock.now()
    if values and actor.ref not in found.authors:
        values["authors"] = [*found.authors, actor.ref[:80]]
    _store(found, {**values, **_figures(row)})
    said = f"The retrospective of {row.ref} is written." if first else ""
    note(
        row,
        "mission.retrospective",
        actor=actor,
        said=said,
        before=before,
        after=after,
        details={"transition": "-> written"},
    )
    if first:
        _logged(row, found, actor)
    packet_moved(row, actor=actor, why="The retrospective was changed.")
    return found


def _read(given: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(_READ))
    if unknown:
        raise reading.refuse(unknown[0], "A retrospective has no such field.")
    return {name: _READ[name](value) for name, value in given.items()}


def _figures(mission: Mission) -> dict[str, Any]:
    return {"figures": figures_of(mission), "figures_at": clock.now()}


def _store(found: Retrospective, values: dict[str, Any]) -> None:
    Retrospective.objects.filter(pk=found.pk).update(**values, version=F("version") + 1)
    for name, value in values.items():
        setattr(found, name, value)
    found.version += 1


def _logged(mission: Mission, found: Retrospective, actor: Actor) -> None:
    follows = found.followups.standing().order_by("pk").values_list("title", flat=True)
    said = {
        "impact_metrics": found.figures["impact"],
        "safeguard_compliance": found.figures["safeguards"],
        "next_actions": list(follows[:20]),
    }
    tell(mission, "mission_retrospective_logged", said, actor=actor)


@transaction.atomic
def refresh_figures(mission: Mission, *, actor: Actor, version: int | None = None) -> Retrospective:
    """Take the figures anew: somebody gave feedback since, or a finding was resolved."""
    policy.require(actor, "mission.retrospective", mission)
    row, found = hold_retrospective(mission, version=version)
    new = _figures(row)
    if new["figures"] == found.figures:
        return found
    _store(found, new)
    note(
        row,
        "mission.retrospective",
        actor=actor,
        after={"figures": "taken anew"},
        details={"transition": "-> counted"},
    )
    packet_moved(row, actor=actor, why="The figures of the retrospective were taken anew.")
    return found


@transaction.atomic
def classify_reuse(
    mission: Mission, reuse: str, *, actor: Actor, reason: str, version: int | None = None
) -> Retrospective:
    """Say what of it can be used again, and why."""
    policy.require(actor, "mission.classify", mission)
    kind = reading.choice("reuse", reuse, REUSE)
    why = reading.reason(reason)
    row, found = hold_retrospective(mission, version=version)
    if (found.reuse, found.reuse_reason) == (kind, why):
        return found
    before = {"reuse": found.reuse, "reason": found.reuse_reason}
    _store(
        found,
        {"reuse": kind, "reuse_reason": why, "reuse_by": actor.ref[:80], "reuse_at": clock.now()},
    )
    note(
        row,
        "mission.classify",
        actor=actor,
        before=before,
        after={"reuse": kind},
        reason=why,
        details={"transition": "-> classified"},
    )
    packet_moved(row, actor=actor, why="What can be used again was classified anew.")
    return found


@transaction.atomic
def settle_training(
    mission: Mission, *, actor: Actor, note_: str = "", version: int | None = None
) -> Retrospective:
    """The curator looked at what people should learn from it: it stands in the backlog, or the
    note says why there is nothing."""
    policy.require(actor, "mission.classify", mission)
    words = reading.kept_line("note", note_, 500)
    row, found = hold_retrospective(mission, version=version)
    if not words and not row.training.exists():
        raise reading.refuse(
            "note", "Nothing of this mission stands in the training backlog: say why."
        )
    if found.training_at is not None and found.training_note == words:
        return found
    _store(
        found,
        {"training_note": words, "training_by": actor.ref[:80], "training_at": clock.now()},
    )
    note(
        row,
        "mission.classify",
        actor=actor,
        after={"training": words or "in the backlog"},
        details={"transition": "-> trained"},
    )
    packet_moved(row, actor=actor, why="The training backlog of the mission was settled anew.")
    return found
