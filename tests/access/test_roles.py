"""Roles: the matrix role by role in the own and another workspace, granting, revoking, the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.access import policy, services
from controlplane.access.models import Grant, Membership, Workspace
from controlplane.access.principals import actor_for_agent
from controlplane.audit.models import AuditEvent
from controlplane.jobs import runs
from controlplane.jobs.models import JobRun, ScheduledJob
from controlplane.lib import clock
from controlplane.lib.actors import ANONYMOUS
from controlplane.lib.errors import Conflict, Invalid, NotAllowed, NotFound
from tests import make
from tests.kit.racing import race

pytestmark = pytest.mark.django_db
PEOPLE = sorted(policy.PEOPLE)
AGENTS = sorted(policy.AGENTS)


class Row:
    """Anything that stands in a workspace."""

    def __init__(self, workspace: Workspace | None) -> None:
        self.workspace_id = workspace.pk if workspace else None


def test_matrix__person__may_what_the_table_says_here_and_nothing_elsewhere() -> None:
    here, elsewhere = make.workspace(), make.workspace()
    matrix = policy.matrix()
    for role in PEOPLE:
        actor = make.actor(make.person(here, role))
        for action, (entry, held) in matrix.items():
            assert policy.can(actor, action, Row(here)).allowed == held[role], (role, action)
            assert not policy.can(actor, action, Row(elsewhere)), (role, action)
            assert policy.can(actor, action).allowed == held[role], (role, action)
            assert entry.label
            if not action.endswith(".view"):
                assert not policy.can(actor, action, Row(None)), (role, action)


def test_matrix__agent__may_what_the_table_says_here_and_nothing_elsewhere() -> None:
    here, elsewhere = make.workspace(), make.workspace()
    for role in AGENTS:
        actor = make.actor(make.agent(here, role=role))
        for action, (_, held) in policy.matrix().items():
            assert policy.can(actor, action, Row(here)).allowed == held[role], (role, action)
            assert not policy.can(actor, action, Row(elsewhere)), (role, action)


def test_matrix__nobody_and_people_without_a_role__may_nothing() -> None:
    ws = make.workspace()
    for actor in (ANONYMOUS, make.actor(make.person()), make.actor(make.person(ws))):
        for action in policy.ACTIONS:
            assert not policy.can(actor, action, Row(ws)), action
            assert not policy.can(actor, action), action


def test_matrix__superuser__is_a_stranger_in_a_workspace_until_break_glass() -> None:
    ws = make.workspace()
    actor = make.actor(make.superuser())
    for action in policy.ACTIONS:
        assert not policy.can(actor, action, Row(ws)), action


def test_matrix__what_is_never_by_key__no_scope_opens() -> None:
    ws = make.workspace()
    service = make.agent(ws, role="")
    actor = actor_for_agent(service, scopes=["*"])
    for action, entry in policy.ACTIONS.items():
        assert policy.can(actor, action, Row(ws)).allowed == entry.by_key, action


def test_scope__of_one_workspace__does_not_reach_what_all_share() -> None:
    """An admin of one workspace can give a service account every scope that admins hold; it must
    not run the installation's jobs with it, which that admin may not do either."""
    ws = make.workspace()
    service = actor_for_agent(make.agent(ws, role=""), scopes=["*"])
    shared = ScheduledJob(name="jobs.clean_up")
    for action in policy.ACTIONS:
        if not action.endswith(".view"):
            assert not policy.can(service, action, shared), action
    with pytest.raises(NotAllowed):
        runs.ask_run("jobs.clean_up", actor=service)
    assert not JobRun.objects.exists()


def test_unknown_action__is_a_bug_not_a_denial() -> None:
    with pytest.raises(KeyError):
        policy.can(ANONYMOUS, "no.such_action")


# --- Granting ------------------------------------------------------------------------------------


def member_with(ws: Workspace, *roles: str) -> Membership:
    return make.membership(make.person(ws, *roles), ws)


