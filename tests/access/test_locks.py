"""Locking an account: one action that ends everything, with one undo."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from controlplane.access import services
from controlplane.access.credentials import authenticate_bearer
from controlplane.access.models import AccountLock
from controlplane.access.services.keys import issue_key
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotAllowed, RateLimited, Unauthorized
from tests import make
from tests.kit.racing import race

pytestmark = pytest.mark.django_db


def sign_in(email: str) -> Any:
    return Client().post("/access/login/", {"email": email, "password": make.PASSWORD})


def key_works(secret: str) -> bool:
    try:
        authenticate_bearer(f"Bearer {secret}", "203.0.113.9")
    except (Unauthorized, RateLimited):
        return False
    return True


def test_lock__person__ends_sessions_and_refuses_sign_in_and_keys_at_once() -> None:
    ws = make.workspace()
    user = make.person(ws, "viewer")
    browser = make.sign_in(user)
    key = issue_key(user, actor=make.actor(user), name="mine", workspace=ws)
    assert key_works(key.secret)
    operator = make.actor(make.person(ws, "primary_operator"))
    lock = services.lock_account(user, actor=operator, reason="seen signing in from two places")
    assert browser.get("/access/account/").status_code == 302
    assert sign_in(user.email).status_code == 200
    assert not key_works(key.secret)
    event = AuditEvent.objects.get(action="member.lock")
    assert event.workspace_id == ws.pk
    assert event.reason == lock.reason


def test_undo__lets_back_in_but_brings_no_session_back() -> None:
    ws = make.workspace()
    user = make.person(ws, "viewer")
    browser = make.sign_in(user)
    key = issue_key(user, actor=make.actor(user), name="mine", workspace=ws)
    lock = services.lock_account(user, actor=make.JOB, reason="breach")
    admin = make.actor(make.person(ws, "security_lead"))
    with pytest.raises(NotAllowed):  # the portal locked it, for no one workspace
        services.unlock_account(lock, actor=admin)
    services.unlock_account(lock, actor=make.actor(make.superuser()), reason="false alarm")
    assert browser.get("/access/account/").status_code == 302
    assert sign_in(user.email).status_code == 302
    assert key_works(key.secret)
    assert AuditEvent.objects.filter(action="member.unlock").count() == 1


def test_lock__agent__refuses_its_keys_until_undone() -> None:
    ws = make.workspace()
    agent = make.agent(ws)
    _, secret = make.key(agent)
    assert key_works(secret)
    operator = make.actor(make.person(ws, "secondary_operator"))
    lock = services.lock_account(agent, actor=operator, reason="loops on one tool")
    assert not key_works(secret)
    services.unlock_account(lock, actor=make.actor(make.person(ws, "workspace_admin")))
    assert key_works(secret)


def test_lock__with_an_end__passes_by_itself(time_machine: Any) -> None:
    time_machine.move_to("2026-10-05T09:00:00Z", tick=False)
    user = make.person(make.workspace(), "viewer")
    make.enrol(user)
    until = clock.now() + timedelta(hours=1)
    services.lock_account(user, actor=make.JOB, reason="while we look", until=until)
    assert sign_in(user.email).status_code == 200
    time_machine.shift(3601)
    assert sign_in(user.email).status_code == 302
    services.lock_account(user, actor=make.JOB, reason="again")  # the old row is no obstacle
    assert services.lock_of(user)


def test_lock__twice__is_one_and_a_longer_one_replaces() -> None:
    user = make.person(make.workspace(), "viewer")
    until = clock.now() + timedelta(hours=1)
    short = services.lock_account(user, actor=make.JOB, reason="while we look", until=until)
    assert services.lock_account(user, actor=make.JOB, reason="same", until=until) == short
    for_good = services.lock_account(user, actor=make.JOB, reason="it was true")
    assert for_good != short
    assert services.lock_account(user, actor=make.JOB, reason="x" * 9, until=until) == for_good
    assert AccountLock.objects.filter(unlocked_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_lock__by_four_at_once__is_one() -> None:
    user = make.person(make.workspace(), "viewer")
    locks = race(4, lambda _: services.lock_account(user, actor=make.JOB, reason="breach"))
    assert len({lock.pk for lock in locks}) == 1


def test_lock__by_the_wrong_person__is_refused() -> None:
    ws = make.workspace()
    user, agent = make.person(ws, "viewer"), make.agent(ws)
    strangers = [
        make.actor(make.person(ws, "viewer", "engineering_lead")),
        make.actor(make.person(make.workspace(), "workspace_admin", "security_lead")),
        make.actor(make.agent(ws, role="inspector")),
    ]
    for stranger in strangers:
        for account in (user, agent):
            with pytest.raises(NotAllowed):
                services.lock_account(account, actor=stranger, reason="because I can")
    with pytest.raises(Invalid):
        services.lock_account(user, actor=make.JOB, reason="")


def test_undo__by_the_locked_the_locker_on_call_or_another_workspace__is_refused() -> None:
    ws, other = make.workspace(), make.workspace()
    admin, user = make.person(ws, "workspace_admin"), make.person(ws, "security_lead")
    services.add_member(other, user, actor=make.JOB)
    theirs = make.person(other, "workspace_admin")
    on_call = make.person(ws, "primary_operator")
    lock = services.lock_account(user, actor=make.actor(on_call), reason="odd exports at night")
    assert lock.workspace_id == ws.pk
    for refused in (user, on_call, theirs):
        with pytest.raises(NotAllowed):
            services.unlock_account(lock, actor=make.actor(refused))
    services.unlock_account(lock, actor=make.actor(admin))


def test_lock__lists__show_it_to_colleagues_only() -> None:
    ws = make.workspace()
    user, colleague = make.person(ws, "viewer"), make.person(ws, "viewer")
    lock = services.lock_account(user, actor=make.JOB, reason="breach")
    stranger = make.person(make.workspace(), "workspace_admin")
    assert lock in AccountLock.objects.visible_to(make.actor(colleague))
    assert lock not in AccountLock.objects.visible_to(make.actor(stranger))
