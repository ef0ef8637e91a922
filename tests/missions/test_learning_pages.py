"""Pages at the end of a mission, the library and meetings, as people use them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from missions import links
from missions.models import Asset, Feedback, Meeting, Retrospective, TrainingItem
from missions.services import cadence, feedback, library, retrospectives
from tests import make
from tests.kit import settled
from tests.kit.missions import World

pytestmark = pytest.mark.django_db


@settled.once
def scene() -> Any:
    world = World()
    row = world.imported(stage="feedback")
    kc = make.person(world.workspace, "knowledge_curator")
    oc = make.person(world.workspace, "operations_command")
    stranger = World()
    return SimpleNamespace(
        world=world,
        row=row,
        owner=make.client(world.owner),
        kc=make.client(kc),
        oc=make.client(oc),
        viewer=make.client(make.person(world.workspace, "viewer")),
        stranger=make.client(stranger.owner),
    )


def send(client: Client, url: str, do: str, **given: Any) -> Any:
    data = {f"{do}-{name}": value for name, value in given.items()}
    return client.post(url, {"do": do, **data})


def test_feedback__given_declined_and_asked_on_one_page(scene: Any) -> None:
    url = links.feedback_of(scene.row)
    answer = send(scene.owner, url, "give", rating=4, hours="1.5", text="Well.")
    assert answer.status_code == 302
    said = Feedback.objects.get(mission=scene.row)
    assert (said.rating, said.effort_saved_minutes, said.satisfaction) == (4, 90, None)
    late = send(scene.owner, url, "give", rating=2, version=0)
    assert late.status_code == 409
    assert b"You said something else" in late.content
    assert send(scene.kc, url, "decline", reason="").status_code == 400
    assert send(scene.kc, url, "decline", reason="I was away.").status_code == 302
    other = make.person(scene.world.workspace, "viewer")
    assert send(scene.owner, url, "ask", person=other.pk).status_code == 302
    assert Feedback.objects.get(person=other).status == "asked"
    shown = scene.viewer.get(url).content.decode()
    assert "4 of 5" in shown
    assert "Ask somebody else" not in shown


@pytest.mark.parametrize("hours", ["1e300", "-1", "NaN", "9" * 20])
def test_feedback__hours_that_are_none_are_refused_beside_their_field(
    scene: Any, hours: str
) -> None:
    answer = send(scene.owner, links.feedback_of(scene.row), "give", rating=4, hours=hours)
    assert answer.status_code == 400
    assert b"id_give-hours_error" in answer.content


def test_retrospective__written_classified_settled_and_followed(scene: Any) -> None:
    url, row = links.retrospective_of(scene.row), scene.row
    assert send(scene.owner, url, "write", version=0, summary="It paid off.").status_code == 302
    late = send(scene.kc, url, "write", version=0, summary="Mine.")
    assert late.status_code == 409
    assert b"Somebody wrote in the retrospective" in late.content
    assert send(scene.kc, url, "reuse", reuse="adapt", reason="The mails.").status_code == 302
    done = send(scene.kc, url, "learn", title="Read aloud", role="planner", note="")
    assert done.status_code == 302
    given = {"title": "Ask legal", "owner": scene.world.owner.pk, "due_on": "2020-01-01"}
    past = send(scene.owner, url, "follow", **given)
    assert past.status_code == 400
    assert b"id_follow-due_on_error" in past.content
    found = Retrospective.objects.get(visit__mission=row)
    assert (found.reuse, found.training_at is not None) == ("adapt", True)
    assert TrainingItem.objects.get(mission=row).title == "Read aloud"
    assert scene.owner.post(url, {"do": "count"}).status_code == 302
    assert send(scene.owner, url, "reuse", reuse="none", reason="No.").status_code == 403
    read = scene.viewer.get(url).content.decode()
    assert "It paid off." in read
    assert "<textarea" not in read
    assert scene.owner.post(url, {"do": "nonsense"}).status_code == 404


def test_library__an_asset_is_made_published_and_used(scene: Any) -> None:
    add = f"/admin/missions/asset/add/?mission={scene.row.ref}"
    assert f'value="{scene.row.pk}" selected' in scene.owner.get(add).content.decode()
    made = scene.owner.post(
        "/admin/missions/asset/add/",
        {"title": "Win-back mails", "category": "template", "tags": "crm, eu",
         "body": "Ask first.", "source_mission": scene.row.pk, "summary": "", "note": ""},
    )  # fmt: skip
    assert made.status_code == 302
    asset = Asset.objects.get()
    assert (asset.tags, asset.source_mission_id) == (["crm", "eu"], scene.row.pk)
    page = links.asset_page(asset)
    assert "Ask first." in scene.viewer.get(page).content.decode()
    library.publish_asset(asset, actor=scene.world.kc)
    found = scene.viewer.get("/admin/missions/asset/?q=mail").content.decode()
    assert "Win-back mails" in found
    mission = scene.world.started()
    used = send(scene.owner, links.library_of(mission), "use", asset=asset.pk, note="Shorter.")
    assert used.status_code == 302
    assert mission.asset_uses.get().note == "Shorter."
    own = send(scene.owner, links.library_of(scene.row), "use", asset=asset.pk)
    assert own.status_code == 400


def test_meetings__planned_begun_noted_and_closed(scene: Any) -> None:
    board = links.meetings()
    assert b"Plan the usual five" in scene.oc.get(board).content
    assert scene.oc.post(board, {"do": "plan"}).status_code == 302
    series = cadence.plan_meetings(
        scene.world.workspace, actor=scene.world.oc, cadence="standup", time_zone="Asia/Tokyo"
    )
    begun = scene.oc.post(board, {"series": str(series.uid)})
    row = Meeting.objects.get()
    assert begun["Location"] == links.meeting_page(row)
    page = begun["Location"]
    data = {"notes-notes": "All is well.", "notes-version": 1, "notes-stages": ["define"]}
    assert scene.oc.post(page, {"do": "notes", **data}).status_code == 302
    assert scene.oc.post(page, {"do": "notes", **data}).status_code == 409
    closed = scene.oc.post(page, {"do": "close", **data, "notes-version": 2})
    assert closed.status_code == 302
    row.refresh_from_db()
    assert row.closed_at is not None
    shown = scene.viewer.get(page).content.decode()
    assert "All is well." in shown
    assert "<textarea" not in shown
    assert scene.viewer.post(board, {"series": str(series.uid)}).status_code == 403
    assert scene.oc.post(board, {"series": "nonsense"}).status_code == 404


def test_strangers__see_and_change_nothing(scene: Any) -> None:
    feedback.give_feedback(scene.row, actor=scene.world.actor, rating=4)
    retrospectives.write_retrospective(scene.row, actor=scene.world.actor, summary="Ours.")
    made = cadence.plan_usual(scene.world.workspace, actor=scene.world.oc)
    meeting = cadence.begin_meeting(made[0], actor=scene.world.oc)
    for url in (
        links.feedback_of(scene.row),
        links.retrospective_of(scene.row),
        links.library_of(scene.row),
        links.meeting_page(meeting),
    ):
        assert scene.stranger.get(url).status_code == 404
        assert scene.stranger.post(url, {"do": "give"}).status_code == 404
        assert Client().get(url).status_code in (302, 403)
    assert scene.stranger.post(links.meetings(), {"series": str(made[0].uid)}).status_code == 404
