"""Every failure of an API route, as the one envelope.

`{"error": {"code", "message", "details", "request_id"}}`. Product errors carry their own code;
what Django, DRF, the database and the pool raise is translated here. What nobody foresaw becomes
`INTERNAL` with the request id and nothing else: the reason is in the log, under the same id.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.core import exceptions as django_errors
from django.core.signals import got_request_exception
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from redis.exceptions import RedisError
from rest_framework import exceptions as drf_errors

from controlplane.audit.services import record_denied
from controlplane.base.api.answers import JsonAnswer
from controlplane.lib import context, error_help
from controlplane.lib.defaults import define
from controlplane.lib.errors import CODES, ControlPlaneError, NotAllowed, register_code

logger = logging.getLogger(__name__)
register_code(
    "LENGTH_REQUIRED",
    411,
    error_help.Help(
        "The body came in pieces, without saying how long it is.",
        "Send `Content-Length`: switch off chunked transfer in the client or the proxy before it.",
        error_help.NOBODY,
    ),
)

BUSY_RETRY_S = define(
    "api.busy_retry_seconds",
    2,
    unit="seconds",
    why="Retry-After of a 503: the time a full connection pool or a restart usually needs.",
)
_CONFLICT_RETRY_S = 1
CHALLENGE = 'Bearer realm="api"'


@dataclass(slots=True)
class Failure:
    code: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    unexpected: bool = False

    @property
    def status(self) -> int:
        return CODES[self.code]


def error_answer(error: BaseException, request: HttpRequest | None = None) -> JsonAnswer:
    """The answer to this failure. Writes the denial it tells of and logs what nobody foresaw.

    Call it after the failed transaction has rolled back, or the denial goes with it.
    """
    for cause in (error, error.__cause__):
        if isinstance(cause, NotAllowed):
            record_denied(cause)
    failure = failure_of(error)
    if failure.unexpected:
        logger.error("request failed: %s", type(error).__name__, exc_info=error)
        got_request_exception.send(sender=None, request=request)
    return answer(failure)


def answer(failure: Failure) -> JsonAnswer:
    status = failure.status
    headers = dict(failure.headers)
    headers.setdefault("Cache-Control", "no-store")
    headers.setdefault("Link", error_help.link(failure.code))
    if status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", CHALLENGE)
    body = {
        "error": {
            "code": failure.code,
            "message": failure.message,
            "details": failure.details,
            "request_id": context.current().request_id,
        }
    }
    return JsonAnswer(body, status, headers)


def exception_handler(exc: Exception, place: dict[str, Any]) -> JsonAnswer:
    """DRF's hook."""
    request = place.get("request")
    return error_answer(exc, getattr(request, "_request", request))


# --- from an exception to a code --------------------------------------------------------------


def failure_of(error: BaseException) -> Failure:
    if isinstance(error, ControlPlaneError):
        headers = _retry(error.retry_after) if error.retry_after is not None else {}
        headers.update(getattr(error, "headers", {}))
        return Failure(error.error_code, error.message, dict(error.details), headers)
    if isinstance(error, drf_errors.APIException):
        return _of_drf(error)
    if isinstance(error, DatabaseError | InterfaceError):
        return _of_database(error)
    return _of_django(error) or Failure(
        "INTERNAL",
        "The error is recorded. If it stays, name the request id to an operator.",
        unexpected=True,
    )


def _of_django(error: BaseException) -> Failure | None:
    if isinstance(error, Http404):
        return Failure("NOT_FOUND", "Nothing is here, or it is not yours to see.")
    if isinstance(error, django_errors.PermissionDenied):
        return Failure("FORBIDDEN", "You may not do this.")
    if isinstance(error, django_errors.ValidationError):
        return Failure("INVALID_ARGUMENT", "Some values are not valid.", _of_validation(error))
    if isinstance(error, django_errors.RequestDataTooBig):
        return Failure("TOO_LARGE", "The body is larger than this route accepts.")
    if isinstance(
        error,
        django_errors.SuspiciousOperation
        | django_errors.BadRequest
        | UnreadablePostError
        | MultiPartParserError,
    ):
        return Failure("INVALID_ARGUMENT", "The request is not well formed.")
    if isinstance(error, RedisError):
        logger.warning("the broker did not answer: %s", type(error).__name__)
        return _unavailable()
    return None


