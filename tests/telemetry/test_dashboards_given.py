"""Numbers of dashboards as files, and panels that other apps put on them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.base.registries import Panel as GivenPanel
from controlplane.base.registries import PanelAnswer, PanelQuestion, Verdict, panels
from controlplane.lib import clock
from telemetry import rollups
from telemetry.catalogue import OPERATIONS
from tests import make
from tests.kit import settled
from tests.kit.dashboards import BASE, calls, forget, panel, text, words
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_drawn() -> None:
    forget()


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def viewer(here: Workspace) -> Client:
    return make.client(make.person(here, "viewer"))


# --- Files ------------------------------------------------------------------------------------


def file(browser: Client, url: str) -> Any:
    answer = browser.get(url)
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    return answer


def test_files__say_what_the_chart_says(here: Workspace, viewer: Client) -> None:
    calls(here, 30, 10)
    url = f"{BASE}/integration-health/errors"
    told = json.loads(file(viewer, f"{url}.json?range=6h").content)
    assert told["columns"] == ["at", "Failed tool calls"]
    measured = [value for _, value in told["rows"] if value is not None]
    assert measured == [25.0]
    lines = list(csv.reader(io.StringIO(file(viewer, f"{url}.csv?range=6h").content.decode())))
    assert lines[0] == told["columns"]
    assert [(at, float(value) if value else None) for at, value in lines[1:]] == [
        (at, value) for at, value in told["rows"]
    ]
    shown = panel(text(viewer, f"{BASE}/integration-health/?range=6h"), "errors")
    table = shown.split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    cells = [words(cell) for cell in re.findall(r"<td>(.*?)</td>", table, re.DOTALL)]
    assert [cell for cell in cells if cell != "—"] == ["25 %"]
    assert len(cells) == len(told["rows"])


def test_files__figures_and_groups(here: Workspace, viewer: Client) -> None:
    calls(here, 30, 10)
    base = f"{BASE}/integration-health"
    groups = json.loads(file(viewer, f"{base}/operations.json").content)
    found = {row[0]: row[1:] for row in groups["rows"]}
    assert set(found) == set(OPERATIONS)
    assert found["COMPOSIO_SEARCH_TOOLS"] == [40.0, 75.0, 25.0]
    assert found["COMPOSIO_REMOTE_BASH_TOOL"] == [None, None, None]
    figures = json.loads(file(viewer, f"{base}/signing-in.json").content)
    assert [row[1] for row in figures["rows"] if row[0] == "OAuth failures"] == [None]


def test_files__no_formulas_of_strangers(here: Workspace, viewer: Client) -> None:
    at = clock.now() - timedelta(hours=1)
    sent = event("composio_tool_call", at=at, status="success", toolkit="=cmd|' /C calc'!A0")
    tell(here, [sent])
    rollups.settle()
    told = file(viewer, f"{BASE}/integration-health/toolkits.csv").content.decode()
    assert "'=cmd" in told
    assert "\n=cmd" not in told


# --- Panels of other apps ---------------------------------------------------------------------


@pytest.fixture
def given() -> Iterator[list[PanelQuestion]]:
    asked: list[PanelQuestion] = []

    def data(question: PanelQuestion) -> PanelAnswer:
        asked.append(question)
        return PanelAnswer(
            chart={"kind": "bar", "title": "Visits", "categories": ["a"], "series": [("n", [3])]},
            columns=["stage", "visits"],
            rows=[["define", 3]],
            verdict=Verdict("attention", "One visit is old."),
        )

    def fail(question: PanelQuestion) -> PanelAnswer:
        raise RuntimeError("not today")

    made = [
        GivenPanel(
            "mission-stages", "stage-rollup", "As the missions stand", "telemetry.view", data
        ),
        GivenPanel("broken", "stage-rollup", "Broken panel", "telemetry.view", fail),
        GivenPanel("secret", "stage-rollup", "Not for all", "telemetry.view_installation", data),
    ]
    known = dict(panels._entries)
    panels._entries.pop("mission-stages")
    for each in made:
        panels.register(each)
    yield asked
    panels._entries.clear()
    panels._entries.update(known)


def test_given_panel__takes_the_place_of_what_was_missed(
    here: Workspace, viewer: Client, given: list[PanelQuestion]
) -> None:
    page = text(viewer, f"{BASE}/stage-rollup/?range=7d&env=prod")
    shown = words(panel(page, "mission-stages"))
    assert "Not there yet" not in shown
    assert "Off target" in shown
    assert "One visit is old." in shown
    assert given[0].workspace_id == here.pk
    assert given[0].end - given[0].start == timedelta(days=7)
    assert given[0].filters == {"env": ("prod",)}
    told = json.loads(file(viewer, f"{BASE}/stage-rollup/mission-stages.json").content)
    assert told["rows"] == [["define", 3]]


@pytest.mark.usefixtures("given")
def test_given_panel__that_fails_or_is_not_for_this_person(viewer: Client) -> None:
    page = text(viewer, f"{BASE}/stage-rollup/")
    assert "This part can" in words(panel(page, "broken"))
    assert "not today" not in page
    assert "Not for all" not in page
    assert viewer.get(f"{BASE}/stage-rollup/secret.json").status_code == 404


def test_later_panel__says_what_it_waits_for(
    viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(panels._entries, "mission-stages")
    shown = words(panel(text(viewer, f"{BASE}/stage-rollup/"), "mission-stages"))
    assert "Not there yet" in shown
    assert "Missions that live in the portal" in shown
