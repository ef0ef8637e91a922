"""A write that asks somebody outside keeps no transaction open, also under an `Idempotency-Key`,
and happens once all the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from controlplane.access.services import issuers
from controlplane.base.api import checks, idempotency
from controlplane.base.models import IdempotencyRecord
from controlplane.lib.errors import Unavailable
from controlplane.notify import services
from controlplane.notify.channels import Outcome
from tests import make
from tests.kit import sample_api
from tests.kit.api import Api, refused

sample = pytest.mark.urls("tests.kit.sample_api")
pytestmark = pytest.mark.django_db(transaction=True)
OUTSIDE = "/api/v1/outside"
KEY = {"Idempotency-Key": "once"}


@pytest.fixture
def ws() -> Any:
    return make.workspace()


@pytest.fixture
def api(ws: Any) -> Api:
    return Api(browser=make.client(make.person(ws, "workspace_admin")))


@pytest.fixture(autouse=True)
def calls() -> list[str]:
    sample_api.calls.clear()
    sample_api.raises.clear()
    return sample_api.calls


@sample
def test_call__with_a_key__outside_a_transaction_and_once(api: Api, calls: list[str]) -> None:
    first = api.post(OUTSIDE, {"text": "x"}, **KEY)
    again = api.post(OUTSIDE, {"text": "x"}, **KEY)
    assert calls == ["free"]
    assert (first.status_code, first.has_header("Idempotency-Replayed")) == (200, False)
    assert (again.content, again["Idempotency-Replayed"]) == (first.content, "true")
    refused(api.post(OUTSIDE, {"text": "y"}, **KEY), "IDEMPOTENCY_CONFLICT")


@sample
def test_call_that_failed_or_was_refused__is_not_remembered(api: Api, calls: list[str]) -> None:
    sample_api.raises.append(Unavailable("The receiver is away."))
    refused(api.post(OUTSIDE, {}, **KEY), "UNAVAILABLE")
    assert api.post(OUTSIDE, {"flag": True}, **KEY).status_code == 502
    assert not IdempotencyRecord.objects.exists()
    assert api.post(OUTSIDE, {}, **KEY).status_code == 200
    assert calls == ["free"] * 3


@sample
def test_call_still_running__the_second_is_told_to_come_back(api: Api, calls: list[str]) -> None:
    api.post(OUTSIDE, {"text": "x"}, **KEY)
    IdempotencyRecord.objects.update(status=0)
    answer = api.post(OUTSIDE, {"text": "x"}, **KEY)
    refused(answer, "CONFLICT")
    assert answer["Retry-After"] == "1"
    refused(api.post(OUTSIDE, {"text": "y"}, **KEY), "IDEMPOTENCY_CONFLICT")
    assert calls == ["free"]


@sample
def test_caller_died_in_the_call__its_claim_is_taken_over(api: Api, calls: list[str]) -> None:
    api.post(OUTSIDE, {"text": "x"}, **KEY)
    row = IdempotencyRecord.objects.get()
    old = row.created_at - timedelta(seconds=idempotency.CALL_S.value + 1)
    IdempotencyRecord.objects.update(status=0, created_at=old)
    refused(api.post(OUTSIDE, {"text": "y"}, **KEY), "IDEMPOTENCY_CONFLICT")
    assert api.post(OUTSIDE, {"text": "x"}, **KEY).status_code == 200
    assert calls == ["free", "free"]
    assert IdempotencyRecord.objects.get().status == 200


@sample
def test_stranger__gets_nothing_by_the_key(api: Api, calls: list[str]) -> None:
    api.post(OUTSIDE, {"text": "x"}, **KEY)
    viewer = Api(browser=make.client(make.person(make.workspace(), "viewer")))
    refused(viewer.post(OUTSIDE, {"text": "x"}, **KEY), "FORBIDDEN")
    assert calls == ["free"]


def test_channel_test_and_key_fetch__call_outside_a_transaction(
    ws: Any, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def send(*_: Any) -> Outcome:
        seen.append(connection.in_atomic_block)
        return Outcome("accepted")

    def fetch(url: str) -> dict[str, Any]:
        seen.append(connection.in_atomic_block)
        return {"keys": []}

    monkeypatch.setattr("controlplane.notify.services.channels.channels.send", send)
    monkeypatch.setattr("controlplane.access.services.issuers._fetch", fetch)
    actor = make.actor(make.person(ws, "workspace_admin"))
    channel = services.create_channel(
        ws, actor=actor, name="Mail", kind="email", target="ops@example.com"
    )
    issuer = issuers.trust_issuer(
        ws,
        actor=actor,
        issuer="https://issuer.example",
        audience="portal",
        jwks_url="https://issuer.example/keys",
        role="planner",
    )
    seen.clear()
    for path in (
        f"/api/v1/channels/{channel.uid}/test",
        f"/api/v1/issuers/{issuer.uid}/fetch-keys",
    ):
        first, again = api.post(path, {}, **KEY), api.post(path, {}, **KEY)
        assert (first.status_code, again.content) == (200, first.content), first.content
        assert again["Idempotency-Replayed"] == "true"
    assert seen == [False, False]


def test_route_that_calls_out_and_locks__is_a_fault_at_start() -> None:
    class Both(sample_api.Outside):
        if_match = {"POST": "optional"}

    assert any("transaction" in fault for fault in checks.faults(Both))
