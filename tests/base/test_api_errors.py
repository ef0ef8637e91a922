"""Every failure is the envelope, and tells no more than it should."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
import pytest
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    ValidationError,
)
from django.db import DataError, IntegrityError, OperationalError
from django.http import Http404
from psycopg_pool import PoolTimeout
from redis.exceptions import ConnectionError as BrokerAway
from rest_framework import exceptions as drf

from controlplane.lib import errors
from tests.kit import sample_api
from tests.kit.api import Api, refused

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kit.sample_api")]


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


CASES = [
    (errors.Conflict("no"), "CONFLICT"),
    (errors.GateNotMet("no", details={"conditions": ["a"]}), "GATE_NOT_MET"),
    (errors.Unavailable("no", retry_after=7), "UNAVAILABLE"),
    (errors.NotAllowed("no", code="INSUFFICIENT_AUTHORITY"), "INSUFFICIENT_AUTHORITY"),
    (Http404("secret words"), "NOT_FOUND"),
    (PermissionDenied("secret words"), "FORBIDDEN"),
    (SuspiciousOperation("secret words"), "INVALID_ARGUMENT"),
    (TooManyFieldsSent("secret words"), "INVALID_ARGUMENT"),
    (RequestDataTooBig("secret words"), "TOO_LARGE"),
    (drf.NotAuthenticated(), "UNAUTHORIZED"),
    (drf.MethodNotAllowed("GET"), "METHOD_NOT_ALLOWED"),
    (drf.UnsupportedMediaType("x/y"), "UNSUPPORTED_MEDIA_TYPE"),
    (drf.Throttled(3), "RATE_LIMITED"),
    (drf.ParseError(), "INVALID_ARGUMENT"),
    (caused(OperationalError(), PoolTimeout("secret words")), "UNAVAILABLE"),
    (OperationalError("secret words"), "UNAVAILABLE"),
    (caused(OperationalError(), psycopg.errors.SerializationFailure()), "CONFLICT"),
    (caused(OperationalError(), psycopg.errors.DeadlockDetected()), "CONFLICT"),
    (caused(OperationalError(), psycopg.errors.LockNotAvailable()), "CONFLICT"),
    (caused(OperationalError(), psycopg.errors.QueryCanceled()), "UNAVAILABLE"),
    (caused(IntegrityError(), psycopg.errors.UniqueViolation()), "CONFLICT"),
    (caused(IntegrityError(), psycopg.errors.ForeignKeyViolation()), "INTERNAL"),
    (DataError("secret words"), "INVALID_ARGUMENT"),
    (BrokerAway("secret words"), "UNAVAILABLE"),
    (RuntimeError("secret words"), "INTERNAL"),
    (RecursionError("secret words"), "INTERNAL"),
]


@pytest.mark.parametrize(("error", "code"), CASES, ids=lambda value: getattr(value, "args", value))
def test_failure__has_its_code_and_keeps_secrets(error: Exception, code: str) -> None:
    sample_api.raises.append(error)
    response = Api().get("/api/v1/boom")
    refused(response, code)
    assert b"secret words" not in response.content
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (errors.RateLimited("no", retry_after=0.2), "1"),
        (errors.Unavailable("", retry_after=7.1), "8"),
    ],
)
def test_waiting__is_said_in_whole_seconds(error: Exception, seconds: str) -> None:
    sample_api.raises.append(error)
    assert Api().get("/api/v1/boom")["Retry-After"] == seconds


def test_full_pool__says_when_to_come_back() -> None:
    sample_api.raises.append(caused(OperationalError(), PoolTimeout()))
    assert int(Api().get("/api/v1/boom")["Retry-After"]) >= 1


def test_field_errors__are_flat_sentences() -> None:
    sample_api.raises.append(
        drf.ValidationError(
            {"items": [{}, {"name": ["Too long.", "Odd."]}], "non_field_errors": ["No."]}
        )
    )
    details = refused(Api().get("/api/v1/boom"), "INVALID_ARGUMENT")
    assert details == {"items.1.name": "Too long. Odd.", "body": "No."}


def test_model_validation__names_its_fields() -> None:
    sample_api.raises.append(ValidationError({"name": ["Taken."], "__all__": ["Odd."]}))
    details = refused(Api().get("/api/v1/boom"), "INVALID_ARGUMENT")
    assert details == {"name": "Taken.", "body": "Odd."}


def test_unforeseen__is_logged_under_the_request_id(caplog: Any) -> None:
    sample_api.raises.append(RuntimeError("what went wrong"))
    with caplog.at_level(logging.ERROR):
        response = Api().get("/api/v1/boom", **{"X-Request-ID": "my-own-id"})
    assert response["X-Request-ID"] == "my-own-id"
    assert any(
        record.exc_info and "what went wrong" in str(record.exc_info[1])
        for record in caplog.records
    )


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/v1/nothing-here", "NOT_FOUND"),
        ("/api/nothing/%00", "INVALID_ARGUMENT"),
        ("/api/v1/agents?a=%00", "INVALID_ARGUMENT"),
        ("/api/v1/agents/not-a-uuid", "NOT_FOUND"),
    ],
)
def test_unknown_paths__answer_the_envelope(path: str, code: str) -> None:
    refused(Api().get(path), code)


def test_bad_host__answers_the_envelope() -> None:
    refused(Api().get("/api/v1/agents", Host="evil.example"), "INVALID_ARGUMENT")
