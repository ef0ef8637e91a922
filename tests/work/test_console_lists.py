"""Lists of items in the console: queues, filters, search, and what a hundred thousand cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.work import services
from controlplane.work.models import Item
from tests import make
from tests.console.test_own_pages import asked_of
from tests.kit import settled, work

LIST = "/admin/work/item/"
COLUMNS = [
    str(field.column)
    for field in Item._meta.concrete_fields
    if not getattr(field, "generated", False)
]
OTHER = {"id": "id + n", "uid": "gen_random_uuid()", "key": "'bd-many-' || n", "priority": "n %% 5"}
FILL = f"""
INSERT INTO work_item ({", ".join(COLUMNS)})
SELECT {", ".join(OTHER.get(column, column) for column in COLUMNS)}
FROM (SELECT * FROM work_item ORDER BY id DESC LIMIT 1) AS one, generate_series(1, %s) AS n
"""


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def oscar(here: Workspace) -> User:
    return make.person(here, "operations_command", email="oscar@example.org", name="Oscar Chen")


@settled.once
def browser(oscar: User) -> Client:
    return make.client(oscar)


def shown(browser: Client, query: str) -> list[str]:
    answer = browser.get(f"{LIST}?{query}")
    assert answer.status_code == 200
    return [row.title for row in answer.context["cl"].result_list]


def test_list__nothing_asked__opens_with_what_is_ready(browser: Client, here: Workspace) -> None:
    work.item(here, "Ready one")
    answer = browser.get(LIST)
    assert answer.status_code == 302
    assert answer["Location"] == f"{LIST}?queue=ready"


def test_queues__each_its_own(browser: Client, here: Workspace) -> None:
    first = work.item(here, "First", priority=1)
    waits = work.item(here, "Waits")
    services.add_dependency(waits, first, actor=work.worker(here))
    mine = work.item(here, "Mine", assignee="oscar@example.org", priority=0)
    services.claim(mine, actor=make.actor(User.objects.get(email="oscar@example.org")))
    late = work.item(here, "Late", priority=4, due_at=clock.now() - timedelta(hours=1))
    done = work.item(here, "Done")
    services.close_item(done, actor=work.worker(here), reason="done")
    assert shown(browser, "queue=ready") == ["First", "Late"]
    assert shown(browser, "queue=mine") == ["Mine"]
    assert shown(browser, "queue=doing") == ["Mine"]
    assert shown(browser, "queue=waiting") == ["Waits"]
    assert shown(browser, "queue=overdue") == [late.title]
    assert shown(browser, "queue=done") == ["Done"]
    assert set(shown(browser, "view=all")) == {"First", "Waits", "Mine", "Late", "Done"}


def test_filters__narrow_and_stand_as_chips(browser: Client, here: Workspace) -> None:
    work.item(here, "Database", labels=["database"], item_type="bug", priority=0)
    work.item(here, "Other", assignee="someone")
    assert shown(browser, "queue=ready&label=database") == ["Database"]
    assert shown(browser, "queue=ready&type=bug") == ["Database"]
    assert shown(browser, "queue=ready&priority=0") == ["Database"]
    assert shown(browser, "queue=ready&assignee=someone") == ["Other"]
    assert shown(browser, "queue=ready&assignee=-") == ["Database"]
    page = browser.get(f"{LIST}?queue=ready&label=database").content.decode()
    assert "Label: database" in page


def test_filters__of_hostile_values__answer_nothing(browser: Client, here: Workspace) -> None:
    work.item(here)
    for query in ("label=%00", "project=nonsense", "type='", "priority=9", "stage=x", "queue=x"):
        assert browser.get(f"{LIST}?view=all&{query}").status_code in {200, 302, 400}


def test_projects__own_sandboxes_and_archived_only_when_named(
    browser: Client, here: Workspace, oscar: User
) -> None:
    actor = make.actor(oscar)
    sandbox = services.open_sandbox(here, "/tmp/try.db", actor=actor)
    work.item(sandbox, "In the sand", actor=actor)
    old = services.create_project(here, actor=actor, name="Old", prefix="old")
    work.item(old, "Long ago", actor=actor)
    services.archive_project(old, actor=actor, archived=True)
    assert shown(browser, "view=all") == []
    assert shown(browser, f"project={sandbox.uid}") == ["In the sand"]
    assert shown(make.client(make.person(here, "workspace_admin")), f"project={sandbox.uid}") == []
    assert shown(browser, f"project={old.uid}") == ["Long ago"]


def test_search__by_words_and_by_key(browser: Client, here: Workspace) -> None:
    item = work.item(here, "Rotate the signing keys", description="Each quarter.")
    work.item(here, "Something else")
    assert shown(browser, "q=rotating+key&view=all") == [item.title]
    assert shown(browser, "q=quarter&view=all") == [item.title]
    assert shown(browser, f"q={item.key.upper()}&view=all") == [item.title]


def test_list__of_another_workspace__never(browser: Client, here: Workspace) -> None:
    theirs = work.item(make.workspace(), "Their secret plan")
    for query in ("queue=ready", "view=all", f"q={theirs.key}&view=all", "q=secret&view=all"):
        assert "Their secret plan" not in browser.get(f"{LIST}?{query}").content.decode()
    assert browser.get(f"{LIST}{theirs.uid}/change/").status_code == 404


def test_title__hostile__is_text(browser: Client, here: Workspace) -> None:
    title = "<img src=x onerror=alert(1)>\"'&"
    work.item(here, title, labels=[title])
    page = browser.get(f"{LIST}?queue=ready").content.decode()
    assert "<img" not in page
    assert escape(title) in page


def test_title__that_fills_a_page__is_cut_in_lists(browser: Client, here: Workspace) -> None:
    item = work.item(here, "x" * 499 + "z")
    page = browser.get(f"{LIST}?queue=ready").content.decode()
    assert "x" * 119 + "…" in page
    assert "x" * 121 not in page
    whole = browser.get(f"{LIST}{item.uid}/change/").content.decode()
    assert f'<p class="work-whole-title">{item.title}</p>' in whole  # which breaks anywhere


@pytest.mark.slow
def test_a_hundred_thousand__ten_questions_and_no_counting(
    browser: Client, here: Workspace
) -> None:
    work.item(here, "One of many", labels=["ops"])
    with connection.cursor() as cursor:
        cursor.execute(FILL, [100_000])
        cursor.execute("SELECT setval(pg_get_serial_sequence('work_item', 'id'), 900000)")
        cursor.execute("ANALYZE work_item")
    for query in ("queue=ready", "queue=mine", "queue=waiting", "queue=doing", "view=all"):
        browser.get(f"{LIST}?{query}")
        with CaptureQueriesContext(connection) as captured:
            answer = browser.get(f"{LIST}?{query}")
        asked = asked_of(captured)
        assert len(asked) <= 10, (query, asked)
    assert "more than 10,000" in browser.get(f"{LIST}?queue=ready").content.decode()
    everything: Any = browser.get(f"{LIST}?view=all")
    older = browser.get(f"{LIST}{everything.context['cl'].older}")
    first = {row.pk for row in everything.context["cl"].result_list}
    assert first.isdisjoint(row.pk for row in older.context["cl"].result_list)
    assert answer.status_code == 200
