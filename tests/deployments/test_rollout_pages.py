"""The console's pages of rollouts: what they say, and what they offer to whom."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from controlplane.base.registries import ref_finders
from controlplane.lib import clock
from deployments.canary import services as canary
from deployments.flags import services as flags
from deployments.models import Rollout, RolloutStep
from deployments.shown import canary_console
from tests import make
from tests.kit import deployments, settled
from tests.kit.rollouts import BROKEN, CLEAN, World, fresh, later, look, step_of, talked, walk

pytestmark = pytest.mark.django_db
LIST = "/admin/deployments/rollout/"


@settled.once
def world() -> World:
    return World()


@settled.once
def running(world: World) -> Rollout:
    """At its first step, with a look's figures of both sides."""
    rollout = world.running(title="Faster planner")
    return world.post(
        rollout, n=200, errors=1, p95_ms=210.0, others=1_800, others_errors=9, others_p95_ms=200.0
    )


@settled.once
def manager(world: World) -> Client:
    return make.client(world.person)


def page(browser: Client, rollout: Rollout, query: str = "") -> str:
    answer = browser.get(f"{LIST}{rollout.pk}/change/{query}")
    assert answer.status_code == 200
    return str(answer.content.decode()).replace("\u00a0", " ")


def actions(text: str) -> str:
    return text.split("portal-buttons")[1].split("</ul>", maxsplit=1)[0]


def seen(text: str) -> dict[str, str]:
    """What the form that was drawn carries along."""
    found = re.search(r'name="state_seen" value="([^"]+)"', text)
    assert found is not None
    return {"state_seen": found[1]}


def button(rollout: Rollout, name: str) -> str:
    return reverse("admin:deployments_rollout_button", args=(rollout.pk, name))


# --- What it says --------------------------------------------------------------------------------


def test_running__says_how_it_stands_with_curves_bounds_and_what_comes_next(
    running: Rollout, manager: Client
) -> None:
    text = page(manager, running)
    for words in (
        "10 % have it, and nothing speaks against it.",
        "1 of 200 requests failed: 0.5 %, and at most 2 % may.",
        'data-verb="goes to 50 %"',
        "What the judge weighs at 10 %",
        "without the flag",
        "300 times rolls back",  # three steps, one false alarm in a hundred
        "Requests that fail",
        "95th percentile",
        "Way to proof",
        "Requests a minute",
        "chart-ribbon",
        "limit 2",
        "Without it",
    ):
        assert words in text, words
    assert text.count('class="chart-data"') == 4  # a table behind each


def test_running__of_the_whole_rollout_when_asked(
    world: World, running: Rollout, manager: Client
) -> None:
    with later(31):
        rollout = world.post(running, **CLEAN)
    assert step_of(rollout).percent == 50
    with later(33):
        manager = make.client(world.person)
        assert "Nothing was counted in this step yet" in page(manager, rollout)
        whole = page(manager, rollout, "?span=all")
    assert "Curves of all steps" in whole
    assert "chart-plot" in whole


def test_held__says_why_and_what_to_do(world: World) -> None:
    rollout = world.running(flag=world.make("second"), source="telemetry")
    rollout = look(rollout, 6)
    with later(6):
        text = page(make.client(world.person), rollout)
    assert "Held: no figures come in." in text
    assert "&quot;second&quot;: &quot;on&quot;" in text
    assert 'data-verb="asks you"' in text
    rollout = look(rollout, 40)
    with later(40):
        assert "You decide." in page(make.client(world.person), rollout)


def test_judge_that_does_not_come__is_said(world: World) -> None:
    rollout = world.running(flag=world.make("second"), source="telemetry")
    with later(12):
        assert "The judge has not looked since." in page(make.client(world.person), rollout)


def test_rolled_back__says_the_cause_the_blocker_and_the_way_on(
    world: World, running: Rollout, manager: Client
) -> None:
    rollout = world.post(running, **BROKEN)
    talked(rollout)
    text = page(manager, rollout)
    assert "Rolled back at 10 %: nobody has it." in text
    assert "301 of 1200 requests failed (25.08 %, 2 % allowed)" in text
    assert f"{fresh(rollout).blocker} is in the way" not in text  # by its key, as a link
    assert "is in the way of trying again" in text
    assert "add/?flag=new-planner&amp;environment=staging" in text
    assert "Figures posted 2 times" in text
    assert "Rolled_back" not in text


