"""Keys and agents through their services: who may, how long, how much, and how they end."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction

from controlplane.access import credential_cache
from controlplane.access.credentials import authenticate_bearer
from controlplane.access.models import Agent, ApiKey
from controlplane.access.services.agents import (
    change_agent,
    create_agent,
    deactivate_agent,
    reactivate_agent,
)
from controlplane.access.services.keys import issue_key, revoke_key, rotate_key
from controlplane.audit.models import AuditEvent
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotAllowed, Unauthorized
from tests import make

pytestmark = pytest.mark.django_db
START = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


def enter(secret: str) -> Actor:
    credential_cache.forget()
    return authenticate_bearer(f"Bearer {secret}", "203.0.113.5")


def accepted(secret: str) -> bool:
    try:
        enter(secret)
    except Unauthorized:
        return False
    return True


def test_key__issued__opens_the_door_and_leaves_no_secret_behind() -> None:
    workspace = make.workspace()
    agent = make.agent(workspace, role="executor")
    key, secret = make.key(agent)

    actor = enter(secret)

    assert (actor.kind, actor.agent_id, actor.key_id) == ("agent", agent.pk, key.pk)
    assert actor.roles == {workspace.pk: frozenset({"executor"})}
    assert actor.claims["workspace_id"] == str(workspace.uid)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(k)::text FROM access_apikey k")
        rows = str(cursor.fetchall())
        cursor.execute("SELECT row_to_json(e)::text FROM audit_auditevent e")
        rows += str(cursor.fetchall())
    assert secret not in rows
    assert secret.split("_")[3][:43] not in rows


def test_key__expires__on_the_second() -> None:
    agent = make.agent(make.workspace())
    with time_machine.travel(START, tick=False) as clock:
        _, secret = make.key(agent, days=30)
        clock.move_to(START + timedelta(days=30, seconds=-1))
        assert enter(secret).agent_id == agent.pk
        clock.move_to(START + timedelta(days=30))
        with pytest.raises(Unauthorized):
            enter(secret)


def test_key__not_before__waits() -> None:
    agent = make.agent(make.workspace())
    with time_machine.travel(START, tick=False) as clock:
        _, secret = make.key(agent, not_before=START + timedelta(hours=1))
        with pytest.raises(Unauthorized):
            enter(secret)
        clock.shift(timedelta(hours=1))
        assert accepted(secret)


@pytest.mark.parametrize("days", [0, -1, 366, 10**9])
def test_key__longer_than_a_year_or_no_time__is_refused(days: int) -> None:
    with pytest.raises(Invalid):
        make.key(make.agent(make.workspace()), days=days)


def test_rotation__overlap__both_work_then_only_the_new_one() -> None:
    agent = make.agent(make.workspace())
    with time_machine.travel(START, tick=False) as clock:
        old, old_secret = make.key(agent, scopes=["catalog.view"])
        issued = rotate_key(old, actor=make.JOB, overlap_hours=2)
        assert issued.key.rotated_from == old
        assert issued.key.scopes == ["catalog.view"]
        assert enter(old_secret).agent_id == enter(str(issued.secret)).agent_id == agent.pk
        clock.shift(timedelta(hours=2))
        assert accepted(str(issued.secret))
        with pytest.raises(Unauthorized):
            enter(old_secret)


def test_rotation__without_overlap__ends_the_old_key_at_once() -> None:
    old, old_secret = make.key(make.agent(make.workspace()))
    rotate_key(old, actor=make.JOB, overlap_hours=0)
    with pytest.raises(Unauthorized):
        enter(old_secret)


def test_rotation__never_prolongs_the_old_key() -> None:
    with time_machine.travel(START, tick=False):
        old, _ = make.key(make.agent(make.workspace()), days=1)
        rotate_key(old, actor=make.JOB, overlap_hours=48)
        old.refresh_from_db()
        assert old.expires_at == START + timedelta(days=1)


def test_rotation__twice_or_of_a_dead_key__is_a_conflict() -> None:
    old, _ = make.key(make.agent(make.workspace()))
    issued = rotate_key(old, actor=make.JOB)
    with pytest.raises(Conflict):
        rotate_key(old, actor=make.JOB)
    revoke_key(issued.key, actor=make.JOB)
    with pytest.raises(Conflict):
        rotate_key(issued.key, actor=make.JOB)


def test_revocation__works_at_once_although_the_key_was_just_used() -> None:
    key, secret = make.key(make.agent(make.workspace()))
    authenticate_bearer(f"Bearer {secret}", "203.0.113.5")
    revoke_key(key, actor=make.JOB, reason="found in a log")
    with pytest.raises(Unauthorized):
        authenticate_bearer(f"Bearer {secret}", "203.0.113.5")
    event = AuditEvent.objects.get(action="key.revoke")
    assert event.reason == "found in a log"
    revoke_key(key, actor=make.JOB)
    assert AuditEvent.objects.filter(action="key.revoke").count() == 1


def test_deactivated_agent__has_no_working_key_until_it_is_back() -> None:
    agent = make.agent(make.workspace())
    _, secret = make.key(agent)
    deactivate_agent(agent, actor=make.JOB)
    with pytest.raises(Unauthorized):
        enter(secret)
    with pytest.raises(Conflict):
        make.key(agent)
    reactivate_agent(agent, actor=make.JOB)
    assert accepted(secret)


@pytest.mark.parametrize(
    "scope", ["", "nothing.view", "catalog", "*.view", "key.manage", "member.*"]
)
def test_scope__that_covers_nothing_a_key_may_do__is_refused(scope: str) -> None:
    with pytest.raises(Invalid) as error:
        make.key(make.agent(make.workspace()), scopes=[scope])
    assert "scopes" in error.value.details


def test_service_account__needs_scopes_and_has_no_role() -> None:
    workspace = make.workspace()
    service = make.agent(workspace, role="")
    with pytest.raises(Invalid):
        issue_key(service, actor=make.JOB, name="bare")
    with pytest.raises(Invalid):
        create_agent(workspace, actor=make.JOB, name="both", kind="service", role="executor")
    with pytest.raises(IntegrityError), transaction.atomic():
        Agent.objects.create(workspace=workspace, name="raw", kind="service", role="executor")


@pytest.mark.parametrize("role", ["workspace_admin", "mission_owner", "viewer", "", "nobody"])
def test_agent__with_a_persons_role__is_refused(role: str) -> None:
    with pytest.raises(Invalid):
        create_agent(make.workspace(), actor=make.JOB, name="x", role=role)


def test_agent__second_of_a_name__is_a_conflict() -> None:
    workspace = make.workspace()
    make.agent(workspace, name="Scout")
    with pytest.raises(Conflict):
        make.agent(workspace, name="scout")
    make.agent(make.workspace(), name="scout")


def test_agent__changed_role__ends_its_tokens_only() -> None:
    agent = make.agent(make.workspace(), role="planner")
    _, secret = make.key(agent)
    changed = change_agent(agent, actor=make.JOB, role="executor")
    assert changed.token_epoch == agent.token_epoch + 1
    assert enter(secret).roles_in(agent.workspace_id) == {"executor"}
    assert change_agent(changed, actor=make.JOB, description="new").token_epoch == 1


# --- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["workspace_admin", "security_lead"])
def test_key__issued_by_its_manager__is_audited(role: str) -> None:
    workspace = make.workspace()
    actor = make.actor(make.person(workspace, role))
    issued = issue_key(make.agent(workspace), actor=actor, name="ci")
    event = AuditEvent.objects.get(action="key.issue")
    assert event.workspace_id == workspace.pk
    assert event.actor_ref == actor.ref
    assert issued.key.created_by == str(actor)


@pytest.mark.parametrize("role", ["viewer", "mission_owner", "operations_command", "compliance"])
def test_key__issued_by_another_role__is_refused(role: str) -> None:
    workspace = make.workspace()
    actor = make.actor(make.person(workspace, role))
    with pytest.raises(NotAllowed):
        issue_key(make.agent(workspace), actor=actor, name="ci")


def test_key__of_another_workspaces_agent__is_refused() -> None:
    actor = make.actor(make.person(make.workspace(), "workspace_admin"))
    stranger = make.agent(make.workspace())
    key, _ = make.key(stranger)
    for attempt in (
        lambda: issue_key(stranger, actor=actor, name="ci"),
        lambda: rotate_key(key, actor=actor),
        lambda: revoke_key(key, actor=actor),
        lambda: change_agent(stranger, actor=actor, name="mine"),
        lambda: deactivate_agent(stranger, actor=actor),
    ):
        with pytest.raises(NotAllowed) as error:
            attempt()
        assert error.value.error_code == "WORKSPACE_MISMATCH"
    assert not ApiKey.objects.visible_to(actor).exists()
    assert not Agent.objects.visible_to(actor).exists()


def test_key__issued_with_a_stale_second_factor__is_refused() -> None:
    workspace = make.workspace()
    actor = make.actor(make.person(workspace, "workspace_admin"), recent_factor=False)
    with pytest.raises(NotAllowed) as error:
        issue_key(make.agent(workspace), actor=actor, name="ci")
    assert error.value.error_code == "SECOND_FACTOR_REQUIRED"


def test_key__with_more_than_its_issuer_may__is_refused() -> None:
    """The security lead manages keys but does not manage the workspace: a key that did would
    be the way up."""
    workspace = make.workspace()
    lead = make.actor(make.person(workspace, "security_lead"))
    service = make.agent(workspace, role="")
    for scopes in (["workspace.*"], ["*"], ["notify.manage_channels"]):
        with pytest.raises(NotAllowed) as error:
            issue_key(service, actor=lead, name="ci", scopes=scopes)
        assert error.value.error_code == "INSUFFICIENT_AUTHORITY"
    issue_key(service, actor=lead, name="ci", scopes=["audit.view"])
    admin = make.actor(make.person(workspace, "workspace_admin"))
    strong = issue_key(service, actor=admin, name="ci", scopes=["*"])
    with pytest.raises(NotAllowed):
        rotate_key(strong.key, actor=lead)


def test_key__never_issues_keys() -> None:
    workspace = make.workspace()
    _, secret = make.key(make.agent(workspace, role=""), scopes=["*"])
    with pytest.raises(NotAllowed) as error:
        issue_key(make.agent(workspace), actor=enter(secret), name="child")
    assert error.value.denial
    assert error.value.denial["rule"] == "not_by_key"


# --- a person's own keys --------------------------------------------------------------------------


def test_own_key__may_what_the_person_may_now_within_its_scopes() -> None:
    workspace = make.workspace()
    person = make.person(workspace, "release_manager")
    own = make.actor(person)
    narrow = issue_key(person, actor=own, workspace=workspace, name="cli", scopes=["catalog.*"])
    wide = issue_key(person, actor=own, workspace=workspace, name="cli 2")
    from controlplane.access.policy import can

    actor = enter(str(narrow.secret))
    assert (actor.kind, actor.user_id) == ("person", person.pk)
    assert can(actor, "catalog.manage", workspace)
    assert not can(actor, "job.manage", workspace)
    actor = enter(str(wide.secret))
    assert can(actor, "job.manage", workspace)
    assert not can(actor, "workspace.manage", workspace)
    assert not can(actor, "member.view", workspace), "never with a key"


def test_own_key__reaches_one_workspace_and_no_superuser_power() -> None:
    workspace, other = make.workspace(), make.workspace()
    person = make.superuser()
    from controlplane.access import services

    for space, role in ((workspace, "viewer"), (other, "workspace_admin")):
        services.grant_role(
            services.add_member(space, person, actor=make.JOB), role, actor=make.JOB
        )
    issued = issue_key(person, actor=make.actor(person), workspace=workspace, name="cli")
    actor = enter(str(issued.secret))
    assert actor.workspace_ids == {workspace.pk}
    assert not actor.superuser


def test_own_key__of_a_person_without_a_role_left__is_dead() -> None:
    from controlplane.access import services

    workspace = make.workspace()
    make.person(workspace, "workspace_admin")
    person = make.person(workspace, "viewer")
    issued = issue_key(person, actor=make.actor(person), workspace=workspace, name="cli")
    assert accepted(str(issued.secret))
    services.remove_member(make.membership(person, workspace), actor=make.JOB, reason="left us")
    with pytest.raises(Unauthorized):
        enter(str(issued.secret))


def test_own_key__made_for_somebody_else__is_refused() -> None:
    workspace = make.workspace()
    person = make.person(workspace, "viewer")
    for actor in (make.actor(make.person(workspace, "workspace_admin")), make.JOB):
        with pytest.raises(NotAllowed):
            issue_key(person, actor=actor, workspace=workspace, name="as you")


def test_own_key__where_the_person_is_no_member__is_refused() -> None:
    person = make.person(make.workspace(), "viewer")
    with pytest.raises(NotAllowed):
        issue_key(person, actor=make.actor(person), workspace=make.workspace(), name="cli")


def test_own_key__revoked_by_an_admin_or_oneself_not_by_a_colleague() -> None:
    workspace = make.workspace()
    person = make.person(workspace, "viewer")
    own = make.actor(person)
    first = issue_key(person, actor=own, workspace=workspace, name="one").key
    second = issue_key(person, actor=own, workspace=workspace, name="two").key
    with pytest.raises(NotAllowed):
        revoke_key(first, actor=make.actor(make.person(workspace, "release_manager")))
    assert revoke_key(first, actor=own).revoked_at
    admin = make.actor(make.person(workspace, "workspace_admin"))
    assert revoke_key(second, actor=admin).revoked_at
    with_key = dataclasses.replace(own, scopes=frozenset({"*"}))
    third = issue_key(person, actor=own, workspace=workspace, name="three").key
    with pytest.raises(NotAllowed):
        revoke_key(third, actor=with_key)
