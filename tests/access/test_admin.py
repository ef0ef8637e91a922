"""People and access in the console: scoped lists, no hashes, buttons that are services."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import reverse

from controlplane.access import services
from controlplane.access.models import (
    AccountLock,
    Agent,
    ApiKey,
    BreakGlass,
    Grant,
    Membership,
    TrustedIssuer,
    User,
    UserSession,
    Workspace,
)
from controlplane.access.services.issuers import trust_issuer
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db
MODELS = [model for model in admin.site._registry if model._meta.app_label == "access"]
# Without a form: their state moves by buttons only.
FORMLESS = [model for model in MODELS if admin.site._registry[model].change_action is None]  # type: ignore[attr-defined]
# Not of a workspace: seen by other rules, tested by themselves below.
OWN_RULES = {UserSession, User}
# Their forms call services; tested in test_machine_pages.py.
BY_FORM = {Workspace, Agent, TrustedIssuer}


class Full:
    """A workspace with one row of everything in it."""

    def __init__(self) -> None:
        self.ws = make.workspace()
        self.admin = make.person(self.ws, "workspace_admin")
        self.user = make.person(self.ws, "viewer")
        self.agent = make.agent(self.ws)
        self.key, self.secret = make.key(self.agent)
        services.lock_account(self.agent, actor=make.actor(self.admin), reason="loops")
        services.generate_review(self.ws, actor=make.JOB)
        trust_issuer(
            self.ws,
            actor=make.JOB,
            issuer=f"https://issuer-{self.ws.slug}.example.org",
            jwks_url="https://example.org/jwks.json",
            audience="portal",
            role="executor",
        )
        root = make.superuser()
        reason = "their admin is on leave"
        services.open_break_glass(self.ws, actor=make.actor(root), reason=reason)


@settled.once
def here() -> Full:
    return Full()


@settled.once
def there() -> Full:
    return Full()


@settled.once
def browser(here: Full) -> Client:
    return make.client(here.admin)


def list_url(model: type[models.Model]) -> str:
    return reverse(f"admin:access_{model._meta.model_name}_changelist") + "?view=all"


def page_url(obj: Any, view: str = "change") -> str:
    key = getattr(obj, "uid", obj.pk)
    return reverse(f"admin:access_{obj._meta.model_name}_{view}", args=[key])


def press(browser: Client, obj: Any, name: str, **form: str) -> Any:
    key = getattr(obj, "uid", obj.pk)
    url = reverse(f"admin:access_{obj._meta.model_name}_button", args=[key, name])
    return browser.post(url, form)


def rows_of(model: Any, scene: Full) -> list[Any]:
    return list(model.objects.visible_to(make.actor(scene.admin)))


def test_registered__are_all_that_people_look_through() -> None:
    names = {model.__name__ for model in MODELS}
    assert {"User", "Workspace", "Membership", "Grant", "Agent", "ApiKey"} <= names
    assert {"AccountLock", "BreakGlass", "AccessReview", "UserSession", "TrustedIssuer"} <= names


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_lists_and_pages__of_the_own_workspace_only(
    model: Any, here: Full, there: Full, browser: Client
) -> None:
    answer = browser.get(list_url(model))
    assert answer.status_code == 200
    html = answer.content.decode()
    assert "style=" not in html
    for obj in rows_of(model, here)[:3]:
        page = browser.get(page_url(obj))
        assert page.status_code == 200, page_url(obj)
        assert "_save" not in page.content.decode() or model in BY_FORM
    if model in OWN_RULES:
        return
    shown = {obj.pk for obj in rows_of(model, here)}
    for obj in rows_of(model, there):
        assert obj.pk not in shown
        assert browser.get(page_url(obj)).status_code == 404, page_url(obj)
        assert str(getattr(obj, "uid", "none")) not in html


def test_workspaces__of_a_superuser__only_those_whose_page_opens(db: None) -> None:
    here, there = make.workspace(), make.workspace()
    root = make.person(here, "viewer")
    root.is_superuser = True
    root.save(update_fields=["is_superuser"])
    browser = make.client(root)
    assert [row.pk for row in browser.get(list_url(Workspace)).context["cl"].result_list] == [
        here.pk
    ]
    assert browser.get(page_url(here)).status_code == 200
    assert browser.get(page_url(there)).status_code == 404
    services.open_break_glass(there, actor=make.actor(root), reason="Look into a report")
    assert browser.get(page_url(there)).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_lists__for_nobody_and_people_without_a_role__are_closed(model: Any) -> None:
    assert Client().get(list_url(model)).status_code == 302
    browser = make.client(make.person())
    assert browser.get(list_url(model), follow=True).status_code == 403


@pytest.mark.parametrize("model", FORMLESS, ids=lambda model: model.__name__)
def test_pages__take_no_change_by_form(model: Any, here: Full, browser: Client) -> None:
    add = browser.post(reverse(f"admin:access_{model._meta.model_name}_add"), {"name": "x"})
    assert add.status_code == 403
    for obj in rows_of(model, here)[:1]:
        assert browser.post(page_url(obj), {"name": "x"}).status_code == 403
        assert browser.post(page_url(obj, "delete"), {"post": "yes"}).status_code == 403
        assert model.objects.filter(pk=obj.pk).exists()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_pages__nothing_is_deleted(model: Any) -> None:
    assert admin.site._registry[model].delete_action is None  # type: ignore[attr-defined]


def test_workspace__form__changes_name_and_zone_by_the_service(here: Full, browser: Client) -> None:
    form = {"name": "Harbour", "time_zone": "Europe/Berlin", "slug": "taken-over"}
    assert browser.post(page_url(here.ws), form).status_code == 302
    changed = Workspace.objects.get(pk=here.ws.pk)
    assert (changed.name, changed.time_zone) == ("Harbour", "Europe/Berlin")
    assert changed.slug == here.ws.slug
    wrong = browser.post(page_url(here.ws), {"name": "Harbour", "time_zone": "Mars/X"})
    assert wrong.status_code == 200


def test_people__of_other_workspaces__are_not_listed_or_opened() -> None:
    here, there = Full(), Full()
    browser = make.client(here.admin)
    html = browser.get(list_url(User)).content.decode()
    assert here.user.email in html
    assert there.user.email not in html
    assert browser.get(page_url(there.user)).status_code == 404


def test_sessions__are_ones_own() -> None:
    scene = Full()
    make.client(scene.user)
    browser = make.client(scene.admin)
    theirs = UserSession.objects.get(user=scene.user)
    mine = UserSession.objects.get(user=scene.admin)
    assert browser.get(page_url(theirs)).status_code == 404
    assert browser.get(page_url(mine)).status_code == 200
    assert press(browser, theirs, "end").status_code == 404


def test_hashes__are_on_no_page(here: Full, browser: Client) -> None:
    key_page = browser.get(page_url(here.key)).content.decode()
    assert here.key.prefix in key_page
    assert bytes(here.key.secret_sha256).hex() not in key_page
    assert "secret_sha256" not in key_page
    user_page = browser.get(page_url(here.user)).content.decode()
    assert here.user.password not in user_page
    mine = UserSession.objects.get(user=here.admin)
    assert mine.session_hash not in browser.get(page_url(mine)).content.decode()
    for lookup in ("password__startswith=a", "session_epoch=0"):
        assert browser.get(f"{list_url(User)}&{lookup}").status_code in {302, 400, 403}


def test_buttons__call_the_services(here: Full, browser: Client) -> None:
    membership = make.membership(here.user, here.ws)
    press(browser, membership, "lock", reason="lost laptop")
    lock = AccountLock.objects.get(user=here.user)
    press(browser, lock, "unlock", reason="found it")
    lock.refresh_from_db()
    assert lock.unlocked_at is not None
    grant = membership.grants.get()
    press(browser, grant, "revoke", reason="not needed")
    assert Grant.objects.get(pk=grant.pk).revoked_at is not None
    press(browser, here.key, "revoke", reason="rotated")
    assert ApiKey.objects.get(pk=here.key.pk).revoked_at is not None
    press(browser, BreakGlass.objects.get(workspace=here.ws), "close")
    assert not BreakGlass.objects.in_force().filter(workspace=here.ws).exists()
    press(browser, here.agent, "deactivate", reason="retired")
    here.agent.refresh_from_db()
    assert not here.agent.is_active
    press(browser, membership, "remove", reason="left")
    assert Membership.objects.get(pk=membership.pk).left_at is not None


def test_buttons__of_a_viewer_or_a_stranger__are_refused() -> None:
    scene = Full()
    membership = make.membership(scene.admin, scene.ws)
    viewer = make.client(scene.user)
    outsider = make.client(make.person(make.workspace(), "workspace_admin"))
    for obj, name in [
        (membership, "lock"),
        (membership, "remove"),
        (membership.grants.get(), "revoke"),
        (scene.agent, "deactivate"),
        (scene.admin, "deactivate"),
    ]:
        assert press(viewer, obj, name, reason="because I can").status_code == 403, name
        assert press(outsider, obj, name, reason="because I can").status_code == 404, name
    scene.admin.refresh_from_db()
    assert scene.admin.is_active
    assert services.lock_of(scene.admin) is None


def test_lists__query_count__does_not_grow_with_rows(
    here: Full, browser: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(6):
        make.person(here.ws, "viewer")
        make.key(make.agent(here.ws))
    for _ in range(2):  # a process's first page may take longer than the frame is remembered
        browser.get(list_url(User))
    for model in MODELS:
        with django_assert_max_num_queries(14, info=model.__name__):
            browser.get(list_url(model))
