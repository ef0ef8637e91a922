"""What people do with alerts, messages and rules, and looks ahead that keep nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.jobs import leases
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from incidents.intake import handling, receiving, samples, trying
from incidents.models import (
    Alert,
    AlertEvent,
    AlertSource,
    EscalationRun,
    InboundEvent,
    Incident,
    RoutingRule,
)
from incidents.routing import rules
from incidents.routing import trying as tried
from incidents.routing.judging import Judge
from tests import make
from tests.kit import alerts as kit
from tests.kit import settled

pytestmark = pytest.mark.django_db


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def source(here: Workspace) -> AlertSource:
    return kit.source(here).source


@settled.once
def keeper(here: Workspace) -> Any:
    return make.actor(make.person(here, "workspace_admin"))


def _stranger(here: Workspace) -> Any:
    return make.actor(make.person(make.workspace(), "workspace_admin"))


# --- Alerts -------------------------------------------------------------------------------------


def test_end__is_over_here_and_fires_anew_when_it_is_said(
    here: Workspace, source: AlertSource, keeper: Any
) -> None:
    began = clock.now() - timedelta(minutes=5)
    kit.tell(source, kit.incoming(key="a", starts_at=began))
    alert = Alert.objects.get()
    handling.end_alert(alert, actor=keeper, reason="looked myself")
    alert = Alert.objects.get()
    assert (alert.status, alert.over_by) == ("resolved", "hand")
    assert Incident.objects.get().firing_count == 0
    assert AlertEvent.objects.filter(kind="resolved", note__contains="looked myself").exists()
    assert AuditEvent.objects.filter(action="alert.resolve").count() == 1
    with pytest.raises(Conflict):
        handling.end_alert(alert, actor=keeper, reason="again")
    assert kit.tell(source, kit.incoming(key="a", starts_at=began)).new == 1


def test_end__is_no_strangers_and_has_a_reason(
    here: Workspace, source: AlertSource, keeper: Any
) -> None:
    kit.tell(source, kit.incoming())
    alert = Alert.objects.get()
    with pytest.raises(NotAllowed):
        handling.end_alert(alert, actor=_stranger(here), reason="I say so")
    with pytest.raises(NotAllowed):
        handling.end_alert(alert, actor=make.actor(make.person(here, "viewer")), reason="I say so")
    with pytest.raises(Invalid):
        handling.end_alert(alert, actor=keeper, reason=" ")
    assert Alert.objects.get().status == "firing"


# --- Messages -----------------------------------------------------------------------------------


def _given_up(source: AlertSource) -> InboundEvent:
    with pytest.raises(Invalid):
        receiving.receive(source, "webhook", b"no json")
    row: InboundEvent = InboundEvent.objects.get(state=leases.DEAD)
    return row


def test_given_up__is_read_again_or_seen(source: AlertSource, keeper: Any) -> None:
    row = _given_up(source)
    assert list(InboundEvent.objects.unread()) == [row]
    handling.read_again(row, actor=keeper)
    receiving.work(float("inf"))
    row.refresh_from_db()
    assert row.state == leases.DEAD  # it is no JSON still
    handling.mark_seen(row, actor=keeper)
    assert not InboundEvent.objects.unread().exists()
    with pytest.raises(NotAllowed):
        handling.read_again(row, actor=_stranger(source.workspace))


def test_given_up__mended_meanwhile_is_taken(
    source: AlertSource, keeper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = json.dumps(kit.group([kit.am_alert()])).encode()
    with monkeypatch.context() as broken:
        broken.setitem(receiving.READERS, ("alertmanager", "webhook"), _refuses)
        with pytest.raises(Invalid):
            receiving.receive(source, "webhook", said)
    row = InboundEvent.objects.get()
    handling.read_again(row, actor=keeper)
    receiving.work(float("inf"))
    assert Alert.objects.count() == 1
    row.refresh_from_db()
    assert row.state == leases.DONE
    with pytest.raises(Conflict):
        handling.read_again(row, actor=keeper)


def _refuses(*_: Any) -> Any:
    raise Invalid("A bug of ours.")


# --- A message that is only tried ---------------------------------------------------------------


def test_try__says_what_would_become_of_it_and_keeps_nothing(source: AlertSource) -> None:
    body = json.dumps(kit.group([kit.am_alert(), kit.am_alert(status="resolved", a="b")])).encode()
    found = trying.try_message(source, body)
    fires, over = found.alerts
    assert (fires.what, fires.severity, fires.rule) == ("would fire", "critical", "High error rate")
    assert "sev2" in fires.follows
    assert over.follows == "Nobody is called."
    for model in (Alert, InboundEvent, Incident, EscalationRun):
        assert not model.objects.exists()
    kit.tell(source, kit.incoming(instance="x"))
    again = trying.try_message(source, body)
    assert Incident.objects.get().ref in again.alerts[0].follows


def test_try__refuses_what_the_sender_would_be_refused(source: AlertSource) -> None:
    with pytest.raises(Invalid):
        trying.try_message(source, b"{}")


@pytest.mark.parametrize("format", ["pagerduty", "grafana", "cloudevents", "generic"])
def test_try__of_each_formats_sample_is_one_alert(here: Workspace, format: str) -> None:
    row = kit.source(here, format).source
    found = trying.try_message(row, samples.of(format).encode(), content_type=samples.media_of(row))
    assert len(found.alerts) == 1


# --- Rules --------------------------------------------------------------------------------------


def _shipped(slug: str) -> RoutingRule:
    row: RoutingRule = RoutingRule.objects.get(workspace=None, slug=slug)
    return row


def test_copy__takes_the_shipped_ones_place_and_gives_it_back(
    here: Workspace, source: AlertSource, keeper: Any
) -> None:
    kit.tell(source, kit.incoming("First"))  # the shipped ones come with it
    copy = rules.copy_rule(_shipped("high-error-rate"), here, actor=keeper)
    rules.change_rule(copy, actor=keeper, opens="nothing", level="")
    kit.tell(source, kit.incoming("HighErrorRate"))
    assert Alert.objects.get(labels__alertname="HighErrorRate").incident is None
    copy.refresh_from_db()
    original = rules.reset_rule(copy, actor=keeper, reason="it was right")
    assert original.workspace is None
    kit.tell(source, kit.incoming("HighErrorRate", instance="b"))
    assert Alert.objects.filter(labels__instance="b", incident__isnull=False).exists()


def test_shipped__is_changed_only_as_a_copy(
    here: Workspace, source: AlertSource, keeper: Any
) -> None:
    kit.tell(source, kit.incoming())
    row = _shipped("critical")
    root = make.actor(make.superuser())
    for change in (
        lambda: rules.change_rule(row, actor=root, title="Mine"),
        lambda: rules.switch_rule(row, actor=root, on=False, reason="away"),
        lambda: rules.remove_rule(row, actor=root, reason="away"),
    ):
        with pytest.raises(Conflict):
            change()
    with pytest.raises(Conflict):
        rules.create_rule(here, "critical", actor=keeper, title="Mine", opens="nothing")
    with pytest.raises(NotAllowed):
        rules.copy_rule(row, here, actor=_stranger(here))


def test_switched_off__the_next_rule_decides(
    here: Workspace, source: AlertSource, keeper: Any
) -> None:
    mine = rules.create_rule(
        here, "quiet", actor=keeper, title="Quiet", opens="nothing", position=5,
        matchers='team="labs"',
    )  # fmt: skip
    kit.tell(source, kit.incoming(team="labs"))
    assert not Incident.objects.exists()
    rules.switch_rule(mine, actor=keeper, on=False, reason="no more")
    kit.tell(source, kit.incoming(team="labs", instance="b"))
    assert Incident.objects.count() == 1


def test_reorder__places_them_and_copies_shipped_ones(
    here: Workspace, source: AlertSource, keeper: Any
) -> None:
    kit.tell(source, kit.incoming())
    rules.create_rule(here, "mine", actor=keeper, title="Mine", opens="nothing", position=95)
    found = rules.reorder(here, ["mine", "critical"], actor=keeper)
    assert [(row.slug, row.position, row.workspace_id) for row in found] == [
        ("mine", 10, here.pk), ("critical", 20, here.pk),
    ]  # fmt: skip
    with pytest.raises(Invalid):
        rules.reorder(here, ["mine", "mine"], actor=keeper)
    with pytest.raises(Invalid):
        rules.reorder(here, ["nobody"], actor=keeper)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"opens": "incident"}, "level"),
        ({"opens": "incident", "level": "sev9"}, "level"),
        ({"opens": "nothing", "policy": "nobody"}, "policy"),
        ({"opens": "nothing", "escalate_s": 600}, "escalate_to"),
        ({"opens": "nothing", "notify_roles": ["king"]}, "notify_roles"),
        ({"opens": "nothing", "matchers": 'a=~"("'}, "matchers"),
        ({"opens": "nothing", "flaps": 1}, "flaps"),
        ({"opens": "nothing", "position": 0}, "position"),
        ({"opens": "nothing", "resolve_after_s": 5}, "resolve_after_s"),
        ({"opens": "nothing", "uid": 1}, "uid"),
        ({"opens": "elsewhere"}, "opens"),
    ],
)
def test_rule__refuses_what_makes_no_sense(
    here: Workspace, keeper: Any, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as error:
        rules.create_rule(here, "mine", actor=keeper, title="Mine", **given)
    assert field in error.value.details


def test_alike_alerts__are_matched_once_and_others_by_themselves(
    here: Workspace, source: AlertSource, keeper: Any
) -> None:
    """What nobody asks for makes no difference; what somebody asks for always does."""
    rules.create_rule(
        here, "third", actor=keeper, title="Third", opens="nothing", position=5,
        matchers='instance=~".*3"',
    )  # fmt: skip
    judge = Judge.of(source, clock.now())
    verdicts = judge.look_at_all([kit.incoming(instance=f"i{number}") for number in range(5)])
    found = [verdict.rule.slug if verdict.rule else "" for verdict in verdicts]
    assert found == [*["high-error-rate"] * 3, "third", "high-error-rate"]


# --- Rules that are only tried ------------------------------------------------------------------


def test_dry_run__puts_both_fates_side_by_side_and_keeps_nothing(
    here: Workspace, source: AlertSource, keeper: Any
) -> None:
    for number in range(6):
        kit.tell(source, kit.incoming(instance=f"i{number}"))
    kit.tell(source, kit.incoming("Slow", severity="warning"))
    trial = rules.unsaved(here, None, {
        "title": "Quiet", "opens": "note", "position": 5, "matchers": 'alertname="HighErrorRate"',
    })  # fmt: skip
    before = (RoutingRule.objects.count(), Incident.objects.count(), Alert.objects.count())
    found = tried.try_rule(trial, here.pk)
    assert (found.alerts, found.matched, found.changed) == (7, 6, 6)
    assert {name: (now, then) for name, now, then in found.rows} == {
        "Incidents opened": (1, 0), "Alerts of incidents": (6, 0), "Work items": (1, 1),
        "Alerts of work items": (1, 1), "Notes": (0, 6), "Kept only": (0, 0),
    }  # fmt: skip
    assert before == (RoutingRule.objects.count(), Incident.objects.count(), Alert.objects.count())


def test_dry_run__of_a_changed_rule_and_of_one_switched_off(
    here: Workspace, source: AlertSource, keeper: Any
) -> None:
    kit.tell(source, kit.incoming())
    row = _shipped("high-error-rate")
    graver = tried.try_rule(rules.unsaved(here, row, {"level": "sev1"}), here.pk)
    assert (graver.changed, graver.examples[0].then.level) == (1, "sev1")
    without = tried.try_rule(rules.unsaved(here, row, {"is_active": False}), here.pk)
    assert without.examples[0].then.rule == "critical"
    same = tried.try_rule(rules.unsaved(here, row, {}), here.pk)
    assert (same.changed, same.matched) == (0, 1)


def test_dry_run__looks_at_no_other_workspace(source: AlertSource) -> None:
    other = make.workspace()
    kit.tell(kit.source(other).source, kit.incoming())
    trial = rules.unsaved(source.workspace, None, {"title": "Q", "opens": "nothing"})
    assert tried.try_rule(trial, source.workspace_id).alerts == 0


def test_alert__of_a_clock_that_is_ahead_opens_and_ends_as_any_other() -> None:
    source, _ = kit.source(make.workspace())
    ahead = clock.now() + timedelta(minutes=10)
    assert kit.tell(source, kit.incoming(key="a", starts_at=ahead)).new == 1
    row = Incident.objects.get()
    assert row.started_at is not None
    assert row.started_at <= row.opened_at
    over = ahead + timedelta(minutes=1)
    kit.tell(source, kit.incoming(key="a", status="resolved", starts_at=ahead, ends_at=over))
    row.refresh_from_db()
    assert row.firing_count == 0
