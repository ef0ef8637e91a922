"""Reviews through their doors: the console's pages, the API, and the report as a file."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import pytest
from django.test import Client
from pypdf import PdfReader

from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import GateNotMet
from incidents import links
from incidents.models import Incident, IncidentReview, ReviewAction
from incidents.records import moving
from incidents.reviews import acting, report, writing
from tests import make
from tests.kit import incidents as kit
from tests.kit.incidents import Caller, Watchroom

pytestmark = pytest.mark.django_db
API = "/api/v1/incident-reviews"


@pytest.fixture
def room() -> Watchroom:
    return Watchroom()


@pytest.fixture
def browser(room: Watchroom) -> Client:
    return make.client(room.primary)


def press(browser: Client, path: str, **given: Any) -> Any:
    return browser.post(path, given)


def url(row: IncidentReview, rest: str) -> str:
    return f"/admin/incidents/incidentreview/{row.uid}/{rest}"


def test_console__from_over_to_closed(room: Watchroom, browser: Client) -> None:
    row = kit.over(room, title="Missions fail")
    page = browser.get(links.page_of(row)).content.decode()
    begin = f"/admin/incidents/incident/{row.uid}/review/"
    assert begin in page
    answer = press(browser, begin)
    review = IncidentReview.objects.get()
    assert answer["Location"] == links.page_of(review)
    page = browser.get(url(review, "write/")).content.decode()
    assert "Drafted from the log" in page
    given = {
        "version": "1", "root_cause": "A config.", "why_0": "", "answer_0": "Nobody tried it.",
        "answer_1": "There is no test.", "went_well": "Somebody was there.",
        "to_improve": "Tests.", "documents": "Nothing has changed.", "attendees": "Ann\n\nBob",
        "meeting_at": "2026-11-30T09:00",
    }  # fmt: skip
    assert press(browser, url(review, "write/"), **given).status_code == 302
    review.refresh_from_db()
    assert review.attendees == ["Ann", "Bob"]
    assert [each["why"] for each in review.whys] == ["Why did it happen?", "Why that?"]
    late = press(browser, url(review, "write/"), **given)
    assert (late.status_code, "Nobody tried it." in late.content.decode()) == (409, True)
    action = {"title": "Test it", "kind": "prevention", "owner": room.primary.pk,
              "due_on": "2026-12-24"}  # fmt: skip
    assert press(browser, url(review, "actions/new/"), **action).status_code == 302
    [made] = ReviewAction.objects.all()
    wrong = press(browser, url(review, f"actions/{made.uid}/"), **{**action, "title": ""})
    assert wrong.status_code == 400
    again = {**action, "title": "Test both"}
    assert press(browser, url(review, f"actions/{made.uid}/"), **again).status_code == 302
    assert press(browser, url(review, "documents/"), what="How").status_code == 302
    page = browser.get(links.page_of(review)).content.decode()
    for words in ("Test both", "There is no test.", "Somebody was there.", "Drop…"):
        assert words in page, words
    writing.publish_review(IncidentReview.objects.get(), actor=room.by(room.primary))
    gone = press(browser, url(review, f"actions/{made.uid}/drop/"), reason="No.")
    assert gone.status_code == 409
    files = browser.get(url(review, "report/internal.html"))
    assert files["Content-Disposition"] == f'attachment; filename="{row.ref}-internal.html"'
    assert browser.get(url(review, "report/public.md")).status_code == 422
    assert browser.get(url(review, "report/other.md")).status_code == 404


def test_list__finds_by_cause_and_shows_open_actions(room: Watchroom, browser: Client) -> None:
    review = kit.written(kit.over(room, title="Missions fail"), trigger="A certificate expired.")
    acting.add_action(review, actor=make.JOB, kind="prevention", title="Renew it")
    kit.reviewed(kit.over(room, title="Pages are slow"))
    everything = "/admin/incidents/incidentreview/"

    def shown(**query: str) -> list[bool]:
        page = browser.get(everything, {"view": "all", **query}).content.decode()
        return [title in page for title in ("Missions fail", "Pages are slow")]

    assert shown() == [True, True]
    assert shown(q="expired certificates") == [True, False]
    assert shown(standing="due") == [True, False]
    assert shown(standing="undone") == [True, False]


def test_api__the_whole_way(room: Watchroom) -> None:
    caller = Caller(room.primary)
    row = kit.over(room)
    one = f"{API}/{row.ref}"
    begun = caller.post(API, {"incident": row.ref.lower()})
    assert (begun["incident"], begun["status"], begun["version"]) == (row.ref, "writing", 1)
    assert [point["slug"] for point in begun["checklist"]] == [
        "report", "snapshot", "shared", "followups", "documents",
    ]  # fmt: skip
    assert caller.refused("POST", f"{one}/publish").status_code == 422
    said = caller._well(caller.api.send("PATCH", one, {
        "root_cause": "A config.", "whys": [{"why": "Why?", "answer": "So."}], "went_well": "All.",
        "to_improve": "Tests.", "documents": "None.",
    }))  # fmt: skip
    assert (said["root_cause"], said["whys"]) == ("A config.", [{"why": "Why?", "answer": "So."}])
    action = caller.post(f"{one}/actions", {"title": "Test it", "kind": "prevention"})
    wrong = caller.refused("PATCH", f"{one}/actions/{action['uid']}", {"owner": str(row.uid)})
    assert (wrong.status_code, "owner" in wrong.json()["error"]["details"]) == (400, True)
    given = {"owner": str(room.primary.uid), "due_on": "2026-12-24"}
    action = caller._well(caller.api.send("PATCH", f"{one}/actions/{action['uid']}", given))
    assert action["owner"] == str(room.primary.uid)
    other = caller.post(f"{one}/actions", {"title": "Hope", "kind": "monitoring"})
    caller.post(f"{one}/actions/{other['uid']}/drop", {"reason": "It is no plan."})
    told = caller.post(f"{one}/publish")
    assert (told["status"], len(told["actions"]), told["snapshot"] is None) == (
        "published", 1, False,
    )  # fmt: skip
    assert caller.refused("PATCH", one, {"trigger": "Mine."}).status_code == 409
    assert [each["incident"] for each in caller.get(API, q="config was")["items"]] == []
    assert [each["incident"] for each in caller.get(API, q="a config")["items"]] == [row.ref]
    file = caller.get(f"{one}/report", format="pdf")
    pages = PdfReader(io.BytesIO(base64.b64decode(file["content"]))).pages
    text = "\n".join(page.extract_text() for page in pages)
    assert re.findall(r"^(\d+)\. ", text, re.M) == [str(n) for n in range(1, 11)]
    assert caller.refused("GET", f"{one}/report?format=exe").status_code == 400
    assert caller.refused("GET", f"{one}/report?edition=public").status_code == 422
    assert caller.post(f"{one}/write-on", {"reason": "More."})["status"] == "writing"


def test_api__a_version_that_was_not_seen(room: Watchroom) -> None:
    caller = Caller(room.primary)
    row = kit.over(room)
    caller.post(API, {"incident": row.ref})
    one = f"{API}/{row.ref}"
    refused = caller.api.send("PATCH", one, {"trigger": "Mine."}, If_Match='"another"')
    assert refused.status_code == 412
    assert IncidentReview.objects.get().trigger == ""


def test_report__ten_sections_and_nobody_named_in_public(room: Watchroom) -> None:
    ann = room.person("primary_operator", "Ann Archer")
    row = room.quiet("sev2", title="Missions of Acme fail")
    Incident.objects.filter(pk=row.pk).update(tenants=["Acme"])
    row = moving.acknowledge(row, actor=room.by(ann))
    row = moving.resolve(row, actor=room.by(ann), reason="It works.")
    review = kit.written(
        row, went_well="Ann Archer (ann@example.org) was there.", factors="# Acme | <b>x</b>",
        is_public=True, no_actions="", attendees=["Ann Archer (commander)"],
    )  # fmt: skip
    acting.add_action(review, actor=make.JOB, kind="prevention", title="Try it", owner=ann,
                      due_on=row.opened_at.date())  # fmt: skip
    with pytest.raises(GateNotMet):
        report.handed_out(review, actor=room.by(ann), form="md", edition="public")
    review = writing.publish_review(review, actor=room.by(ann))
    texts = {}
    for edition in report.EDITIONS:
        _, written, _ = report.handed_out(review, actor=room.by(ann), form="md", edition=edition)
        texts[edition] = written.decode()
        titles = re.findall(r"^## (\d+)\. ", texts[edition], re.M)
        assert titles == [str(n) for n in range(1, 11)], edition
    assert "Ann Archer" in texts["internal"]
    assert row.item is not None
    assert row.item.key in texts["internal"]
    assert r"\# Acme \| \<b\>x" in texts["internal"]
    for secret in ("Ann", "Acme", "ann@example.org", row.item.key):
        assert secret not in texts["public"], secret
    assert "a responder" in texts["public"]
    told = AuditEvent.objects.filter(action="incident.review", after__has_key="edition")
    editions = list(told.order_by("pk").values_list("after__edition", flat=True))
    assert editions == ["internal", "public"]


@pytest.mark.parametrize("form", sorted(report.FORMS))
def test_report__of_hostile_words_in_every_form(room: Watchroom, form: str) -> None:
    hostile = "<script>alert(1)</script> | ]( \x1b[31m \u202e 中文 " + "w" * 3_000
    title = hostile.replace("\x1b", "")[:150]
    review = kit.written(kit.over(room, title=title), impact=hostile, timeline=hostile)
    _, written, _ = report.handed_out(review, actor=make.JOB, form=form)
    if form == "pdf":
        assert len(PdfReader(io.BytesIO(written)).pages) >= 2
    else:
        assert b"<script>" not in written
        assert b"w" * 3_000 in written


def test_strangers__see_nothing_and_readers_change_nothing(room: Watchroom) -> None:
    review = kit.written(kit.over(room))
    action = acting.add_action(review, actor=make.JOB, kind="prevention", title="Do it")
    outside = make.person(make.workspace(), "primary_operator")
    one = f"{API}/{review.incident.ref}"
    paths = (
        url(review, "write/"), url(review, "actions/new/"), url(review, f"actions/{action.uid}/"),
        url(review, f"actions/{action.uid}/drop/"), url(review, "documents/"),
    )  # fmt: skip
    browser = make.client(outside)
    for path in (*paths, url(review, "report/internal.md")):
        assert browser.get(path).status_code == 404, path
    assert Caller(outside).refused("GET", one).status_code == 404
    reader = room.person("viewer")
    browser = make.client(reader)
    assert browser.get(links.page_of(review)).status_code == 200
    for path in paths:
        assert press(browser, path, title="Mine", reason="Mine").status_code == 403, path
    caller = Caller(reader)
    assert caller.get(one)["status"] == "writing"
    for method, path in (("PATCH", one), ("POST", f"{one}/publish"), ("POST", API)):
        given = {"incident": review.incident.ref} if path == API else {}
        assert caller.refused(method, path, given).status_code == 403, path
    assert Caller(outside).get(API)["items"] == []
