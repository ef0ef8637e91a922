"""Controls by period: read from live rows, files that only come, reports that stay."""

from __future__ import annotations

import hashlib
import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, transaction
from pypdf import PdfReader

from controlplane.access import services as access
from controlplane.access.models import AccessReviewLine, User, Workspace
from controlplane.audit.models import AuditEvent, AuditReview
from controlplane.backups.models import BackupReport, RestoreDrill
from controlplane.jobs import obligations
from controlplane.jobs.models import ObligationRecord
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.privacy import services
from controlplane.privacy.compliance import periods, standing
from controlplane.privacy.compliance.controls import BY_SLUG, CONTROLS
from controlplane.privacy.models import ComplianceReport, ControlEvidence, ControlScope
from tests import make
from tests.kit import settled
from tests.kit.compliance import DAY, REPORT, Scene, add

pytestmark = pytest.mark.django_db


@settled.once
def scene() -> Scene:
    return Scene()


@pytest.fixture(autouse=True)
def november() -> Any:
    with time_machine.travel(DAY, tick=False) as moved:
        yield moved


def cell(ws: Workspace, slug: str, period: str, user: User) -> standing.Cell:
    return standing.cell(ws, make.actor(user), BY_SLUG[slug], periods.named(period, ws))


def kept(field: Any) -> bytes:
    with field.open("rb") as file:
        whole: bytes = file.read()
    return whole


def test_periods__local_midnights_and_nothing_else(scene: Scene) -> None:
    scene.ws.time_zone = "America/New_York"
    span = periods.named("2026-Q4", scene.ws)
    assert span.start == datetime(2026, 10, 1, 4, tzinfo=UTC)  # daylight saving still
    assert span.end == datetime(2027, 1, 1, 5, tzinfo=UTC)
    for wrong in ("2026-Q5", "2026-Q0", "26", "1999", "2026-Q4\n", "", "2026Q4"):
        with pytest.raises(Invalid):
            periods.named(wrong, scene.ws)


def test_a_quarter__every_control_says_how_it_stands(scene: Scene) -> None:
    span = periods.named("2026-Q4", scene.ws)
    rows = standing.of_period(scene.ws, make.actor(scene.admin), span)
    assert [row.control.slug for row in rows] == [control.slug for control in CONTROLS]
    assert all(row.why for row in rows)
    states = {row.control.slug: row.state for row in rows}
    assert states["access-review"] == "due"
    assert states["changes"] == "not_applicable"
    assert states["privileged-access"] == "met"
    # Of what is owed each year the year, also where a quarter is looked at.
    assert {row.span.name for row in rows} == {"2026-Q4", "2026"}


def test_a_year__quarters_before_the_workspace_and_to_come(scene: Scene) -> None:
    known = standing.year(scene.ws, make.actor(scene.admin), 2026)
    assert known["access-review", "2026-Q1"].state == "not_applicable"
    assert "began on 2026-07-20" in known["access-review", "2026-Q1"].why
    assert known["access-review", "2026-Q3"].state == "missing"
    later = standing.year(scene.ws, make.actor(scene.admin), 2027)
    assert {one.state for one in later.values()} == {"ahead"}


def test_access_review__due_then_met_by_the_signature(scene: Scene) -> None:
    actor = make.actor(scene.admin)
    review = access.generate_review(scene.ws, actor=actor)
    assert cell(scene.ws, "access-review", "2026-Q4", scene.admin).state == "due"
    for line in AccessReviewLine.objects.filter(review=review):
        by = scene.security if line.holder_user_id == scene.admin.pk else scene.admin
        access.decide_line(line, actor=make.actor(by), decision="confirmed")
    review.refresh_from_db()
    access.sign_review(review, actor=actor, version=review.version, statement="I read it.")
    found = cell(scene.ws, "access-review", "2026-Q4", scene.admin)
    assert found.state == "met"
    assert found.why.startswith(f"Signed by {scene.admin.name}: ")
    assert found.told[0].reading.url == "/access/reviews/2026-Q4/"


