"""What is as the last signed review left it is confirmed at once, each line with its audit row;
what is new, changed, one's own or another's stays."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from controlplane.access import services
from controlplane.access.models import AccessReview, AccessReviewLine, ApiKey, Grant
from controlplane.access.services.unchanged import confirm_unchanged, unchanged_lines
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Conflict, NotAllowed
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db


class Scene:
    """A workspace whose first quarter was reviewed and signed, and whose second is open."""

    def __init__(self, *, sign: bool = True) -> None:
        self.ws = make.workspace()
        self.admin = make.person(self.ws, "workspace_admin")
        self.lead = make.person(self.ws, "security_lead")
        self.people = [make.person(self.ws, "viewer") for _ in range(3)]
        self.key, _ = make.key(make.agent(self.ws, owner=self.lead))
        self.before = services.generate_review(self.ws, actor=make.JOB, period="2026-Q1")
        for line in self.before.lines.all():
            by = self.admin if line.holder_user_id != self.admin.pk else self.lead
            services.decide_line(line, actor=make.actor(by), decision="confirmed")
        if sign:
            self.before.refresh_from_db()
            services.sign_review(
                self.before,
                actor=make.actor(self.lead),
                version=self.before.version,
                statement="Read.",
            )

    def open(self) -> AccessReview:
        return services.generate_review(self.ws, actor=make.JOB, period="2026-Q2")


@settled.once
def scene() -> Scene:
    return Scene()


def left(review: AccessReview) -> set[str]:
    return set(review.lines.undecided().values_list("holds", flat=True))


def test_unchanged__confirmed_at_once__each_with_its_audit_row(scene: Scene) -> None:
    review = scene.open()
    did = confirm_unchanged(review, actor=make.actor(scene.admin))
    assert (did.done, did.own, did.left) == (5, 1, 0)
    confirmed = review.lines.filter(decision="confirmed")
    assert {line.decided_by_id for line in confirmed} == {scene.admin.pk}
    assert {line.note for line in confirmed} == {"unchanged since 2026-Q1"}
    rows = AuditEvent.objects.filter(
        action="access_review.decide", reason="unchanged since 2026-Q1"
    )
    assert {row.subject_ref for row in rows} == {
        f"access.accessreviewline:{line.pk}" for line in confirmed
    }
    assert rows.count() == 5
    assert {row.actor_ref for row in rows} == {make.actor(scene.admin).ref}


def test_own_line__left_for_somebody_else__then_the_review_can_be_signed(scene: Scene) -> None:
    review = scene.open()
    confirm_unchanged(review, actor=make.actor(scene.admin))
    (mine,) = review.lines.undecided()
    assert mine.holder_user == scene.admin
    did = confirm_unchanged(review, actor=make.actor(scene.lead))
    assert (did.done, did.own) == (1, 0)
    review.refresh_from_db()
    signed = services.sign_review(
        review, actor=make.actor(scene.lead), version=review.version, statement="Read."
    )
    assert signed.status == "signed"


def test_new_and_changed__stay_to_be_read(scene: Scene) -> None:
    member = scene.people[0].memberships.get()
    services.grant_role(member, "legal", actor=make.actor(scene.admin))
    make.person(scene.ws, "ux")
    ApiKey.objects.filter(pk=scene.key.pk).update(scopes=["catalog.view", "catalog.manage"])
    review = scene.open()
    confirm_unchanged(review, actor=make.actor(scene.admin))
    words = " ".join(sorted(left(review)))
    assert "Legal" in words
    assert "UX" in words
    assert "catalog.manage" in words
    assert "Viewer" not in words


def test_revoked_and_granted_anew__is_no_longer_the_same(scene: Scene) -> None:
    grant = Grant.objects.held().get(membership__user=scene.people[1])
    services.revoke_role(grant, actor=make.actor(scene.admin), reason="left")
    services.grant_role(grant.membership, "viewer", actor=make.actor(scene.admin))
    review = scene.open()
    confirm_unchanged(review, actor=make.actor(scene.admin))
    assert review.lines.undecided().filter(holder_user=scene.people[1]).count() == 1


def test_before__nobody_signed_it__proves_nothing() -> None:
    scene = Scene(sign=False)
    review = scene.open()
    assert unchanged_lines(review) == set()
    with pytest.raises(Conflict):
        confirm_unchanged(review, actor=make.actor(scene.admin))
    assert review.lines.undecided().count() == 6


def test_decided_meanwhile__stays_as_decided(scene: Scene) -> None:
    review = scene.open()
    line = review.lines.filter(holder_user=scene.people[0]).get()
    services.decide_line(line, actor=make.actor(scene.lead), decision="revoked")
    confirm_unchanged(review, actor=make.actor(scene.admin))
    line.refresh_from_db()
    assert line.decision == "revoked"


def test_signature_of_what_was_read_before__is_refused(scene: Scene) -> None:
    review = scene.open()
    seen = review.version
    confirm_unchanged(review, actor=make.actor(scene.admin))
    confirm_unchanged(review, actor=make.actor(scene.lead))
    with pytest.raises(Conflict):
        services.sign_review(review, actor=make.actor(scene.lead), version=seen, statement="x")


def test_more_than_one_press_may_do__says_so(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_ACCESS_REVIEW_AT_ONCE", "2")
    did = confirm_unchanged(scene.open(), actor=make.actor(scene.admin))
    assert (did.done, did.left) == (2, 3)


def test_signed_review__changes_no_more(scene: Scene) -> None:
    with pytest.raises(Conflict):
        confirm_unchanged(scene.before, actor=make.actor(scene.admin))


@pytest.mark.parametrize("role", ["viewer", "compliance"])
def test_stranger__neither_of_this_workspace_nor_without_the_right(scene: Scene, role: str) -> None:
    review = scene.open()
    for person in (make.person(scene.ws, role), make.person(make.workspace(), "workspace_admin")):
        with pytest.raises(NotAllowed):
            confirm_unchanged(review, actor=make.actor(person))
    assert not review.lines.exclude(decision="").exists()


def test_page__shows_them__and_the_button_confirms_them(scene: Scene) -> None:
    make.person(scene.ws, "ux")
    review = scene.open()
    browser = make.client(scene.admin)
    page = reverse("access:review", args=[review.period])

    def html(query: str = "") -> str:
        answer: Any = browser.get(page + query)
        assert answer.status_code == 200
        return str(answer.content.decode())

    assert "6 lines as last time" in html()
    same = html("?show=same")
    new = AccessReviewLine.objects.get(review=review, holds="UX")
    assert str(new.uid) not in same
    assert same.count('class="line"') == 6
    url = reverse("access:review_unchanged", args=[review.period])
    answer = browser.post(url, follow=True).content.decode()
    assert "5 confirmed as unchanged." in answer
    assert "1 left for somebody else" in answer
    assert str(new.uid) in answer
    stranger = make.client(make.person(make.workspace(), "workspace_admin"))
    assert stranger.post(url).status_code == 404
    viewer = make.client(make.person(scene.ws, "compliance"))
    assert viewer.post(url).status_code == 403
