"""Signing in: what gets in, what does not, and that the refusals are all the same."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from controlplane.access import services
from controlplane.access.models import UserSession
from controlplane.access.web.sign_in import REFUSED
from controlplane.audit.models import AuditEvent
from tests import make

pytestmark = pytest.mark.django_db
LOGIN = "/access/login/"
CODE = "/access/code/"


def submit(browser: Client, email: str, password: str = make.PASSWORD, **more: str) -> Any:
    return browser.post(LOGIN, {"email": email, "password": password, **more})


def test_login__right_password_and_code__signs_in_and_records_it() -> None:
    user = make.person(make.workspace(), "viewer")
    browser = make.sign_in(user)
    answer = browser.get(reverse("access:account"))
    assert answer.status_code == 200
    session = UserSession.objects.get(user=user)
    assert session.second_factor_at is not None
    started = AuditEvent.objects.get(action="session.start", outcome="done")
    assert started.actor_ref == f"user:{user.pk}"


def test_login__email_in_another_case__is_the_same_account() -> None:
    user = make.person(make.workspace(), "viewer", email="Robin@Example.org")
    make.enrol(user)
    assert submit(Client(), "rOBIN@example.ORG ").status_code == 302


def test_login__between_password_and_code__nobody_is_signed_in() -> None:
    user = make.person(make.workspace(), "viewer")
    make.enrol(user)
    browser = Client()
    assert submit(browser, user.email)["Location"].startswith(CODE)
    assert "_auth_user_id" not in browser.session
    assert browser.get(reverse("access:account"))["Location"].startswith(LOGIN)
    assert browser.get(reverse("admin:index")).status_code == 302
    assert not UserSession.objects.filter(user=user).exists()


@pytest.mark.parametrize("kind", ["unknown", "wrong", "closed", "locked", "invited"])
def test_login__refused__answers_the_same_whatever_the_reason(kind: str) -> None:
    ws = make.workspace()
    make.person(ws, "workspace_admin")
    user = make.person(ws, "viewer", password=None if kind == "invited" else make.PASSWORD)
    if kind == "closed":
        services.deactivate_user(user, actor=make.JOB)
    if kind == "locked":
        services.lock_account(user, actor=make.JOB, reason="lost laptop")
    email = "nobody@example.org" if kind == "unknown" else user.email
    password = "not the right one" if kind == "wrong" else make.PASSWORD
    browser = Client()
    answer = submit(browser, email, password)
    assert answer.status_code == 200
    assert REFUSED.encode() in answer.content
    assert "access_pending" not in browser.session
    denied = AuditEvent.objects.get(action="session.start", outcome="denied")
    assert denied.rule == "password"


def test_login__unknown_and_known_address__cost_the_same_hashes_and_queries(
    django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is the hash's: one each. Queries differ by none."""
    from django.contrib.auth.hashers import MD5PasswordHasher
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    user = make.person(make.workspace(), "viewer")
    hashes: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: Any, password: str, salt: str) -> str:
        hashes.append(password)
        return str(encode(self, password, salt))

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    costs = []
    for email in (user.email, "nobody@example.org"):
        hashes.clear()
        browser = Client()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            submit(browser, email, "not the right one")
        costs.append((len(hashes), len(queries)))
    assert costs[0] == costs[1]
    assert costs[0][0] == 1


def test_login__what_was_typed__is_never_in_the_log() -> None:
    typed = "my-secret-in-the-wrong-field@example.org"
    submit(Client(), typed, "hunter2-hunter2")
    for event in AuditEvent.objects.all():
        assert typed not in str(vars(event))
        assert "hunter2" not in str(vars(event))


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "javascript:alert(1)",
        "http:///evil.example",
        "evil",
        "\x01https://evil.example",
    ],
)
def test_login__next_that_leads_out__goes_home_instead(target: str) -> None:
    user = make.person(make.workspace(), "viewer")
    device = make.enrol(user)
    browser = Client()
    submit(browser, user.email, next=target)
    answer = browser.post(CODE, {"code": make.code_for(device), "next": target})
    assert answer["Location"] == reverse("admin:index")


