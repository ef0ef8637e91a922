"""Columns, filters, facts and fields are called in words; roles and browsers by their names."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from django.urls import reverse

from controlplane.access import services
from controlplane.access.models import UserSession
from controlplane.access.services.reviews import generate_review
from tests import make
from tests.console.conftest import ON_ONE_WORKER
from tests.kit import catalog

pytestmark = pytest.mark.django_db

# How columns are named, never what people say: "Is active", "Opened at", "Every s", "Ok", "Jti".
NAMED_BY_A_COLUMN = re.compile(
    r"(?:Is|Has) |.* at$|.* s$|.* ms$|(?:Ok|Jti|Uid|Id|Slug|Order|Family)$|.*[Jj]wks|.*_|[a-z]"
)
SAID = {
    "column": r'<th scope="col" role="columnheader"[^>]*>(.*?)</th>',
    "filter": r'<details class="menu filter[^>]*>\s*<summary>(.*?)</summary>',
    "fact": r"<dt>(.*?)</dt>",
    "field": r'<label for="id_[^>]*>(.*?)</label>',
}


def said(page: str) -> Iterator[tuple[str, str]]:
    for kind, pattern in SAID.items():
        for found in re.findall(pattern, page, re.DOTALL):
            # A name in code is the sender's own, as it was sent.
            words = re.sub(r"<svg.*?</svg>|<code.*?</code>|<[^>]+>", "", found, flags=re.DOTALL)
            if text := html.unescape(words).strip():
                yield kind, text


@pytest.mark.slow
@ON_ONE_WORKER
def test_every_heading__is_words(every_page: dict[str, str]) -> None:
    wrong, kinds = set(), set()
    for url, page in every_page.items():
        for kind, text in said(page.partition("<main")[2]):
            kinds.add(kind)
            if NAMED_BY_A_COLUMN.match(text):
                wrong.add(f"{kind} {text!r} on {url}")
    assert not wrong, "\n".join(sorted(wrong))
    assert kinds == set(SAID)


def test_active_filter__is_called_as_its_column() -> None:
    admin = make.client(make.person(make.workspace(), "workspace_admin"))
    page = admin.get("/admin/access/user/", {"is_active__exact": 1}).content.decode()
    assert ("column", "Account open") in set(said(page))
    assert "Account open: Yes" in re.sub(r"<[^>]+>", "", page)


def test_memberships__say_the_roles_and_lead_to_them() -> None:
    here = make.workspace()
    admin = make.client(make.person(here, "workspace_admin"))
    person = make.person(here, "cto", "docs_lead")
    none = make.person(here)
    gone = make.person(here, "viewer")
    services.remove_member(gone.memberships.get(), actor=make.JOB)
    page = admin.get("/admin/access/membership/", {"view": "all"}).content.decode()
    link = r'<a href="{}\?workspace={}">(.*?)</a>'
    [roles] = re.findall(link.format(f"/access/members/{person.uid}/", here.slug), page)
    assert roles == "CTO, Docs lead"
    assert re.findall(link.format(f"/access/members/{none.uid}/", here.slug), page) == ["No role"]
    assert str(gone.uid) not in page


def test_roles__by_their_names_wherever_a_row_names_one() -> None:
    here = make.workspace()
    admin = make.client(make.person(here, "workspace_admin"))
    make.agent(here, role="inspector", name="looker")
    for path, name, slug in (
        ("/admin/access/grant/", "Workspace admin", "workspace_admin"),
        ("/admin/access/agent/", "Inspector agent", ">inspector<"),
    ):
        page = admin.get(path, {"view": "all"}).content.decode().partition("<main")[2]
        assert name in page
        assert slug not in page


def test_sessions__by_browser__with_its_own_words_in_the_title() -> None:
    here = make.workspace()
    mine = make.person(here, "viewer")
    client = make.client(mine)
    raw = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0 <b>"
    UserSession.objects.filter(user=mine).update(browser=raw)
    page = client.get("/admin/access/usersession/", {"view": "all"}).content.decode()
    assert f'title="{html.escape(raw)}">Firefox on Linux<' in page
    session = UserSession.objects.get(user=mine)
    url = reverse("admin:access_usersession_change", args=(session.uid,))
    assert "<h1>Firefox on Linux</h1>" in client.get(url).content.decode()
    assert make.client(make.person(here, "workspace_admin")).get(url).status_code == 404


def test_memberships__of_many_roles__name_the_first_and_count_the_others() -> None:
    here = make.workspace()
    admin = make.client(make.person(here, "workspace_admin"))
    make.person(here, "cto", "docs_lead", "legal", "ux", "viewer")
    page = admin.get("/admin/access/membership/", {"view": "all"}).content.decode()
    assert ">CTO, Docs lead, Legal, 2 more</a>" in page


def test_locks__name_who_is_out() -> None:
    here = make.workspace()
    admin = make.client(make.person(here, "workspace_admin"))
    lock = services.lock_account(make.person(here, name="Lou Lind"), actor=make.JOB, reason="lost")
    page = admin.get("/admin/access/accountlock/", {"view": "all"}).content.decode()
    assert ("column", "Locked out") in set(said(page))
    assert lock.user is not None
    assert lock.user.email in page
    url = reverse("admin:access_accountlock_change", args=(lock.pk,))
    assert "<h1>Lou Lind is locked out</h1>" in admin.get(url).content.decode()


def test_refs__in_lists__stay_whole_and_lead_on() -> None:
    here = make.workspace()
    admin = make.client(make.person(here, "workspace_admin"))
    service = catalog.service(here)
    page = admin.get("/admin/catalog/service/", {"view": "all"}).content.decode()
    assert re.search(rf'<a class="kit-ref" href="[^"]+">{service.ref}</a>', page)


def test_access_pages__tell_the_timeline_as_row_pages_do() -> None:
    here = make.workspace()
    admin = make.client(make.person(here, "workspace_admin"))
    agent = make.agent(here, name="looker")
    review = generate_review(here, actor=make.JOB)
    of_review = reverse("admin:access_accessreview_change", args=(review.pk,))
    for page, row in (
        (f"/access/agents/{agent.uid}/", f"/admin/access/agent/{agent.uid}/change/"),
        (f"/access/reviews/{review.period}/", of_review),
    ):
        own, other = (told(admin.get(url).content.decode()) for url in (page, row))
        assert own, page
        assert own == other


LINE = r'kit-timeline-group (kit-tone-\w+).*?kit-timeline-head">(.*?)</p>'


def told(page: str) -> list[str]:
    """The lines of a page's timeline, their colour and words."""
    lines = re.findall(LINE, page, re.DOTALL)
    clean = re.compile(r"<time.*?</time>|<[^>]+>", re.DOTALL)
    return [f"{tone} {clean.sub('', words)}" for tone, words in lines]
