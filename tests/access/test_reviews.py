"""Access reviews: made each quarter, decided line by line by others, signed once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from controlplane.access import numbers, services
from controlplane.access.models import AccessReview, AccessReviewLine, ApiKey, Grant, User
from controlplane.access.services.keys import issue_key
from controlplane.access.services.reviews import period_of
from controlplane.access.tasks import make_reviews
from controlplane.audit.models import AuditEvent
from controlplane.jobs import obligations
from controlplane.jobs.models import ObligationRecord
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, NotAllowed
from tests import make
from tests.kit.racing import race

pytestmark = pytest.mark.django_db


class Scene:
    """A workspace with two who decide, one viewer, an agent with a key."""

    def __init__(self) -> None:
        self.ws = make.workspace()
        self.admin = make.person(self.ws, "workspace_admin")
        self.lead = make.person(self.ws, "security_lead")
        self.viewer = make.person(self.ws, "viewer")
        self.key, _ = make.key(make.agent(self.ws, owner=self.lead))
        self.review = services.generate_review(self.ws, actor=make.actor(self.admin))

    def line(self, user: User) -> AccessReviewLine:
        return self.review.lines.get(grant__membership__user=user)

    def decide(self, line: AccessReviewLine, by: User, decision: str = "confirmed") -> Any:
        return services.decide_line(line, actor=make.actor(by), decision=decision)

    def decide_all(self) -> None:
        for line in self.review.lines.all():
            by = self.admin if line.holder_user_id != self.admin.pk else self.lead
            self.decide(line, by)

    def sign(self, by: User, version: int | None = None, statement: str = "I have read it.") -> Any:
        self.review.refresh_from_db()
        return services.sign_review(
            self.review,
            actor=make.actor(by),
            version=version or self.review.version,
            statement=statement,
        )


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_period__of_each_month__is_its_quarter() -> None:
    quarters = [period_of(datetime(2026, month, 28, tzinfo=UTC)) for month in range(1, 13)]
    assert quarters == [f"2026-Q{1 + (month - 1) // 3}" for month in range(1, 13)]


def test_generate__lists_every_role_and_key_and_sets_the_date(scene: Scene) -> None:
    assert scene.review.lines.filter(grant__isnull=False).count() == 3
    assert scene.review.lines.get(api_key=scene.key).holder_user == scene.lead
    assert (scene.review.due_at - scene.review.created_at).days in {
        numbers.REVIEW_DUE_DAYS.value,
        numbers.REVIEW_DUE_DAYS.value - 1,
    }
    again = services.generate_review(scene.ws, actor=make.actor(scene.lead))
    assert again == scene.review
    assert again.lines.count() == 4


def test_generate__another_workspaces_people__are_not_in_it(scene: Scene) -> None:
    other = make.workspace()
    stranger = make.person(other, "workspace_admin")
    assert not scene.review.lines.filter(holder_user=stranger).exists()
    with pytest.raises(NotAllowed):
        services.generate_review(scene.ws, actor=make.actor(stranger))


def test_revoke__really_revokes_role_and_key(scene: Scene) -> None:
    scene.decide(scene.line(scene.viewer), scene.admin, "revoked")
    assert not Grant.objects.held().filter(membership__user=scene.viewer).exists()
    key_line = scene.review.lines.get(api_key=scene.key)
    scene.decide(key_line, scene.admin, "revoked")
    assert not ApiKey.objects.in_force().filter(pk=scene.key.pk).exists()
    event = AuditEvent.objects.filter(action="member.revoke").latest("id")
    assert scene.review.period in event.reason


def test_decide__about_what_one_holds_oneself__is_refused(scene: Scene) -> None:
    mine = [
        (scene.line(scene.admin), scene.admin),
        (scene.review.lines.get(api_key=scene.key), scene.lead),  # a key of one's own agent
    ]
    for line, person in mine:
        for decision in ("confirmed", "revoked"):
            with pytest.raises(NotAllowed) as refused:
                scene.decide(line, person, decision)
            assert refused.value.denial is not None
            assert refused.value.denial["rule"] == "nobody_reviews_what_they_hold"


def test_decide__own_personal_key__is_refused() -> None:
    ws = make.workspace()
    admin = make.person(ws, "workspace_admin")
    issue_key(admin, actor=make.actor(admin), name="mine", workspace=ws)
    review = services.generate_review(ws, actor=make.JOB)
    line = review.lines.get(api_key__isnull=False)
    with pytest.raises(NotAllowed):
        services.decide_line(line, actor=make.actor(admin), decision="confirmed")


def test_decide__changes_of_mind(scene: Scene) -> None:
    line = scene.line(scene.viewer)
    scene.decide(line, scene.admin)
    scene.decide(line, scene.lead, "revoked")
    line.refresh_from_db()
    assert line.decided_by == scene.lead
    with pytest.raises(Conflict):
        scene.decide(line, scene.admin)
    for nonsense in ("", "maybe"):
        with pytest.raises(Invalid):
            scene.decide(scene.line(scene.lead), scene.admin, nonsense)


def test_decide__the_last_admin__can_not_be_revoked_by_review(scene: Scene) -> None:
    with pytest.raises(Conflict):
        scene.decide(scene.line(scene.admin), scene.lead, "revoked")
    assert scene.line(scene.admin).decision == ""


def test_sign__with_lines_undecided__names_them(scene: Scene) -> None:
    with pytest.raises(GateNotMet) as refused:
        scene.sign(scene.lead)
    assert len(refused.value.details["conditions"]) == 4


def test_sign__all_decided__closes_it_for_good(scene: Scene) -> None:
    scene.decide_all()
    signed = scene.sign(scene.lead)
    assert signed.status == "signed"
    assert signed.signed_by == scene.lead
    with pytest.raises(Conflict):
        scene.sign(scene.admin)
    with pytest.raises(Conflict):
        scene.decide(scene.line(scene.viewer), scene.admin, "revoked")
    event = AuditEvent.objects.get(action="access_review.sign")
    assert (event.after or {})["confirmed"] == 4


def test_sign__what_changed_since_it_was_read__is_refused(scene: Scene) -> None:
    scene.decide_all()
    scene.review.refresh_from_db()
    read = scene.review.version
    scene.decide(scene.line(scene.viewer), scene.admin, "revoked")
    with pytest.raises(Conflict):
        scene.sign(scene.lead, version=read)


def test_sign__without_statement_or_recent_factor__is_refused(scene: Scene) -> None:
    scene.decide_all()
    with pytest.raises(Invalid):
        scene.sign(scene.lead, statement="  ")
    make.enrol(scene.lead)
    scene.review.refresh_from_db()
    with pytest.raises(NotAllowed) as refused:
        services.sign_review(
            scene.review,
            actor=make.actor(scene.lead, recent_factor=False),
            version=scene.review.version,
            statement="I have read it.",
        )
    assert refused.value.error_code == "SECOND_FACTOR_REQUIRED"


@pytest.mark.django_db(transaction=True)
def test_sign__by_two_at_once__is_signed_once() -> None:
    scene = Scene()
    scene.decide_all()
    scene.review.refresh_from_db()
    people = [make.actor(scene.admin), make.actor(scene.lead)]
    answers = race(
        2,
        lambda n: services.sign_review(
            scene.review, actor=people[n], version=scene.review.version, statement="Read."
        ),
    )
    assert sum(isinstance(answer, AccessReview) for answer in answers) == 1


def test_what_ended_meanwhile__asks_for_no_decision(scene: Scene) -> None:
    """A role that was taken, or fell with its person's account, is nobody's to confirm."""
    line = scene.line(scene.viewer)
    assert line.grant is not None
    services.revoke_role(line.grant, actor=make.actor(scene.admin), reason="left the team")
    with pytest.raises(Conflict, match="nothing is left"):
        scene.decide(line, scene.admin)
    page = make.client(scene.lead).get(reverse("access:review", args=[scene.review.period]))
    assert line not in page.context["page"]["rows"]
    whole = make.client(scene.lead).get(page.request["PATH_INFO"] + "?show=all").content.decode()
    assert whole.count("ended since") == 1
    for other in scene.review.lines.undecided():
        scene.decide(other, scene.admin if other.holder_user_id != scene.admin.pk else scene.lead)
    scene.sign(scene.lead)
    signed = AuditEvent.objects.get(action="access_review.sign")
    assert (signed.after or {})["ended"] == 1


def test_stranger__sees_decides_and_signs_nothing(scene: Scene) -> None:
    strangers = [
        make.person(scene.ws, "viewer", "engineering_lead"),
        make.person(make.workspace(), "workspace_admin", "security_lead"),
        make.superuser(),
    ]
    for stranger in strangers:
        with pytest.raises(NotAllowed):
            scene.decide(scene.line(scene.viewer), stranger)
        with pytest.raises(NotAllowed):
            scene.sign(stranger)
    assert not AccessReview.objects.visible_to(make.actor(strangers[1])).exists()


def test_job__makes_one_a_quarter_for_every_open_workspace(time_machine: Any) -> None:
    time_machine.move_to("2026-12-31T23:00:00Z", tick=False)
    first, second = make.workspace(), make.workspace()
    make.person(first, "viewer")
    assert make_reviews() == {"made": 2}
    assert make_reviews() == {"made": 0}
    time_machine.move_to("2027-01-01T01:00:00Z", tick=False)
    assert make_reviews() == {"made": 2}
    assert set(AccessReview.objects.filter(workspace=second).values_list("period", flat=True)) == {
        "2026-Q4",
        "2027-Q1",
    }


def test_database__refuses_a_second_review_of_a_period(scene: Scene) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessReview.objects.create(
            workspace=scene.ws, period=scene.review.period, due_at=scene.review.due_at
        )


# --- The pages -------------------------------------------------------------------------------


def test_pages__whole_review__by_two_people(scene: Scene) -> None:
    scene.review.delete()
    lead, admin = make.client(scene.lead), make.client(scene.admin)
    assert b"Make the review" in lead.get(reverse("access:reviews")).content
    page = lead.post(reverse("access:review_generate"))["Location"]
    review = AccessReview.objects.get()
    for line in review.lines.all():
        browser = admin if line.holder_user_id != scene.admin.pk else lead
        decide = reverse("access:review_decide", args=[review.period, line.uid])
        assert browser.post(decide, {"decision": "confirmed", "note": "needed"})["Location"] == page
    review.refresh_from_db()
    html = lead.get(page).content.decode()
    assert f'name="version" value="{review.version}"' in html
    sign = reverse("access:review_sign", args=[review.period])
    lead.post(sign, {"version": review.version, "statement": "I have read every line."})
    review.refresh_from_db()
    assert review.status == "signed"
    assert b"I have read every line." in admin.get(page).content


def test_pages__stranger__gets_403_or_404(scene: Scene) -> None:
    viewer = make.client(scene.viewer)
    outsider = make.client(make.person(make.workspace(), "workspace_admin"))
    page = reverse("access:review", args=[scene.review.period])
    line = scene.review.lines.first()
    assert line is not None
    decide = reverse("access:review_decide", args=[scene.review.period, line.uid])
    for url in (page, reverse("access:reviews")):
        assert viewer.get(url).status_code == 403
    assert viewer.post(decide, {"decision": "confirmed"}).status_code == 403
    assert outsider.get(page).status_code == 404
    assert outsider.post(decide, {"decision": "revoked"}).status_code == 404
    assert AuditEvent.objects.filter(outcome="denied", action="access_review.view").exists()


def test_pages__signing__fulfils_the_duty_of_the_quarter(scene: Scene) -> None:
    obligations.open_due()
    scene.decide_all()
    scene.review.refresh_from_db()
    form = {"version": scene.review.version, "statement": "I have read every line."}
    sign = reverse("access:review_sign", args=[scene.review.period])
    make.client(scene.lead).post(sign, form)
    record = ObligationRecord.objects.get(
        workspace=scene.ws, obligation__slug="access.quarterly_review"
    )
    assert record.status == ObligationRecord.Status.COMPLETE
    assert record.recorded_by == scene.lead
    assert record.evidence_url.endswith(f"{scene.review.period}/?workspace={scene.ws.slug}")
