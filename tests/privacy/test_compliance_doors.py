"""Compliance by its doors: the board, a control, the files and reports; strangers."""

from __future__ import annotations

import hashlib
from html import unescape
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from controlplane.audit.models import AuditEvent
from controlplane.base import demo
from controlplane.lib import clock
from controlplane.privacy import services
from controlplane.privacy.compliance.controls import CONTROLS
from controlplane.privacy.demo import comply
from controlplane.privacy.models import ComplianceReport, ControlEvidence
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused
from tests.kit.compliance import DAY, REPORT, Scene, add, read

pytestmark = pytest.mark.django_db
BOARD = "/admin/compliance/"


@settled.once
def scene() -> Scene:
    return Scene()


@pytest.fixture(autouse=True)
def november() -> Any:
    with time_machine.travel(DAY, tick=False) as moved:
        yield moved


# --- Doors ---------------------------------------------------------------------------------------


@settled.once
def browsers(scene: Scene) -> dict[str, Client]:
    people = {"officer": scene.officer, "viewer": scene.viewer, "stranger": scene.stranger,
              "operator": make.person(scene.ws, "primary_operator")}  # fmt: skip
    return {name: make.client(user) for name, user in people.items()}


def test_console__the_board_the_control_the_file(browsers: dict[str, Client]) -> None:
    officer = browsers["officer"]
    board = unescape(officer.get(BOARD).content.decode())
    for control in CONTROLS:
        assert control.title in board
    path = f"{BOARD}controls/dependencies/2026-Q4/"
    assert path in board
    assert "Add a file" in officer.get(path).content.decode()
    refusal = officer.post(path, {"title": "Nothing"})
    assert refusal.status_code == 422
    assert b"Choose a file." in refusal.content
    sent = {"file": SimpleUploadedFile("audit.txt", REPORT), "title": "The audit"}
    assert officer.post(path, sent).status_code == 302
    row = ControlEvidence.objects.get()
    assert b"The audit" in officer.get(path).content
    saved = officer.get(f"{BOARD}files/{row.uid}/")
    assert read(saved) == REPORT
    assert saved["Content-Disposition"].startswith("attachment")
    made = officer.post(f"{BOARD}reports/new/", {"period": "2026-Q4"})
    assert made.status_code == 302
    report = ComplianceReport.objects.get()
    for form in ("pdf", "html"):
        assert read(officer.get(f"{BOARD}reports/{report.uid}/{form}/"))
    assert officer.get(f"{BOARD}reports/{report.uid}/doc/").status_code == 404
    assert AuditEvent.objects.filter(action="compliance.read").count() == 3
    said = officer.post(f"{path}scope/", {"applies": "no", "reason": "Nothing is built."})
    assert said.status_code == 302
    assert b"Nothing is built." in officer.get(path).content


def test_console__a_year_costs_a_question_or_two_for_each_demand(
    browsers: dict[str, Client], django_assert_max_num_queries: Any
) -> None:
    browsers["officer"].get(BOARD)
    with django_assert_max_num_queries(60):
        browsers["officer"].get(BOARD)


def test_demo__shows_what_only_people_can_show(scene: Scene) -> None:
    comply(demo.Scene(scene.ws, {"workspace_admin": scene.admin}))
    assert ControlEvidence.objects.filter(workspace=scene.ws).count() == 2
    report = ComplianceReport.objects.get(workspace=scene.ws)
    assert report.figures["not_applicable"] > 0


def test_console__odd_addresses_are_not_there(browsers: dict[str, Client]) -> None:
    for odd in (
        "charm/2026-Q4",
        "dependencies/2026",
        "dependencies/soon",
        "penetration-test/2026-Q4",
    ):
        assert browsers["officer"].get(f"{BOARD}controls/{odd}/").status_code == 404
    for year in ("1", "99999", "x", "2027", ""):
        assert browsers["officer"].get(BOARD, {"year": year}).status_code == 200