_DRF_CODES: dict[type[drf_errors.APIException], str] = {
    drf_errors.NotAuthenticated: "UNAUTHORIZED",
    drf_errors.AuthenticationFailed: "UNAUTHORIZED",
    drf_errors.PermissionDenied: "FORBIDDEN",
    drf_errors.NotFound: "NOT_FOUND",
    drf_errors.MethodNotAllowed: "METHOD_NOT_ALLOWED",
    drf_errors.NotAcceptable: "NOT_ACCEPTABLE",
    drf_errors.UnsupportedMediaType: "UNSUPPORTED_MEDIA_TYPE",
    drf_errors.Throttled: "RATE_LIMITED",
}


def _of_drf(error: drf_errors.APIException) -> Failure:
    if isinstance(error, drf_errors.ValidationError):
        return Failure("INVALID_ARGUMENT", "Some values are not valid.", flat(error.detail))
    code = next((code for kind, code in _DRF_CODES.items() if isinstance(error, kind)), None)
    if code is None:
        code = "INVALID_ARGUMENT" if error.status_code < 500 else "INTERNAL"
    wait = getattr(error, "wait", None)
    message = error.detail if isinstance(error.detail, str) else "The request was refused."
    return Failure(code, str(message), headers=_retry(wait) if wait else {})


def flat(detail: Any, path: str = "") -> dict[str, str]:
    """Nested field errors as `{"items.0.name": "sentence"}`: one form for every client."""
    if isinstance(detail, dict):
        found: dict[str, str] = {}
        for name, inner in detail.items():
            found |= flat(inner, _under(path, str(name)))
        return found
    if isinstance(detail, list | tuple):
        if all(not isinstance(inner, dict | list) for inner in detail):
            return {path or "body": " ".join(str(inner) for inner in detail)} if detail else {}
        found = {}
        for position, inner in enumerate(detail):
            found |= flat(inner, _under(path, str(position)))
        return found
    return {path or "body": str(detail)}


def _under(path: str, name: str) -> str:
    """Errors of a whole object stand under the object's own name."""
    if name == "non_field_errors":
        return path
    return f"{path}.{name}" if path else name


def _of_validation(error: django_errors.ValidationError) -> dict[str, str]:
    if hasattr(error, "error_dict"):
        return {
            "body" if name == django_errors.NON_FIELD_ERRORS else name: " ".join(messages)
            for name, messages in error.message_dict.items()
        }
    return {"body": " ".join(error.messages)}


# SQLSTATE -> what the caller can do about it.
_RETRY_STATES = {"40001", "40P01", "55P03"}  # serialization, deadlock, lock not available
_TAKEN_STATES = {"23505", "23P01"}  # unique, exclusion


def _of_database(error: BaseException) -> Failure:
    state = getattr(error.__cause__, "sqlstate", None) or ""
    if state in _RETRY_STATES:
        message = "Somebody else is changing the same thing. Try again."
        return Failure("CONFLICT", message, headers=_retry(_CONFLICT_RETRY_S))
    if isinstance(error, IntegrityError) and state in _TAKEN_STATES:
        logger.warning("a uniqueness rule of the database refused a write", exc_info=error)
        return Failure("CONFLICT", "This exists already, or somebody was faster.")
    if isinstance(error, DataError):
        logger.warning("the database could not store a value", exc_info=error)
        return Failure("INVALID_ARGUMENT", "A value is out of range or not storable.")
    if isinstance(error, OperationalError | InterfaceError):
        # A full pool, a restart, a statement past its time: all end by themselves.
        logger.warning("the database did not answer: %s", error)
        return _unavailable()
    return Failure("INTERNAL", "The error is recorded under the request id.", unexpected=True)


def _unavailable() -> Failure:
    message = "The portal is busy or restarting. Try again shortly."
    return Failure("UNAVAILABLE", message, headers=_retry(BUSY_RETRY_S.value))


def _retry(seconds: float | None) -> dict[str, str]:
    return {"Retry-After": str(max(1, math.ceil(seconds or 0)))}
