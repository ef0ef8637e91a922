"""What is done against an incident: once, through the service that owns the target, kept whatever
came of it, and taken back when somebody asks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from controlplane.audit.models import AuditEvent
from controlplane.base.models import ThrottleRule
from controlplane.lib.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from deployments.flags import services as flags
from incidents import links
from incidents.intake import receiving
from incidents.models import Action, Incident
from incidents.records import moving
from incidents.response import acting, holding_missions, kinds, suspects
from missions.models import Mission
from missions.threads.models import Thread, WakeTrigger
from tests import make
from tests.kit import alerts, catalog, deployments, missions
from tests.kit.incidents import Caller, Watchroom, looked
from tests.kit.racing import race

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


@pytest.fixture
def row(room: Watchroom) -> Incident:
    return room.quiet("sev2", title="Tool calls fail")


def do(room: Watchroom, row: Incident, kind: str, target: str = "", **given: Any) -> Action:
    person = given.pop("by", room.primary)
    values: dict[str, Any] = {"actor": room.by(person), "reason": "Since the release.", **given}
    return acting.act(row, kind, target, **values)


def back(room: Watchroom, action: Action) -> Action:
    return acting.take_back(action, actor=room.by(room.lead), reason="It is mended.")


def told(row: Incident) -> list[str]:
    return list(row.actions.order_by("pk").values_list("status", flat=True))


def test_flag__is_switched_off_once_and_comes_back(room: Watchroom, row: Incident) -> None:
    flag = flags.create_flag(room.workspace, "new-planner", actor=room.by(room.lead))
    done = do(room, row, "flag_off", "new-planner")
    flag.refresh_from_db()
    assert (done.status, flag.enabled) == ("done", False)
    assert do(room, row, "flag_off", "new-planner").pk == done.pk
    assert done.asked_by == room.by(room.primary).ref
    row.refresh_from_db()
    assert row.mitigation_started_at is not None
    reasons = AuditEvent.objects.filter(action="flag.kill").values_list("reason", flat=True)
    assert list(reasons) == [f"{row.ref}: Since the release."]
    assert AuditEvent.objects.filter(action="incident.act:flag_off").count() == 1
    undone = back(room, done)
    flag.refresh_from_db()
    assert (undone.status, flag.enabled, undone.undoes_id) == ("done", True, done.pk)
    assert back(room, done).pk == undone.pk
    assert do(room, row, "flag_off", "new-planner").pk != done.pk  # it is done anew
    with pytest.raises(Conflict):
        back(room, undone)


def test_refusals__are_kept_with_their_code_and_may_be_tried_again(
    room: Watchroom, row: Incident
) -> None:
    gone = do(room, row, "flag_off", "nothing-such")
    assert (gone.status, gone.code) == ("refused", "NOT_FOUND")
    flags.create_flag(room.workspace, "nothing-such", actor=room.by(room.lead))
    product = room.person("product_manager")
    denied = do(room, row, "flag_off", "nothing-such", by=product)
    assert (denied.status, denied.code) == ("refused", "FORBIDDEN")
    assert do(room, row, "flag_off", "nothing-such").status == "done"
    assert told(row) == ["refused", "refused", "done"]
    assert AuditEvent.objects.filter(action="incident.act:refused").count() == 2
    with pytest.raises(Invalid):
        do(room, row, "rate_limit", "no path", given={"limit": "many"})
    with pytest.raises(Invalid):
        do(room, row, "flag_off", "nothing-such", reason=" ")
    with pytest.raises(Conflict):
        back(room, denied)


def test_target__that_vanishes_between_is_refused(room: Watchroom, row: Incident) -> None:
    integration = catalog.integration(room.workspace, slug="mail")
    planned = acting.plan(row, "trip_breaker", "mail", actor=make.JOB, reason="By a rule.")
    assert planned.status == "planned"
    integration.delete()
    room.promises()
    planned.refresh_from_db()
    assert (planned.status, planned.code) == ("refused", "NOT_FOUND")


def test_breaker_and_rate__are_opened_limited_and_taken_back(
    room: Watchroom, row: Incident
) -> None:
    integration = catalog.integration(room.workspace, slug="mail")
    opened = do(room, row, "trip_breaker", "mail", given={"minutes": 30})
    integration.refresh_from_db()
    assert (opened.status, integration.status, integration.cause) == ("done", "open", "incident")
    assert back(room, opened).status == "done"
    integration.refresh_from_db()
    assert integration.status == "closed"
    limited = do(room, row, "rate_limit", "/api/v1/threads*",
                 given={"limit": 10, "minutes": 15})  # fmt: skip
    rule = ThrottleRule.objects.get()
    assert (limited.status, rule.limit, rule.path) == ("done", 10, "/api/v1/threads*")
    assert back(room, limited).status == "done"
    rule.refresh_from_db()
    assert rule.lifted_at is not None


def test_missions__are_paused_by_type_in_parts_and_go_on(
    room: Watchroom, row: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding_missions, "EACH", 2)
    world = missions.World(room.workspace)
    flags.create_flag(room.workspace, "mission_type_outreach", actor=room.by(room.lead))
    wanted = [world.imported(mission_type="outreach", title=f"M {n}") for n in range(5)]
    other = world.imported(mission_type="research")
    Mission.objects.filter(workspace=room.workspace).update(status="active")
    done = do(room, row, "pause_missions", "type:outreach")
    assert (done.status, len(done.made["missions"])) == ("done", 5), done.result
    statuses = dict(Mission.objects.values_list("pk", "status"))
    assert {statuses[each.pk] for each in wanted} == {"paused"}
    assert statuses[other.pk] == "active"
    refused = back(room, done)  # letting them go on is not the lead's
    assert (refused.status, refused.code) == ("refused", "CONFLICT")
    chief = room.by(room.person("operations_command"))
    undone = acting.take_back(done, actor=chief, reason="It is mended.")
    assert undone.status == "done"
    found = Mission.objects.filter(pk__in=[each.pk for each in wanted])
    assert set(found.values_list("status", flat=True)) == {"active"}, undone.result
    none = do(room, row, "pause_missions", "type:nothing")
    assert (none.status, none.code) == ("refused", "NOT_FOUND")


def test_rollback__goes_through_its_own_service(room: Watchroom, row: Incident) -> None:
    world = deployments.World(room.workspace)
    live = world.completed()
    done = do(room, row, "rollback", live.ref.lower())
    assert (done.status, done.target) == ("done", live.ref), done.result
    assert live.rollbacks.get().ref == done.made["deployment"]
    fix = do(room, row, "fix", live.ref)
    assert (fix.status, fix.made["deployment"]) == ("done", live.ref)
    with pytest.raises(Conflict):
        back(room, done)


def test_agent__is_woken_in_the_incidents_own_thread(room: Watchroom, row: Incident) -> None:
    first = make.agent(room.workspace, role="executioner", name="Exe")
    make.agent(room.workspace, role="reviewer", name="Rev")
    done = do(room, row, "wake_agent", "exe", given={"prompt": "Look at the pool."})
    assert done.status == "done", done.result
    assert do(room, row, "wake_agent", "Exe").pk == done.pk  # the same press, twice
    assert do(room, row, "wake_agent", "Rev").status == "done"
    thread = Thread.objects.get()
    assert (thread.kind, thread.item_id) == ("incident", row.item_id)
    woken = WakeTrigger.objects.filter(participant__agent=first).get()
    assert "Look at the pool." in woken.prompt
    assert row.ref in woken.prompt


def test_recorded__says_what_was_done_elsewhere(room: Watchroom, row: Incident) -> None:
    done = do(room, row, "scale", "four more workers", given={"command": "scale workers=8"})
    assert (done.status, done.result) == ("done", "four more workers, by: scale workers=8")


def test_mitigation__begins_with_the_first_thing_done(room: Watchroom, row: Incident) -> None:
    moving.triage(row, actor=room.by(room.primary), impact_percent=3, symptoms="x",
                  started_at=row.opened_at)  # fmt: skip
    do(room, row, "scale", "two more")
    row.refresh_from_db()
    assert row.status == "mitigating"


def test_over__nothing_is_done_any_more_but_taken_back(room: Watchroom, row: Incident) -> None:
    catalog.integration(room.workspace, slug="mail")
    opened = do(room, row, "trip_breaker", "mail")
    given: dict[str, Any] = {"impact_percent": 1, "symptoms": "x", "started_at": row.opened_at}
    moved = moving.mitigate(moving.triage(row, actor=make.JOB, **given), actor=make.JOB)
    moved = moving.watch(moving.mitigated(moved, actor=make.JOB, how="x"), actor=make.JOB)
    moving.resolve(looked(moved), actor=make.JOB, reason="x")
    with pytest.raises(InvalidTransition):
        do(room, row, "scale", "more")
    assert list(row.actions.to_take_back()) == [opened]
    assert back(room, opened).status == "done"
    assert not row.actions.to_take_back().exists()


def test_killed_between__is_done_by_the_promise(
    room: Watchroom, row: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    integration = catalog.integration(room.workspace, slug="mail")

    def dies(*given: Any, **named: Any) -> Any:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(acting, "_part", dies)
        with pytest.raises(RuntimeError):
            do(room, row, "trip_breaker", "mail")
    assert told(row) == ["planned"]
    room.later(31, tick=False)
    room.promises()
    integration.refresh_from_db()
    assert (told(row), integration.status) == (["done"], "open")


def test_broken__is_given_up_and_says_so(
    room: Watchroom, row: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.integration(room.workspace, slug="mail")
    planned = acting.plan(row, "trip_breaker", "mail", actor=make.JOB, reason="By a rule.")

    def breaks(*given: Any) -> Any:
        raise RuntimeError("the pool is empty")

    broken = kinds.KINDS["trip_breaker"]
    changed = kinds.Kind(**{name: getattr(broken, name) for name in broken.__slots__}
                         | {"do": breaks})  # fmt: skip
    monkeypatch.setitem(kinds.KINDS, "trip_breaker", changed)
    for _ in range(5):
        room.later(3600, tick=False)
        room.promises()
    planned.refresh_from_db()
    assert planned.status == "failed"
    assert "the pool is empty" in planned.result


def test_row__is_history(room: Watchroom, row: Incident) -> None:
    done = do(room, row, "scale", "two more")
    for change in ({"status": "planned", "ended_at": None}, {"result": "x"}, {"reason": "y"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Action.objects.filter(pk=done.pk).update(**change)


def test_stranger__does_nothing(room: Watchroom, row: Incident) -> None:
    for person in (make.person(make.workspace(), "engineering_lead"), room.person("viewer")):
        with pytest.raises(NotAllowed):
            do(room, row, "scale", "two more", by=person)
    assert not Action.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_pressed_at_once__by_two_it_is_done_once() -> None:
    room = Watchroom()
    row = room.quiet("sev2")
    people = [room.by(room.primary), room.by(room.secondary)]
    catalog.integration(room.workspace, slug="mail")

    def press(number: int) -> Any:
        return acting.act(row, "trip_breaker", "mail", actor=people[number], reason="Now.").pk

    first, second = race(2, press)
    assert first == second
    assert Action.objects.count() == 1
    assert AuditEvent.objects.filter(action="catalog.trip").count() == 1


# --- Doors --------------------------------------------------------------------------------------


def test_page__one_click_with_a_reason_and_back(room: Watchroom, row: Incident) -> None:
    flags.create_flag(room.workspace, "new-planner", actor=room.by(room.lead))
    late = room.quiet("sev2", title="Later")
    catalog.broken(room.workspace, slug="mail", name="Mail")
    browser = make.client(room.primary)
    page = browser.get(links.page_of(late), follow=True).content.decode()
    assert 'value="flag_off|new-planner"' in page
    assert "Mail" in page
    do_it = reverse("burning:do", args=(late.uid,))
    answer = browser.post(do_it, {"do": "flag_off|new-planner", "reason": "It broke."})
    assert answer.status_code == 302
    [done] = late.actions.all()
    assert (done.status, done.reason) == ("done", "It broke.")
    assert browser.post(do_it, {"do": "nothing|x"}).status_code == 404
    page = browser.get(links.page_of(late), follow=True).content.decode()
    assert "Switch it on again" in page
    assert 'value="flag_off|new-planner"' not in page
    undo = reverse("burning:undo", args=(late.uid, done.uid))
    assert make.client(room.person("viewer")).post(undo).status_code == 403
    stranger = make.client(make.person(make.workspace(), "engineering_lead"))
    assert stranger.post(undo).status_code == 404
    assert stranger.post(do_it, {"do": "flag_off|new-planner"}).status_code == 404
    assert make.client(room.lead).post(undo).status_code == 302
    assert not late.actions.to_take_back().exists()


def test_forms__of_every_kind_open_and_name_what_is_wrong(room: Watchroom, row: Incident) -> None:
    browser = make.client(room.primary)
    for kind in kinds.KINDS:
        url = reverse("burning:act", args=(row.uid, kind))
        assert browser.get(url).status_code == 200, kind
        assert browser.post(url, {"reason": ""}).status_code == 400, kind
    url = reverse("burning:act", args=(row.uid, "rate_limit"))
    bad = {"reason": "Too many.", "target": "no path", "limit": "5", "period_s": "60",
           "minutes": "5"}  # fmt: skip
    refused = browser.post(url, bad)
    assert refused.status_code == 302  # the target refused; it is kept
    assert row.actions.get().status == "refused"
    assert browser.post(url, {**bad, "target": "/api/v1/work*"}).status_code == 302
    assert row.actions.filter(status="done").count() == 1
    assert browser.get(reverse("burning:act", args=(row.uid, "nothing"))).status_code == 404


def test_api__acts_undoes_and_names_suspects(room: Watchroom) -> None:
    live = deployments.World(room.workspace).completed()
    room.later(0, tick=False)
    row = room.quiet("sev2")
    caller = Caller(room.primary)
    one = f"/api/v1/incidents/{row.ref}"
    [found] = [each for each in caller.get(f"{one}/suspects")["items"] if each["ref"] == live.ref]
    assert (found["do"], found["target"]) == ("rollback", live.ref)
    done = caller.post(
        f"{one}/actions",
        {"kind": "rate_limit", "target": "/api/v1/work*", "limit": 5, "minutes": 5,
         "reason": "Too many."},
    )  # fmt: skip
    assert (done["status"], done["given"]["limit"]) == ("done", 5)
    gone = caller.post(f"{one}/actions", {"kind": "flag_off", "target": "x", "reason": "y"})
    assert (gone["status"], gone["code"]) == ("refused", "NOT_FOUND")
    undone = caller.post(f"{one}/actions/{done['uid']}/undo", {"reason": "Over."})
    assert (undone["status"], undone["undoes"]) == ("done", done["uid"])
    refused = caller.refused("POST", f"{one}/actions/{gone['uid']}/undo", {"reason": "x"})
    assert refused.status_code == 409
    assert [each["kind"] for each in caller.get(f"{one}/actions", status="refused")["items"]] == [
        "flag_off"
    ]
    viewer = Caller(room.person("viewer"))
    asked = {"kind": "scale", "target": "x", "reason": "y"}
    assert viewer.refused("POST", f"{one}/actions", asked).status_code == 403
    stranger = Caller(make.person(make.workspace(), "engineering_lead"))
    assert stranger.refused("POST", f"{one}/actions", asked).status_code == 404
    assert stranger.refused("GET", f"{one}/suspects").status_code == 404


def test_suspects__by_time_alone__is_said_on_the_page(room: Watchroom) -> None:
    by = room.by(room.lead)
    flag = flags.create_flag(room.workspace, "calm-retries", actor=by)
    flags.kill(flag, actor=by, reason="Too slow.")
    room.later(0, tick=False)
    row = room.quiet("sev2")
    [found] = [each for each in suspects.of(row, room.by(room.primary)) if each.kind == "flag"]
    assert (found.note, found.do, found.is_near) == ("off now", "", False)
    page = make.client(room.primary).get(links.page_of(row)).content.decode()
    assert "only the hour speaks for these" in page
    stranger = make.client(make.person(make.workspace(), "engineering_lead"))
    assert stranger.get(links.page_of(row)).status_code == 404


def test_suspects__name_changes_that_others_told_of(room: Watchroom) -> None:
    source = alerts.source(room.workspace, format="pagerduty").source
    body = {"payload": {"summary": "Config of the pool changed", "source": "ci"}}
    receiving.receive(source, "change", json.dumps(body).encode())
    row = room.quiet("sev2")
    found = suspects.of(row, room.by(room.primary))
    assert [each.title for each in found] == ["Config of the pool changed"]
