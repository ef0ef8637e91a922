"""A mission's page and its forms, for whoever may and for whoever may not."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.urls import reverse

from controlplane.approvals.models import Request
from missions.models import Mission
from missions.shown.moves import MOVES
from tests import make
from tests.kit import settled
from tests.kit.missions import LINK, World, again, all_answered, visit_of


@settled.once
def world() -> World:
    return World()


@settled.once
def row(world: World) -> Mission:
    return world.locked()


@settled.once
def owner(world: World) -> Client:
    return make.client(world.owner)


def page_of(row: Mission) -> str:
    return reverse("admin:missions_mission_change", args=(row.pk,))


def do(client: Client, row: Mission, move: str, **given: Any) -> Any:
    return client.post(reverse("missions:move", args=(row.uid, move)), given)


def test_page__says_what_is_missing_and_who_can_mend_it(owner: Client, row: Mission) -> None:
    page = owner.get(page_of(row)).content.decode()
    assert "Before Define is left" in page
    assert "Revision 1 is locked." in page
    assert "Each of the two, in the safeguards" in page
    assert "Safeguard defaults confirmed" in page
    assert "Governance Validator (GV)" in page


def test_line__ticked_and_taken_back_by_its_form(owner: Client, row: Mission) -> None:
    path = reverse("missions:line", args=(row.uid, "intent_validated"))
    wrong = owner.post(path, {"do": "tick", "note": "Read.", "link": "javascript:alert(1)"})
    assert wrong.status_code == 400
    assert "A web address" in wrong.content.decode()
    ticked = owner.post(path, {"do": "tick", "note": "Read.", "label": "Minutes", "link": LINK})
    assert (ticked.status_code, ticked["Location"]) == (302, f"{page_of(row)}#checklist")
    tick = visit_of(row).ticks.get()
    assert (tick.note, tick.evidence) == ("Read.", [{"label": "Minutes", "link": LINK}])
    assert "Take it back" in owner.get(path).content.decode()
    owner.post(path, {"do": "untick", "reason": "Too early."})
    assert not visit_of(row).ticks.standing().exists()


def test_evidence__linked_by_its_form(owner: Client, row: Mission) -> None:
    path = reverse("missions:evidence", args=(row.uid,))
    assert owner.post(path, {"link": ""}).status_code == 400
    assert owner.post(path, {"link": LINK, "label": "<b>Found</b>"}).status_code == 302
    page = owner.get(page_of(row)).content.decode()
    assert "&lt;b&gt;Found&lt;/b&gt;" in page
    assert "<b>Found</b>" not in page


def test_buttons__ask_pause_resume_cancel(world: World, owner: Client, row: Mission) -> None:
    with all_answered():
        world.done(row)
        assert do(owner, row, "ask").status_code == 302
        assert Request.objects.get(owner="missions.checkpoint").status == "open"
        page = owner.get(page_of(row)).content.decode()
    assert "Intent Confirmation waits for Mission Owner, Governance Validator." in page
    do(owner, row, "pause", reason="Too many questions.")
    assert again(row).status == "paused"
    do(owner, row, "resume", reason="Answered.")
    do(owner, row, "cancel", reason="Not wanted.")
    assert again(row).status == "cancelled"


def test_form__plans_and_changes_by_the_services(world: World, owner: Client) -> None:
    given = {"title": "By form", "intent": "Something.", "owner": world.owner.pk, "tags": "a,b",
             "priority": 1, "mission_type": "crm", "persona": "", "due_on": ""}  # fmt: skip
    made = owner.post(reverse("missions:new"), given)
    assert made.status_code == 302, made.content
    row = Mission.objects.get(title="By form")
    assert (row.status, row.tags, row.brief.authors, row.item is not None) == (
        "draft", ["a", "b"], [], True,
    )  # fmt: skip
    owner.post(f"{page_of(row)}?edit=1", {**given, "title": "By form, changed"})
    assert again(row).title == "By form, changed"
    brief = reverse("admin:missions_brief_change", args=(row.brief.pk,))
    owner.post(f"{brief}?edit=1", {"objective": "More.", "kpi_direction": "up"})
    assert Mission.objects.get(pk=row.pk).brief.objective == "More."


def test_strangers__read_or_do_not_even_that(world: World, row: Mission) -> None:
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert viewer.get(page_of(row)).status_code == 200
    line = reverse("missions:line", args=(row.uid, "safeguards_confirmed"))
    assert "Not yours to tick" in viewer.get(line).content.decode()
    assert viewer.post(line, {"do": "tick"}).status_code == 403
    link = reverse("missions:evidence", args=(row.uid,))
    assert viewer.post(link, {"link": LINK}).status_code == 403
    for move in MOVES:
        assert do(viewer, row, move, reason="x", to="define").status_code == 403, move
    assert viewer.post(reverse("missions:brief", args=(row.uid,)), {}).status_code == 403
    assert viewer.get(reverse("missions:new")).status_code == 403
    assert viewer.get(reverse("missions:import")).status_code == 403
    elsewhere = make.client(World().owner)
    own = [
        reverse("missions:brief", args=(row.uid,)),
        reverse("missions:move", args=(row.uid, "pause")),
    ]
    for path in (page_of(row), line, link, *own):
        assert elsewhere.get(path).status_code in (302, 404), path
    assert elsewhere.post(link, {"link": LINK}).status_code == 404
    assert Client().get(link).status_code == 302
    assert again(row).version == row.version
