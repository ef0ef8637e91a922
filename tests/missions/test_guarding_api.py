"""Agents ask, look and report over HTTP; people decide; everybody else is turned away."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.test import Client

from controlplane.lib import clock
from controlplane.notify.models import OutboxMessage
from missions import services
from missions.api.guarding import examples
from missions.models import AgentSession, Finding, Mission, PolicyTemplate, ToolkitConnection
from tests import make
from tests.kit import settled
from tests.kit.guarding import World
from tests.kit.missions import again
from tests.missions.test_api import NOBODY, Api


@settled.once
def world() -> World:
    here = World()
    here.integration("gmail")
    return here


@settled.once
def row(world: World) -> Mission:
    return world.settled(world.started())


@settled.once
def inspector(world: World) -> Api:
    return Api(world, role="inspector")


@settled.once
def validator(world: World) -> Api:
    return Api(world, role="validator")


class Person(Api):
    """Somebody with a session, asked like an agent."""

    def __init__(self, world: World, *roles: str) -> None:
        self.client = make.client(make.person(world.workspace, *roles))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = json.dumps(body if body is not None else {}) if method != "GET" else ""
        return self.client.generic(
            method, f"/api/v1/{path}", data, content_type="application/json", headers=headers
        )


def test_toolkit__from_asking_to_connecting(world: World, inspector: Api, row: Mission) -> None:
    at = f"missions/{row.ref}/toolkits"
    asked = inspector.ok("POST", at, examples.TOOLKIT)
    assert (asked["status"], asked["refusal"]) == (
        "undecided", "The mission was not given this toolkit.",
    )  # fmt: skip
    looked = {**examples.INSPECTION, "freshness_at": None}
    made = inspector.call("POST", f"{at}/gmail/inspections", looked)
    assert (made.status_code, made.json()["coverage_percent"]) == (201, "91.50")
    inspector.refused(403, "POST", f"{at}/gmail/approve")
    inspector.refused(409, "POST", f"{at}/gmail/connections", examples.CONNECTION)
    oc, gv = Person(world, "operations_command"), Person(world, "governance_validator")
    assert oc.ok("POST", f"{at}/gmail/approve")["approved_scopes"] == ["mail.draft", "mail.read"]
    assert gv.ok("POST", f"{at}/gmail/attest", {"text": "The least."})["attestation"]
    begun = inspector.ok("POST", f"{at}/gmail/connections", examples.CONNECTION)
    one = f"{at}/gmail/connections/{begun['uid']}"
    done = inspector.ok("POST", f"{one}/complete", examples.GRANTED)
    assert (done["status"], done["drift"]) == ("approved", [])
    wide = inspector.ok("POST", f"{one}/verify", {"granted_scopes": ["mail.draft", "mail.send"]})
    assert wide["drift"] == ["mail.send"]
    shown = inspector.ok("GET", at)["items"]
    assert "mail.send" in shown[0]["refusal"]
    assert shown[0]["inspection"]["external_id"] == "look-2027-01-12"
    ended = inspector.ok("POST", f"{one}/end", {"to": "expired", "reason": "Over."})
    assert ended["status"] == "expired"
    listed = inspector.ok("GET", f"{at}/gmail/inspections")["items"]
    assert [each["source"] for each in listed] == ["Contacts of the EU"]


def test_connect__unseen__422_says_who_looks(world: World, inspector: Api, row: Mission) -> None:
    kit = world.toolkit(row, "gmail")
    world.approved(kit)
    held = world.begun(kit)
    at = f"missions/{row.ref}/toolkits/gmail/connections/{held.uid}"
    error = inspector.refused(422, "POST", f"{at}/complete", examples.GRANTED)
    assert "inspector looks first" in error["message"]


def test_findings__a_batch_stops_the_mission_and_is_sent_twice(
    world: World, validator: Api, row: Mission
) -> None:
    at = f"missions/{row.ref}/findings"
    first = validator.ok("POST", at, examples.FINDINGS)
    assert first["mission_status"] == "paused"
    assert [each["status"] for each in first["findings"]] == ["noted", "open"]
    second = validator.ok("POST", at, examples.FINDINGS)
    assert [each["created"] for each in second["findings"]] == [False, False]
    assert Finding.objects.count() == 2
    listed = validator.ok("GET", f"{at}?status=open&severity=high")["items"]
    assert [each["external_id"] for each in listed] == ["run-7/step-13/unread"]
    one = f"{at}/{listed[0]['uid']}/resolve"
    validator.refused(403, "POST", one, {"reason": "Fine."})
    gv = Person(world, "governance_validator")
    assert gv.refused(422, "POST", f"missions/{row.ref}/resume", {"reason": "x"})["code"] == (
        "GATE_NOT_MET"
    )
    assert gv.ok("POST", one, {"reason": "It was read after all."})["status"] == "resolved"
    assert gv.ok("POST", f"missions/{row.ref}/resume", {"reason": "x"})["status"] == "active"


def test_exception__asked_by_an_agent_granted_by_a_person(
    world: World, validator: Api, row: Mission
) -> None:
    at = f"missions/{row.ref}/overrides"
    asked = validator.ok("POST", at, examples.OVERRIDE)
    assert validator.ok("POST", at, examples.OVERRIDE)["uid"] == asked["uid"]
    one = f"{at}/{asked['uid']}"
    validator.refused(403, "POST", f"{one}/decide", examples.GRANT)
    Person(world, "governance_validator").refused(403, "POST", f"{one}/decide", examples.GRANT)
    oc = Person(world, "operations_command")
    assert oc.refused(409, "POST", f"{one}/decide", {**examples.GRANT, "version": 9})
    done = oc.ok("POST", f"{one}/decide", examples.GRANT)
    assert (done["status"], done["role"]) == ("granted", "operations_command")
    assert oc.ok("POST", f"{one}/revoke", {"reason": "It needs one."})["status"] == "revoked"
    listed = validator.ok("GET", f"{at}?kind=gate&status=revoked")["items"]
    assert [each["uid"] for each in listed] == [asked["uid"]]


def test_safeguards__suggested_decided_known(world: World, validator: Api) -> None:
    row = world.started(title="By agents")
    at = f"missions/{row.ref}/safeguards"
    made = validator.call("POST", at, examples.SAFEGUARD)
    assert made.status_code == 201, made.content
    assert len(validator.ok("POST", f"{at}/defaults")["items"]) == 5
    person = Person(world, "governance_validator")
    for each in validator.ok("GET", at)["items"]:
        body = examples.DECIDE if each["uid"] == made.json()["uid"] else {"to": "accepted"}
        person.ok("POST", f"{at}/{each['uid']}/decide", body)
    digest = validator.ok("GET", at)["digest"]
    assert person.refused(409, "POST", f"{at}/acknowledge", {"digest": "0" * 64})
    known = person.ok("POST", f"{at}/acknowledge", {"digest": digest})
    assert [each["slot"] for each in known["acknowledged"]] == ["gv"]
    validator.refused(403, "POST", f"{at}/acknowledge")


def test_templates__kept_by_people(world: World, validator: Api, row: Mission) -> None:
    at = "missions/policy-templates"
    person = Person(world, "governance_validator")
    made = person.call("POST", at, examples.TEMPLATE)
    assert made.status_code == 201, made.content
    one = f"{at}/no-calls-at-night"
    changed = person.ok("PATCH", one, {"severity": "critical", "reason": "x", "version": 1})
    assert (changed["number"], changed["severity"]) == (2, "critical")
    assert person.refused(409, "PATCH", one, {"severity": "low", "version": 1})
    assert [each["number"] for each in validator.ok("GET", f"{one}/versions")["items"]] == [2, 1]
    assert person.ok("POST", f"{one}/retire")["retired_at"]
    slugs = {each["slug"] for each in validator.ok("GET", f"{at}?retired=false")["items"]}
    assert "no-calls-at-night" not in slugs
    validator.refused(403, "POST", at, {**examples.TEMPLATE, "slug": "mine"})


def _told_made(row: Mission) -> list[tuple[str, int]]:
    events = [
        event
        for message in OutboxMessage.objects.filter(topic="missions.told").order_by("pk")
        for event in message.payload["events"]
        if event["event"] == "session_created" and event["mission_id"] == row.ref
    ]
    return [(each["context"]["session_id"], each["context"]["duration_ms"]) for each in events]


def test_session__goes_on_from_what_was_read_or_is_counted(world: World, row: Mission) -> None:
    agent = Api(world, role="executor")
    at = f"missions/{row.ref}/sessions/executor"
    made = {"key": "router-5", "creation_ms": 640}
    opened = agent.ok("PUT", at, {**made, "snapshot": {"next": 1}})
    assert (opened["version"], opened["conflicts"], opened["creation_ms"]) == (1, 0, 640)
    agent.refused(400, "PUT", at, {"snapshot": {"next": 2}})
    written = agent.ok("PUT", at, {"snapshot": {"next": 2}, "version": 1, "tokens": 10})
    assert written["version"] == 2
    lost = agent.refused(409, "PUT", at, {"snapshot": {"next": 3}, "version": 1})
    assert lost["details"] == {"version": 2}
    kept = {"Idempotency-Key": "write-1"}
    assert agent.refused(409, "PUT", at, {"snapshot": {}, "version": 1}, **kept)
    found = agent.ok("GET", at)
    assert (found["snapshot"], found["conflicts"]) == ({"next": 2}, 2)
    assert agent.ok("PUT", at, {"lag_ms": 5})["version"] == 3
    assert agent.ok("POST", f"{at}/end")["status"] == "terminated"
    assert agent.ok("PUT", at, {"lag_ms": 5})["status"] == "active"
    agent.ok("PUT", at, made)  # as it is
    assert agent.ok("PUT", at, {"key": "router-6"})["creation_ms"] is None
    assert agent.ok("PUT", at, {"creation_ms": 90})["creation_ms"] == 90
    agent.refused(400, "PUT", at, {"creation_ms": -1})
    assert _told_made(row) == [("router-5", 640), ("router-6", 90)]
    assert AgentSession.objects.get().size_bytes == len('{"next": 2}')
    assert len(agent.ok("GET", f"missions/{row.ref}/sessions")["items"]) == 1


def test_due__what_was_not_looked_at_for_a_day(world: World, inspector: Api, row: Mission) -> None:
    kit = world.equipped(row, "gmail")
    assert inspector.ok("GET", "missions/connections-due")["items"] == []
    ToolkitConnection.objects.update(verified_at=clock.now() - timedelta(days=2))
    [due] = inspector.ok("GET", "missions/connections-due")["items"]
    assert (due["mission"], due["toolkit"]) == (row.ref, kit.integration.slug)


_HOSTILE: dict[str, list[Any]] = {
    "toolkits": [{}, {"toolkit": "gmail"}, {"toolkit": "x\0", "requested_scopes": ["a"]},
                 {"toolkit": "gmail", "requested_scopes": "all", "purpose": "x"},
                 {"toolkit": "gmail", "requested_scopes": [["a"]], "purpose": "x"},
                 {"toolkit": "gmail", "requested_scopes": ["a"] * 99, "purpose": "x"}],
    "findings": [{}, {"findings": []}, {"findings": {}}, {"findings": [{"result": "failed"}]},
                 {"findings": [{"external_id": "a", "result": "failed", "details": {"a": 1e300}}]},
                 {"findings": [{"external_id": "\ud800", "result": "failed"}]},
                 {"findings": [{"external_id": "a", "result": "failed", "safeguard": NOBODY}]}],
    "overrides": [{}, {"kind": "gate", "subject": "signed", "reason": "x"},
                  {"kind": "finding", "subject": NOBODY, "reason": "x"},
                  {"kind": "coverage", "subject": "gmail", "reason": "x"},
                  {"kind": "gate", "subject": "data_coverage", "reason": " "}],
    "safeguards": [{}, {"template": "nothing"}, {"title": "x", "category": "nothing"},
                   {"template": "../../etc"}, {"title": "x", "category": "data", "params": []}],
}  # fmt: skip


def test_hostile_bodies__refused_never_failed(world: World, row: Mission) -> None:
    api = Api(world, role="coordinator")
    draft = services.create_mission(world.workspace, actor=world.actor, title="Define", intent="x")
    for part, bodies in _HOSTILE.items():
        for body in bodies:
            answer = api.call("POST", f"missions/{row.ref}/{part}", body)
            assert answer.status_code == 400, (part, body, answer.content)
    assert api.refused(409, "POST", f"missions/{draft.ref}/findings", examples.FINDINGS)
    for strange in ("toolkits/%00/approve", "toolkits/" + "x" * 300, "sessions/%00",
                    f"findings/{NOBODY}/resolve", f"overrides/{NOBODY}/revoke"):  # fmt: skip
        answer = api.call("POST", f"missions/{row.ref}/{strange}", {"reason": "x"})
        assert answer.status_code in (400, 403, 404, 405), (strange, answer.status_code)
    assert again(row).status == "active"


def test_strangers__see_nothing_and_change_nothing(world: World, row: Mission) -> None:
    kit = world.equipped(row, "gmail")
    finding = world.found(row, severity="low")
    elsewhere, viewer = Api(World(), role="inspector"), Person(world, "viewer")
    guard = row.safeguards.first()
    assert guard is not None
    for path, body in {
        "toolkits": examples.TOOLKIT,
        f"toolkits/{kit.integration.slug}/inspections": examples.INSPECTION,
        f"toolkits/{kit.integration.slug}/connections": examples.CONNECTION,
        "findings": examples.FINDINGS,
        "overrides": examples.OVERRIDE,
        f"findings/{finding.uid}/resolve": {"reason": "x"},
        f"safeguards/{guard.uid}/decide": {"to": "accepted"},
    }.items():
        answer = elsewhere.call("POST", f"missions/{row.ref}/{path}", body)
        assert answer.status_code in (403, 404), path
        assert viewer.refused(403, "POST", f"missions/{row.ref}/{path}", body), path
    for path in ("toolkits", "findings", "overrides", "safeguards", "sessions"):
        elsewhere.refused(404, "GET", f"missions/{row.ref}-x/{path}")
        assert viewer.call("GET", f"missions/{row.ref}/{path}").status_code == 200
        assert Client().get(f"/api/v1/missions/{row.ref}/{path}").status_code == 401
    theirs = elsewhere.ok("GET", "missions/policy-templates")["items"]
    assert theirs == []
    assert PolicyTemplate.objects.of(world.workspace).count() == 6
