"""Figures of safeguards: people fill in fields, agents read the names and numbers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from controlplane.lib.errors import Invalid
from missions import guard_figures as figures
from missions import services
from missions.models import Mission
from tests import make
from tests.kit import settled
from tests.kit.guarding import World


@settled.once
def world() -> World:
    return World()


@settled.once
def row(world: World) -> Mission:
    return world.started()


@settled.once
def gv(world: World) -> Client:
    return make.client(make.person(world.workspace, "governance_validator"))


def url_of(mission: Mission) -> str:
    return f"/desk/missions/{mission.uid}/safeguards/"


def change(client: Client, row: Mission, guard: Any, **given: str) -> Any:
    asked = {"title": guard.title, "severity": "medium", "mode": "hint", "reason": "Slow.",
             "version": guard.version, "description": guard.description}  # fmt: skip
    return client.post(url_of(row), {"do": "edit", "at": str(guard.uid), **asked, **given})


def test_desk__figures_are_fields__and_one_more_is_added(
    world: World, row: Mission, gv: Client
) -> None:
    guard = world.guard(row, "call-rate")
    page = gv.get(url_of(row)).content.decode()
    assert "JSON" not in page
    assert "Calls at most (calls a minute)" in page
    assert "At most 60 calls a minute" in page
    assert 'name="figure-max_calls_per_minute"' in page
    done = change(gv, row, guard, **{
        "figure-max_calls_per_minute": "9", "new_figure": "Largest discount", "new_value": "2.5",
        "new_unit": "%",
    })  # fmt: skip
    assert done.status_code == 302, done.content
    guard.refresh_from_db()
    assert guard.params == {"max_calls_per_minute": 9, "largest_discount_percent": 2.5}
    page = gv.get(url_of(row)).content.decode()
    assert "largest discount percent: 2.5; at most 9 calls a minute" in page.lower()
    change(gv, row, guard, **{"figure-max_calls_per_minute": "",
                                  "figure-largest_discount_percent": "3"})  # fmt: skip
    guard.refresh_from_db()
    assert guard.params == {"largest_discount_percent": 3}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"figure-max_calls_per_minute": "many"}, "Calls at most: a whole number."),
        ({"figure-max_calls_per_minute": "1.5"}, "Calls at most: a whole number."),
        ({"figure-max_calls_per_minute": "-1"}, "Calls at most: from 0 to 1,000,000."),
        ({"new_figure": "Longest wait"}, "say how much"),
        ({"new_value": "7"}, "say what it is called"),
        ({"new_figure": "¿?", "new_value": "7"}, "a name of letters"),
        ({"new_figure": "Max calls per minute", "new_value": "7"}, "there is one of this name"),
    ],
)
def test_desk__wrong_figure__said_beside_what_was_typed(
    world: World, row: Mission, gv: Client, given: dict[str, str], said: str
) -> None:
    guard = world.guard(row, "call-rate")
    answer = change(gv, row, guard, **given)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert said in page
    assert "field-wrong" in page
    assert all(f'value="{typed}"' in page for typed in given.values())
    guard.refresh_from_db()
    assert guard.status == "suggested"


def test_desk__stranger_and_viewer__change_no_figure(world: World, row: Mission) -> None:
    guard = world.guard(row, "call-rate")
    elsewhere = make.client(make.person(make.workspace(), "governance_validator"))
    viewer = make.client(make.person(world.workspace, "viewer"))
    asked = {"figure-max_calls_per_minute": "900"}
    assert change(elsewhere, row, guard, **asked).status_code == 404
    assert change(viewer, row, guard, **asked).status_code == 403
    guard.refresh_from_db()
    assert guard.params == {"max_calls_per_minute": 60}


def test_desk__what_only_agents_write__stays_and_is_shown(
    world: World, row: Mission, gv: Client
) -> None:
    own = {"hours": [9, 17], "strict": True, "tone": "plain"}
    guard = services.suggest_safeguard(
        row, actor=world.actor, title="Nobody is called at night", category="quality",
        justification="They asked for it.", params=own,
    )  # fmt: skip
    assert "hours: 9, 17; strict: yes; tone: plain" in (
        gv.get(url_of(row)).content.decode().lower()
    )
    done = change(gv, row, guard, **{"figure-strict": "no", "figure-tone": "warm"})
    assert done.status_code == 302
    guard.refresh_from_db()
    assert guard.params == {"hours": [9, 17], "strict": False, "tone": "warm"}


def test_given__absent_fields_change_nothing__numbers_stay_numbers() -> None:
    there = {"max_calls_per_minute": 60, "most": 1.5, "of": "mail"}
    assert figures.given({}, there, "rate") == there
    changed = figures.given({"figure-most": "-2", "figure-of": "7"}, there, "rate")
    assert changed == {"max_calls_per_minute": 60, "most": -2, "of": "7"}
    for text in ("x", "nan", "1e9", "inf"):
        with pytest.raises(Invalid):
            figures.given({"figure-most": text}, there, "rate")
    with pytest.raises(Invalid, match="from 0 to 100"):
        figures.given({"figure-minimum_percent": "101"}, {}, "data")


def test_lines__what_was_not_touched_is_as_it_was() -> None:
    there = {"hours": [9, 17], "max_calls_per_minute": 60, "on": True}
    text = figures.lines(there)
    assert figures.from_lines(text, there) == there
    assert figures.from_lines(text.replace("60", "7"), there)["max_calls_per_minute"] == 7
    assert figures.from_lines("", there) == {}
    for wrong in ("hours", "hours:", ": 7", "max calls per minute: many"):
        with pytest.raises(Invalid):
            figures.from_lines(wrong, there)
