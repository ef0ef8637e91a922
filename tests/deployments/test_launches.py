"""Launches: every line with its evidence, signed by those who are asked, exported."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from pypdf import PdfReader

from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, NotAllowed
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments import services
from deployments.launches import LINES
from deployments.models import Launch, LaunchLine
from deployments.overview import checklist, checklist_paper, launched
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused
from tests.kit.deployments import World, fire
from tests.kit.maintenance import at

pytestmark = pytest.mark.django_db
SHOWN = [{"label": "Acceptance report", "link": "/admin/work/item/"}]
LIST = "/admin/deployments/launch/"


@settled.once
def world() -> World:
    return World()


@pytest.fixture
def launch(world: World) -> Launch:
    return services.plan_launch(world.workspace, actor=world.actor, title="Second planner")


def line(launch: Launch, slug: str) -> LaunchLine:
    found: LaunchLine = launch.lines.select_related("launch").get(slug=slug)
    return found


def how(slug: str) -> dict[str, Any]:
    """Of runbooks the portal knows itself that none was drilled here."""
    if slug == "runbooks":
        return {"state": "not_applicable", "note": "Nobody is called for it."}
    return {"state": "done", "evidence": SHOWN}


def settle_all(world: World, launch: Launch) -> Launch:
    for each in LINES:
        services.settle_line(line(launch, each.slug), actor=world.actor, **how(each.slug))
    return fresh(launch)


def fresh(launch: Launch) -> Launch:
    found: Launch = Launch.objects.select_related("approval", "workspace").get(pk=launch.pk)
    return found


def sign(world: World, launch: Launch) -> Launch:
    request = fresh(launch).approval
    assert request is not None
    for slot in request.slots.order_by("position"):
        request = Request.objects.get(pk=request.pk)
        signer = world.someone(slot.roles[0])
        approvals.decide(request, "approved", actor=signer, sha256=request.sha256)
    return fresh(launch)


def test_lines__of_the_playbook__want_evidence(world: World, launch: Launch) -> None:
    assert [row.slug for row in launch.lines.order_by("position")] == [
        "functional-acceptance", "security", "alerting", "runbooks", "pilot",
    ]  # fmt: skip
    row = line(launch, "security")
    with pytest.raises(Invalid, match="shows that it holds"):
        services.settle_line(row, actor=world.actor, state="done")
    with pytest.raises(Invalid, match="why it does not apply"):
        services.settle_line(row, actor=world.actor, state="not_applicable")
    with pytest.raises(GateNotMet, match="5 of the lines are open"):
        services.ask_sign_off(launch, actor=world.actor)
    done = services.settle_line(row, actor=world.actor, state="done", evidence=SHOWN)
    assert (done.by, done.evidence) == (world.actor.ref, SHOWN)
    with pytest.raises(Conflict):
        services.settle_line(row, actor=world.actor, state="open", version=1)
    again = services.settle_line(done, actor=world.actor, state="open")
    assert (again.by, again.evidence, again.at) == ("", [], None)
    with pytest.raises(IntegrityError), transaction.atomic():
        LaunchLine.objects.filter(pk=row.pk).update(state="done")


def test_signed_by_all__signed_off__and_exported(world: World, launch: Launch) -> None:
    services.ask_sign_off(settle_all(world, launch), actor=world.actor)
    assert "waiting" in checklist.markdown(fresh(launch))
    done = sign(world, launch)
    assert (done.status, done.signed_at is not None) == ("signed", True)
    text = checklist.markdown(done)
    assert text.count("- [x] ") == 4
    assert text.count("| approved |") == 4
    assert "Acceptance report </admin/work/item/>" in text
    assert done.approval is not None
    assert done.approval.sha256 in text
    sheets = PdfReader(io.BytesIO(checklist_paper.pdf(done, world.actor)))
    paper = " ".join(" ".join(page.extract_text() for page in sheets.pages).split())
    for said in (*(each.title for each in LINES), "Primary user", "approved", "Acceptance report"):
        assert said in paper
    assert done.approval.sha256 in paper.replace(" ", "")
    assert AuditEvent.objects.about(done).filter(action="launch.signed").exists()


def test_signed__owes_a_review_within_two_weeks(world: World) -> None:
    live = clock.now() + timedelta(days=5)
    launch = services.plan_launch(world.workspace, actor=world.actor, title="Desk", launch_at=live)
    services.ask_sign_off(settle_all(world, launch), actor=world.actor)
    fire()
    items = Item.objects.filter(workspace=world.workspace, labels__contains=["launch-review"])
    assert not items
    sign(world, launch)
    fire()
    assert not items.all()  # it is not live yet
    with at(live):
        fire()
        [item] = items.all()
    assert item.due_at == live + timedelta(days=14)
    assert item.description.count("## ") == 4
    assert "| Before | Since |" in item.description


def signed(world: World, **given: Any) -> Launch:
    launch = services.plan_launch(world.workspace, actor=world.actor, title="Desk", **given)
    services.ask_sign_off(settle_all(world, launch), actor=world.actor)
    return sign(world, launch)


def reviews(launch: Launch) -> list[Item]:
    rows = Item.objects.filter(labels__contains=["launch-review"], workspace=launch.workspace)
    return list(rows)


def test_review__follows_the_day_it_goes_live(world: World) -> None:
    live = clock.now() + timedelta(days=5)
    launch = signed(world, launch_at=live)
    later = live + timedelta(days=30)
    with at(live):
        fire()
        services.change_launch(fresh(launch), actor=world.actor, launch_at=later)
        services.ask_sign_off(fresh(launch), actor=world.actor)
        sign(world, launch)
        fire()
    [item] = reviews(launch)
    assert item.due_at == live + timedelta(days=14)
    with at(later):
        fire()
    [item] = reviews(launch)
    assert item.due_at == later + timedelta(days=14)


def test_review_that_was_held__is_held_again_of_a_launch_signed_anew(world: World) -> None:
    launch = signed(world)
    fire()
    [item] = reviews(launch)
    work.close_item(item, actor=make.JOB, reason="It went well.")
    services.reopen_launch(fresh(launch), actor=world.actor, reason="Once more.")
    services.ask_sign_off(fresh(launch), actor=world.actor)
    sign(world, launch)
    fire()
    [item] = reviews(launch)
    assert item.category != "done"


def test_cancelled__closes_the_review_it_opened(world: World) -> None:
    launch = signed(world)
    fire()
    services.cancel_launch(fresh(launch), actor=world.actor, reason="Never mind.")
    fire()
    [item] = reviews(launch)
    assert (item.category, item.close_reason) == ("done", f"{launch.ref} is cancelled.")


def test_cycle_times__before_the_launch_and_since(world: World) -> None:
    live = clock.now()
    launch = signed(world, launch_at=live)
    project = work.ensure_operations_project(world.workspace, actor=make.JOB)
    for begun, taken in [(-30 + n, 4) for n in range(5)] + [(1 + n / 10, 1) for n in range(5)]:
        item = work.create_item(project, actor=make.JOB, title="Item", item_type="task")
        closed = live + timedelta(days=begun + taken)
        Item.objects.filter(pk=item.pk).update(
            status="closed", started_at=closed - timedelta(days=taken), closed_at=closed
        )
    with at(live + timedelta(days=13, minutes=1)):
        found = launched.report(fresh(launch))
        assert found is not None
        first = found.lines[0]
        assert (first.before, first.since, first.better) == ("4.0 days", "24.0 h", "better")
        fire()
        [item] = reviews(launch)
        told = item.comments.get()
        assert "| Work items, begun to closed | 4.0 days | 24.0 h |" in told.text
        browser = make.client(world.manager)
        page = browser.get(f"{LIST}{launch.uid}/change/").content.decode()
        assert "Work items, begun to closed" in page
        answer = Api(browser=browser).get(f"/api/v1/launches/{launch.ref}/cycle-times")
        assert answer.json()["lines"][0]["change"] == "better"
    theirs = Api(browser=make.client(World().manager))
    refused(theirs.get(f"/api/v1/launches/{launch.ref}/cycle-times"), "NOT_FOUND")


def test_opened_again_at_once__owes_no_review(world: World, launch: Launch) -> None:
    services.ask_sign_off(settle_all(world, launch), actor=world.actor)
    done = sign(world, launch)
    services.reopen_launch(done, actor=world.actor, reason="Not yet.")
    fire()
    assert not Item.objects.filter(labels__contains=["launch-review"])


def test_changed_after_it_was_signed__signatures_fall(world: World, launch: Launch) -> None:
    services.ask_sign_off(settle_all(world, launch), actor=world.actor)
    done = sign(world, launch)
    services.settle_line(
        line(done, "alerting"), actor=world.actor, state="not_applicable", note="No alerts."
    )
    again = fresh(launch)
    assert (again.status, again.signed_at) == ("preparing", None)
    assert again.approval is not None
    assert again.approval.status == "void"
    services.ask_sign_off(again, actor=world.actor)
    assert sign(world, launch).status == "signed"


def test_said_again_after_it_was_signed__signatures_stand(world: World, launch: Launch) -> None:
    settle_all(world, launch)
    services.ask_sign_off(fresh(launch), actor=world.actor)
    done = sign(world, launch)
    settle_all(world, done)
    assert fresh(launch).status == done.status


def test_export__a_link_ends_where_it_ends(world: World, launch: Launch) -> None:
    forged = [{"label": "Report", "link": "/admin/> [x](https://evil.example) <b>"}]
    first = line(launch, LINES[0].slug)
    services.settle_line(first, actor=world.actor, state="done", evidence=forged)
    text = checklist.markdown(fresh(launch))
    assert "</admin/%3E%20[x](https://evil.example)%20%3Cb%3E>" in text


def test_refused__goes_back_to_preparing(world: World, launch: Launch) -> None:
    services.ask_sign_off(settle_all(world, launch), actor=world.actor)
    request = fresh(launch).approval
    assert request is not None
    signer = world.someone("security_lead")
    approvals.decide(
        request, "rejected", actor=signer, sha256=request.sha256, comment="The pen test is open."
    )
    assert fresh(launch).status == "preparing"


def test_cancelled__is_over(world: World, launch: Launch) -> None:
    services.ask_sign_off(settle_all(world, launch), actor=world.actor)
    services.cancel_launch(fresh(launch), actor=world.actor, reason="Next year.")
    row = fresh(launch)
    assert row.status == "cancelled"
    with pytest.raises(Conflict, match="cancelled"):
        services.settle_line(line(row, "pilot"), actor=world.actor, state="open")


def test_who_planned_it__does_not_sign_it(world: World, launch: Launch) -> None:
    """The release manager with a signer's role as well."""
    both = make.person(world.workspace, "release_manager", "security_lead")
    mine = services.plan_launch(world.workspace, actor=make.actor(both), title="Mine")
    services.ask_sign_off(settle_all(world, mine), actor=world.actor)
    request = fresh(mine).approval
    assert request is not None
    with pytest.raises(NotAllowed):
        approvals.decide(request, "approved", actor=make.actor(both), sha256=request.sha256)


