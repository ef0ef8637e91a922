"""Missions by API: agents walk them, people of the roles act, everybody else is turned away."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from missions.api import examples
from missions.models import Mission
from tests import make
from tests.kit import settled
from tests.kit.missions import LINK, World, again, all_answered, request_of, visit_of

NOBODY = "6dcb09b5-b578-4f33-8f61-aebed695e2e4"


class Api:
    """An agent's key."""

    def __init__(self, world: World, role: str = "coordinator", scopes: Any = ("*",)) -> None:
        agent = make.agent(world.workspace, role=role, owner=world.owner)
        _, secret = make.key(agent, scopes=list(scopes))
        self.secret = secret

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return Client().generic(
            method,
            f"/api/v1/{path}",
            json.dumps(body if body is not None else {}) if method != "GET" else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.secret}", **headers},
        )

    def ok(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.call(method, path, body, **headers)
        assert answer.status_code in (200, 201, 202), answer.content
        return answer.json()

    def refused(self, status: int, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = self.call(method, path, body, **headers)
        assert answer.status_code == status, answer.content
        return answer.json()["error"]


@settled.once
def world() -> World:
    here = World()
    assert here.gv.ref
    assert here.oc.ref
    return here


@settled.once
def api(world: World) -> Api:
    return Api(world)


@settled.once
def row(world: World) -> Mission:
    return world.started()


def test_coordinator__plans_briefs_asks_and_moves(world: World, api: Api) -> None:
    made = api.ok("POST", "missions", {**examples.NEW, "owner": str(world.owner.uid)})
    ref = made["ref"]
    assert (made["status"], made["stage_v3"], made["stage_legacy"]) == (
        "draft", "Define", ["intake", "mission_brief"],
    )  # fmt: skip
    again_ = api.call("POST", "missions", {**examples.NEW, "owner": str(world.owner.uid)})
    assert (again_.status_code, again_.json()["ref"]) == (200, ref)
    api.ok("POST", f"missions/{ref}/start")
    brief = api.ok("GET", f"missions/{ref}/brief")
    api.ok("PUT", f"missions/{ref}/brief", {**examples.BRIEF, "version": brief["version"]})
    stale = api.refused(409, "PUT", f"missions/{ref}/brief",
                        {"timeline": "x", "version": brief["version"]})  # fmt: skip
    assert stale["details"]["seen_version"] == brief["version"]
    unmet = api.refused(422, "POST", f"missions/{ref}/checkpoint")
    assert unmet["code"] == "GATE_NOT_MET"
    assert "brief_locked" in {each["gate"] for each in unmet["details"]["gates"]}
    mission = Mission.objects.get(ref=ref, workspace=world.workspace)
    from missions import services

    services.lock_brief(mission, actor=world.actor)
    world.done(mission)
    with all_answered():
        asked = api.ok("POST", f"missions/{ref}/checkpoint")
        assert [each["slot"] for each in asked["slots"]] == ["mo", "gv"]
        assert api.ok("POST", f"missions/{ref}/checkpoint")["ref"] == asked["ref"]
        assert api.refused(422, "POST", f"missions/{ref}/advance", {"to": "prepare"})
        world.sign(again(mission))
        whole = api.ok("GET", f"missions/{ref}")
    assert (whole["stage"], whole["visits"][0]["outcome"]) == ("prepare", "completed")
    told = api.ok("GET", f"missions/{ref}/timeline")["items"]
    assert [each["number"] for each in told] == sorted(each["number"] for each in told)
    assert {"mission.create", "mission.start", "approval.ask", "approval.sign", "mission.move"} <= {
        each["action"] for each in told
    }
    later = api.ok("GET", f"missions/{ref}/timeline?after={told[-2]['number']}")["items"]
    assert later == told[-1:]


def test_list__filters_in_any_vocabulary(world: World, api: Api, row: Mission) -> None:
    def refs(query: str) -> list[str]:
        return [each["ref"] for each in api.ok("GET", f"missions?{query}")["items"]]

    old = world.imported(stage="Governed Execution", tags=["crm"], due_on=None)
    assert refs("stage=Mission+Brief") == [row.ref]
    assert refs("stage=execute") == [old.ref]
    assert refs("tag=crm") == [old.ref]
    assert refs("status=active&sort=due") != []
    assert refs(f"external_ref={old.external_ref}") == [old.ref]
    assert refs("overdue=true") == []
    assert set(refs("open=true&archived=false")) == {row.ref, old.ref}
    assert refs(f"owner={NOBODY}") == []
    assert api.refused(400, "GET", "missions?stage=nowhere")["code"] == "INVALID_ARGUMENT"
    assert api.refused(400, "GET", "missions?colour=red")


def test_gates__say_what_is_missing_and_who_can_mend_it(api: Api, row: Mission) -> None:
    found = api.ok("GET", f"missions/{row.ref}/gates")
    gates = {each["gate"]: each for each in found["gates"] if each["phase"] == "exit"}
    assert found["blocked"]
    assert not found["ready"]
    assert gates["brief_locked"]["state"] == "failed"
    assert gates["brief_locked"]["roles"] == ["mission_owner"]
    assert gates["brief_locked"]["evidence"][0]["link"].startswith("/admin/missions/")
    assert gates["kpi_measurable"]["state"] == "passed"
    assert gates["kpi_measurable"]["mend"] == ""
    assert gates["safeguards_justified"]["state"] == "failed"


def test_pause_and_the_rest__agents_stop_and_people_let_go_on(api: Api, row: Mission) -> None:
    paused = api.ok("POST", f"missions/{row.ref}/pause", {"reason": "Errors.", "cause": "operator"})
    assert (paused["status"], paused["blocked"]) == ("paused", True)
    assert api.refused(403, "POST", f"missions/{row.ref}/resume", {"reason": "x"})
    assert api.refused(403, "POST", f"missions/{row.ref}/cancel", {"reason": "x"})
    assert api.refused(403, "POST", f"missions/{row.ref}/checklist/intent_validated/tick")
    assert api.refused(403, "POST", f"missions/{row.ref}/brief/lock")
    linked = api.ok("POST", f"missions/{row.ref}/evidence-links", examples.LINK)
    assert linked["visits"][0]["evidence"][0]["sha256"] == examples.LINK["sha256"]


def test_person__with_a_session__ticks_and_locks(world: World, row: Mission) -> None:
    person = make.client(make.person(world.workspace, "mission_owner", "governance_validator"))
    call = _browser(person)
    path = f"/api/v1/missions/{row.ref}"
    ticked = call(f"{path}/checklist/intent_validated/tick", examples.TICK)
    assert ticked.status_code == 200, ticked.content
    lines = {each["line"]: each for each in ticked.json()["checklist"]}
    assert lines["intent_validated"]["done"]
    assert lines["objective_logged"]["gate"] == "kpi_measurable"
    own = call(f"{path}/checklist/objective_logged/tick", {})
    assert (own.status_code, own.json()["error"]["code"]) == (409, "INVALID_TRANSITION")
    assert call(f"{path}/checklist/nothing/tick", {}).status_code == 400
    assert call(f"{path}/checklist/intent_validated/untick", {"reason": "x"}).status_code == 200
    assert call(f"{path}/brief/lock", {}).status_code == 200
    assert call(f"{path}/brief/unlock", {"reason": "Wrong."}).status_code == 200


def _browser(client: Client) -> Any:
    def call(path: str, body: Any) -> Any:
        return client.post(path, json.dumps(body), content_type="application/json")

    return call


def test_import__three_vocabularies_all_or_none(world: World, row: Mission) -> None:
    person = make.client(make.person(world.workspace, "operations_command"))
    call = _browser(person)
    rows = [
        {"external_ref": "a", "title": "A", "stage": "Toolkits & Connect", "status": "blocked",
         "owner": str(world.owner.uid)},
        {"external_ref": "b", "title": "B", "stage": "Approve", "owner": str(world.owner.uid)},
        {"external_ref": "c", "title": "C", "stage": "feedback", "status": "archived",
         "owner": str(world.owner.uid)},
    ]  # fmt: skip
    bad = call("/api/v1/missions/import", {"missions": [*rows, {**rows[0], "external_ref": "d",
                                                               "stage": "Moon"}]})  # fmt: skip
    assert bad.status_code == 400
    assert "missions[3].stage" in bad.json()["error"]["details"]
    assert not Mission.objects.filter(external_ref="a").exists()
    done = call("/api/v1/missions/import", {"missions": rows})
    assert done.status_code == 200, done.content
    assert [each["created"] for each in done.json()["missions"]] == [True, True, True]
    twice = call("/api/v1/missions/import", {"missions": rows})
    assert [each["created"] for each in twice.json()["missions"]] == [False, False, False]
    found = {each.external_ref: each for each in Mission.objects.filter(source="import")}
    assert (found["a"].stage, found["a"].stage_legacy) == ("prepare", ["toolkits_connect"])
    assert (found["b"].stage, visit_of(found["b"]).attempt) == ("plan_approve", 1)
    assert (found["c"].status, found["c"].archived_at is not None) == ("completed", True)
    shown = [{**each, "owner": str(world.owner.uid)} for each in examples.IMPORT["missions"]]
    demo = call("/api/v1/missions/import", {"missions": shown})
    assert demo.status_code == 200, demo.content


def test_strangers__see_nothing_and_change_nothing(world: World, row: Mission) -> None:
    elsewhere = Api(World())
    for path in ("", "/gates", "/brief", "/timeline", "/checkpoint"):
        elsewhere.refused(404, "GET", f"missions/{row.ref}-x{path}")
    assert elsewhere.ok("GET", "missions")["items"] == []
    assert elsewhere.refused(404, "POST", f"missions/{row.ref}/start")["code"] == "NOT_FOUND"
    reviewer = Api(world, role="reviewer")
    for verb, body in {
        "start": {}, "advance": {}, "send-back": {"to": "define", "reason": "x"},
        "pause": {"reason": "x"}, "archive": {}, "checkpoint": {}, "evidence-links": {"link": LINK},
    }.items():  # fmt: skip
        assert reviewer.refused(403, "POST", f"missions/{row.ref}/{verb}", body)["code"] == (
            "FORBIDDEN"
        ), verb
    narrow = Api(world, scopes=["mission.view"])
    assert narrow.ok("GET", f"missions/{row.ref}")["ref"] == row.ref
    assert narrow.refused(403, "POST", f"missions/{row.ref}/pause", {"reason": "x"})
    nobody = Client().get("/api/v1/missions")
    assert nobody.status_code == 401


def test_agents__never_sign(world: World, api: Api) -> None:
    with all_answered():
        row = world.asked()
    request = request_of(row)
    path = f"approvals/{request.uid}/decide"
    answer = api.call("POST", path, {"verdict": "approved", "sha256": request.sha256})
    assert answer.status_code == 403
    assert request.decisions.count() == 0


_HOSTILE: dict[str, list[Any]] = {
    "": [
        {"title": ""}, {"title": "x" * 201}, {"title": "a\0b"}, {"title": "\ud800"},
        {"title": "x", "priority": 9}, {"title": "x", "tags": ["<script>"]},
        {"title": "x", "tags": "abc"}, {"title": "x", "due_on": "yesterday"},
        {"title": "x", "owner": NOBODY}, {"title": "x", "mission_type": "../../etc"},
        {"title": "x", "brief": {"kpi_target": "NaN"}},
        {"title": "x", "brief": {"kpi_target": 1e18}},
        {"title": "x", "brief": {"confidence": 2}}, {"title": "x", "stage": "reflect_improve"},
        {"title": "x", "status": "completed"}, {"title": "x", "brief": {"locked_at": "now"}},
    ],
    "/send-back": [
        {}, {"to": "prepare"}, {"to": "x" * 90, "reason": "x"}, {"to": 5, "reason": "x"},
    ],
    "/advance": [{"to": "moon"}, {"to": ["prepare"]}],
    "/pause": [{}, {"reason": " "}, {"reason": "x", "cause": "boredom"}, {"reason": "x" * 501}],
    "/evidence-links": [
        {}, {"link": "javascript:alert(1)"}, {"link": "//evil.example"}, {"link": "file:///etc"},
        {"link": LINK, "sha256": "zz"}, {"link": "x" * 501},
    ],
}  # fmt: skip


def test_hostile_bodies__refused_never_failed(world: World, api: Api, row: Mission) -> None:
    before = Mission.objects.count()
    for path, bodies in _HOSTILE.items():
        for body in bodies:
            where = f"missions/{row.ref}{path}" if path else "missions"
            answer = api.call("POST", where, body)
            assert answer.status_code == 400, (path, body, answer.content)
    for strange in ("MSN-0", "MSN-99999999999999999999", "%00", "..%2f", "import/x", "ünïcode"):
        assert api.call("GET", f"missions/{strange}").status_code in (400, 404), strange
    for query in ("after=-1", "after=x", "after=" + "9" * 30):
        assert api.call("GET", f"missions/{row.ref}/timeline?{query}").status_code == 400
    assert api.refused(412, "POST", f"missions/{row.ref}/pause", {"reason": "x"},
                       **{"If-Match": '"old"'})  # fmt: skip
    assert Mission.objects.count() == before
    assert again(row).status == "active"
