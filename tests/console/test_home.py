"""Home: one's own turn first, then what is wrong; what has no data comes last and is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client

from controlplane.access import services as access
from controlplane.access.models import AccessReview, User, Workspace
from controlplane.base.registries import HomeRow, Kpi, Waiting, home_rows, kpis
from controlplane.jobs import alarms, obligations
from controlplane.jobs.models import EngineCycle, ObligationRecord, WatchAlarm
from controlplane.lib import clock
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def admin(here: Workspace) -> User:
    return make.person(here, "workspace_admin")


def main(person: User) -> str:
    answer = make.client(person).get("/admin/")
    assert answer.status_code == 200
    return answer.content.decode().split("<main", 1)[1]


def alarm(**fields: object) -> WatchAlarm:
    return WatchAlarm.objects.create(kind="component", subject="beat", message="Silent.", **fields)


def looked(at: datetime | None = None) -> None:
    EngineCycle.objects.update_or_create(
        module=alarms._WATCH, defaults={"ok_at": at or clock.now()}
    )


def test_ones_own_turn__before_its_equals__and_named_once(here: Workspace, admin: User) -> None:
    alarm(critical=False)
    access.generate_review(here, actor=make.JOB, period="2026-Q1")
    AccessReview.objects.update(due_at=clock.now() + timedelta(days=2))
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
    assert "needs you now." in page.split("Not known yet")[0]


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


def test_ones_own__what_burns_before_a_paper_however_late(admin: User) -> None:
    now = clock.now()
    paper = Waiting("Late paper", "/admin/", tone="bad", due=now - timedelta(days=8), mine=True)
    fire = Waiting("Fire", "/admin/", tone="bad", due=now + timedelta(minutes=2), mine=True)
    home_rows.register(HomeRow("t-paper", "Papers", "workspace.view", lambda *_: [paper], order=24))
    home_rows.register(HomeRow("t-fire", "Fires", "workspace.view", lambda *_: [fire], order=1))
    try:
        page = main(admin)
    finally:
        del home_rows._entries["t-paper"], home_rows._entries["t-fire"]
    assert page.index("Fire") < page.index("Late paper")


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


@pytest.mark.usefixtures("pressing")
def test_what_is_broken__before_ones_own_deadlines__and_what_is_far_warns_nobody(
    here: Workspace, admin: User
) -> None:
    rows = home_rows.get("tests")
    assert rows is not None
    far = Waiting("In six weeks", "/", state="Due", tone="warn", mine=True,
                  due=clock.now() + timedelta(days=40))  # fmt: skip
    home_rows._entries["tests"] = HomeRow("tests", "Things", "workspace.view", lambda *_: [far])
    alarm(critical=True)
    page = main(admin)
    assert page.index("Alarms of the portal") < page.index("Waiting for you")
    row = page[page.index("Waiting for you") :].split("</a>")[0]
    assert "In six weeks" in row
    assert "warn" not in row.split("In six weeks")[0]
    late = replace(far, title="A day late", due=clock.now() - timedelta(days=1))
    broken = replace(far, title="It is down", tone="bad", due=None)
    home_rows._entries["tests"] = HomeRow(
        "tests", "Things", "workspace.view", lambda *_: [far, late, broken]
    )
    page = main(admin)
    assert page.index("It is down") < page.index("A day late") < page.index("In six weeks")


def test_obligations__another_roles_turn__is_nothing_that_needs_one(here: Workspace) -> None:
    obligations.open_due()
    assert ObligationRecord.objects.filter(workspace=here).exists()
    viewer = make.client(make.person(here, "viewer")).get("/admin/").content.decode()
    page = viewer.split("<main", 1)[1]
    assert "'s turn" not in page
    assert "None is your turn" in page
    link = re.search(r'href="/admin/jobs/obligationrecord/"[^>]*>.*?</a>', viewer, re.DOTALL)
    assert link is not None
    assert "count" not in link[0]
    assert "Yours to record" in main(make.person(here, "workspace_admin", "security_lead"))


def test_quiet__nothing_was_looked_at__is_no_good_news(here: Workspace, admin: User) -> None:
    unknown = main(admin).split("Not known yet")[1].split("</section>")[0]
    assert unknown.count("Nothing has been looked at yet.") == 2, "the portal's parts, and services"
    assert 'href="/admin/catalog/probe/add/"' in unknown
    assert "Every part gives a sign of life" not in main(admin)
    assert "is looked at is up" not in main(admin)
    viewer = main(make.person(here, "viewer"))
    assert 'href="/admin/catalog/probe/add/"' not in viewer, "it would refuse them"
    looked()
    page = main(admin)
    assert "Every part gives a sign of life" in page.split("All quiet")[1]
    looked(clock.now() - timedelta(hours=1))
    assert (
        "The watch last looked at" in main(admin).split("Not known yet")[1].split("</section>")[0]
    )


@pytest.mark.usefixtures("measured")
def test_figures__without_data__one_line_with_where_it_would_come_from(admin: User) -> None:
    kpis._entries["tests.not"] = replace(kpis._entries["tests.not"], source="the first drill")
    listed = main(admin).split("No data yet")[1]
    line = listed[listed.index("Figure tests.not") :].split("</li>")[0]
    assert "(h): waits for the first drill" in line
    assert "how tests.not is counted" not in re.sub("<[^>]*>", "", listed), "behind the name"


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
    assert 'href="/admin/tests.known/"' in viewer
    assert "Figure tests.not" not in viewer, "its action is not theirs"


def test_figures__every_one_leads_to_a_page_that_is_there(here: Workspace) -> None:
    browser = make.client(make.person(here, "workspace_admin"))
    for kpi in kpis:
        assert kpi.link, kpi.slug
        assert browser.get(kpi.link, follow=True).status_code == 200, kpi.slug


def test_quiet__says_when_it_last_was_not(admin: User) -> None:
    assert "The last one ended" not in main(admin)
    alarm(closed_at=Now())
    page = main(admin)
    assert "The last one ended" not in page, "nobody looks: what ended then is no good news"
    looked()
    assert "The last one ended" in main(admin)


def test_nobody__is_shown_home(client: Client) -> None:
    assert client.get("/admin/").status_code == 302


def test_first_steps__for_whoever_is_alone_and_may_invite(here: Workspace, admin: User) -> None:
    page = main(admin)
    assert page.index("First steps") < page.index("Invite people") < page.index("Plan a mission")
    alarm(critical=True)
    assert "First steps" in main(admin), "something is wrong at the first look as well"
    make.person(here, "viewer")
    assert "First steps" not in main(admin), "somebody else is here"
    stranger = make.person(make.workspace(), "viewer")
    assert "First steps" not in main(stranger), "a reader alone may invite nobody"


def test_section__of_which_some_stand_on_ones_own_card__says_how_many(admin: User) -> None:
    rows = [Waiting("Mine", "/admin/", mine=True), Waiting("Of the house", "/admin/")]
    home_rows.register(HomeRow("t-both", "Things", "workspace.view", lambda *_: rows, order=1))
    try:
        page = main(admin)
    finally:
        del home_rows._entries["t-both"]
    assert "1 of them waits for you: under" in page
    assert page.count("of them wait") == 1
