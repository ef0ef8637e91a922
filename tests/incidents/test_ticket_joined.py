"""Tickets and what they go on as: whose words count as the requester's, duplicates to their end,
and the incident that is open again."""

from __future__ import annotations

import pytest

from controlplane.lib.errors import Conflict, InvalidTransition, NotFound
from incidents.models import Incident, Ticket
from incidents.records import moving as incidents
from incidents.support import answering, escalating, links, merging, moving, receiving
from tests import make
from tests.incidents.test_ticket_mail import letter
from tests.kit import settled
from tests.kit.incidents import Caller
from tests.kit.support import Desk, incident_of

pytestmark = pytest.mark.django_db


@settled.once
def desk() -> Desk:
    desk = Desk(make.workspace())
    for person in (desk.viewer, desk.docs, desk.sre, *desk.everybody()):
        assert person.pk
    return desk


def merged(desk: Desk, row: Ticket, into: Ticket) -> Ticket:
    return moving.merge(row, into, actor=desk.by(desk.primary))


def texts(row: Ticket) -> list[tuple[str, str]]:
    return list(row.messages.order_by("pk").values_list("kind", "text"))


# --- Whose words ----------------------------------------------


def test_request__is_said_by_whoever_asked_opened_it_or_answers(desk: Desk) -> None:
    row = desk.ticket()
    more = {"text": "Still so.", "kind": "request"}
    for person in (desk.viewer, desk.primary):
        said = Caller(person).post(f"/api/v1/tickets/{row.ref}/messages", more)
        assert said["author_name"] == person.name
        assert person.email not in str(said)
    for_ann = desk.ticket(requester_name="Ann")  # opened by the viewer, asked by Ann
    assert answering.hear(for_ann, actor=desk.by(desk.viewer), text="Hm.", source="api").pk


def test_stranger__speaks_for_nobody(desk: Desk) -> None:
    row = desk.resolved(actor=make.JOB, source="email", requester_email="ann@example.com")
    other = desk.person("viewer", "Another")
    told = Caller(other).refused(
        "POST", f"/api/v1/tickets/{row.ref}/messages", {"text": "Open it.", "kind": "request"}
    )
    assert told.status_code == 404
    with pytest.raises(NotFound):
        answering.hear(row, actor=desk.by(other), text="Open it.", source="api")
    row.refresh_from_db()
    assert row.status == "resolved"


# --- Incidents ----------------------------------------------


def test_incident__that_is_open_again_takes_its_tickets_back(desk: Desk) -> None:
    row = escalating.escalate(desk.triaged(), actor=desk.by(desk.primary), reason="All of us.")
    incident = incident_of(row)
    by = desk.by(desk.primary)
    incidents.acknowledge(incident, actor=by)
    incidents.resolve(Incident.objects.get(pk=incident.pk), actor=by, reason="A new disk.")
    row.refresh_from_db()
    assert (row.status, row.next_update_due_at is not None) == ("working", True)
    incidents.reopen(Incident.objects.get(pk=incident.pk), actor=by, reason="It is back.")
    row.refresh_from_db()
    assert (row.status, row.next_update_due_at) == ("escalated", None)
    assert any("open again" in each for each in desk.told("ticket.moved"))


# --- Duplicates ----------------------------------------------


def test_words__go_on_to_the_end_and_open_again_what_is_over(desk: Desk) -> None:
    first, second, third = (desk.by_mail(each) for each in ("One", "Two", "Three"))
    merged(desk, first, second)
    merged(desk, second, third)
    first.refresh_from_db()
    assert first.duplicate_of == third
    Ticket.objects.filter(pk=first.pk).update(duplicate_of=second)  # as it stood in earlier days
    done = desk.triaged(row=third)
    moving.resolve(done, actor=desk.by(desk.primary), resolution="A new password.")
    first.refresh_from_db()
    answering.hear(first, actor=make.JOB, text="Not for me.", source="email")
    third.refresh_from_db()
    assert third.status == "reopened"
    assert ("note", f"Of {first.ref}: Not for me.") in texts(third)


def test_words__of_what_goes_on_nowhere_open_another(desk: Desk) -> None:
    first, second = desk.by_mail("One"), desk.by_mail("Two")
    merged(desk, first, second)
    moving.mark_spam(second, actor=desk.by(desk.primary))
    first.refresh_from_db()
    with pytest.raises(Conflict):
        answering.hear(first, actor=make.JOB, text="Any news?", source="email")
    given = letter("Any news?", Subject=links.mark(first), Message_ID="<2@x>")
    found = receiving.receive(desk.workspace, given.as_bytes())
    assert found.outcome == "opened"
    assert found.ticket not in {first, second}


def test_words__of_what_is_long_over_are_asked_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = desk.by_mail("One"), desk.resolved()
    merged(desk, first, second)
    first.refresh_from_db()
    monkeypatch.setattr(answering, "may_go_on", lambda row: row.status == "duplicate")
    with pytest.raises(InvalidTransition, match=second.ref):
        answering.hear(first, actor=make.JOB, text="Hm.", source="email")


def test_merge__names_the_others_subject_to_nobody_else(desk: Desk) -> None:
    first = desk.by_mail("The wages of Bob")
    mine, theirs = desk.by_mail("Mine"), desk.by_mail("Else", requester_email="b@example.com")
    assert merging.same_requester(first, mine)
    merged(desk, mine, first)
    merged(desk, theirs, first)
    assert texts(mine)[-1] == ("answer", f"This goes on as {first.ref}: The wages of Bob")
    assert texts(theirs)[-1] == ("answer", f"This goes on as {first.ref}.")
