"""How often a caller may ask: limits by class of route, and temporary rules set by people."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.db import DatabaseError, InterfaceError, transaction
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from controlplane.base.api import counters
from controlplane.base.models import ThrottleRule
from controlplane.lib import clock, context
from controlplane.lib.actors import ANONYMOUS, Actor
from controlplane.lib.defaults import Default, define
from controlplane.lib.errors import RateLimited

PERIOD_S = 10
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CLASSES: dict[str, Default[int]] = {
    "read": define(
        "api.limit_read",
        6_000,
        unit=f"requests per {PERIOD_S} s and caller",
        why="Above what 500 users behind one key ask for; below it a loop would fill both cores.",
    ),
    "write": define(
        "api.limit_write",
        3_000,
        unit=f"requests per {PERIOD_S} s and caller",
        why="A write costs several reads; a fleet of agents behind one key stays far below.",
    ),
    "hot": define(
        "api.limit_hot",
        30_000,
        unit=f"requests per {PERIOD_S} s and caller",
        why="Flag evaluation, ingest and alert intake are built for this rate.",
    ),
    "anonymous": define(
        "api.limit_anonymous",
        300,
        unit=f"requests per {PERIOD_S} s and address",
        why="Without credentials there is only the address, and an office shares one.",
    ),
}
RULES_SECONDS = define(
    "api.throttle_rules_seconds",
    2.0,
    unit="seconds",
    why="A temporary limit set in one process binds in all of them within this time.",
)
NOBODY = ANONYMOUS
MANAGING = "/api/v1/throttles"  # never limited by a rule: whoever set it must be able to lift it


class PortalThrottle(BaseThrottle):
    """For views that are not ours; our own are counted by the door."""

    def allow_request(self, request: Request, view: Any) -> bool:
        http = request._request
        check(http, http.actor, "read" if http.method in SAFE else "write")  # type: ignore[attr-defined]
        return True


def check(
    request: HttpRequest, actor: Actor, name: str, *, reading: bool = True, emergency: bool = False
) -> None:
    """Count this request for its caller; raise `RateLimited` when it is one too many.

    Without `reading` the rules last known count: for paths that never wait for the database, in a
    process where something else calls `renew`. In an `emergency` no temporary rule counts: a limit
    on a caller that ran away must not be what keeps somebody from the brake.
    """
    if actor.kind == "anonymous":
        name, subject = "anonymous", context.current().address or "unknown"
    else:
        subject = actor.ref
    count = counters.take(f"{name}:{subject}", limit=CLASSES[name].value, period=PERIOD_S)
    rules = () if emergency else _applying(request, actor, reading)
    for name_of_rule, limit, period, shared in rules:
        whose = "all" if shared else actor.ref
        ruled = counters.take(f"rule:{name_of_rule}:{whose}", limit=limit, period=period)
        if ruled.remaining < count.remaining or not ruled.allowed:
            count = ruled
        if not ruled.allowed:
            break
    request.portal_count = count  # type: ignore[attr-defined]
    if not count.allowed:
        raise RateLimited(
            "Too many requests. Wait and try again.",
            details={"limit": count.limit},
            retry_after=count.resets_in,
        )


def add_headers(request: HttpRequest, response: HttpResponse) -> None:
    count: counters.Count | None = getattr(request, "portal_count", None)
    if count is not None:
        response["RateLimit-Limit"] = str(count.limit)
        response["RateLimit-Remaining"] = str(count.remaining)
        response["RateLimit-Reset"] = str(max(1, round(count.resets_in)))


# --- temporary rules, read at most every RULES_SECONDS ------------------------------------------

_Row = tuple[str, int, str, bool, str, int, int, float]
_rules: tuple[_Row, ...] = ()
_read_at = 0.0


def _applying(
    request: HttpRequest, actor: Actor, reading: bool
) -> Iterable[tuple[str, int, int, bool]]:
    rules = _in_force() if reading else _rules
    if not rules or request.path_info.startswith(MANAGING):
        return
    workspace = getattr(request, "workspace", None)
    mine = actor.workspace_ids if workspace is None else {workspace.pk}
    at = clock.now().timestamp()
    for uid, workspace_id, whom, shared, path, limit, period, ends_at in rules:
        if (
            workspace_id in mine
            and whom in {"", actor.ref}
            and at < ends_at
            and _matches(path, request.path_info)
        ):
            yield uid, limit, period, shared


def _matches(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return pattern in {"", path}


def _in_force() -> tuple[_Row, ...]:
    global _rules, _read_at
    at = clock.now().timestamp()
    if not 0 <= at - _read_at < RULES_SECONDS.value:
        _read_at = at
        # Else the last known rules stay; the view itself will find the database away.
        with suppress(DatabaseError, InterfaceError):
            _rules = _read()
    return _rules


def _read() -> tuple[_Row, ...]:
    columns = ("uid", "workspace_id", "actor_ref", "shared", "path", "limit", "period_s")
    rows = ThrottleRule.objects.in_force().order_by("pk").values_list(*columns, "expires_at")
    return tuple((str(row[0]), *row[1:-1], row[-1].timestamp()) for row in rows)


def renew() -> None:
    """Read the rules before a request has to. For a thread that looks at the database anyway."""
    global _rules, _read_at
    at = clock.now().timestamp()
    if not 0 <= at - _read_at < RULES_SECONDS.value / 2:
        _rules, _read_at = _read(), at


def forget() -> None:
    """Read the rules again at the next request: now, and when the change is committed."""
    _expire()
    transaction.on_commit(_expire)


def _expire() -> None:
    global _read_at
    _read_at = 0.0
