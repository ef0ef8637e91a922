"""What version is where: components by environments, in a fixed number of questions.

What runs somewhere is what was brought there last and not taken back. A rollback brings back what
was before, of each component what that component had: so rolled back deployments and rollbacks
are left out, and what remains is what runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.audit.refs import subject_ref
from controlplane.catalog.models import Component, Environment, Probe
from controlplane.lib import clock
from deployments.models import (
    Deployment,
    DeploymentComponent,
    Freeze,
    MaintenanceWindow,
    Rollout,
)
from deployments.overview import merges, windows

COMPONENTS = 60  # of a board; more are counted and left to the list
ENVIRONMENTS = 8
ON_THE_WAY = 200
_GONE = ("rolled_back", "cancelled")


@dataclass(frozen=True, slots=True)
class Health:
    """What the probes of the component's service say: the worst of them."""

    state: str  # up, down, unknown
    at: datetime | None
    service: Any
    error: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the environment before is ahead. `ahead` None: what runs here never ran there.
    `merges` None: not both commits are known as merges of one repository."""

    ahead: int | None
    of: str  # the name of the environment before
    same: bool = False
    merges: int | None = None


@dataclass(slots=True)
class Cell:
    """A component in an environment."""

    component: Component
    environment: Environment
    deployment: Deployment | None = None
    since: datetime | None = None
    by: str = ""  # who started it, as rows keep people
    brought_back: Deployment | None = None  # the rollback after which it runs again
    on_the_way: list[Deployment] = field(default_factory=list)
    watched: bool = False
    health: Health | None = None
    drift: Drift | None = None


@dataclass(slots=True)
class Place:
    """An environment as the head of its column tells it."""

    environment: Environment
    freeze: Freeze | None = None
    next_freeze: Freeze | None = None
    under_way: list[Deployment] = field(default_factory=list)
    coming: list[Deployment] = field(default_factory=list)
    rollouts: list[Rollout] = field(default_factory=list)
    window: MaintenanceWindow | None = None
    next_window: MaintenanceWindow | None = None


@dataclass(slots=True)
class Board:
    places: Sequence[Place]
    rows: Sequence[tuple[Component, Sequence[Cell]]]
    more: int  # components that are not shown
    at: datetime

    @property
    def is_empty(self) -> bool:
        return not any(cell.deployment for _, cells in self.rows for cell in cells)


def board(workspace: Workspace, at: datetime | None = None) -> Board:
    at = at or clock.now()
    places = [
        Place(each)
        for each in Environment.objects.of(workspace).order_by("order", "slug")[:ENVIRONMENTS]
    ]
    components, more, cells = _running(workspace, places)
    _who_started(cells)
    _on_the_way(workspace, places, cells)
    _healths(workspace, cells)
    _drifts(workspace, places, cells)
    _freezes(workspace, places, at)
    _windows(workspace, places, at)
    _rollouts(workspace, places)
    rows = [
        (component, [cells[component.pk, place.environment.pk] for place in places])
        for component in components
    ]
    return Board(places, rows, more, at)


Cells = Mapping[tuple[int, int], Cell]


# --- What runs ----------------------------------------------------------------------------------


def _newest(environment: Environment) -> QuerySet[Deployment]:
    """What this environment got of a component, the newest first, by the index of landings."""
    rows = Deployment.objects.into(environment).landed().filter(parts__component=OuterRef("pk"))
    forward = rows.exclude(status__in=_GONE).exclude(kind="rollback")
    return forward.order_by("-deployed_at", "-pk")


def _running(
    workspace: Workspace, places: Sequence[Place]
) -> tuple[list[Component], int, dict[tuple[int, int], Cell]]:
    asked = {
        f"runs_{place.environment.pk}": Subquery(_newest(place.environment).values("pk")[:1])
        for place in places
    }
    active = Component.objects.of(workspace).filter(is_active=True).select_related("service")
    found = list(active.annotate(**asked).order_by("order", "name", "pk")[: COMPONENTS + 1])
    more = active.count() - COMPONENTS if len(found) > COMPONENTS else 0
    found = found[:COMPONENTS]
    undone = _undone(workspace)
    runs = {getattr(each, name) for each in found for name in asked}
    known = _deployments({*runs, *undone.values()} - {None})
    cells = {}
    for each in found:
        for place in places:
            key = (each.pk, place.environment.pk)
            newest = known.get(getattr(each, f"runs_{place.environment.pk}"))
            cells[key] = _cell(each, place.environment, newest, known.get(undone.get(key, 0)))
    return found, more, cells


def _undone(workspace: Workspace) -> dict[tuple[int, int], int]:
    """The newest rollback of each component in each environment. They are few, and have an index
    of their own."""
    rows = DeploymentComponent.objects.filter(
        deployment__workspace=workspace,
        deployment__reverses__isnull=False,
        deployment__deployed_at__isnull=False,
    )
    rows = rows.exclude(deployment__status__in=[*_GONE, "failed"])
    where = ("component_id", "deployment__environment_id")
    newest = rows.order_by(*where, "-deployment__deployed_at").distinct(*where)
    return {(each[0], each[1]): each[2] for each in newest.values_list(*where, "deployment_id")}


def _deployments(keys: Iterable[int]) -> dict[int, Deployment]:
    rows = Deployment.objects.filter(pk__in=list(keys)).defer("release_notes", "scope_note")
    return {row.pk: row for row in rows.select_related("environment", "item")}


def _cell(
    component: Component,
    environment: Environment,
    runs: Deployment | None,
    undo: Deployment | None,
) -> Cell:
    cell = Cell(component, environment, runs)
    if runs is None or runs.deployed_at is None:
        return cell
    cell.since = runs.deployed_at
    if undo is not None and undo.deployed_at is not None and undo.deployed_at > runs.deployed_at:
        cell.brought_back, cell.since = undo, undo.deployed_at
    return cell


def _who_started(cells: Cells) -> None:
    """By the log: the row itself knows only who planned it."""
    source = {
        subject_ref(one): one
        for cell in cells.values()
        if (one := cell.brought_back or cell.deployment) is not None
    }
    started = AuditEvent.objects.filter(
        subject_ref__in=list(source), action="deployment.start", after__status="deploying"
    )
    by = dict(started.order_by("id").values_list("subject_ref", "actor_ref"))
    for cell in cells.values():
        one = cell.brought_back or cell.deployment
        if one is not None:
            cell.by = by.get(subject_ref(one)) or one.created_by


# --- What comes ---------------------------------------------------------------------------------


def _on_the_way(workspace: Workspace, places: Sequence[Place], cells: Cells) -> None:
    rows = Deployment.objects.of(workspace).open().defer("release_notes", "scope_note")
    rows = rows.select_related("environment").prefetch_related("parts")
    by_place = {place.environment.pk: place for place in places}
    # What is planned soonest first; what has no time, by its age.
    order = (F("planned_at").asc(nulls_last=True), "pk")
    for row in rows.order_by(*order)[:ON_THE_WAY]:
        place = by_place.get(row.environment_id)
        if place is None:
            continue
        going = row.started_at is not None
        (place.under_way if going else place.coming).append(row)
        for part in row.parts.all():
            cell = cells.get((part.component_id, row.environment_id))
            if cell is None:
                continue
            if row.deployed_at is None:
                cell.on_the_way.append(row)
            elif cell.deployment is not None and cell.deployment.pk == row.pk:
                cell.watched = True


def _freezes(workspace: Workspace, places: Sequence[Place], at: datetime) -> None:
    """The freeze of now that ends last, and the one that comes next."""
    freezes = Freeze.objects.of(workspace).filter(ends_at__gt=at, ended_at=None)
    freezes = freezes.prefetch_related("environments").order_by("starts_at", "pk")
    for freeze in freezes[:ON_THE_WAY]:
        named = {each.pk for each in freeze.environments.all()}
        for place in places:
            if named and place.environment.pk not in named:
                continue
            if freeze.starts_at <= at:
                held = place.freeze
                place.freeze = freeze if held is None or freeze.ends_at > held.ends_at else held
            else:
                place.next_freeze = place.next_freeze or freeze


def _windows(workspace: Workspace, places: Sequence[Place], at: datetime) -> None:
    now, coming = windows.now_and_next(workspace, at)
    for place in places:
        here = place.environment.pk
        place.window = next((each for each in now if each.environment_id == here), None)
        place.next_window = next((each for each in coming if each.environment_id == here), None)


def _rollouts(workspace: Workspace, places: Sequence[Place]) -> None:
    rollouts = Rollout.objects.of(workspace).open().select_related("flag").order_by("pk")
    by_place = {place.environment.pk: place for place in places}
    for rollout in rollouts[:ON_THE_WAY]:
        if rollout.environment_id in by_place:
            by_place[rollout.environment_id].rollouts.append(rollout)


# --- How it fares -------------------------------------------------------------------------------

_WORST = {"down": 0, "unknown": 1, "up": 2}


def _healths(workspace: Workspace, cells: Cells) -> None:
    services = {cell.component.service_id for cell in cells.values()} - {None}
    rows = Probe.objects.of(workspace).on().filter(service_id__in=services)
    worst: dict[tuple[int, int], Probe] = {}
    for probe in rows.order_by("pk"):
        key = (probe.service_id, probe.environment_id)
        held = worst.get(key)
        if held is None or _WORST[probe.health] < _WORST[held.health]:
            worst[key] = probe
    for cell in cells.values():
        found = worst.get((cell.component.service_id or 0, cell.environment.pk))
        if found is not None:
            cell.health = Health(
                found.health, found.last_at, cell.component.service, found.last_error
            )


# --- How far apart ------------------------------------------------------------------------------


def _drifts(workspace: Workspace, places: Sequence[Place], cells: Cells) -> None:
    """Each environment beside the one before it: how many releases of the component came there
    after the one that runs here. Counted in releases, since which commit holds which is not
    known here."""
    pairs = [
        (cells[component, one.environment.pk], cells[component, two.environment.pk])
        for component in {component for component, _ in cells}
        for one, two in pairwise(places)
    ]
    pairs = [(one, two) for one, two in pairs if one.deployment and two.deployment]
    since = _when_it_was_there(workspace, pairs)
    counted = _since_then(since)
    merged = merges.Between.of(
        workspace,
        [(two.deployment.commit_sha, one.deployment.commit_sha) for one, two in pairs
         if one.deployment and two.deployment],
    )  # fmt: skip
    for one, two in pairs:
        assert one.deployment is not None and two.deployment is not None  # noqa: PT018
        name = one.environment.name
        key = (one.component.pk, one.environment.pk)
        if one.deployment.release == two.deployment.release:
            two.drift = Drift(0, name, same=True)
        elif key in since:
            number = merged.count(two.deployment.commit_sha, one.deployment.commit_sha)
            two.drift = Drift(counted.get(key, 0), name, merges=number)
        else:
            two.drift = Drift(None, name)


def _when_it_was_there(
    workspace: Workspace, pairs: Sequence[tuple[Cell, Cell]]
) -> dict[tuple[int, int], datetime]:
    """When what runs in the later environment came to the earlier one."""
    releases = {two.deployment.release for _, two in pairs if two.deployment is not None}
    parts = DeploymentComponent.objects.filter(
        deployment__workspace=workspace,
        deployment__release__in=releases,
        deployment__deployed_at__isnull=False,
    )
    told = parts.values("component_id", "deployment__environment_id", "deployment__release")
    at = {
        (row["component_id"], row["deployment__environment_id"], row["deployment__release"]):
            row["at"]
        for row in told.order_by().annotate(at=Max("deployment__deployed_at"))
    }  # fmt: skip
    found = {}
    for one, two in pairs:
        assert two.deployment is not None
        key = (one.component.pk, one.environment.pk)
        if (*key, two.deployment.release) in at:
            found[key] = at[*key, two.deployment.release]
    return found


def _since_then(since: Mapping[tuple[int, int], datetime]) -> dict[tuple[int, int], int]:
    if not since:
        return {}
    asked: dict[int, list[Q]] = defaultdict(list)
    for (component, environment), at in since.items():
        asked[environment].append(Q(component=component, deployment__deployed_at__gt=at))
    wanted = reduce(
        or_,
        (
            Q(deployment__environment=environment) & reduce(or_, each)
            for environment, each in asked.items()
        ),
    )
    parts = DeploymentComponent.objects.filter(wanted).exclude(deployment__kind="rollback")
    parts = parts.exclude(deployment__status__in=_GONE)
    told = parts.values("component_id", "deployment__environment_id").order_by()
    return {
        (row["component_id"], row["deployment__environment_id"]): row["n"]
        for row in told.annotate(n=Count("deployment__release", distinct=True))
    }
