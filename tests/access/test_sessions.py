"""Sessions: idle, absolute, ended; the list; what a session's workspace is."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.access import numbers, services
from controlplane.access.models import UserSession
from controlplane.access.services.sessions import hash_of
from controlplane.access.tasks import clean_up
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import NotAllowed, NotFound
from tests import make

pytestmark = pytest.mark.django_db
ACCOUNT = "/access/account/"
START = "2026-10-05T09:00:00Z"


@pytest.fixture
def clock(time_machine: Any) -> Any:
    time_machine.move_to(START, tick=False)
    return time_machine


def is_in(browser: Client) -> bool:
    return bool(browser.get("/access/password/").status_code == 200)


def test_session__idle_too_long__is_out(clock: Any) -> None:
    browser = make.sign_in(make.person(make.workspace(), "viewer"))
    clock.shift(numbers.SESSION_IDLE_MINUTES.value * 60 - 1)
    assert is_in(browser)
    clock.shift(numbers.SESSION_IDLE_MINUTES.value * 60 - 1)
    assert is_in(browser)
    clock.shift(numbers.SESSION_IDLE_MINUTES.value * 60)
    assert not is_in(browser)
    assert not is_in(browser)


def test_session__however_busy__ends_after_its_hours(clock: Any) -> None:
    browser = make.sign_in(make.person(make.workspace(), "viewer"))
    for _ in range(numbers.SESSION_HOURS.value * 3 - 1):
        clock.shift(20 * 60)
        assert is_in(browser)
    clock.shift(20 * 60)
    assert not is_in(browser)


def test_session__last_use__is_written_once_a_minute_at_most(clock: Any) -> None:
    browser = make.sign_in(make.person(make.workspace(), "viewer"))

    def writes() -> int:
        with CaptureQueriesContext(connection) as queries:
            browser.get(ACCOUNT)
        return sum('UPDATE "access_usersession"' in query["sql"] for query in queries)

    clock.shift(59)
    assert writes() == 0
    clock.shift(1)
    assert writes() == 1
    assert writes() == 0


def test_session__is_named_by_a_hash_only() -> None:
    user = make.person(make.workspace(), "viewer")
    browser = make.sign_in(user)
    key = str(browser.session.session_key)
    row = UserSession.objects.get(user=user)
    assert row.session_hash == hash_of(key)
    assert key not in str(vars(row))
    assert key not in browser.get(ACCOUNT).content.decode()


def test_end__one_of_mine__ends_that_browser_only() -> None:
    user = make.person(make.workspace(), "viewer")
    here, there = make.sign_in(user), make.sign_in(user)
    row = UserSession.objects.get(session_hash=hash_of(str(there.session.session_key)))
    assert here.post(reverse("access:end_session", args=[row.uid])).status_code == 302
    assert is_in(here)
    assert not is_in(there)
    assert AuditEvent.objects.filter(action="session.end").count() == 1


def test_end__all_others__keeps_this_browser() -> None:
    user = make.person(make.workspace(), "viewer")
    here, there = make.sign_in(user), make.sign_in(user)
    here.post(reverse("access:end_other_sessions"))
    assert is_in(here)
    assert not is_in(there)


def test_end__somebody_elses__is_not_found() -> None:
    ws = make.workspace()
    user, admin = make.person(ws, "viewer"), make.person(ws, "workspace_admin")
    make.sign_in(user)
    row = UserSession.objects.get(user=user)
    browser = make.sign_in(admin)
    assert browser.post(reverse("access:end_session", args=[row.uid])).status_code == 404
    with pytest.raises(NotFound):
        services.end_session(row, actor=make.actor(admin))
    row.refresh_from_db()
    assert row.ended_at is None


def test_end_all__by_admin__ends_and_by_strangers__is_refused() -> None:
    ws = make.workspace()
    user = make.person(ws, "viewer")
    browser = make.sign_in(user)
    for stranger in (
        make.person(ws, "viewer"),
        make.person(make.workspace(), "workspace_admin", "security_lead"),
    ):
        with pytest.raises(NotAllowed):
            services.end_all_sessions(user, actor=make.actor(stranger))
    assert is_in(browser)
    services.end_all_sessions(user, actor=make.actor(make.person(ws, "security_lead")))
    assert not is_in(browser)


def test_role_revoked__counts_from_the_next_request() -> None:
    ws = make.workspace()
    make.person(ws, "workspace_admin")
    user = make.person(ws, "viewer")
    browser = make.sign_in(user)
    assert browser.get(reverse("access:matrix")).status_code == 200
    grant = make.membership(user, ws).grants.get()
    services.revoke_role(grant, actor=make.JOB)
    assert browser.get(reverse("access:matrix")).status_code == 403


def test_deactivated__is_out_at_once() -> None:
    user = make.person(make.workspace(), "viewer")
    browser = make.sign_in(user)
    services.deactivate_user(user, actor=make.JOB)
    assert not is_in(browser)


def test_cookie__of_another_person_or_made_up__is_nobody() -> None:
    browser = Client()
    browser.cookies[django_settings.SESSION_COOKIE_NAME] = "x" * 32
    assert not is_in(browser)


def test_cookie__is_httponly_and_same_site() -> None:
    browser = make.sign_in(make.person(make.workspace(), "viewer"))
    cookie = browser.cookies[django_settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


# --- The workspace of a request -------------------------------------------------------------------


def test_workspace__only_one__is_chosen() -> None:
    ws = make.workspace(name="Harbour")
    browser = make.sign_in(make.person(ws, "viewer"))
    assert b"Members of Harbour" in browser.get(reverse("access:members")).content


def test_workspace__of_several__is_asked_for_chosen_and_kept() -> None:
    first, second = make.workspace(name="Harbour"), make.workspace(name="Meadow")
    user = make.person(first, "viewer")
    membership = services.add_member(second, user, actor=make.JOB)
    services.grant_role(membership, "viewer", actor=make.JOB)
    browser = make.sign_in(user)
    page = browser.get(reverse("access:members")).content
    assert b"Choose a workspace" in page
    switch = reverse("access:switch_workspace")
    browser.post(switch, {"workspace": second.slug, "next": "/access/members/"})
    assert b"Members of Meadow" in browser.get(reverse("access:members")).content
    named = browser.get(reverse("access:members") + f"?workspace={first.slug}")
    assert b"Members of Harbour" in named.content
    header = browser.get(reverse("access:members"), HTTP_X_WORKSPACE=first.slug)
    assert b"Members of Harbour" in header.content


def test_workspace__that_is_not_mine__is_not_found_and_never_another() -> None:
    mine, other = make.workspace(), make.workspace()
    browser = make.sign_in(make.person(mine, "viewer"))
    for slug in (other.slug, "no-such-place"):
        assert browser.get(reverse("access:members") + f"?workspace={slug}").status_code == 404
        assert browser.get(reverse("access:members"), HTTP_X_WORKSPACE=slug).status_code == 404
        answer = browser.post(reverse("access:switch_workspace"), {"workspace": slug})
        assert answer.status_code == 404


# --- Clean-up --------------------------------------------------------------------------------


def test_clean_up__closes_what_has_passed_and_nothing_else(clock: Any) -> None:
    user = make.person(make.workspace(), "viewer")
    idle = make.sign_in(user)
    clock.shift(numbers.SESSION_IDLE_MINUTES.value * 60)
    fresh = make.sign_in(user)
    assert (clean_up() or {})["sessions"] == 1
    assert (clean_up() or {})["sessions"] == 0
    assert is_in(fresh)
    assert not is_in(idle)
    assert fresh.get(ACCOUNT).content.decode().count("End the session started") == 0


def test_health__with_a_session_cookie__asks_no_database(django_assert_num_queries: Any) -> None:
    browser = make.sign_in(make.person(make.workspace(), "viewer"))
    with django_assert_num_queries(0):
        assert browser.get("/health").status_code == 200


def test_page__asks_who_it_is_in_few_queries(django_assert_max_num_queries: Any) -> None:
    browser = make.sign_in(make.person(make.workspace(), "viewer"))
    browser.get("/access/logout/")
    with django_assert_max_num_queries(7):  # six, and one for the frame's saved views
        browser.get("/access/logout/")