def test_viewer_and_stranger__may_not(world: World, launch: Launch) -> None:
    viewer = make.actor(make.person(world.workspace, "viewer"))
    stranger = World().actor
    for actor in (viewer, stranger):
        calls: list[tuple[Any, dict[str, Any]]] = [
            (services.change_launch, {"launch": launch, "title": "X"}),
            (services.ask_sign_off, {"launch": launch}),
            (services.reopen_launch, {"launch": launch, "reason": "X"}),
            (services.cancel_launch, {"launch": launch, "reason": "X"}),
            (services.settle_line, {"line": line(launch, "pilot"), "state": "open"}),
            (services.plan_launch, {"workspace": world.workspace, "title": "X"}),
        ]
        for service, given in calls:
            with pytest.raises(NotAllowed):
                service(actor=actor, **given)


# --- Doors --------------------------------------------------------------------------------------


def test_console__changed_after_it_was_signed__says_what_fell(world: World, launch: Launch) -> None:
    services.ask_sign_off(settle_all(world, launch), actor=world.actor)
    sign(world, launch)
    browser = make.client(world.manager)
    page = f"{LIST}{launch.uid}/change/"
    form = {"title": launch.title, "about": "For everybody now.", "version": fresh(launch).version}
    answer = browser.post(page, form, follow=True)
    assert "ask for the signatures anew" in answer.content.decode()
    after = fresh(launch)
    assert (after.status, after.about) == ("preparing", "For everybody now.")


