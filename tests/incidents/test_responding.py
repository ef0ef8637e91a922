"""What happens by itself when an incident opens: nothing at first; said; then done, once."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from controlplane.access.models import Grant, User
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.work.models import Comment
from deployments.flags import services as flags
from deployments.flags.models import Flag
from incidents.models import Action, Incident, ResponsePolicy
from incidents.response import responding
from tests import make
from tests.kit import alerts, catalog
from tests.kit.deployments import deliver
from tests.kit.incidents import Caller, Watchroom

pytestmark = pytest.mark.django_db
ACTS = [
    {"kind": "flag_off", "target": "new-planner"},
    {"kind": "trip_breaker", "target": "mail", "given": {"minutes": 30}},
]


@pytest.fixture
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    flags.create_flag(room.workspace, "new-planner", actor=room.by(room.lead))
    catalog.integration(room.workspace, slug="mail")
    return room


def policy_of(room: Watchroom, mode: str = "on", **given: Any) -> ResponsePolicy:
    values = {"title": "Calm it", "severities": ["sev1", "SEV-2"], "actions": ACTS, **given}
    made = responding.save(room.workspace, actor=room.by(room.lead), **values)
    assert made.mode == "off"
    return responding.switch(made, mode, actor=room.by(room.lead), reason="Tried.")


def opened(room: Watchroom, severity: str = "sev2", **given: Any) -> Incident:
    row = room.quiet(severity, **{"origin": "alert", **given})
    room.promises()
    deliver()
    return row


def flag_on() -> bool:
    return Flag.objects.get(flag_name="new-planner").enabled


def test_on__acts_once_each_through_the_services(room: Watchroom) -> None:
    policy_of(room)
    row = opened(room)
    assert list(row.actions.order_by("pk").values_list("kind", "status")) == [
        ("flag_off", "done"), ("trip_breaker", "done"),
    ]  # fmt: skip
    assert flag_on() is False
    assert row.actions.first().asked_by == "job:response Calm it"  # type: ignore[union-attr]


def test_off_and_others__nothing_happens(room: Watchroom) -> None:
    policy_of(room, "off")
    opened(room)
    policy_of(room, "on", title="Of others", category="security")
    opened(room)
    policy_of(room, "on", title="Of grave ones")
    opened(room, "sev3")
    opened(room, origin="person")
    opened(Watchroom())
    assert not Action.objects.exists()
    assert flag_on() is True


def test_dry_and_drills__only_say_what_would_happen(room: Watchroom) -> None:
    made = policy_of(room, "dry")
    row = opened(room)
    said = Comment.objects.get(item=row.item_id, text__contains="would have done")
    assert "new-planner" in said.text
    responding.switch(made, "on", actor=room.by(room.lead), reason="Looked at.")
    opened(room, origin="drill")
    assert not Action.objects.exists()
    assert AuditEvent.objects.filter(action="incident.would").count() == 2


def test_target_gone__the_incident_is_open_all_the_same(room: Watchroom) -> None:
    policy_of(room, actions=[{"kind": "flag_off", "target": "nothing"},
                             {"kind": "rate_limit", "target": "/x", "given": {}}])  # fmt: skip
    row = opened(room)
    assert row.status == "detected"
    assert list(row.actions.values_list("status", "code")) == [("refused", "NOT_FOUND")]
    assert AuditEvent.objects.filter(action="incident.act:refused").count() == 2


def test_look_ahead__names_what_is_there_and_does_nothing(room: Watchroom) -> None:
    made = policy_of(room, "off", actions=[*ACTS, {"kind": "flag_off", "target": "nothing"}])
    found = responding.preview(made, actor=room.by(room.lead))
    assert [each.works for each in found] == [True, True, False]
    assert flag_on() is True


def test_rights__are_those_of_whoever_says_so_then_and_when_it_is_done(room: Watchroom) -> None:
    """It acts for somebody who answers for it, never for more than they may do themselves."""
    made = policy_of(room)
    superusers = {"kind": "runbook_step", "target": "postgres_pool/3", "given": {"pid": "4711"}}
    lead = room.by(room.lead)
    with pytest.raises(NotAllowed):
        responding.save(room.workspace, actor=lead, title="Too much", actions=[superusers])
    with pytest.raises(NotAllowed):
        responding.save(room.workspace, actor=lead, row=made, actions=[*ACTS, superusers])
    ResponsePolicy.objects.filter(pk=made.pk).update(actions=[*made.actions, superusers])
    row = opened(room)
    assert list(row.actions.order_by("pk").values_list("kind", flat=True)) == [
        "flag_off", "trip_breaker",
    ]  # fmt: skip
    refused = AuditEvent.objects.get(action="incident.act:refused")
    assert (refused.after or {})["kind"] == "runbook_step"
    made.refresh_from_db()
    with pytest.raises(NotAllowed):
        responding.switch(made, "dry", actor=lead, reason="Look again.")


def test_rights__gone_with_the_role_or_the_account__nothing_is_done(room: Watchroom) -> None:
    made = policy_of(room)
    Grant.objects.filter(membership__user=room.lead).delete()
    said = [each.works for each in responding.preview(made, actor=room.by(room.admin))]
    assert said == [False, False]
    assert not opened(room).actions.exists()
    again = responding.switch(made, "off", actor=room.by(room.admin), reason="Who answers?")
    responding.switch(again, "on", actor=room.by(room.admin), reason="I do.")
    assert opened(room).actions.count() == 2
    User.objects.filter(pk=room.admin.pk).update(is_active=False)
    assert not opened(room).actions.exists()


def test_change__of_what_acts_only_says_so_until_somebody_looked(room: Watchroom) -> None:
    made = policy_of(room)
    lead = room.by(room.lead)
    again = responding.save(room.workspace, actor=lead, row=made, version=made.version,
                            actions=ACTS[:1])  # fmt: skip
    assert again.mode == "dry"
    with pytest.raises(Conflict):
        responding.switch(again, "on", actor=lead, reason="x", version=made.version)
    with pytest.raises(Invalid):
        responding.save(room.workspace, actor=lead, row=again, actions=[])
    for bad in ([{"kind": "scale", "target": "x"}], [{"kind": "none"}], "flag_off", [3]):
        with pytest.raises(Invalid):
            responding.save(room.workspace, actor=lead, title="Bad", actions=bad)
    with pytest.raises(Conflict):
        responding.save(room.workspace, actor=lead, title="Calm it", actions=ACTS)
    responding.remove(again, actor=lead)
    assert not ResponsePolicy.objects.exists()


def test_alert__opens_and_calms_in_one_go(room: Watchroom) -> None:
    policy_of(room, severities=[])
    source = alerts.source(room.workspace).source
    alerts.tell(source, alerts.incoming("HighErrorRate", severity="critical"))
    room.promises()
    row = Incident.objects.get()
    assert set(row.actions.values_list("status", flat=True)) == {"done"}
    assert flag_on() is False


def test_console__made_looked_at_and_switched(room: Watchroom) -> None:
    browser = make.client(room.lead)
    url = reverse("admin:incidents_responsepolicy_add")
    lines = "flag_off new-planner\nrate_limit /api/v1/work* limit=5 minutes=10"
    given = {"title": "Calm it", "severities": "sev1, sev2", "category": "", "service": "",
             "only_alerts": "on", "actions": lines}  # fmt: skip
    assert browser.post(url, {**given, "actions": "dance a lot"}).status_code == 200
    looked = browser.post(url, {**given, "_look": "1"}).content.decode()
    assert "It is there, and would be done." in looked
    assert browser.post(url, given).status_code == 302
    made = ResponsePolicy.objects.get()
    assert made.actions[1] == {
        "kind": "rate_limit", "target": "/api/v1/work*", "given": {"limit": 5, "minutes": 10},
    }  # fmt: skip
    assert made.severities == ["sev1", "sev2"]
    page = browser.get(reverse("admin:incidents_responsepolicy_change", args=(made.pk,)),
                       follow=True).content.decode()  # fmt: skip
    assert "It is there, and would be done." in page
    assert make.client(room.primary).get(url).status_code == 403


def test_api__keeps_looks_and_switches(room: Watchroom) -> None:
    caller = Caller(room.lead)
    path = "/api/v1/response-policies"
    made = caller.post(path, {"title": "Calm it", "severities": ["sev1"], "actions": ACTS})
    assert made["mode"] == "off"
    one = f"{path}/{made['uid']}"
    assert [each["works"] for each in caller.get(f"{one}/preview")["items"]] == [True, True]
    assert caller.post(f"{one}/mode", {"mode": "on", "reason": "Tried."})["mode"] == "on"
    changed = caller.put(one, {"title": "Calm it", "actions": ACTS[:1]})
    assert (changed["mode"], len(changed["actions"])) == ("dry", 1)
    assert (
        caller.refused("POST", path, {"title": "x", "actions": [{"kind": "no"}]}).status_code == 400
    )
    assert Caller(room.primary).refused("POST", f"{one}/mode", {"mode": "off", "reason": "x"}
                                        ).status_code == 403  # fmt: skip
    stranger = Caller(make.person(make.workspace(), "engineering_lead"))
    assert stranger.refused("GET", one).status_code == 404
    with pytest.raises(NotAllowed):
        responding.save(room.workspace, actor=room.by(room.primary), title="x", actions=ACTS)