def test_recovery__each_day_and_both_targets_as_measured(scene: Scene) -> None:
    report = None
    for day in range(1, 18):
        at = datetime(2026, 11, day, 2, tzinfo=UTC)
        report = BackupReport.objects.create(
            source="portal", kind="database", started_at=at, finished_at=at, ok=True,
            reported_by="job",
        )  # fmt: skip
    drill = RestoreDrill.objects.create(
        report=report, started_at=DAY, seconds=754.0, ok=True, data_age_seconds=3600 * 3.0
    )
    told = {
        one.demand.slug: one.reading
        for one in cell(scene.ws, "backups", "2026-Q4", scene.admin).told
    }
    assert (told["daily"].state, told["daily"].text) == ("met", "17 of 17 days with a good backup.")
    assert told["restored"].state == "met"
    assert "back in 12.6 min of 240, data 3.0 h old of 24" in told["restored"].text
    BackupReport.objects.filter(finished_at__day=9).delete()
    RestoreDrill.objects.filter(pk=drill.pk).update(seconds=15_000)
    told = {
        one.demand.slug: one.reading
        for one in cell(scene.ws, "backups", "2026-Q4", scene.admin).told
    }
    assert told["daily"].state == "missing"
    assert "2026-11-09" in told["daily"].text
    assert told["restored"].state == "missing"


def test_a_duty__due_while_the_quarter_runs_missing_after_it(scene: Scene) -> None:
    before = cell(scene.ws, "checklist", "2026-Q3", scene.officer)
    assert (before.state, before.why) == ("missing", "Not recorded yet.")
    assert cell(scene.ws, "checklist", "2026-Q4", scene.officer).state == "due"
    row = ObligationRecord.objects.get(
        workspace=scene.ws, obligation__slug="compliance.checklist", period="2026-Q4"
    )
    obligations.fulfil(row, actor=make.actor(scene.officer), note="Read with Sam.")
    assert "waiting for the second" in cell(scene.ws, "checklist", "2026-Q4", scene.officer).why
    obligations.sign(row, actor=make.actor(scene.security), statement="So it is.")
    found = cell(scene.ws, "checklist", "2026-Q4", scene.officer)
    assert found.state == "met"
    assert found.why == "Recorded by Cora Legge, signed by Sam Locke."


def test_erasures__in_time_late_and_nobody_is_named(scene: Scene) -> None:
    gone = make.person(scene.ws, "viewer", name="Robin Gone")
    actor = make.actor(make.person(scene.ws, "privacy_officer"))
    with time_machine.travel(DAY - timedelta(days=40), tick=False):
        row = services.ask_erasure(scene.ws, gone, actor=actor)
    found = cell(scene.ws, "erasure", "2026-Q4", scene.admin)
    assert (found.state, found.why) == ("missing", "0 of 1 erasure done in time.")
    services.hold(row, actor=actor, reason="A dispute.")
    found = cell(scene.ws, "erasure", "2026-Q4", scene.admin)
    assert (found.state, found.why) == ("met", "0 of 1 erasure done in time, 1 held back.")
    assert not any("Robin" in each.title for one in found.told for each in one.reading.shown)


def test_a_file__kept_with_its_hash_and_meets_what_only_a_file_can(scene: Scene) -> None:
    row = add(scene, note="By Redwall.")
    assert row.sha256 == hashlib.sha256(REPORT).hexdigest()
    assert kept(row.file) == REPORT
    found = cell(scene.ws, "penetration-test", "2026", scene.officer)
    assert {one.demand.slug: one.reading.state for one in found.told}["report"] == "met"
    assert found.state == "due"  # the record and its signature are not there yet
    event = AuditEvent.objects.filter(action="compliance.attach").latest("id")
    assert (event.after or {})["sha256"] == row.sha256


def test_a_file__is_replaced_and_never_taken_away(scene: Scene) -> None:
    old = add(scene)
    new = add(scene, content=b"Corrected.\n", replaces=old)
    assert list(ControlEvidence.objects.in_force().values_list("pk", flat=True)) == [new.pk]
    with pytest.raises(Conflict, match="replaced already"):
        add(scene, content=b"Again.\n", replaces=old)
    with pytest.raises(Invalid, match="another control"):
        add(scene, control="dependencies", period="2026-Q4", replaces=new)
    for change in (lambda: new.delete(), lambda: ControlEvidence.objects.update(title="x")):
        with pytest.raises(DatabaseError, match="stays as it was"), transaction.atomic():
            change()


