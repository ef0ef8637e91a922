"""The review after a launch: four sections beside the figures, signed once, kept as it was."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, NotAllowed
from controlplane.privacy.readiness import releases
from controlplane.work.models import Item
from deployments import services
from deployments.models import Launch
from deployments.overview import launch_review
from tests import make
from tests.deployments.test_launches import fresh, settle_all, sign
from tests.kit import settled
from tests.kit.api import Api, refused
from tests.kit.deployments import World, fire

pytestmark = pytest.mark.django_db
WORDS = {
    "cycle_times": "Half as long.",
    "escalations": "Two, one of them false.",
    "feedback": "They trust it.",
    "next": "1. More of it.",
}


@settled.once
def scene() -> Any:
    """One that is live since an hour, and one that is to come."""
    world = World()
    now = clock.now()

    def signed(title: str, when: Any) -> Launch:
        launch = services.plan_launch(
            world.workspace, actor=world.actor, title=title, launch_at=when
        )
        services.ask_sign_off(settle_all(world, launch), actor=world.actor)
        return sign(world, launch)

    live = signed("Desk", now - timedelta(hours=1))
    coming = signed("Planner", now + timedelta(days=5))
    fire()
    return SimpleNamespace(world=world, live=live, coming=coming)


def test_signed__is_kept_with_its_figures_and_ends_the_work_item(scene: Any) -> None:
    launch, actor = fresh(scene.live), scene.world.actor
    assert launch_review.state_of(launch) == "owed"
    done = services.sign_review(launch, actor=actor, words=WORDS)
    fire()
    assert launch_review.state_of(fresh(launch)) == "reviewed"
    assert done.review["words"] == WORDS
    assert {"compared", "promised"} == set(done.review["figures"])
    assert any(row["promised"] for row in done.review["figures"]["promised"])
    item = Item.objects.get(workspace=launch.workspace, labels__contains=["launch-review"])
    assert (item.category, item.close_reason) == ("done", f"The review of {launch.ref} is signed.")
    assert "Half as long." in item.comments.get().text
    row = AuditEvent.objects.get(workspace_id=launch.workspace_id, action="launch.review")
    assert row.after is not None
    assert len(row.after["sha256"]) == 64
    told = launch_review.markdown(fresh(launch))
    assert "Two, one of them false." in told
    assert "| | Promised | Found | Verdict |" in told
    assert launch_review.markdown(scene.coming) in releases.launch_file(launch.workspace)
    with pytest.raises(Conflict):
        services.sign_review(fresh(launch), actor=actor, words=WORDS)


def test_signed_off_anew__owes_another(scene: Any) -> None:
    launch, actor = fresh(scene.live), scene.world.actor
    services.sign_review(launch, actor=actor, words=WORDS)
    services.reopen_launch(fresh(launch), actor=actor, reason="Once more.")
    services.ask_sign_off(fresh(launch), actor=actor)
    assert launch_review.state_of(sign(scene.world, launch)) == "owed"


def test_not_live_or_not_said__is_refused(scene: Any) -> None:
    actor = scene.world.actor
    with pytest.raises(GateNotMet):
        services.sign_review(fresh(scene.coming), actor=actor, words=WORDS)
    for wrong in ({}, WORDS | {"next": " "}, WORDS | {"feedback": "x" * 4_001}):
        with pytest.raises(Invalid):
            services.sign_review(fresh(scene.live), actor=actor, words=wrong)
    with pytest.raises(Conflict):
        services.sign_review(fresh(scene.live), actor=actor, words=WORDS, version=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Launch.objects.filter(pk=scene.live.pk).update(reviewed_at=clock.now())


def test_viewer_key_and_stranger__may_not(scene: Any) -> None:
    launch = fresh(scene.live)
    viewer = make.person(scene.world.workspace, "viewer")
    for actor in (make.actor(viewer), World().actor):
        with pytest.raises(NotAllowed):
            services.sign_review(launch, actor=actor, words=WORDS)
    path = f"/api/v1/launches/{launch.ref}/review"
    _, secret = make.key(make.agent(scene.world.workspace, role=""), scopes=["*"])
    keyed = Api(secret)
    assert keyed.get(path).json()["state"] == "owed"
    assert keyed.post(path, WORDS).status_code == 403
    refused(Api(browser=make.client(World().manager)).get(path), "NOT_FOUND")
    page = f"/admin/deployments/launch/{launch.uid}/review/"
    assert "Sign the review" not in make.client(viewer).get(page).content.decode()
    assert make.client(viewer).post(page, WORDS).status_code == 403
    assert make.client(World().manager).get(page).status_code == 404


def test_console__says_it_and_signs(scene: Any) -> None:
    browser = make.client(scene.world.manager)
    page = f"/admin/deployments/launch/{scene.live.uid}/review/"
    shown = browser.get(page).content.decode()
    assert "What was promised" in shown
    assert browser.post(page, WORDS | {"next": ""}).status_code == 422
    assert browser.post(page, WORDS).status_code == 302
    read = browser.get(page).content.decode()
    assert "They trust it." in read
    assert "Sign the review" not in read
    coming = browser.get(f"/admin/deployments/launch/{scene.coming.uid}/review/")
    assert "It is not live yet." in coming.content.decode()
    launch = browser.get(f"/admin/deployments/launch/{scene.live.uid}/change/").content.decode()
    assert page in launch


def test_api__the_same(scene: Any) -> None:
    api = Api(browser=make.client(scene.world.manager))
    path = f"/api/v1/launches/{scene.live.ref}/review"
    assert [row["slug"] for row in api.get(path).json()["sections"]] == list(WORDS)
    refused(api.post(path, WORDS | {"next": ""}), "INVALID_ARGUMENT")
    told = api.post(path, WORDS).json()
    assert (told["state"], told["sections"][0]["text"]) == ("reviewed", "Half as long.")
    refused(api.post(path, WORDS), "CONFLICT")
    coming = f"/api/v1/launches/{scene.coming.ref}/review"
    assert api.get(coming).json()["state"] == "to_come"


@pytest.mark.parametrize(
    ("target", "said"), [(5000.0, "5,000"), (99.95, "99.95"), (1_000_000.0, "1,000,000"), (0, "0")]
)
def test_figures__targets_are_numbers_people_read(target: float, said: str) -> None:
    kpi = SimpleNamespace(better="lower", target=target, unit="ms", title="Latency")
    row = SimpleNamespace(value=6.5)
    line: Any = SimpleNamespace(kpi=kpi, last=row, now=None, state="low_sample")
    shown = launch_review.promise(line)
    assert shown["promised"] == f"at most {said} ms"
    assert shown["verdict"] == "too few to judge"
