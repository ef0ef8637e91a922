"""Tickets over the API: opened, found, answered, walked to the end; versions, codes, strangers."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.models import RunbookUse, Ticket
from tests import make
from tests.kit import settled
from tests.kit.api import Api
from tests.kit.incidents import Caller
from tests.kit.support import Desk

pytestmark = pytest.mark.django_db
TICKETS = "/api/v1/tickets"


@settled.once
def desk() -> Desk:
    desk = Desk(make.workspace())
    for person in (desk.viewer, desk.docs, desk.sre, *desk.everybody()):
        assert person.pk
    return desk


def caller(desk: Desk) -> Caller:
    return Caller(desk.primary)


def opened(api: Caller, **given: Any) -> Any:
    return api.post(TICKETS, {"subject": "Sign in fails", "body": "It says no.", **given})


def test_walk__from_opened_to_closed(desk: Desk) -> None:
    api = caller(desk)
    made = opened(api, requester=str(desk.viewer.uid), channel="mailbox")
    ref = made["ref"]
    assert (made["status"], made["requester"], made["source"]) == (
        "new",
        str(desk.viewer.uid),
        "api",
    )
    one = f"{TICKETS}/{ref}"
    assert api.get(one)["next"]["action"] == "acknowledge"
    assert api.post(f"{one}/acknowledge")["assignee"] == str(desk.primary.uid)
    told = api.post(f"{one}/triage", {"priority": "p1", "category": "access", "blocking": True})
    assert (told["priority"], told["next"]["action"]) == ("p1", "begin")
    said = api.post(f"{one}/messages", {"text": "Whihc browser?", "kind": "ask"})
    assert api.get(one)["status"] == "waiting"
    better = api.api.send("PATCH", f"{one}/messages/{said['uid']}", {"text": "Which browser?"})
    assert (better.json()["text"], better.json()["corrected"]) == ("Which browser?", 1)
    api.post(f"{one}/messages", {"text": "She is new.", "kind": "note"})
    api.post(f"{one}/messages", {"text": "This one.", "kind": "request"})
    kinds = [each["kind"] for each in api.get(f"{one}/messages")["items"]]
    assert kinds == ["request", "note", "answer", "request"]
    assert api.get(one)["status"] == "working"
    api.post(f"{one}/assign", {"assignee": str(desk.docs.uid)})
    api.api.send("PATCH", one, {"subject": "Sign in fails in one browser", "category": "question"})
    done = api.post(f"{one}/resolve", {"resolution": "Clear the cache."})
    assert (done["status"], done["subject"]) == ("resolved", "Sign in fails in one browser")
    assert api.post(f"{one}/close")["status"] == "closed"
    assert api.post(f"{one}/reopen", {"reason": "It came back."})["reopened"] == 1


def test_escalate__opens_one_incident_whoever_asks_again(desk: Desk) -> None:
    api = caller(desk)
    one = f"{TICKETS}/{opened(api)['ref']}"
    first = api.post(f"{one}/escalate", {"reason": "All of us.", "severity": "sev3"})
    again = api.post(f"{one}/escalate", {"reason": "All of us."})
    assert first["incident"] == again["incident"] == "INC-1"
    other = f"{TICKETS}/{opened(api)['ref']}"
    assert api.post(f"{other}/attach", {"incident": "inc-1"})["incident"] == "INC-1"
    found = api.get(TICKETS, incident="INC-1")["items"]
    assert len(found) == 2
    third = opened(api)["ref"]
    merged = api.post(f"{TICKETS}/{third}/merge", {"into": first["ref"]})
    assert (merged["duplicate_of"], merged["status"]) == (first["ref"], "duplicate")


def test_list__filters_and_sorts(desk: Desk) -> None:
    api = caller(desk)
    calm = opened(api, channel="mailbox")["ref"]
    late = opened(api, subject="Cache is full", priority="p1", channel="mailbox")["ref"]
    over = desk.resolved().ref
    Ticket.objects.filter(ref=late).update(acknowledge_due_at="2026-01-01T00:00:00Z")

    def refs(**query: Any) -> list[str]:
        return [each["ref"] for each in api.get(TICKETS, **query)["items"]]

    assert refs(sort="due") == [late, calm, over]
    assert refs(breaching="true") == [late]
    assert refs(open="false") == [over]
    assert refs(unacknowledged="true", sort="priority") == [late, calm]
    assert refs(q="cache") == [late]
    assert refs(status="resolved") == [over]
    assert refs(assignee=str(desk.primary.uid)) == [over]


def test_version__seen_by_two_moves_for_one(desk: Desk) -> None:
    api = caller(desk)
    one = f"{TICKETS}/{opened(api)['ref']}"
    tag = api.api.get(one)["ETag"]
    assert api.api.post(f"{one}/acknowledge", {}, if_match=tag).status_code == 200
    stale = api.api.post(f"{one}/begin", {}, if_match=tag)
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "PRECONDITION_FAILED")
    seen = api.refused(
        "POST", f"{one}/triage", {"priority": "p2", "category": "other", "version": 1}
    )
    assert (seen.status_code, seen.json()["error"]["code"]) == (409, "CONFLICT")


@pytest.mark.parametrize(
    ("path", "data", "status", "code"),
    [
        ("", {}, 400, "INVALID_ARGUMENT"),
        ("", {"subject": "a", "body": "b", "moon": 1}, 400, "INVALID_ARGUMENT"),
        ("", {"subject": "a", "body": "b\u0000"}, 400, "INVALID_ARGUMENT"),
        ("", {"subject": "a", "body": "b", "service": "moon"}, 400, "INVALID_ARGUMENT"),
        ("", {"subject": "a", "body": "b", "priority": "p7"}, 400, "INVALID_ARGUMENT"),
        ("", {"subject": "a", "body": "b", "channel": "moon"}, 400, "INVALID_ARGUMENT"),
        ("/TKT-1/resolve", {"resolution": ""}, 400, "INVALID_ARGUMENT"),
        ("/TKT-1/resolve", {"resolution": "Done."}, 409, "INVALID_TRANSITION"),
        ("/TKT-1/close", {}, 409, "INVALID_TRANSITION"),
        ("/TKT-1/attach", {"incident": "INC-9"}, 400, "INVALID_ARGUMENT"),
        ("/TKT-1/merge", {"into": "TKT-1"}, 400, "INVALID_ARGUMENT"),
        ("/TKT-1/assign", {"role": "moon"}, 400, "INVALID_ARGUMENT"),
        ("/TKT-1/messages", {"text": " "}, 400, "INVALID_ARGUMENT"),
        ("/TKT-9/close", {}, 404, "NOT_FOUND"),
    ],
)
def test_bad_input__has_its_code(
    desk: Desk, path: str, data: dict[str, Any], status: int, code: str
) -> None:
    api = caller(desk)
    opened(api)
    answer = api.refused("POST", TICKETS + path, data)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_runbooks__are_suggested_and_that_they_were_read_is_kept(desk: Desk) -> None:
    api = caller(desk)
    one = f"{TICKETS}/{opened(api, category='deployment')['ref']}/runbooks"
    first = api.get(one)["items"][0]
    assert (first["slug"], first["consulted"]) == ("frontend_deploy", False)
    api.post(one, {"runbook": first["slug"]})
    api.post(one, {"runbook": first["slug"]})
    assert api.get(one)["items"][0]["consulted"] is True
    assert RunbookUse.objects.filter(ticket__isnull=False).count() == 1
    assert api.refused("POST", one, {"runbook": "moon"}).status_code == 400


def test_agent__opens_with_its_key_and_answers_nobody(desk: Desk) -> None:
    _, secret = make.key(make.agent(desk.workspace), scopes=["ticket.open", "ticket.view"])
    api = Api(secret)
    made = api.post(
        TICKETS, {"subject": "The tool refuses", "body": "403", "category": "integration"}
    )
    assert made.status_code == 201, made.content
    row = Ticket.objects.get(ref=made.json()["ref"])
    assert row.requester_name
    more = {"text": "Again.", "kind": "request"}
    assert api.post(f"{TICKETS}/{row.ref}/messages", more).status_code == 201
    assert api.post(f"{TICKETS}/{row.ref}/messages", {"text": "x"}).status_code == 403
    assert api.post(f"{TICKETS}/{row.ref}/acknowledge").status_code == 403


def test_stranger__finds_none_and_a_viewer_moves_none(desk: Desk) -> None:
    ref = opened(caller(desk))["ref"]
    far = Caller(make.person(make.workspace(), "primary_operator"))
    assert far.get(TICKETS)["items"] == []
    assert far.refused("GET", f"{TICKETS}/{ref}").status_code == 404
    assert far.refused("POST", f"{TICKETS}/{ref}/acknowledge").status_code == 404
    viewer = Caller(desk.viewer)
    assert viewer.get(f"{TICKETS}/{ref}")["next"]["allowed"] is False
    assert viewer.refused("POST", f"{TICKETS}/{ref}/acknowledge").status_code == 403
