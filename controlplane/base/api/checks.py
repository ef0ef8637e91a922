"""Start-up checks of API routes: each says who may use it, in words the policy knows.

A route that declares nothing would be a hole nobody sees until somebody walks through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver

from controlplane.access.policy import ACTIONS
from controlplane.base.api.auth import ANYONE, SIGNED_IN
from controlplane.base.api.throttles import CLASSES
from controlplane.base.api.views import PortalAPIView

# Pages for people that stand below `/api/`: they look after themselves.
PAGES = frozenset({"api-docs"})


class Route(NamedTuple):
    path: str  # "/api/v1/throttles/<uuid:uid>"
    name: str
    callback: Any
    view: type[PortalAPIView] | None


def routes(prefix: str = "", resolver: Any = None) -> Iterator[Route]:
    """Every route of the portal whose path begins so, or that is declared as one of ours."""
    for path, pattern in _walk(resolver or get_resolver(), "/"):
        kind = getattr(pattern.callback, "cls", None)
        view = kind if isinstance(kind, type) and issubclass(kind, PortalAPIView) else None
        if path.startswith(prefix or "/api/") or view is not None:
            yield Route(path, pattern.name or "", pattern.callback, view)


def _walk(resolver: Any, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from _walk(entry, prefix + str(entry.pattern))
        else:
            yield prefix + str(entry.pattern), entry


@register(Tags.security)
def api_routes_are_declared(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for route in routes():
        if route.name in PAGES:
            continue
        if route.view is None:
            found.append(_error(1, f"{route.path} is not built on base.api."))
            continue
        found.extend(_error(2, f"{route.path}: {fault}") for fault in faults(route.view))
    return found


def faults(view: type[PortalAPIView]) -> list[str]:
    """What is missing or unknown in a view's declarations."""
    found = []
    if not view.actions:
        found.append("declares no actions.")
    for method, action in view.actions.items():
        if action not in ACTIONS and action not in {ANYONE, SIGNED_IN}:
            found.append(f"{method} names the unknown action {action}.")
        if not hasattr(view, method.lower()):
            found.append(f"{method} is declared and not answered.")
        if method in {"POST", "PUT", "PATCH"} and method not in view.inputs:
            found.append(f"{method} declares no input form.")
    for method in ("get", "post", "put", "patch", "delete"):
        own = vars(view).get(method)
        if own is not None and method.upper() not in view.actions:
            found.append(f"{method.upper()} is answered and not declared.")
    if view.calls_out and view.if_match:
        found.append("calls out, but If-Match would keep a transaction open around it.")
    if view.throttle and view.throttle not in CLASSES:
        found.append(f"counts under the unknown class {view.throttle}.")
    return found


def _error(number: int, text: str) -> Error:
    return Error(text, hint="See docs/api-base.md.", id=f"api.E{number:03d}")
