"""Rows written by hand, in no shape the services would write: off, said so, and no one else's
trouble."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.db import connection

from controlplane.access.models import Workspace
from deployments.flags import is_enabled, services
from deployments.flags.models import FlagState
from deployments.flags.serving import gauges, loading
from deployments.flags.serving.snapshots import Snapshot
from deployments.flags.serving.store import store
from tests import make
from tests.kit import sdk as flags
from tests.kit import settled
from tests.kit.sdk import Sdk

pytestmark = pytest.mark.django_db
MALFORMED: list[Any] = [
    [],
    None,
    {"on": True, "rules": [1]},
    {"on": True, "rules": {}},
    {"on": True, "rules": None},
    {"on": "no"},
    {"on": True, "variants": [{"name": "a"}]},
    {"on": True, "variants": [{"name": [], "weight": 1}]},
    {"on": True, "allow": [1]},
    {"on": True, "deny": "everybody"},
    {"on": True, "rules": [{"percent": 100, "constraints": None}]},
    {"on": True, "rules": [{"percent": 100, "stickiness": {}}]},
    {"on": True, "rules": [{"percent": 100, "title": ["x"]}]},
    {"on": True, "rules": [{"percent": 100, "segments": [{}]}]},
    {"on": True, "requires": ["a"]},
]


@settled.once
def ws() -> Workspace:
    return make.workspace()


@pytest.fixture(autouse=True)
def looks_only_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_FLAGS_LOOK_SECONDS", "3600")


def on(name: str, ws: Workspace, **context: Any) -> bool:
    return is_enabled(name, context, workspace=ws, environment=flags.PLACE, default=True)


def by_hand(settings: Any, name: str = "a") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE feature_flags_flagstate SET settings = %s FROM feature_flags f"
            " WHERE f.id = flag_id AND f.flag_name = %s",
            [json.dumps(settings), name],
        )


@pytest.mark.parametrize("settings", MALFORMED, ids=json.dumps)
def test_malformed_row__is_off_and_the_others_are_answered(ws: Workspace, settings: Any) -> None:
    flags.flag(ws, "a")
    flags.flag(ws, "b")
    sdk = Sdk(ws)
    by_hand(settings)
    assert not on("a", ws, userId="1")
    assert on("b", ws, userId="1")
    assert sdk.evaluate("a", {"targetingKey": "1"}).json()["value"] is False
    assert sdk.evaluate("", {"targetingKey": "1"}).status_code == 200
    assert sdk.features().status_code == 200
    told = {"appName": "x", "bucket": None}
    assert sdk.post("/unleash/api/client/metrics", told).status_code == 202


def test_malformed_row__is_said_once_and_counted(
    ws: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    flags.flag(ws, "a")
    other = flags.flag(ws, "b")
    assert on("a", ws)
    by_hand([])
    with caplog.at_level(logging.ERROR, logger=loading.__name__):
        flags.heard()
        flags.change(other, deny=["1"])
        flags.heard()
    assert [record.args for record in caplog.records] == [("a", ws.slug, flags.PLACE)]
    gauges.watched(store)
    assert gauges.UNREADABLE._value.get() == 1
    assert Sdk(ws).evaluate("a").json()["metadata"]["why"] == "unreadable"


@pytest.mark.parametrize("constraints", [{}, None, [1], [{"values": None}]], ids=json.dumps)
def test_malformed_segment__holds_for_nobody(ws: Workspace, constraints: Any) -> None:
    where = [flags.where("region", "IN", "eu")]
    services.create_segment(ws, "eu", actor=make.JOB, constraints=where)
    flags.flag(ws, "a", rules=[flags.rule(segments=["eu"])])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE feature_flags_segment SET constraints = %s", [json.dumps(constraints)]
        )
    assert not on("a", ws, region="eu")


def test_failing_environment__holds_up_no_other(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = make.workspace()
    flags.flag(theirs, "a")
    flags.flag(ws, "a")
    assert on("a", theirs)
    assert on("a", ws)
    bad = FlagState.objects.get(flag__workspace=theirs, environment__slug=flags.PLACE)
    load = loading.load

    def failing(environment_id: int, before: Snapshot | None) -> Snapshot | None:
        if environment_id == bad.environment_id:
            raise RuntimeError("a row of no shape")
        return load(environment_id, before)

    monkeypatch.setattr(loading, "load", failing)
    by_hand({"on": False})
    flags.heard()
    assert on("a", theirs)  # what was last known
    assert not on("a", ws)
    store.clear()
    assert on("a", theirs)  # the default: nobody who asks is failed
