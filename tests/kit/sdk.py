"""Flags, tokens and those who ask by an SDK, made by the services."""

from __future__ import annotations

import itertools
from typing import Any

from controlplane.access.models import Workspace
from controlplane.catalog.models import Environment
from deployments.flags import services
from deployments.flags.models import Flag, FlagState
from deployments.flags.services.tokens import IssuedToken, issue_token
from deployments.flags.serving.store import store
from tests import make
from tests.kit.api import Api

PLACE = "staging"  # where changes need no consent
_FIELDS = frozenset(
    {"value_type", "on_value", "off_value", "kind", "impression_data", "description"}
)
_NOTHING: dict[str, Any] = {
    "on": False,
    "allow": [],
    "deny": [],
    "rules": [],
    "variants": [],
    "requires": [],
}
_numbers = itertools.count(1)


def environment(workspace: Workspace, slug: str = PLACE) -> Environment:
    return Environment.objects.get(workspace=workspace, slug=slug)


def flag(workspace: Workspace, name: str = "", *, place: str = PLACE, **told: Any) -> Flag:
    """A flag that is on in one environment, unless `on=False`; the rest of `told` is settings
    (rules, variants, allow, …) or fields of the flag."""
    fields = {key: told.pop(key) for key in [*told] if key in _FIELDS}
    made = services.create_flag(
        workspace, name or f"flag-{next(_numbers)}", actor=make.JOB, **fields
    )
    change(made, place=place, **{"on": True, **told})
    return made


def change(flag: Flag, *, place: str = PLACE, **settings: Any) -> None:
    state = FlagState.objects.get(flag=flag, environment__slug=place)
    wanted = {**_NOTHING, **state.settings, **settings}
    services.change_settings(state, wanted, actor=make.JOB, version=state.version)


def rule(percent: int = 100, **told: Any) -> dict[str, Any]:
    return {"title": "", "percent": percent, "stickiness": "default", **told}


def where(field: str, operator: str, *values: str, **told: Any) -> dict[str, Any]:
    return {"contextName": field, "operator": operator, "values": list(values), **told}


def variant(name: str, weight: int = 1000, payload: Any = None, kind: str = "string") -> Any:
    found: dict[str, Any] = {"name": name, "weight": weight}
    return found if payload is None else {**found, "payload": {"type": kind, "value": payload}}


def token(
    workspace: Workspace, kind: str = "client", *, place: str = PLACE, **told: Any
) -> IssuedToken:
    name = told.pop("name", f"app-{next(_numbers)}")
    return issue_token(environment(workspace, place), actor=make.JOB, name=name, kind=kind, **told)


class Sdk(Api):
    """Somebody with an SDK token, who sends it plain as the Unleash SDKs do."""

    def __init__(self, workspace: Workspace, kind: str = "client", **told: Any) -> None:
        self.issued = token(workspace, kind, **told)
        super().__init__(Authorization=str.__str__(self.issued.secret))

    def evaluate(self, key: str = "", context: Any = None, **headers: str) -> Any:
        path = "/ofrep/v1/evaluate/flags" + (f"/{key}" if key else "")
        return self.post(path, {"context": {} if context is None else context}, **headers)

    def features(self, query: str = "", **headers: str) -> Any:
        spec = {"Unleash-Client-Spec": "6.1.0", **headers}
        return self.get(f"/unleash/api/client/features{query}", **spec)


def heard() -> None:
    """What a watcher does when it is told of a change."""
    store.refresh()
