"""Applications call themselves what they like: so many are kept by name, and no more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction

from controlplane.access.models import Workspace
from controlplane.base import retention
from controlplane.lib import clock
from deployments.flags.models import FlagUsage, ImpactSample, SdkApp, SdkInstance, UnknownFlag
from deployments.flags.services import apps
from deployments.flags.services.apps import OTHER, App
from deployments.flags.serving import counting
from tests import make
from tests.kit import sdk as flags
from tests.kit.racing import race
from tests.kit.sdk import Sdk

pytestmark = pytest.mark.django_db
ERRORS = {"name": "errors", "type": "counter"}


@pytest.fixture
def ws() -> Workspace:
    return make.workspace()


@pytest.fixture(autouse=True)
def three_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_FLAGS_APPS_MOST", "3")


def report(sdk: Sdk, app: str, **labels: str) -> None:
    now = clock.now().isoformat()
    toggles = {"a": {"yes": 1, "no": 0}, "gone": {"yes": 1, "no": 0}}
    told = {
        "appName": app,
        "instanceId": "i",
        "bucket": {"start": now, "stop": now, "toggles": toggles},
        "impactMetrics": [{**ERRORS, "samples": [{"labels": {"a": "x", **labels}, "value": 1}]}],
    }
    browser = sdk.issued.token.kind == "frontend"
    path = "/unleash/api/frontend/client/metrics" if browser else "/unleash/api/client/metrics"
    assert sdk.post(path, told).status_code == 202


def names(model: Any) -> set[str]:
    return set(model.objects.values_list("app", flat=True))


def test_names_made_up__are_counted_under_one(ws: Workspace) -> None:
    flags.flag(ws, "a")
    sdk = Sdk(ws)
    for number in range(8):
        report(sdk, f"app-{number}")
        counting.flush()
    kept = {"app-0", "app-1", "app-2", OTHER}
    for model in (FlagUsage, UnknownFlag, SdkInstance, ImpactSample):
        assert names(model) == kept, model
    assert FlagUsage.objects.get(app=OTHER).yes == 5
    assert UnknownFlag.objects.get(app=OTHER).times == 5
    assert ImpactSample.objects.get(app=OTHER).value == 5
    report(sdk, "app-1")
    counting.flush()
    assert FlagUsage.objects.get(app="app-1").yes == 2


def test_names_made_up_at_once__are_counted_under_one_too(ws: Workspace) -> None:
    flags.flag(ws, "a")
    sdk = Sdk(ws)
    for number in range(8):
        report(sdk, "shop", appName=f"app-{number}")  # as SDKs name it in a label
    counting.flush()
    assert SdkApp.objects.count() == 3
    assert len(names(ImpactSample)) == 4


def test_names_told_by_browsers__leave_services_theirs(ws: Workspace) -> None:
    flags.flag(ws, "a")
    browser, service = Sdk(ws, "frontend"), Sdk(ws)
    for number in range(8):
        report(browser, f"made-up-{number}")
    counting.flush()
    report(service, "shop")
    counting.flush()
    assert FlagUsage.objects.get(app="shop").yes == 1
    # A browser that asks by OFREP is counted by its token's name, which is the portal's own.
    browser.evaluate("a")
    counting.flush()
    assert FlagUsage.objects.get(app=browser.issued.token.name).yes == 1


def test_other_environments__have_names_of_their_own(ws: Workspace) -> None:
    for number in range(5):
        counting.unknown(flags.environment(ws).pk, App(f"app-{number}"), "x")
    elsewhere = flags.environment(make.workspace())
    counting.unknown(elsewhere.pk, App("mine"), "x")
    counting.flush()
    assert set(UnknownFlag.objects.filter(environment=elsewhere).values_list("app", flat=True)) == {
        "mine"
    }


def test_name_unseen_for_a_month__makes_room(ws: Workspace) -> None:
    place = flags.environment(ws).pk
    with time_machine.travel(clock.now() - timedelta(days=40)):
        apps.settle((place, App(f"old-{number}")) for number in range(3))
    told = [(place, App("old-0")), (place, App("new"))]
    assert [*apps.settle(told).values()] == [OTHER, "old-0"]
    retention.clean(actor=make.JOB, only="flags.sdk_apps")
    assert {each.name for each in SdkApp.objects.all()} == {"old-0"}
    assert [*apps.settle(told).values()] == ["new", "old-0"]


def test_measured_by_browsers__is_kept_apart(ws: Workspace) -> None:
    flags.flag(ws, "a")
    browser, service = Sdk(ws, "frontend"), Sdk(ws)
    report(service, "shop")
    for _ in range(3):
        report(browser, "shop")
    rows = ImpactSample.objects.order_by("source").values_list("source", "value")
    assert [*rows] == [("client", 1.0), ("frontend", 3.0)]


@pytest.mark.django_db(transaction=True)
def test_names_admitted_by_several_at_once__are_no_more_than_there_is_room() -> None:
    place = flags.environment(make.workspace()).pk

    def admit(worker: int) -> list[str]:
        told = [(place, App(f"{worker}-{number}")) for number in range(3)]
        with transaction.atomic():
            return [*apps.settle(told).values()]

    found = [name for names in race(4, admit) for name in names]
    assert SdkApp.objects.count() == 3
    assert found.count(OTHER) == 9
