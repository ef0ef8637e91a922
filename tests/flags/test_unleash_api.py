"""The Unleash client and frontend API, as its SDKs use it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.lib import clock
from deployments.flags import services
from deployments.flags.models import FlagUsage, ImpactSample, SdkInstance, UnknownFlag
from deployments.flags.services.segments import create_segment
from deployments.flags.serving import counting
from tests import make
from tests.kit import sdk as flags
from tests.kit import settled
from tests.kit.sdk import Sdk, rule, variant, where

pytestmark = pytest.mark.django_db
CLIENT, FRONTEND = "/unleash/api/client", "/unleash/api/frontend"
STREAM = f"{CLIENT}/streaming"


@settled.once
def ws() -> Workspace:
    return make.workspace()


@settled.once
def sdk(ws: Workspace) -> Sdk:
    return Sdk(ws)


# --- Features -----------------------------------------------------------------------------------


def segment(ws: Workspace) -> None:
    create_segment(
        ws, "eu", actor=make.JOB, name="Europe", constraints=[where("region", "IN", "eu")]
    )


def test_features__are_what_sdks_evaluate(ws: Workspace, sdk: Sdk) -> None:
    segment(ws)
    flags.flag(ws, "a", rules=[rule(50, segments=["eu"])], variants=[variant("x")])
    answer = sdk.features()
    told = answer.json()
    assert (told["version"], [each["name"] for each in told["features"]]) == (2, ["a"])
    assert "portal" not in told["features"][0]
    assert told["features"][0]["strategies"][0]["segments"] == [told["segments"][0]["id"]]
    assert told["query"] == {"environment": flags.PLACE, "inlineSegmentConstraints": False}
    assert told["meta"]["etag"] == answer["ETag"]
    assert answer["ETag"] == f'"{told["meta"]["queryHash"]}:{told["meta"]["revisionId"]}:v1"'


@pytest.mark.parametrize(
    "spec", [{}, {"Unleash-Client-Spec": "4.1.9"}, {"Unleash-Client-Spec": "x"}]
)
def test_features__hold_segments_inside_for_sdks_that_know_none(
    ws: Workspace, sdk: Sdk, spec: dict[str, str]
) -> None:
    segment(ws)
    flags.flag(ws, "a", rules=[rule(segments=["eu"])])
    told = sdk.get(f"{CLIENT}/features", **spec).json()
    assert "segments" not in told
    assert told["query"]["inlineSegmentConstraints"] is True
    strategy = told["features"][0]["strategies"][0]
    assert strategy["constraints"][0]["values"] == ["eu"]
    assert "segments" not in strategy


def test_features__are_304_until_something_changes(ws: Workspace, sdk: Sdk) -> None:
    made = flags.flag(ws, "a")
    tag = sdk.features()["ETag"]
    again = sdk.features(**{"If-None-Match": tag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    services.kill(made, actor=make.JOB)
    flags.heard()
    changed = sdk.features(**{"If-None-Match": tag})
    assert (changed.status_code, changed.json()["features"][0]["enabled"]) == (200, False)


def test_features__of_another_project_are_none(ws: Workspace, sdk: Sdk) -> None:
    flags.flag(ws, "a")
    for query, number in (("?project=default", 1), ("?project=*", 1), ("?project=other", 0),
                          ("?project=other&project=default", 1), ("?namePrefix=x", 1)):  # fmt: skip
        assert len(sdk.features(query).json()["features"]) == number, query
    assert sdk.features("?project=other")["ETag"] != sdk.features()["ETag"]


def test_one_feature__by_name_or_404(ws: Workspace, sdk: Sdk) -> None:
    flags.flag(ws, "a")
    assert sdk.get(f"{CLIENT}/features/a").json()["name"] == "a"
    missing = sdk.get(f"{CLIENT}/features/b")
    assert (missing.status_code, missing.json()["name"]) == (404, "NotFoundError")
    assert missing.json()["message"]
    assert missing.json()["details"]


# --- Who may ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"{CLIENT}/features", f"{CLIENT}/features/a", STREAM, FRONTEND])
def test_wrong_token_is_401__and_the_wrong_kind_403(ws: Workspace, path: str) -> None:
    nobody: Any = Client().get(path, headers={"Authorization": "default:staging.x"})
    assert nobody.status_code == 401
    assert set(nobody.json()) == {"name", "message", "details"}
    kind = "client" if path == FRONTEND else "frontend"
    refused = Sdk(ws, kind).get(path)
    assert (refused.status_code, refused.json()["name"]) == (403, "NoAccessError")
    assert Sdk(ws, "ofrep").get(path).status_code == 403


def test_portal_key__opens_nothing_here_and_a_token_nothing_there(ws: Workspace, sdk: Sdk) -> None:
    key = make.key(make.agent(ws, role=""))[1]
    assert Client().get(f"{CLIENT}/features", headers={"Authorization": key}).status_code == 401
    secret = str.__str__(sdk.issued.secret)
    answer = Client().get("/api/v1/flags", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401
    killed = Client().post("/admin/flags/a/disable", headers={"Authorization": f"Bearer {secret}"})
    assert killed.status_code == 401


def test_stream__is_not_for_workers_that_answer_one_at_a_time(sdk: Sdk) -> None:
    assert sdk.get(STREAM).status_code == 404


# --- Register and report ------------------------------------------------------------------------


def registration(**more: Any) -> dict[str, Any]:
    return {
        "appName": "shop", "instanceId": "i-1", "connectionId": "c", "platformName": "CPython",
        "platformVersion": "3.11", "sdkVersion": "unleash-python-sdk:6.9.1", "specVersion": "6.1.0",
        "strategies": ["default"], "started": "2026-01-01T00:00:00Z", "interval": 15, **more,
    }  # fmt: skip


def test_register__notes_the_instance(ws: Workspace, sdk: Sdk) -> None:
    answer = sdk.post(f"{CLIENT}/register", registration())
    assert (answer.status_code, answer.content) == (202, b"")
    counting.flush()
    row = SdkInstance.objects.get()
    assert (row.workspace, row.app, row.instance) == (ws, "shop", "i-1")
    assert (row.sdk, row.platform, row.spec) == (
        "unleash-python-sdk:6.9.1", "CPython 3.11", "6.1.0"
    )  # fmt: skip
    sdk.features(**{"unleash-appname": "shop", "unleash-instanceid": "i-1"})
    counting.flush()
    assert SdkInstance.objects.get().sdk == "unleash-python-sdk:6.9.1"


def bucket(**toggles: Any) -> dict[str, Any]:
    now = clock.now()
    return {
        "start": (now - timedelta(minutes=1)).isoformat(),
        "stop": now.isoformat(),
        "toggles": toggles,
    }


def test_metrics__are_summed_by_the_hour(ws: Workspace, sdk: Sdk, time_machine: Any) -> None:
    time_machine.move_to("2026-01-01T10:30:00Z", tick=False)
    flags.flag(ws, "a", variants=[variant("x")])
    flags.flag(ws, "my.flag")
    toggles = {
        "a": {"yes": 5, "no": 2, "variants": {"x": 3, "disabled": 2, "gone": 1}},
        "my.flag": {"yes": 0, "no": 1},
        "no-such": {"yes": 0, "no": 4},
        "never-asked": {"yes": 0, "no": 0},
    }
    for _ in range(2):
        answer = sdk.post(f"{CLIENT}/metrics", {"appName": "shop", "bucket": bucket(**toggles)})
        assert (answer.status_code, answer.content) == (202, b"")
        counting.flush()
    row = FlagUsage.objects.get(flag_name="a")
    assert (row.yes, row.no, row.variants, row.app) == (10, 4, {"x": 6}, "shop")
    assert row.hour.isoformat() == "2026-01-01T10:00:00+00:00"
    assert FlagUsage.objects.total() == (10, 6)
    missed = UnknownFlag.objects.get()
    assert (missed.flag_name, missed.times, missed.workspace) == ("no-such", 8, ws)


def test_metrics_told_late__count_for_their_hour_within_two_days(
    ws: Workspace, sdk: Sdk, time_machine: Any
) -> None:
    time_machine.move_to("2026-01-10T10:30:00Z", tick=False)
    flags.flag(ws, "a")
    for stop in ("2026-01-10T08:10:00Z", "2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z"):
        told = {"start": stop, "stop": stop, "toggles": {"a": {"yes": 1, "no": 0}}}
        assert sdk.post(f"{CLIENT}/metrics", {"appName": "x", "bucket": told}).status_code == 202
    counting.flush()
    hours = [row["hour"].isoformat()[:13] for row in FlagUsage.objects.all().hourly()]
    assert hours == ["2026-01-08T10", "2026-01-10T08", "2026-01-10T10"]


IMPACT = [
    {"name": "errors", "help": "", "type": "counter", "samples": [
        {"labels": {"appName": "shop", "environment": "staging", "new": "enabled"}, "value": 3},
        {"labels": {"appName": "shop", "environment": "staging", "new": "disabled"}, "value": 1},
        {"labels": {}, "value": 0},
    ]},
    {"name": "load", "help": "", "type": "gauge", "samples": [
        {"labels": {"appName": "shop"}, "value": 0.5},
    ]},
    {"name": "latency", "help": "", "type": "histogram", "samples": [
        {"labels": {"appName": "shop", "new": "enabled"}, "count": 4, "sum": 2.5, "buckets": [
            {"le": 0.5, "count": 3}, {"le": 1, "count": 4}, {"le": "+Inf", "count": 4},
        ]},
        {"labels": {}, "count": 0, "sum": 0, "buckets": [{"le": "+Inf", "count": 0}]},
    ]},
    {"name": "of next year", "type": "summary", "samples": [{"labels": {"a": "b"}, "value": 1}]},
]  # fmt: skip


def test_impact_metrics__add_up_by_flag_and_minute(
    ws: Workspace, sdk: Sdk, time_machine: Any
) -> None:
    time_machine.move_to("2026-01-01T10:30:20Z", tick=False)
    for _ in range(2):
        answer = sdk.post(
            f"{CLIENT}/metrics", {"appName": "shop", "bucket": None, "impactMetrics": IMPACT}
        )
        assert answer.status_code == 202
    errors = ImpactSample.objects.filter(name="errors", app="shop")
    summed = {row.labels["new"]: row.value for row in errors}
    assert summed == {"enabled": 6, "disabled": 2}
    assert ImpactSample.objects.get(name="load").value == 0.5
    latency = ImpactSample.objects.get(name="latency")
    assert (latency.value, latency.count) == (5.0, 8)
    assert latency.buckets == {"0.5": 6, "1": 8, "+Inf": 8}
    assert ImpactSample.objects.count() == 4
    assert {row.minute for row in errors} == {clock.now().replace(second=0, microsecond=0)}


REFUSED: dict[str, Any] = {
    "nothing": {},
    "list": [],
    "no name": {"appName": ""},
    "name is a number": {"appName": 5},
    "dates": {"appName": "x", "bucket": {"start": "yesterday", "stop": "now", "toggles": {}}},
    "no dates": {"appName": "x", "bucket": {"toggles": {}}},
    "date beyond time": {"appName": "x", "bucket": {"start": 1e300, "stop": 1e300, "toggles": {}}},
    "bucket": {"appName": "x", "bucket": 5},
    "toggles": {"appName": "x", "bucket": {**bucket(), "toggles": []}},
    "toggle": {"appName": "x", "bucket": bucket(a=5)},
    "negative": {"appName": "x", "bucket": bucket(a={"yes": -1, "no": 0})},
    "huge": {"appName": "x", "bucket": bucket(a={"yes": 2**70, "no": 0})},
    "text": {"appName": "x", "bucket": bucket(a={"yes": "1", "no": 0})},
    "impact": {"appName": "x", "impactMetrics": 5},
    "impact row": {"appName": "x", "impactMetrics": [5]},
    "impact name": {"appName": "x", "impactMetrics": [{"type": "counter"}]},
    "impact samples": {"appName": "x", "impactMetrics": [
        {"name": "a", "type": "gauge", "samples": 1}]},
    "impact fall": {"appName": "x", "impactMetrics": [
        {"name": "a", "type": "counter", "samples": [{"labels": {"a": "b"}, "value": -1}]}]},
    "impact labels": {"appName": "x", "impactMetrics": [
        {"name": "a", "type": "counter", "samples": [{"labels": 1, "value": 1}]}]},
    "impact bucket": {"appName": "x", "impactMetrics": [
        {"name": "a", "type": "histogram", "samples": [{"labels": {}, "buckets": [1]}]}]},
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_malformed_report__is_400_and_counts_nothing(ws: Workspace, sdk: Sdk, name: str) -> None:
    flags.flag(ws, "a")
    answer = sdk.post(f"{CLIENT}/metrics", REFUSED[name])
    assert answer.status_code == 400, answer.content[:200]
    assert (answer.json()["name"], bool(answer.json()["message"])) == ("BadDataError", True)
    counting.flush()
    assert not FlagUsage.objects.exists()
    assert not ImpactSample.objects.exists()


@pytest.mark.parametrize("path", [f"{CLIENT}/metrics", f"{CLIENT}/register"])
def test_hostile_bodies__are_refused_and_never_fail(sdk: Sdk, path: str) -> None:
    for body, status in (
        (b"", 400), (b"{", 400), (b"[" * 100_000, 400), (b'{"a":' * 5_000, 400), (b"null", 400),
        (b'"x"', 400), (b'{"appName": "\\u0000"}', 400), (b'{"appName": NaN}', 400),
        (b'{"appName": "' + b"x" * 5_000_000 + b'"}', 413),
    ):  # fmt: skip
        answer = sdk.raw("POST", path, body)
        assert (answer.status_code, set(answer.json())) == (status, {"name", "message", "details"})
    odd = "\u202e\U0001f9e8" * 300
    assert sdk.post(path, {"appName": odd, "instanceId": 5}).status_code == 202
    assert sdk.post(path, {"appName": "x"}).status_code == 202
    counting.flush()


def test_names_without_number__stop_being_kept(
    ws: Workspace, sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTROLPLANE_FLAGS_UNKNOWN_MOST", "3")
    for start in range(3):
        toggles = {f"no-{start}-{number}": {"yes": 0, "no": 1} for number in range(2)}
        sdk.post(f"{CLIENT}/metrics", {"appName": "x", "bucket": bucket(**toggles)})
        counting.flush()
    assert UnknownFlag.objects.count() == 4
    sdk.post(f"{CLIENT}/metrics", {"appName": "x", "bucket": bucket(**{"no-0-0": {"no": 1}})})
    counting.flush()
    assert UnknownFlag.objects.get(flag_name="no-0-0").times == 2


# --- The frontend API ---------------------------------------------------------------------------


def test_frontend__tells_what_is_on(ws: Workspace) -> None:
    browser = Sdk(ws, "frontend")
    eu = rule(constraints=[where("tier", "IN", "2"), where("userId", "IN", "u-1")])
    flags.flag(ws, "a", rules=[eu], variants=[variant("x", payload="hello")], impression_data=True)
    flags.flag(ws, "b")
    flags.flag(ws, "c", on=False)
    told = browser.get(f"{FRONTEND}?userId=u-1&properties[tier]=2&appName=shop").json()
    assert told == {"toggles": [
        {"name": "a", "enabled": True, "impressionData": True,
         "variant": {"name": "x", "enabled": True, "feature_enabled": True,
                     "featureEnabled": True, "payload": {"type": "string", "value": "hello"}}},
        {"name": "b", "enabled": True, "impressionData": False,
         "variant": {"name": "disabled", "enabled": False, "feature_enabled": True,
                     "featureEnabled": True}},
    ]}  # fmt: skip
    posted = browser.post(FRONTEND, {"context": {"userId": "u-1", "properties": {"tier": 2}}})
    assert posted.json() == told
    assert [each["name"] for each in browser.get(FRONTEND).json()["toggles"]] == ["b"]


def test_frontend__knows_where_the_browser_is(ws: Workspace) -> None:
    flags.flag(ws, "near", rules=[rule(constraints=[where("remoteAddress", "IN", "127.0.0.1")])])
    assert len(Sdk(ws, "frontend").get(FRONTEND).json()["toggles"]) == 1


def test_frontend__is_304_for_an_equal_question(ws: Workspace) -> None:
    browser = Sdk(ws, "frontend")
    first = browser.get(f"{FRONTEND}?userId=1")
    assert (
        browser.get(f"{FRONTEND}?userId=1", **{"If-None-Match": first["ETag"]}).status_code == 304
    )
    assert (
        browser.get(f"{FRONTEND}?userId=2", **{"If-None-Match": first["ETag"]}).status_code == 200
    )
    assert first["Access-Control-Allow-Origin"] == "*"


def test_frontend__takes_reports_of_browsers(ws: Workspace) -> None:
    flags.flag(ws, "a")
    browser = Sdk(ws, "frontend")
    told = {"appName": "web", "bucket": bucket(a={"yes": 1, "no": 0})}
    assert browser.post(f"{FRONTEND}/client/metrics", told).status_code == 202
    assert browser.post(f"{FRONTEND}/client/register", registration()).status_code == 202
    counting.flush()
    assert FlagUsage.objects.get().yes == 1


def test_odd_questions_of_browsers__never_fail(ws: Workspace) -> None:
    browser = Sdk(ws, "frontend")
    for query in ("properties[]=1", "properties[a][b]=1", "userId=" + "x" * 3_000,
                  "currentTime=never", "remoteAddress=nowhere", "a=1&a=2", "%ff=%ff"):  # fmt: skip
        assert browser.get(f"{FRONTEND}?{query}").status_code == 200, query
    for body in (b"[]", b'{"context": 5}', b"{", b"[" * 90_000):
        assert browser.raw("POST", FRONTEND, body).status_code == 400
    assert (
        browser.raw("POST", FRONTEND, json.dumps({"context": {"a": [1]}}).encode()).status_code
        == 200
    )
