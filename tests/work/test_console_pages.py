"""Queue, board, cycles and projects; home, sidebar and palette."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.console.pages.go import find
from controlplane.lib import clock
from controlplane.work import services
from controlplane.work.models import Dependency, Item, Project
from controlplane.work.shown import console
from tests import make
from tests.console.test_own_pages import asked_of
from tests.kit import settled, work


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def oscar(here: Workspace) -> User:
    return make.person(here, "operations_command", email="oscar@example.org", name="Oscar Chen")


@settled.once
def browser(oscar: User) -> Client:
    return make.client(oscar)


def read(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200, url
    return answer.content.decode()


def backlog(here: Workspace, title: str, impact: int | None, effort: int | None) -> Item:
    return work.item(
        here, title, in_backlog=True, stage="define", kpi="adoption",
        readiness_artifact="Playbook", impact=impact, effort=effort,
    )  # fmt: skip


# --- Queue ------------------------------------------------------------------------------------


def test_queue__claim_next_takes_the_most_urgent(browser: Client, here: Workspace) -> None:
    work.item(here, "Later", priority=3)
    urgent = work.item(here, "Now", priority=0)
    work.item(here, "Somebody's", priority=0, assignee="sanna@example.org")
    page = read(browser, reverse("work:queue"))
    assert page.index("Now") < page.index("Later")
    answer = browser.post(reverse("work:queue"))
    assert answer["Location"] == reverse("admin:work_item_change", args=(urgent.uid,))
    urgent.refresh_from_db()
    assert urgent.assignee == "oscar@example.org"
    assert "Yours" in read(browser, reverse("work:queue"))


def test_queue__of_one_project__and_when_nothing_is_ready(browser: Client, here: Workspace) -> None:
    work.item(here, "In operations")
    other = services.create_project(here, actor=work.worker(here), name="Planner", prefix="pl")
    url = f"{reverse('work:queue')}?project={other.uid}"
    assert "In operations" not in read(browser, url)
    assert "Nothing is ready" in browser.post(url, follow=True).content.decode()
    assert Item.objects.get().status == "open"


def test_queue__stranger__sees_nothing_and_claims_nothing(here: Workspace) -> None:
    item = work.item(here, "Ours")
    stranger = make.client(make.person(make.workspace(), "operations_command"))
    assert "Ours" not in read(stranger, reverse("work:queue"))
    stranger.post(reverse("work:queue"))
    viewer = make.client(make.person(here, "viewer"))
    assert "disabled" in read(viewer, reverse("work:queue"))
    assert viewer.post(reverse("work:queue")).status_code == 403
    item.refresh_from_db()
    assert item.assignee == ""


def test_queue__asks_ten_questions_at_most_and_counts_all(browser: Client, here: Workspace) -> None:
    for number in range(35):
        work.item(here, f"Item {number}")
    read(browser, reverse("work:queue"))
    with CaptureQueriesContext(connection) as captured:
        page = read(browser, reverse("work:queue"))
    assert "35 ready that nobody has" in page
    assert len(asked_of(captured)) <= 10


# --- Board ------------------------------------------------------------------------------------


def test_board__stages_by_value__and_moved_without_script(browser: Client, here: Workspace) -> None:
    backlog(here, "Costly", 2, 5)
    cheap = backlog(here, "Cheap", 5, 1)
    backlog(here, "Unrated", None, None)
    page = read(browser, reverse("work:board"))
    assert page.index("Cheap") < page.index("Costly") < page.index("Unrated")
    assert "5 ÷ 1 = 5.0" in page
    assert "Impact against effort" in page
    data = {"item": str(cheap.uid), "to": "prepare", "next": reverse("work:board")}
    assert browser.post(reverse("work:move"), data).status_code == 302
    cheap.refresh_from_db()
    assert cheap.stage == "prepare"


def test_board__by_status__moves_defers_and_asks_before_closing(
    browser: Client, here: Workspace
) -> None:
    actor = work.worker(here)
    project = services.create_project(here, actor=actor, name="Planner", prefix="pl")
    services.set_statuses(project, {"in_review": "wip"}, actor=actor)
    item = work.item(project, "Draw it", actor=actor)
    page = read(browser, f"{reverse('work:board')}?project={project.uid}")
    assert "In review" in page
    move = reverse("work:move")
    browser.post(move, {"item": str(item.uid), "to": "in_review"})
    item.refresh_from_db()
    assert item.status == "in_review"
    browser.post(move, {"item": str(item.uid), "to": "deferred"})
    item.refresh_from_db()
    assert item.status == "deferred"
    answer = browser.post(move, {"item": str(item.uid), "to": "closed"})
    assert answer["Location"] == reverse("admin:work_item_button", args=(item.uid, "close"))
    refused = browser.post(move, {"item": str(item.uid), "to": "nonsense"}, follow=True)
    assert "invalid status" in refused.content.decode()


def test_board__fills_its_columns_by_indexes(browser: Client, here: Workspace) -> None:
    for title in ("One", "Two"):
        work.item(here, title)
    rows = Item.objects.filter(project=work.project(here))
    urgent = rows.filter(status="open").order_by("priority", "-created_at", "id")
    newest = rows.filter(status="closed").order_by("-closed_at", "-id")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    for column, index in ((urgent, "work_project_status"), (newest, "work_project_closed")):
        plan = column.values_list("pk")[:25].explain()
        # Of a handful of rows any index that gives the order is as good.
        assert index in plan or "work_project_order" in plan
        assert "Sort" not in plan


def test_board__stranger__no_board_no_move(browser: Client, here: Workspace) -> None:
    elsewhere = make.workspace()
    theirs = work.item(elsewhere, "Theirs")
    url = f"{reverse('work:board')}?project={theirs.project.uid}"
    assert browser.get(url).status_code == 404
    data = {"item": str(theirs.uid), "to": "in_progress"}
    assert browser.post(reverse("work:move"), data).status_code == 404
    ours = work.item(here)
    viewer = make.client(make.person(here, "viewer"))
    data = {"item": str(ours.uid), "to": "in_progress"}
    assert viewer.post(reverse("work:move"), data).status_code == 403
    assert browser.post(reverse("work:move"), {"item": "x", "to": "open"}).status_code == 400
    ours.refresh_from_db()
    assert ours.status == "open"


@pytest.mark.slow
def test_pages__ask_no_more_however_many_items(browser: Client, here: Workspace) -> None:
    urls = [reverse(f"work:{name}") for name in ("queue", "board", "cycles")]
    urls.append("/admin/work/project/?kind=used")

    def asked() -> list[int]:
        found = []
        for url in urls:
            browser.get(url)
            with CaptureQueriesContext(connection) as captured:
                browser.get(url)
            found.append(len(asked_of(captured)))
        return found

    backlog(here, "First", 1, 1)
    few = asked()
    actor = work.worker(here)
    for number in range(20):
        item = backlog(here, f"Item {number}", 1 + number % 5, 1)
        services.update_item(item, actor=actor, assignee="oscar@example.org")
        work.item(here, f"Free {number}", actor=actor)
    assert [more - before for more, before in zip(asked(), few, strict=True)] == [0, 0, 0, 0]
    assert max(few) <= 12


# --- Cycles -----------------------------------------------------------------------------------


def test_cycles__none__and_one_that_came_past_the_doors(browser: Client, here: Workspace) -> None:
    url = reverse("work:cycles")
    first, then = work.item(here, "First"), work.item(here, "Then")
    services.add_dependency(then, first, actor=work.worker(here))
    assert "No cycle" in read(browser, url)
    assert "is what is kept" in read(browser, f"{url}?readiness=1")
    Dependency.objects.create(item=first, target=then)  # as only somebody in the database could
    page = read(browser, url)
    assert "1 cycle found" in page
    assert first.key in page
    stranger = make.client(make.person(make.workspace(), "operations_command"))
    assert "No cycle" in read(stranger, url)


# --- Projects ---------------------------------------------------------------------------------


def test_project__made_changed_archived(browser: Client, here: Workspace) -> None:
    form = {"name": "Planner", "prefix": "pl", "ids": "sequence", "description": ""}
    assert browser.post(reverse("admin:work_project_add"), form).status_code == 302
    project = Project.objects.get(name="Planner")
    page = reverse("admin:work_project_change", args=(project.uid,))
    edited = {
        "name": "Planner 5",
        "ids": "hash",
        "own_types": "migration, spike-week",
        "own_statuses": "in_review: wip\nshipped: done",
        "update_may_close": "on",
    }
    assert browser.post(page, edited).status_code == 302
    project.refresh_from_db()
    assert project.custom_types == ["migration", "spike-week"]
    assert project.custom_statuses == {"in_review": "wip", "shipped": "done"}
    assert not project.epics_block_epics_only
    assert "migration" in read(browser, page)
    browser.post(page, edited | {"own_statuses": "shipped: wonderful"})
    project.refresh_from_db()
    assert project.custom_statuses["shipped"] == "done"
    browser.post(page.replace("change", "do/archive"), {"reason": "Over."})
    project.refresh_from_db()
    assert project.archived_at is not None


def test_project__leads_to_its_files_and_nowhere_else(browser: Client, here: Workspace) -> None:
    item = work.item(here, "Taken along")
    page = read(browser, reverse("admin:work_project_change", args=(item.project.uid,)))
    for path, holds in (("export", '"title":"Taken along"'), ("tasks.json", item.key)):
        url = f"/api/v1/work/{path}?project={item.project.uid}"
        assert f'href="{url}"' in page
        assert holds in b"".join(browser.get(url)).decode()
    assert "Short hash" in page
    assert "bd-a1f" not in page  # a key in a text is a link, and there is no such item


def test_backlog__its_categories_are_named_as_they_are_written(
    browser: Client, here: Workspace
) -> None:
    empty = read(browser, reverse("work:board"))
    assert "Often: OAuth automation, toolkit catalogue refresh" in empty
    item = backlog(here, "Rank me", 1, 1)
    page = read(browser, f"{reverse('admin:work_item_change', args=(item.uid,))}?edit=1")
    assert "Prepare: OAuth automation, toolkit catalogue refresh" in page
    assert "metric SLO refinement" in page


def test_project__operations_stays__viewer_and_stranger_may_nothing(
    browser: Client, here: Workspace
) -> None:
    project = work.project(here)
    page = reverse("admin:work_project_change", args=(project.uid,))
    assert "The portal itself works with it." in read(browser, page)
    viewer = make.client(make.person(here, "viewer"))
    assert viewer.post(page, {"name": "Mine", "ids": "hash"}).status_code == 403
    assert viewer.get(reverse("admin:work_project_add")).status_code == 403
    stranger = make.client(make.person(make.workspace(), "operations_command"))
    assert stranger.get(page).status_code == 404


# --- Shared parts -----------------------------------------------------------------------------


def test_home__own_ready_and_overdue(browser: Client, here: Workspace, oscar: User) -> None:
    free = work.item(here, "Ready one")
    given = work.item(here, "Given to me", assignee="oscar@example.org")
    late = work.item(
        here, "Late", assignee="sanna@example.org", due_at=clock.now() - timedelta(hours=1)
    )
    work.item(make.workspace(), "Theirs")
    page = read(browser, "/admin/")
    for words in ("Ready to begin", "Ready one", "Work items", "Late", "Given to me"):
        assert words in page
    actor = make.actor(oscar)
    assert [row.title for row in console.ready(actor, None)] == [str(free)]
    found = [(row.title, row.mine) for row in console.pressing(actor, here.pk)]
    assert found == [(str(given), True), (str(late), False)]


def test_palette__keys_lead_to_items_in_any_case(
    browser: Client, here: Workspace, oscar: User
) -> None:
    item = work.item(here, "Found by its key")
    numbered = services.create_project(
        here, actor=work.worker(here), name="Numbers", prefix="BD", ids="sequence"
    )
    second = work.item(numbered, "Numbered")
    for typed, found in ((item.key.upper(), item), ("bd-1", second), ("BD-1", second)):
        answer = browser.get("/admin/go/", {"q": typed})
        assert answer["Location"] == reverse("admin:work_item_change", args=(found.uid,))
    child = work.item(here, "A part", parent=item)
    assert str(child.uid) in browser.get("/admin/go/", {"q": child.key})["Location"]
    stranger = make.person(make.workspace(), "operations_command")
    assert "Find" not in {hit.kind for hit in find(make.actor(stranger), None, item.key)}


def test_palette__claim_close_open(here: Workspace, oscar: User) -> None:
    item = work.item(here, "Rotate the keys")
    done = work.item(here, "Done already")
    services.close_item(done, actor=work.worker(here), reason="x")
    actor = make.actor(oscar)

    def acts(text: str) -> list[str]:
        return [hit.url for hit in find(actor, here.pk, text) if hit.kind == "Act"]

    assert acts(f"claim {item.key}") == [
        reverse("admin:work_item_button", args=(item.uid, "claim"))
    ]
    assert acts("close rotate") == [reverse("admin:work_item_button", args=(item.uid, "close"))]
    assert acts(f"close {done.key}") == []
    assert acts("open new Write it down") == [
        f"{reverse('admin:work_item_add')}?title=Write+it+down"
    ]
    viewer = make.actor(make.person(here, "viewer"))
    assert not [hit for hit in find(viewer, here.pk, "claim rotate") if hit.kind == "Act"]


def test_keys_in_texts__lead_to_their_items(browser: Client, here: Workspace) -> None:
    first = work.item(here, "First", key="bd-a1f")
    text = "After bd-a1f, not bd-init-script; **see bd-a1f.** <b>bd-a1f</b>"
    item = work.item(here, "Then", description=text)
    services.comment(item, "Blocked by bd-a1f?", actor=work.worker(here))
    page = read(browser, reverse("admin:work_item_change", args=(item.uid,)))
    assert page.count('href="/admin/go/?q=bd-a1f"') == 4
    assert "q=bd-init" not in page
    answer = browser.get("/admin/go/?q=bd-a1f")
    assert answer["Location"] == reverse("admin:work_item_change", args=(first.uid,))


def test_no_work_at_all__says_what_to_do(browser: Client, here: Workspace) -> None:
    queue = browser.get(reverse("work:queue")).content.decode()
    assert "There is nothing to do here yet." in queue
    assert reverse("admin:work_item_add") in queue
    board = browser.get(reverse("work:board")).content.decode()
    assert "No item of the backlog has both an impact and an effort yet." in board
    viewer = make.client(make.person(here, "viewer")).get(reverse("work:queue")).content.decode()
    assert "There is nothing to do here yet." in viewer
    assert reverse("admin:work_item_add") not in viewer
    waiting = work.item(here, "Waits")
    services.add_dependency(waiting, work.item(here, "First"), actor=work.worker(here))
    first = Item.objects.get(title="First")
    services.claim(first, actor=work.worker(here))
    queue = browser.get(reverse("work:queue")).content.decode()
    assert "Nothing is ready that nobody has." in queue
