"""Threads over the API: begun, found, changed, moved, summed up, by those who may."""

from __future__ import annotations

import pytest

from controlplane.audit.models import AuditEvent
from missions.threads.models import Thread
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused
from tests.kit.threads_api import THREADS, Callers

pytestmark = pytest.mark.django_db


@settled.once
def world() -> Callers:
    return Callers()


def test_create__an_agent_takes_part_in_what_it_begins(world: Callers) -> None:
    reviewer = world.talk.reviewer
    answer = world.executioner.post(
        THREADS,
        {
            "schema_version": 1,
            "title": "Retry change",
            "type": "workflow",
            "participants": [{"agent_id": str(reviewer.uid), "role": "judge"}],
            "something_of_tomorrow": {"is": "let be"},
        },
    )
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["title"], made["type"], made["status"]) == ("Retry change", "workflow", "active")
    assert [(each["agent_id"], each["role"]) for each in made["participants"]] == [
        (str(world.talk.executioner.uid), "executioner"),
        (str(reviewer.uid), "judge"),
    ]
    assert answer["Location"] == f"{THREADS}/{made['thread_id']}"
    assert world.reviewer.get(answer["Location"]).json()["ref"] == made["ref"]


def test_create__names_what_is_wrong(world: Callers) -> None:
    send = world.executioner.post
    assert "title" in refused(send(THREADS, {}), "INVALID_ARGUMENT")
    assert "type" in refused(send(THREADS, {"title": "x", "type": "chat"}), "INVALID_ARGUMENT")
    foreign = make.agent(make.workspace(), role="reviewer")
    body = {"title": "x", "participants": [{"agent_id": str(foreign.uid)}]}
    assert "participants" in refused(send(THREADS, body), "INVALID_ARGUMENT")
    told = refused(send(THREADS, {"title": "x", "schema_version": 2}), "UNSUPPORTED_SCHEMA_VERSION")
    assert told == {"schema_version": 2, "supported": [1]}
    other = {"title": "x", "workspace_id": str(make.workspace().uid)}
    refused(send(THREADS, other), "WORKSPACE_MISMATCH")
    refused(Api().post(THREADS, {"title": "x"}), "UNAUTHORIZED")
    refused(world.person("viewer").post(THREADS, {"title": "x"}), "FORBIDDEN")


def test_list__is_of_those_who_take_part(world: Callers) -> None:
    other = world.talk.begin(
        title="About the crawler", kind="incident", participants=[(world.talk.reviewer, "")]
    )
    world.talk.post("reviewer", "The crawler overlooks sitemaps.", thread=other)

    def refs(who: Api, query: str = "") -> list[str]:
        answer = who.get(f"{THREADS}{query}")
        assert answer.status_code == 200, answer.content
        return [row["ref"] for row in answer.json()["items"]]

    both = [other.ref, world.thread.ref]
    assert refs(world.reviewer) == both
    assert refs(world.executioner) == [world.thread.ref]
    assert refs(world.stranger()) == []
    assert refs(world.outsider()) == []
    person = world.person("operations_command")
    assert refs(person) == both
    assert refs(person, "?mine=true") == []
    service = world.agent(make.agent(world.talk.workspace, role=""))
    assert refs(service) == both
    assert refs(service, "?mine=true") == [], "nobody's are not everybody's"
    assert refs(person, "?type=incident") == [other.ref]
    assert refs(person, "?status=blocked") == []
    assert refs(person, "?q=sitemaps") == [other.ref]
    assert refs(person, "?q=crawler") == [other.ref]
    assert refs(person, "?limit=1") == [other.ref]
    refused(person.get(f"{THREADS}?status=odd"), "INVALID_ARGUMENT")
    refused(person.get(f"{THREADS}?state=active"), "INVALID_ARGUMENT")


def test_one__is_found_by_uid_and_by_ref(world: Callers) -> None:
    by_uid = world.reviewer.get(world.path).json()
    by_ref = world.reviewer.get(f"{THREADS}/{world.thread.ref.lower()}").json()
    assert by_uid == by_ref
    assert by_uid["thread_id"] == str(world.thread.uid)
    refused(world.stranger().get(world.path), "NOT_FOUND")
    refused(world.outsider().get(world.path), "NOT_FOUND")
    refused(world.reviewer.get(f"{THREADS}/THR-999"), "NOT_FOUND")
    refused(world.reviewer.get(f"{THREADS}/nonsense"), "NOT_FOUND")
    refused(Api().get(world.path), "UNAUTHORIZED")


def test_change__by_people_who_saw_the_present_version(world: Callers) -> None:
    person = world.person("operations_command")
    seen = person.get(world.path)
    done = person.send("PATCH", world.path, {"title": "Second round"}, If_Match=seen["ETag"])
    assert done.json()["title"] == "Second round"
    again = person.send("PATCH", world.path, {"title": "Third"}, If_Match=seen["ETag"])
    refused(again, "PRECONDITION_FAILED")
    refused(world.reviewer.send("PATCH", world.path, {"title": "x"}), "FORBIDDEN")
    refused(person.send("PATCH", world.path, {"owner": None, "title": " "}), "INVALID_ARGUMENT")
    refused(person.send("PATCH", world.path, {"item": "bd-none"}), "INVALID_ARGUMENT")
    owner = make.person(world.talk.workspace, "operations_command")
    done = person.send("PATCH", world.path, {"owner": str(owner.uid)})
    assert done.json()["owner"] == str(owner.uid)
    outside = make.person(make.workspace(), "operations_command")
    refused(person.send("PATCH", world.path, {"owner": str(outside.uid)}), "INVALID_ARGUMENT")


