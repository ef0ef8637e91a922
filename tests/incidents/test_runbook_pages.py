"""Runbooks in the console: read like a document, worked through, written, compared, suggested."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils.html import escape

from controlplane.audit.models import AuditEvent
from incidents.models import Drill, Runbook, RunbookRun, RunbookUse, RunbookValidation
from incidents.runbooks import books, reading, running
from tests import make
from tests.kit.runbooks import Room, step, written

pytestmark = pytest.mark.django_db
LIST = "/admin/incidents/runbook/?view=all"


@pytest.fixture
def room() -> Room:
    return Room()


def page_of(row: Any) -> str:
    return reverse(f"admin:incidents_{row._meta.model_name}_change", args=[row.uid])


def text_of(answer: Any) -> str:
    assert answer.status_code in {200, 400}, answer.status_code
    return str(answer.content.decode())


def test_list__shows_every_runbook_and_how_it_stands(room: Room) -> None:
    browser = make.client(room.lead)
    said = text_of(browser.get(LIST))
    assert "20 of 20 required runbooks" in said
    assert "Never tried" in said
    assert "Write one" in said
    row = books.get(room.workspace.pk, "supabase_pool")
    assert row.slug == "postgres_pool", "by its plain alias"
    said = text_of(browser.get(page_of(row)))
    begin = reverse("runbooks:act", args=(row.uid, "begin"))
    assert f'action="{begin}"' in said, "a shipped one is worked through by a role, too"
    assert "needs a superuser" not in said
    assert "/admin/runbooks/storage_contention/" in said, "names lead to their runbooks"
    assert "The question" in said
    assert "Nobody has tried it" in said
    assert len(said.encode()) < 85 * 1024
    assert browser.get("/admin/runbooks/supabase_pool/")["Location"].endswith(page_of(row))


def test_run__is_begun_and_worked_through_on_its_page(room: Room) -> None:
    row = written(room.workspace, step("measure", "question: stages"))
    browser = make.client(room.primary)
    answer = browser.post(reverse("runbooks:act", args=(row.uid, "begin")))
    run = RunbookRun.objects.get()
    assert answer.status_code == 302
    page = text_of(browser.get(page_of(run)))
    assert "0 of 2 steps" in page
    url = reverse("runbooks:step", args=(run.uid, 1))
    assert browser.post(url, {"tick": "1", "note": "It is off"}).status_code == 302
    browser.post(reverse("runbooks:step", args=(run.uid, 2)), {"run": "1"})
    page = text_of(browser.get(page_of(run)))
    assert "2 of 2 steps" in page
    assert "It is off" in page
    browser.post(reverse("runbooks:over", args=(run.uid, "done")))
    run.refresh_from_db()
    assert run.status == "done"


def test_run__says_what_is_wrong_and_keeps_the_page(room: Room) -> None:
    run = room.run(step("flag", "flag: {flag}"))
    browser = make.client(room.primary)
    url = reverse("runbooks:step", args=(run.uid, 2))
    said = text_of(browser.post(url, {"run": "1", "given-flag": "x", "note": "y"}, follow=True))
    assert "say that you mean it" in said
    said = text_of(browser.post(url, {"run": "1", "sure": "1"}, follow=True))
    assert "Needed." in said
    assert not run.steps.exists()


def test_edit__makes_the_workspaces_own_with_a_preview_and_versions(room: Room) -> None:
    row = books.get(room.workspace.pk, "beads_db")
    assert row.workspace_id is None
    browser = make.client(room.lead)
    url = reverse("runbooks:edit", args=(row.uid,))
    text = row.current.text.replace("Is the portal there", "Is our portal there")  # type: ignore[union-attr]
    shown = text_of(browser.post(url, {"text": text, "look": "1"}))
    assert "As it will read" in shown
    assert "Is our portal there" in shown
    assert Runbook.objects.filter(workspace=room.workspace).count() == 0
    answer = browser.post(url, {"text": text, "reason": "Ours has a name"})
    assert answer.status_code == 302
    own = books.get(room.workspace.pk, "beads")
    assert (own.workspace_id, own.current.number) == (room.workspace.pk, 1)  # type: ignore[union-attr]
    again = text.replace("Is our portal there", "Is the kettle there")
    browser.post(reverse("runbooks:edit", args=(own.uid,)), {"text": again, "version": own.version})
    said = text_of(browser.get(reverse("runbooks:version", args=(own.uid, 2))))
    assert "kettle" in said
    assert "Version 1 and 2" in said
    stale = browser.post(
        reverse("runbooks:edit", args=(own.uid,)), {"text": text, "version": own.version}
    )
    assert stale.status_code == 409
    wrong = browser.post(reverse("runbooks:edit", args=(own.uid,)), {"text": "nothing"})
    assert "front matter" in text_of(wrong)


def released(monkeypatch: Any, text: str) -> None:
    """A release that brings this text."""
    brought = {**books.shipped(), "beads_db": (text, reading.read(text))}
    monkeypatch.setattr(books, "shipped", lambda: brought)
    assert books.adopt() == 1


def test_release__never_changes_what_was_edited(room: Room, monkeypatch: Any) -> None:
    shipped = books.get(room.workspace.pk, "beads_db")
    text = shipped.current.text  # type: ignore[union-attr]
    own = books.save_runbook(
        room.workspace, text.replace("Is the portal there", "Ours"), actor=make.JOB
    )
    newer = text.replace("Is the portal there", "Is the portal really there")
    released(monkeypatch, newer)
    own.refresh_from_db()
    assert "Ours" in own.current.text  # type: ignore[union-attr]
    there = books.newer(own)
    assert there is not None
    browser = make.client(room.lead)
    assert "The release brings a newer text" in text_of(browser.get(page_of(own)))
    url = reverse("runbooks:version", args=(own.uid, 1))
    assert "really" in text_of(browser.get(f"{url}?beside=shipped"))
    browser.post(reverse("runbooks:take", args=(own.uid,)), {"keep": "1", "reason": "Ours fits"})
    own.refresh_from_db()
    assert books.newer(own) is None
    last = newer.replace("really", "truly")
    released(monkeypatch, last)
    taken = books.take_over(own, actor=make.actor(room.lead))
    assert "truly" in taken.current.text  # type: ignore[union-attr]
    assert taken.versions.count() == 2


def test_validation__stands_in_the_log_and_in_the_file(room: Room) -> None:
    row = books.get(room.workspace.pk, "beads_db")
    browser = make.client(room.primary)
    url = reverse("runbooks:validate", args=(row.uid,))
    wrong = browser.post(url, {"environment": "staging", "result": "failed"})
    assert wrong.status_code == 400
    given = {"environment": "staging | x", "result": "works", "note": ""}
    assert browser.post(url, given).status_code == 302
    assert RunbookValidation.objects.get().user == room.primary
    assert "It works" in text_of(browser.get(page_of(row)))
    file = text_of(browser.get(reverse("runbooks:file", args=(row.uid,))))
    assert "## Validation log" in file
    assert room.primary.name in file


def test_drill__is_scored_and_stands_among_the_drills(room: Room) -> None:
    row = written(room.workspace, step("measure", "question: stages"))
    browser = make.client(room.lead)
    browser.post(reverse("runbooks:act", args=(row.uid, "drill")))
    run = RunbookRun.objects.get()
    assert run.purpose == "drill"
    going = Drill.objects.get()
    page = text_of(browser.get(page_of(going)))
    assert "It ends with its run." in page
    for verb in ("end", "break_off"):
        browser.post(
            page_of(going).replace("/change/", f"/do/{verb}/"), {"sure": "1", "reason": "x"}
        )
    going.refresh_from_db()
    assert going.status == "running"
    running.tick(run, 1, actor=make.actor(room.lead), note="Seen")
    browser.post(reverse("runbooks:over", args=(run.uid, "done")), {"reason": "The rest is known"})
    drill = Drill.objects.get()
    assert "1 of 2 steps done" in text_of(browser.get(page_of(drill)))
    assert (drill.kind, drill.status, drill.score, drill.runbook) == (
        "runbook", "done", 50, "kettle",
    )  # fmt: skip
    for form in ("md", "csv", "json"):
        said = text_of(browser.get(f"/admin/runbooks/drills.{form}"))
        assert "kettle" in said
    assert "50" in text_of(browser.get(page_of(drill)))


def test_incident__suggests_by_symptom_and_notes_who_looked(room: Room) -> None:
    incident = room.incident(
        symptoms="Uploads of evidence answer 507 STORAGE_FULL and bundles are not made"
    )
    browser = make.client(room.primary)
    said = text_of(browser.get(page_of(incident)))
    row = books.get(room.workspace.pk, "evidence_upload")
    assert escape(row.title) in said
    answer = browser.post(
        reverse("runbooks:consult", args=(row.uid,)), {"incident": str(incident.uid)}
    )
    assert answer.status_code == 302
    browser.post(reverse("runbooks:consult", args=(row.uid,)), {"incident": str(incident.uid)})
    used = RunbookUse.objects.get()
    assert (used.incident, used.user) == (incident, room.primary)
    assert AuditEvent.objects.about(incident).filter(action="runbook.view").count() == 1
    browser.post(
        reverse("runbooks:consult", args=(row.uid,)), {"incident": str(incident.uid), "run": "1"}
    )
    run = RunbookRun.objects.get()
    assert run.incident == incident
    assert "Running" in text_of(browser.get(page_of(incident)))


def test_archived__leads_to_what_replaces_it(room: Room) -> None:
    own = written(room.workspace, slug="kettle")
    written(room.workspace, slug="toaster")
    url = reverse("runbooks:away", args=(own.uid,))
    given = {"reason": "Old", "replaced_by": "no_such"}
    browser = make.client(room.lead)
    assert browser.post(url, given).status_code == 404
    assert browser.post(url, {**given, "replaced_by": "toaster"}).status_code == 302
    row = Runbook.objects.get(pk=own.pk)
    found = books.find(room.workspace.pk, "kettle")
    assert found is not None
    assert found.slug == "toaster"
    assert "Use <a" in text_of(browser.get(page_of(row)))
    assert books.put_back(row, actor=make.actor(room.lead)).replaced_by is None


def test_stranger__sees_and_changes_nothing(room: Room) -> None:
    own = written(room.workspace)
    run = running.begin(own, actor=make.JOB, workspace=room.workspace)
    browser = make.client(make.person(make.workspace(), "workspace_admin"))
    assert "A runbook of ours" not in text_of(browser.get(LIST))
    for url in (
        page_of(own), page_of(run), reverse("runbooks:edit", args=(own.uid,)),
        reverse("runbooks:version", args=(own.uid, 1)), reverse("runbooks:file", args=(own.uid,)),
    ):  # fmt: skip
        assert browser.get(url).status_code == 404, url
    assert (
        browser.post(reverse("runbooks:step", args=(run.uid, 1)), {"tick": "1"}).status_code == 404
    )
    viewer = make.client(make.person(room.workspace, "viewer"))
    assert viewer.get(page_of(own)).status_code == 200
    assert viewer.get(reverse("runbooks:edit", args=(own.uid,))).status_code == 403
    assert viewer.get(reverse("runbooks:validate", args=(own.uid,))).status_code == 403
    viewer.post(reverse("runbooks:step", args=(run.uid, 1)), {"tick": "1", "note": "x"})
    assert not run.steps.exists()
