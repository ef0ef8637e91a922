"""What a dashboard's address asks: workspace, time, comparison, values of dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.http import HttpRequest
from django.urls import reverse

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.registries import PanelQuestion
from controlplane.base.web import actor_of
from controlplane.lib.actors import ANONYMOUS, Actor
from telemetry.querysets import INSTALLATION
from telemetry.shown import times
from telemetry.shown.times import Range

# Dimensions that narrow a whole dashboard. What a panel splits by is its own.
NARROWED = ("env", "service", "agent", "toolkit", "operation", "stage")
WORDS = {"env": "environment"}
MOST = 8


@dataclass(frozen=True, slots=True)
class Asked:
    workspace: Workspace | None
    time: Range
    compare: bool = False
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sees_installation: bool = False
    named: bool = False  # whether the address names the workspace
    tz: str = "UTC"
    actor: Actor = ANONYMOUS  # who looks

    @property
    def workspace_id(self) -> int | None:
        return self.workspace.pk if self.workspace is not None else None

    def question(self) -> PanelQuestion:
        return PanelQuestion(self.workspace_id, self.time.start, self.time.end, self.filters)

    def query(self, **changes: str) -> dict[str, str]:
        """The same question as it stands in an address."""
        found: dict[str, str] = {}
        if self.workspace is not None:
            found["workspace"] = self.workspace.slug
        found |= self.time.query()
        if self.compare:
            found["compare"] = "on"
        found |= {name: ",".join(values) for name, values in self.filters.items()}
        for name, value in changes.items():
            if name == "range":
                found.pop("from", None)
                found.pop("to", None)
            found[name] = value
        return {name: value for name, value in found.items() if value}

    def link(self, dashboard: str, **changes: str) -> str:
        path = reverse("telemetry:dashboard", args=(dashboard,)) if dashboard else overview()
        return times.linked(path, self.query(**changes))

    def events_link(
        self, events: Sequence[str], narrowed: Mapping[str, Sequence[str]], *, installation: bool
    ) -> str:
        """The events these numbers were made of: the same time, workspace and filters."""
        asked = dict(self.filters.items()) | dict(narrowed)
        # More than the list takes, or all there are: then it is not narrowed by name.
        every = "*" in events or len(events) > MOST_EVENTS
        query = {**self.time.query(), "event": "" if every else ",".join(events)}
        query |= {name: ",".join(values) for name, values in asked.items()}
        if installation:
            query["about"] = "installation"
        if self.workspace is not None:
            query["workspace"] = self.workspace.slug
        return times.linked(reverse("admin:telemetry_event_changelist"), query)


MOST_EVENTS = 12  # as many as the list of events takes


def overview() -> str:
    return reverse("telemetry:overview")


def read(request: HttpRequest, workspace: Workspace | None) -> Asked:
    return Asked(
        workspace=workspace,
        time=times.read(request.GET),
        compare=request.GET.get("compare", "") in {"on", "1"},
        filters=_filters(request.GET),
        sees_installation=bool(policy.can(actor_of(request), INSTALLATION)),
        named="workspace" in request.GET,
        actor=actor_of(request),
        tz=str(getattr(request.user, "time_zone", "") or "UTC"),
    )


def _filters(query: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    found = {}
    for name in NARROWED:
        text = str(query.get(name, "")).replace("\x00", "")
        values = [part.strip()[:80] for part in text.split(",")]
        kept = tuple(value for value in values if value)[:MOST]
        if kept:
            found[name] = kept
    return found