def test_grant__by_admin__holds_and_is_recorded() -> None:
    ws = make.workspace()
    admin = make.person(ws, "workspace_admin")
    membership = member_with(ws)
    grant = services.grant_role(membership, "legal", actor=make.actor(admin), reason="new counsel")
    assert grant.granted_by == f"user:{admin.pk} {admin.email}"
    event = AuditEvent.objects.filter(action="member.grant").latest("id")
    assert event.workspace_id == ws.pk
    assert (event.after or {})["role"] == "legal"
    assert "legal" in make.actor(membership.user).roles_in(ws.pk)


def test_grant__by_any_other_role__is_refused() -> None:
    ws = make.workspace()
    membership = member_with(ws, "viewer")
    held = membership.grants.get()
    calls: list[Any] = [
        lambda actor: services.grant_role(membership, "legal", actor=actor),
        lambda actor: services.revoke_role(held, actor=actor),
        lambda actor: services.remove_member(membership, actor=actor),
        lambda actor: services.invite(ws, actor=actor, email="x@example.org", name="X", roles=[]),
        lambda actor: services.deactivate_user(membership.user, actor=actor),
        lambda actor: services.change_user(membership.user, actor=actor, name="Other"),
    ]
    for role in sorted(policy.PEOPLE - {"workspace_admin", "security_lead"}):
        actor = make.actor(make.person(ws, role))
        for call in calls:
            with pytest.raises(NotAllowed):
                call(actor)
    held.refresh_from_db()
    assert held.revoked_at is None


def test_grant__by_admin_of_another_workspace__is_refused() -> None:
    ws = make.workspace()
    membership = member_with(ws, "viewer")
    stranger = make.actor(make.person(make.workspace(), "workspace_admin"))
    for call in (
        lambda: services.grant_role(membership, "legal", actor=stranger),
        lambda: services.revoke_role(membership.grants.get(), actor=stranger),
        lambda: services.remove_member(membership, actor=stranger),
        lambda: services.add_member(ws, make.person(), actor=stranger),
    ):
        with pytest.raises(NotAllowed) as refused:
            call()
        assert refused.value.error_code == "WORKSPACE_MISMATCH"


def test_grant__to_oneself__is_refused_by_name_of_the_rule() -> None:
    ws = make.workspace()
    admin = make.person(ws, "workspace_admin")
    with pytest.raises(NotAllowed) as refused:
        services.grant_role(make.membership(admin, ws), "cto", actor=make.actor(admin))
    assert refused.value.denial is not None
    assert refused.value.denial["rule"] == "nobody_grants_themselves_a_role"


@pytest.mark.parametrize("role", ["executor", "no_such_role", ""])
def test_grant__of_what_is_no_role_of_people__is_refused(role: str) -> None:
    with pytest.raises(Invalid):
        services.grant_role(member_with(make.workspace()), role, actor=make.JOB)


def test_grant__twice__is_a_conflict_and_after_its_end_is_not(time_machine: Any) -> None:
    time_machine.move_to("2026-10-05T09:00:00Z", tick=False)
    ws = make.workspace()
    membership = member_with(ws)
    until = clock.now() + timedelta(days=1)
    services.grant_role(membership, "legal", actor=make.JOB, expires_at=until)
    with pytest.raises(Conflict):
        services.grant_role(membership, "legal", actor=make.JOB)
    assert "legal" in make.actor(membership.user).roles_in(ws.pk)
    time_machine.shift(timedelta(days=1))
    assert "legal" not in make.actor(membership.user).roles_in(ws.pk)
    services.grant_role(membership, "legal", actor=make.JOB)
    assert Grant.objects.filter(membership=membership).count() == 2


def test_grant__with_an_end_in_the_past__is_refused() -> None:
    membership = member_with(make.workspace())
    with pytest.raises(Invalid):
        services.grant_role(membership, "legal", actor=make.JOB, expires_at=clock.now())


