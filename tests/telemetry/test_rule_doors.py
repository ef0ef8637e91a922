"""Rules through the API, the console, `/metrics` and Prometheus."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from controlplane.access.models import Agent
from controlplane.jobs import metrics
from telemetry.models import AlertRule, RuleReadings, RuleState
from telemetry.rules import prometheus
from telemetry.rules import services as rules
from tests import make
from tests.kit.rules import World, signals

pytestmark = pytest.mark.django_db
HERE = "/api/v1/telemetry/rules"
CONSOLE = "/admin/telemetry/alertrule/"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    rules.adopt()
    return World(monkeypatch)


class Caller:
    def __init__(self, world: World, *scopes: str) -> None:
        agent: Agent = make.agent(world.workspace, role="")
        _, self.secret = make.key(agent, scopes=scopes or ("*",))
        self.client = Client()

    def __call__(self, method: str, path: str = "", body: Any = None) -> Any:
        return self.client.generic(
            method,
            f"{HERE}{path}",
            data="" if body is None else json.dumps(body),
            content_type="application/json",
            headers={"authorization": f"Bearer {self.secret}"},
        )


# --- The API ------------------------------------------------------------------------------------


def test_api__add__change__read__states(world: World) -> None:
    call = Caller(world)
    new = {"slug": "loud", "title": "Loud", "measure": "tool.error_rate", "threshold": 5}
    made = call("POST", "", new)
    assert made.status_code == 201, made.content
    assert made.json()["own"] is True
    changed = call("PATCH", "/loud", {"threshold": 3, "severity": "critical"})
    assert changed.status_code == 200, changed.content
    assert (changed.json()["threshold"], changed.json()["version"]) == (3.0, 2)
    world.calls(bad=10)
    world.look()
    listed = call("GET", "?severity=critical&limit=100").json()["items"]
    assert {row["slug"]: row["standing"] for row in listed}["loud"] == "firing"
    states = call("GET", "/states?status=firing").json()["items"]
    assert [(row["rule"], row["value"]) for row in states] == [("loud", 100.0)]
    changes = call("GET", "/changes").json()["items"]
    assert [row["kind"] for row in changes] == ["fired"]


def test_api__change_of_a_shipped_rule__is_the_workspaces_own(world: World) -> None:
    call = Caller(world)
    answer = call("PATCH", "/quota", {"threshold": 60.0})
    assert answer.status_code == 200, answer.content
    assert answer.json()["own"] is True
    assert AlertRule.objects.shipped().get(slug="quota").threshold == 80.0
    back = call("POST", "/quota/reset", {})
    assert back.json()["own"] is False


def test_api__preview__saves_nothing(world: World) -> None:
    world.calls(bad=10)
    world.passes(120)
    call = Caller(world)
    before = AlertRule.objects.count()
    body = {"measure": "tool.error_rate", "threshold": 5, "window_s": 60, "period": "24h"}
    answer = call("POST", "/preview", body)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["fired"] == 1
    assert told["sentence"].startswith("Would have fired once in the last 24 hours")
    assert told["intervals"][0]["worst"] == 100.0
    assert AlertRule.objects.count() == before
    saved = call("POST", "/preview", {"slug": "integration-degraded", "threshold": 99.5})
    assert saved.status_code == 200, saved.content


def test_api__test_alert(world: World) -> None:
    answer = Caller(world)("POST", "/service-down/test", {})
    assert answer.status_code in {200, 201}, answer.content
    assert signals()[0].payload["test"] is True


@pytest.mark.parametrize(
    "body",
    [
        {"slug": "x", "title": "X", "measure": "no.such", "threshold": 1},
        {"slug": "x", "title": "X", "measure": "tool.calls", "threshold": "much"},
        {"slug": "x", "title": "X", "measure": "tool.calls", "threshold": 1, "colour": "red"},
        {"slug": "x", "title": "X", "measure": "tool.calls", "threshold": 1, "hooks": {"a": 1}},
        {"slug": "x", "title": "X", "measure": "tool.calls"},
        {"title": "X"},
        [],
    ],
)
def test_api__nonsense__is_refused_in_the_envelope(world: World, body: Any) -> None:
    answer = Caller(world)("POST", "", body)
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["code"] == "INVALID_ARGUMENT"


def test_api__key_that_may_only_look__changes_nothing(world: World) -> None:
    call = Caller(world, "telemetry.view")
    assert call("GET").status_code == 200
    for method, path, body in (
        ("POST", "", {"slug": "x", "title": "X", "measure": "tool.calls", "threshold": 1}),
        ("PATCH", "/quota", {"threshold": 1}),
        ("POST", "/quota/test", {}),
        ("POST", "/preview", {"slug": "quota"}),
    ):
        assert call(method, path, body).status_code == 403


def test_api__other_workspaces_rules__are_not_there(world: World) -> None:
    world.rule()
    other = World.__new__(World)
    other.workspace = make.workspace()
    assert Caller(other)("GET", "/failing").status_code == 404
    assert Caller(other)("PATCH", "/failing", {"threshold": 1}).status_code == 404


# --- The console --------------------------------------------------------------------------------


def url(rule: AlertRule, ending: str = "change/") -> str:
    return f"{CONSOLE}{rule.uid}/{ending}"


def test_console__list__row__and_alert__are_drawn(world: World) -> None:
    rule = world.rule(for_s=0, group_by="toolkit")
    world.calls(bad=10)
    world.look()
    world.passes(60)
    browser = make.client(make.person(world.workspace, "sre_liaison"))
    listed = browser.get(f"{CONSOLE}?is_active__exact=1").content.decode()
    assert "Calls fail" in listed
    assert "Firing" in listed
    page = browser.get(url(rule)).content.decode()
    assert "Would have fired once" in page
    assert "hubspot" in page
    alerts = browser.get("/admin/telemetry/rulestate/?status__exact=firing").content.decode()
    assert "Calls fail: hubspot" in alerts
    state = RuleState.objects.get(status="firing")
    alert = browser.get(f"/admin/telemetry/rulestate/{state.uid}/change/").content.decode()
    assert "of hubspot is 100" in alert
    assert 'id="alert-did"' in alert
    assert browser.get("/admin/telemetry/rulechange/?view=all").status_code == 200
    assert "Calls fail" in browser.get("/admin/").content.decode()


def test_console__stages_are_called_by_their_names(world: World) -> None:
    rule = world.rule(for_s=0, group_by="stage")
    world.calls(bad=10, stage="plan_approve")
    world.look()
    state = RuleState.objects.get(status="firing")
    browser = make.client(make.person(world.workspace, "sre_liaison"))
    for path in (
        url(rule),
        f"/admin/telemetry/rulestate/{state.uid}/change/",
        "/admin/telemetry/rulestate/?status__exact=firing",
        "/admin/telemetry/rulechange/?view=all",
    ):
        page = browser.get(path).content.decode()
        assert "Plan and approve" in page, path
    # What apps and the API match by stays as it is reported.
    assert state.series == "plan_approve"


def test_console__list__few_statements(
    world: World, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    AlertRule.objects.all().update(is_active=True)
    world.look()
    browser = make.client(make.person(world.workspace, "sre_liaison"))
    browser.get(f"{CONSOLE}?is_active__exact=1")
    with django_assert_max_num_queries(14):  # the frame's own among them
        assert browser.get(f"{CONSOLE}?is_active__exact=1").status_code == 200


def form(**given: str) -> dict[str, str]:
    return {
        "slug": "mine",
        "title": "Mine",
        "severity": "warning",
        "measure": "tool.error_rate",
        "comparison": "gt",
        "against": "value",
        "threshold": "5",
        "window_s": "5 min",
        "for_s": "",
        "min_sample": "0",
        "no_data": "ok",
        **given,
    }


def test_console__preview__then_save(world: World) -> None:
    world.calls(bad=10)
    world.passes(120)
    browser = make.client(make.person(world.workspace, "telemetry_analyst"))
    shown = browser.post(f"{CONSOLE}add/", form(_preview="1", filters="toolkit: hubspot, slack"))
    assert shown.status_code == 200
    text = shown.content.decode()
    assert "Would have fired once" in text
    assert "toolkit: hubspot, slack" in text
    assert not AlertRule.objects.filter(slug="mine").exists()
    saved = browser.post(
        f"{CONSOLE}add/", form(_save="1", for_s="1 h 30 min", hooks="open_item: 1")
    )
    assert saved.status_code == 302, saved.content.decode()[:3000]
    rule = AlertRule.objects.get(slug="mine")
    assert (rule.workspace, rule.for_s, rule.hooks) == (world.workspace, 5400, {"open_item": 1})
    edited = browser.get(f"{url(rule)}?edit=1").content.decode()
    assert "1 h 30 min" in edited


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"window_s": "soon"}, "Write a time such as"),
        ({"filters": "toolkit"}, "name: value"),
        ({"measure": "no.such"}, "Select a valid choice"),
        ({"hooks": "explode: true"}, "There is no hook"),
        ({"against": "median"}, "a multiple above 0"),
    ],
)
def test_console__bad_form__says_what_is_wrong(
    world: World, given: dict[str, str], sentence: str
) -> None:
    browser = make.client(make.person(world.workspace, "telemetry_analyst"))
    for button in ("_save", "_preview"):
        answer = browser.post(f"{CONSOLE}add/", form(**{button: "1"}, **given))
        assert answer.status_code == 200
        assert sentence in answer.content.decode()
    assert not AlertRule.objects.filter(slug="mine").exists()


def test_console__change_it_here__by_somebody_who_is_no_superuser(world: World) -> None:
    AlertRule.objects.filter(slug="quota").update(is_active=True)
    rule = AlertRule.objects.get(slug="quota")
    browser = make.client(make.person(world.workspace, "telemetry_analyst"))
    answer = browser.post(url(rule, "do/adapt/"))
    assert answer.status_code == 302
    own = AlertRule.objects.get(slug="quota", workspace=world.workspace)
    assert answer["Location"] == f"{url(own)}?edit=1"
    assert browser.post(url(own, "do/try_it/")).status_code == 302
    assert signals()[0].workspace_id == world.workspace.pk


def test_console__viewer__looks_and_changes_nothing(world: World) -> None:
    rule = world.rule()
    browser = make.client(make.person(world.workspace, "viewer"))
    assert browser.get(url(rule)).status_code == 200
    assert browser.post(url(rule, "do/switch_off/"), {"reason": "No."}).status_code == 403
    assert browser.post(f"{CONSOLE}add/", form(_preview="1")).status_code == 403
    hidden = AlertRule.objects.get(slug="portal-disk")
    assert browser.get(url(hidden)).status_code == 404


def test_console__other_workspace__is_not_there(world: World) -> None:
    rule = world.rule()
    browser = make.client(make.person(make.workspace(), "workspace_admin"))
    assert browser.get(url(rule)).status_code == 404


# --- /metrics and Prometheus ----------------------------------------------------------------------


def test_metrics__say_what_rules_saw(world: World) -> None:
    world.rule(group_by="toolkit")
    world.calls(good=90, bad=10)
    world.look()
    text = metrics.exposition().decode()
    labels = f'rule="failing",series="hubspot",workspace="{world.workspace.slug}"'
    assert f"controlplane_rule_value{{{labels}}} 10.0" in text
    assert f"controlplane_rule_threshold{{{labels}}} 5.0" in text
    assert "controlplane_rules_evaluated_seconds 0.0" in text
    world.passes(3_600)
    assert labels not in metrics.exposition().decode()
    assert RuleReadings.objects.exists()


def test_export__by_api(world: World) -> None:
    world.rule()
    answer = Caller(world)("GET", ".prom.yml")
    assert answer.status_code == 200
    assert 'alert: "Failing"' in answer.content.decode()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool__accepts_the_export_and_its_tests(world: World, tmp_path: Path) -> None:
    AlertRule.objects.all().update(is_active=True)
    world.rule(labels={"team": 'a "b"'}, title='Odd "title": yes #1', no_data="fire")
    call_command("export_rules", to=str(tmp_path), verbosity=0)
    for given in (["check", "rules", prometheus.NAME], ["test", "rules", "rules.prom.test.yml"]):
        done = subprocess.run(
            ["promtool", *given],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    text = (tmp_path / prometheus.NAME).read_text()
    assert "HighErrorRate" in text
    assert 'for: "300s"' in text
