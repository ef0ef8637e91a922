"""Who does what in the room, what is decided, whether it works again, one that was two, and two
who press at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from controlplane.access.models import User
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, ControlPlaneError, GateNotMet, Invalid, NotAllowed
from controlplane.notify.models import Notification
from controlplane.work.models import Dependency
from incidents import links
from incidents.models import Alert, Check, Decision, EscalationRun, Incident
from incidents.records import joining, moving
from incidents.response import acting, checks, deciding, roles, updates
from incidents.response.splitting import split
from telemetry.models import HealthSnapshot
from tests import make
from tests.console.test_colours_and_sizes import sheets, undressed, weight
from tests.kit import alerts, catalog, deployments
from tests.kit.deployments import deliver
from tests.kit.incidents import Caller, Watchroom
from tests.kit.racing import race

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def watched(room: Watchroom, severity: str = "sev2") -> Incident:
    actor = room.by(room.primary)
    row = moving.triage(room.quiet(severity), actor=actor, impact_percent=30, symptoms="x",
                        started_at=clock.now())  # fmt: skip
    moving.mitigate(row, actor=actor)
    moving.mitigated(row, actor=actor, how="Rolled back.")
    return moving.watch(row, actor=actor)


def look(room: Watchroom, row: Incident, slug: str, outcome: str = "ok", **given: Any) -> Check:
    person = given.pop("by", room.primary)
    return checks.note_check(row, slug, outcome, actor=room.by(person), **given)


# --- Roles --------------------------------------------------------------------------------------


def test_roles__are_given_and_handed_on_and_both_are_told(room: Watchroom) -> None:
    row = moving.acknowledge(room.quiet("sev1"), actor=room.by(room.primary))
    assert row.commander_id == room.primary.pk
    seen = row.version
    done = roles.assign(row, "commander", room.lead, actor=room.by(room.lead), version=seen)
    assert done.commander_id == room.lead.pk
    [news] = Notification.objects.filter(kind="incident.named")
    assert set(news.deliveries.values_list("user", flat=True)) == {room.primary.pk}
    # Two commanders: the second, who saw the first state, is refused and looks again.
    with pytest.raises(Conflict):
        roles.assign(row, "commander", room.vp, actor=room.by(room.vp), version=seen)
    with pytest.raises(Conflict, match="Engineering lead leads since"):
        roles.assign(row, "commander", room.vp, actor=room.by(room.vp), seen=room.primary.pk)
    with pytest.raises(Conflict, match="already"):
        roles.assign(row, "commander", room.lead, actor=room.by(room.lead))
    elsewhere = make.person(make.workspace(), "engineering_lead")
    with pytest.raises(Invalid):
        roles.assign(row, "scribe", elsewhere, actor=room.by(room.lead))
    with pytest.raises(Invalid):
        roles.assign(row, "king", room.lead, actor=room.by(room.lead))
    row = roles.assign(row, "commander", None, actor=room.by(room.lead))
    assert row.commander_id is None
    told = AuditEvent.objects.filter(action="incident.lead").values_list("after", flat=True)
    assert {"commander": f"user:{room.lead.pk}"} in list(told)


def test_roles__whoever_is_on_duty_is_proposed_once(room: Watchroom) -> None:
    world = deployments.World(room.workspace)
    world.on_call(room.primary)
    row = room.quiet("sev2")
    offered = roles.proposed(row)
    assert set(offered) == set(roles.ROLES)
    assert (offered["commander"], offered["scribe"]) == (room.primary, None)
    roles.assign(row, "commander", room.primary, actor=room.by(room.primary))
    row.refresh_from_db()
    assert roles.proposed(row)["operations"] == room.primary  # there is nobody else


def test_roles__of_security_its_lead_leads(room: Watchroom) -> None:
    deployments.World(room.workspace).on_call(room.primary)
    make.person(make.workspace(), "security_lead")
    offered = roles.proposed(room.quiet("sev2", category="security"))["commander"]
    assert offered is not None
    here = offered.memberships.get().grants.values_list("role", flat=True)
    assert list(here) == ["security_lead"]
    assert offered.memberships.get().workspace_id == room.workspace.pk
    assert roles.proposed(room.quiet("sev2"))["commander"] == room.primary


# --- Does it work again? ------------------------------------------------------------------------


def test_checks__a_grave_one_is_over_when_somebody_looked(room: Watchroom) -> None:
    row, actor = watched(room), room.by(room.primary)
    with pytest.raises(GateNotMet) as refused:
        moving.resolve(row, actor=actor, reason="Quiet.")
    said = str(refused.value.details)
    assert "critical flows work" in said
    assert "Tell customers" in said
    for slug in ("flows", "figures", "missions", "trust"):
        look(room, row, slug)
    look(room, row, "database", "failed", remark="Locks pile up.")
    with pytest.raises(GateNotMet, match="database"):
        moving.resolve(row, actor=actor, reason="Quiet.")
    look(room, row, "database", "waived", remark="It was not touched.")
    with pytest.raises(GateNotMet, match="customers"):
        moving.resolve(row, actor=actor, reason="Quiet.")
    updates.post_update(row, actor=room.by(room.lead), text="Sorry.", audience="customers")
    row.refresh_from_db()
    assert moving.resolve(row, actor=actor, reason="Quiet.").status == "resolved"
    snapshot = HealthSnapshot.objects.get(subject=f"incidents.incident:{row.pk}")
    kept = Check.objects.get(slug="figures")
    assert kept.figures == {"snapshot": str(snapshot.uid), "state": snapshot.state}


def test_checks__what_came_back_is_looked_at_anew(room: Watchroom) -> None:
    row, actor = watched(room), room.by(room.primary)
    for slug in checks.KINDS:
        if slug != "customers":
            look(room, row, slug)
    look(room, row, "customers", "waived", remark="Nobody noticed.", by=room.lead)
    assert checks.in_the_way(row) == []
    row = moving.mitigate(row, actor=actor, reason="It is back.")
    moving.mitigated(row, actor=actor, how="Again.")
    row = moving.watch(row, actor=actor)
    [said] = checks.in_the_way(row)  # customers were told or need not be, once and for all
    assert "critical flows" in said


def test_checks__small_ones_wait_for_nothing(room: Watchroom) -> None:
    row = watched(room, "sev3")
    assert moving.resolve(row, actor=room.by(room.primary), reason="Quiet.").status == "resolved"


def test_checks__say_why_and_who(room: Watchroom) -> None:
    row = watched(room)
    with pytest.raises(Invalid):
        look(room, row, "flows", "failed")
    with pytest.raises(Invalid):
        look(room, row, "nothing")
    with pytest.raises(NotAllowed):  # that customers need not be told is the second level's
        look(room, row, "customers", "waived", remark="No.")
    with pytest.raises(NotAllowed):
        look(room, row, "flows", by=room.person("viewer"))


# --- Decisions ----------------------------------------------------------------------------------


def test_decision__is_kept_by_whoever_may_decide(room: Watchroom) -> None:
    row = room.quiet("sev1")
    chief = room.person("product_vp")
    made = deciding.decide(row, actor=room.by(chief), text="Sales stop for today.", why="Data.")
    assert made.decided_by == room.by(chief).ref
    with pytest.raises(NotAllowed):
        deciding.decide(row, actor=room.by(room.person("viewer")), text="x")
    with pytest.raises(Invalid):
        deciding.decide(row, actor=room.by(chief), text=" ")
    assert Decision.objects.count() == 1


# --- One that was two ---------------------------------------------------------------------------


def test_split__takes_its_alerts_along(room: Watchroom) -> None:
    row = room.quiet("sev2", title="All of it")
    source = alerts.source(room.workspace).source
    alerts.tell(source, *(alerts.incoming("Quiet", severity="info", pod=str(n)) for n in range(3)))
    found = list(Alert.objects.order_by("pk"))
    joining.join(row, [each.pk for each in found], clock.now())
    made = split(row, actor=room.by(room.lead), title="Only mail", severity="sev3",
                 reason="Another cause.", alerts=[found[0].uid])  # fmt: skip
    row.refresh_from_db()
    assert (row.alert_count, row.firing_count) == (2, 2)
    assert (made.alert_count, made.firing_count, made.split_from_id) == (1, 1, row.pk)
    assert made.item is not None
    assert row.item is not None
    edge = Dependency.objects.get(item=made.item, kind="discovered-from")
    assert edge.target_id == row.item_id
    found[0].refresh_from_db()
    assert found[0].incident_id == made.pk
    with pytest.raises(Invalid):
        split(row, actor=room.by(room.lead), title="x", severity="sev3", reason="y",
              alerts=[found[0].uid])  # fmt: skip
    with pytest.raises(NotAllowed):
        split(row, actor=room.by(room.person("viewer")), title="x", severity="sev3", reason="y")
    assert Incident.objects.count() == 2


# --- At once ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_resolve_and_came_back__at_once_one_wins_and_the_other_is_told() -> None:
    room = Watchroom()
    row = watched(room, "sev3")
    one, two = room.by(room.primary), room.by(room.lead)
    seen = row.version

    def press(number: int) -> Any:
        if number:
            return moving.mitigate(row, actor=two, reason="It is back.", version=seen).status
        return moving.resolve(row, actor=one, reason="Quiet.", version=seen).status

    found = race(2, press)
    won = [each for each in found if isinstance(each, str)]
    lost = [each for each in found if isinstance(each, ControlPlaneError)]
    assert len(won) == len(lost) == 1, found
    row.refresh_from_db()
    assert row.status == won[0]
    assert (row.resolved_at is not None) == (row.status == "resolved")
    assert (row.next_update_at is not None) == (row.status == "mitigating")


# --- Doors --------------------------------------------------------------------------------------


def test_page__roles_checks_decisions_and_split(room: Watchroom) -> None:
    row = watched(room)
    browser = make.client(room.lead)
    page = browser.get(links.page_of(row), follow=True).content.decode()
    assert "Does it work again?" in page
    assert "Tell customers, or say why" in page

    def press(name: str, **given: Any) -> int:
        row.refresh_from_db()
        given.setdefault("version", row.version)
        code: int = browser.post(reverse(f"burning:{name}", args=(row.uid,)), given).status_code
        return code

    def refused() -> str:
        return str(browser.get(links.page_of(row), follow=True).content.decode())

    assert press("role", give="commander|me") == 302
    assert press("role", role="scribe", to=room.vp.pk) == 302
    assert press("role", give=f"commander|me|{room.primary.pk}") == 302
    assert "Engineering lead leads since you looked" in refused()
    assert press("role", role="commander", to=room.vp.pk, version=1) == 302
    assert "Somebody changed it since you looked" in refused()
    assert press("role", role="scribe", to="99999999") == 404
    assert press("check", check="flows|ok") == 302
    assert press("check", check="customers|waived", note="Nobody noticed.") == 302
    assert press("check", check="flows|failed") == 302
    assert "Needed" in refused() or "equired" in refused(), refused()
    assert press("decide", text="We wait.") == 302
    assert press("split", title="Other", severity="sev3", reason="Another cause.") == 302
    row.refresh_from_db()
    assert (row.commander, row.scribe) == (room.lead, room.vp)
    assert row.parts.count() == 1
    page = browser.get(links.page_of(row), follow=True).content.decode()
    assert "We wait." in page
    assert "Nobody noticed." in page
    stranger = make.client(make.person(make.workspace(), "engineering_lead"))
    for name in ("role", "check", "decide", "split"):
        assert stranger.post(reverse(f"burning:{name}", args=(row.uid,))).status_code == 404, name


def test_api__roles_checks_decisions_and_split(room: Watchroom) -> None:
    row = watched(room)
    caller = Caller(room.lead)
    one = f"/api/v1/incidents/{row.ref}"
    named = caller.post(f"{one}/roles", {"role": "commander", "person": str(room.vp.uid)})
    assert named["commander"] == str(room.vp.uid)
    again = {"role": "commander", "person": None, "version": named["version"] - 1}
    assert caller.refused("POST", f"{one}/roles", again).status_code == 409
    lines = caller.post(f"{one}/checks", {"slug": "figures", "outcome": "ok"})["items"]
    assert {each["slug"]: each["ok"] for each in lines}["figures"] is True
    assert [each for each in caller.get(f"{one}/checks")["items"] if each["snapshot"]]
    bad = {"slug": "flows", "outcome": "failed"}
    assert caller.refused("POST", f"{one}/checks", bad).status_code == 400
    assert caller.post(f"{one}/decisions", {"text": "We wait."})["text"] == "We wait."
    assert len(caller.get(f"{one}/decisions")["items"]) == 1
    made = caller.post(f"{one}/split", {"title": "Other", "severity": "sev4", "reason": "x"})
    assert (made["split_from"], made["alert_count"]) == (row.ref, 0)
    stranger = Caller(make.person(make.workspace(), "engineering_lead"))
    for part in ("roles", "checks", "decisions"):
        assert stranger.refused("GET", f"{one}/{part}").status_code == 404, part


def test_page__of_a_grave_one_in_the_middle_is_small_and_asks_little(
    room: Watchroom, django_assert_max_num_queries: Any
) -> None:
    row = watched(room, "sev1")
    source = alerts.source(room.workspace).source
    told = [alerts.incoming(f"Quiet {n}", severity="info") for n in range(12)]
    alerts.tell(source, *told)
    joining.join(row, list(Alert.objects.values_list("pk", flat=True)), clock.now())
    for number in range(12):
        acting.act(row, "scale", f"{number} more workers", actor=room.by(room.primary),
                   reason="Too few.")  # fmt: skip
        updates.post_update(row, actor=room.by(room.primary), text="We look at it. " * 20)
        deciding.decide(row, actor=room.by(room.lead), text="We wait.", why="It may heal.")
        updates.post_update(row, actor=room.by(room.primary), text="x " * 300,
                            audience="customers")  # fmt: skip
    for slug in checks.KINDS:
        if slug != "customers":
            look(room, row, slug, "failed", remark="Not yet. " * 20)
    for _ in range(5):
        catalog.broken(room.workspace)
    deliver()
    browser = make.client(room.lead)
    url = links.page_of(row)
    browser.get(url, follow=True)
    with django_assert_max_num_queries(50):
        page = browser.get(url, follow=True).content.decode()
    assert len(page) <= 180 * 1024
    drawn = sheets()
    for name in ("timeline", "update", "split"):
        text = browser.get(reverse(f"burning:{name}", args=(row.uid,))).content.decode()
        assert (weight(text) <= 85 * 1024, undressed(text, drawn)) == (True, set()), name
    assert (weight(page) <= 85 * 1024, undressed(page, drawn)) == (True, set())


def test_page__of_one_that_became_graver__whoever_is_on_it_says_so_again(room: Watchroom) -> None:
    row = moving.acknowledge(room.quiet("sev3"), actor=room.by(room.primary))
    moving.change_severity(row, "sev2", actor=room.by(room.primary), reason="More are touched.")

    def page(person: User) -> str:
        found = make.client(person).get(links.page_of(row), follow=True)
        return str(found.content.decode())

    assert "I am on it: call nobody else" in page(room.primary)
    assert "I am on it: call nobody else" not in page(room.lead)  # theirs stands in the head
    make.client(room.primary).post(reverse("burning:move", args=(row.uid, "acknowledge")))
    assert not EscalationRun.objects.filter(incident=row, status="running").exists()
    assert "I am on it: call nobody else" not in page(room.primary)


def test_page__who_may_not_publish__reads_why_customers_are_not_left_out(room: Watchroom) -> None:
    row = watched(room)
    told = make.client(room.primary).get(links.page_of(row), follow=True).content.decode()
    assert "flows|waived" in told
    assert "customers|waived" not in told
    assert "To leave it out:" in told
    told = make.client(room.lead).get(links.page_of(row), follow=True).content.decode()
    assert "customers|waived" in told


def test_page__of_one_alert_that_fires__speaks_of_one_and_leads_to_it(room: Watchroom) -> None:
    source = alerts.source(room.workspace).source
    alerts.tell(source, alerts.incoming("Disk", severity="info"))
    row = room.quiet("sev2")
    joining.join(row, [each.pk for each in Alert.objects.all()], clock.now())
    Incident.objects.filter(pk=row.pk).update(alert_count=1, firing_count=1)
    actor = room.by(room.primary)
    moving.acknowledge(row, actor=actor)
    moving.triage(row, actor=actor, impact_percent=1, symptoms="x", started_at=clock.now())
    moving.mitigated(row, actor=actor, how="Rolled back.")
    told = make.client(room.primary).get(links.page_of(row), follow=True).content.decode()
    assert "1 alert fires still: say that it is over, or move it to another incident." in told
    assert '?show=firing">What fires</a>' in told
    assert "All 1 alerts" not in told
