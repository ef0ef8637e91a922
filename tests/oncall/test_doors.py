"""The rotas over the API and in the console: people, keys, strangers, hostile input."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.audit.models import AuditEvent
from controlplane.base import cache
from controlplane.lib import clock
from controlplane.oncall import services
from controlplane.oncall.models import Feed, Layer, Override, Schedule
from controlplane.oncall.shown import console
from tests import make
from tests.console.test_own_pages import asked_of
from tests.kit import oncall
from tests.kit.api import Api, refused

HERE = "/api/v1/oncall"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def olga(here: Workspace) -> User:
    return make.person(here, "operations_command", name="Olga")


@pytest.fixture
def rota(here: Workspace) -> tuple[Schedule, User, User]:
    schedule = oncall.schedule(here)
    ann = make.person(here, "primary_operator", name="Ann")
    bob = make.person(here, "ux", name="Bob")
    oncall.layer(schedule, [ann, bob], starts_on=None, every=8)  # Ann, for weeks
    return schedule, ann, bob


def key(here: Workspace, *scopes: str) -> Api:
    return Api(make.key(make.agent(here, role=""), scopes=scopes or ["oncall.*"])[1])


# --- API --------------------------------------------------------------------------------------


def test_api__a_schedule_from_nothing_to_who_is_on_duty(here: Workspace) -> None:
    ann, bob = oncall.people(here, "Ann", "Bob")
    api = key(here)
    made = api.post(
        f"{HERE}/schedules", {"slug": "primary", "title": "Primary", "roles": ["primary_operator"]}
    )
    assert made.status_code == 201, made.content
    assert made["Location"] == f"{HERE}/schedules/primary"
    layers = f"{HERE}/schedules/primary/layers"
    put = api.send("PUT", f"{layers}/1", {"people": [ann.email, str(bob.uid)], "turn": "daily"})
    assert [one["name"] for one in put.json()["people"]] == ["Ann", "Bob"], put.content
    [now] = api.get(f"{HERE}/on-duty?role=primary_operator").json()["items"]
    assert (now["now"]["person"]["name"], now["gap"]) == ("Ann", False)
    assert now["next"]["person"]["name"] == "Bob"
    ends = (clock.now() + timedelta(hours=2)).isoformat()
    body = {"schedule": "primary", "person": bob.email, "ends": ends}
    swap = api.post(f"{HERE}/overrides", body)
    assert (swap.status_code, swap.json()["person"]["name"]) == (201, "Bob"), swap.content
    [now] = api.get(f"{HERE}/on-duty").json()["items"]
    assert now["now"]["override"] == swap.json()["uid"]
    refused(api.post(f"{HERE}/overrides", body), "CONFLICT")
    ended = api.post(f"{HERE}/overrides/{swap.json()['uid']}/end", {})
    assert ended.status_code == 200
    shifts = api.get(f"{HERE}/schedules/primary/shifts").json()["items"]
    assert [one["gap"] for one in shifts].count(True) == 0
    assert "| Ann |" in api.get(f"{HERE}/roster").json()["markdown"]
    assert api.send("DELETE", f"{layers}/1", {}).json() == {"items": []}
    [now] = api.get(f"{HERE}/on-duty").json()["items"]
    assert (now["now"]["person"], now["gap"]) == (None, True)
    assert api.post(f"{HERE}/schedules/primary/retire", {"reason": "Over"}).status_code == 200
    assert api.get(f"{HERE}/on-duty").json()["items"] == []


def test_api__stranger_finds_nothing(rota: tuple[Schedule, User, User]) -> None:
    schedule, _, bob = rota
    made = services.override(schedule, bob, actor=make.JOB, ends=clock.now() + timedelta(hours=1))
    stranger = key(make.workspace())
    one = f"{HERE}/schedules/{schedule.slug}"
    for method, path, body in (
        ("GET", one, None),
        ("GET", f"{one}/shifts", None),
        ("GET", f"{one}/layers", None),
        ("PATCH", one, {"title": "Mine"}),
        ("PUT", f"{one}/layers/1", {"people": [bob.email]}),
        ("DELETE", f"{one}/layers/1", {}),
        ("POST", f"{one}/retire", {"reason": "Mine"}),
        ("POST", f"{HERE}/overrides/{made.uid}/end", {}),
    ):
        refused(stranger.send(method, path, body), "NOT_FOUND")
    assert stranger.get(f"{HERE}/on-duty").json()["items"] == []
    body = {"schedule": schedule.slug, "person": bob.email, "ends": "2030-01-01T00:00:00Z"}
    refused(stranger.post(f"{HERE}/overrides", body), "INVALID_ARGUMENT")
    refused(Api().get(f"{HERE}/on-duty"), "UNAUTHORIZED")


def test_api__without_the_right__reads_only(rota: tuple[Schedule, User, User]) -> None:
    schedule, _, bob = rota
    agent = Api(make.key(make.agent(schedule.workspace, role="executor"))[1])
    assert agent.get(f"{HERE}/on-duty").status_code == 200
    refused(
        agent.send("PUT", f"{HERE}/schedules/primary/layers/1", {"people": [bob.email]}),
        "FORBIDDEN",
    )


def test_api__bad_input__names_what_is_wrong(rota: tuple[Schedule, User, User]) -> None:
    schedule, ann, _ = rota
    api = key(schedule.workspace)
    layer = f"{HERE}/schedules/primary/layers/1"
    wrong: list[tuple[Any, str]] = [
        (api.get(f"{HERE}/on-duty?at=9999-12-31T23:59:59Z"), "at"),
        (api.get(f"{HERE}/on-duty?at=yesterday"), "at"),
        (api.get(f"{HERE}/on-duty?role=executor"), "role"),
        (api.get(f"{HERE}/schedules/primary/shifts?until=2000-01-01T00:00:00Z"), "until"),
        (api.send("PUT", layer, {"people": []}), "people"),
        (api.send("PUT", layer, {"people": ["nobody@example.org"]}), "people"),
        (api.send("PUT", layer, {"people": [ann.email], "every": 10**9}), "every"),
        (api.send("PUT", layer, {"people": [ann.email], "starts_on": "9999-12-31"}), "starts_on"),
        (api.send("PUT", layer, {"people": [ann.email], "time_zone": "../../etc"}), "time_zone"),
        (api.send("PUT", layer, {"people": [ann.email], "until": "0001-01-01"}), "until"),
        (api.send("PUT", layer, {"people": [ann.email], "owner": 1}), "owner"),
    ]
    for answer, field in wrong:
        assert field in refused(answer, "INVALID_ARGUMENT"), (field, answer.content)
    refused(api.send("DELETE", f"{HERE}/schedules/primary/layers/7", {}), "CONFLICT")
    huge = f"{HERE}/schedules/primary/layers/{10**30}"
    assert api.send("PUT", huge, {"people": [ann.email]}).status_code in {400, 404}
    assert Layer.objects.count() == 1


# --- Console ----------------------------------------------------------------------------------


def main(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200, url
    return answer.content.decode().split("<main", 1)[1].split("</main", 1)[0]


def test_board__who_is_on_duty_and_what_is_missing(
    rota: tuple[Schedule, User, User], olga: User
) -> None:
    schedule, _, _ = rota
    empty = oncall.schedule(schedule.workspace, "second", title="Second", roles=["ux"])
    oncall.layer(empty, [olga], starts_on=None)
    services.drop_layer(empty, 1, actor=make.JOB)
    browser = make.client(olga)
    text = main(browser, reverse("oncall:board"))
    assert "Nobody is on duty where somebody should be" in text
    assert text.index("Primary on-call") < text.index("Second")
    assert 'class="oc-piece oc-c1' in text
    with CaptureQueriesContext(connection) as captured:
        main(browser, reverse("oncall:board"))
    assert len(asked_of(captured)) <= 22, "\n".join(asked_of(captured))


def test_pages__names_are_words_never_markup(here: Workspace, olga: User) -> None:
    evil = make.person(here, "primary_operator", name='<img src=x onerror="a()">')
    schedule = oncall.schedule(here, title="</title><script>a()</script>")
    oncall.layer(schedule, [evil], starts_on=None)
    browser = make.client(olga)
    for url in (
        reverse("oncall:board"),
        reverse("admin:oncall_schedule_change", args=(schedule.uid,)),
        reverse("oncall:swap", args=(schedule.uid,)),
        reverse("oncall:rotation", args=(schedule.uid, 1)),
    ):
        text = main(browser, url)
        assert "<img src=x" not in text
        assert "<script>a()" not in text


def test_swap__in_the_readers_time(rota: tuple[Schedule, User, User]) -> None:
    schedule, _, bob = rota
    browser = make.client(bob)
    User.objects.filter(pk=bob.pk).update(time_zone="Europe/Berlin")
    day = (clock.now() + timedelta(days=2)).astimezone(BERLIN)
    url = reverse("oncall:swap", args=(schedule.uid,))
    asked = main(browser, f"{url}?from={clock.now().isoformat().replace('+', '%2B')}&until=x")
    assert "Europe/Berlin time" in asked
    sent = {
        "person": str(bob.uid), "starts": f"{day:%Y-%m-%d}T09:00", "ends": f"{day:%Y-%m-%d}T17:30",
        "reason": "I owe her one",
    }  # fmt: skip
    assert browser.post(url, sent).status_code == 302
    made = Override.objects.get()
    assert f"{made.starts.astimezone(BERLIN):%H:%M}" == "09:00"
    assert browser.post(url, sent).status_code == 409
    assert browser.post(url, {**sent, "starts": "soon", "ends": ""}).status_code == 400


def test_swap__not_mine_to_make__says_why_and_is_noted(
    rota: tuple[Schedule, User, User],
) -> None:
    schedule, _, _ = rota
    vera = make.person(schedule.workspace, "viewer", name="Vera")
    browser = make.client(vera)
    ends = f"{clock.now() + timedelta(hours=3):%Y-%m-%dT%H:%M}"
    answer = browser.post(
        reverse("oncall:swap", args=(schedule.uid,)), {"person": str(vera.uid), "ends": ends}
    )
    assert answer.status_code == 403
    assert "not on call here" in answer.content.decode()
    assert AuditEvent.objects.filter(action="oncall.override", outcome="denied").exists()
    assert not Override.objects.exists()


def test_rotation__changed_in_the_form__keeps_who_is_on_duty(
    rota: tuple[Schedule, User, User], olga: User
) -> None:
    schedule, ann, bob = rota
    browser = make.client(olga)
    url = reverse("oncall:rotation", args=(schedule.uid, 1))
    assert re.search(rf'value="{ann.uid}" selected', main(browser, url))
    sent = {
        "title": "Pairs", "person0": str(bob.uid), "person1": "", "person2": str(ann.uid),
        "every": "2", "turn": "weekly", "handoff_time": "10:00", "handoff_weekday": "1",
        "time_zone": "Europe/Berlin", "days": ["0", "1", "2"],
    }  # fmt: skip
    answer = browser.post(url, sent)
    assert answer.status_code == 302, answer.context["form"].errors
    layer = Layer.objects.latest("id")
    assert [place.person for place in layer.places.all()] == [bob, ann]
    wrong = browser.post(url, {**sent, "every": "99", "time_zone": "Mars"})
    assert wrong.status_code == 400
    assert browser.post(url, {**sent, "every": "99"}).status_code == 400
    assert browser.get(reverse("oncall:rotation", args=(schedule.uid, 99))).status_code == 404
    end = reverse("oncall:end_rotation", args=(schedule.uid, 1))
    assert browser.get(end).status_code == 200
    assert browser.post(end, {"reason": "Over"}).status_code == 302
    assert browser.get(end).status_code == 404


def test_pages__of_another_workspace__are_not_there(rota: tuple[Schedule, User, User]) -> None:
    schedule, ann, _ = rota
    feed = services.subscribe(schedule.workspace, actor=make.actor(ann), schedule=schedule)
    browser = make.client(make.person(make.workspace(), "operations_command"))
    for url in (
        reverse("oncall:swap", args=(schedule.uid,)),
        reverse("oncall:rotation", args=(schedule.uid, 1)),
        reverse("oncall:end_rotation", args=(schedule.uid, 1)),
    ):
        assert browser.get(url).status_code == 404, url
    assert "Primary on-call" not in main(browser, reverse("oncall:board"))
    for what in (schedule.uid, schedule.workspace.uid, "x"):
        answer = browser.post(reverse("oncall:subscribe"), {"of": str(what)})
        assert answer.status_code in {400, 404}
    assert browser.post(reverse("oncall:revoke", args=(feed.uid,))).status_code == 404
    assert Feed.objects.get().revoked_at is None


def test_calendars__a_link_is_shown_to_its_owner_only(rota: tuple[Schedule, User, User]) -> None:
    schedule, ann, bob = rota
    browser = make.client(ann)
    sent = browser.post(reverse("oncall:subscribe"), {"of": str(schedule.uid)})
    assert sent.status_code == 302
    feed = Feed.objects.get()
    assert feed.uid.hex in main(browser, reverse("oncall:calendars"))
    assert feed.uid.hex not in main(make.client(bob), reverse("oncall:calendars"))
    browser.post(reverse("oncall:revoke", args=(feed.uid,)))
    assert feed.uid.hex not in main(browser, reverse("oncall:calendars"))


def test_home__whose_turn_it_is_and_where_nobody_is(
    rota: tuple[Schedule, User, User], olga: User
) -> None:
    schedule, ann, _ = rota
    here = schedule.workspace
    [mine] = console.waiting(make.actor(ann), here.pk)
    assert (mine.state, mine.tone) == ("on duty", "good")
    assert console.waiting(make.actor(olga), here.pk) == []
    assert "Ann" in console.calm(make.actor(olga), here.pk).text
    services.drop_layer(schedule, 1, actor=make.JOB)
    cache._forget("oncall:")
    [empty] = console.waiting(make.actor(olga), here.pk)
    assert (empty.state, empty.tone, empty.mine) == ("nobody", "bad", True)
    stranger = make.actor(make.person(make.workspace(), "operations_command", password=None))
    assert console.waiting(stranger, here.pk) == []
