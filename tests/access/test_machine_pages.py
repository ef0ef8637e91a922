"""The pages about agents and keys, and the console's lists of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access import credential_cache
from controlplane.access.credentials import authenticate_bearer
from controlplane.access.models import Agent, ApiKey, TrustedIssuer, User, UserSession
from controlplane.lib import clock
from controlplane.lib.errors import Unauthorized
from tests import make
from tests.kit.issuer import running

pytestmark = pytest.mark.django_db
KEY = re.compile(r"cp_[a-z]+_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}")


def admin(workspace: Any, role: str = "workspace_admin") -> Client:
    return make.client(make.person(workspace, role))


def works(secret: str) -> bool:
    credential_cache.clear()
    try:
        authenticate_bearer(f"Bearer {secret}", "127.0.0.1")
    except Unauthorized:
        return False
    return True


def key_on(answer: Any) -> str:
    found = KEY.search(answer.content.decode())
    assert found, answer.content.decode()[-2000:]
    return found[0]


def test_agent__made_given_a_key_and_retired_by_its_pages() -> None:
    workspace = make.workspace()
    browser = admin(workspace)
    made = browser.post(reverse("access:agents"), {"name": "scout", "role": "planner"})
    agent = Agent.objects.get()
    assert made.status_code == 302
    page = made["Location"]
    answer = browser.post(
        reverse("access:key_issue", args=[agent.uid]),
        {"key-name": "laptop", "key-scopes": "catalog.view", "key-days": "30"},
    )
    secret = key_on(answer)
    assert "no-store" in answer["Cache-Control"]
    assert works(secret)
    assert KEY.search(browser.get(page).content.decode()) is None
    change = {"agent-name": "scout 2", "agent-role": "executor", "agent-description": ""}
    assert browser.post(page, change).status_code == 302
    agent.refresh_from_db()
    assert (agent.name, agent.role) == ("scout 2", "executor")
    browser.post(reverse("access:agent_do", args=[agent.uid, "deactivate"]), {"reason": "done"})
    assert not works(secret)
    browser.post(reverse("access:agent_do", args=[agent.uid, "reactivate"]))
    assert works(secret)


def test_key__rotated_and_revoked_by_buttons() -> None:
    workspace = make.workspace()
    browser = admin(workspace)
    key, old = make.key(make.agent(workspace))
    rotate = reverse("access:key_rotate", args=[key.uid])
    assert "works on for 24 hours" in browser.get(rotate).content.decode()
    assert ApiKey.objects.count() == 1
    new = key_on(browser.post(rotate))
    assert works(old)
    assert works(new)
    browser.post(reverse("access:key_revoke", args=[key.uid]), {"reason": "leaked"})
    assert not works(old)
    assert works(new)


def test_key__the_old_one_works_on_for_as_long_as_is_chosen() -> None:
    workspace = make.workspace()
    browser = admin(workspace)
    for hours, lasts in (("0", False), ("72", True)):
        key, old = make.key(make.agent(workspace))
        rotate = reverse("access:key_rotate", args=[key.uid])
        answer = browser.post(rotate, {"hours": hours})
        assert f"The old key works on for {hours} hours." in answer.content.decode()
        assert works(key_on(answer))
        assert works(old) is lasts
    key, old = make.key(make.agent(workspace))
    for wrong in ("721", "-1", "a day", "²"):
        rotate = reverse("access:key_rotate", args=[key.uid])
        refused = browser.post(rotate, {"hours": wrong}, follow=True)
        assert "0 to 720 hours." in refused.content.decode(), wrong
    assert works(old)
    assert not ApiKey.objects.filter(rotated_from=key).exists()


def test_key__with_wrong_fields__is_refused_beside_the_field() -> None:
    workspace = make.workspace()
    browser = admin(workspace)
    agent = make.agent(workspace)
    where = reverse("access:key_issue", args=[agent.uid])
    for fields in (
        {"key-name": "", "key-scopes": "", "key-days": "30"},
        {"key-name": "x", "key-scopes": "nothing.at_all", "key-days": "30"},
        {"key-name": "x", "key-scopes": "", "key-days": "999"},
    ):
        answer = browser.post(where, fields)
        assert answer.status_code == 200
        assert b"errorlist" in answer.content
    assert not ApiKey.objects.exists()


def test_key__wants_a_fresh_second_factor() -> None:
    workspace = make.workspace()
    browser = admin(workspace)
    agent = make.agent(workspace)
    UserSession.objects.update(second_factor_at=clock.now().replace(year=2020))
    answer = browser.post(
        reverse("access:key_issue", args=[agent.uid]), {"key-name": "x", "key-days": "3"}
    )
    assert answer.status_code == 302
    assert reverse("access:confirm") in answer["Location"]
    assert not ApiKey.objects.exists()


def test_own_key__made_shown_once_and_revoked() -> None:
    workspace = make.workspace()
    browser = admin(workspace, "viewer")
    page = reverse("access:own_keys")
    assert page in browser.get(reverse("access:account")).content.decode()
    secret = key_on(browser.post(page, {"key-name": "cli", "key-days": "7"}))
    assert works(secret)
    listed = browser.get(page).content.decode()
    assert "cli" in listed
    assert secret not in listed
    key = ApiKey.objects.get()
    browser.post(reverse("access:key_revoke", args=[key.uid]))
    assert not works(secret)


def test_pages__for_strangers__show_and_do_nothing() -> None:
    workspace = make.workspace()
    agent = make.agent(workspace)
    key, secret = make.key(agent)
    issue = {"key-name": "x", "key-days": "3"}
    doors = [
        ("get", reverse("access:agent", args=[agent.uid]), {}),
        ("post", reverse("access:agent_do", args=[agent.uid, "deactivate"]), {}),
        ("post", reverse("access:key_issue", args=[agent.uid]), issue),
        ("get", reverse("access:key_rotate", args=[key.uid]), {}),
        ("post", reverse("access:key_rotate", args=[key.uid]), {}),
        ("post", reverse("access:key_revoke", args=[key.uid]), {}),
    ]
    nobody, stranger = Client(), admin(make.workspace())
    viewer = admin(workspace, "viewer")
    for method, path, data in doors:
        assert getattr(nobody, method)(path, data).status_code == 302
        assert getattr(stranger, method)(path, data).status_code == 404
        status = getattr(viewer, method)(path, data).status_code
        assert status in ({200} if path == doors[0][1] else {403, 404})
    shown = viewer.get(reverse("access:agent", args=[agent.uid])).content.decode()
    assert key.prefix not in shown
    assert works(secret)
    assert ApiKey.objects.count() == 1
    agent.refresh_from_db()
    assert agent.is_active


def test_own_key__of_a_colleague__is_not_there() -> None:
    workspace = make.workspace()
    browser = admin(workspace, "viewer")
    colleague = make.person(workspace, "viewer")
    from controlplane.access.services.keys import issue_key

    key = issue_key(colleague, actor=make.actor(colleague), workspace=workspace, name="c").key
    for name in ("access:key_rotate", "access:key_revoke"):
        assert browser.post(reverse(name, args=[key.uid])).status_code == 404


# --- the console's lists --------------------------------------------------------------------------


def button(name: str, row: Any, verb: str) -> str:
    return f"{reverse(f'admin:access_{name}_changelist')}{row.uid}/do/{verb}/"


def test_lists__show_ones_own_workspace_and_no_hash() -> None:
    workspace = make.workspace()
    mine, _ = make.key(make.agent(workspace, name="mine-agent"))
    theirs, _ = make.key(make.agent(make.workspace(), name="their-agent"))
    browser = admin(workspace)
    for name in ("agent", "apikey", "trustedissuer", "revokedtoken"):
        listed = browser.get(reverse(f"admin:access_{name}_changelist"), {"view": "all"})
        assert listed.status_code == 200
        assert "their-agent" not in listed.content.decode()
    page = browser.get(reverse("admin:access_apikey_change", args=[mine.uid]))
    assert page.status_code == 200
    assert bytes(mine.secret_sha256).hex() not in page.content.decode()
    assert b"secret_sha256" not in page.content
    gone = browser.get(reverse("admin:access_apikey_change", args=[theirs.uid]))
    assert gone.status_code == 404
    assert admin(workspace, "viewer").get(
        reverse("admin:access_apikey_changelist")
    ).status_code in {302, 403}


def test_rotate_button__leads_to_the_page_that_shows_the_key() -> None:
    workspace = make.workspace()
    browser = admin(workspace)
    key, _ = make.key(make.agent(workspace))
    answer = browser.post(button("apikey", key, "rotate"))
    assert answer.status_code == 302
    assert "Rotate" in browser.get(answer["Location"]).content.decode()
    assert works(key_on(browser.post(reverse("access:key_rotate", args=[key.uid]))))
    revoked = browser.post(button("apikey", key, "revoke"), {"reason": "leaked"})
    assert revoked.status_code == 302
    key.refresh_from_db()
    assert key.revoked_at


def test_agent_form__adds_and_changes_through_the_service() -> None:
    workspace = make.workspace()
    browser = admin(workspace)
    add = reverse("admin:access_agent_add")
    fields = {"name": "scout", "kind": "agent", "role": "planner", "description": "", "owner": ""}
    assert browser.post(add, fields).status_code == 302
    agent = Agent.objects.get()
    wrong = browser.post(add, {**fields, "name": "other", "kind": "service"})
    assert wrong.status_code == 200
    assert Agent.objects.count() == 1
    where = reverse("admin:access_agent_change", args=[agent.uid])
    change = {"name": "scout", "role": "executor", "description": "d", "owner": ""}
    assert browser.post(where, change).status_code == 302
    agent.refresh_from_db()
    assert (agent.role, agent.token_epoch) == ("executor", 1)


def test_issuer__trusted_fetched_and_distrusted_in_the_console(settings: Any) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    workspace = make.workspace()
    browser = admin(workspace)
    with running() as issuer:
        fields = {
            "issuer": issuer.name,
            "jwks_url": issuer.jwks_url,
            "audience": "portal",
            "role": "executor",
        }
        assert browser.post(reverse("admin:access_trustedissuer_add"), fields).status_code == 302
        row = TrustedIssuer.objects.get()
        browser.post(button("trustedissuer", row, "fetch"))
        row.refresh_from_db()
        assert [key["kid"] for key in row.jwks["keys"]] == ["first"]
    browser.post(button("trustedissuer", row, "distrust"), {"reason": "gone"})
    row.refresh_from_db()
    assert not row.is_active
    assert User.objects.exists()
