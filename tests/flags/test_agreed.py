"""Ways round consent by another flag, or by a kill and its undoing: none leads anywhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from controlplane.approvals import services as approvals
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, NotAllowed
from deployments.flags import services
from deployments.flags.models import ChangeRequest, Flag
from deployments.flags.services import gates
from deployments.flags.serving.store import store
from tests import make
from tests.flags.forms import Form
from tests.kit.api import Api
from tests.kit.flags import World, on, rule

pytestmark = pytest.mark.django_db
EU = [{"contextName": "region", "operator": "IN", "values": ["eu"]}]
FROZEN = "Frozen until Monday."


@pytest.fixture
def other(world: World) -> Flag:
    """On for everybody where `world.flag` is off, which is on: both agreed before."""
    made = world.make("fallback")
    world.put(on(), "production")
    world.put(on(requires=[{"flag": "new-planner", "enabled": False}]), "production", made)
    world.guard()
    return made


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "FREEZES", [lambda flag, place: FROZEN])


def says(world: World, name: str, where: str = "production") -> tuple[bool, bool]:
    """What the portal itself answers, and what SDKs are sent."""
    place = world.state(where).environment_id
    store.refresh()
    snapshot = store.current(place)
    assert snapshot is not None
    told = snapshot.public[name]
    return snapshot.ruleset.is_enabled(name, {}), bool(told["enabled"])


def off(world: World, flag: Flag | None = None) -> Callable[[], Any]:
    state = world.state("production", flag)
    settings = {**state.settings, "on": False}
    return lambda: world.put(settings, "production", flag)


def sign(world: World, asked: ChangeRequest) -> None:
    assert asked.approval
    approvals.decide(asked.approval, "approved", actor=world.lead, sha256=asked.approval.sha256)


# --- Through a flag that has to be off ----------------------------------------------------------


def test_switching_off_what_another_waits_for__is_a_change_of_both(
    world: World, other: Flag
) -> None:
    with pytest.raises(GateNotMet, match="fallback is on there while this one is off"):
        off(world)()
    with pytest.raises(GateNotMet):
        services.schedule(
            world.state("production"), {**world.state("production").settings, "on": False},
            actor=world.actor, version=None, at=clock.now() + timedelta(hours=1),
        )  # fmt: skip
    state = world.state("production")
    asked = services.propose(
        state, {**state.settings, "on": False},
        actor=world.actor, version=state.version, reason="Back to the old one.",
    )  # fmt: skip
    assert asked.approval
    assert asked.approval.packet["on_while_off"] == ["fallback"]
    sign(world, asked)
    assert not world.state("production").settings["on"]
    assert world.state("production", other).settings["on"]


def test_switching_off__where_others_need_it_on_or_nobody_does__asks_nobody(world: World) -> None:
    child = world.make("child")
    world.put(on(), "production")
    world.put(on(requires=[{"flag": "new-planner"}]), "production", child)
    world.guard()
    off(world)()
    assert not world.state("production").settings["on"]


def test_page__switching_off__asks_where_it_must(world: World, other: Flag) -> None:
    browser = make.client(world.person)
    where = reverse("flags:switch", args=(world.flag.uid, "production"))
    page = browser.get(where).content.decode()
    assert "goes off when they have" in page
    fields = Form(browser, where, "card").fields
    assert browser.post(where, {**fields, "reason": "Back to the old."}).status_code == 302
    assert world.state("production").settings["on"]
    assert ChangeRequest.objects.get().status == "waiting"


def test_kill__turns_nothing_on__for_nobody(world: World, other: Flag) -> None:
    assert says(world, "fallback") == (False, True)
    services.kill(world.flag, actor=world.actor)
    assert says(world, "fallback") == (False, False)
    services.enable(world.flag, actor=world.actor)
    assert says(world, "fallback") == (False, True)


def test_kill__by_hand__turns_nothing_on_either(world: World, other: Flag) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE feature_flags SET enabled = false WHERE flag_name = 'new-planner'")
    assert says(world, "fallback") == (False, False)


def test_freeze__lowering_what_another_waits_for__is_no_lowering(
    world: World, frozen: None
) -> None:
    gates.FREEZES.clear()
    other = world.make("fallback")
    world.put(on(rule(50)), "production")
    world.put(on(requires=[{"flag": "new-planner", "enabled": False}]), "production", other)
    gates.FREEZES.append(lambda flag, place: FROZEN)
    with pytest.raises(GateNotMet, match="Frozen"):
        world.put(on(rule(10)), "production")
    world.put({**world.state("production", other).settings, "on": False}, "production", other)
    world.put(on(rule(10)), "production")


def test_packet__holds_how_the_needed_flags_stand(world: World, other: Flag) -> None:
    state = world.state("production", other)
    asked = services.propose(
        state, {**state.settings, "rules": [rule(50)]},
        actor=world.actor, version=state.version, reason="Fewer at first.",
    )  # fmt: skip
    assert asked.approval
    assert asked.approval.packet["prerequisites"]["new-planner"]["killed"] is False
    services.kill(world.flag, actor=world.actor)
    with pytest.raises(Conflict):
        sign(world, asked)


# --- Through a kill and back --------------------------------------------------------------------


def enable(world: World, flag: Flag | None = None, **given: Any) -> Flag:
    return services.enable(flag or world.flag, actor=world.actor, **given)


def killed(world: World, behind: Callable[[], Any] | None = None) -> None:
    """On in production, killed, and something done behind the kill while nobody asked consent."""
    world.put(on(rule(10)), "production")
    services.kill(world.flag, actor=world.actor)
    if behind is not None:
        behind()
    world.guard()


def test_enable__as_it_was_before_the_kill__asks_nobody(world: World) -> None:
    killed(world)
    assert enable(world).enabled
    services.kill(world.flag, actor=world.actor)
    [*_, kill] = world.changes()
    services.undo(kill, actor=world.actor)
    world.flag.refresh_from_db()
    assert world.flag.enabled


def test_enable__changed_and_changed_back__is_as_it_was(world: World) -> None:
    def behind() -> None:
        world.put(on(rule(90)), "production")
        world.put(on(rule(10)), "production")

    killed(world, behind)
    assert enable(world).enabled


@pytest.mark.parametrize("way", ["enable", "undo"])
def test_enable__changed_behind_the_kill__is_refused(world: World, way: str) -> None:
    killed(world, lambda: world.put(on(rule(100)), "production"))
    kill = next(each for each in world.changes() if each.kind == "kill")
    with pytest.raises(GateNotMet, match="would not come back as it was") as refused:
        if way == "enable":
            enable(world, override=True, reason="In a hurry.")
        else:
            services.undo(kill, actor=world.actor, override=True, reason="In a hurry.")
    assert refused.value.details["conditions"] == ["off in production"]
    off(world)()
    assert enable(world).enabled


def test_enable__changed_by_hand_in_the_database__is_refused(world: World) -> None:
    def behind() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE feature_flags_flagstate SET settings = jsonb_set(settings, '{rules}', '[]')"
                " WHERE id = %s", [world.state("production").pk],
            )  # fmt: skip

    killed(world, behind)
    with pytest.raises(GateNotMet):
        enable(world)


def test_enable__segment_or_value_changed_behind_it__is_refused(world: World) -> None:
    eu = services.create_segment(world.workspace, "eu", actor=world.actor, constraints=EU)
    limit = world.make("limit", value_type="integer", off_value=1, on_value=10)
    world.put(on(rule(segments=["eu"])), "production")
    world.put(on(), "production", limit)
    for flag in (world.flag, limit):
        services.kill(flag, actor=world.actor)
    more = [{**EU[0], "values": ["eu", "us"]}]
    services.change_segment(eu, actor=world.actor, version=None, constraints=more)
    services.change_flag(limit, actor=world.actor, on_value=99)
    world.guard()
    for flag in (world.flag, limit):
        with pytest.raises(GateNotMet):
            enable(world, flag)


def test_enable__consented_to_since__asks_nobody_more(world: World) -> None:
    killed(world, lambda: world.put(on(rule(90)), "production"))
    state = world.state("production")
    asked = services.propose(
        state, on(rule(50)), actor=world.actor, version=state.version, reason="Half of them."
    )
    sign(world, asked)
    assert enable(world).enabled


def test_enable__from_the_archive__is_asked_for(world: World) -> None:
    world.put(on(), "production")
    services.archive(world.flag, actor=world.actor, reason="Done with it.")
    services.restore(world.flag, actor=world.actor)
    world.guard()
    with pytest.raises(GateNotMet):
        enable(world)
    world.guard(needed=False)
    assert enable(world).enabled


def test_enable__in_a_freeze__only_by_who_overrides__and_says_why(
    world: World, frozen: None
) -> None:
    gates.FREEZES.clear()
    world.put(on(), "staging")
    services.kill(world.flag, actor=world.actor)
    gates.FREEZES.append(lambda flag, place: FROZEN)
    operator = make.actor(make.person(world.workspace, "primary_operator"))
    with pytest.raises(GateNotMet, match="Frozen"):
        services.enable(world.flag, actor=operator)
    with pytest.raises(NotAllowed):
        services.enable(world.flag, actor=operator, override=True, reason="Now.")
    with pytest.raises(Invalid, match="Say why"):
        enable(world, override=True)
    assert enable(world, override=True, reason="It was killed by mistake.").enabled
    event = AuditEvent.objects.filter(action="flag.enable").latest("id")
    assert (event.details or {})["overrode"] == FROZEN
    assert not services.kill(world.flag, actor=operator).enabled  # never waits


# --- By the doors -------------------------------------------------------------------------------


@pytest.fixture
def limit(world: World) -> Flag:
    made = world.make("limit", value_type="integer", off_value=1, on_value=10)
    world.put(on(), "staging", made)
    return made


def api(world: World, role: str) -> Api:
    return Api(browser=make.client(make.person(world.workspace, role)))


def test_api__value_and_enable_in_a_freeze(world: World, limit: Flag, frozen: None) -> None:
    where = f"/api/v1/flags/{limit.flag_name}"
    manager, lead = api(world, "product_manager"), api(world, "release_manager")
    assert lead.send("PATCH", where, {"on_value": 20}).status_code == 422
    body = {"on_value": 20, "override": True, "reason": "Asked for by support."}
    assert manager.send("PATCH", where, body).status_code == 403
    assert lead.send("PATCH", where, {**body, "reason": ""}).status_code == 400
    answer = lead.send("PATCH", where, body)
    assert (answer.status_code, answer.json()["on_value"]) == (200, 20)
    stranger = Api(browser=make.client(make.person(make.workspace(), "release_manager")))
    assert stranger.send("PATCH", where, body).status_code == 404
    assert lead.post(f"{where}/disable", {}).status_code == 200
    assert lead.post(f"{where}/enable", {}).status_code == 422
    again = lead.post(f"{where}/enable", {"override": True, "reason": "By mistake."})
    assert again.json()["enabled"] is True


def page_of(flag: Flag) -> str:
    return reverse("admin:feature_flags_flag_change", args=(flag.uid,))


def test_form__value_in_a_freeze(world: World, limit: Flag, frozen: None) -> None:
    browser = make.client(world.person)
    page = browser.get(f"{page_of(limit)}?edit=1").content.decode()
    assert 'name="on_value"' in page
    assert 'name="override"' in page
    sent = {"kind": "release", "tier": "1", "on_value": "20", "off_value": "1"}
    refused = browser.post(page_of(limit), sent)
    assert FROZEN in refused.content.decode()
    past = {**sent, "override": "on"}
    assert browser.post(page_of(limit), past).status_code != 302  # without saying why
    done = browser.post(page_of(limit), {**past, "reason": "Asked for by support."})
    assert done.status_code == 302
    limit.refresh_from_db()
    assert (limit.off_value, limit.on_value) == (1, 20)


def test_form__of_who_may_not_override__and_of_a_switch(
    world: World, limit: Flag, frozen: None
) -> None:
    browser = make.client(make.person(world.workspace, "product_manager"))
    assert 'name="override"' not in browser.get(f"{page_of(limit)}?edit=1").content.decode()
    sent = {"kind": "release", "tier": "1", "on_value": "20", "off_value": "1"}
    past = {**sent, "override": "on", "reason": "Because."}
    assert browser.post(page_of(limit), past).status_code != 302
    limit.refresh_from_db()
    assert limit.on_value == 10
    mine = make.client(world.person)
    assert 'name="on_value"' not in mine.get(f"{page_of(world.flag)}?edit=1").content.decode()


def test_form__makes_a_flag_with_values(world: World) -> None:
    browser = make.client(world.person)
    sent = {
        "flag_name": "colour", "value_type": "string", "kind": "release", "tier": "1",
        "on_value": '"blue"', "off_value": "",
    }  # fmt: skip
    answer = browser.post(reverse("admin:feature_flags_flag_add"), sent)
    assert answer.status_code == 302
    made = Flag.objects.get(flag_name="colour")
    assert (made.off_value, made.on_value) == ("off", "blue")


def test_button__enable_in_spite_of_the_freeze(world: World, limit: Flag, frozen: None) -> None:
    services.kill(limit, actor=world.actor)
    url = reverse("admin:feature_flags_flag_button", args=(limit.uid, "enable_anyway"))
    operator = make.client(make.person(world.workspace, "primary_operator"))
    assert operator.post(url, {"reason": "Now."}).status_code == 403
    browser = make.client(world.person)
    assert "in spite of the freeze" in browser.get(page_of(limit)).content.decode()
    assert browser.post(url, {"reason": "It was killed by mistake."}).status_code == 302
    limit.refresh_from_db()
    assert limit.enabled
