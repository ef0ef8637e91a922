"""What toolkits and safeguards say before a step is let go."""

from __future__ import annotations

from typing import Any

import pytest

from missions import services
from missions.models import Mission
from missions.services import let_go
from missions.services.dispatching import CHECKS, Asked, limit_of
from tests.kit import settled
from tests.kit.guarding import World
from tests.kit.missions import again


@settled.once
def world() -> World:
    here = World()
    assert {here.gv.ref, here.oc.ref, here.agent("inspector").ref}
    return here


@settled.once
def row(world: World) -> Mission:
    return world.settled(world.started())


def asked(row: Mission, toolkit: str = "mail", *, mutating: bool = False) -> Asked:
    run: Any = None
    return Asked(row, run, toolkit, "create_drafts", mutating, None)


def test_toolkit__as_it_was_given_and_no_further(world: World, row: Mission) -> None:
    assert "was not given" in let_go.toolkit(asked(row))
    kit = world.toolkit(row, mutating=False)
    world.inspected(kit)
    assert "was not given" in let_go.toolkit(asked(row))  # only asked for
    world.approved(kit)
    assert "not connected" in let_go.toolkit(asked(row))
    world.connected(kit)
    assert let_go.toolkit(asked(row)) == ""
    assert "reading only" in let_go.toolkit(asked(row, mutating=True))
    assert let_go.toolkit(asked(row, "")) == ""  # by hand
    assert "was not given" in let_go.toolkit(asked(row, "crm"))


def test_mission_of_another_system__was_given_its_toolkits_there(world: World) -> None:
    row = world.imported(stage="Governed Execution")
    assert "was not given" in let_go.toolkit(asked(row))  # nothing that was signed names it
    early = world.imported(stage="Toolkits & Connect")
    world.toolkit(early)
    assert "was not given" in let_go.toolkit(asked(early))


def test_safeguard__says_how_often(world: World, row: Mission) -> None:
    usual = limit_of(row, "mail")
    given: dict[str, Any] = {
        "title": "Slowly", "category": "safety", "severity": "low", "mode": "enforced",
        "justification": "Few people read.", "actor": world.agent("validator"),
    }  # fmt: skip
    slow = services.suggest_safeguard(row, params={"max_calls_per_minute": 7, "toolkit": "mail"},
                                      **given)  # fmt: skip
    assert limit_of(again(row), "mail") == usual  # nobody accepted it
    services.decide_safeguard(slow, "accepted", actor=world.gv)
    assert (limit_of(again(row), "mail"), limit_of(again(row), "crm")) == (7, usual)


@pytest.mark.parametrize("odd", ["many", True, -1, None, [1]])
def test_odd_figure__is_no_limit(world: World, row: Mission, odd: Any) -> None:
    safeguard = row.safeguards.holding().order_by("pk")[0]
    type(safeguard).objects.filter(pk=safeguard.pk).update(params={"max_calls_per_minute": odd})
    others = [each for each in row.safeguards.holding() if each.pk != safeguard.pk]
    told = [each.params.get("max_calls_per_minute") for each in others]
    expected = min([most for most in told if isinstance(most, int)], default=None)
    assert let_go.calls_a_minute(row, "mail") == expected


def test_both_are_asked_wherever_a_step_is_let_go() -> None:
    assert CHECKS["toolkit"] is let_go.toolkit
