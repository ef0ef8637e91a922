"""What rules of telemetry ask for beside an alert: how urgent its work item is, and that governance
and the open release hear of it. By the rules as they are shipped."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.base import signals
from controlplane.lib import clock
from controlplane.notify.models import InboxItem
from controlplane.notify.services.contacts import add_contact
from controlplane.work.models import Item
from incidents.models import Incident
from telemetry.rules.shipped.form import RULES
from tests import make
from tests.kit.deployments import World, deliver
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db


def fire(here: Workspace, slug: str, *, episode: int = 1, **more: Any) -> None:
    """As the evaluation tells of a shipped rule."""
    rule = RULES[slug]
    payload = {
        "rule": slug, "fingerprint": slug, "episode": episode, "series": "",
        "fired_at": clock.now().isoformat(), "sentence": "It is over its limit.",
        **{name: rule[name] for name in ("title", "severity", "hooks", "labels", "runbook",
                                         "group_by")},
        "routing": {"roles": rule["notify_roles"], "ack_within_s": rule["ack_within_s"],
                    "escalate_after_s": None, "escalate_to": ""},
        **more,
    }  # fmt: skip
    signals.emit("telemetry.rule_fired", key=f"{slug}:{episode}", payload=payload,
                 workspace_id=here.pk)  # fmt: skip
    signals.work(float("inf"))


def told(kind: str) -> set[str]:
    rows = InboxItem.objects.filter(notification__kind=kind)
    return set(rows.values_list("user__name", flat=True))


def talk(item: Item | None) -> str:
    assert item is not None
    deliver()
    return "\n".join(item.comments.order_by("pk").values_list("text", flat=True))


# --- How urgent -----------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["high-error-rate", "service-down", "portal-beat"])
def test_critical__is_of_priority_0_whatever_its_level(slug: str) -> None:
    here = make.workspace()
    fire(here, slug)
    fire(here, slug, episode=2)
    incident = Incident.objects.get()
    assert incident.item is not None
    assert incident.item.priority == 0


def test_incident_of_a_person__is_as_urgent_as_its_level() -> None:
    item = Watchroom().incident("sev2", item_priority=3).item
    assert item is not None
    assert item.priority == 1


def test_executor__opens_an_item_for_the_toolkit() -> None:
    fire(make.workspace(), "executor-errors", series="gmail", group_by="toolkit")
    item = Item.objects.get(labels__contains=["alert"])
    assert item.priority == 1
    assert {"toolkit", "warning"} <= set(item.labels)


# --- Governance -----------------------------------------------------------------------------------


def test_governance__has_a_task_and_whoever_governs_is_told() -> None:
    here = make.workspace()
    make.person(here, "primary_operator", name="Prim", password=None)
    validator = make.person(here, "governance_validator", name="Val", password=None)
    fire(here, "oauth-failures")
    item = Item.objects.get(labels__contains=["governance"])
    assert (item.item_type, item.priority, item.assignee) == ("task", 1, validator.email)
    assert told("alert.governance") == {"Val"}
    assert told("alert.warning") == {"Prim"}


def test_governance__goes_to_the_lead_that_the_book_names() -> None:
    here = make.workspace()
    make.person(here, "governance_validator", name="Val", password=None)
    lead = make.person(here, "governance_validator", name="Lead", password=None)
    add_contact(here, actor=make.JOB, purpose="governance_validator_lead", name="Lead", user=lead,
                email=lead.email)  # fmt: skip
    fire(here, "oauth-failures")
    assert Item.objects.get(labels__contains=["governance"]).assignee == lead.email
    assert told("alert.governance") == {"Lead"}


def test_governance__is_mailed_to_a_lead_without_an_account(mailoutbox: Any) -> None:
    here, other = make.workspace(), make.workspace()
    validator = make.person(here, "governance_validator", name="Val", password=None)
    lead = {"purpose": "governance_validator_lead", "name": "Lena"}
    add_contact(here, actor=make.JOB, email="lena@house.example", **lead)
    add_contact(here, actor=make.JOB, phone="+49 30 1234567", **lead)
    add_contact(other, actor=make.JOB, email="stranger@house.example", **lead)
    fire(here, "oauth-failures")
    fire(here, "oauth-failures", episode=2)
    deliver()
    mails = [mail for mail in mailoutbox if mail.to == ["lena@house.example"]]
    assert [mail.subject for mail in mails] == ["OAuth refreshes fail"]
    assert not [mail for mail in mailoutbox if "stranger@house.example" in mail.to]
    assert told("alert.governance") == {"Val"}
    assert Item.objects.get(labels__contains=["governance"]).assignee == validator.email


def test_governance__of_nobody_falls_to_whoever_is_on_duty() -> None:
    world = World()
    on_call = world.on_call()
    fire(world.workspace, "oauth-failures")
    assert Item.objects.get(labels__contains=["governance"]).assignee == on_call.email


# --- The open release -----------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["stage-completion", "undo-failures", "flag-change"])
def test_regression__is_said_on_the_open_release(slug: str) -> None:
    world = World()
    deployment = world.started()
    fire(world.workspace, slug, series="plan")
    assert f"Alert: {RULES[slug]['title']}" in talk(deployment.item)


def test_regression__is_looked_into_as_any_warning_and_said_once() -> None:
    world = World()
    deployment = world.started()
    for episode in (1, 2):
        fire(world.workspace, "stage-completion", series="plan", episode=episode)
    assert Item.objects.filter(labels__contains=["alert"]).count() == 1
    assert talk(deployment.item).count("Alert: ") == 1


def test_maintenance__is_known_and_written_on_no_release() -> None:
    world = World()
    deployment = world.started()
    fire(world.workspace, "maintenance")
    assert "Alert: " not in talk(deployment.item)


def test_release_of_another_workspace__hears_nothing() -> None:
    elsewhere = World().started()
    fire(make.workspace(), "stage-completion", series="plan")
    assert "Alert: " not in talk(elsewhere.item)


def test_strangers__are_told_nothing() -> None:
    here, there = make.workspace(), make.workspace()
    make.person(there, "governance_validator", name="Stranger", password=None)
    fire(here, "oauth-failures")
    assert "Stranger" not in told("alert.governance") | told("alert.warning")