def test_console__strangers_and_those_who_may_less(
    scene: Scene, browsers: dict[str, Client]
) -> None:
    row = add(scene)
    report = services.make_report(scene.ws, actor=make.actor(scene.officer), period="2026-Q4")
    file, sheets = f"{BOARD}files/{row.uid}/", f"{BOARD}reports/{report.uid}/pdf/"
    assert browsers["stranger"].get(file).status_code == 404
    assert browsers["stranger"].get(sheets).status_code == 404
    assert (
        row.title.encode()
        not in browsers["stranger"].get(f"{BOARD}controls/penetration-test/2026/").content
    )
    assert browsers["viewer"].get(BOARD).status_code == 403
    assert browsers["viewer"].get(file).status_code == 403
    assert read(browsers["operator"].get(file)) == REPORT
    assert browsers["operator"].get(sheets).status_code == 403
    make_one = browsers["operator"].post(f"{BOARD}reports/new/", {"period": "2026"})
    assert make_one.status_code == 403
    scope = f"{BOARD}controls/penetration-test/2026/scope/"
    assert browsers["operator"].post(scope, {"applies": "no", "reason": "x"}).status_code == 403


def test_api__controls_evidence_and_reports(scene: Scene) -> None:
    api = Api(browser=make.client(scene.officer))
    rows = api.get("/api/v1/compliance/controls").json()
    assert rows["period"] == "2026-Q4"
    assert [row["control"] for row in rows["controls"]] == [each.slug for each in CONTROLS]
    refused(api.get("/api/v1/compliance/controls?period=soon"), "INVALID_ARGUMENT")
    one = api.get("/api/v1/compliance/controls/dependencies/2026-Q4").json()
    assert one["state"] == "due"
    assert one["demands"][1]["slug"] == "report"
    refused(api.get("/api/v1/compliance/controls/charm/2026-Q4"), "NOT_FOUND")
    refused(api.get("/api/v1/compliance/controls/dependencies/2026"), "INVALID_ARGUMENT")
    given = {"control": "dependencies", "period": "2026-Q4", "filename": "audit.txt",
             "content_base64": "aGVsbG8="}  # fmt: skip
    made = api.post("/api/v1/compliance/evidence", given)
    assert made.status_code == 201, made.content
    row = made.json()
    assert row["sha256"] == hashlib.sha256(b"hello").hexdigest()
    saved = api.get(f"/api/v1/compliance/evidence/{row['uid']}/file")
    assert read(saved) == b"hello"
    again = api.post("/api/v1/compliance/evidence", {**given, "replaces": row["uid"]})
    assert again.json()["replaces"] == row["uid"]
    refused(
        api.post("/api/v1/compliance/evidence", {**given, "content_base64": "§"}),
        "INVALID_ARGUMENT",
    )
    report = api.post("/api/v1/compliance/reports", {"period": "2026-Q4"}).json()
    assert report["figures"]["due"] > 0
    sheets = api.get(f"/api/v1/compliance/reports/{report['uid']}/pdf")
    assert read(sheets)[:5] == b"%PDF-"


def test_api__strangers(scene: Scene) -> None:
    row = add(scene)
    report = services.make_report(scene.ws, actor=make.actor(scene.officer), period="2026-Q4")
    stranger, viewer = (Api(browser=make.client(user)) for user in (scene.stranger, scene.viewer))
    for path in (
        f"/api/v1/compliance/evidence/{row.uid}/file",
        f"/api/v1/compliance/reports/{report.uid}/pdf",
    ):
        refused(stranger.get(path), "NOT_FOUND")
        refused(viewer.get(path), "FORBIDDEN")
    assert stranger.get("/api/v1/compliance/evidence").json()["items"] == []
    refused(viewer.get("/api/v1/compliance/controls"), "FORBIDDEN")
    body = {"applies": False, "reason": "x"}
    refused(
        viewer.post("/api/v1/compliance/controls/dependencies/2026-Q4/scope", body), "FORBIDDEN"
    )
    assert clock.now() == DAY