def test_a_file__may_be_the_record_of_what_is_owed(scene: Scene) -> None:
    row = ObligationRecord.objects.get(
        workspace=scene.ws, obligation__slug="compliance.penetration_test"
    )
    add(scene, actor=make.actor(scene.security), fulfils=row)
    row.refresh_from_db()
    assert row.status == ObligationRecord.Status.RECORDED
    with pytest.raises(NotAllowed):  # whoever may add need not owe it: nothing of it is kept
        add(scene, fulfils=row)
    assert ControlEvidence.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"control": "charm"}, "control"),
        ({"period": "2026-Q4"}, "period"),  # owed yearly
        ({"period": "2027"}, "period"),  # not begun
        ({"content": b""}, "file"),
        ({"filename": "a\x00b"}, "file"),
    ],
)
def test_a_file__of_nothing_is_refused(scene: Scene, given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        add(scene, **given)
    assert field in refusal.value.details
    assert not ControlEvidence.objects.exists()


def test_scope__a_reason_counts_until_another_word(scene: Scene) -> None:
    given: dict[str, Any] = {"control": "penetration-test", "period": "2026"}
    actor = make.actor(scene.officer)
    with pytest.raises(Invalid):
        services.say_scope(scene.ws, actor=actor, applies=False, reason=" ", **given)
    services.say_scope(scene.ws, actor=actor, applies=False, reason="No doors yet.", **given)
    found = cell(scene.ws, "penetration-test", "2026", scene.officer)
    assert (found.state, found.why) == ("not_applicable", "No doors yet.")
    with pytest.raises(Conflict):
        services.say_scope(scene.ws, actor=actor, applies=False, reason="Again.", **given)
    services.say_scope(scene.ws, actor=actor, applies=True, reason="Now there are.", **given)
    assert cell(scene.ws, "penetration-test", "2026", scene.officer).state == "due"
    with pytest.raises(DatabaseError, match="stays as it was"), transaction.atomic():
        ControlScope.objects.all().delete()


def test_report__html_and_pdf_say_the_same_and_stay(scene: Scene) -> None:
    add(scene, title="Redwall's report")
    AuditReview.objects.create(
        workspace_id=scene.ws.pk, week="2026-W41", since=datetime(2026, 10, 5, tzinfo=UTC),
        until=datetime(2026, 10, 12, tzinfo=UTC), signed_at=datetime(2026, 10, 13, tzinfo=UTC),
        signed_by=str(make.actor(scene.security)), statement="Read.",
    )  # fmt: skip
    row = services.make_report(scene.ws, actor=make.actor(scene.officer), period="2026-Q4")
    page, sheets = kept(row.html), kept(row.pdf)
    assert hashlib.sha256(page).hexdigest() == row.html_sha256
    assert hashlib.sha256(sheets).hexdigest() == row.pdf_sha256
    assert sum(row.figures.values()) == len(CONTROLS)
    assert "not asked then" not in page.decode()
    assert not re.search(r"Not yet: [a-z]+\.[a-z]", page.decode())
    reader = PdfReader(io.BytesIO(sheets))
    text = " ".join(" ".join(sheet.extract_text() for sheet in reader.pages).split())
    assert "by Cora Legge." in text
    assert "Week 2026-W41, signed by Sam Locke" in text
    assert not re.search(r"\buser:\d", page.decode() + text)
    whole = page.decode()
    for control in CONTROLS:
        assert control.title in text
    for said in ("Compliance of", "Redwall's report", "What is not there", "Cora Legge", row.ref):
        assert said in text
    assert "This document was cut" not in text
    links = {
        note.get_object()["/A"]["/URI"]
        for sheet in reader.pages
        for note in sheet.get("/Annots", [])
    }
    assert any(link.endswith("/admin/compliance/controls/access-review/2026-Q4/") for link in links)
    assert {unescape(each) for each in re.findall(r'href="([^"]+)"', whole)} == links
    year = services.make_report(scene.ws, actor=make.actor(scene.officer), period="2026")
    unasked, whole = year.figures["unasked"], kept(year.html).decode()
    assert unasked
    assert f"{unasked} not asked then" in whole
    assert whole.count("Not asked then") == unasked
    assert ComplianceReport.objects.count() == 2
    with pytest.raises(DatabaseError, match="stays as it was"), transaction.atomic():
        ComplianceReport.objects.update(period="2025")


def test_who_may_look__sees_only_links_that_open(scene: Scene) -> None:
    """An operator sees that reviews are signed; their pages are for others."""
    operator = make.person(scene.ws, "primary_operator")
    found = cell(scene.ws, "access-review", "2026-Q4", operator)
    assert found.told[0].reading.url == ""
    assert cell(scene.ws, "access-review", "2026-Q4", scene.admin).told[0].reading.url
