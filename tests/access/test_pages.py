"""What the access pages show: filters and pages of lists, a person's trail, roles one by one,
reviews by person; how many queries that takes, and that a stranger sees none of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access import policy, services
from controlplane.access.devices import device_name
from controlplane.access.models import AccessReviewLine, User
from tests import make

pytestmark = pytest.mark.django_db
MEMBERS = "/access/members/"
ROLES = "/access/roles/"


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, url
    return answer.content.decode()


def listed(html: str) -> list[str]:
    return re.findall(r'<span class="who-mail">([^<]*)</span>', html)


# --- Members -------------------------------------------------------------------------------------


def test_members__filters__narrow_by_role_state_and_words() -> None:
    ws = make.workspace()
    admin = make.person(ws, "workspace_admin", email="admin@example.org")
    make.person(ws, "legal", "ux", email="lee@example.org", name="Lee Legal")
    locked = make.person(ws, "legal", email="locked@example.org")
    make.person(ws, email="idle@example.org")
    services.lock_account(locked, actor=make.JOB, reason="lost laptop")
    browser = make.client(admin)
    found = {
        "?role=legal": ["lee@example.org", "locked@example.org"],
        "?role=legal&state=active": ["lee@example.org"],
        "?state=locked": ["locked@example.org"],
        "?state=no-role": ["idle@example.org"],
        "?q=lee+l": ["lee@example.org"],
        "?q=LOCKED@": ["locked@example.org"],
        "?q=nobody-like-this": [],
        "?role=no-such-role&page=zzz": sorted(User.objects.values_list("email", flat=True)),
        "?q=&state=&page=-3": sorted(User.objects.values_list("email", flat=True)),
    }
    for query, emails in found.items():
        assert listed(text(browser, MEMBERS + query)) == emails, query
    # Only who has a second factor is left out: signing in by the form enrolled the admin.
    without = listed(text(browser, f"{MEMBERS}?state=no-factor"))
    assert "lee@example.org" in without
    assert "admin@example.org" not in without


def test_members__of_fifty_and_more__come_in_pages_of_bounded_queries(
    django_assert_max_num_queries: Any,
) -> None:
    ws = make.workspace()
    browser = make.client(make.person(ws, "workspace_admin", email="a@example.org"))
    for _ in range(50):
        make.person(ws, "viewer", "legal", password=None)
    browser.get(MEMBERS)
    with django_assert_max_num_queries(14):
        first = text(browser, MEMBERS)
    assert len(listed(first)) == 50
    assert 'href="?page=2"' in first
    assert len(listed(text(browser, f"{MEMBERS}?page=2"))) == 1


def test_member__trail__shows_what_happened_here_to_whoever_may_read_the_log() -> None:
    ws, other = make.workspace(), make.workspace()
    admin = make.person(ws, "workspace_admin")
    user = make.person(ws, "legal")
    services.add_member(other, user, actor=make.JOB)
    services.grant_role(
        make.membership(user, other), "cto", actor=make.JOB, reason="a secret of the other side"
    )
    services.grant_role(make.membership(user, ws), "ux", actor=make.JOB, reason="helps for now")
    page = reverse("access:member", args=[user.uid])
    shown = text(make.client(admin), page)
    assert "helps for now" in shown.split('id="trail"')[1]
    assert "a secret of the other side" not in shown
    viewer = text(make.client(make.person(ws, "viewer")), page)
    assert "Read the audit log: needs" in viewer
    assert "kit-timeline-group" not in viewer
    stranger = make.client(make.person(other, "workspace_admin"))
    assert stranger.get(reverse("access:member", args=[admin.uid])).status_code == 404


# --- Roles --------------------------------------------------------------------------------------


def test_matrix__one_role__lists_what_it_may_and_who_holds_it_here() -> None:
    ws = make.workspace()
    browser = make.client(make.person(ws, "viewer", name="Vera View"))
    make.person(ws, "release_manager", name="Rita Release")
    make.person(make.workspace(), "release_manager", name="Otto Elsewhere")
    html = text(browser, f"{ROLES}?role=release_manager")
    may, may_not = html.split("What this role may not do")
    for name, entry in policy.ACTIONS.items():
        assert f">{name}<" in (may if "release_manager" in entry.roles else may_not), name
    assert "Rita Release" in html
    assert "Otto Elsewhere" not in html


def test_matrix__filters__by_words_and_by_what_i_may() -> None:
    ws = make.workspace()
    browser = make.client(make.person(ws, "viewer"))
    mine = text(browser, f"{ROLES}?only=mine")
    for name, entry in policy.ACTIONS.items():
        assert (f"<code>{name}</code>" in mine) == ("viewer" in entry.roles), name
    assert set(re.findall(r"<code>([a-z_.]+)</code>", text(browser, f"{ROLES}?q=api+keys"))) == {
        "key.view",
        "key.manage",
        "key.own",
    }
    assert "No action matches." in text(browser, f"{ROLES}?q=%3Cscript%3E")


def test_matrix__many_holders__are_counted_not_listed_in_bounded_queries(
    django_assert_max_num_queries: Any,
) -> None:
    ws = make.workspace()
    browser = make.client(make.person(ws, "workspace_admin"))
    for _ in range(9):
        make.person(ws, "legal", "ux", password=None)
        make.agent(ws, role="planner")
    browser.get(ROLES)
    for family, more in (("operations", 2), ("agent", 1)):
        with django_assert_max_num_queries(12):
            html = text(browser, f"{ROLES}?family={family}")
        assert html.count("and 3 more") == more


# --- Agents -------------------------------------------------------------------------------------


def test_agents__filters__and_keys_only_for_who_may_see_them() -> None:
    ws = make.workspace()
    agent = make.agent(ws, role="planner", name="scout")
    make.key(agent)
    make.agent(ws, role="", name="nightly")
    page = reverse("access:agents")
    admin = make.client(make.person(ws, "workspace_admin"))
    for query, there, gone in (
        ("?role=service", "nightly", "scout"),
        ("?role=planner", "scout", "nightly"),
        ("?state=keyless", "nightly", "scout"),
        ("?q=SCO", "scout", "nightly"),
    ):
        html = text(admin, page + query)
        assert there in html, query
        assert f">{gone}<" not in html, query
    assert 'data-label="Keys"' in text(admin, page)
    assert 'data-label="Keys"' not in text(make.client(make.person(ws, "viewer")), page)


# --- Reviews and the account --------------------------------------------------------------------


def test_review__lines__stand_by_person_and_say_what_was_kept_last_time() -> None:
    ws = make.workspace()
    lead = make.person(ws, "security_lead")
    make.person(ws, "legal", "ux", name="Lee Legal")
    before = services.generate_review(ws, actor=make.JOB, period="2026-Q1")
    line = before.lines.get(holds="Legal")
    services.decide_line(line, actor=make.actor(lead), decision="confirmed")
    review = services.generate_review(ws, actor=make.JOB, period="2026-Q2")
    browser = make.client(lead)
    page = reverse("access:review", args=[review.period])
    html = text(browser, page)
    lee = next(part for part in html.split('class="card holder"') if "Lee Legal" in part)
    assert lee.count("kept last time") == 1
    assert lee.count("new since then") == 1
    mine = AccessReviewLine.objects.get(review=review, holds="Legal")
    decide = reverse("access:review_decide", args=[review.period, mine.uid])
    answer = browser.post(decide, {"decision": "confirmed", "show": "open"})
    assert answer["Location"] == f"{page}?show=open"
    assert browser.post(decide, {"decision": "confirmed", "show": "//evil"})["Location"] == page
    assert str(mine.uid) not in text(browser, f"{page}?show=open")
    assert str(mine.uid) in text(browser, f"{page}?show=confirmed")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
            "Firefox on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari/604.1", "Safari on iPhone"),
        (
            "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) CriOS/120.0 Mobile Safari/604.1",
            "Chrome on iPad",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14) SamsungBrowser/23.0 Chrome/115.0 Safari/537.36",
            "Samsung Internet on Android",
        ),
        ("Mozilla/5.0 (X11; CrOS x86_64) Chrome/120.0 Safari/537.36", "Chrome on ChromeOS"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "Linux"),
        ("curl/8.5", "curl"),
        ("x" * 200, "x" * 60),
        ("", "Unknown browser"),
    ],
)
def test_device_name__of_a_header__is_what_a_person_would_call_it(header: str, name: str) -> None:
    assert device_name(header) == name


def test_error_page__says_what_to_do_and_needs_no_database(
    django_assert_num_queries: Any,
) -> None:
    from controlplane.base.web import page
    from controlplane.lib.errors import CODES

    for code in CODES:
        with django_assert_num_queries(0):
            html = page(code, "<b>sentence</b>").content.decode()
        assert html.count("<h1>") == 1
        assert "&lt;b&gt;sentence" in html
        assert 'href="/admin/"' in html
        assert " style=" not in html
