"""Home: one's own turn first, then what is wrong; what has no data comes last and is explained."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client

from controlplane.access import services as access
from controlplane.access.models import User, Workspace
from controlplane.base.registries import HomeRow, Kpi, Waiting, home_rows, kpis
from controlplane.jobs.models import WatchAlarm
from controlplane.lib import clock
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def here() -> Workspace:
    return make.workspace()


@pytest.fixture
def admin(here: Workspace) -> User:
    return make.person(here, "workspace_admin")


def main(person: User) -> str:
    answer = make.client(person).get("/admin/")
    assert answer.status_code == 200
    return answer.content.decode().split("<main", 1)[1]


def alarm(**fields: object) -> WatchAlarm:
    return WatchAlarm.objects.create(kind="component", subject="beat", message="Silent.", **fields)


def test_ones_own_turn__before_every_section__and_named_once(here: Workspace, admin: User) -> None:
    alarm()
    access.generate_review(here, actor=make.JOB, period="2026-Q1")
    page = main(admin)
    assert page.index("Waiting for you") < page.index("Access review 2026-Q1")
    assert page.index("Access review 2026-Q1") < page.index("Alarms of the portal")
    assert page.count("Access review 2026-Q1") == 1


def test_somebody_elses_turn__stays_in_its_section(here: Workspace) -> None:
    access.generate_review(here, actor=make.JOB, period="2026-Q1")
    page = main(make.person(here, "compliance"))
    assert "Access review 2026-Q1" in page
    assert "Waiting for you" not in page


def test_anothers_workspace__waits_for_nobody_here(here: Workspace, admin: User) -> None:
    access.generate_review(make.workspace(), actor=make.JOB, period="2026-Q1")
    page = main(admin)
    assert "2026-Q1" not in page
    assert "Nothing needs you now." in page


@pytest.fixture
def pressing() -> Iterator[None]:
    now = clock.now()
    rows = [
        Waiting("Later", "/admin/", due=now + timedelta(days=2), mine=True),
        Waiting("Never due", "/admin/", mine=True),
        Waiting("Overdue", "/admin/", due=now - timedelta(days=1), mine=True),
    ]
    home_rows.register(HomeRow("tests", "Things", "workspace.view", lambda *_: rows))
    yield
    del home_rows._entries["tests"]


@pytest.mark.usefixtures("pressing")
def test_ones_own__the_soonest_first(admin: User) -> None:
    page = main(admin)
    assert page.index("Overdue") < page.index("Later") < page.index("Never due")


@pytest.fixture
def measured() -> Iterator[None]:
    for slug, value, action in (("tests.known", 3.0, "catalog.view"), ("tests.not", None, "x")):
        kpis.register(
            Kpi(
                slug=slug,
                title=f"Figure {slug}",
                unit="h",
                formula=f"how {slug} is counted",
                compute=lambda *_, value=value: value,
                link=f"/admin/{slug}/",
                action=action if action != "x" else "backup.view",
            )
        )
    yield
    for slug in ("tests.known", "tests.not"):
        del kpis._entries[slug]


@pytest.mark.usefixtures("measured")
def test_figures__measured_above_the_queue__the_others_below_and_explained(
    here: Workspace, admin: User
) -> None:
    alarm()
    page = main(admin)
    queue = page.index("Alarms of the portal")
    assert page.index('href="/admin/tests.known/"') < queue < page.index('href="/admin/tests.not/"')
    assert "no data</span>" not in page
    assert page.index("how tests.not is counted") > queue
    viewer = main(make.person(here, "viewer"))
    assert "Figure tests.not" in viewer
    assert 'href="/admin/tests.not/"' not in viewer, "that page would refuse them"


def test_figures__every_one_leads_to_a_page_that_is_there(here: Workspace) -> None:
    browser = make.client(make.person(here, "workspace_admin"))
    for kpi in kpis:
        assert kpi.link, kpi.slug
        assert browser.get(kpi.link, follow=True).status_code == 200, kpi.slug


def test_quiet__says_when_it_last_was_not(admin: User) -> None:
    assert "The last one ended" not in main(admin)
    alarm(closed_at=Now())
    page = main(admin)
    assert "The last one ended" in page
    assert "Nothing needs you now." in page


def test_nobody__is_shown_home(client: Client) -> None:
    assert client.get("/admin/").status_code == 302
