"""The page of a deployment and what can be done from it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from deployments import links, services
from deployments.models import Deployment, Gate, Step
from tests import make
from tests.kit import settled
from tests.kit.deployments import World, again, steps

pytestmark = pytest.mark.django_db
LIST = "/admin/deployments/deployment/"


@settled.once
def world() -> World:
    made = World()
    made.component("agent")
    made.on_call()
    return made


@settled.once
def browser(world: World) -> Client:
    return make.client(world.manager)


@settled.once
def viewer(world: World) -> Client:
    return make.client(make.person(world.workspace, "viewer"))


@settled.once
def stranger() -> Client:
    return make.client(World().manager)


@settled.once
def prepared(world: World) -> Deployment:
    return world.prepared("production", rollback_plan="")


@settled.once
def started(world: World) -> Deployment:
    return world.started("staging")


@settled.once
def watched(world: World) -> Deployment:
    return world.watched("local", release="4.1.0")


def page(browser: Client, row: Deployment) -> str:
    answer = browser.get(links.page_of(row))
    assert answer.status_code == 200
    return str(answer.content.decode())


def head(html: str) -> str:
    return html.split('class="buttons portal-buttons"')[1].split("</ul>", maxsplit=1)[0]


def move(row: Deployment, slug: str) -> str:
    return reverse("deck:move", args=(row.uid, slug))


def check(row: Deployment, slug: str) -> str:
    return reverse("deck:check", args=(row.uid, slug))


def step_page(row: Deployment, step: Step) -> str:
    return reverse("deck:step", args=(row.uid, step.uid))


# --- The deck -----------------------------------------------------------------------------------


def test_page__says_where_it_is_what_is_missing_and_who_mends_it(
    browser: Client, prepared: Deployment
) -> None:
    html = page(browser, prepared)
    assert 'aria-current="step"' in html
    assert "There is no rollback plan." in html
    assert f"{reverse('deck:papers', args=(prepared.uid,))}#id_rollback_plan" in html
    assert "mise run test-agent" in html
    assert "What happens next" in html
    assert html.count("primary") == 1 or head(html).count("button primary") == 1
    assert "Fill in the papers" in head(html)


def test_page__has_one_primary_button_at_every_stage(
    browser: Client, prepared: Deployment, started: Deployment, watched: Deployment
) -> None:
    for row in (prepared, started):
        assert head(page(browser, row)).count("button primary") == 1, row.status
    # While it is watched there is nothing to do but wait.
    assert "button primary" not in head(page(browser, watched))
    assert 'placeholder="Why it is rolled back"' in page(browser, watched)


def test_page__of_a_viewer_offers_nothing_and_says_why(
    viewer: Client, prepared: Deployment, started: Deployment
) -> None:
    for row in (prepared, started):
        html = page(viewer, row)
        assert "Not by you" in html
        assert "needs " in html
        assert '<details class="dk-act">' not in html


def test_pages__of_a_stranger_are_not_there(
    stranger: Client, started: Deployment, prepared: Deployment
) -> None:
    step = steps(started)[0]
    assert stranger.get(links.page_of(started)).status_code == 404
    for url in (
        move(started, "rollback"),
        check(prepared, "release-notes"),
        step_page(started, step),
        reverse("deck:papers", args=(started.uid,)),
    ):
        assert stranger.get(url).status_code == 404, url
        assert stranger.post(url, {"reason": "Mine.", "do": "holds"}).status_code == 404, url
    assert again(started).status == "deploying"


def test_doors__refuse_who_may_not_even_with_the_address(
    viewer: Client, started: Deployment, prepared: Deployment
) -> None:
    step = steps(started)[0]
    asked: list[tuple[str, dict[str, Any]]] = [
        (move(started, "rollback"), {"reason": "Mine."}),
        (move(started, "block"), {"reason": "Mine."}),
        (check(prepared, "release-notes"), {"do": "holds"}),
        (check(prepared, "release-notes"), {"do": "waive", "reason": "Mine."}),
        (step_page(started, step), {"do": "finish"}),
        (reverse("deck:papers", args=(prepared.uid,)), {"title": "Mine"}),
        (reverse("deck:plan"), {"release": "6.6.6"}),
        (reverse("deck:hotfix"), {"release": "6.6.6"}),
        (reverse("deck:ensure"), {"release": "6.6.6", "environment": "staging"}),
    ]
    for url, data in asked:
        assert viewer.post(url, data).status_code == 403, url
    assert not Deployment.objects.filter(release="6.6.6").exists()


# --- Moves --------------------------------------------------------------------------------------


def test_rollback__is_one_press_with_a_reason(
    browser: Client, world: World, started: Deployment
) -> None:
    answer = browser.post(move(started, "rollback"), {"reason": ""})
    assert answer.status_code == 400
    assert "Say why." in answer.content.decode()
    answer = browser.post(move(started, "rollback"), {"reason": "Errors rise."})
    undo = Deployment.objects.get(reverses=started)
    assert answer["Location"] == links.page_of(undo)
    assert undo.status == "deploying"
    html = page(browser, started)
    assert "rolls it back." in html
    assert undo.ref in html


def test_refused_move__says_everything_that_is_open_and_keeps_the_reason(
    browser: Client, prepared: Deployment, watched: Deployment
) -> None:
    answer = browser.post(move(prepared, "ready"))
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "The rollback plan is ready: There is no rollback plan." in html
    answer = browser.post(move(watched, "close"), {"reason": "It looks well."})
    assert answer.status_code == 422
    assert "It looks well." in answer.content.decode()
    assert "watched until" in answer.content.decode()


def test_old_page__is_told_that_somebody_was_quicker(browser: Client, started: Deployment) -> None:
    url = f"{move(started, 'block')}"
    answer = browser.post(url, {"reason": "Mine.", "version": started.version - 1})
    assert answer.status_code == 409
    assert "Somebody changed it since you looked" in answer.content.decode()
    assert "Mine." in answer.content.decode()
    assert browser.post(url, {"reason": "Mine.", "version": started.version}).status_code == 302
    html = page(browser, started)
    assert "Go on" in head(html)
    assert "Mine." in html


def test_move__that_has_no_use_now_says_so(browser: Client, watched: Deployment) -> None:
    html = browser.get(move(watched, "prepare")).content.decode()
    assert "There is nothing to do here" in html
    assert browser.get(move(watched, "nothing")).status_code == 404


# --- Checks -------------------------------------------------------------------------------------


def test_check__ticked_with_evidence_waived_and_asked_anew(
    browser: Client, world: World, prepared: Deployment
) -> None:
    url = check(prepared, "dashboards")
    told = {"do": "holds", "detail": "All three.", "link0": "https://grafana.example.org/d/1"}
    assert browser.post(url, told).status_code == 302
    gate = world.gate(prepared, "dashboards")
    assert (gate.state, gate.detail) == ("passed", "All three.")
    assert gate.evidence[0]["link"] == "https://grafana.example.org/d/1"
    assert "All three." in page(browser, prepared)
    assert browser.post(url, {"do": "again"}).status_code == 302
    assert world.gate(prepared, "dashboards").state == Gate.State.WAITING
    assert browser.post(url, {"do": "waive", "reason": "They are down."}).status_code == 302
    assert "“They are down.”" in page(browser, prepared)


def test_check__refused_keeps_what_was_typed(browser: Client, prepared: Deployment) -> None:
    url = check(prepared, "dashboards")
    told = {"do": "holds", "detail": "All three.", "link0": "javascript:alert(1)"}
    answer = browser.post(url, told)
    html = answer.content.decode()
    assert answer.status_code == 400
    assert "A web address" in html
    assert "All three." in html
    assert "javascript:alert(1)" in html
    answer = browser.post(check(prepared, "agent-tests"), {"do": "waive", "reason": "No time."})
    assert answer.status_code == 409
    assert "mandatory otherwise" in answer.content.decode()
    answer = browser.post(url, {"do": "holds", "version": 99})
    assert "Somebody changed it since you looked" in answer.content.decode()
    assert browser.get(check(prepared, "no-such-check")).status_code == 404


# --- Steps --------------------------------------------------------------------------------------


def test_step__done_by_hand_with_its_output(browser: Client, started: Deployment) -> None:
    step = steps(started)[0]
    url = step_page(started, step)
    assert "Done by hand" in browser.get(url).content.decode()
    answer = browser.post(url, {"do": "finish", "output": "pushed", "exit_code": "seven"})
    assert answer.status_code == 400
    assert "pushed" in answer.content.decode()
    browser.post(url, {"do": "finish", "output": "token=ghp_" + "a" * 36, "exit_code": "0"})
    step.refresh_from_db()
    assert (step.state, step.exit_code) == ("done", 0)
    assert "ghp_" not in step.output
    later = steps(started)[2]
    refused = browser.post(step_page(started, later), {"do": "finish"})
    assert refused.status_code == 422
    assert "comes first" in refused.content.decode()


def test_step__failed_skipped_and_tried_again(browser: Client, started: Deployment) -> None:
    step = steps(started)[0]
    url = step_page(started, step)
    browser.post(url, {"do": "failed", "output": "boom", "exit_code": "1"})
    html = page(browser, started)
    assert "boom" in html
    assert "Try again" in head(html)
    browser.post(url, {"do": "retry"})
    assert browser.post(url, {"do": "skip", "reason": ""}).status_code == 400
    browser.post(url, {"do": "skip", "reason": "Merged by hand."})
    step.refresh_from_db()
    assert (step.state, step.outcome, step.attempt) == ("skipped", "Merged by hand.", 2)
    assert "How it was tried" in browser.get(url).content.decode()


def test_step__given_to_a_worker_shows_its_log_as_a_part(
    browser: Client, world: World, started: Deployment
) -> None:
    step = steps(started)[0]
    url = step_page(started, step)
    adapter = world.adapter()
    browser.post(url, {"do": "set", "adapter": adapter.slug})
    step.refresh_from_db()
    assert step.adapter == adapter
    assert "Run: " in head(page(browser, started))
    browser.post(f"{url}?do=run")
    step.refresh_from_db()
    assert (step.state, step.token is not None) == ("running", True)
    Step.objects.filter(pk=step.pk).update(output="line one\nline two\n")
    part = browser.get(f"{url}?_part=log")
    assert "line two" in part.content.decode()
    assert "<html" not in part.content.decode()
    same = browser.get(f"{url}?_part=log", headers={"If-None-Match": part["ETag"]})
    assert same.status_code == 304
    assert "line two" in page(browser, started)
    # Its buttons are those of what it is by now, on a page that is only looked at.
    verbs = browser.get(f"{url}?_part=verbs")
    assert "Stop it, because" in verbs.content.decode()
    seen = {"If-None-Match": verbs["ETag"]}
    assert browser.get(f"{url}?_part=verbs", headers=seen).status_code == 304
    browser.post(url, {"do": "stop", "reason": "Wrong image."})
    step.refresh_from_db()
    assert (step.state, step.outcome) == ("failed", "Stopped: Wrong image.")
    now = browser.get(f"{url}?_part=verbs", headers=seen).content.decode()
    assert "Stop it, because" not in now
    assert "Try again" in now


def test_step__by_an_adapter_that_is_not_allowed_here_is_refused(
    browser: Client, world: World, started: Deployment
) -> None:
    url = step_page(started, steps(started)[0])
    world.adapter(slug="off", on=False)
    assert browser.post(url, {"do": "run", "adapter": "off"}).status_code == 400
    assert browser.post(url, {"do": "fly"}).status_code == 404


# --- Queries ------------------------------------------------------------------------------------


def asked(browser: Client, url: str) -> int:
    for _ in range(2):  # the second time the process is warm
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert browser.get(url).status_code == 200
    # What only a test has: around each part of the page, for it runs within a transaction.
    return len([one for one in queries if "SAVEPOINT" not in one["sql"]])


def test_queries__of_the_page_and_the_list_are_bounded(
    browser: Client, world: World, watched: Deployment
) -> None:
    url = f"{LIST}{watched.uid}/change/?_part=row"
    assert asked(browser, url) <= 20
    few = asked(browser, f"{LIST}?view=all&_part=list")
    for number in range(3):
        world.draft("staging", release=f"9.{number}")
    assert asked(browser, f"{LIST}?view=all&_part=list") == few
    assert few <= 12


def test_look__again_finds_what_changed(
    browser: Client, world: World, prepared: Deployment
) -> None:
    services.change_deployment(prepared, actor=world.actor, backup_ref="of 03:15")
    Deployment.objects.filter(pk=prepared.pk).update(rollback_plan="The one before.")
    browser.post(move(prepared, "look"))
    assert world.gate(prepared, "rollback-plan").state == Gate.State.PASSED
