"""Messages are read in order after a number; a cursor only rises and ends with the thread."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from controlplane.lib.errors import Conflict, Invalid, NotAllowed, NotFound
from missions.threads import services
from missions.threads.models import Participant
from tests import make
from tests.kit import settled
from tests.kit.threads import Talk

pytestmark = pytest.mark.django_db


@settled.once
def talk() -> Talk:
    return Talk()


def test_read__after_a_number_in_pages(talk: Talk) -> None:
    for number in range(5):
        talk.post("executioner", f"No. {number + 1}")
    actor = talk.by("reviewer")
    page = services.read_messages(talk.thread.uid, actor=actor, limit=2)
    assert [m["body"] for m in json.loads(page.messages)] == ["No. 1", "No. 2"]
    assert (page.next_seq, page.has_more, page.last_seq) == (2, True, 5)
    page = services.read_messages(talk.thread.uid, actor=actor, since=2, limit=3)
    assert [m["seq"] for m in json.loads(page.messages)] == [3, 4, 5]
    assert (page.next_seq, page.has_more) == (5, False)
    page = services.read_messages(talk.thread.uid, actor=actor, since=5)
    assert page.empty
    assert (page.next_seq, page.has_more) == (5, False)


def test_read__the_whole_message(talk: Talk) -> None:
    posted = talk.event(
        "executioner", "finding_reported", 'It "leaks" \\ 字', metadata={"finding_id": "F-1"},
        to={"agents": [str(talk.reviewer.uid)]},
    )  # fmt: skip
    page = services.read_messages(talk.thread.uid, actor=talk.by("reviewer"))
    read = json.loads(page.as_json())
    (message,) = read["messages"]
    assert read["thread_status"] == "active"
    assert read["last_read_seq"] == 0
    assert message["message_id"] == str(posted.message_id)
    assert message["sender"] == {
        "kind": "agent", "agent_id": str(talk.executioner.uid), "name": talk.executioner.name,
        "session_id": None,
    }  # fmt: skip
    assert message["to"] == {"kind": "agents", "role": None, "agents": [str(talk.reviewer.uid)]}
    assert (message["event_type"], message["metadata"]) == (
        "finding_reported", {"finding_id": "F-1"},
    )  # fmt: skip
    assert message["body"] == 'It "leaks" \\ 字'
    assert message["created_at"].endswith("Z")


def test_read__directed_messages_are_read_by_all_and_asked_for_by_who_is_meant(talk: Talk) -> None:
    talk.post("coordinator", "To all.")
    talk.post("coordinator", "To reviewers.", to={"role": "reviewer"})
    talk.post("coordinator", "To you.", to={"agents": [str(talk.executioner.uid)]})
    actor = talk.by("reviewer")

    def bodies(**given: object) -> list[str]:
        page = services.read_messages(talk.thread.uid, actor=actor, **given)  # type: ignore[arg-type]
        return [m["body"] for m in json.loads(page.messages)]

    assert bodies() == ["To all.", "To reviewers.", "To you."]
    assert bodies(mine=True) == ["To all.", "To reviewers."]
    page = services.read_messages(talk.thread.uid, actor=actor, mine=True)
    assert page.next_seq == 3  # what is not for it is behind it too


def test_read__who_takes_no_part_is_refused(talk: Talk) -> None:
    talk.post("executioner")
    for who, code in (
        (talk.by(talk.agent("validator")), "FORBIDDEN"),
        (Talk().by("executioner"), "NOT_FOUND"),
    ):
        for ask in (
            services.read_messages,
            lambda uid, actor: services.ack_read(uid, 1, actor=actor),
        ):
            with pytest.raises(NotAllowed) as refused:
                ask(talk.thread.uid, actor=who)
            assert refused.value.error_code == code
    outsider = make.actor(make.person(talk.workspace, "product_partner"))
    with pytest.raises(NotAllowed):
        services.read_messages(talk.thread.uid, actor=outsider)
    with pytest.raises(NotFound):
        services.read_messages(uuid4(), actor=talk.by("executioner"))
    # People who may see threads read without taking part.
    assert services.read_messages(talk.thread.uid, actor=talk.operator).last_read_seq is None


@pytest.mark.parametrize(("since", "limit"), [(-1, None), (2**70, None), (0, 0), (0, 201)])
def test_read__what_has_not_its_form_is_refused(talk: Talk, since: int, limit: int | None) -> None:
    with pytest.raises(Invalid):
        services.read_messages(
            talk.thread.uid, actor=talk.by("executioner"), since=since, limit=limit
        )


def test_ack__the_cursor_rises_and_ends_with_the_thread(talk: Talk) -> None:
    posted = [talk.post("executioner") for _ in range(3)]
    actor = talk.by("reviewer")
    assert services.ack_read(talk.thread.uid, 2, actor=actor).last_read_seq == 2
    assert services.ack_read(talk.thread.uid, 2, actor=actor).last_read_seq == 2
    row = talk.part(talk.reviewer)
    assert row.last_acked == posted[1].message_id
    with pytest.raises(Conflict) as back:
        services.ack_read(talk.thread.uid, 1, actor=actor)
    assert back.value.details["last_read_seq"] == 2
    with pytest.raises(Invalid):
        services.ack_read(talk.thread.uid, 4, actor=actor)
    with pytest.raises(NotAllowed):
        services.ack_read(talk.thread.uid, 3, actor=talk.operator)
    row.refresh_from_db()
    assert row.last_read_seq == 2


def test_cursor__the_database_holds_to_it(talk: Talk) -> None:
    talk.post("executioner")
    services.ack_read(talk.thread.uid, 1, actor=talk.by("reviewer"))
    rows = Participant.objects.filter(pk=talk.part(talk.reviewer).pk)
    for wrong in (0, 2):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(last_read_seq=wrong)
