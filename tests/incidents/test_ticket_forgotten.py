"""Who asked is erased: their words go wherever the portal itself had put them, and the erasing
writes none of them down again. What others said stays."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import NotAllowed
from controlplane.work.models import ItemEvent
from incidents.models import TicketMessage
from incidents.support import answering, doors, escalating, forgetting, moving, said
from tests import make
from tests.kit import settled
from tests.kit.support import Desk, incident_of

pytestmark = pytest.mark.django_db
GONE = forgetting.GONE
SECRET = "My wages"


@settled.once
def desk() -> Desk:
    desk = Desk(make.workspace())
    for person in (desk.viewer, desk.primary, desk.lead, desk.admin):
        assert person.pk
    return desk


def forgotten(desk: Desk, row: Any) -> None:
    forgetting.forget(row, actor=desk.by(desk.admin), reason="She asked for it.")


def texts(row: Any) -> list[str]:
    return list(row.messages.order_by("pk").values_list("text", flat=True))


def test_forget__writes_nothing_down_again_and_takes_the_names_of_files(desk: Desk) -> None:
    row = desk.by_mail(SECRET, body=f"{SECRET} are low.",
                       files=[said.Sent("wages.txt", b"A log.", 6)])  # fmt: skip
    answering.hear(row, actor=make.JOB, text=f"{SECRET}: away.", source="email", automatic=True)
    answering.add_note(row, actor=desk.by(desk.primary), text="She is new.")
    desk.answer(row, "Thank you.")
    events, log = ItemEvent.objects.latest("pk").pk, AuditEvent.objects.latest("pk").pk
    forgotten(desk, row)
    row.refresh_from_db()
    assert texts(row) == [GONE, GONE, "She is new.", "Thank you."]
    assert row.messages.order_by("pk")[0].files == []
    assert row.item is not None
    row.item.refresh_from_db()
    assert (row.item.title, row.item.description) == (f"{row.ref}: {GONE}", GONE)
    assert not row.item.links.exists()
    after = ItemEvent.objects.filter(pk__gt=events)
    logged = AuditEvent.objects.filter(pk__gt=log)
    later = [
        *after.values_list("old", "new", "comment"),
        *logged.values_list("before", "after", "details"),
    ]
    assert later
    assert SECRET not in str(later)
    assert "wages" not in str(later)


def test_said__stands_in_the_log_by_its_id_alone(desk: Desk) -> None:
    row = desk.by_mail()
    answering.hear(row, actor=make.JOB, text=f"{SECRET} are low.", source="email")
    desk.answer(row, f"{SECRET}?")
    assert SECRET not in str(list(AuditEvent.objects.values_list("after", "details")))


def test_forget__reaches_the_ticket_it_goes_on_as_and_what_they_thought(desk: Desk) -> None:
    other = desk.by_mail("b", requester_email="b@example.com")
    row = desk.by_mail(SECRET)
    merged = moving.merge(row, other, actor=desk.by(desk.primary))
    answering.hear(merged, actor=make.JOB, text=f"{SECRET}!", source="email")
    forgotten(desk, merged)
    assert texts(other) == ["It says no.", GONE, GONE]
    done = desk.resolved(actor=make.JOB, source="email", requester_email="ann@example.com")
    rating = doors.rate(done, 1, f"{SECRET} are still low.")
    forgotten(desk, done)
    rating.refresh_from_db()
    assert (rating.stars, rating.remark) == (1, "")


def test_forget__leaves_what_another_handed_on(desk: Desk) -> None:
    row = desk.by_mail(SECRET)
    merged = moving.merge(desk.by_mail("b", requester_email="b@example.com"), row,
                          actor=desk.by(desk.primary))  # fmt: skip
    answering.hear(merged, actor=make.JOB, text="Mine.", source="email")
    forgotten(desk, row)
    assert texts(row)[-1] == f"Of {merged.ref}: Mine."


def test_forget__reaches_the_incident_it_became_and_no_other(desk: Desk) -> None:
    by = desk.by(desk.primary)
    row = escalating.escalate(desk.by_mail(SECRET, body=SECRET), actor=by, reason="All of us.")
    other = escalating.attach(desk.by_mail("b"), incident_of(row), actor=by)
    forgotten(desk, other)
    assert incident_of(row).title == SECRET
    forgotten(desk, row)
    incident = incident_of(row)
    assert (incident.title, incident.symptoms) == (GONE, "")
    assert incident.item is not None
    assert SECRET not in f"{incident.item.title} {incident.item.description}"


def test_words__and_files_become_none_and_never_others(desk: Desk) -> None:
    row = desk.by_mail(files=[said.Sent("a.txt", b"A log.", 6)])
    messages = TicketMessage.objects.filter(ticket=row)
    for changes in ({"files": [{"title": "b.txt"}]}, {"refused": [{"title": "b"}]}):
        with pytest.raises(IntegrityError, match="stays"), transaction.atomic():
            messages.update(**changes)
    assert messages.update(files=[]) == 1


def test_stranger__erases_nobody(desk: Desk) -> None:
    row = desk.by_mail()
    far = Desk(make.workspace())
    for who in (far.by(far.admin), desk.by(desk.primary)):
        with pytest.raises(NotAllowed):
            forgetting.forget(row, actor=who, reason="x")
