"""Alerts, their sources, silences and rules over the API."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.lib import clock
from incidents.intake.sources import find
from incidents.models import Alert, AlertSource, Incident, RoutingRule, Silence
from tests import make
from tests.kit import alerts as kit
from tests.kit import settled
from tests.kit.incidents import Caller

pytestmark = pytest.mark.django_db


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def source(here: Workspace) -> AlertSource:
    return kit.source(here).source


@settled.once
def api(here: Workspace) -> Caller:
    return Caller(make.person(here, "workspace_admin"))


@settled.once
def stranger() -> Caller:
    return Caller(make.person(make.workspace(), "workspace_admin"))


def _later(**span: float) -> str:
    return (clock.now() + timedelta(**span)).isoformat()


def test_source__is_made_with_a_key_shown_once_and_renewed(api: Caller, here: Workspace) -> None:
    made = api.post(
        "/api/v1/alert-sources", {"name": "AM", "format": "alertmanager", "group_by": ["a"]}
    )
    assert find(made["key"]) is not None
    path = f"/api/v1/alert-sources/{made['uid']}"
    assert "key" not in api.get(path)
    renewed = api.post(f"{path}/key", {"reason": "leaked"})
    assert find(made["key"]) is None
    assert find(renewed["key"]) is not None
    changed = api.api.send("PATCH", path, {"severity": "info", "labels": {"env": "prod"}}).json()
    assert (changed["severity"], changed["labels"]) == ("info", {"env": "prod"})
    assert api.post(f"{path}/switch", {"on": False, "reason": "noise"})["is_active"] is False
    assert len(api.get("/api/v1/alert-sources", is_active="false")["items"]) == 1


def test_source__refuses_what_makes_no_sense(api: Caller) -> None:
    for wrong in (
        {"name": "AM", "format": "portal"},
        {"name": "", "format": "generic"},
        {"name": "AM", "format": "generic", "service": "nobody"},
        {"name": "AM", "format": "generic", "mapping": {"nothing": "$.a"}},
        {"name": "AM", "format": "generic", "per_minute": 0},
    ):
        assert api.refused("POST", "/api/v1/alert-sources", wrong).status_code in {400, 422}, wrong
    api.post("/api/v1/alert-sources", {"name": "AM", "format": "generic"})
    assert (
        api.refused(
            "POST", "/api/v1/alert-sources", {"name": "am", "format": "generic"}
        ).status_code
        == 409
    )


def test_source__tries_a_message(api: Caller, source: AlertSource) -> None:
    body = json.dumps(kit.group([kit.am_alert()]))
    found = api.post(f"/api/v1/alert-sources/{source.uid}/try", {"body": body})
    assert found["items"][0]["follows"].startswith("It opens an incident of sev2")
    assert not Alert.objects.exists()
    wrong = api.refused("POST", f"/api/v1/alert-sources/{source.uid}/try", {"body": "{"})
    assert wrong.status_code in {400, 422}


def test_alerts__are_listed_found_by_label_and_ended(api: Caller, source: AlertSource) -> None:
    kit.tell(source, kit.incoming("One", instance="a"), kit.incoming("Two", instance="b"))
    assert len(api.get("/api/v1/alerts", status="firing")["items"]) == 2
    [one] = api.get("/api/v1/alerts", label="instance=a,alertname=One")["items"]
    assert one["incident"] in set(Incident.objects.values_list("ref", flat=True))
    assert api.refused("GET", "/api/v1/alerts?label=what").status_code in {400, 422}
    ended = api.post(f"/api/v1/alerts/{one['uid']}/resolve", {"reason": "looked"})
    assert (ended["status"], ended["over_by"]) == ("resolved", "hand")
    again = api.refused("POST", f"/api/v1/alerts/{one['uid']}/resolve", {"reason": "looked"})
    assert again.status_code == 409


def test_silences__are_made_changed_and_ended(api: Caller, source: AlertSource) -> None:
    kit.tell(source, kit.incoming(instance="a"))
    made = api.post(
        "/api/v1/silences",
        {"matchers": [{"name": "instance", "value": "a"}], "ends_at": _later(hours=1),
         "comment": "known"},
    )  # fmt: skip
    path = f"/api/v1/silences/{made['uid']}"
    assert len(api.get("/api/v1/alerts", held_back="true")["items"]) == 1
    assert api.get("/api/v1/alerts", held_back="false")["items"] == []
    longer = api.api.send("PATCH", path, {"ends_at": _later(hours=5)}).json()
    assert longer["version"] == 2
    assert len(api.get("/api/v1/silences", state="active")["items"]) == 1
    api.post(f"{path}/end", {"reason": "done"})
    assert len(api.get("/api/v1/silences", state="expired")["items"]) == 1
    assert api.refused("PATCH", path, {"comment": "more"}).status_code == 409
    for wrong in ([], [{"name": "a", "value": ""}], [{"name": "a", "value": "(", "isRegex": True}]):
        body = {"matchers": wrong, "ends_at": _later(hours=1), "comment": "known"}
        assert api.refused("POST", "/api/v1/silences", body).status_code in {400, 422}, wrong
    assert Silence.objects.count() == 1


def test_rules__are_tried_kept_ordered_and_put_back(api: Caller, source: AlertSource) -> None:
    kit.tell(source, kit.incoming())
    tried = api.post("/api/v1/alert-rules/try", {"slug": "high-error-rate", "level": "sev1"})
    assert (tried["alerts"], tried["changed"]) == (1, 1)
    assert (tried["items"][0]["now"]["level"], tried["items"][0]["then"]["level"]) == (
        "sev2", "sev1",
    )  # fmt: skip
    assert not RoutingRule.objects.exclude(workspace=None).exists()
    changed = api.api.send("PATCH", "/api/v1/alert-rules/high-error-rate", {"level": "sev1"}).json()
    assert (changed["level"], changed["shipped"]) == ("sev1", False)
    back = api.post("/api/v1/alert-rules/high-error-rate/reset", {"reason": "as it was"})
    assert (back["level"], back["shipped"]) == ("sev2", True)
    api.post("/api/v1/alert-rules", {"slug": "mine", "title": "Mine", "opens": "nothing",
                              "matchers": [{"name": "team", "value": "labs"}]})  # fmt: skip
    ordered = api.post("/api/v1/alert-rules/order", {"slugs": ["mine", "critical"]})["items"]
    assert [(row["slug"], row["position"]) for row in ordered] == [("mine", 10), ("critical", 20)]
    off = api.post("/api/v1/alert-rules/critical/switch", {"on": False, "reason": "noise"})
    assert off["is_active"] is False
    api.post("/api/v1/alert-rules/mine/remove", {"reason": "no more"})
    assert api.refused("GET", "/api/v1/alert-rules/mine").status_code == 404
    assert api.refused("POST", "/api/v1/alert-rules/try", {"slug": "mine"}).status_code == 404
    wrong = {"slug": "try", "title": "Mine", "opens": "nothing"}
    assert api.refused("POST", "/api/v1/alert-rules", wrong).status_code in {400, 422}


def test_strangers_and_viewers__change_nothing(
    here: Workspace, source: AlertSource, stranger: Caller
) -> None:
    kit.tell(source, kit.incoming())
    alert = Alert.objects.get()
    for path in ("/api/v1/alerts", "/api/v1/alert-sources", "/api/v1/silences"):
        assert stranger.get(path)["items"] == []
    assert stranger.refused("GET", f"/api/v1/alerts/{alert.uid}").status_code == 404
    assert stranger.refused("GET", f"/api/v1/alert-sources/{source.uid}").status_code == 404
    viewer = Caller(make.person(here, "viewer"))
    bodies: dict[str, Any] = {
        f"/api/v1/alerts/{alert.uid}/resolve": {"reason": "so"},
        "/api/v1/alert-sources": {"name": "AM", "format": "generic"},
        "/api/v1/alert-rules": {"slug": "mine", "title": "Mine", "opens": "nothing"},
        "/api/v1/silences": {"matchers": [{"name": "a", "value": "b"}], "ends_at": _later(hours=1),
                      "comment": "no"},
    }  # fmt: skip
    for path, body in bodies.items():
        assert viewer.refused("POST", path, body).status_code == 403, path
    assert Alert.objects.get().status == "firing"
