"""The week's extract is prepared by a job and signed by the security lead, once."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from controlplane.access.models import Workspace
from controlplane.audit import review, tasks
from controlplane.audit.models import AuditEvent, AuditReview
from controlplane.audit.services import record
from controlplane.jobs import obligations
from controlplane.jobs.models import ObligationRecord
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from tests import make
from tests.kit import api
from tests.kit.api import Api

pytestmark = pytest.mark.django_db
NEXT_WEEK = 7


@pytest.fixture
def workspace() -> Workspace:
    return make.workspace("here")


@pytest.fixture
def prepared(workspace: Workspace) -> AuditReview:
    """Reviewed next week: the log can't be written into the past."""
    record(make.JOB, "key.rotate", "access.apikey:1", workspace_id=workspace.pk)
    record(make.JOB, "breakglass.open", "x:1", workspace_id=workspace.pk)
    record(make.JOB, "audit.export", "x:1", workspace_id=workspace.pk)
    record(make.JOB, "flag.set", "x:1", workspace_id=workspace.pk, outcome="denied", reason="no")
    record(make.JOB, "key.rotate", "access.apikey:2", workspace_id=make.workspace().pk)
    return review.prepare_review(
        make.JOB, workspace.pk, day=clock.now().date() + timedelta(days=NEXT_WEEK)
    )


def test_extract__shows_what_is_delicate(prepared: AuditReview) -> None:
    groups = prepared.extract["groups"]
    assert groups["denials"]["count"] == 1
    assert groups["denials"]["rows"][0]["reason"] == "no"
    assert groups["break_glass"]["count"] == 1
    assert groups["exports"]["count"] == 1
    assert {row["subject_ref"] for row in groups["keys"]["rows"]} == {"access.apikey:1"}


def test_prepare__twice__keeps_the_first(prepared: AuditReview) -> None:
    again = review.prepare_review(
        make.JOB, prepared.workspace_id, day=clock.now().date() + timedelta(days=NEXT_WEEK)
    )
    assert again.pk == prepared.pk


def test_prepare__job__makes_one_for_each_workspace(workspace: Workspace) -> None:
    make.workspace()
    assert tasks.prepare_reviews() == {"workspaces": 2}
    assert AuditReview.objects.count() == 2


@pytest.mark.parametrize(
    ("day", "name", "start"),
    [
        (date(2026, 11, 21), "2026-W47", "2026-11-16"),
        (date(2027, 1, 3), "2026-W53", "2026-12-28"),
        (date(2027, 1, 4), "2027-W01", "2027-01-04"),
    ],
)
def test_week__is_the_iso_week(day: date, name: str, start: str) -> None:
    found = review.week_of(day)
    assert (found[0], found[1].date().isoformat()) == (name, start)


def test_sign__is_audited_and_happens_once(workspace: Workspace, prepared: AuditReview) -> None:
    lead = make.actor(make.person(workspace, "security_lead"))
    signed = review.sign_review(lead, prepared, statement="Read; the refusal was a typo.")
    assert signed.signed_by == str(lead)
    event = AuditEvent.objects.get(action="audit.review")
    assert event.reason == "Read; the refusal was a typo."
    with pytest.raises(Conflict):
        review.sign_review(lead, prepared, statement="Again.")


def test_sign__without_words__is_refused(workspace: Workspace, prepared: AuditReview) -> None:
    lead = make.actor(make.person(workspace, "security_lead"))
    with pytest.raises(Invalid):
        review.sign_review(lead, prepared, statement="  ")


def test_sign__by_another_role_or_workspace_or_machine__is_refused(
    workspace: Workspace, prepared: AuditReview
) -> None:
    strangers = [
        make.actor(make.person(workspace, "workspace_admin")),
        make.actor(make.person(make.workspace(), "security_lead")),
        make.actor(make.agent(workspace, role="inspector")),
        make.JOB,
    ]
    for stranger in strangers:
        with pytest.raises(NotAllowed):
            review.sign_review(stranger, prepared, statement="Fine.")


def test_sign__by_api__fulfils_the_duty(
    workspace: Workspace, prepared: AuditReview, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.reset(monkeypatch)
    obligations.open_due()
    lead = Api(browser=make.client(make.person(workspace, "security_lead")))
    url = f"/api/v1/audit/reviews/{prepared.week}"
    assert lead.get(url).json()["signed_at"] is None
    answer = lead.post(url, {"statement": "Read and in order."})
    assert answer.status_code == 200, answer.content
    assert answer.json()["statement"] == "Read and in order."
    duty = ObligationRecord.objects.get(workspace=workspace, obligation__slug=review.WEEKLY_REVIEW)
    assert duty.status == ObligationRecord.Status.COMPLETE
    neighbour = Api(browser=make.client(make.person(make.workspace(), "security_lead")))
    api.refused(neighbour.get(url), "NOT_FOUND")


def test_console__lead_signs_with_a_statement(workspace: Workspace, prepared: AuditReview) -> None:
    browser = make.client(make.person(workspace, "security_lead"))
    page = browser.get(f"/admin/audit/auditreview/{prepared.pk}/change/")
    assert b"Break-glass" in page.content
