"""Wakes, commands and runtimes in the console: seen, tried again, ended, held back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.audit.models import AuditEvent
from controlplane.jobs import leases
from controlplane.lib import clock
from controlplane.lib.errors import Conflict
from missions.threads import links, services
from missions.threads.models import RuntimeSession, WakeRun, WakeTrigger
from missions.threads.services.requeueing import requeue_wake
from missions.threads.waking.services import settling
from tests import make
from tests.kit import settled
from tests.kit.threads import Talk
from tests.kit.waking import lose_wakes

pytestmark = pytest.mark.django_db


@settled.once
def talk() -> Talk:
    return Talk()


@settled.once
def browser(talk: Talk) -> Client:
    return make.client(make.person(talk.workspace, "operations_command"))


@pytest.fixture
def dead(talk: Talk) -> WakeTrigger:
    """Tried once, and given up."""
    talk.post("executioner", to={"role": "reviewer"})
    for wake in leases.claim(WakeTrigger.objects.all(), limit=1, lease_seconds=60):
        attempt = settling.begin(wake, "live", None, "tmux", supervisor="here:1")
        settling.not_sent(wake, attempt, code="TARGET_GONE", detail="<b>No pane.</b>",
                          took=0.1, wait=0.0)  # fmt: skip
    for wake in leases.claim(WakeTrigger.objects.all(), limit=1, lease_seconds=60):
        settling.give_up(wake, "TARGET_GONE")
    return WakeTrigger.objects.get()


@pytest.fixture
def run(talk: Talk, dead: WakeTrigger) -> WakeRun:
    return WakeRun.objects.create(
        workspace=talk.workspace, trigger=dead, agent=talk.reviewer, path="spawn", host="here",
        supervisor="here:1", deadline_at=clock.now(), output="<i>half done</i>",
    )  # fmt: skip


@pytest.fixture
def session(talk: Talk) -> RuntimeSession:
    return services.register_runtime(
        talk.reviewer, "night-1", actor=talk.operator, runtime="codex", adapter="tmux",
        target="night:0.1",
    )  # fmt: skip


def press(client: Client, model: str, row: Any, name: str, **given: Any) -> Any:
    url = reverse(f"admin:threads_{model}_button", args=(row.uid, name))
    return client.post(url, given, follow=True)


def test_dead_wake__is_seen_with_its_tries_and_tried_again(
    talk: Talk, browser: Client, dead: WakeTrigger
) -> None:
    listed = browser.get("/admin/threads/waketrigger/", follow=True).content.decode()
    assert talk.reviewer.name in listed
    assert "Target gone" in listed
    text = browser.get(f"{links.WAKES}{dead.uid}/change/").content.decode()
    assert "&lt;b&gt;No pane." in text
    assert "<b>No pane" not in text
    press(browser, "waketrigger", dead, "requeue", reason="The pane is back.")
    dead.refresh_from_db()
    assert (dead.state, dead.status, dead.live_tries) == (leases.WAITING, "queued", 0)
    assert dead.tries.count() == 1
    event = AuditEvent.objects.get(action="thread.requeue", outcome="done")
    assert event.reason == "The pane is back."


def test_requeue__not_twice_not_of_the_closed_and_not_beside_another(
    talk: Talk, dead: WakeTrigger
) -> None:
    given: Any = {"actor": talk.operator, "reason": "Again."}
    talk.post("executioner", to={"role": "reviewer"})
    if WakeTrigger.objects.filter(state__in=leases.OPEN).exists():
        with pytest.raises(Conflict, match="wakes the same agent"):
            requeue_wake(dead, **given)
        lose_wakes(state__in=leases.OPEN)
    requeue_wake(dead, **given)
    with pytest.raises(Conflict, match="not given up"):
        requeue_wake(dead, **given)


def test_wake__a_person_asks_and_may_force(talk: Talk, browser: Client) -> None:
    url = links.act(talk.thread, "wake")
    assert browser.get(url).status_code == 200
    assert browser.post(url, {"agent": str(talk.reviewer.uid)}).status_code == 400
    browser.post(
        url, {"agent": str(talk.reviewer.uid), "reason": "Needed.", "prompt": "Look at 3.",
              "force": "1"}
    )  # fmt: skip
    (wake,) = talk.wakes(talk.reviewer)
    assert (wake.why, wake.prompt, wake.forced, wake.reason) == (
        "Needed.", "Look at 3.", True, "asked",
    )  # fmt: skip


def test_run__shows_the_end_of_what_it_said_and_is_ended(browser: Client, run: WakeRun) -> None:
    text = browser.get(f"/admin/threads/wakerun/{run.uid}/change/").content.decode()
    assert "&lt;i&gt;half done" in text
    press(browser, "wakerun", run, "kill", reason="It hangs.")
    run.refresh_from_db()
    assert run.kill_asked_at is not None


def test_session__is_paused_goes_on_and_signs_off(browser: Client, session: RuntimeSession) -> None:
    press(browser, "runtimesession", session, "pause", reason="Somebody works there.")
    session.refresh_from_db()
    assert session.paused
    assert "night-1" in browser.get("/admin/threads/runtimesession/?there=held").content.decode()
    press(browser, "runtimesession", session, "go_on")
    press(browser, "runtimesession", session, "sign_off")
    session.refresh_from_db()
    assert (session.paused, session.status) == (False, "offline")


def test_strangers__see_nothing_and_do_nothing(
    talk: Talk, dead: WakeTrigger, run: WakeRun, session: RuntimeSession
) -> None:
    other = make.client(make.person(make.workspace(), "operations_command"))
    viewer = make.client(make.person(talk.workspace, "viewer"))
    for model, row, name in (
        ("waketrigger", dead, "requeue"), ("wakerun", run, "kill"),
        ("runtimesession", session, "pause"),
    ):  # fmt: skip
        assert press(other, model, row, name, reason="x").status_code == 404
        assert press(viewer, model, row, name, reason="x").status_code == 403
        listed = other.get(f"/admin/threads/{model}/?view=all")
        assert list(listed.context["cl"].result_list) == []
    for client, status in ((other, 404), (viewer, 403)):
        assert client.post(links.act(talk.thread, "wake"), {}).status_code == status
    dead.refresh_from_db()
    run.refresh_from_db()
    assert (dead.state, run.kill_asked_at) == (leases.DEAD, None)
