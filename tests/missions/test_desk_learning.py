"""On the desk people say how a mission went, and write what they learnt."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from missions.models import Feedback, FollowUp, Mission, Retrospective, TrainingItem
from missions.services import feedback as services
from missions.services.moving import move
from tests import make
from tests.kit import approvals, inhabited, settled
from tests.kit.missions import World, again

GIVEN = {
    "do": "give", "rating": "4", "satisfaction": "", "hours_saved": "2.5",
    "blockers": "A form nobody knew.", "text": "Good drafts.", "version": "",
}  # fmt: skip
WRITTEN = {
    "do": "write", "version": "0", "summary": "Nine accounts answered.", "went_well": "Drafts.",
    "to_improve": "Names.", "kpi_actual": "9", "kpi_note": "of 200",
}  # fmt: skip


@settled.once
def scene() -> Any:
    world = World()
    return SimpleNamespace(world=world, row=world.imported(stage="feedback"), kc=world.kc)


@settled.once
def owner(scene: Any) -> Client:
    return make.client(scene.world.owner)


def url_of(mission: Mission, name: str) -> str:
    return reverse(f"mission_desk:{name}", args=(mission.uid,))


def read(browser: Client, url: str, status: int = 200) -> str:
    answer = browser.get(url)
    assert answer.status_code == status, (url, answer.status_code)
    return answer.content.decode().split("<main", 1)[1].split("</main>", 1)[0]


def test_feedback__asked_on_the_inbox__given_once_however_often_it_is_sent(
    scene: Any, owner: Client
) -> None:
    row = scene.row
    services.ask_feedback(row, [scene.world.owner], actor=scene.world.actor)
    assert url_of(row, "feedback") in read(owner, "/desk/")
    asked = Feedback.objects.get()
    for _ in range(2):
        sent = owner.post(url_of(row, "feedback"), {**GIVEN, "version": str(asked.version)})
        assert sent["Location"] == url_of(row, "mission")
    said = Feedback.objects.get()
    assert (said.status, said.rating, said.satisfaction, said.effort_saved_minutes) == (
        "given", 4, None, 150,
    )  # fmt: skip
    assert said.version == asked.version + 1
    assert url_of(row, "feedback") not in read(owner, "/desk/")
    page = read(owner, url_of(row, "feedback"))
    assert "4 of 5" in page
    assert 'value="2.5"' in page
    changed = {**GIVEN, "rating": "2", "version": str(said.version)}
    assert owner.post(url_of(row, "feedback"), changed).status_code == 302
    assert Feedback.objects.get().rating == 2
    stale = owner.post(url_of(row, "feedback"), {**GIVEN, "version": str(said.version)})
    assert stale.status_code == 409
    assert "Good drafts." in stale.content.decode()


def test_feedback__declined_with_a_reason(scene: Any, owner: Client) -> None:
    url = url_of(scene.row, "feedback")
    assert owner.post(url, {"do": "decline", "reason": " "}).status_code == 400
    assert not Feedback.objects.exclude(status="asked").exists()
    for _ in range(2):
        sent = owner.post(url, {"do": "decline", "reason": inhabited.HOSTILE[:80]})
        assert sent.status_code == 302
    assert Feedback.objects.get().status == "declined"
    page = read(owner, url)
    assert "You declined" in page
    assert "<img src=x" not in page


@pytest.mark.parametrize(
    "given",
    [
        {"rating": ""}, {"rating": "6"}, {"rating": "4.5"}, {"hours_saved": "-1"},
        {"hours_saved": "1e300"}, {"hours_saved": "NaN"}, {"satisfaction": "x"},
        {"text": "x" * 9_000},
    ],
)  # fmt: skip
def test_feedback__bad_input__beside_the_field_and_nothing_lost(
    scene: Any, owner: Client, given: dict[str, str]
) -> None:
    answer = owner.post(url_of(scene.row, "feedback"), {**GIVEN, **given})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert f"id_{next(iter(given))}_error" in page
    assert "A form nobody knew." in page
    assert not Feedback.objects.exclude(status="asked").exists()


def test_feedback__too_early__says_so(scene: Any, owner: Client) -> None:
    early = scene.world.started()
    assert "still being worked on" in read(owner, url_of(early, "feedback"))
    assert owner.post(url_of(early, "feedback"), GIVEN).status_code == 409
    assert not Feedback.objects.filter(mission=early).exists()


def test_retrospective__written_followed_classified(scene: Any, owner: Client) -> None:
    row, url = scene.row, url_of(scene.row, "retrospective")
    assert owner.post(url, WRITTEN)["Location"] == url
    found = Retrospective.objects.get()
    assert found.summary == "Nine accounts answered."
    assert found.kpi_actual == Decimal(9)
    page = read(owner, url)
    assert "What the portal counted" in page
    assert 'name="reuse"' not in page  # the curator says that
    follow = {
        "do": "follow", "title": "Clean the names", "owner": str(scene.world.owner.uid),
        "due_on": f"{approvals.later(days=9):%Y-%m-%d}",
    }  # fmt: skip
    for _ in range(2):
        assert owner.post(url, follow).status_code == 302
    assert FollowUp.objects.get().title == "Clean the names"
    assert "Clean the names" in read(owner, url)
    curator = make.client(make.person(scene.world.workspace, "knowledge_curator"))
    reuse = {"do": "reuse", "reuse": "adapt", "reason": "With other names.", "version": ""}
    assert curator.post(url, reuse).status_code == 302
    found.refresh_from_db()
    assert found.reuse == "adapt"
    assert "Can be used with changes" in read(owner, url)
    assert owner.post(url, {**reuse, "reuse": "none"}).status_code == 403
    stale = owner.post(url, {**WRITTEN, "summary": "Of an old page."})
    assert stale.status_code == 409
    assert "Of an old page." in stale.content.decode()
    assert row.ref in read(owner, url)


def test_training__added_once_and_looked_at(scene: Any, owner: Client) -> None:
    url = url_of(scene.row, "retrospective")
    learn = {
        "do": "learn", "title": "Read bounced mail", "role": "operations_command", "detail": "",
        "owner": str(scene.world.owner.uid), "due_on": f"{approvals.later(days=9):%Y-%m-%d}",
    }  # fmt: skip
    for _ in range(2):
        assert owner.post(url, learn).status_code == 302
    assert TrainingItem.objects.get().mission == scene.row
    page = read(owner, url)
    assert "Read bounced mail" in page
    assert "Operations Command" in page
    assert 'value="settle"' not in page  # the curator says that
    curator = make.client(make.person(scene.world.workspace, "knowledge_curator"))
    settle = {"do": "settle", "note": "", "version": "0"}
    for _ in range(2):
        assert curator.post(url, settle).status_code == 302
    assert Retrospective.objects.get().training_at is not None
    assert "Looked at" in read(owner, url)
    assert owner.post(url, settle).status_code in {302, 403}
    viewer = make.client(make.person(scene.world.workspace, "viewer"))
    assert viewer.post(url, learn | {"title": "Mine"}).status_code == 403
    assert owner.post(url, {**learn, "role": "nobody"}).status_code == 400
    assert TrainingItem.objects.count() == 1


def test_retrospective__sent_twice__is_saved_once_and_no_reproach(
    scene: Any, owner: Client
) -> None:
    url = url_of(scene.row, "retrospective")
    for _ in range(2):
        assert owner.post(url, WRITTEN).status_code == 302
    assert Retrospective.objects.get().version == 2


def test_feedback__from_two_pages_that_saw_none__the_later_says_so(
    scene: Any, owner: Client
) -> None:
    url = url_of(scene.row, "feedback")
    assert 'name="version" value="0"' in read(owner, url)
    first, second = {**GIVEN, "version": "0"}, {**GIVEN, "version": "0", "rating": "1"}
    assert owner.post(url, first).status_code == 302
    assert owner.post(url, second).status_code == 409
    assert Feedback.objects.get().rating == 4


def test_retrospective__begun_again__is_written_again(scene: Any, owner: Client) -> None:
    row, url = scene.row, url_of(scene.row, "retrospective")
    owner.post(url, WRITTEN)
    rejected: Any = {"actor": make.JOB, "action": "mission.send_back", "reason": "Not like this."}
    move(again(row), stage="reflect_improve", **rejected)
    page = read(owner, url)
    assert "Nine accounts answered." in page  # what was written before, to begin with
    assert 'name="version" value="0"' in page
    assert owner.post(url, {**WRITTEN, "summary": "Ten did."}).status_code == 302
    assert Retrospective.objects.count() == 2


@pytest.mark.parametrize(
    "given",
    [{"kpi_actual": "NaN"}, {"summary": "x" * 9_000}, {"do": "no-such"}, {"do": "follow"}],
)
def test_retrospective__bad_input__refused(
    scene: Any, owner: Client, given: dict[str, str]
) -> None:
    answer = owner.post(url_of(scene.row, "retrospective"), {**WRITTEN, **given})
    assert answer.status_code in {400, 404}
    assert not Retrospective.objects.exclude(summary="").exists()


def test_stranger__finds_neither__a_viewer_reads_and_writes_nothing(scene: Any) -> None:
    there = make.client(make.person(make.workspace(), "mission_owner"))
    for name, form in (("feedback", GIVEN), ("retrospective", WRITTEN)):
        assert there.get(url_of(scene.row, name)).status_code == 404
        assert there.post(url_of(scene.row, name), form).status_code == 404
    viewer = make.client(make.person(scene.world.workspace, "viewer"))
    assert "<form" not in read(viewer, url_of(scene.row, "retrospective"))
    assert viewer.post(url_of(scene.row, "retrospective"), WRITTEN).status_code == 403
    key = make.key(make.agent(scene.world.workspace))[1]
    headers = {"Authorization": f"Bearer {key}"}
    assert Client().post(url_of(scene.row, "feedback"), GIVEN, headers=headers).status_code == 302
    assert not Feedback.objects.exclude(status="asked").exists()
