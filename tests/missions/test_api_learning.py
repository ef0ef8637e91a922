"""Feedback, retrospectives, the library, training and meetings by API: agents write and look up,
people judge, publish and meet."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from controlplane.lib import clock
from missions.api.learning import examples
from missions.services import cadence, library
from tests import make
from tests.kit import settled
from tests.kit.missions import World
from tests.missions.test_api import NOBODY, Api

pytestmark = pytest.mark.django_db


class Person:
    """A person's browser, at the API."""

    def __init__(self, user: Any, workspace: Any) -> None:
        self.client: Client = make.client(user)
        self.slug = workspace.slug

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return self.client.generic(
            method, f"/api/v1/{path}", json.dumps(body or {}) if method != "GET" else "",
            content_type="application/json", headers={"X-Workspace": self.slug},
        )  # fmt: skip

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.call(method, path, body)
        assert answer.status_code in (200, 201), answer.content
        return answer.json()


@settled.once
def scene() -> Any:
    world = World()
    row = world.imported(stage="feedback")
    kc = make.person(world.workspace, "knowledge_curator")
    oc = make.person(world.workspace, "operations_command")
    return SimpleNamespace(
        world=world,
        row=row,
        api=Api(world),
        owner=Person(world.owner, world.workspace),
        kc=Person(kc, world.workspace),
        oc=Person(oc, world.workspace),
        stranger=Api(World()),
    )


def tomorrow() -> str:
    return (clock.now() + timedelta(days=1)).date().isoformat()


def test_feedback__is_asked_by_agents_and_given_by_people(scene: Any) -> None:
    path = f"missions/{scene.row.ref}/feedback"
    asked = scene.api.ok("POST", f"{path}/ask", {"people": [str(scene.world.owner.uid)]})
    assert asked == {"asked": 1}
    scene.api.refused(403, "POST", path, examples.FEEDBACK)
    given = scene.owner.ok("POST", path, examples.FEEDBACK)
    assert (given["rating"], given["status"]) == (4, "given")
    assert scene.owner.call("POST", path, {"rating": 5, "version": 1}).status_code == 409
    assert scene.owner.call("POST", path, {"rating": 9}).status_code == 400
    [row] = scene.api.ok("GET", path)["items"]
    assert row["person"] == str(scene.world.owner.uid)
    assert scene.kc.ok("POST", f"{path}/decline", {"reason": "I was away."}) == {"asked": 0}
    scene.stranger.refused(404, "GET", path)
    scene.api.refused(400, "POST", f"{path}/ask", {"people": [NOBODY]})


def test_retrospective__written_by_an_agent_and_classified_by_the_curator(scene: Any) -> None:
    path = f"missions/{scene.row.ref}/retrospective"
    scene.api.refused(404, "GET", path)
    made = scene.api.ok("PATCH", path, examples.RETROSPECTIVE)
    assert (made["kpi_actual"], made["attempt"]) == ("31", 1)
    scene.api.refused(409, "PATCH", path, examples.RETROSPECTIVE)
    scene.api.refused(403, "POST", f"{path}/reuse", examples.REUSE)
    assert scene.kc.ok("POST", f"{path}/reuse", examples.REUSE)["reuse"] == "adapt"
    assert scene.kc.call("POST", f"{path}/training", {}).status_code == 400
    scene.kc.ok("POST", f"{path}/training", {"note": "Nothing new."})
    follow = {**examples.FOLLOWUP, "owner": str(scene.world.owner.uid), "due_on": tomorrow()}
    made = scene.api.ok("POST", f"{path}/followups", follow)
    assert made["item"]
    assert made["done"] is False
    scene.api.refused(400, "POST", f"{path}/followups", {**follow, "owner": NOBODY})
    scene.api.ok("POST", f"{path}/figures")
    whole = scene.api.ok("GET", path)
    assert len(whole["followups"]) == 1
    assert set(whole["figures"]) == {"feedback", "impact", "safeguards", "trend"}


