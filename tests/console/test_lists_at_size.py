"""Lists of any size cost the same: questions are pinned, pages go by key, titles have no end."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.access import policy
from controlplane.base.models import Signal
from controlplane.base.registries import home_rows
from tests import make
from tests.console.test_own_pages import asked_of
from tests.kit import inhabited, pages

ROWS = 50_000
MOST = 10
LIST = "/admin/base/signal/"
# As many rows as an installation writes in months: the last one, again and again.
COLUMNS = [str(field.column) for field in Signal._meta.concrete_fields]
OTHER = {"id": "id + n", "uid": "gen_random_uuid()", "key": "'key ' || n"}
FILL = f"""
INSERT INTO base_signal ({", ".join(COLUMNS)})
SELECT {", ".join(OTHER.get(column, column) for column in COLUMNS)}
FROM (SELECT * FROM base_signal ORDER BY id DESC LIMIT 1) AS one, generate_series(1, %s) AS n
"""


def choose(browser: Client, world: inhabited.World) -> None:
    browser.post(reverse("access:switch_workspace"), {"workspace": world.workspace.slug})


def questions(browser: Client, *, step: int = 1) -> dict[str, int]:
    """How many every so-manieth list asks when it is opened again."""
    found = {}
    for model in list(pages.registered())[::step]:
        meta = model._meta
        url = f"/admin/{meta.app_label}/{meta.model_name}/?view=all"
        browser.get(url)
        found[meta.label] = _asked(browser, url)
        if found[meta.label] > MOST:
            # What is remembered for seconds may run out between two looks of a slow machine.
            found[meta.label] = _asked(browser, url)
    return found


def _asked(browser: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(url).status_code == 200, url
    return len(asked_of(captured))


@pytest.mark.slow
def test_every_list__warm__at_most_ten_queries(world: inhabited.World) -> None:
    everybody = make.person(world.workspace, *sorted(policy.PEOPLE))
    asked = questions(make.client(everybody))
    assert not {label: count for label, count in asked.items() if count > MOST}


@pytest.mark.slow
@pytest.mark.parametrize("chosen", [True, False])
def test_lists__of_a_superuser_in_two_workspaces__no_more(
    world: inhabited.World, chosen: bool
) -> None:
    """Whether a glass is broken, and the names that the switcher offers, cost nothing more."""
    browser = make.client(world.root)
    if chosen:
        choose(browser, world)
    asked = questions(browser, step=4)
    assert not {label: count for label, count in asked.items() if count > MOST}


@pytest.fixture
def many(world: inhabited.World) -> Client:
    with connection.cursor() as cursor:
        cursor.execute(FILL, [ROWS])
        cursor.execute("ANALYZE base_signal")
    return make.client(make.person(world.workspace, *sorted(policy.PEOPLE)))


@pytest.mark.slow
def test_fifty_thousand_rows__by_key(many: Client) -> None:
    assert Signal.objects.count() > ROWS
    many.get(f"{LIST}?view=all")
    with CaptureQueriesContext(connection) as captured:
        first = many.get(f"{LIST}?view=all")
    assert len(asked_of(captured)) <= 10
    assert not any("OFFSET" in entry["sql"] for entry in captured)
    page = first.content.decode()
    assert "about 50," in page or "more than 10,000" in page
    older = first.context["cl"].older
    second = many.get(f"{LIST}{older}")
    keys = {row.pk for row in first.context["cl"].result_list}
    assert keys.isdisjoint(row.pk for row in second.context["cl"].result_list)
    back = many.get(f"{LIST}{second.context['cl'].newer}")
    assert {row.pk for row in back.context["cl"].result_list} == keys


@pytest.mark.slow
def test_fifty_thousand_rows__home_and_search_stand(many: Client) -> None:
    many.get("/admin/")
    with CaptureQueriesContext(connection) as captured:
        assert many.get("/admin/").status_code == 200
    assert len(asked_of(captured)) <= len(list(home_rows)) + 8
    assert many.get(f"{LIST}?view=all&q=key+37777").context["cl"].result_count >= 1