def test_console__from_the_plan_to_the_question(world: World) -> None:
    browser = make.client(world.manager)
    answer = browser.post(f"{LIST}add/", {"title": "Desk", "about": "For partners."})
    launch = Launch.objects.get(title="Desk")
    assert answer.status_code == 302
    page = f"{LIST}{launch.uid}/change/"
    text = browser.get(page).content.decode()
    assert "0 of 5 settled" in text
    assert "5 of its lines are open: settle them first." in text
    door = f"{LIST}{launch.uid}/lines/security/"
    assert "What shows it" in browser.get(door).content.decode()
    wrong = browser.post(door, {"state": "done", "note": ""})
    assert wrong.status_code == 422
    assert "Name what shows that it holds." in wrong.content.decode()
    given = {"state": "done", "label0": "Report", "link0": "https://ci.example.org/7", "note": ""}
    assert browser.post(door, given).status_code == 302
    text = browser.get(page).content.decode()
    assert "1 of 5 settled" in text
    assert 'href="https://ci.example.org/7"' in text
    file = browser.get(f"{LIST}{launch.uid}/checklist.md")
    assert file.content.decode().startswith("# Launch sign-off: Desk")
    settle_all(world, launch)
    browser.post(f"{LIST}{launch.uid}/do/ask/", {})
    assert fresh(launch).status == "signing"
    assert "Sign, or read what is signed" in browser.get(page).content.decode()