def test_part__is_the_same_until_something_happens(world: World, running: Rollout) -> None:
    with time_machine.travel(clock.now() + timedelta(seconds=1), tick=False):
        _same_then_new(world, running, make.client(world.person))


def _same_then_new(world: World, running: Rollout, manager: Client) -> None:
    address = f"{LIST}{running.pk}/change/?_part=row"
    first = manager.get(address)
    again = manager.get(address, headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    world.post(running, n=10)
    later_on = manager.get(address, headers={"if-none-match": first["ETag"]})
    assert later_on.status_code == 200


# --- What it offers ------------------------------------------------------------------------------


def test_stage__offers_what_it_can_do_and_no_more(world: World, running: Rollout) -> None:
    head = actions(page(make.client(world.person), running))
    assert "Go on to 50 % before its time" in head
    assert "Roll back" in head
    assert "primary" not in head  # nothing is to be done now
    for stage in ("Take the baseline", "Document and end", "Ask for consent", "Cancel", "freeze"):
        assert stage not in head
    operator = make.client(make.person(world.workspace, "primary_operator"))
    theirs = actions(page(operator, running))
    assert "before its time" not in theirs
    assert "is to run until" in theirs


def test_step_that_is_through__is_the_one_primary_button(world: World) -> None:
    rollout = world.running(flag=world.make("second"), automatic=False)
    with later(31):
        rollout = world.post(rollout, **CLEAN)
        browser = make.client(make.person(world.workspace, "primary_operator"))
        head = actions(page(browser, rollout))
        assert head.count("button primary") == 1
        assert "Go on to 50 %" in head
        assert "before its time" not in head
        address = button(rollout, "promote")
        asked = browser.post(address)  # without a look at it
        assert step_of(fresh(rollout)).percent == 10
        browser.post(address, seen(asked.content.decode()))
    rollout = fresh(rollout)
    assert step_of(rollout).percent == 50
    assert step_of(rollout).override_reason == ""


def test_flag_changed_by_hand__going_on_is_refused_on_the_page_already(world: World) -> None:
    rollout = world.running(flag=world.make("by-hand"))
    paused = canary.pause(rollout, actor=world.actor, reason="Supper.")
    browser = make.client(make.person(world.workspace, "primary_operator"))
    assert "button primary" in actions(page(browser, paused))
    flags.kill(paused.flag, actor=world.actor)
    head = actions(page(browser, fresh(paused)))
    assert "Go on after the pause" in head
    assert "changed by hand since" in head
    assert "button primary" not in head


def test_button_pressed_twice__or_drawn_before_the_step__goes_on_once(
    world: World, running: Rollout, manager: Client
) -> None:
    address = button(running, "promote_early")
    drawn = seen(actions(page(manager, running)))
    pressed = {"reason": "The fix can't wait.", **seen(manager.get(address).content.decode())}
    assert manager.get(address, drawn).status_code == 200
    manager.post(address, pressed)
    assert step_of(fresh(running)).percent == 50
    late = manager.post(address, pressed, follow=True)
    assert "It changed since you looked." in late.content.decode()
    assert manager.get(address, drawn).status_code == 302
    assert step_of(fresh(running)).percent == 50


def test_judge_asks__going_on_leads_for_those_who_may(world: World, running: Rollout) -> None:
    RolloutStep.objects.filter(rollout=running, state="running").update(
        state="held", verdict="ask", rule="few", reason="3 requests, 150 are needed"
    )
    Rollout.objects.filter(pk=running.pk).update(status="held")
    with later(35):
        head = actions(page(make.client(world.person), running))
        assert head.count("button primary") == 1
        assert "before its time" in head.split("button primary")[1].split("</li>")[0]
        operator = make.client(make.person(world.workspace, "primary_operator"))
        assert "button primary" not in actions(page(operator, running))


def test_under_way__whether_it_goes_on_by_itself_is_changed_by_a_button(
    running: Rollout, manager: Client
) -> None:
    assert "Go on by itself" not in page(manager, running)
    manager.post(button(running, "by_hand"))
    assert not fresh(running).automatic
    assert "Wait for somebody at each step" not in page(manager, running)
    manager.post(button(running, "by_itself"))
    assert fresh(running).automatic


def test_freeze__start_in_spite_of_it_for_those_who_may(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deployments.flags.services import gates

    rollout = world.ready(flag=world.make("second"))
    monkeypatch.setattr(gates, "FREEZES", [lambda flag, environment: "Frozen until Monday."])
    browser = make.client(world.person)
    text = page(browser, rollout)
    assert "it can&#x27;t start yet" in text
    assert "Start in spite of the freeze" in actions(text)
    browser.post(button(rollout, "start_anyway"), {"reason": "The fix can't wait."})
    assert step_of(fresh(rollout)).override_reason == "The fix can't wait."


def test_roll_back__asks_first_and_takes_the_flag_away(
    world: World, running: Rollout, manager: Client
) -> None:
    assert manager.get(button(running, "roll_back")).status_code == 200
    assert fresh(running).status == "running"
    manager.post(button(running, "roll_back"), {"reason": "Users complain."})
    assert fresh(running).status == "rolled_back"
    assert world.settings()["on"] is False


def test_end__documents_with_what_the_steps_saw(world: World) -> None:
    rollout = walk(world, world.running(flag=world.make("second")))
    browser = make.client(world.person)
    head = actions(page(browser, rollout))
    assert "Document and end" in head
    address = f"{LIST}{rollout.pk}/complete/"
    form = browser.get(address).content.decode().replace("\u00a0", " ")
    assert "50 %: 1,000 requests, errors 0 %" in form
    assert browser.post(address, {"metrics_note": " "}).status_code == 400
    day = clock.now().date() + timedelta(days=9)
    browser.post(address, {"metrics_note": "Fine.", "remove_by": f"{day}"})
    assert fresh(rollout).status == "completed"
    assert fresh(rollout).flag.remove_by == day


# --- Around it -----------------------------------------------------------------------------------


def test_list__tabs_and_few_questions(
    world: World, running: Rollout, manager: Client, django_assert_max_num_queries: object
) -> None:
    assert "Faster planner" in manager.get(f"{LIST}?open=1").content.decode()
    assert "Faster planner" not in manager.get(f"{LIST}?open=waiting").content.decode()
    for number in range(4):
        world.plan(flag=world.make(f"flag-{number}"))
    with django_assert_max_num_queries(30):  # type: ignore[operator]
        assert "flag-3" in manager.get(f"{LIST}?view=all").content.decode()


def test_home__tells_operators_what_waits_and_nobody_else(world: World, running: Rollout) -> None:
    actor = make.actor(make.person(world.workspace, "primary_operator"))
    place = world.workspace.pk
    assert not canary_console.waiting(actor, place)
    canary.pause(running, actor=world.actor, reason="Lunch.")
    [line] = canary_console.waiting(actor, place)
    assert (line.state, line.mine) == ("paused", False)
    assert canary_console.waiting(world.actor, place)[0].mine
    assert not canary_console.waiting(World().actor, None)


def test_pages_of_flag_and_deployment__link_rollouts_and_the_way_to_one(
    world: World, running: Rollout, manager: Client
) -> None:
    text = manager.get(f"/admin/feature_flags/flag/{world.flag.uid}/change/").content.decode()
    assert "Plan a canary rollout" in text
    assert "Faster planner" in text
    row = deployments.World(world.workspace, world.person).draft("staging", flag=world.flag, tier=2)
    [found] = canary_console.block(world.actor, deployment=row)
    assert found.url.endswith(f"flag=new-planner&environment=staging&deployment={row.ref}")


def test_palette__finds_by_ref_and_name_and_presses(world: World, running: Rollout) -> None:
    place = world.workspace.pk
    finder = ref_finders.get("CAN")
    assert finder is not None
    assert finder.find(world.actor, place, 1)
    [found] = canary_console.by_name(world.actor, place, "planner fast")
    assert found.label == "CAN-1 Faster planner"
    [pressed] = canary_console.pressing("roll_back", "running")(world.actor, place, "CAN-1")
    assert pressed.url == button(running, "roll_back")
    assert not canary_console.by_name(World().actor, None, "planner")


def test_viewer_and_stranger(world: World, running: Rollout) -> None:
    viewer = make.client(make.person(world.workspace, "viewer"))
    page(viewer, running)
    for name in ("roll_back", "promote_early", "pause"):
        viewer.post(button(running, name), {"reason": "Mine."})
    for path in ("figures", "plan", "try"):
        assert viewer.post(f"{LIST}{running.pk}/{path}/", {"n": 9}).status_code == 403, path
    stranger = make.client(World().person)
    assert stranger.get(f"{LIST}{running.pk}/change/").status_code == 404
    for path in ("figures", "plan", "try", "complete"):
        assert stranger.post(f"{LIST}{running.pk}/{path}/", {"n": 9}).status_code == 404, path
    stranger.post(button(running, "roll_back"), {"reason": "Mine."})
    assert fresh(running).status == "running"