def test_library__agents_write_find_and_use_what_curators_publish(
    scene: Any, django_capture_on_commit_callbacks: Any
) -> None:
    made = scene.api.ok("POST", "library/assets", {**examples.ASSET, "source": scene.row.ref})
    path = f"library/assets/{made['uid']}"
    assert scene.api.ok("GET", "library?q=mails")["items"] == []
    scene.api.refused(403, "POST", f"{path}/publish", {})
    with django_capture_on_commit_callbacks(execute=True):
        done = scene.kc.ok("POST", f"{path}/publish", {"version": made["version"]})
    assert (done["status"], done["number"], done["current"]["number"]) == ("published", 1, 1)
    late = scene.kc.call("POST", f"{path}/publish", {"version": made["version"]})
    assert late.status_code == 409
    assert "published version 1" in late.json()["error"]["message"]
    [hit] = scene.api.ok("GET", "library?q=mails&tag=crm&category=template")["items"]
    assert hit["uid"] == made["uid"]
    mission = scene.world.started()
    use = scene.api.ok("POST", f"missions/{mission.ref}/uses", {"asset": made["uid"]})
    assert use["number"] == 1
    assert len(scene.api.ok("GET", f"missions/{mission.ref}/uses")["items"]) == 1
    scene.api.refused(400, "POST", f"missions/{scene.row.ref}/uses", {"asset": made["uid"]})
    draft = scene.api.ok("PUT", f"{path}/draft", {"body": "Ask twice."})
    assert (draft["draft"]["number"], draft["uses"]) == (2, 1)
    scene.kc.ok("POST", f"{path}/retire", {"reason": "Outdated."})
    assert scene.kc.ok("POST", f"{path}/restore", {"reason": "Asked for."})["status"] == "published"


@pytest.mark.parametrize("query", ["limit=0", "limit=1e9", "category=song", "limit=51", "x=1"])
def test_library__what_cannot_be_asked(scene: Any, query: str) -> None:
    scene.api.refused(400, "GET", f"library?{query}")


def test_library__hostile_words_find_nothing(scene: Any) -> None:
    for words in ("%27%29%3B--", "a" * 150, "%22unclosed", "%ED%A0%80", "!%26%7C%3A*"):
        assert scene.api.ok("GET", f"library?q={words}") == {"items": []}


def test_library__others_see_nothing_of_it(scene: Any) -> None:
    row = library.create_asset(
        scene.world.workspace, actor=scene.world.actor, title="Ours", body="Ours."
    )
    scene.stranger.refused(404, "GET", f"library/assets/{row.uid}")
    scene.stranger.refused(404, "PUT", f"library/assets/{row.uid}/draft", {"body": "Mine."})
    assert scene.stranger.ok("GET", "library/assets")["items"] == []


def test_training__begins_with_somebody_and_a_day(scene: Any) -> None:
    made = scene.kc.ok("POST", "training", {**examples.TRAINING, "mission": scene.row.ref})
    path = f"training/{made['uid']}"
    assert scene.kc.call("POST", f"{path}/move", {"status": "in_progress"}).status_code == 400
    scene.kc.ok("PATCH", path, {"owner": str(scene.world.owner.uid), "version": 1})
    begun = scene.kc.ok("POST", f"{path}/move", {"status": "in_progress"})
    assert begun["status"] == "in_progress"
    assert scene.kc.call("PATCH", path, {"owner": None}).status_code == 400
    assert scene.kc.call("POST", f"{path}/move", {"status": "dropped"}).status_code == 400
    done = scene.kc.ok("POST", f"{path}/move", {"status": "done"})
    assert done["closed_at"]
    assert scene.kc.call("PATCH", path, {"detail": "More."}).status_code == 409
    assert scene.api.ok("GET", "training?open=false")["items"][0]["uid"] == made["uid"]
    scene.api.refused(403, "POST", "training", examples.TRAINING)
    scene.stranger.refused(404, "GET", path)


def test_meetings__planned_begun_noted_and_closed(scene: Any) -> None:
    made = scene.oc.ok("POST", "meeting-series", examples.SERIES)
    assert scene.oc.call("POST", "meeting-series", examples.SERIES).status_code == 409
    begun = scene.oc.ok("POST", f"meeting-series/{made['uid']}/begin")
    path = f"meetings/{begun['uid']}"
    assert begun["agenda"]
    scene.oc.ok("PATCH", path, examples.NOTES)
    follow = {**examples.FOLLOWUP, "owner": str(scene.world.owner.uid), "due_on": tomorrow()}
    assert scene.oc.ok("POST", f"{path}/followups", follow)["item"]
    assert scene.oc.ok("POST", f"{path}/close", {})["closed_at"]
    assert scene.oc.call("PATCH", path, {"notes": "More."}).status_code == 409
    [row] = scene.api.ok("GET", "meetings?stage=governed_execution&open=false")["items"]
    assert row["uid"] == begun["uid"]
    scene.api.refused(403, "POST", f"meeting-series/{made['uid']}/begin")
    scene.stranger.refused(404, "GET", path)
    scene.oc.ok("POST", f"meeting-series/{made['uid']}/end", {"reason": "Nobody there."})
    again = cadence.plan_usual(scene.world.workspace, actor=scene.world.oc)
    assert len(again) == 6
