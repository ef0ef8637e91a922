"""What holds folds away on the page of a deployment; what somebody has to see to does not."""

from __future__ import annotations

import pytest

from controlplane.lib import clock
from deployments import links
from deployments.models import Deployment, Gate
from deployments.shown import deck_gates
from tests import make
from tests.kit import settled
from tests.kit.deployments import World

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    made = World()
    made.component("agent")
    return made


@settled.once
def prepared(world: World) -> Deployment:
    return world.prepared("staging")


def group(world: World, row: Deployment, **states: int) -> deck_gates.Group:
    """One group with as many checks of each state, in the order given."""
    gates = list(row.gates.filter(phase="before").order_by("pk"))
    wanted = [state for state, number in states.items() for _ in range(number)]
    for gate, state in zip(gates, wanted, strict=False):
        gate.state = state
    told = [deck_gates.shown(gate, world.actor, "", closed=False) for gate in gates[: len(wanted)]]
    return deck_gates.Group("people", "People", told)


def test_many_that_hold__fold__what_is_open_stands_first(
    world: World, prepared: Deployment
) -> None:
    found = group(world, prepared, passed=3, not_applicable=2, waived=1, failed=1, waiting=1)
    assert [row.gate.state for row in found.seen] == ["failed", "waiting", "waived"]
    assert len(found.folded) == 5
    assert found.folded_words == "3 hold, 2 do not apply"
    assert group(world, prepared, passed=3, not_applicable=1).folded_words == (
        "3 hold, 1 does not apply"
    )


def test_few_that_hold__stay_in_sight(world: World, prepared: Deployment) -> None:
    found = group(world, prepared, passed=2, waived=3)
    assert (len(found.seen), found.folded) == (5, [])


def test_page__leads_to_each_check_whether_folded_or_not(
    world: World, prepared: Deployment
) -> None:
    prepared.gates.filter(phase="before").update(state=Gate.State.NOT_APPLICABLE, at=clock.now())
    page = make.client(world.manager).get(links.page_of(prepared)).content.decode()
    assert 'class="dk-held"' in page
    for slug in prepared.gates.filter(phase="before").values_list("slug", flat=True):
        assert page.count(f'id="check-{slug}"') == 1