def test_last_admin__can_not_leave_be_revoked_removed_or_closed() -> None:
    ws = make.workspace()
    admin = make.person(ws, "workspace_admin")
    membership = make.membership(admin, ws)
    actor = make.actor(admin)
    calls: list[Any] = [
        lambda: services.revoke_role(membership.grants.get(), actor=actor),
        lambda: services.remove_member(membership, actor=actor),
        lambda: services.deactivate_user(admin, actor=make.JOB),
    ]
    for call in calls:
        with pytest.raises(Conflict):
            call()
    make.person(ws, "workspace_admin")
    services.revoke_role(membership.grants.get(), actor=actor)


@pytest.mark.django_db(transaction=True)
def test_last_two_admins__removing_each_other_at_once__leave_one() -> None:
    ws = make.workspace()
    first, second = make.person(ws, "workspace_admin"), make.person(ws, "workspace_admin")
    pairs = [(make.actor(first), second), (make.actor(second), first)]
    grants = [make.membership(target, ws).grants.get() for _, target in pairs]
    answers = race(2, lambda n: services.revoke_role(grants[n], actor=pairs[n][0]))
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    left = Grant.objects.held().filter(role="workspace_admin", membership__workspace=ws)
    assert left.count() == 1


# --- People --------------------------------------------------------------------------------------


def test_invite__known_address__joins_the_account_that_exists() -> None:
    ws, other = make.workspace(), make.workspace()
    user = make.person(other, "viewer", name="Known")
    admin = make.actor(make.person(ws, "workspace_admin"))
    membership, is_new = services.invite(
        ws, actor=admin, email=user.email.upper(), name="Another", roles=["legal"]
    )
    assert not is_new
    assert membership.user == user
    user.refresh_from_db()
    assert user.name == "Known"


def test_remove_and_add_again__comes_back_without_roles() -> None:
    ws = make.workspace()
    make.person(ws, "workspace_admin")
    membership = member_with(ws, "legal")
    services.remove_member(membership, actor=make.JOB)
    with pytest.raises(NotFound):
        services.member_of(ws, membership.user)
    assert not make.actor(membership.user).roles
    services.add_member(ws, membership.user, actor=make.JOB)
    assert not make.actor(membership.user).roles


def test_superuser__is_made_only_by_the_portal_or_a_superuser() -> None:
    ws = make.workspace()
    admin = make.actor(make.person(ws, "workspace_admin"))
    with pytest.raises(NotAllowed):
        services.create_user("x@example.org", actor=admin, name="X", workspace=ws, superuser=True)
    with pytest.raises(NotAllowed):
        services.create_user("x@example.org", actor=admin, name="X")
    with pytest.raises(NotAllowed):
        services.create_workspace("mine", actor=admin)
    root = make.actor(make.superuser())
    assert services.create_user("x@example.org", actor=root, name="X", superuser=True).is_superuser


def test_email__in_another_case__is_taken() -> None:
    make.person(email="ada@example.org")
    with pytest.raises(Conflict):
        make.person(email="ADA@example.org")


def test_email__of_somebody_in_two_workspaces__one_admin_can_not_change() -> None:
    """The address is the way to a new password: changing it would be taking the account over."""
    ws, other = make.workspace(), make.workspace()
    user = make.person(ws, "viewer")
    services.add_member(other, user, actor=make.JOB)
    admin = make.actor(make.person(ws, "workspace_admin"))
    with pytest.raises(NotAllowed):
        services.change_user(user, actor=admin, email="mine@example.org")
    with pytest.raises(NotAllowed):
        services.change_user(user, actor=make.actor(user), email="mine@example.org")
    services.change_user(user, actor=make.actor(user), name="New Name", time_zone="Asia/Tokyo")
    with pytest.raises(Invalid):
        services.change_user(user, actor=make.actor(user), time_zone="Mars/Olympus")
