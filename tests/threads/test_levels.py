"""The service levels of a workspace's threads: counted from what was told, shown to its people,
over the API and at a terminal."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.db.models import F

from controlplane.jobs import leases
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotAllowed, Unavailable
from missions.threads import services, told
from missions.threads.levels import levels, window
from missions.threads.models import WakeTrigger
from missions.threads.services import posting
from telemetry import rollups
from tests import make
from tests.kit import settled
from tests.kit.api import refused
from tests.kit.source import ROOT
from tests.kit.threads_api import THREADS, Callers
from tests.kit.waking import lifted

pytestmark = pytest.mark.django_db
KEPT = ROOT / "docs" / "pilot_sli_baseline.json"
PATH = f"{THREADS}/service-levels"


@settled.once
def world() -> Callers:
    told.forget()
    return Callers()


def lively(world: Callers) -> None:
    """Thirty posts and reads, in two threads so that no guard minds."""
    talk = world.talk
    talk.asleep()
    for thread in (talk.thread, talk.begin(title="Another")):
        for _ in range(15):
            talk.post(talk.executioner, thread=thread, to={"role": "reviewer"})
            services.read_messages(thread.uid, actor=talk.by("executioner"))
    WakeTrigger.objects.filter(workspace=talk.workspace).update(
        state=leases.DONE, status="delivered", result="triggered", finished_at=clock.now(),
        sent_at=F("message_at") + timedelta(milliseconds=800),
    )  # fmt: skip
    told.flush()
    rollups.settle()


def test_report__has_the_form_of_the_pilot_s_and_meets_the_floor(world: Callers) -> None:
    lively(world)
    found = levels(world.talk.workspace, actor=world.talk.operator, **_week())
    assert found.keys() >= json.loads(KEPT.read_text()).keys() - {"machine", "benches"}
    assert (found["post"]["attempts"], found["post"]["failures"]) == (30, 0)
    assert (found["read"]["attempts"], found["read"]["successRate"]) == (30, 1.0)
    assert found["post"]["p95LatencyMs"] > 0
    assert found["postToVisibleP95Ms"] > found["post"]["p95LatencyMs"]
    assert found["messageToWakeTriggerP95Ms"] == pytest.approx(800, abs=1)
    assert found["missed"] == []
    moments = [found[name] for name in ("from", "until", "measuredAt")]
    assert all(re.fullmatch(r"[0-9T:-]{19}Z", one) for one in moments), moments


def _week() -> dict[str, datetime]:
    start, end = window(7)
    return {"start": start, "end": end}


def test_faults__of_the_portal_count_and_what_a_sender_did_wrong_does_not(
    world: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    lively(world)
    with pytest.raises(Invalid):
        world.talk.post("executioner", in_reply_to=99)
    for error in (OperationalError("gone"), Unavailable("Later.")):
        with monkeypatch.context() as patch, pytest.raises(type(error)):
            patch.setattr(posting, "_run", lambda _, error=error: (_ for _ in ()).throw(error))
            world.talk.post("executioner")
    told.flush()
    rollups.settle()
    found = levels(world.talk.workspace, actor=world.talk.operator, **_week())
    assert (found["post"]["attempts"], found["post"]["failures"]) == (32, 2)
    assert [each.partition(":")[0] for each in found["missed"]] == ["post"]


def test_lost_wake__is_counted_and_no_promise_of_its_own(world: Callers) -> None:
    lively(world)
    with lifted():
        WakeTrigger.objects.update(state=leases.DEAD, status="dead", result="failed")
    found = levels(world.talk.workspace, actor=world.talk.operator, **_week())
    assert found["trigger"]["failures"] == found["trigger"]["attempts"] > 0
    assert found["missed"] == []


def test_nothing_measured__is_not_met_and_divides_by_nothing(world: Callers) -> None:
    found = levels(world.talk.workspace, actor=world.talk.operator, **_week())
    assert found["post"]["attempts"] == 0
    assert found["postToVisibleP95Ms"] is None
    assert len(found["missed"]) == 4


def test_api__answers_whoever_sees_threads_of_the_workspace(world: Callers) -> None:
    lively(world)
    answer = world.person("viewer").get(f"{PATH}?days=1")
    assert answer.status_code == 200, answer.content
    assert answer.json()["workspace"] == world.talk.workspace.slug
    assert answer.json()["post"]["attempts"] == 30
    assert world.outsider().get(PATH).json()["post"]["attempts"] == 0
    assert "days" in refused(world.person("viewer").get(f"{PATH}?days=0"), "INVALID_ARGUMENT")


def test_page__shows_each_promise_beside_its_floor_and_nothing_of_strangers(
    world: Callers,
) -> None:
    lively(world)
    shown = make.client(make.person(world.talk.workspace, "viewer")).get("/admin/threads/levels/")
    text = shown.content.decode()
    assert "100.00%" in text
    assert "floor met" in text.lower()
    other = make.workspace()
    strange = make.client(make.person(other, "viewer")).get("/admin/threads/levels/?days=30")
    assert "nothing yet" in strange.content.decode()
    assert f">{world.talk.workspace.name}<" in text
    assert f">{world.talk.workspace.name}<" not in strange.content.decode()
    stranger = make.actor(make.person(other, "operations_command"))
    with pytest.raises(NotAllowed):
        levels(world.talk.workspace, actor=stranger, **_week())


def test_command__writes_the_report_and_fails_where_asked_to_check(
    world: Callers, tmp_path: Path
) -> None:
    lively(world)
    file, out = tmp_path / "sli.json", StringIO()
    given = ["--workspace", world.talk.workspace.slug, "--output", str(file), "--check"]
    call_command("thread_sli", *given, stdout=out)
    assert json.loads(file.read_text())["missed"] == []
    assert "post: 30 of 30" in out.getvalue()
    with pytest.raises(CommandError, match="post"):
        call_command("thread_sli", "--workspace", make.workspace().slug, "--check", stdout=out)
    with pytest.raises(CommandError, match="NOT_FOUND"):
        call_command("thread_sli", "--workspace", "nowhere", stdout=out)
