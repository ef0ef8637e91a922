"""The one way in, for DRF views and plain views alike.

In this order: who, where, how often, whether, and only then what. Limits come before permission,
because every denial is a row in the audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from django.http import HttpRequest, HttpResponse

from controlplane.access import policy
from controlplane.base.api import deprecation, throttles, workspaces
from controlplane.base.api.auth import ANYONE, SIGNED_IN, identify
from controlplane.lib import context
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, Invalid, Unauthorized

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Rules(Protocol):
    """What a route declares. DRF views carry it as class attributes."""

    @property
    def actions(self) -> Mapping[str, str]: ...
    @property
    def in_workspace(self) -> bool: ...
    @property
    def throttle(self) -> str: ...
    @property
    def emergency(self) -> bool: ...
    @property
    def resource(self) -> str: ...
    @property
    def deprecation(self) -> deprecation.Deprecation | None: ...


class MethodNotAllowed(ControlPlaneError):
    code = "METHOD_NOT_ALLOWED"

    def __init__(self, allowed: Collection[str]) -> None:
        super().__init__("This path does not know that method.")
        self.headers = {"Allow": ", ".join(sorted(allowed))}


def enter(request: HttpRequest, rules: Rules, query: Collection[str]) -> Actor:
    """Let the caller in or raise. Sets `request.actor` and `request.workspace`."""
    method = "GET" if request.method == "HEAD" else request.method or ""
    actor = _identified(request, rules.resource)
    action = rules.actions.get(method)
    if action is None:
        throttles.check(request, actor, "read")
        if actor.kind == "anonymous" and ANYONE not in rules.actions.values():
            raise Unauthorized("Sign in, or send an API key or a token.")
        raise MethodNotAllowed(rules.actions)
    if action == ANYONE:
        request.workspace = None  # type: ignore[attr-defined]
        throttles.check(request, actor, rules.throttle or _class_of(method))
        _check_query(request, query)
        return actor
    if actor.kind == "anonymous":
        throttles.check(request, actor, "anonymous")
        raise Unauthorized("Sign in, or send an API key or a token.")
    workspace = workspaces.choose(request, actor) if rules.in_workspace else None
    request.workspace = workspace  # type: ignore[attr-defined]
    context.note(user_ref=actor.ref, workspace=workspace.slug if workspace else "")
    name = rules.throttle or _class_of(method)
    throttles.check(request, actor, name, emergency=rules.emergency)
    if action != SIGNED_IN:
        policy.require(actor, action, workspace)
    if not rules.emergency:
        _check_query(request, query)
    return actor


def let_in(request: HttpRequest, rules: Rules, enter: Callable[[HttpRequest], None]) -> None:
    """The same for a route with credentials of its own, which `enter` knows and counts."""
    request.workspace = None  # type: ignore[attr-defined]
    enter(request)
    method = "GET" if request.method == "HEAD" else request.method or ""
    if method not in rules.actions:
        raise MethodNotAllowed(rules.actions)


def leave(request: HttpRequest, rules: Rules, response: HttpResponse) -> None:
    """Headers that every answer of this route carries, failures included."""
    throttles.add_headers(request, response)
    if rules.deprecation is not None:
        rules.deprecation.mark(response)
    if response.has_header("Cache-Control") or response.has_header("ETag"):
        return
    response["Cache-Control"] = "no-store"


def _identified(request: HttpRequest, resource: str) -> Actor:
    try:
        return identify(request, resource)
    except ControlPlaneError:
        # Guesses count for their address, also where the guessing itself is not counted.
        throttles.check(request, throttles.NOBODY, "anonymous")
        raise


def _class_of(method: str) -> str:
    return "read" if method in SAFE else "write"


def _check_query(request: HttpRequest, known: Collection[str]) -> None:
    """A misspelt filter must not answer with everything."""
    if not request.META.get("QUERY_STRING"):
        return
    details: dict[str, str] = {}
    for name, values in request.GET.lists():
        if name not in known and name != workspaces.PARAMETER:
            details[name[:60]] = "Unknown parameter."
        elif len(values) > 1:
            details[name] = "Given more than once."
        elif len(values[0]) > 2_000:
            details[name] = "Too long."
    if details:
        raise Invalid("The query is not valid.", details=details)
