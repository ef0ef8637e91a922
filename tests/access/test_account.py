"""The account, members and matrix pages: what they do, and that a stranger gets nothing."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from controlplane.access import policy, services
from controlplane.access.models import Grant, Membership, User
from controlplane.access.tasks import deliver_password_link
from controlplane.access.urls import urlpatterns
from controlplane.audit.models import AuditEvent
from controlplane.notify.models import OutboxMessage
from tests import make

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def member_url(user: User, verb: str = "") -> str:
    return f"/access/members/{user.uid}/{verb}"


# --- My account ------------------------------------------------------------------------------


def test_account__profile__is_changed_and_recorded() -> None:
    user = make.person(make.workspace(), "viewer")
    browser = make.client(user)
    answer = browser.post("/access/account/", {"name": "Ada L.", "time_zone": "Europe/London"})
    assert answer.status_code == 302
    user.refresh_from_db()
    assert (user.name, user.time_zone) == ("Ada L.", "Europe/London")
    event = AuditEvent.objects.get(action="member.change_user")
    assert event.after == {"name": "Ada L.", "time_zone": "Europe/London"}


def test_account__form_with_more_fields__changes_only_its_own() -> None:
    user = make.person(make.workspace(), "viewer")
    make.client(user).post(
        "/access/account/",
        {
            "name": "Ada",
            "time_zone": "UTC",
            "email": "mine@example.org",
            "is_superuser": "1",
            "is_active": "",
            "session_epoch": "9",
        },
    )
    changed = User.objects.get(pk=user.pk)
    assert changed.email == user.email
    assert not changed.is_superuser
    assert changed.is_active


def test_account__unknown_time_zone__is_refused_beside_the_field() -> None:
    user = make.person(make.workspace(), "viewer")
    answer = make.client(user).post("/access/account/", {"name": "A", "time_zone": "Mars/X"})
    assert b"errorlist" in answer.content


# --- Members ---------------------------------------------------------------------------------


def test_members__invite__makes_an_account_and_mails_the_way_in() -> None:
    ws = make.workspace(name="Harbour")
    browser = make.client(make.person(ws, "workspace_admin"))
    form = {"email": "new@example.org", "name": "New", "role": "legal"}
    assert browser.post("/access/members/", form).status_code == 302
    membership = Membership.objects.get(user__email="new@example.org")
    assert membership.grants.get().role == "legal"
    deliver_password_link(OutboxMessage.objects.get(topic="access.password_link"))
    assert "invited to Harbour" in mail.outbox[0].subject
    link = re.search(r"/access/password/\S+/", str(mail.outbox[0].body))
    assert link
    fresh = Client()
    fresh.get(link[0])
    password = "copper meadow anchor 77"
    fresh.post("/access/password/set/", {"password": password, "again": password})
    assert membership.user.pk == User.objects.get(email="new@example.org").pk
    assert User.objects.get(email="new@example.org").check_password(password)


def test_member__grant_until_friday__is_held_through_friday(time_machine: Any) -> None:
    time_machine.move_to("2026-10-05T09:00:00Z", tick=False)
    ws = make.workspace()
    user = make.person(ws)
    browser = make.client(make.person(ws, "workspace_admin"))
    form = {"role": "legal", "expires_at": "2026-10-09", "reason": "contract week"}
    browser.post(member_url(user, "grant/"), form)
    grant = Grant.objects.get(membership__user=user)
    assert grant.expires_at is not None
    assert grant.expires_at.isoformat() == "2026-10-10T00:00:00+00:00"
    browser.post(f"{member_url(user)}revoke/{grant.uid}/", {"reason": "done"})
    grant.refresh_from_db()
    assert grant.revoked_at is not None


def test_member__lock_unlock_and_end_sessions__by_buttons() -> None:
    ws = make.workspace()
    user = make.person(ws, "viewer")
    theirs = make.client(user)
    browser = make.client(make.person(ws, "workspace_admin"))
    browser.post(member_url(user, "lock/"), {"reason": ""})
    assert services.lock_of(user) is None  # wants a reason
    browser.post(member_url(user, "lock/"), {"reason": "lost laptop"})
    assert services.lock_of(user) is not None
    assert b"lost laptop" in browser.get(member_url(user)).content
    browser.post(member_url(user, "unlock/"), {})
    assert services.lock_of(user) is None
    assert theirs.get("/access/account/").status_code == 302
    again = make.client(user)
    browser.post(member_url(user, "end-sessions/"), {})
    assert again.get("/access/account/").status_code == 302


def test_member__reset_factor_and_remove__by_buttons() -> None:
    ws = make.workspace()
    user = make.person(ws, "viewer")
    make.enrol(user)
    browser = make.client(make.person(ws, "workspace_admin"))
    browser.post(member_url(user, "reset-factor/"), {"reason": "lost the phone"})
    assert not TOTPDevice.objects.filter(user=user).exists()
    assert browser.post(member_url(user, "remove/"), {})["Location"] == "/access/members/"
    assert browser.get(member_url(user)).status_code == 404


def test_member__what_a_viewer_may_not__is_shown_disabled_with_the_reason() -> None:
    ws = make.workspace()
    user = make.person(ws, "legal")
    html = make.client(make.person(ws, "viewer")).get(member_url(user)).content.decode()
    buttons = re.findall(r"<button type=\"submit\"[^>]*>([^<]+)</button>\s*<span", html)
    assert {"Grant", "Lock the account", "Remove from the workspace"} <= set(buttons)
    assert "Grant a role: needs Security lead, Workspace admin" in html


def test_member__every_button__is_refused_to_strangers() -> None:
    ws = make.workspace()
    make.person(ws, "workspace_admin")
    user = make.person(ws, "legal")
    services.lock_account(
        user, actor=make.actor(make.person(ws, "security_lead")), reason="why not"
    )
    form = {"reason": "because I can", "role": "cto"}
    viewer = make.client(make.person(ws, "viewer"))
    outsider = make.client(make.person(make.workspace(), "workspace_admin"))
    assert outsider.get(member_url(user)).status_code == 404
    verbs = ("lock", "unlock", "end-sessions", "forgive", "remove", "reset-factor", "grant")
    for verb in verbs:
        assert viewer.post(member_url(user, f"{verb}/"), form).status_code == 403, verb
        assert outsider.post(member_url(user, f"{verb}/"), form).status_code == 404, verb
        nobody = Client().post(member_url(user, f"{verb}/"), form)
        assert nobody["Location"].startswith("/access/login/"), verb
        assert services.lock_of(user) is not None, verb
        held = Grant.objects.held().filter(membership__user=user).values_list("role", flat=True)
        assert list(held) == ["legal"], verb
    assert AuditEvent.objects.filter(outcome="denied").count() >= len(verbs)


# --- The matrix --------------------------------------------------------------------------------


def test_matrix__page__says_what_the_table_says() -> None:
    browser = make.client(make.person(make.workspace(), "viewer"))
    families = {family for _, family in policy.ROLES.values()}
    for family in families:
        html = browser.get(f"/access/roles/?family={family}").content.decode()
        roles = [slug for slug, (_, of) in policy.ROLES.items() if of == family]
        for name, (_, held) in policy.matrix().items():
            row = re.search(rf"<code>{re.escape(name)}</code>(.*?)</tr>", html, re.S)
            assert row, name
            cells = re.findall(r"<td class=\"(?:on|no)\"><span>(yes|no)</span></td>", row[1])
            assert cells[: len(roles)] == ["yes" if held[role] else "no" for role in roles], name


# --- Every page ----------------------------------------------------------------------------------

KEYS = {"uid": None, "grant_uid": str(uuid.uuid4()), "verb": "lock", "period": "2026-Q4"}
OPEN = {
    "login",
    "second_factor",
    "enrol",
    "logout",
    "password_reset",
    "password_reset_sent",
    "password_reset_set",
    "password_reset_link",
}


def addresses(user: User) -> list[tuple[str, str]]:
    found = []
    for pattern in urlpatterns:
        if not str(pattern.pattern).startswith("access/"):
            continue
        names = pattern.pattern.regex.groupindex
        values = {name: KEYS.get(name) or str(user.uid) for name in names}
        if "token" in names:
            values["token"] = "x-y"
        found.append((str(pattern.name), reverse(f"access:{pattern.name}", kwargs=values)))
    return found


def test_every_page__without_a_session__leads_to_signing_in() -> None:
    user = make.person(make.workspace(), "viewer")
    for name, url in addresses(user):
        for answer in (Client().get(url), Client().post(url, {})):
            if name not in OPEN:
                assert answer.status_code == 302, url
                assert answer["Location"].startswith("/access/login/?next="), url
            assert answer.status_code < 500, url


def test_every_page__of_a_hostile_name__is_plain_html_with_labels() -> None:
    """No inline script or style, every field labelled, one h1, a main; names stay text."""
    ws = make.workspace(name=HOSTILE)
    user = make.person(ws, "workspace_admin", name=HOSTILE)
    other = make.person(ws, "viewer", name=HOSTILE)
    services.lock_account(other, actor=make.JOB, reason=HOSTILE)
    services.generate_review(ws, actor=make.JOB)
    browser = make.client(user)
    browser.get("/access/account/", HTTP_USER_AGENT=HOSTILE)
    seen = 0
    for name, url in addresses(other):
        answer = browser.get(url)
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            continue
        seen += 1
        html = answer.content.decode()
        assert "<script>alert" not in html, name
        assert "<img src=x" not in html, name
        assert not re.search(r"\sstyle=", html), name
        assert not re.search(r"\son[a-z]+=\"", html), name
        assert not re.search(r"<script(?![^>]*\bsrc=)", html), name
        assert html.count("<h1") == 1, name
        assert "<main" in html, name
        check_labels(name, html)
    assert seen >= 8


def check_labels(name: str, html: str) -> None:
    for field in re.findall(r"<(?:input|select|textarea)\b[^>]*>", html):
        if 'type="hidden"' in field:
            continue
        found = re.search(r'\bid="([^"]+)"', field)
        assert found, (name, field)
        assert f'for="{found[1]}"' in html, (name, field)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids)), (name, sorted(i for i in ids if ids.count(i) > 1))


def test_members__query_count__does_not_grow_with_members(
    django_assert_max_num_queries: Any,
) -> None:
    ws = make.workspace()
    browser = make.client(make.person(ws, "workspace_admin"))
    for _ in range(15):
        make.person(ws, "viewer", "legal")
    browser.get("/access/members/")
    with django_assert_max_num_queries(14):
        browser.get("/access/members/")


@pytest.mark.slow
def test_every_form__of_hostile_bytes__is_answered_not_broken() -> None:
    ws = make.workspace()
    user = make.person(ws, "workspace_admin")
    other = make.person(ws, "viewer")
    services.generate_review(ws, actor=make.JOB)
    browser = make.client(user)
    fields = ["name", "email", "reason", "note", "decision", "workspace", "role", "code"]
    fields += ["time_zone", "expires_at", "statement", "version", "hours", "password", "next"]
    for text in ("a\x00b" * 50, "9999-12-31", "\U0001f600" * 400):
        hostile = {
            field: text.encode("utf-16", "surrogatepass").decode("utf-16") for field in fields
        }
        for name, url in addresses(other):
            if name not in {"logout", "login"}:
                assert browser.post(url, hostile).status_code < 500, (name, text)
