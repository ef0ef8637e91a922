"""`Idempotency-Key`: a write sent twice happens once, and both callers get the same answer.

The remembered answer commits in the transaction of the change, so there is no moment at which
one stands without the other. What is refused changed nothing and is not remembered: a repeat is
judged anew. Neither are answers of 500 and above. Retention forgets answers after a day.

A route that asks something outside (`calls_out`) must not keep a transaction open while that
thinks. Its claim commits first, the answer after the call; a claim whose process died is taken
over once it is older than any call may last.

Two at once: the first holds an advisory lock until it commits; the second is told to come back
instead of waiting, because a waiting request holds a web worker that others need.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from rest_framework.response import Response

from controlplane.base.api.answers import JSON, encode
from controlplane.lib import canonical, clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import Conflict, IdempotencyConflict, Invalid

METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = ("Location", "ETag", "Content-Type")
_MAX_BODY = 256 * 1024
_RETRY_S = 1.0
CALL_S = define(
    "api.longest_call_seconds",
    60.0,
    unit="seconds",
    why="No outgoing call lasts so long: a keyed request without an answer by then has died.",
)

# Inserts only while holding the lock, and only where no answer is remembered. The lock is given
# back after the row of its holder is visible, so one statement decides.
_CLAIM = """
    INSERT INTO base_idempotencyrecord
        (workspace_id, actor, route, key, fingerprint, status, headers, body, created_at)
    SELECT %s, %s, %s, %s, %s, 0, '{}', ''::bytea, %s WHERE pg_try_advisory_xact_lock(%s)
    ON CONFLICT (key, actor, route, workspace_id) DO NOTHING
    RETURNING id
"""
_FIND = """
    SELECT fingerprint, status, headers, body FROM base_idempotencyrecord
    WHERE key = %s AND actor = %s AND route = %s AND workspace_id IS NOT DISTINCT FROM %s
"""
# A claim that stands without an answer: by a call still running, or by a process that died in it.
_TAKE_OVER = """
    UPDATE base_idempotencyrecord SET created_at = now()
    WHERE key = %s AND actor = %s AND route = %s AND workspace_id IS NOT DISTINCT FROM %s
        AND fingerprint = %s AND status = 0 AND created_at < now() - make_interval(secs => %s)
    RETURNING id
"""
_KEEP = "UPDATE base_idempotencyrecord SET status = %s, headers = %s, body = %s WHERE id = %s"


class _NotKept(Exception):
    """Rolls back an answer of 500 and above together with whatever was written."""

    def __init__(self, response: HttpResponse) -> None:
        self.response = response


def key_of(request: HttpRequest) -> str:
    """The key sent with a write, or nothing."""
    if request.method not in METHODS:
        return ""
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return ""
    if _KEY.fullmatch(key) is None:
        message = "1 to 255 visible ASCII characters."
        raise Invalid(f"{HEADER} is not valid.", details={HEADER: message})
    return key


def run(
    request: HttpRequest,
    actor: Actor,
    key: str,
    body: Any,
    perform: Callable[[], HttpResponse],
    *,
    secret_fields: Collection[str] = (),
    calls_out: bool = False,
) -> HttpResponse:
    """Perform the write, or answer what it answered before."""
    workspace = getattr(request, "workspace", None)
    match = request.resolver_match
    scope = (
        key,
        actor.ref[:80],
        f"{request.method} {match.route if match else request.path}"[:200],
        workspace.pk if workspace else None,
    )
    fingerprint = _fingerprint(request, body)
    if calls_out:
        return _run_beside(scope, fingerprint, perform, secret_fields)
    try:
        with transaction.atomic():
            claimed = _claim(scope, fingerprint)
            if claimed is None:
                return _replay(scope, fingerprint)
            response = perform()
            if response.status_code >= 500:
                raise _NotKept(response)
            _keep(claimed, response, secret_fields)
            return response
    except _NotKept as unkept:
        return unkept.response


def _run_beside(
    scope: _Scope,
    fingerprint: bytes,
    perform: Callable[[], HttpResponse],
    secret_fields: Collection[str],
) -> HttpResponse:
    """Claim, perform, keep: each by itself, so that nothing is open while `perform` waits."""
    with transaction.atomic():
        claimed = _claim(scope, fingerprint) or _take_over(scope, fingerprint)
        if claimed is None:
            return _replay(scope, fingerprint)
    try:
        response = perform()
    except BaseException:
        _let_go(claimed)
        raise
    if response.status_code >= 500:
        _let_go(claimed)
    else:
        _keep(claimed, response, secret_fields)
    return response


# --- the parts ----------------------------------------------------------------------------------

_Scope = tuple[str, str, str, int | None]


def _fingerprint(request: HttpRequest, body: Any) -> bytes:
    """What was asked, apart from how it was spelt: path, query and the body's value."""
    parts = [request.path, request.META.get("QUERY_STRING", "")]
    if isinstance(body, bytes):
        parts.append(hashlib.sha256(body).hexdigest())
    else:
        parts.append(canonical.sha256(body))
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).digest()


