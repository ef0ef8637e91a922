"""What the OpenAPI document promises is what callers get: whoever asks, whatever they send, no
answer is a failure, has a status that the document doesn't name, or a form that it doesn't show.

A few requests of each operation; `--contract-cases 60` sends so many, and half as many at random.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client

from controlplane.base.api import routes, throttles
from controlplane.base.api.answers import JsonAnswer
from controlplane.catalog.models import Environment
from controlplane.lib import http
from deployments.flags.services.tokens import issue_token
from tests import make
from tests.kit import alerts, contract, settled
from tests.kit.contract import Caller
from tests.kit.contract_rows import Known
from tests.kit.inhabited import World, settle

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
PARTS = 6
SEED = 12


@settled.once
def world() -> World:
    with connection.cursor() as cursor:  # making a request may take its time
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    return settle()


@settled.once
def known(world: World) -> Known:
    with patch.object(throttles, "check"):
        found = Known(_browser(world))
        found.walk(list(contract.document().raw_schema["paths"]))
    return found


@settled.once
def others(world: World) -> dict[str, dict[str, str]]:
    """Credentials of those who come with their own."""
    place = Environment.objects.get(workspace=world.workspace, slug="staging")
    token = issue_token(place, actor=make.actor(world.root), name="contract").secret
    source = alerts.source(world.workspace, name="contract")
    return {
        "sdkToken": {"Authorization": str(token)},
        "AlertSourceKey": {"Authorization": f"Bearer {source.key}"},
    }


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody is asked to wait, nobody outside is looked for, and refusals are not worth a line."""

    def nowhere(host: str, port: int) -> list[str]:
        raise OSError(f"{host} is outside")

    monkeypatch.setattr(throttles, "check", lambda *_, **__: None)
    monkeypatch.setattr(http, "_look_up", nowhere)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def _browser(world: World) -> Client:
    client = make.client(world.root)
    client.raise_request_exception = False
    client.defaults["HTTP_X_WORKSPACE"] = world.workspace.slug
    return client


def _faults(
    caller: Caller, known: Known, asked: list[Any], config: pytest.Config, few: int
) -> list[str]:
    count = config.getoption("contract_cases") or few
    return [
        f"{operation.label}: {fault}"
        for operation in asked
        for case in contract.cases(operation, known, count=count, seed=SEED)
        for fault in contract.ask(case, caller).faults
    ]


def _none(faults: list[str]) -> None:
    assert not faults, f"{len(faults)} broken promises:\n" + "\n".join(faults)


@pytest.mark.parametrize("part", range(PARTS))
def test_administrator(
    world: World, known: Known, others: Any, pytestconfig: pytest.Config, part: int
) -> None:
    """Somebody who may everything, in a workspace where everything has happened."""
    caller = Caller(_browser(world), others)
    asked = contract.operations()[part::PARTS]
    assert len(asked) > 100
    _none(_faults(caller, known, asked, pytestconfig, 2))


def test_machine(world: World, known: Known, others: Any, pytestconfig: pytest.Config) -> None:
    """A service whose key has every scope: much is for people alone."""
    _, secret = make.key(make.agent(world.workspace, role=""))
    bearer = {"Authorization": f"Bearer {secret}"}
    caller = Caller(Client(raise_request_exception=False), {"bearer": bearer})
    _none(_faults(caller, known, contract.operations()[1::3], pytestconfig, 1))


def test_nobody(known: Known, pytestconfig: pytest.Config) -> None:
    caller = Caller(Client(raise_request_exception=False))
    _none(_faults(caller, known, contract.operations()[2::3], pytestconfig, 1))


def test_broken_promises__are_noticed(
    world: World, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure, a status that nobody documented, a form that is another one."""
    [operation] = [each for each in contract.operations() if each.label == "GET /api/v1/throttles"]
    caller = Caller(_browser(world))
    case = operation.Case()
    assert contract.ask(case, caller).faults == []

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    def other(*_: Any) -> Any:
        return JsonAnswer({"items": "none"}, 200)

    def undocumented(*_: Any) -> Any:
        return JsonAnswer({}, 418)

    for answer, words in (
        (broken, "failed"), (other, "violates schema"), (undocumented, "Undocumented status code"),
    ):  # fmt: skip
        monkeypatch.setattr(routes.ThrottleList, "get", answer)
        [fault, *_] = contract.ask(case, caller).faults
        assert words in fault, fault