def test_status__moves_and_answers_how_it_stands(world: Callers) -> None:
    move = f"{world.path}/status"
    blocked = world.reviewer.post(move, {"status": "blocked", "reason": "We disagree."})
    assert (blocked.status_code, blocked.json()["status"]) == (200, "blocked")
    refused(world.reviewer.post(move, {"status": "resolved"}), "CONFLICT")
    refused(world.reviewer.post(move, {"status": "active", "reason": "x"}), "FORBIDDEN")
    closing = {"status": "closed", "reason": "human_override: enough"}
    refused(world.reviewer.post(move, closing), "INSUFFICIENT_AUTHORITY")
    refused(world.coordinator.post(move, {"status": "closed", "reason": "enough"}),
            "INVALID_ARGUMENT")  # fmt: skip
    refused(world.coordinator.post(move, {"status": "closed", "reason": "human_override: x",
                                          "version": 1}), "CONFLICT")  # fmt: skip
    refused(world.coordinator.post(move, {"status": "gone"}), "INVALID_ARGUMENT")
    assert world.coordinator.post(move, closing).json()["status"] == "closed"
    refused(world.coordinator.post(move, {"status": "active", "reason": "x"}), "CONFLICT")
    refused(world.stranger().post(move, closing), "NOT_FOUND")
    refused(world.outsider().post(move, closing), "NOT_FOUND")


def test_summary__counts(world: Callers) -> None:
    world.talk.event("reviewer", "finding_reported", metadata={"finding_id": "F-1"})
    told = world.executioner.get(f"{world.path}/summary").json()
    assert [each["finding"] for each in told["open_items"]] == ["F-1"]
    assert told["messages"] == 1
    refused(world.executioner.get(f"{world.path}/summary?max_messages=0"), "INVALID_ARGUMENT")
    refused(world.executioner.get(f"{world.path}/summary?max_messages=x"), "INVALID_ARGUMENT")
    refused(world.stranger().get(f"{world.path}/summary"), "NOT_FOUND")


def test_participants__come_and_go(world: Callers) -> None:
    people = f"{world.path}/participants"
    newcomer = world.talk.agent("validator")
    late = world.agent(newcomer)
    refused(late.get(people), "NOT_FOUND")
    body = {"agent_id": str(newcomer.uid), "role": "second-reviewer"}
    refused(world.reviewer.post(people, body), "FORBIDDEN")
    done = world.coordinator.post(people, body)
    assert (done.status_code, done.json()["role"]) == (201, "second-reviewer")
    refused(world.coordinator.post(people, body), "CONFLICT")
    refused(world.coordinator.post(people, {"agent_id": str(make.agent(make.workspace()).uid)}),
            "INVALID_ARGUMENT")  # fmt: skip
    listed = late.get(people).json()["participants"]
    assert len(listed) == 4
    gone = world.coordinator.send("DELETE", f"{people}/{newcomer.uid}")
    assert gone.json()["left_at"] is not None
    refused(late.get(people), "NOT_FOUND")
    refused(late.get(f"{world.path}/messages"), "FORBIDDEN")
    refused(world.coordinator.send("DELETE", f"{people}/{newcomer.uid}"), "CONFLICT")


def test_inbox__is_what_others_wrote_and_is_not_read(world: Callers) -> None:
    inbox = f"{THREADS}/inbox"
    other = world.talk.begin(title="Another")
    world.talk.post("reviewer", "For you.", to={"role": "executioner"},
                    metadata={"ack_required": True})  # fmt: skip
    world.talk.post("reviewer", "Not for you.", to={"role": "coordinator"})
    world.talk.post("executioner", "My own.", thread=other)
    told = world.executioner.get(inbox)
    assert told.status_code == 200, told.content
    (row,) = told.json()["threads"]
    assert (row["ref"], row["unread"], row["ack_required"]) == (world.thread.ref, 1, 1)
    assert (row["first_seq"], row["last_seq"]) == (1, 2)
    assert (told.json()["unread"], told.json()["ack_required"]) == (1, 1)
    world.executioner.post(f"{world.path}/ack", {"last_read_seq": 2})
    assert world.executioner.get(inbox).json() == {
        "threads": [], "unread": 0, "ack_required": 0, "has_more": False,
    }  # fmt: skip
    assert world.stranger().get(inbox).json()["threads"] == []
    refused(world.person("operations_command").get(inbox), "FORBIDDEN")
    refused(Api().get(inbox), "UNAUTHORIZED")


def test_thread__of_another_workspace_is_unknown_to_people(world: Callers) -> None:
    elsewhere = make.workspace()
    browser = make.client(make.person(elsewhere, "operations_command"))
    stranger = Api(browser=browser, **{"X-Workspace": elsewhere.slug})
    refused(stranger.get(world.path), "NOT_FOUND")
    refused(stranger.get(f"{world.path}/messages"), "NOT_FOUND")
    denied = AuditEvent.objects.filter(outcome="denied", action="thread.read")
    assert denied.filter(subject_ref=f"threads.thread:{world.thread.pk}").exists()
    refused(stranger.post(f"{world.path}/messages", {"body": "x"}), "WORKSPACE_MISMATCH")
    assert Thread.objects.get(pk=world.thread.pk).last_seq == 0