def test_console__strangers(world: World, launch: Launch) -> None:
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert viewer.get(f"{LIST}{launch.uid}/change/").status_code == 200
    door = f"{LIST}{launch.uid}/lines/security/"
    assert viewer.post(door, {"state": "open"}).status_code == 403
    stranger = make.client(World().manager)
    files = [f"{LIST}{launch.uid}/checklist.{form}" for form in ("md", "pdf")]
    for path in (f"{LIST}{launch.uid}/change/", door, *files):
        assert stranger.get(path).status_code == 404, path


def test_api__the_same_walk(world: World) -> None:
    api = Api(browser=make.client(world.manager))
    made = api.post("/api/v1/launches", {"title": "Desk"})
    assert made.status_code == 201
    ref = made.json()["ref"]
    one = f"/api/v1/launches/{ref}"
    refused(api.post(f"{one}/sign-off", {}), "GATE_NOT_MET")
    refused(api.send("PUT", f"{one}/lines/pilot", {"state": "done"}), "INVALID_ARGUMENT")
    refused(api.send("PUT", f"{one}/lines/moon", {"state": "open"}), "NOT_FOUND")
    for each in LINES:
        assert api.send("PUT", f"{one}/lines/{each.slug}", how(each.slug)).status_code == 200
    refused(api.send("PUT", f"{one}/lines/runbooks", {"state": "done"}), "GATE_NOT_MET")
    assert api.post(f"{one}/sign-off", {}).json()["status"] == "signing"
    assert api.send("PATCH", one, {"title": "Desk 2"}).json()["status"] == "preparing"
    told = api.get(one).json()
    assert [row["state"] for row in told["lines"]].count("done") == 4
    assert "Desk 2" in api.get(f"{one}/document").json()["markdown"]
    assert api.post(f"{one}/sign-off", {}).json()["status"] == "signing"
    assert api.post(f"{one}/reopen", {"reason": "Wait."}).json()["status"] == "preparing"
    assert api.post(f"{one}/cancel", {"reason": "No."}).json()["status"] == "cancelled"
    refused(Api(browser=make.client(World().manager)).get(one), "NOT_FOUND")
    refused(Api().get(one), "UNAUTHORIZED")
