"""Reviews of incidents: begun with what is known, written, published once they say enough; what is
to be done after them; their checklist, reminders, signatures; who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from controlplane.access.models import User, Workspace
from controlplane.approvals.models import Request
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, InvalidTransition, NotAllowed
from controlplane.notify.models import Notification
from controlplane.work import services as work
from controlplane.work.models import Dependency, Item
from incidents.models import Incident, IncidentReview, ReviewAction
from incidents.records import clocks, moving
from incidents.response import checks
from incidents.reviews import acting, checklist, registered, settling, signing, writing
from tests import make
from tests.kit import alerts
from tests.kit import incidents as kit
from tests.kit.approvals import sign
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Watchroom:
    return Watchroom()


def sent(kind: str) -> list[str]:
    return list(
        Notification.objects.filter(kind=kind).order_by("pk").values_list("subject", flat=True)
    )


def edges(item: Item) -> dict[str, Item | None]:
    return {edge.kind: edge.target for edge in Dependency.objects.filter(item=item)}


def at_work(review: IncidentReview) -> list[str]:
    return list(review.item.children.order_by("pk").values_list("title", flat=True))


def test_begun__knows_who_was_there_and_what_happened(room: Watchroom) -> None:
    row = room.incident("sev2", title="Missions fail", summary="They stop at once.")
    room.everybody()
    moving.acknowledge(row, actor=room.by(room.primary))
    work.comment(row.item, "The pool is full.", actor=room.by(room.lead))  # type: ignore[arg-type]
    row = moving.resolve(row, actor=room.by(room.primary), reason="The pool is larger.")
    row = writing.plan_review(row, actor=room.by(room.primary))
    review = row.review
    assert row.status == "review_pending"
    assert review.attendees == [
        "Primary operator (commander)", "Engineering lead (Engineering lead)", "Product manager",
    ]  # fmt: skip
    told = "Primary operator: resolved the incident: The pool is larger."
    for words in (told, ": The pool is full."):
        assert words in review.timeline, review.timeline
    assert review.impact == "They stop at once."
    assert edges(review.item) == {"discovered-from": row.item}
    assert writing.begin_review(row, actor=room.by(room.primary)) == review


def test_begun__tells_of_its_first_alert_and_of_when_it_began(room: Watchroom) -> None:
    source = alerts.source(room.workspace).source
    alerts.tell(source, alerts.incoming("The pool is full", severity="critical"))
    [row] = Incident.objects.all()
    began = row.opened_at - timedelta(minutes=9)
    Incident.objects.filter(pk=row.pk).update(started_at=began)
    Workspace.objects.filter(pk=row.workspace_id).update(time_zone="Asia/Kathmandu")
    over = alerts.incoming("The pool is full", severity="critical", status="resolved")
    alerts.tell(source, over)
    row.refresh_from_db()
    row = moving.resolve(row, actor=make.JOB, reason="It works.")
    lines = writing.begin_review(row, actor=make.JOB).timeline.split("\n")
    assert lines[0].endswith("as far as is known: It began.")
    assert "alert: The pool is full" in lines[1]
    local = began.astimezone(ZoneInfo("Asia/Kathmandu"))
    assert lines[0].startswith(f"- {local:%Y-%m-%d %H:%M} Asia/Kathmandu, ")
    assert not [line for line in lines if " UTC" in line]


def test_begun__what_is_told_of_the_past_stands_there_and_says_what_was_looked_at(
    room: Watchroom,
) -> None:
    lead = room.by(room.primary)
    with clock.set_back(timedelta(days=9)):
        row = moving.acknowledge(room.quiet("sev2"), actor=lead)
        checks.note_check(row, "flows", "ok", actor=lead)
        checks.note_check(row, "database", "failed", actor=lead, remark="It waits for locks.")
        day = f"{clock.now().astimezone(ZoneInfo(row.workspace.time_zone)):%Y-%m-%d}"
        row = moving.resolve(row, actor=lead, reason="The pool is larger.")
    told = writing.begin_review(row, actor=make.JOB).timeline
    assert "looked whether it works again: Critical flows work: works" in told
    assert "The database is sound: does not work" in told
    [resolved] = [line for line in told.split("\n") if "resolved the incident" in line]
    assert resolved.startswith(f"- {day}")


def test_begun__only_of_what_is_over(room: Watchroom) -> None:
    with pytest.raises(InvalidTransition):
        writing.begin_review(room.quiet(), actor=make.JOB)
    small = kit.over(room, "sev4")
    assert small.review_due_at is None
    assert writing.begin_review(small, actor=make.JOB).status == "writing"


def test_published__once_it_says_enough_and_only_then_it_is_closed(room: Watchroom) -> None:
    row = writing.plan_review(kit.over(room), actor=make.JOB)
    review = row.review
    with pytest.raises(GateNotMet) as refused:
        writing.publish_review(review, actor=make.JOB)
    assert len(refused.value.details["conditions"]) == 6
    review = kit.written(row, no_actions="")
    with pytest.raises(GateNotMet, match="what is to be done"):
        writing.publish_review(review, actor=make.JOB)
    action = acting.add_action(review, actor=make.JOB, kind="prevention", title="Try it first")
    with pytest.raises(GateNotMet, match="Try it first: name its owner"):
        writing.publish_review(review, actor=make.JOB)
    with pytest.raises(GateNotMet, match="Publish its review"):
        moving.close(row, actor=make.JOB, reason="Done.")
    acting.change_action(action, actor=make.JOB, owner=room.lead, due_on=clock.now().date())
    review = writing.publish_review(review, actor=make.JOB)
    assert review.snapshot is not None
    assert review.snapshot.subject.startswith("incidents.incident:")
    assert row.item is not None
    assert row.item.key in review.tree
    assert action.item.key in review.tree
    assert [point.slug for point in checklist.of(review) if not point.done] == []
    closed = moving.close(row, actor=make.JOB, reason="Reviewed.")
    assert closed.status == "closed"
    with pytest.raises(InvalidTransition):
        writing.change_review(review, actor=make.JOB, trigger="Another.")


def test_published_again__tells_its_lessons_once(room: Watchroom) -> None:
    review = kit.reviewed(kit.over(room, title="Missions fail"))
    assert sent("incident.lessons") == [f"What we learned of {review.incident.ref}: Missions fail"]
    first = review.first_published_at
    review = writing.write_on(review, actor=make.JOB, reason="More is known.")
    assert (review.status, review.published_at) == ("writing", None)
    review = writing.change_review(review, actor=make.JOB, factors="A full disk.")
    review = writing.publish_review(review, actor=make.JOB)
    assert (review.first_published_at, len(sent("incident.lessons"))) == (first, 1)


def test_actions__are_work_below_the_review(room: Watchroom) -> None:
    row = kit.over(room)
    review = kit.written(row, no_actions="")
    due = clock.now().date() + timedelta(days=7)
    given: dict[str, Any] = {"kind": "monitoring", "title": "Watch the pool", "owner": room.lead,
                             "due_on": due, "runbook": "supabase_pool"}  # fmt: skip
    action = acting.add_action(review, actor=make.JOB, **given)
    assert acting.add_action(review, actor=make.JOB, **given) == action
    item = action.item
    assert (item.assignee, item.due_at and item.due_at.date(), item.labels) == (
        room.lead.email, due, ["incident-action", "monitoring"],
    )  # fmt: skip
    assert edges(item) == {"parent-child": review.item, "discovered-from": row.item}
    action = acting.change_action(action, actor=make.JOB, title="Watch both pools")
    assert at_work(review) == ["Watch both pools"]
    acting.add_action(review, actor=make.JOB, kind="runbook", title="Say how", owner=room.lead,
                      due_on=due)  # fmt: skip
    writing.publish_review(review, actor=make.JOB)
    assert settling.settle() == 0
    for each in ReviewAction.objects.all():
        work.close_item(each.item, actor=make.JOB, reason="Done.")
    assert (settling.settle(), settling.settle()) == (1, 0)


def test_dropped__closes_its_item_and_may_be_said_anew(room: Watchroom) -> None:
    review = kit.written(kit.over(room))
    action = acting.add_action(review, actor=make.JOB, kind="prevention", title="Do it")
    dropped = acting.drop_action(action, actor=make.JOB, reason="It is done elsewhere.")
    dropped.item.refresh_from_db()
    assert dropped.item.is_closed
    with pytest.raises(InvalidTransition):
        acting.change_action(action, actor=make.JOB, title="Again")
    assert acting.add_action(review, actor=make.JOB, kind="prevention", title="Do it") != action


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "hope", "title": "Hope"}, "kind"),
        ({"kind": "runbook", "title": " "}, "title"),
        ({"kind": "runbook", "title": "x" * 201}, "title"),
        ({"kind": "runbook", "title": "x", "due_on": "soon"}, "due_on"),
        ({"kind": "runbook", "title": "x", "due_on": clock.now().date() - timedelta(days=9)},
         "due_on"),
        ({"kind": "runbook", "title": "x", "owner": "stranger"}, "owner"),
    ],
)  # fmt: skip
def test_actions__name_the_field_that_is_wrong(
    room: Watchroom, given: dict[str, Any], field: str
) -> None:
    if given.get("owner"):
        given = {**given, "owner": make.person(make.workspace())}
    review = kit.written(kit.over(room))
    with pytest.raises(Invalid) as refused:
        acting.add_action(review, actor=make.JOB, **given)
    assert field in refused.value.details
    assert not review.actions.exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"whys": "because"}, "whys"),
        ({"whys": [{"why": "a", "answer": "b"}] * 6}, "whys"),
        ({"whys": [{"what": "a"}]}, "whys"),
        ({"attendees": ["x" * 161]}, "attendees"),
        ({"meeting_at": "tomorrow"}, "meeting_at"),
        ({"is_public": "yes"}, "is_public"),
        ({"trigger": "x" * 16_001}, "trigger"),
        ({"trigger": "a\0b"}, "trigger"),
        ({"approval": 1}, "approval"),
    ],
)
def test_written__names_the_field_that_is_wrong(
    room: Watchroom, given: dict[str, Any], field: str
) -> None:
    review = writing.begin_review(kit.over(room), actor=make.JOB)
    with pytest.raises(Invalid) as refused:
        writing.change_review(review, actor=make.JOB, **given)
    assert field in refused.value.details
    assert (review.version, IncidentReview.objects.get().version) == (1, 1)


def test_written__by_two_and_secrets_stay_out(room: Watchroom) -> None:
    review = writing.begin_review(kit.over(room), actor=make.JOB)
    secret = "api_key=sk_live_0123456789abcdefghij"
    said = writing.change_review(
        review, actor=make.JOB, version=1, trigger=f"It was {secret}", root_cause=secret,
        whys=[{"why": "", "answer": secret}],
    )  # fmt: skip
    assert "0123456789" not in f"{said.trigger} {said.whys} {said.incident.root_cause}"
    assert said.whys[0]["why"] == "Why did it happen?"
    with pytest.raises(Conflict):
        writing.change_review(review, actor=make.JOB, version=1, trigger="Mine.")


def test_found__by_its_cause(room: Watchroom) -> None:
    review = kit.written(kit.over(room), trigger="The certificate had expired.")
    other = kit.written(kit.over(Watchroom()), trigger="Certificates expire.")
    found = IncidentReview.objects.about("expired certificates")
    assert set(found) == {review, other}
    mine = found.visible_to(room.by(room.primary))
    assert list(mine) == [review]
    assert list(IncidentReview.objects.about("config wrong").of(room.workspace)) == []
    assert list(IncidentReview.objects.about("a config was").of(room.workspace)) == [review]
    assert list(IncidentReview.objects.about("nobody tried").of(room.workspace)) == [review]


def test_due__is_reminded_of_and_told_when_it_is_late(room: Watchroom) -> None:
    room.everybody()
    row = kit.over(room)
    room.later(37 * 3600, tick=False)
    room.promises()
    assert sent("incident.review_due") != []
    assert "Nobody has begun it." in Notification.objects.get(kind="incident.review_due").body
    room.later(12 * 3600, tick=False)
    room.promises()
    assert sent("incident.review_late") == [f"{row.ref}: its review is late"]


def test_due__is_not_reminded_of_what_is_written_or_open_again(room: Watchroom) -> None:
    room.everybody()
    kit.reviewed(kit.over(room))
    back = moving.reopen(kit.over(room), actor=room.by(room.primary), reason="It is back.")
    keys = [clocks.key_of(kind, back) for kind in clocks.REVIEW]
    assert not Timer.objects.filter(key__in=keys, state="waiting").exists()
    room.later(60 * 3600, tick=False)
    room.promises()
    assert sent("incident.review_due") == sent("incident.review_late") == []


def test_opened_again__what_was_published_counts_no_more(room: Watchroom) -> None:
    room.everybody()
    lead = room.by(room.lead)
    row = writing.plan_review(kit.over(room), actor=lead)
    review = writing.publish_review(kit.written(row, no_actions="None."), actor=lead)
    settling.settle()
    first = review.snapshot_id
    row = moving.reopen(Incident.objects.get(), actor=room.by(room.primary), reason="It is back.")
    review.refresh_from_db()
    assert (review.status, review.first_published_at, review.item.is_closed) == (
        "writing", None, False,
    )  # fmt: skip
    row = moving.mitigated(row, actor=make.JOB, how="Rolled back.")
    row = moving.watch(row, actor=make.JOB)
    kit.looked(row)
    row = moving.resolve(row, actor=make.JOB, reason="Over again.")
    room.later(37 * 3600, tick=False)
    room.promises()
    assert "It is being written." in Notification.objects.get(kind="incident.review_due").body
    assert registered.count_waiting(lead, room.workspace.pk) == 1
    row = writing.plan_review(Incident.objects.get(), actor=lead)
    with pytest.raises(GateNotMet, match="Publish its review first"):
        moving.close(row, actor=lead, reason="Done.")
    review = acting.add_action(review, actor=lead, kind="prevention", title="Look twice").review
    for action in review.actions.all():
        acting.change_action(action, actor=lead, owner=room.lead, due_on=clock.now().date())
    review = writing.publish_review(review, actor=lead)
    assert review.snapshot_id != first
    assert len(sent("incident.lessons")) == 2
    assert registered.count_waiting(lead, room.workspace.pk) == 0
    assert moving.close(Incident.objects.get(), actor=lead, reason="Done.").status == "closed"


def test_opened_again__before_reviews_knew_of_it__is_said_and_can_be_mended(
    room: Watchroom,
) -> None:
    lead = room.by(room.lead)
    row = writing.plan_review(kit.over(room), actor=make.JOB)
    review = kit.reviewed(row)
    before = clock.now() - timedelta(days=2)
    IncidentReview.objects.update(published_at=before, first_published_at=before)
    row = Incident.objects.get()
    with pytest.raises(GateNotMet, match="opened again"):
        moving.close(row, actor=lead, reason="Done.")
    assert registered.count_waiting(lead, room.workspace.pk) == 1
    review = writing.write_on(IncidentReview.objects.get(), actor=lead, reason="It came back.")
    writing.publish_review(review, actor=lead)
    assert moving.close(Incident.objects.get(), actor=lead, reason="Done.").status == "closed"


def test_documents__within_a_day_by_an_item_of_their_own(room: Watchroom) -> None:
    review = kit.written(kit.over(room), documents="")
    review = acting.ask_documents(
        review, actor=make.JOB, what="How the pool grows", owner=room.lead
    )
    item = review.documents_item
    assert item is not None
    assert item.due_at is not None
    assert item.due_at - clock.now() <= timedelta(hours=24)
    review = writing.publish_review(review, actor=make.JOB)
    [point] = [each for each in checklist.of(review) if not each.done]
    assert (point.slug, item.key in point.note) == ("documents", True)
    work.close_item(item, actor=make.JOB, reason="It is written.")
    review = IncidentReview.objects.get()
    assert all(each.done for each in checklist.of(review))


def test_signatures__of_what_is_published(room: Watchroom) -> None:
    signers: list[User] = [
        room.lead, room.person("sre_liaison"), room.person("product_manager"),
    ]  # fmt: skip
    review = kit.reviewed(kit.over(room))
    review = signing.ask_signatures(review, actor=room.by(room.primary))
    with pytest.raises(Conflict):
        signing.ask_signatures(review, actor=room.by(room.primary))
    assert review.approval is not None
    for signer in signers:
        sign(review.approval, make.actor(signer))
    review.approval.refresh_from_db()
    assert review.approval.status == "approved"
    writing.write_on(review, actor=make.JOB, reason="More is known.")
    review.approval.refresh_from_db()
    assert review.approval.status in {"void", "withdrawn"}
    with pytest.raises(InvalidTransition):
        signing.ask_signatures(review, actor=room.by(room.primary))


def test_strangers__neither_write_nor_publish(room: Watchroom) -> None:
    review = kit.written(kit.over(room))
    action = acting.add_action(review, actor=make.JOB, kind="prevention", title="Do it")
    elsewhere = make.actor(make.person(make.workspace(), "primary_operator"))
    reader = room.by(room.person("viewer"))
    for actor in (elsewhere, reader):
        for verb in (
            lambda by: writing.change_review(review, actor=by, trigger="Mine."),
            lambda by: writing.publish_review(review, actor=by),
            lambda by: writing.begin_review(review.incident, actor=by),
            lambda by: acting.add_action(review, actor=by, kind="runbook", title="Mine"),
            lambda by: acting.change_action(action, actor=by, title="Mine"),
            lambda by: acting.drop_action(action, actor=by, reason="Mine"),
            lambda by: acting.ask_documents(review, actor=by, what="Mine"),
            lambda by: signing.ask_signatures(review, actor=by),
        ):
            with pytest.raises(NotAllowed):
                verb(actor)
    assert Incident.objects.get().root_cause == "A config was wrong."
    assert Request.objects.count() == 0
