"""Every API route × every role × own and other workspace, from the URL resolver itself.

A route that is added is walked without anybody adding a test. Calls go to the route's own
callback with the actor set, because signing in a thousand times would test only signing in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import resolve

from controlplane.access import policy
from controlplane.access.models import Agent, User, Workspace
from controlplane.base.api.auth import ANYONE, SIGNED_IN
from controlplane.base.api.checks import Route, routes
from controlplane.lib.actors import ANONYMOUS, Actor
from controlplane.lib.ids import uuid7

_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
_FACTORY = RequestFactory()


@dataclass(frozen=True)
class Operation:
    """One method of one route."""

    route: Route
    method: str
    action: str

    @property
    def in_workspace(self) -> bool:
        assert self.route.view is not None
        return self.route.view.in_workspace

    @property
    def open_to_anyone(self) -> bool:
        return self.action == ANYONE

    @property
    def reads(self) -> bool:
        return self.method == "GET"

    @property
    def parents(self) -> list[tuple[str, str]]:
        """Each parameter, and the list that shows the rows it names: all of the path before it."""
        path = self.route.path
        return [(m.group(2), path[: m.start()].rstrip("/")) for m in _PARAMETER.finditer(path)]

    def allows(self, actor: Actor, workspace: Workspace) -> bool:
        if self.action in {ANYONE, SIGNED_IN}:
            return True
        return bool(policy.can(actor, self.action, workspace if self.in_workspace else None))

    def path(self, known: Mapping[str, Any] | None = None) -> str:
        """The path with `known` parameters, or with ones that name nothing."""

        def value(match: re.Match[str]) -> str:
            kind, name = match.groups()
            if known and name in known:
                return str(known[name])
            return {"uuid": str(uuid7()), "int": "987654321"}.get(kind, "no-such-thing")

        return _PARAMETER.sub(value, self.route.path)

    def __str__(self) -> str:
        return f"{self.method} {self.route.path}"


def operations() -> list[Operation]:
    return [
        Operation(route, method, action)
        for route in routes()
        # Routes with credentials of their own are none of the portal's roles' business.
        if route.view is not None and not route.view.credentials
        for method, action in route.view.actions.items()
    ]


def actors(workspace: Workspace, user: User, agent: Agent) -> Iterator[Actor]:
    """One actor for every role there is, holding nothing else, and a superuser without any."""
    for role, (_, family) in policy.ROLES.items():
        roles = {workspace.pk: frozenset({role})}
        if family == "agent":
            any_scope = frozenset({"*"})
            ref = f"agent:{agent.pk}"
            yield Actor("agent", ref, role, roles=roles, scopes=any_scope, agent_id=agent.pk)
        else:
            person = Actor("person", f"user:{user.pk}", role, roles=roles, user_id=user.pk)
            yield replace(person, session_id="x", second_factor_at=1e12)
    yield Actor("person", f"user:{user.pk}", "root", user_id=user.pk, superuser=True)


def everything(workspace: Workspace, user: User) -> Actor:
    """Somebody holding every role of people there is, in this one workspace."""
    return Actor(
        "person",
        f"user:{user.pk}",
        "all roles",
        roles={workspace.pk: policy.PEOPLE},
        user_id=user.pk,
        second_factor_at=1e12,
    )


def call(
    operation: Operation,
    actor: Actor = ANONYMOUS,
    *,
    user: User | None = None,
    workspace: str = "",
    path: str = "",
    body: bytes = b"{}",
) -> HttpResponse:
    """The route's answer; whatever it wrote is taken back."""
    path = path or _nowhere(operation)
    headers = {"X-Workspace": workspace} if workspace else {}
    sent: dict[str, Any] = {} if operation.reads else {"data": body}
    request: Any = _FACTORY.generic(
        operation.method, path, content_type="application/json", headers=headers, **sent
    )
    match = _resolved(path.split("?", 1)[0])
    request.resolver_match = match
    request.actor, request.portal_actor = actor, actor
    request.workspace, request.user = None, user
    with taken_back():
        return match.func(request, *match.args, **match.kwargs)  # type: ignore[no-any-return]


@cache
def _nowhere(operation: Operation) -> str:
    """A path that names nothing stays the same: finding its view among hundreds of routes costs
    more than most refusals do."""
    return operation.path()


_resolved = lru_cache(maxsize=2_000)(resolve)


@contextmanager
def taken_back() -> Iterator[None]:
    """Inside the test's transaction: what is written in the block is undone. Most of thousands of
    calls are refused before they ask a statement, and then none is sent for this either."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def code(response: HttpResponse) -> str:
    """The error code of an envelope, or of another protocol's refusal; empty where there is
    none."""
    if response.status_code < 400:
        return ""
    body = json.loads(response.content)
    if body.get("details"):
        return str(body["details"][0]["reason"])
    if "jsonrpc" in body:
        return str(body["error"].get("data", {}).get("code", ""))
    assert set(body) == {"error"}, body
    return str(body["error"]["code"])
