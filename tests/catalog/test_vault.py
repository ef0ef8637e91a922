"""The register of secrets: who may note and rotate them, when they are due, who hears of it."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from controlplane.access.models import User
from controlplane.audit.models import AuditEvent
from controlplane.base.registries import audit_rules
from controlplane.catalog import services, tasks
from controlplane.catalog.models import VaultSecret
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.notify.models import InboxItem
from tests import make
from tests.kit import catalog, settled
from tests.kit.api import Api, refused

pytestmark = pytest.mark.django_db
HERE = "/api/v1/catalog/secrets"
PAGE = "/admin/catalog/vaultsecret"


@settled.once
def scene() -> SimpleNamespace:
    workspace = make.workspace()
    lead, owner = (make.person(workspace, role) for role in ("security_lead", "sre_liaison"))
    stranger = make.person(make.workspace(), "security_lead", "workspace_admin")
    return SimpleNamespace(workspace=workspace, lead=lead, owner=owner, stranger=stranger)


def ago(days: int) -> date:
    return clock.now().date() - timedelta(days=days)


def noted(scene: SimpleNamespace, **fields: Any) -> VaultSecret:
    return catalog.secret(scene.workspace, **fields)


def told(user: User) -> list[str]:
    rows = InboxItem.objects.filter(user=user).order_by("pk")
    return list(rows.values_list("notification__subject", flat=True))


def state(row: VaultSecret) -> str:
    return row.state(clock.now().date())


# --- When one is due ------------------------------------------------------------------------------


def test_due__by_its_own_days__and_at_once_where_nobody_knows(scene: SimpleNamespace) -> None:
    found = {
        state(noted(scene, rotate_days=days, rotated_on=None if age is None else ago(age)))
        + f" {days} {age}"
        for days, age in ((90, 10), (90, 76), (90, 75), (90, 90), (30, 30), (400, 90), (90, None))
    }
    assert found == {
        "in time 90 10", "due soon 90 76", "in time 90 75", "due 90 90", "due 30 30",
        "in time 400 90", "due 90 None",
    }  # fmt: skip
    assert VaultSecret.objects.due().count() == 3
    assert VaultSecret.objects.due(within=14).count() == 4


def test_rotate__sets_the_next_day_and_is_on_record(scene: SimpleNamespace) -> None:
    row = noted(scene, rotated_on=ago(100))
    changed = services.rotate_secret(row, actor=make.actor(scene.owner), note="Planned.")
    assert (changed.rotated_on, changed.due_on) == (ago(0), ago(-90))
    event = AuditEvent.objects.filter(action="vault.rotate").latest("id")
    assert event.reason == "Planned."
    for wrong in (ago(-3), ago(1)):
        with pytest.raises(Invalid):
            services.rotate_secret(row, actor=make.JOB, on=wrong)
    services.switch_secret(row, actor=make.JOB, active=False, reason="Nothing asks for it.")
    with pytest.raises(Conflict):
        services.rotate_secret(row, actor=make.JOB)


def test_change__of_its_days__moves_the_day_it_is_due(scene: SimpleNamespace) -> None:
    row = noted(scene, rotated_on=ago(20))
    row = services.change_secret(row, actor=make.actor(scene.lead), rotate_days=30)
    assert row.due_on == ago(-10)
    for wrong in ({"rotate_days": 0}, {"rotate_days": 401}, {"owner_role": "king"}, {"due_on": 1}):
        with pytest.raises(Invalid):
            services.change_secret(row, actor=make.JOB, **wrong)


def test_value__has_no_place_anywhere(scene: SimpleNamespace) -> None:
    value = "sk_live_" + "4f9a8B7c6D5e4F3a2B1c"
    for name in ("name", "purpose", "kept_in"):
        with pytest.raises(Invalid, match="looks like a secret itself"):
            noted(scene, **{name: f"it is {value}"})
    row = noted(scene)
    with pytest.raises(Invalid):
        services.change_secret(row, actor=make.JOB, purpose=f"password={value}")
    with pytest.raises(Invalid):
        services.rotate_secret(row, actor=make.JOB, note=f"now {value}")
    assert VaultSecret.objects.count() == 1


def test_name__once_in_a_workspace(scene: SimpleNamespace) -> None:
    row = noted(scene, name="Deploy token")
    with pytest.raises(Conflict):
        noted(scene, name="deploy TOKEN")
    catalog.secret(make.workspace(), name="Deploy token")
    for wrong in ({"rotate_days": 0}, {"kept_in": ""}):
        with pytest.raises(IntegrityError), transaction.atomic():
            VaultSecret.objects.filter(pk=row.pk).update(**wrong)


# --- Who hears of it ------------------------------------------------------------------------------


def test_reminder__owner_before_it_is_due__security_lead_when_it_is(
    scene: SimpleNamespace,
) -> None:
    noted(scene, name="Fresh", rotated_on=ago(1))
    noted(scene, name="Mail key", rotated_on=ago(80))
    noted(scene, name="Old key", rotated_on=ago(91))
    services.switch_secret(
        noted(scene, name="Gone"), actor=make.JOB, active=False, reason="Nothing asks for it."
    )
    for _ in range(2):
        assert tasks.remind_of_secrets() == {"soon": 1, "due": 1}
    soon, late = f"Mail key is to be changed by {ago(-10)}", "Old key is due to be changed"
    assert told(scene.owner) == [soon, late]
    assert told(scene.lead) == [late]
    assert told(scene.stranger) == []


def test_governance__says_how_many_are_due(scene: SimpleNamespace) -> None:
    rule = audit_rules.get("console.secrets")
    assert rule is not None
    where = scene.workspace.pk
    assert rule.check(where).status == "not_applicable"
    row = noted(scene)
    catalog.secret(make.workspace())
    assert (rule.check(where).status, rule.check(where).value) == ("failing", 1)
    services.rotate_secret(row, actor=make.JOB)
    assert rule.check(where).status == "ok"


# --- Doors ----------------------------------------------------------------------------------------


def test_roles__who_may_note_and_who_may_rotate(scene: SimpleNamespace) -> None:
    row = noted(scene)
    owner, stranger = make.actor(scene.owner), make.actor(scene.stranger)
    viewer = make.actor(make.person(scene.workspace, "viewer"))
    with pytest.raises(NotAllowed):
        services.change_secret(row, actor=owner, purpose="Mine")
    for who in (viewer, stranger):
        with pytest.raises(NotAllowed):
            services.rotate_secret(row, actor=who)
        with pytest.raises(NotAllowed):
            services.switch_secret(row, actor=who, active=False, reason="Mine.")
    row.refresh_from_db()
    assert (row.rotated_on, row.is_active) == (None, True)


def test_api__noted_rotated_retired__by_a_vault_with_its_key(scene: SimpleNamespace) -> None:
    lead = Api(browser=make.client(scene.lead))
    body = {
        "name": "Composio", "purpose": "Tool calls", "kept_in": "Vault: composio",
        "owner_role": "sre_liaison", "rotated_on": str(ago(80)),
    }  # fmt: skip
    made = lead.post(HERE, body)
    assert made.status_code == 201
    path = made["Location"]
    refused(lead.post(HERE, body), "CONFLICT")
    assert [row["name"] for row in lead.get(f"{HERE}?due_by={ago(-10)}").json()["items"]] == [
        "Composio"
    ]
    assert lead.get(f"{HERE}?due_by={ago(0)}").json()["items"] == []
    assert lead.send("PATCH", path, {"rotate_days": 60}).json()["due_on"] == str(ago(20))
    vault = make.agent(scene.workspace, role="")
    by_key = Api(make.key(vault, scopes=["vault.rotate"])[1])
    refused(by_key.send("PATCH", path, {"rotate_days": 400}), "FORBIDDEN")
    assert by_key.post(f"{path}/rotated", {"on": str(ago(1))}).json()["due_on"] == str(ago(-59))
    refused(by_key.post(f"{path}/rotated", {"on": str(ago(-9))}), "INVALID_ARGUMENT")
    assert lead.post(f"{path}/retire", {"reason": "Gone."}).json()["is_active"] is False
    refused(by_key.post(f"{path}/rotated", {}), "CONFLICT")


def test_api__strangers_and_viewers(scene: SimpleNamespace) -> None:
    row = noted(scene)
    stranger = Api(browser=make.client(scene.stranger))
    viewer = Api(browser=make.client(make.person(scene.workspace, "viewer")))
    path = f"{HERE}/{row.uid}"
    assert stranger.get(HERE).json()["items"] == []
    refused(viewer.get(HERE), "FORBIDDEN")
    for who, code in ((stranger, "NOT_FOUND"), (viewer, "FORBIDDEN")):
        refused(who.get(path), code)
        refused(who.send("PATCH", path, {"name": "Mine"}), code)
        for act in ("rotated", "retire"):
            refused(who.post(f"{path}/{act}", {}), code)
    row.refresh_from_db()
    assert row.version == 1


def test_console__noted_by_a_form__and_changed_by_a_button(scene: SimpleNamespace) -> None:
    browser: Client = make.client(scene.lead)
    form = {
        "name": "<b>Key</b>", "purpose": "Mail", "kept_in": "Vault: mail",
        "owner_role": "sre_liaison", "rotate_days": "90", "rotated_on": str(ago(95)),
    }  # fmt: skip
    url = f"{PAGE}/add/?workspace={scene.workspace.slug}"
    assert browser.post(url, {**form, "owner_role": ""}).status_code == 200
    answer = browser.post(url, form)
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    row = VaultSecret.objects.get()
    text = browser.get(f"{PAGE}/?age=due").content.decode()
    assert "&lt;b&gt;Key" in text
    assert "<b>Key" not in text
    there = f"{PAGE}/{row.uid}"
    assert "Changed today" in browser.get(f"{there}/change/").content.decode()
    assert browser.post(f"{there}/do/rotated/", {"reason": "Planned."}).status_code == 302
    row.refresh_from_db()
    assert state(row) == "in time"
    assert "&lt;b&gt;Key" not in browser.get(f"{PAGE}/?age=due").content.decode()


def test_console__strangers_and_viewers(scene: SimpleNamespace) -> None:
    row = noted(scene)
    stranger = make.client(scene.stranger)
    viewer = make.client(make.person(scene.workspace, "viewer"))
    assert str(row.uid) not in stranger.get(f"{PAGE}/?view=all").content.decode()
    assert viewer.get(f"{PAGE}/?view=all").status_code == 403
    for who in (stranger, viewer):
        assert who.get(f"{PAGE}/{row.uid}/change/").status_code in {403, 404}
        for act in ("rotated", "retire"):
            posted = who.post(f"{PAGE}/{row.uid}/do/{act}/", {"reason": "mine"})
            assert posted.status_code in {403, 404}
    row.refresh_from_db()
    assert row.version == 1