def test_login__next_within_the_portal__leads_there() -> None:
    user = make.person(make.workspace(), "viewer")
    device = make.enrol(user)
    browser = Client()
    browser.post(LOGIN, {"email": user.email, "password": make.PASSWORD, "next": "/access/roles/"})
    answer = browser.post(CODE, {"code": make.code_for(device)})
    assert answer["Location"] == "/access/roles/"


def test_login__session_key_planted_before__is_worthless_afterwards() -> None:
    user = make.person(make.workspace(), "viewer")
    device = make.enrol(user)
    browser = Client()
    planted = browser.session
    planted["x"] = 1
    planted.save()
    key = planted.session_key
    browser.cookies[settings.SESSION_COOKIE_NAME] = str(key)
    submit(browser, user.email)
    middle = browser.session.session_key
    browser.post(CODE, {"code": make.code_for(device)})
    assert len({key, middle, browser.session.session_key}) == 3
    for old in (key, middle):
        other = Client()
        other.cookies[settings.SESSION_COOKIE_NAME] = str(old)
        assert other.get(reverse("access:account")).status_code == 302


def test_login__form_without_token__is_refused() -> None:
    browser = Client(enforce_csrf_checks=True)
    assert submit(browser, "nobody@example.org").status_code == 403


def test_pending__after_its_minutes__starts_over(time_machine: Any) -> None:
    time_machine.move_to("2026-10-05T09:00:00Z", tick=False)
    user = make.person(make.workspace(), "viewer")
    device = make.enrol(user)
    browser = Client()
    submit(browser, user.email)
    time_machine.move_to("2026-10-05T09:10:01Z", tick=False)
    answer = browser.post(CODE, {"code": make.code_for(device)})
    assert answer["Location"].startswith(LOGIN)


def test_pending__account_locked_meanwhile__does_not_get_in() -> None:
    user = make.person(make.workspace(), "viewer")
    device = make.enrol(user)
    browser = Client()
    submit(browser, user.email)
    services.lock_account(user, actor=make.JOB, reason="breach")
    answer = browser.post(CODE, {"code": make.code_for(device)})
    assert answer["Location"].startswith(LOGIN)
    assert not UserSession.objects.filter(user=user).exists()


def test_logout__ends_the_session_row_and_the_cookie() -> None:
    user = make.person(make.workspace(), "viewer")
    browser = make.sign_in(user)
    key = browser.session.session_key
    assert browser.get(reverse("access:logout")).status_code == 200  # a form: GET signs nobody out
    assert browser.get(reverse("access:account")).status_code == 200
    browser.post(reverse("access:logout"))
    assert UserSession.objects.get(user=user).ended_at is not None
    other = Client()
    other.cookies[settings.SESSION_COOKIE_NAME] = str(key)
    assert other.get(reverse("access:account")).status_code == 302


def test_console__account_without_any_role__is_told_so() -> None:
    browser = make.sign_in(make.person())
    assert browser.get(reverse("access:account")).status_code == 200
    assert browser.get(reverse("access:matrix")).status_code == 403
    assert browser.get(reverse("access:members")).status_code == 403


def test_pages__of_signing_in__hold_no_inline_script_or_style_and_label_every_field() -> None:
    import re

    for name in ("login", "password_reset", "password_reset_sent", "logout"):
        html = Client().get(reverse(f"access:{name}")).content.decode()
        assert "style=" not in html
        assert not re.search(r"<script(?![^>]*\bsrc=)", html)
        assert "<main" in html
        assert "<h1" in html
        for field in re.findall(r"<input[^>]*>", html):
            if 'type="hidden"' not in field:
                name_id = re.search(r'id="([^"]+)"', field)
                assert name_id
                assert f'for="{name_id[1]}"' in html
