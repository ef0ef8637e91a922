"""A write sent twice under one key happens once, and is answered twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.access.models import Agent
from controlplane.base import retention
from controlplane.base.models import IdempotencyRecord
from controlplane.lib import clock
from tests import make
from tests.kit import sample_api
from tests.kit.api import Api, refused
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kit.sample_api"), pytest.mark.servers]
AGENTS = "/api/v1/agents"
KEY = {"Idempotency-Key": "my-key-1"}


@pytest.fixture
def ws() -> Any:
    return make.workspace()


@pytest.fixture
def api(ws: Any) -> Api:
    return Api(browser=make.client(make.person(ws, "workspace_admin")))


@pytest.fixture(autouse=True)
def calls() -> list[str]:
    sample_api.calls.clear()
    return sample_api.calls


def test_repeat__gets_the_same_answer_and_changes_nothing(api: Api, calls: list[str]) -> None:
    first = api.post(AGENTS, {"name": "b"}, **KEY)
    again = api.post(AGENTS, {"name": "b"}, **KEY)
    assert (first.status_code, first.has_header("Idempotency-Replayed")) == (201, False)
    assert (again.status_code, again["Idempotency-Replayed"]) == (201, "true")
    assert (again.content, again["Location"]) == (first.content, "/there")
    assert again["Content-Type"] == "application/json"
    assert calls == ["b"]


def test_other_spelling__is_the_same_request(api: Api, calls: list[str]) -> None:
    api.raw("POST", AGENTS, b'{"name": "b", "role": "planner"}', **KEY)
    again = api.raw("POST", AGENTS, b' {"role":"planner","name":"b"}', **KEY)
    assert again["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("path", [AGENTS, f"{AGENTS}?workspace=SLUG"])
def test_other_payload__is_a_conflict(api: Api, ws: Any, path: str, calls: list[str]) -> None:
    api.post(AGENTS, {"name": "b"}, **KEY)
    body = {"name": "b" if "?" in path else "c"}
    refused(api.post(path.replace("SLUG", ws.slug), body, **KEY), "IDEMPOTENCY_CONFLICT")
    assert calls == ["b"]


def test_key__belongs_to_its_caller_workspace_and_route(api: Api, ws: Any) -> None:
    api.post(AGENTS, {"name": "b"}, **KEY)
    other = Api(browser=make.client(make.person(ws, "workspace_admin")))
    refused(other.post(AGENTS, {"name": "b"}, **KEY), "CONFLICT")  # the name is taken
    elsewhere = Api(browser=make.client(make.person(make.workspace(), "workspace_admin")))
    assert not elsewhere.post(AGENTS, {"name": "b"}, **KEY).has_header("Idempotency-Replayed")
    assert not api.post("/api/v1/plain", {}, **KEY).has_header("Idempotency-Replayed")


def test_refused_request__is_not_remembered(api: Api) -> None:
    refused(api.post(AGENTS, {"name": ""}, **KEY), "INVALID_ARGUMENT")
    refused(api.post(AGENTS, {"name": "b", "role": "no-such-role"}, **KEY), "INVALID_ARGUMENT")
    assert api.post(AGENTS, {"name": "b"}, **KEY).status_code == 201


def test_failed_request__is_not_remembered(api: Api, calls: list[str]) -> None:
    for _ in range(2):
        assert api.post("/api/v1/boom", {}, **KEY).status_code == 502
    assert calls == ["boom", "boom"]
    assert not IdempotencyRecord.objects.exists()


def test_secret__is_answered_once_and_never_stored(api: Api) -> None:
    first = api.post("/api/v1/agents-secret", {"name": "b"}, **KEY).json()
    again = api.post("/api/v1/agents-secret", {"name": "b"}, **KEY).json()
    assert first["secret"] == "shown once"
    assert again == {**first, "secret": None}
    assert b"shown once" not in bytes(IdempotencyRecord.objects.get().body)


def test_plain_view__shares_it(api: Api, calls: list[str]) -> None:
    first = api.post("/api/v1/plain", {"text": "x"}, **KEY)
    again = api.post("/api/v1/plain", {"text": "x"}, **KEY)
    assert first.content == again.content
    assert (first.status_code, again["Idempotency-Replayed"]) == (201, "true")
    refused(api.post("/api/v1/plain", {"text": "y"}, **KEY), "IDEMPOTENCY_CONFLICT")
    assert calls == ["plain"]


@pytest.mark.parametrize("key", ["", " ", "two words", "x" * 256, "é"])
def test_key__has_a_form(api: Api, key: str) -> None:
    refused(api.post(AGENTS, {"name": "b"}, **{"Idempotency-Key": key}), "INVALID_ARGUMENT")


def test_key_on_a_read__is_ignored(api: Api) -> None:
    assert api.get(AGENTS, **KEY).status_code == 200
    assert not IdempotencyRecord.objects.exists()


def test_answer__is_forgotten_after_a_day(api: Api) -> None:
    api.post(AGENTS, {"name": "b"}, **KEY)
    retention.clean(actor=make.JOB, only="base.idempotency")
    assert IdempotencyRecord.objects.count() == 1
    IdempotencyRecord.objects.update(created_at=clock.now() - timedelta(hours=25))
    retention.clean(actor=make.JOB, only="base.idempotency")
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_duplicates_at_once__execute_once(ws: Any) -> None:
    _, secret = make.key(make.agent(ws, role=""))

    def send(number: int) -> Any:
        return Api(secret).post("/api/v1/plain", {"text": "x"}, **KEY)

    answers = race(4, send)
    sample_api_calls = [call for call in sample_api.calls if call == "plain"]
    assert len(sample_api_calls) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    for answer in answers:
        if answer.status_code == 409:
            refused(answer, "CONFLICT")
            assert answer["Retry-After"] == "1"
    assert send(0)["Idempotency-Replayed"] == "true"
    assert IdempotencyRecord.objects.count() == 1
    assert Agent.objects.filter(workspace=ws).count() == 1
