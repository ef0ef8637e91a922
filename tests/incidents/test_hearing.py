"""What the portal itself found becomes alerts like everybody else's: once, in any order, and late
without waking anybody for what is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.base import signals
from controlplane.base.models import Signal
from controlplane.lib import clock
from controlplane.work.models import Item
from deployments.maintenance import services
from incidents.models import Alert, EscalationRun, Incident, Silence
from tests import make
from tests.kit import maintenance, settled

pytestmark = pytest.mark.django_db
LONG = float("inf")


@settled.once
def here() -> Workspace:
    return make.workspace()


def _tell(
    here: Workspace | None, kind: str, key: str = "1", *, age: float = 0, **told: Any
) -> None:
    signals.emit(kind, key=key, payload=told, workspace_id=here.pk if here else None)
    if age:
        Signal.objects.filter(kind=kind, key=key).update(
            created_at=clock.now() - timedelta(seconds=age)
        )


def _rule(**more: Any) -> dict[str, Any]:
    return {
        "rule": "high-error-rate", "title": "High error rate", "severity": "critical",
        "fingerprint": "f1", "episode": 1, "series": "", "group_by": "", "labels": {},
        "hooks": {"incident": "sev2", "open_item": 0, "rollback": True}, "runbook": "agent_health",
        "routing": {"roles": [], "escalate_after_s": None, "escalate_to": ""},
        "fired_at": (clock.now() - timedelta(minutes=1)).isoformat(), "link": "/admin/x/",
        "sentence": "The error rate is 7 %.", "state_uid": "00000000-0000-7000-8000-000000000000",
        **more,
    }  # fmt: skip


def test_rule_that_fires__opens_the_incident_its_hook_names(here: Workspace) -> None:
    _tell(here, "telemetry.rule_fired", **_rule())
    signals.work(LONG)
    incident = Incident.objects.get()
    assert (incident.severity, incident.runbook) == ("sev2", "agent_health")
    assert Alert.objects.get().labels["alertname"] == "HighErrorRate"
    assert "roll back" in incident.summary
    assert EscalationRun.objects.filter(status="running").count() == 1


def test_rule__resolved_ends_its_alert(here: Workspace) -> None:
    _tell(here, "telemetry.rule_fired", **_rule())
    _tell(here, "telemetry.rule_resolved", **_rule(resolved_at=clock.now().isoformat()))
    signals.work(LONG)
    assert Alert.objects.get().status == "resolved"


def test_rule__whose_end_is_heard_first_calls_nobody(here: Workspace) -> None:
    said = _rule(resolved_at=clock.now().isoformat())
    _tell(here, "telemetry.rule_resolved", **said)
    signals.work(LONG)
    _tell(here, "telemetry.rule_fired", **said)
    signals.work(LONG)
    assert Alert.objects.get().over_by == "late"
    assert not Incident.objects.exists()


@pytest.mark.parametrize(
    ("more", "incidents", "labels"),
    [
        ({"severity": "warning", "hooks": {"tag": "toolkit"}}, 0, {"alert", "toolkit", "warning"}),
        ({"severity": "warning", "hooks": {"governance": True}}, 0, {"alert", "warning"}),
        ({"severity": "info", "hooks": {"comment_on_release": True}}, 0, None),
        ({"severity": "critical", "hooks": {}}, 1, None),
        ({"test": True}, 0, None),
    ],
)
def test_hooks__say_what_is_made_of_it(
    here: Workspace, more: dict[str, Any], incidents: int, labels: set[str] | None
) -> None:
    _tell(here, "telemetry.rule_fired", **_rule(**more))
    signals.work(LONG)
    assert Incident.objects.count() == incidents
    items = Item.objects.filter(labels__contains=["alert"])
    assert items.count() == (1 if labels else 0)
    if labels:
        assert labels <= set(items.get().labels)


def test_backlog__that_is_over_calls_nobody_and_is_kept(here: Workspace) -> None:
    _tell(here, "telemetry.rule_fired", age=90_000, **_rule())
    _tell(here, "access.breach_suspected", age=90_000, actor="user:5", count=20, action="x")
    signals.work(LONG)
    assert set(Alert.objects.values_list("over_by", flat=True)) == {"late"}
    assert not Incident.objects.exists()
    assert not EscalationRun.objects.exists()


def test_fresh_breach__calls_whoever_looks_after_security(here: Workspace) -> None:
    _tell(here, "access.breach_suspected", actor="user:5", count=20, action="flag.kill")
    signals.work(LONG)
    incident = Incident.objects.get()
    assert (incident.severity, incident.category) == ("sev1", "security")
    assert incident.escalations.get().policy.policy.slug == "security"


def test_probe_and_rule__of_one_service_are_one_incident(here: Workspace) -> None:
    _tell(here, "catalog.service_down", slug="agent", tier=1, environment="production",
          probe="p1", since=clock.now().isoformat(), error="refused")  # fmt: skip
    _tell(
        here,
        "telemetry.rule_fired",
        **_rule(rule="service-down", series="agent", group_by="code",
                hooks={"incident": "sev1", "open_item": 0}),
    )  # fmt: skip
    signals.work(LONG)
    incident = Incident.objects.get()
    assert (incident.alert_count, incident.severity) == (2, "sev1")


def test_installation__is_told_to_the_eldest_workspace(here: Workspace) -> None:
    make.workspace()
    _tell(None, "schema.drift", found={"columns": ["a.b"]})
    signals.work(LONG)
    incident = Incident.objects.get()
    assert (incident.severity, incident.category) == ("sev3", "database")
    eldest = Workspace.objects.filter(archived_at=None).order_by("pk").first()
    assert incident.workspace == eldest


def test_deployment__what_happened_fires_not__what_failed_does(here: Workspace) -> None:
    """News of a release stand among the alerts that are over: nobody has to end them."""
    told: dict[str, Any] = {
        "deployment": "1",
        "ref": "DEP-1",
        "release": "4.1",
        "environment": "production",
    }
    for what in ("deployed", "failed"):
        _tell(here, "deployments.event", what, what=what, **told)
    signals.work(LONG)
    rows = Alert.objects.order_by("dedup_key").values_list("title", "status")
    assert list(rows) == [
        ("DEP-1 deployed: 4.1 in production", "resolved"),
        ("DEP-1 failed: 4.1 in production", "firing"),
    ]
    assert not Incident.objects.exists()


def test_same_signal__twice_is_one_alert(here: Workspace) -> None:
    for _ in range(2):
        _tell(here, "mission.safeguard", violation="v1", ref="MSN-1", safeguard="No mail",
              severity="critical", stage="execute_observe", found="it wrote one")  # fmt: skip
        signals.work(LONG)
    assert Alert.objects.get().repeats == 0
    assert Incident.objects.get().category == "governance"


@pytest.mark.parametrize("kind", sorted(
    kind for kind in signals.CONSUMERS
    if signals.CONSUMERS[kind].__module__.startswith("incidents.hearing")
))  # fmt: skip
def test_stranger__a_signal_that_says_nothing_breaks_nothing(here: Workspace, kind: str) -> None:
    _tell(here, kind, window="00000000-0000-7000-8000-000000000000")
    signals.work(LONG)
    assert Signal.objects.get(kind=kind).state == "done"


def test_maintenance__keeps_its_services_quiet_until_it_is_over() -> None:
    world = maintenance.World()
    begun = services.start(world.sign_window(world.emergency()), actor=world.actor)
    signals.work(LONG)
    silence = Silence.objects.get()
    assert (silence.origin, silence.matchers[0]["value"]) == ("maintenance", "api")
    maintenance.finish_tasks(begun, world.actor)
    services.finish(maintenance.again(begun), actor=world.actor)
    signals.work(LONG)
    silence.refresh_from_db()
    assert silence.ends_at <= clock.now()
