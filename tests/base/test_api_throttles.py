"""Limits by class, temporary rules, and what happens without the broker."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine

from controlplane.audit.models import AuditEvent
from controlplane.base.api import counters, services, throttles
from controlplane.base.models import ThrottleRule
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.lib.ids import uuid7
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused

pytestmark = pytest.mark.django_db
THROTTLES = "/api/v1/throttles"
AT = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


@settled.once
def ws() -> Any:
    return make.workspace()


@settled.once
def operator(ws: Any) -> Any:
    return make.actor(make.person(ws, "primary_operator"))


@settled.once
def agent(ws: Any) -> Any:
    return make.agent(ws)


@settled.once
def api(agent: Any) -> Api:
    return Api(make.key(agent)[1])


@pytest.fixture
def sample(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.kit.sample_api"


def set_rule(ws: Any, operator: Any, **fields: Any) -> ThrottleRule:
    given = {"limit": 2, "minutes": 5, "reason": "runaway loop", **fields}
    return services.set_throttle(ws, actor=operator, **given)


# --- counting ---------------------------------------------------------------------------------


def test_count__stops_at_the_limit_and_starts_anew() -> None:
    name = str(uuid7())
    with time_machine.travel(AT, tick=False) as traveller:
        taken = [counters.take(name, limit=3, period=10) for _ in range(4)]
        assert [count.allowed for count in taken] == [True, True, True, False]
        assert [count.remaining for count in taken] == [2, 1, 0, 0]
        assert taken[0].resets_in == 10
        traveller.shift(10)
        assert counters.take(name, limit=3, period=10).allowed


def test_count__is_shared_between_processes() -> None:
    name = str(uuid7())
    with time_machine.travel(AT, tick=False):
        counters.take(name, limit=3, period=10)
        counters.forget()  # as another process sees it
        counters.take(name, limit=3, period=10)
        counters.forget()
        assert counters.take(name, limit=3, period=10).remaining == 0


def test_large_limit__is_exchanged_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr(counters, "_exchange", lambda key, number, *_: sent.append(number))
    with time_machine.travel(AT, tick=False):
        for _ in range(1_000):
            counters.take("x", limit=10_000, period=10)
    assert len(sent) < 12
    assert sum(sent) > 880


def test_broker_away__counts_alone_and_costs_one_attempt(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis+socket:///nowhere/valkey.sock?virtual_host=1"
    attempts: list[str] = []
    real = counters._client

    def counted(url: str) -> Any:
        attempts.append(url)
        return real(url)

    monkeypatch.setattr(counters, "_client", counted)
    with time_machine.travel(AT, tick=False):
        allowed = [counters.take("x", limit=3, period=10).allowed for _ in range(5)]
    assert allowed == [True, True, True, False, False]
    assert len(attempts) == 1


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("redis+socket:///run/v.sock?virtual_host=3", "unix:///run/v.sock?db=3"),
        ("redis+socket:///run/v.sock", "unix:///run/v.sock?db=0"),
        ("redis://host:6379/2", "redis://host:6379/2"),
        ("rediss://host:6379/2", "rediss://host:6379/2"),
    ],
)
def test_broker_url__is_translated(url: str, plain: str) -> None:
    assert counters.plain_url(url) == plain


# --- limits of routes -------------------------------------------------------------------------


def test_limit__answers_429_and_says_when(
    api: Api, sample: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTROLPLANE_API_LIMIT_READ", "2")
    with time_machine.travel(dt.datetime.now(dt.UTC), tick=False):
        first = api.get("/api/v1/agents")
        assert (first["RateLimit-Limit"], first["RateLimit-Remaining"]) == ("2", "1")
        api.get("/api/v1/agents")
        third = api.get("/api/v1/agents")
        refused(third, "RATE_LIMITED")
        assert 1 <= int(third["Retry-After"]) <= 10
        assert third["RateLimit-Remaining"] == "0"
        # Writes are counted apart.
        assert api.post("/api/v1/echo", {}).status_code == 200


def test_limit__is_each_callers_own(
    api: Api, ws: Any, sample: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTROLPLANE_API_LIMIT_READ", "1")
    other = Api(make.key(make.agent(ws))[1])
    with time_machine.travel(dt.datetime.now(dt.UTC), tick=False):
        assert api.get("/api/v1/agents").status_code == 200
        refused(api.get("/api/v1/agents"), "RATE_LIMITED")
        assert other.get("/api/v1/agents").status_code == 200


def test_nobody__is_limited_by_address(sample: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_API_LIMIT_ANONYMOUS", "1")
    here, there = Api(X_Forwarded_For="203.0.113.7"), Api(X_Forwarded_For="203.0.113.8")
    with time_machine.travel(dt.datetime.now(dt.UTC), tick=False):
        path = f"/api/v1/old?x={uuid7()}"
        assert here.get("/api/v1/old").status_code in {200, 429}
        refused(here.get(path), "RATE_LIMITED")
        assert there.get("/api/v1/old").status_code in {200, 429}


# --- temporary rules --------------------------------------------------------------------------


def test_rule__binds_one_caller(ws: Any, operator: Any, agent: Any, api: Api, sample: None) -> None:
    other = Api(make.key(make.agent(ws))[1])
    set_rule(ws, operator, whom=agent)
    with time_machine.travel(dt.datetime.now(dt.UTC), tick=False):
        codes = [api.get("/api/v1/agents").status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        assert [other.get("/api/v1/agents").status_code for _ in range(3)] == [200, 200, 200]


def test_rule__binds_a_path(ws: Any, operator: Any, api: Api, sample: None) -> None:
    set_rule(ws, operator, path="/api/v1/agen*", limit=0)
    refused(api.get("/api/v1/agents"), "RATE_LIMITED")
    assert api.post("/api/v1/plain", {}).status_code in {201, 403}


def test_rule__counts_each_or_all(ws: Any, operator: Any, api: Api, sample: None) -> None:
    other = Api(make.key(make.agent(ws))[1])
    rule = set_rule(ws, operator, limit=1, shared=True)
    with time_machine.travel(dt.datetime.now(dt.UTC), tick=False):
        assert api.get("/api/v1/agents").status_code == 200
        refused(other.get("/api/v1/agents"), "RATE_LIMITED")
        services.lift_throttle(rule, actor=operator)
        set_rule(ws, operator, limit=1)
        assert api.get("/api/v1/agents").status_code == 200
        assert other.get("/api/v1/agents").status_code == 200
        refused(other.get("/api/v1/agents"), "RATE_LIMITED")


def test_rule__leaves_other_workspaces_alone(ws: Any, operator: Any, sample: None) -> None:
    stranger = Api(make.key(make.agent(make.workspace()))[1])
    set_rule(ws, operator, limit=0)
    assert stranger.get("/api/v1/agents").status_code == 200


def test_rule__ends_by_itself(ws: Any, operator: Any, api: Api, sample: None) -> None:
    set_rule(ws, operator, limit=0, minutes=1)
    refused(api.get("/api/v1/agents"), "RATE_LIMITED")
    with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=61)):
        assert api.get("/api/v1/agents").status_code == 200


def test_rule__never_locks_out_whoever_must_lift_it(ws: Any, operator: Any) -> None:
    person = make.person(ws, "primary_operator")
    rule = set_rule(ws, operator, limit=0)
    answer = Api(browser=make.client(person)).post(f"{THROTTLES}/{rule.uid}/lift", {})
    assert answer.status_code == 200


def test_rule__set_elsewhere_is_seen_within_seconds(
    ws: Any, operator: Any, api: Api, sample: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTROLPLANE_API_THROTTLE_RULES_SECONDS", "2")
    with time_machine.travel(dt.datetime.now(dt.UTC), tick=False) as traveller:
        assert api.get("/api/v1/agents").status_code == 200
        monkeypatch.setattr(throttles, "forget", lambda: None)  # another process
        set_rule(ws, operator, limit=0)
        assert api.get("/api/v1/agents").status_code == 200
        traveller.shift(2.1)
        refused(api.get("/api/v1/agents"), "RATE_LIMITED")


@pytest.mark.parametrize(
    "fields",
    [
        {"limit": -1},
        {"period_s": 0},
        {"minutes": 0},
        {"minutes": 8 * 24 * 60},
        {"reason": "  "},
        {"path": "api"},
        {"path": "/a*b"},
    ],
)
def test_rule__has_bounds(ws: Any, operator: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        set_rule(ws, operator, **fields)
    assert list(refusal.value.details) == list(fields)


def test_rule__on_an_agent_of_another_workspace_is_refused(ws: Any, operator: Any) -> None:
    with pytest.raises(Invalid):
        set_rule(ws, operator, whom=make.agent(make.workspace()))


def test_rule__of_wrong_role_and_of_strangers_is_refused(ws: Any, operator: Any) -> None:
    rule = set_rule(ws, operator)
    viewer = make.actor(make.person(ws, "viewer"))
    stranger = make.actor(make.person(make.workspace(), "primary_operator"))
    for actor in (viewer, stranger):
        with pytest.raises(NotAllowed):
            set_rule(ws, actor)
        with pytest.raises(NotAllowed):
            services.lift_throttle(rule, actor=actor)


def test_lifting__happens_once_and_is_recorded(ws: Any, operator: Any) -> None:
    rule = set_rule(ws, operator)
    services.lift_throttle(rule, actor=operator, reason="calm again")
    with pytest.raises(Conflict):
        services.lift_throttle(rule, actor=operator)
    actions = AuditEvent.objects.about(rule).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["throttle.set", "throttle.lift"]


# --- the routes -------------------------------------------------------------------------------


def test_routes__set_list_show_and_lift(ws: Any, agent: Any) -> None:
    api = Api(browser=make.client(make.person(ws, "primary_operator")))
    body = {"agent": str(agent.uid), "limit": 5, "minutes": 10, "reason": "loop"}
    made = api.post(THROTTLES, body)
    assert made.status_code == 201, made.content
    rule = made.json()
    assert (rule["actor"], rule["limit"], rule["lifted_at"]) == (agent.name, 5, None)
    shown = api.get(made["Location"])
    assert shown.json() == rule
    assert api.get(f"{THROTTLES}?active=true").json()["items"] == [rule]
    refused(api.post(f"{made['Location']}/lift", {}, **{"If-Match": '"x"'}), "PRECONDITION_FAILED")
    lifted = api.post(f"{made['Location']}/lift", {}, **{"If-Match": shown["ETag"]})
    assert lifted.json()["lifted_at"] is not None
    refused(api.post(f"{made['Location']}/lift", {}), "CONFLICT")
    assert api.get(f"{THROTTLES}?active=true").json()["items"] == []
    assert len(api.get(f"{THROTTLES}?active=false").json()["items"]) == 1


def test_routes__know_only_callers_of_the_workspace(ws: Any, agent: Any) -> None:
    api = Api(browser=make.client(make.person(ws, "primary_operator")))
    rest = {"limit": 5, "minutes": 10, "reason": "loop"}
    theirs = make.agent(make.workspace())
    stranger = make.person(make.workspace(), "viewer")
    for name, uid in (("agent", theirs.uid), ("person", stranger.uid), ("agent", uuid7())):
        details = refused(api.post(THROTTLES, {name: str(uid), **rest}), "INVALID_ARGUMENT")
        assert list(details) == [name]
    both = {"agent": str(agent.uid), "person": str(make.person(ws, "viewer").uid), **rest}
    refused(api.post(THROTTLES, both), "INVALID_ARGUMENT")


def test_routes__hide_rules_of_strangers(ws: Any, operator: Any) -> None:
    rule = set_rule(ws, operator)
    stranger = Api(browser=make.client(make.person(make.workspace(), "primary_operator")))
    refused(stranger.get(f"{THROTTLES}/{rule.uid}"), "NOT_FOUND")
    refused(stranger.post(f"{THROTTLES}/{rule.uid}/lift", {}), "NOT_FOUND")
    assert stranger.get(THROTTLES).json()["items"] == []