def _claim(scope: _Scope, fingerprint: bytes) -> int | None:
    key, actor, route, workspace_id = scope
    lock = hashlib.sha256(repr(scope).encode()).digest()
    number = int.from_bytes(lock[:8], "big", signed=True)
    with connection.cursor() as cursor:
        values = [workspace_id, actor, route, key, fingerprint, clock.now(), number]
        cursor.execute(_CLAIM, values)
        row = cursor.fetchone()
        return int(row[0]) if row else None


def _take_over(scope: _Scope, fingerprint: bytes) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_OVER, [*scope, fingerprint, CALL_S.value])
        row = cursor.fetchone()
        return int(row[0]) if row else None


def _let_go(pk: int) -> None:
    """What was refused or failed is not remembered."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM base_idempotencyrecord WHERE id = %s AND status = 0", [pk])


def _still_worked_on() -> Conflict:
    message = "The same request is being worked on. Ask again shortly."
    return Conflict(message, retry_after=_RETRY_S)


def _replay(scope: _Scope, fingerprint: bytes) -> HttpResponse:
    key, actor, route, workspace_id = scope
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [key, actor, route, workspace_id])
        row = cursor.fetchone()
        if row is None:
            raise _still_worked_on()
        stored, status, headers, body = row
    if bytes(stored) != fingerprint:
        message = f"This {HEADER} was used for another request."
        raise IdempotencyConflict(message, details={HEADER: "Use a new key."})
    if status == 0:
        raise _still_worked_on()
    return _answer(status, _as_mapping(headers), bytes(body))


def _as_mapping(headers: Any) -> Mapping[str, str]:
    found: Mapping[str, str] = (
        msgspec.json.decode(headers) if isinstance(headers, str | bytes) else headers
    )
    return found


def _answer(status: int, headers: Mapping[str, str], body: bytes) -> HttpResponse:
    response = HttpResponse(body, status=status)
    del response["Content-Type"]
    for name, value in headers.items():
        response[name] = value
    response[REPLAYED] = "true"
    return response


def _keep(pk: int, response: HttpResponse, secret_fields: Collection[str]) -> None:
    body = _body_of(response, secret_fields)
    if len(body) > _MAX_BODY:
        raise ValueError("an answer to a keyed write is larger than what is remembered")
    headers = {name: response[name] for name in _KEPT_HEADERS if response.has_header(name)}
    if body:
        headers.setdefault("Content-Type", JSON)
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP, [response.status_code, msgspec.json.encode(headers).decode(), body, pk]
        )


def _body_of(response: HttpResponse, secret_fields: Collection[str]) -> bytes:
    data = getattr(response, "data", None)
    if data is None:
        return (
            bytes(getattr(response, "content", b"")) if not isinstance(response, Response) else b""
        )
    if secret_fields:
        return encode(_without(msgspec.json.decode(encode(data)), frozenset(secret_fields)))
    return encode(data) if isinstance(response, Response) else bytes(response.content)


def _without(value: Any, secret: frozenset[str]) -> Any:
    """Secrets are shown once. A repeat tells that there was one, not what it was."""
    if isinstance(value, dict):
        return {
            name: None if name in secret else _without(inner, secret)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_without(inner, secret) for inner in value]
    return value
